package org.tablestore.flink.bridge;

import java.util.List;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;

/** Columns whose values all have the same size. */
final class PlainColumns {
    private PlainColumns() {}

    private abstract static class Plain extends ColumnBuffer {
        final Buffer values = new Buffer(1024);
        private final int width;

        Plain(int width) {
            this.width = width;
        }

        @Override
        final int width() {
            return width;
        }

        @Override
        void putNull() {
            values.fill(0, width);
        }

        @Override
        final void collectValues(List<Buffer> buffers) {
            buffers.add(values);
        }

        @Override
        final void clearValues() {
            values.clear();
        }
    }

    static final class Booleans extends Plain {
        Booleans() {
            super(1);
        }

        @Override
        void put(RowData row, int position) {
            setBit(values, rows() - 1, row.getBoolean(position));
        }

        @Override
        void put(ArrayData array, int position) {
            setBit(values, rows() - 1, array.getBoolean(position));
        }

        @Override
        void putNull() {
            setBit(values, rows() - 1, false);
        }
    }

    static final class Bytes extends Plain {
        Bytes() {
            super(1);
        }

        @Override
        void put(RowData row, int position) {
            values.putByte(row.getByte(position));
        }

        @Override
        void put(ArrayData array, int position) {
            values.putByte(array.getByte(position));
        }
    }

    static final class Shorts extends Plain {
        Shorts() {
            super(2);
        }

        @Override
        void put(RowData row, int position) {
            values.putShort(row.getShort(position));
        }

        @Override
        void put(ArrayData array, int position) {
            values.putShort(array.getShort(position));
        }
    }

    static final class Ints extends Plain {
        Ints() {
            super(4);
        }

        @Override
        void put(RowData row, int position) {
            values.putInt(row.getInt(position));
        }

        @Override
        void put(ArrayData array, int position) {
            values.putInt(array.getInt(position));
        }
    }

    static final class Longs extends Plain {
        Longs() {
            super(8);
        }

        @Override
        void put(RowData row, int position) {
            values.putLong(row.getLong(position));
        }

        @Override
        void put(ArrayData array, int position) {
            values.putLong(array.getLong(position));
        }
    }

    static final class Floats extends Plain {
        Floats() {
            super(4);
        }

        @Override
        void put(RowData row, int position) {
            values.putInt(Float.floatToRawIntBits(row.getFloat(position)));
        }

        @Override
        void put(ArrayData array, int position) {
            values.putInt(Float.floatToRawIntBits(array.getFloat(position)));
        }
    }

    static final class Doubles extends Plain {
        Doubles() {
            super(8);
        }

        @Override
        void put(RowData row, int position) {
            values.putLong(Double.doubleToRawLongBits(row.getDouble(position)));
        }

        @Override
        void put(ArrayData array, int position) {
            values.putLong(Double.doubleToRawLongBits(array.getDouble(position)));
        }
    }

    static final class Timestamps extends Plain {
        private final int precision;
        private final TimeUnits unit;
        private final String column;

        Timestamps(LogicalType type, String column) {
            super(8);
            precision = LogicalTypeChecks.getPrecision(type);
            unit = TimeUnits.of(precision);
            this.column = column;
        }

        @Override
        void put(RowData row, int position) {
            values.putLong(unit.toLong(row.getTimestamp(position, precision), column));
        }

        @Override
        void put(ArrayData array, int position) {
            values.putLong(unit.toLong(array.getTimestamp(position, precision), column));
        }
    }

    /** Unscaled values of 128 bits. */
    static final class Decimals extends Plain {
        private final int precision;
        private final int scale;

        Decimals(LogicalType type) {
            super(16);
            precision = LogicalTypeChecks.getPrecision(type);
            scale = LogicalTypeChecks.getScale(type);
        }

        @Override
        void put(RowData row, int position) {
            put(row.getDecimal(position, precision, scale));
        }

        @Override
        void put(ArrayData array, int position) {
            put(array.getDecimal(position, precision, scale));
        }

        private void put(DecimalData value) {
            if (value.isCompact()) {
                long unscaled = value.toUnscaledLong();
                values.putLong(unscaled);
                values.putLong(unscaled >> 63);
                return;
            }
            byte[] bytes = value.toUnscaledBytes(); // big-endian, as short as can be
            for (int index = bytes.length - 1; index >= 0; index--) {
                values.putByte(bytes[index]);
            }
            values.fill(bytes[0] >> 7, 16 - bytes.length);
        }
    }
}
