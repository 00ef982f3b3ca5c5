package org.tablestore.flink.sink;

import java.util.Objects;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.runtime.io.network.api.writer.SubtaskStateMapper;
import org.apache.flink.runtime.plugable.SerializationDelegate;
import org.apache.flink.streaming.runtime.partitioner.StreamPartitioner;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.table.data.RowData;
import org.tablestore.flink.TableDescription;
import org.tablestore.flink.key.KeyEncoder;

/**
 * Sends each bucket to one writer, neighbouring buckets to the same (spec §16.7); the worker checks that.
 *
 * <p>A partitioner of Flink's own kind, because what is given to {@code partitionCustom} cannot be used with unaligned
 * checkpoints. With those, rows that were on their way are given to all writers of a rescaled job, and each
 * keeps the ones that this partitioner would have sent to it: the writer of a row depends on nothing but its
 * key.
 */
final class BucketPartitioner extends StreamPartitioner<RowData> {
    private static final long serialVersionUID = 1L;

    private final TableDescription table;
    private transient KeyEncoder encoder;

    BucketPartitioner(TableDescription table) {
        this.table = table;
    }

    @Override
    public int selectChannel(SerializationDelegate<StreamRecord<RowData>> row) {
        if (encoder == null) {
            encoder = new KeyEncoder(table.rowType(), table.keyIndexes());
        }
        try {
            int bucket = encoder.bucket(row.getInstance().getValue(), table.buckets());
            return writerOf(bucket, table.buckets(), numberOfChannels);
        } catch (SuppressRestartsException refused) {
            throw RefusedRow.of(table, refused);
        }
    }

    /** The writer of a bucket; the worker computes the same. */
    static int writerOf(int bucket, int buckets, int writers) {
        return (int) ((long) bucket * writers / buckets);
    }

    @Override
    public StreamPartitioner<RowData> copy() {
        return new BucketPartitioner(table);
    }

    @Override
    public SubtaskStateMapper getDownstreamSubtaskStateMapper() {
        return SubtaskStateMapper.FULL;
    }

    @Override
    public boolean isPointwise() {
        return false;
    }

    @Override
    public boolean equals(Object other) {
        return super.equals(other) && table.equals(((BucketPartitioner) other).table);
    }

    @Override
    public int hashCode() {
        return Objects.hash(super.hashCode(), table);
    }

    @Override
    public String toString() {
        return "BUCKET";
    }
}
