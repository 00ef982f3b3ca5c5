package org.tablestore.flink.source;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.connector.source.SplitsAssignment;
import org.apache.flink.util.FlinkRuntimeException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tablestore.flink.TableDescription;

/**
 * Decides once where reading starts, hands out the buckets, and keeps the snapshots that a restore from the
 * last complete checkpoint would need. Readers find new snapshots by themselves.
 */
final class BucketEnumerator implements SplitEnumerator<BucketSplit, EnumeratorState> {
    private static final Logger LOG = LoggerFactory.getLogger(BucketEnumerator.class);
    private static final long KEEP_MILLIS_MAX = 60_000;

    private final SplitEnumeratorContext<BucketSplit> context;
    private final TableDescription table;
    private final StartPoint start;
    private final ScanQuery query;
    private final String consumer;
    private final Map<Integer, Position> positions;
    private final NavigableMap<Integer, BucketSplit> waiting = new TreeMap<>();
    private final Set<Integer> asking = new HashSet<>();
    private final NavigableMap<Long, Map<Integer, Position>> reports = new TreeMap<>();
    private final Set<Integer> over = new HashSet<>();
    private boolean started;
    private boolean ready;
    private Position kept;
    private volatile long newest;
    private volatile Planner planner;

    BucketEnumerator(
            SplitEnumeratorContext<BucketSplit> context,
            TableDescription table,
            StartPoint start,
            ScanQuery query,
            EnumeratorState state) {
        this.context = context;
        this.table = table;
        this.start = start;
        this.query = query;
        consumer = state.consumer();
        started = state.started();
        positions = new HashMap<>(state.positions());
        state.waiting().forEach(split -> waiting.put(split.bucket(), split));
    }

    @Override
    public void start() {
        Position least = least();
        boolean over = started && least == null;
        context.callAsync(() -> over ? null : open(least), this::opened);
    }

    /** In the background: starts the planner. */
    private Planner.Plan open(Position least) throws Exception {
        planner = Planner.open(table, consumer, start.expirationMillis());
        return least == null ? planner.start(start) : planner.resume(least);
    }

    private void opened(Planner.Plan plan, Throwable error) {
        check(error, "Reading table '" + table.name() + "' could not start.");
        if (plan != null && !started) {
            long end = start.bounded() ? plan.newest() : BucketSplit.UNBOUNDED;
            for (int bucket = 0; bucket < plan.buckets(); bucket++) {
                positions.put(bucket, plan.start());
                waiting.put(bucket, new BucketSplit(bucket, plan.start(), end, consumer, query.identity()));
            }
            LOG.info("Reading {} from snapshot {}{}, kept by consumer {}", table.path(), plan.start().next(),
                    plan.start().state() ? " with its state" : "", consumer);
        }
        started = true;
        ready = true;
        if (plan != null) {
            newest = plan.newest();
            kept = least();
            if (context.metricGroup() != null) {
                context.metricGroup().gauge("newestSnapshot", () -> newest);
            }
            long expiration = start.expirationMillis();
            long period = expiration < 0 ? KEEP_MILLIS_MAX : Math.max(100, Math.min(KEEP_MILLIS_MAX, expiration / 6));
            context.callAsync(this::keep, this::told, period, period);
        }
        context.registeredReaders().keySet().forEach(this::serve);
    }

    /** In the background. */
    private Long keep() throws Exception {
        Position least = kept;
        return least == null ? newest : planner.keep(least);
    }

    private void told(Long found, Throwable error) {
        check(error, "The snapshots that reading table '" + table.name() + "' needs could not be kept.");
        newest = found;
    }

    private static void check(Throwable error, String message) {
        if (error != null) {
            throw new FlinkRuntimeException(message, error);
        }
    }

    @Override
    public void handleSplitRequest(int subtask, String host) {
        asking.add(subtask);
        serve(subtask);
    }

    @Override
    public void addReader(int subtask) {
        serve(subtask);
    }

    @Override
    public void addSplitsBack(List<BucketSplit> splits, int subtask) {
        splits.forEach(split -> {
            waiting.put(split.bucket(), split);
            over.remove(split.bucket());
        });
        asking.remove(subtask);
        if (context.registeredReaders().containsKey(subtask)) {
            serve(subtask);
        }
    }

    /**
     * Gives a reader the waiting buckets that are its own, and tells it that no more come if it does not need
     * to wait.
     */
    private void serve(int subtask) {
        if (!ready || !context.registeredReaders().containsKey(subtask)) {
            return;
        }
        List<BucketSplit> own = new ArrayList<>();
        for (Iterator<BucketSplit> each = waiting.values().iterator(); each.hasNext(); ) {
            BucketSplit split = each.next();
            if (split.bucket() % context.currentParallelism() == subtask) {
                own.add(split);
                each.remove();
            }
        }
        boolean asked = asking.remove(subtask);
        if (!own.isEmpty()) {
            context.assignSplits(new SplitsAssignment<>(Map.of(subtask, own)));
        }
        if (start.bounded() || (asked && own.isEmpty())) {
            context.signalNoMoreSplits(subtask);
        }
    }

    @Override
    public void handleSourceEvent(int subtask, SourceEvent event) {
        PositionsEvent told = (PositionsEvent) event;
        told.positions().forEach((bucket, position) -> {
            if (position == null) {
                over.add(bucket);
            }
        });
        reports.computeIfAbsent(told.checkpoint(), number -> new HashMap<>()).putAll(told.positions());
    }

    @Override
    public void notifyCheckpointComplete(long checkpoint) {
        Map<Long, Map<Integer, Position>> complete = reports.headMap(checkpoint, true);
        for (Map<Integer, Position> report : complete.values()) {
            report.forEach((bucket, position) -> {
                if (position == null) {
                    positions.remove(bucket);
                } else {
                    positions.put(bucket, position);
                }
            });
        }
        complete.clear();
        Position least = least();
        if (planner != null && least != null && !least.equals(kept)) {
            kept = least;
            context.callAsync(this::keep, this::told);
        }
    }

    /** The least position of all buckets; null before the start, and when all are over. */
    private Position least() {
        return least(positions.values());
    }

    static Position least(Collection<Position> positions) {
        return positions.stream().min(Position::compareTo).map(Position::whole).orElse(null);
    }

    @Override
    public EnumeratorState snapshotState(long checkpoint) {
        return new EnumeratorState(consumer, started, Map.copyOf(positions), List.copyOf(waiting.values()));
    }

    @Override
    public void close() throws IOException {
        Planner open = planner;
        if (open == null) {
            return;
        }
        try (open) {
            if (kept != null && over.containsAll(positions.keySet())) {
                open.finish(kept);
            }
        } catch (InterruptedException cancelled) {
            Thread.currentThread().interrupt();
        }
    }
}
