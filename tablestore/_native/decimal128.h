/* Checks and ranks of decimal128 values: 16 bytes, two's complement (spec §2.2, §2.4). */
#ifndef TABLESTORE_DECIMAL128_H
#define TABLESTORE_DECIMAL128_H

#include "target.h"

typedef unsigned __int128 uint128;

/* Row of the first value with |v| >= 10^precision, or count. A null's value is skipped; validity may be NULL. */
static size_t first_large_decimal(const uint8_t *values, size_t count, int precision, const uint8_t *validity) {
    uint128 limit = 1;
    for (int i = 0; i < precision; i++) limit *= 10;
    for (size_t i = 0; i < count; i++) {
        uint128 value;
        memcpy(&value, values + 16 * i, 16);
        if (value >> 127) value = -value;
        if (value >= limit && !(validity && !(validity[i >> 3] >> (i & 7) & 1))) return i;
    }
    return count;
}

/* Least and greatest upper half as i64. */
static void decimal_range(const uint8_t *values, size_t count, uint64_t *least, uint64_t *greatest) {
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        int64_t upper = *(const loose_signed64 *)(values + 16 * i + 8);
        low = upper < low ? upper : low;
        high = upper > high ? upper : high;
    }
    *least = (uint64_t)low;
    *greatest = (uint64_t)high;
}

#endif
