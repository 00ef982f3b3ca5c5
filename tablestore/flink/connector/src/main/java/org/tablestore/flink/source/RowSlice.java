package org.tablestore.flink.source;

import org.tablestore.flink.bridge.Batch;

/**
 * Some rows of a bucket, all of one snapshot, and where the bucket is after them. Between two slices a
 * checkpoint may come.
 *
 * @param batch null if there are no rows: the bucket only moved on
 * @param first index of the first row in the batch
 * @param last index behind the last row
 * @param millis when the snapshot was published
 * @param bytes of the batch that came with this slice: all with its first, for metrics
 */
record RowSlice(Batch batch, int first, int last, long millis, long bytes, Position after) {}
