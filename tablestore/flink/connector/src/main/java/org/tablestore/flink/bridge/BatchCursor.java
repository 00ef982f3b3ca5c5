package org.tablestore.flink.bridge;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Takes the buffers of a batch in order, none of which reaches past its end (spec §16.5). */
final class BatchCursor {
    private static final int ROWS_MAX = 1 << 24;
    private static final int HEAD_SIZE = 8;

    private final byte[] payload;
    private final ByteBuffer view;
    private final int rows;
    private final int buffers;
    private int taken;
    private long next;

    BatchCursor(byte[] payload) throws WorkerException {
        this.payload = payload;
        view = ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
        if (payload.length < HEAD_SIZE) {
            throw bad("a batch without a head", "bad-batch");
        }
        rows = view.getInt(0);
        buffers = view.getInt(4);
        if (rows < 0 || rows > ROWS_MAX) {
            throw new WorkerException("a batch of " + (rows & 0xFFFFFFFFL) + " rows, at most " + ROWS_MAX
                    + " are possible (spec §16.5)", "LimitExceededError", "limit-exceeded", false);
        }
        next = HEAD_SIZE + 8 * (buffers & 0xFFFFFFFFL);
        if (next > payload.length) {
            throw bad("the lengths of the buffers reach past the end", "bad-batch");
        }
    }

    byte[] payload() {
        return payload;
    }

    int rows() {
        return rows;
    }

    /**
     * Where the next buffer begins, which must have exactly {@code size} bytes; -1 if it is optional and empty.
     *
     * @throws WorkerException if it has another size or reaches past the end
     */
    int take(long size, boolean optional, String name) throws WorkerException {
        if (taken == buffers) {
            throw bad("there is no buffer for " + name, "bad-batch");
        }
        long length = view.getLong(HEAD_SIZE + 8 * taken++);
        if (length == 0 && optional) {
            return -1;
        }
        if (length != size) {
            throw bad("the buffer of " + name + " has " + Long.toUnsignedString(length) + " bytes and not " + size,
                    "bad-batch");
        }
        long start = aligned(next);
        next = start + length;
        if (length > 0 && next > payload.length) {
            throw bad("the buffer of " + name + " reaches past the end", "bad-batch");
        }
        return (int) start;
    }

    /** The last of {@code count + 1} offsets, which begin with zero and never fall. */
    int checkOffsets(int start, int count, String name) throws WorkerException {
        int before = view.getInt(start);
        boolean wrong = before != 0;
        for (int index = 1; index <= count; index++) {
            int each = view.getInt(start + 4 * index);
            wrong |= each < before;
            before = each;
        }
        if (wrong) {
            throw bad("the offsets of '" + name + "' do not begin with zero and rise", "bad-batch");
        }
        return before;
    }

    /** Checks that nothing is left over. */
    void end() throws WorkerException {
        if (taken != buffers) {
            throw bad((buffers & 0xFFFFFFFFL) + " buffers and not " + taken, "bad-batch");
        }
        if (aligned(next) < payload.length) {
            throw bad("bytes are left over after the last buffer", "bad-batch");
        }
    }

    static WorkerException bad(String message, String code) {
        return new WorkerException("batch: " + message + " (spec §16.5)", "FormatError", code, false);
    }

    private static long aligned(long offset) {
        return (offset + 7) & ~7L;
    }
}
