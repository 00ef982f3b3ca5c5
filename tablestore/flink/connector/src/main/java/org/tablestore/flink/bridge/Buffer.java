package org.tablestore.flink.bridge;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.apache.flink.core.memory.MemorySegment;
import org.apache.flink.table.api.TableException;

/** Bytes that grow at their end, little-endian. It keeps its memory when it is cleared. */
final class Buffer {
    private static final VarHandle SHORT =
            MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    /** Payloads end here (spec §16.2), so no buffer of one can be longer. */
    static final int SIZE_MAX = 256 << 20;

    private byte[] data;
    private int size;

    Buffer(int capacity) {
        data = new byte[capacity];
    }

    byte[] data() {
        return data;
    }

    int size() {
        return size;
    }

    void clear() {
        size = 0;
    }

    byte[] copy() {
        return Arrays.copyOf(data, size);
    }

    void putByte(int value) {
        reserve(1);
        data[size++] = (byte) value;
    }

    void putShort(short value) {
        reserve(2);
        SHORT.set(data, size, value);
        size += 2;
    }

    void putInt(int value) {
        reserve(4);
        INT.set(data, size, value);
        size += 4;
    }

    void putLong(long value) {
        reserve(8);
        LONG.set(data, size, value);
        size += 8;
    }

    void put(byte[] from, int start, int length) {
        reserve(length);
        System.arraycopy(from, start, data, size, length);
        size += length;
    }

    void put(MemorySegment from, int start, int length) {
        reserve(length);
        from.get(start, data, size, length);
        size += length;
    }

    /** Appends {@code length} bytes of one value. */
    void fill(int value, int length) {
        reserve(length);
        Arrays.fill(data, size, size + length, (byte) value);
        size += length;
    }

    void setByte(int at, int value) {
        data[at] = (byte) value;
    }

    private void reserve(int more) {
        if (data.length - size < more) {
            grow(more);
        }
    }

    private void grow(int more) {
        if (more > SIZE_MAX - size) {
            throw new TableException("A row makes a column of more than " + (SIZE_MAX >> 20)
                    + " MiB in one batch, the most that can be sent to the Python worker.");
        }
        data = Arrays.copyOf(data, Math.min(SIZE_MAX, Math.max(2 * data.length, size + more)));
    }
}
