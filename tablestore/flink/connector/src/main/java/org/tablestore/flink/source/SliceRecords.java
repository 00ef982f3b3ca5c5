package org.tablestore.flink.source;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.Set;
import org.apache.flink.connector.base.source.reader.RecordsWithSplitIds;
import org.tablestore.flink.bridge.Batch;
import org.tablestore.flink.bridge.BatchReader;
import org.tablestore.flink.bridge.Values;
import org.tablestore.flink.bridge.WorkerException;

/** One answer of the worker: slices of one bucket, or nothing. */
final class SliceRecords implements RecordsWithSplitIds<RowSlice> {
    /** So many rows are handed on without a look at anything else. */
    static final int ROWS_MAX = 1024;

    private static final SliceRecords NOTHING = new SliceRecords(null, new ArrayDeque<>(), Set.of());

    private final Queue<RowSlice> slices;
    private final Set<String> finished;
    private String split;

    private SliceRecords(String split, Queue<RowSlice> slices, Set<String> finished) {
        this.split = split;
        this.slices = slices;
        this.finished = finished;
    }

    static SliceRecords nothing() {
        return NOTHING;
    }

    /**
     * Reads an answer (spec §16.10) that names a bucket.
     *
     * @param before where the bucket was
     * @param payload its rows, or null
     * @throws WorkerException if the answer is damaged
     */
    static SliceRecords read(Values answer, byte[] payload, Position before,
            BatchReader reader) throws WorkerException {
        String split = answer.text("bucket");
        Position after = position(answer);
        ArrayDeque<RowSlice> slices = new ArrayDeque<>();
        if (payload != null) {
            cut(reader.read(payload), payload.length, answer.text("segments"), before, slices);
        }
        if (slices.isEmpty() || !slices.getLast().after().equals(after)) {
            slices.add(new RowSlice(null, 0, 0, 0, 0, after));
        }
        Set<String> finished = answer.text("over").equals("true") ? Set.of(split) : Set.of();
        return new SliceRecords(split, slices, finished);
    }

    static Position position(Values answer) throws WorkerException {
        return new Position(answer.number("next"), answer.number("rows"), answer.text("state").equals("true"));
    }

    /**
     * segments: snapshot, row behind its last one, and time, with colons between them; with commas between
     * snapshots.
     */
    private static void cut(Batch batch, long bytes, String segments, Position before, Queue<RowSlice> slices)
            throws WorkerException {
        int first = 0;
        for (String segment : segments.split(",")) {
            String[] parts = segment.split(":");
            if (parts.length != 3) {
                throw damaged(segments);
            }
            long version = number(parts[0], segments);
            long end = number(parts[1], segments);
            long millis = number(parts[2], segments);
            if (end <= first || end > batch.rows()) {
                throw damaged(segments);
            }
            long passed = version == before.next() ? before.rows() : 0;
            int start = first;
            while (first < end) {
                int last = (int) Math.min(end, first + ROWS_MAX);
                Position after = new Position(version, passed + last - start, before.state());
                slices.add(new RowSlice(batch, first, last, millis, first == 0 ? bytes : 0, after));
                first = last;
            }
        }
        if (first != batch.rows()) {
            throw damaged(segments);
        }
    }

    private static long number(String text, String segments) throws WorkerException {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException wrong) {
            throw damaged(segments);
        }
    }

    private static WorkerException damaged(String segments) {
        return new WorkerException(
                "The segments of a batch are '" + segments + "' (spec §16.10).", "FormatError", "bad-message", false);
    }

    @Override
    public String nextSplit() {
        String next = split;
        split = null;
        return next;
    }

    @Override
    public RowSlice nextRecordFromSplit() {
        return slices.poll();
    }

    @Override
    public Set<String> finishedSplits() {
        return finished;
    }
}
