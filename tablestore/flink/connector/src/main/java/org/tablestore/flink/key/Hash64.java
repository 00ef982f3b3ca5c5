package org.tablestore.flink.key;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** The hash of spec §1.3: XXH64 with seed 0, after its published description. */
public final class Hash64 {
    private static final VarHandle LONG =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long P1 = 0x9E3779B185EBCA87L;
    private static final long P2 = 0xC2B2AE3D27D4EB4FL;
    private static final long P3 = 0x165667B19E3779F9L;
    private static final long P4 = 0x85EBCA77C2B2AE63L;
    private static final long P5 = 0x27D4EB2F165667C5L;

    private Hash64() {}

    /** The hash of {@code length} bytes of {@code data} from {@code start} on; the result is unsigned. */
    public static long of(byte[] data, int start, int length) {
        int at = start;
        int end = start + length;
        long hash;
        if (length >= 32) {
            long a = P1 + P2;
            long b = P2;
            long c = 0;
            long d = -P1;
            for (; at <= end - 32; at += 32) {
                a = round(a, (long) LONG.get(data, at));
                b = round(b, (long) LONG.get(data, at + 8));
                c = round(c, (long) LONG.get(data, at + 16));
                d = round(d, (long) LONG.get(data, at + 24));
            }
            hash = Long.rotateLeft(a, 1) + Long.rotateLeft(b, 7) + Long.rotateLeft(c, 12) + Long.rotateLeft(d, 18);
            hash = merge(merge(merge(merge(hash, a), b), c), d);
        } else {
            hash = P5;
        }
        return avalanche(tail(hash + length, data, at, end));
    }

    /** The hash of all bytes of {@code data}. */
    public static long of(byte[] data) {
        return of(data, 0, data.length);
    }

    private static long tail(long start, byte[] data, int from, int end) {
        long hash = start;
        int at = from;
        for (; at <= end - 8; at += 8) {
            hash ^= round(0, (long) LONG.get(data, at));
            hash = Long.rotateLeft(hash, 27) * P1 + P4;
        }
        if (at <= end - 4) {
            hash ^= ((int) INT.get(data, at) & 0xFFFFFFFFL) * P1;
            hash = Long.rotateLeft(hash, 23) * P2 + P3;
            at += 4;
        }
        for (; at < end; at++) {
            hash ^= (data[at] & 0xFF) * P5;
            hash = Long.rotateLeft(hash, 11) * P1;
        }
        return hash;
    }

    private static long round(long lane, long input) {
        return Long.rotateLeft(lane + input * P2, 31) * P1;
    }

    private static long merge(long hash, long lane) {
        return (hash ^ round(0, lane)) * P1 + P4;
    }

    private static long avalanche(long start) {
        long hash = start;
        hash = (hash ^ (hash >>> 33)) * P2;
        hash = (hash ^ (hash >>> 29)) * P3;
        return hash ^ (hash >>> 32);
    }
}
