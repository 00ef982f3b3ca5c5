package org.tablestore.flink.source;

import org.apache.flink.api.connector.source.SourceOutput;
import org.apache.flink.connector.base.source.reader.RecordEmitter;
import org.apache.flink.table.data.RowData;
import org.tablestore.flink.bridge.Batch;

/** Hands the rows of a slice on, and then moves the position of its bucket. */
final class SliceEmitter implements RecordEmitter<RowSlice, RowData, BucketSplitState> {
    private final ReaderMetrics metrics;

    SliceEmitter(ReaderMetrics metrics) {
        this.metrics = metrics;
    }

    @Override
    public void emitRecord(RowSlice slice, SourceOutput<RowData> output, BucketSplitState state) {
        Batch batch = slice.batch();
        long millis = slice.millis();
        for (int index = slice.first(); index < slice.last(); index++) {
            output.collect(batch.row(index), millis);
        }
        state.moveTo(slice.after());
        metrics.handedOn(slice.last() - slice.first(), slice.bytes());
    }
}
