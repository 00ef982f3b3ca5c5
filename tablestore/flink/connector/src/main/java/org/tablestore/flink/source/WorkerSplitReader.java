package org.tablestore.flink.source;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.flink.connector.base.source.reader.RecordsWithSplitIds;
import org.apache.flink.connector.base.source.reader.splitreader.SplitReader;
import org.apache.flink.connector.base.source.reader.splitreader.SplitsAddition;
import org.apache.flink.connector.base.source.reader.splitreader.SplitsChange;
import org.tablestore.flink.TableDescription;
import org.tablestore.flink.bridge.BatchReader;
import org.tablestore.flink.bridge.Reply;
import org.tablestore.flink.bridge.Values;
import org.tablestore.flink.bridge.Worker;

/**
 * Reads all buckets of a subtask through one worker, which reads ahead by itself. One request is answered at
 * once if rows are ready, else after {@link #WAIT_MILLIS}: so long may new buckets have to wait, and no
 * longer.
 */
final class WorkerSplitReader implements SplitReader<RowSlice, BucketSplit> {
    private static final long WAIT_MILLIS = 200;

    private final TableDescription table;
    private final ScanQuery query;
    private final String task;
    private final ReaderMetrics metrics;
    private final EarlyWorker early;
    private final BatchReader batches;
    private final Map<Integer, Position> positions = new HashMap<>();
    private final List<BucketSplit> added = new ArrayList<>();
    private final List<String> paused = new ArrayList<>();
    private boolean pausedChanged;
    private volatile Worker worker;
    private volatile Thread reading;
    private volatile boolean cancelled;

    /** early: a worker to be taken, or null. */
    WorkerSplitReader(
            TableDescription table, ScanQuery query, String task, ReaderMetrics metrics, EarlyWorker early) {
        this.table = table;
        this.query = query;
        this.task = task;
        this.metrics = metrics;
        this.early = early;
        batches = new BatchReader(query.rowType());
    }

    @Override
    public RecordsWithSplitIds<RowSlice> fetch() throws IOException {
        try {
            reading = Thread.currentThread();
            if (cancelled) {
                throw new InterruptedException();
            }
            return next();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IOException("Reading was cancelled.", interrupted);
        } finally {
            reading = null;
        }
    }

    private RecordsWithSplitIds<RowSlice> next() throws IOException, InterruptedException {
        if (worker == null && early != null) {
            worker = early.take();
        }
        if (worker == null) {
            worker = start(table, query, task);
        }
        tellChanges();
        Reply reply = worker.call("next", Values.of().put("wait-millis", WAIT_MILLIS));
        Values answer = reply.values();
        RecordsWithSplitIds<RowSlice> found = SliceRecords.nothing();
        if (answer.has("bucket")) {
            int bucket = (int) answer.number("bucket");
            Position before = positions.get(bucket);
            if (before == null) {
                throw new IOException("The reader worker of " + task + " answered for bucket " + bucket
                        + ", which it was not given.");
            }
            found = SliceRecords.read(answer, reply.batch(), before, batches);
            if (found.finishedSplits().isEmpty()) {
                positions.put(bucket, SliceRecords.position(answer));
            } else {
                positions.remove(bucket);
            }
        }
        long newest = answer.number("newest");
        long next = positions.values().stream().mapToLong(Position::next).min().orElse(newest + 1);
        metrics.seen(newest, next - 1, answer.number("unread-since"));
        return found;
    }

    static Worker start(TableDescription table, ScanQuery query, String task) throws IOException, InterruptedException {
        return Worker.start(table, "reader", task, query.hello());
    }

    private void tellChanges() throws IOException, InterruptedException {
        if (!added.isEmpty()) {
            String splits = added.stream().map(WorkerSplitReader::json).collect(Collectors.joining(",", "[", "]"));
            worker.call("add", Values.of("splits", splits).put("consumer", added.get(0).consumer()));
            added.forEach(split -> positions.put(split.bucket(), split.position()));
            added.clear();
        }
        if (pausedChanged) {
            worker.call("pause", Values.of("buckets", "[" + String.join(",", paused) + "]"));
            pausedChanged = false;
        }
    }

    private static String json(BucketSplit split) {
        Position at = split.position();
        String end = split.end() == BucketSplit.UNBOUNDED ? "null" : Long.toString(split.end());
        return "{\"bucket\":" + split.bucket() + ",\"next\":" + at.next() + ",\"rows\":" + at.rows() + ",\"state\":"
                + at.state() + ",\"end\":" + end + "}";
    }

    @Override
    public void handleSplitsChanges(SplitsChange<BucketSplit> change) {
        if (!(change instanceof SplitsAddition)) {
            throw new UnsupportedOperationException("Splits can only be added, not " + change.getClass().getName());
        }
        change.splits().stream().sorted(Comparator.comparingInt(BucketSplit::bucket)).forEach(added::add);
    }

    @Override
    public void pauseOrResumeSplits(Collection<BucketSplit> toPause, Collection<BucketSplit> toResume) {
        toPause.forEach(split -> paused.add(split.splitId()));
        toResume.forEach(split -> paused.remove(split.splitId()));
        pausedChanged = true;
    }

    /** A request ends soon by itself. */
    @Override
    public void wakeUp() {}

    /**
     * Ends what another thread is doing here, and the worker, at once: a worker that hangs does not hold up
     * anybody.
     */
    void cancel() throws IOException {
        cancelled = true;
        Thread busy = reading;
        if (busy != null) {
            busy.interrupt();
        }
        close();
    }

    @Override
    public void close() throws IOException {
        Worker open = worker;
        if (early != null) {
            early.close();
        }
        if (open != null) {
            open.close();
        }
    }
}
