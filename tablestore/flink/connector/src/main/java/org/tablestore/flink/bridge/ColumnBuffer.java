package org.tablestore.flink.bridge;

import java.util.List;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.BinaryType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.RowType;

/** The values of one column of a batch, or of the elements of a nested one, as they are sent (spec §16.5). */
abstract class ColumnBuffer {
    private final Buffer validity = new Buffer(64);
    private int rows;
    private boolean hasNulls;

    /** A buffer for a type that {@link TypeMapping} accepts; {@code column} is named in errors. */
    static ColumnBuffer of(LogicalType type, String column, Size size) {
        return switch (type.getTypeRoot()) {
            case BOOLEAN -> new PlainColumns.Booleans();
            case TINYINT -> new PlainColumns.Bytes();
            case SMALLINT -> new PlainColumns.Shorts();
            case INTEGER, DATE, TIME_WITHOUT_TIME_ZONE -> new PlainColumns.Ints();
            case BIGINT -> new PlainColumns.Longs();
            case FLOAT -> new PlainColumns.Floats();
            case DOUBLE -> new PlainColumns.Doubles();
            case DECIMAL -> new PlainColumns.Decimals(type);
            case TIMESTAMP_WITHOUT_TIME_ZONE, TIMESTAMP_WITH_LOCAL_TIME_ZONE ->
                    new PlainColumns.Timestamps(type, column);
            case CHAR, VARCHAR -> new VariableColumns.Strings(size);
            case VARBINARY -> new VariableColumns.Binaries(size);
            case BINARY -> new VariableColumns.FixedBinaries(((BinaryType) type).getLength(), column);
            case ARRAY -> new NestedColumns.Lists((ArrayType) type, column, size);
            case MAP -> new NestedColumns.Maps((MapType) type, column, size);
            default -> new NestedColumns.Structs((RowType) type, column, size);
        };
    }

    /** Bytes of variable length in a batch, counted while rows are added. */
    static final class Size {
        long bytes;
    }

    final void add(RowData row, int position) {
        if (row.isNullAt(position)) {
            addNull();
        } else {
            mark(true);
            put(row, position);
        }
    }

    final void add(ArrayData array, int position) {
        if (array.isNullAt(position)) {
            addNull();
        } else {
            mark(true);
            put(array, position);
        }
    }

    final void addNull() {
        mark(false);
        putNull();
    }

    final int rows() {
        return rows;
    }

    /** The buffers of this column and its children in the order in which they are sent. */
    final void collect(List<Buffer> buffers) {
        if (!hasNulls) {
            validity.clear();
        }
        buffers.add(validity);
        collectValues(buffers);
    }

    final void clear() {
        validity.clear();
        rows = 0;
        hasNulls = false;
        clearValues();
    }

    /** Fixed bytes that one value takes, in bits rounded up to bytes; what is variable counts itself in Size. */
    abstract int width();

    abstract void put(RowData row, int position);

    abstract void put(ArrayData array, int position);

    /** Keeps the place of a null. */
    abstract void putNull();

    abstract void collectValues(List<Buffer> buffers);

    abstract void clearValues();

    /** Counts a value; the bitmap exists from the first null on. */
    private void mark(boolean valid) {
        if (!valid && !hasNulls) {
            hasNulls = true;
            validity.clear();
            validity.fill(0xFF, rows >> 3);
            validity.putByte((1 << (rows & 7)) - 1);
        } else if (hasNulls) {
            setBit(validity, rows, valid);
        }
        rows++;
    }

    /** Sets the bit after the last one of a bitmap. */
    static void setBit(Buffer bitmap, int bit, boolean value) {
        if ((bit & 7) == 0) {
            bitmap.putByte(value ? 1 : 0);
        } else if (value) {
            bitmap.setByte(bit >> 3, bitmap.data()[bit >> 3] | 1 << (bit & 7));
        }
    }
}
