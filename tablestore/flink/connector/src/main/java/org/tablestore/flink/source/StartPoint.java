package org.tablestore.flink.source;

import java.io.Serializable;

/**
 * Where a job without state starts to read, and where it ends.
 *
 * @param mode scan.startup.mode
 * @param snapshot with from-snapshot, the one after which changes are read
 * @param timestampMillis with from-timestamp, the time after which changes are read
 * @param consumer consumer-id, or null
 * @param expirationMillis after which time the table may drop the consumer, -1 for what the worker thinks fit
 * @param bounded whether reading ends at the snapshot that is the newest at the start
 */
public record StartPoint(
        String mode, long snapshot, long timestampMillis, String consumer, long expirationMillis, boolean bounded)
        implements Serializable {
    private static final long serialVersionUID = 1L;
}
