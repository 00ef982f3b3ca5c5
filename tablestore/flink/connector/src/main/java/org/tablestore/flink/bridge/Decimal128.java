package org.tablestore.flink.bridge;

import java.math.BigInteger;

/** A bound of unscaled values of 128 bits, as two halves of which the lower is unsigned. */
record Decimal128(long high, long low) {
    /** 10 to the power of 1 … 38. */
    static Decimal128 powerOfTen(int exponent) {
        BigInteger value = BigInteger.TEN.pow(exponent);
        return new Decimal128(value.shiftRight(64).longValue(), value.longValue());
    }

    /** Whether the magnitude of the 16 little-endian bytes at {@code at} is less. */
    boolean isAbove(byte[] data, int at) {
        long valueLow = PlainVectors.readLong(data, at);
        long valueHigh = PlainVectors.readLong(data, at + 8);
        if (valueHigh < 0) {
            valueLow = -valueLow;
            valueHigh = ~valueHigh + (valueLow == 0 ? 1 : 0);
        }
        int order = Long.compareUnsigned(valueHigh, high);
        return order < 0 || order == 0 && Long.compareUnsigned(valueLow, low) < 0;
    }
}
