package org.tablestore.flink.source;

import java.io.IOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.connector.base.source.reader.SingleThreadMultiplexSourceReaderBase;
import org.apache.flink.table.data.RowData;
import org.tablestore.flink.TableDescription;

/** A subtask of the source. */
@SuppressWarnings("try") // close of the interface may be interrupted
final class TableStoreSourceReader
        extends SingleThreadMultiplexSourceReaderBase<RowSlice, RowData, BucketSplit, BucketSplitState> {
    private final TableDescription table;
    private final ScanQuery query;
    private final AtomicReference<WorkerSplitReader> current;
    private final AtomicReference<EarlyWorker> early;
    private final Set<Integer> over = new HashSet<>();

    private TableStoreSourceReader(
            SourceReaderContext context,
            TableDescription table,
            ScanQuery query,
            ReaderMetrics metrics,
            AtomicReference<WorkerSplitReader> current,
            AtomicReference<EarlyWorker> early) {
        super(
                () -> current.updateAndGet(before ->
                        new WorkerSplitReader(table, query, task(table, context), metrics, early.getAndSet(null))),
                new SliceEmitter(metrics),
                context.getConfiguration(),
                context);
        this.table = table;
        this.query = query;
        this.current = current;
        this.early = early;
    }

    static TableStoreSourceReader create(SourceReaderContext context, TableDescription table, ScanQuery query) {
        ReaderMetrics metrics = new ReaderMetrics(context.metricGroup());
        return new TableStoreSourceReader(
                context, table, query, metrics, new AtomicReference<>(), new AtomicReference<>());
    }

    private static String task(TableDescription table, SourceReaderContext context) {
        return table.name() + "[" + (context.getIndexOfSubtask() + 1) + "/" + context.currentParallelism() + "]";
    }

    @Override
    public void start() {
        if (getNumberOfCurrentlyAssignedSplits() == 0) {
            if (context.getIndexOfSubtask() < table.buckets()) {
                String task = task(table, context);
                early.set(new EarlyWorker(task, () -> WorkerSplitReader.start(table, query, task)));
            }
            context.sendSplitRequest();
        }
    }

    @Override
    public void addSplits(List<BucketSplit> splits) {
        super.addSplits(splits.stream().map(split -> split.readAs(query, table.name())).toList());
    }

    @Override
    public List<BucketSplit> snapshotState(long checkpoint) {
        List<BucketSplit> splits = super.snapshotState(checkpoint);
        Map<Integer, Position> positions = new HashMap<>();
        over.forEach(bucket -> positions.put(bucket, null));
        splits.forEach(split -> positions.put(split.bucket(), split.position().whole()));
        context.sendSourceEventToCoordinator(PositionsEvent.of(checkpoint, positions));
        return splits;
    }

    @Override
    protected void onSplitFinished(Map<String, BucketSplitState> finished) {
        Map<Integer, Position> positions = new HashMap<>();
        finished.values().forEach(state -> positions.put(state.split().bucket(), null));
        over.addAll(positions.keySet());
        context.sendSourceEventToCoordinator(PositionsEvent.of(PositionsEvent.NONE, positions));
    }

    @Override
    protected BucketSplitState initializedState(BucketSplit split) {
        return new BucketSplitState(split);
    }

    @Override
    protected BucketSplit toSplitType(String splitId, BucketSplitState state) {
        return state.split();
    }

    @Override
    public void close() throws Exception {
        WorkerSplitReader reader = current.get();
        EarlyWorker unused = early.get();
        try {
            if (unused != null) {
                unused.close();
            }
            if (reader != null) {
                reader.cancel();
            }
        } catch (IOException error) {
            super.close();
            throw error;
        }
        super.close();
    }
}
