package org.tablestore.flink.bridge;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteOrder;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.data.columnar.vector.BooleanColumnVector;
import org.apache.flink.table.data.columnar.vector.ByteColumnVector;
import org.apache.flink.table.data.columnar.vector.ColumnVector;
import org.apache.flink.table.data.columnar.vector.DecimalColumnVector;
import org.apache.flink.table.data.columnar.vector.DoubleColumnVector;
import org.apache.flink.table.data.columnar.vector.FloatColumnVector;
import org.apache.flink.table.data.columnar.vector.IntColumnVector;
import org.apache.flink.table.data.columnar.vector.LongColumnVector;
import org.apache.flink.table.data.columnar.vector.ShortColumnVector;
import org.apache.flink.table.data.columnar.vector.TimestampColumnVector;

/** Views of columns whose values all have the same size. Positions were checked by {@link BatchReader}. */
final class PlainVectors {
    private static final VarHandle SHORT =
            MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private PlainVectors() {}

    static int readInt(byte[] data, int at) {
        return (int) INT.get(data, at);
    }

    static long readLong(byte[] data, int at) {
        return (long) LONG.get(data, at);
    }

    private static boolean readBit(byte[] data, int start, int index) {
        return (data[start + (index >> 3)] >> (index & 7) & 1) != 0;
    }

    /** Knows which values are null. */
    abstract static class Vector implements ColumnVector {
        final byte[] data;
        final int start;
        private final int validity;

        /** validity: where the bitmap begins, -1 = no nulls. start: where the values begin. */
        Vector(byte[] data, int validity, int start) {
            this.data = data;
            this.validity = validity;
            this.start = start;
        }

        final boolean mayHaveNulls() {
            return validity >= 0;
        }

        @Override
        public final boolean isNullAt(int index) {
            return validity >= 0 && !readBit(data, validity, index);
        }
    }

    static final class Booleans extends Vector implements BooleanColumnVector {
        Booleans(byte[] data, int validity, int start) {
            super(data, validity, start);
        }

        @Override
        public boolean getBoolean(int index) {
            return readBit(data, start, index);
        }
    }

    static final class Bytes extends Vector implements ByteColumnVector {
        Bytes(byte[] data, int validity, int start) {
            super(data, validity, start);
        }

        @Override
        public byte getByte(int index) {
            return data[start + index];
        }
    }

    static final class Shorts extends Vector implements ShortColumnVector {
        Shorts(byte[] data, int validity, int start) {
            super(data, validity, start);
        }

        @Override
        public short getShort(int index) {
            return (short) SHORT.get(data, start + 2 * index);
        }
    }

    static final class Ints extends Vector implements IntColumnVector {
        Ints(byte[] data, int validity, int start) {
            super(data, validity, start);
        }

        @Override
        public int getInt(int index) {
            return readInt(data, start + 4 * index);
        }
    }

    static final class Longs extends Vector implements LongColumnVector {
        Longs(byte[] data, int validity, int start) {
            super(data, validity, start);
        }

        @Override
        public long getLong(int index) {
            return readLong(data, start + 8 * index);
        }
    }

    static final class Floats extends Vector implements FloatColumnVector {
        Floats(byte[] data, int validity, int start) {
            super(data, validity, start);
        }

        @Override
        public float getFloat(int index) {
            return Float.intBitsToFloat(readInt(data, start + 4 * index));
        }
    }

    static final class Doubles extends Vector implements DoubleColumnVector {
        Doubles(byte[] data, int validity, int start) {
            super(data, validity, start);
        }

        @Override
        public double getDouble(int index) {
            return Double.longBitsToDouble(readLong(data, start + 8 * index));
        }
    }

    static final class Timestamps extends Vector implements TimestampColumnVector {
        private final TimeUnits unit;

        Timestamps(byte[] data, int validity, int start, TimeUnits unit) {
            super(data, validity, start);
            this.unit = unit;
        }

        @Override
        public TimestampData getTimestamp(int index, int precision) {
            return unit.toTimestamp(readLong(data, start + 8 * index));
        }
    }

    static final class Decimals extends Vector implements DecimalColumnVector {
        Decimals(byte[] data, int validity, int start) {
            super(data, validity, start);
        }

        @Override
        public DecimalData getDecimal(int index, int precision, int scale) {
            int at = start + 16 * index;
            if (DecimalData.isCompact(precision)) {
                return DecimalData.fromUnscaledLong(readLong(data, at), precision, scale);
            }
            byte[] unscaled = new byte[16];
            for (int place = 0; place < 16; place++) {
                unscaled[place] = data[at + 15 - place];
            }
            return DecimalData.fromBigDecimal(
                    new BigDecimal(new BigInteger(unscaled), scale), precision, scale);
        }
    }
}
