package org.tablestore.flink.testing;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.table.data.RowData;

/** Emits the rows of its splits in turns of {@link #TURN} rows, as fast as asked or at a steady rate. */
final class GeneratorReader implements SourceReader<RowData, GeneratorSplit> {
    private static final int TURN = 64;
    private static final long PAUSE_MILLIS = 5;
    private static final long STEPS_BEHIND_GATE = 100;

    private final GeneratedRows rows;
    private final long stepsOfSplit;
    private final double rowsPerSecondOfSplit;
    private final String gate;
    private final Deque<Progress> splits = new ArrayDeque<>();
    private CompletableFuture<Void> available = new CompletableFuture<>();
    private boolean complete;

    /**
     * @param stepsOfSplit rows of each split
     * @param rowsPerSecond of all splits together; 0 means without a limit
     * @param gate a file: once it exists there is no limit any more, and until then the last rows of each split wait;
     *     none if empty
     */
    GeneratorReader(GeneratedRows rows, long stepsOfSplit, double rowsPerSecond, String gate) {
        this.rows = rows;
        this.gate = gate;
        this.stepsOfSplit = stepsOfSplit;
        this.rowsPerSecondOfSplit = rowsPerSecond / rows.splits();
    }

    @Override
    public void start() {}

    @Override
    public InputStatus pollNext(ReaderOutput<RowData> output) {
        for (int tried = splits.size(); tried > 0; tried--) {
            Progress split = splits.removeFirst();
            if (split.next >= stepsOfSplit) {
                continue;
            }
            splits.addLast(split);
            long end = Math.min(allowed(split), split.next + TURN);
            if (split.next < end) {
                while (split.next < end) {
                    output.collect(rows.row(split.number, split.next++));
                }
                return InputStatus.MORE_AVAILABLE;
            }
        }
        if (splits.isEmpty() && complete) {
            return InputStatus.END_OF_INPUT;
        }
        available = splits.isEmpty()
                ? new CompletableFuture<>()
                : new CompletableFuture<Void>().completeOnTimeout(null, PAUSE_MILLIS, TimeUnit.MILLISECONDS);
        return InputStatus.NOTHING_AVAILABLE;
    }

    private long allowed(Progress split) {
        if (!gate.isEmpty() && Files.exists(Path.of(gate))) {
            return stepsOfSplit;
        }
        long most = gate.isEmpty() ? stepsOfSplit : stepsOfSplit - STEPS_BEHIND_GATE;
        if (rowsPerSecondOfSplit <= 0) {
            return most;
        }
        double seconds = (System.nanoTime() - split.started) / 1e9;
        return Math.min(most, split.first + (long) (seconds * rowsPerSecondOfSplit));
    }

    @Override
    public List<GeneratorSplit> snapshotState(long checkpoint) {
        List<GeneratorSplit> state = new ArrayList<>();
        splits.forEach(split -> state.add(new GeneratorSplit(split.number, split.next)));
        return state;
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
        return splits.isEmpty() && complete ? CompletableFuture.completedFuture(null) : available;
    }

    @Override
    public void addSplits(List<GeneratorSplit> added) {
        added.forEach(split -> splits.addLast(new Progress(split)));
        available.complete(null);
    }

    @Override
    public void notifyNoMoreSplits() {
        complete = true;
        available.complete(null);
    }

    @Override
    public void close() {}

    private static final class Progress {
        final int number;
        final long first;
        final long started = System.nanoTime();
        long next;

        Progress(GeneratorSplit split) {
            number = split.number();
            first = split.next();
            next = first;
        }
    }
}
