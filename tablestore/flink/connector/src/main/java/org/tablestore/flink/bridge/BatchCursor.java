package org.tablestore.flink.bridge;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.apache.flink.core.memory.MemorySegment;
import org.apache.flink.core.memory.MemorySegmentFactory;

/** The buffers of a batch in order, none of which reaches past its end (spec §16.5). */
final class BatchCursor {
    private static final int ROWS_MAX = 1 << 24;
    private static final int HEAD_SIZE = 8;
    private static final int ALIGNMENT = 8;

    private final byte[] payload;
    private final MemorySegment[] whole;
    private final int rows;
    private final int[] starts;
    private final int[] lengths;
    private int taken;

    /**
     * Finds the buffers of a payload.
     *
     * @param buffers how many there have to be
     */
    BatchCursor(byte[] payload, int buffers) throws WorkerException {
        this.payload = payload;
        whole = new MemorySegment[] {MemorySegmentFactory.wrap(payload)};
        ByteBuffer view = ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
        if (payload.length < HEAD_SIZE) {
            throw bad("truncated", "a batch without a head");
        }
        rows = view.getInt(0);
        long count = view.getInt(4) & 0xFFFFFFFFL;
        if (rows < 0 || rows > ROWS_MAX) {
            throw bad("limit-exceeded", "a batch of " + (rows & 0xFFFFFFFFL) + " rows, at most " + ROWS_MAX
                    + " are possible");
        }
        if (count != buffers) {
            throw bad("count-mismatch", count + " buffers, the columns have " + buffers);
        }
        if (HEAD_SIZE + 8 * count > payload.length) {
            throw bad("truncated", "the lengths of " + count + " buffers reach past the end");
        }
        starts = new int[buffers];
        lengths = new int[buffers];
        long end = HEAD_SIZE + 8 * count;
        for (int index = 0; index < buffers; index++) {
            long length = view.getLong(HEAD_SIZE + 8 * index);
            long start = (end + ALIGNMENT - 1) & -ALIGNMENT;
            if (length != 0 && (length < 0 || length > payload.length - start)) {
                throw bad("offset-out-of-range", "a buffer reaches past the end");
            }
            starts[index] = (int) start;
            lengths[index] = (int) length;
            end = start + length;
        }
        if (payload.length - end >= ALIGNMENT) {
            throw bad("trailing-bytes", "bytes are left over after the last buffer");
        }
    }

    byte[] payload() {
        return payload;
    }

    /** The payload as one segment of Flink's. */
    MemorySegment[] whole() {
        return whole;
    }

    int rows() {
        return rows;
    }

    /** Where the next buffer begins, which must have exactly {@code size} bytes. */
    int take(long size, String name) throws WorkerException {
        int index = taken++;
        if (lengths[index] != size) {
            throw bad("size-mismatch", "the buffer of '" + name + "' has " + lengths[index] + " bytes and not " + size);
        }
        return starts[index];
    }

    /** The same of a buffer that may be left out; -1 if it is. */
    int takeOptional(long size, String name) throws WorkerException {
        if (lengths[taken] > 0) {
            return take(size, name);
        }
        taken++;
        return -1;
    }

    static WorkerException bad(String code, String message) {
        String errorClass = code.equals("limit-exceeded") ? "LimitExceededError" : "FormatError";
        return new WorkerException("batch: " + message + " (spec §16.5, " + code + ")", errorClass, code, false);
    }
}
