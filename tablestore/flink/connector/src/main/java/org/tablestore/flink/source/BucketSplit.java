package org.tablestore.flink.source;

import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.tablestore.flink.bridge.WorkerException;

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

    /**
     * The split as a query goes on with it. A position within a snapshot counts rows as one query sees them:
     * another one cannot go on there.
     *
     * @throws SuppressRestartsException if the job was restored in the middle of a snapshot, with another query
     */
    BucketSplit readAs(ScanQuery other, String table) {
        String identity = other.identity();
        if (position.rows() > 0 && !query.equals(identity)) {
            throw new SuppressRestartsException(new WorkerException("The job was restored from a savepoint in"
                    + " which bucket "
                    + bucket + " of table '" + table + "' is in the middle of snapshot " + position.next()
                    + ", read as "
                    + query + "; now it is read as " + identity
                    + ". Start the job without that savepoint, or take one when the job has caught up with the table.",
                    "OtherQuery", "", false));
        }
        return new BucketSplit(bucket, position, end, consumer, identity);
    }
}
