package org.tablestore.flink.sink;

import org.apache.flink.api.common.functions.Partitioner;

/** Sends each bucket to one writer, neighbouring buckets to the same (spec §16.7); the worker checks that. */
final class BucketPartitioner implements Partitioner<Integer> {
    private static final long serialVersionUID = 1L;

    private final int buckets;

    BucketPartitioner(int buckets) {
        this.buckets = buckets;
    }

    @Override
    public int partition(Integer bucket, int writers) {
        return (int) ((long) bucket * writers / buckets);
    }
}
