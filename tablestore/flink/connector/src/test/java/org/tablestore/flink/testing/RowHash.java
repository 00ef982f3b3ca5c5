package org.tablestore.flink.testing;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.core.memory.MemorySegment;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.binary.BinaryStringData;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;

/**
 * 64 bits over a row's values, in an arithmetic that NumPy repeats column by column ({@code
 * benchmarks/flink_oracle.py}): integers as they are, doubles as their bits, text as the sum of byte i times
 * 31^i, null as {@link #NULL}; then {@code hash = mix(hash * 31 + value)} from left to right.
 */
final class RowHash {
    private static final long NULL = 0x5EED;

    private interface Field {
        long of(RowData row);
    }

    private final Field[] fields;

    RowHash(RowType type) {
        List<Field> found = new ArrayList<>();
        for (int index = 0; index < type.getFieldCount(); index++) {
            found.add(field(type.getTypeAt(index), index));
        }
        this.fields = found.toArray(new Field[0]);
    }

    long of(RowData row) {
        long hash = 0;
        for (Field field : fields) {
            hash = GeneratedRows.mix(hash * 31 + field.of(row));
        }
        return hash;
    }

    private static Field field(LogicalType type, int index) {
        Field value =
                switch (type.getTypeRoot()) {
                    case BIGINT -> row -> row.getLong(index);
                    case INTEGER, DATE -> row -> row.getInt(index);
                    case BOOLEAN -> row -> row.getBoolean(index) ? 1 : 0;
                    case DOUBLE -> row -> Double.doubleToLongBits(row.getDouble(index));
                    case VARCHAR, CHAR -> row -> text((BinaryStringData) row.getString(index));
                    default -> throw new IllegalArgumentException("tscount cannot hash " + type);
                };
        return row -> row.isNullAt(index) ? NULL : value.of(row);
    }

    private static long text(BinaryStringData text) {
        text.ensureMaterialized();
        MemorySegment[] segments = text.getSegments();
        int size = text.getSizeInBytes();
        long sum = 0;
        if (segments.length == 1 && !segments[0].isOffHeap()) {
            byte[] bytes = segments[0].getArray();
            int offset = text.getOffset();
            int index = offset + size;
            for (; index - 4 >= offset; index -= 4) { // four at once: one after the other each would wait for the last
                sum = sum * (31 * 31 * 31 * 31) + bytes[index - 1] * (31 * 31 * 31) + bytes[index - 2] * (31 * 31)
                        + bytes[index - 3] * 31 + bytes[index - 4];
            }
            while (--index >= offset) {
                sum = sum * 31 + bytes[index];
            }
        } else {
            for (int index = size - 1; index >= 0; index--) {
                sum = sum * 31 + text.byteAt(index);
            }
        }
        return sum;
    }
}
