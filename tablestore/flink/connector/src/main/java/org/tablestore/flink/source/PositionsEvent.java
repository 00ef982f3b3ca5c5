package org.tablestore.flink.source;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.connector.source.SourceEvent;

/**
 * A reader tells the enumerator where its buckets are in a checkpoint: when that is complete, older snapshots
 * are no longer needed.
 *
 * @param checkpoint {@link #NONE}: the buckets are over, and no checkpoint says so yet
 * @param positions by bucket; null for a bucket that is over
 */
record PositionsEvent(long checkpoint, HashMap<Integer, Position> positions) implements SourceEvent {
    static final long NONE = Long.MAX_VALUE;

    private static final long serialVersionUID = 1L;

    static PositionsEvent of(long checkpoint, Map<Integer, Position> positions) {
        return new PositionsEvent(checkpoint, new HashMap<>(positions));
    }
}
