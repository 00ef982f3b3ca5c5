package org.tablestore.flink.bridge;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Tells what bytes are text, after Unicode's table of well-formed sequences. */
final class Utf8 {
    private static final VarHandle LONG =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long HIGH_BITS = 0x8080808080808080L;

    private Utf8() {}

    /** Whether all bytes from start to end are ASCII. */
    static boolean isAscii(byte[] data, int start, int end) {
        int at = start;
        for (; at <= end - 8; at += 8) {
            if (((long) LONG.get(data, at) & HIGH_BITS) != 0) {
                return false;
            }
        }
        int rest = 0;
        for (; at < end; at++) {
            rest |= data[at];
        }
        return rest >= 0;
    }

    /** Whether the bytes from start to end are UTF-8: whole, shortest forms, no surrogates, at most U+10FFFF. */
    static boolean isValid(byte[] data, int start, int end) {
        int at = start;
        while (at < end) {
            int lead = data[at++] & 0xFF;
            if (lead < 0x80) {
                continue;
            }
            int more = lead < 0xC2 ? -1 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : lead < 0xF5 ? 3 : -1;
            if (more < 0 || at + more > end || !isSecond(lead, data[at] & 0xFF)) {
                return false;
            }
            for (int index = 1; index < more; index++) {
                if ((data[at + index] & 0xC0) != 0x80) {
                    return false;
                }
            }
            at += more;
        }
        return true;
    }

    private static boolean isSecond(int lead, int second) {
        return switch (lead) {
            case 0xE0 -> second >= 0xA0 && second <= 0xBF;
            case 0xED -> second >= 0x80 && second <= 0x9F;
            case 0xF0 -> second >= 0x90 && second <= 0xBF;
            case 0xF4 -> second >= 0x80 && second <= 0x8F;
            default -> second >= 0x80 && second <= 0xBF;
        };
    }
}
