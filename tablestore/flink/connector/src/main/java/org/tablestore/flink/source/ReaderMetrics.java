package org.tablestore.flink.source;

import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.groups.SourceReaderMetricGroup;

/** What a reader counts: rows and bytes in Flink's own counters, and how far behind the table it is. */
final class ReaderMetrics {
    private final Counter rows;
    private final Counter bytes;
    private volatile long newest;
    private volatile long read;
    private volatile long unreadSince;

    ReaderMetrics(SourceReaderMetricGroup group) {
        rows = group.getIOMetricGroup().getNumRecordsInCounter();
        bytes = group.getIOMetricGroup().getNumBytesInCounter();
        group.gauge("newestSnapshot", () -> newest);
        group.gauge("snapshotsBehind", () -> Math.max(0, newest - read));
        group.gauge("millisBehind", this::millisBehind);
    }

    /**
     * The worker's view of the table.
     *
     * @param newestSnapshot that there is
     * @param readSnapshot the last that was received whole, by all buckets
     * @param since when the first was published that was not received whole; 0 if all were
     */
    void seen(long newestSnapshot, long readSnapshot, long since) {
        newest = newestSnapshot;
        read = readSnapshot;
        unreadSince = since;
    }

    /** Flink counts one record for each call of the emitter. */
    void handedOn(int count, long size) {
        rows.inc(count - 1);
        bytes.inc(size);
    }

    private long millisBehind() {
        long since = unreadSince;
        return since == 0 ? 0 : Math.max(0, System.currentTimeMillis() - since);
    }
}
