/* Least and greatest rank of the values of a chunk (spec §2.4). Null slots hold copies of values, so they need no care. */
#ifndef TABLESTORE_RANK_H
#define TABLESTORE_RANK_H

#include "decimal128.h"
#include "integer.h"
#include "text.h"

#define SIGN_BIT (1ull << 63)

enum { RANK_OPAQUE, RANK_UNSIGNED, RANK_SIGNED, RANK_FLOAT32, RANK_FLOAT64, RANK_DECIMAL };

/* -0 counts as +0. */
static inline uint64_t rank_double(double value) {
    uint64_t bits;
    value += 0.0;
    memcpy(&bits, &value, 8);
    return bits < SIGN_BIT ? bits + SIGN_BIT : ~bits;
}

/* In terms of doubles; *nan is set if there is one. */
#define FLOAT_RANGE_BODY(name, load)                                                           \
    ALWAYS_INLINE void name##_body(const load *restrict in, size_t count, double *least, double *greatest, int *nan) { \
        double low = __builtin_inf(), high = -__builtin_inf();                                 \
        int bad = 0;                                                                           \
        for (size_t i = 0; i < count; i++) {                                                   \
            double value = in[i];                                                              \
            bad |= value != value;                                                             \
            low = value < low ? value : low;                                                   \
            high = value > high ? value : high;                                                \
        }                                                                                      \
        *least = low;                                                                          \
        *greatest = high;                                                                      \
        *nan = bad;                                                                            \
    }                                                                                          \
    MULTIVERSION(name, (const load *in, size_t count, double *least, double *greatest, int *nan), \
                 (in, count, least, greatest, nan))
typedef float __attribute__((aligned(1), may_alias)) loose_float;
FLOAT_RANGE_BODY(range_float, loose_float)
FLOAT_RANGE_BODY(range_double, loose_double)

static int rank_opaque(const uint8_t *values, size_t count, size_t width, uint64_t *least, uint64_t *greatest) {
    uint64_t low = ~0ull, high = 0;
    for (size_t i = 0; i < count; i++) {
        const uint64_t rank = rank_bytes(values + i * width, width);
        low = rank < low ? rank : low;
        high = rank > high ? rank : high;
    }
    *least = low;
    *greatest = high;
    return 1;
}

/* Whether there are statistics; count >= 1. `hint` is one of RANK_*. */
static int rank_fixed(const uint8_t *values, size_t count, size_t width, int hint, uint64_t *least, uint64_t *greatest) {
    if (hint == RANK_FLOAT32 || hint == RANK_FLOAT64) {
        double low, high;
        int nan;
        if (hint == RANK_FLOAT32) range_float((const loose_float *)values, count, &low, &high, &nan);
        else range_double((const loose_double *)values, count, &low, &high, &nan);
        *least = rank_double(low);
        *greatest = rank_double(high);
        return !nan;
    }
    if (hint == RANK_DECIMAL) {
        decimal_range(values, count, least, greatest);
    } else if (hint == RANK_SIGNED) {
        integer_range(values, (int)width, 1, count, least, greatest);
    } else if (hint == RANK_UNSIGNED) {
        integer_range(values, (int)width, 0, count, least, greatest);
        return 1;
    } else {
        return rank_opaque(values, count, width, least, greatest);
    }
    *least ^= SIGN_BIT;
    *greatest ^= SIGN_BIT;
    return 1;
}

static const uint64_t rank_mask[9] = {0,          0xFF,           0xFFFF,           0xFFFFFF,          0xFFFFFFFF,
                                      0xFFFFFFFFFF, 0xFFFFFFFFFFFF, 0xFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF};

/* Of the non-null strings; count >= 1. validity may be NULL. Whether there is any. */
static int rank_text(const uint8_t *data, const loose32 *offsets, size_t count, const uint8_t *validity, uint64_t *least,
                     uint64_t *greatest) {
    const uint8_t *const end = data + offsets[count];
    uint64_t low = ~0ull, high = 0;
    int any = 0;
    for (size_t i = 0; i < count; i++) {
        if (validity && !(validity[i >> 3] >> (i & 7) & 1)) continue;
        const uint8_t *value = data + offsets[i];
        const uint32_t size = offsets[i + 1] - offsets[i];
        uint64_t rank;
        if (end - value >= 8) rank = __builtin_bswap64(*(const loose64 *)value & rank_mask[size < 8 ? size : 8]);
        else rank = rank_bytes(value, size);
        low = rank < low ? rank : low;
        high = rank > high ? rank : high;
        any = 1;
    }
    *least = low;
    *greatest = high;
    return any;
}

#endif
