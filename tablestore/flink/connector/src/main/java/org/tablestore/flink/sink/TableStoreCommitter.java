package org.tablestore.flink.sink;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.api.connector.sink2.CommitterInitContext;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.groups.SinkCommitterMetricGroup;
import org.tablestore.flink.TableDescription;
import org.tablestore.flink.bridge.Values;
import org.tablestore.flink.bridge.Worker;

/**
 * Publishes each committable as one snapshot (spec §16.8). Flink asks for it when the checkpoint is complete, and again
 * after every restore: a commit that is in the table already is not made twice. Only one subtask ever has
 * something to do; only that one has workers.
 */
final class TableStoreCommitter implements Committer<Committable> {
    private final TableDescription table;
    private final long restored;
    private final SinkCommitterMetricGroup metrics;
    private final Counter rows;
    private String triedSink;
    private long tried;
    private Worker worker;
    private CompactionWorker compaction;
    private volatile long commitMillis;
    private volatile long snapshot;
    private volatile long backlog;
    private volatile long runs;

    TableStoreCommitter(TableDescription table, CommitterInitContext context) {
        this.table = table;
        restored = context.getRestoredCheckpointId().orElse(-1);
        metrics = context.metricGroup();
        rows = metrics.counter("numRecordsCommitted");
        metrics.gauge("lastCommitTimeMs", () -> commitMillis);
        metrics.gauge("lastCommittedSnapshot", () -> snapshot);
        metrics.gauge("compactionBacklog", () -> backlog);
        metrics.gauge("sortedRunsMax", () -> runs);
    }

    @Override
    public void commit(Collection<CommitRequest<Committable>> requests) throws IOException, InterruptedException {
        List<CommitRequest<Committable>> ordered = new ArrayList<>(requests);
        ordered.sort(Comparator.comparingLong(request -> request.getCommittable().checkpoint()));
        for (CommitRequest<Committable> request : ordered) {
            commit(request);
        }
    }

    private void commit(CommitRequest<Committable> request) throws IOException, InterruptedException {
        Committable committable = request.getCommittable();
        long checkpoint = committable.checkpoint();
        boolean again = checkpoint == tried && committable.sinkId().equals(triedSink);
        tried = checkpoint;
        triedSink = committable.sinkId();
        if (worker == null) {
            worker = Worker.start(table, "committer", table.name(), Map.of());
        }
        Values values = Values.of("sink", committable.sinkId())
                .put("checkpoint", checkpoint)
                .put("replay", Boolean.toString(isReplay(checkpoint, restored, again)))
                .put("parts", committable.documents().size());
        for (int index = 0; index < committable.documents().size(); index++) {
            values.put("part-" + index, committable.documents().get(index));
        }
        long started = System.nanoTime();
        Values reply = worker.call("commit", values).values();
        commitMillis = (System.nanoTime() - started) / 1_000_000;
        snapshot = reply.number("version");
        boolean counted = reply.has("backlog"); // not for very large tables
        backlog = counted ? reply.number("backlog") : backlog;
        runs = counted ? reply.number("runs") : runs;
        if (compaction == null && reply.text("compaction").equals("auto") && (backlog > 0 || !counted)) {
            compaction = new CompactionWorker(table, metrics);
        }
        if (reply.text("outcome").equals("known")) {
            request.signalAlreadyCommitted();
        } else {
            rows.inc(reply.number("rows"));
        }
    }

    /** Whether Flink may have asked for a commit before: only then may it be in the table (spec §16.8). */
    static boolean isReplay(long checkpoint, long restored, boolean again) {
        return again || checkpoint <= restored;
    }

    @Override
    public void close() throws IOException {
        if (compaction != null) {
            compaction.end();
        }
        if (worker != null) {
            worker.close();
        }
    }
}
