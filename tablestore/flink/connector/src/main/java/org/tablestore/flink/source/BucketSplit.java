package org.tablestore.flink.source;

import org.apache.flink.api.connector.source.SourceSplit;

/**
 * A bucket of the table, which one reader at a time reads from a position on.
 *
 * @param end the last snapshot, -1 for none
 * @param consumer under which name the table keeps the snapshots that come next
 * @param query what is read ({@link ScanQuery#identity}): rows of a position are counted as this query sees them
 */
record BucketSplit(int bucket, Position position, long end, String consumer, String query) implements SourceSplit {
    /** No end. */
    static final long UNBOUNDED = -1;

    @Override
    public String splitId() {
        return Integer.toString(bucket);
    }

    BucketSplit at(Position other) {
        return new BucketSplit(bucket, other, end, consumer, query);
    }
}
