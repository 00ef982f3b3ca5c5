/* Kernels of ALP (spec §4.12): decimal-like float64 as integers, after Afroozeh, Kuffo, Boncz: "ALP: Adaptive Lossless
 * floating-Point compression" (SIGMOD 2023).
 *
 * Integers up to 2^51 in magnitude become doubles by adding them to the bits of 1.5 * 2^52 and subtracting that number:
 * two exact operations that every vector unit has, where a 64-bit conversion is rare.
 */
#ifndef TABLESTORE_ALP_H
#define TABLESTORE_ALP_H

#include "target.h"

#define ALP_EXPONENT_MAX 18
#define ALP_ROUND 6755399441055744.0 /* 1.5 * 2^52 */
#define ALP_ROUND_BITS 0x4338000000000000ull
#define ALP_DIGIT_LIMIT (1ll << 51)

static const double alp_power[19] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                     1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
static const double alp_inverse[19] = {1e0,   1e-1,  1e-2,  1e-3,  1e-4,  1e-5,  1e-6,  1e-7,  1e-8, 1e-9,
                                       1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16, 1e-17, 1e-18};

/* Digits to values in place. Any digit is allowed: those of 2^51 or more are converted one by one. */
ALWAYS_INLINE void alp_decode_body(loose64 *data, size_t count, int exponent, int factor) {
    const double power = alp_power[factor], inverse = alp_inverse[exponent];
    for (size_t from = 0; from < count; from += 1024) {
        const size_t until = from + 1024 < count ? from + 1024 : count;
        uint64_t large = 0;
        for (size_t i = from; i < until; i++) large |= (data[i] + (1ull << 51)) >> 52;
        if (large == 0) {
            for (size_t i = from; i < until; i++) {
                uint64_t bits = data[i] + ALP_ROUND_BITS;
                double digit;
                memcpy(&digit, &bits, 8);
                ((loose_double *)data)[i] = (digit - ALP_ROUND) * power * inverse;
            }
        } else {
            for (size_t i = from; i < until; i++)
                ((loose_double *)data)[i] = (double)(int64_t)data[i] * power * inverse;
        }
    }
}
MULTIVERSION(alp_decode, (loose64 *data, size_t count, int exponent, int factor), (data, count, exponent, factor))

/* Digits of values, and wrong[i] = 1 for every value that needs an exception. */
ALWAYS_INLINE void alp_encode_body(const loose_double *restrict in, size_t count, int exponent, int factor,
                                   loose64 *restrict digits, uint8_t *restrict wrong) {
    const double power = alp_power[exponent], inverse = alp_inverse[factor];
    const double back_power = alp_power[factor], back_inverse = alp_inverse[exponent];
    for (size_t i = 0; i < count; i++) {
        const double value = in[i];
        const double shifted = value * power * inverse + ALP_ROUND;
        const double digit = shifted - ALP_ROUND;
        const double back = digit * back_power * back_inverse;
        uint64_t value_bits, shifted_bits, back_bits;
        memcpy(&value_bits, &value, 8);
        memcpy(&shifted_bits, &shifted, 8);
        memcpy(&back_bits, &back, 8);
        digits[i] = shifted_bits - ALP_ROUND_BITS;
        /* A product beyond 2^51 leaves the binade of ALP_ROUND, so its digit is not below the limit. */
        const uint64_t high = (digits[i] + (1ull << 51) - 1) >= (1ull << 52) - 1;
        wrong[i] = (uint8_t)((value_bits != back_bits) | high);
    }
}
MULTIVERSION(alp_encode,
             (const loose_double *in, size_t count, int exponent, int factor, loose64 *digits, uint8_t *wrong),
             (in, count, exponent, factor, digits, wrong))

/* Positions of the exceptions; their digit becomes that of the nearest preceding value that is none, else 0. */
static size_t alp_collect(loose64 *digits, const uint8_t *wrong, size_t count, loose32 *positions) {
    size_t found = 0;
    uint64_t last = 0;
    for (size_t i = 0; i < count; i++) {
        if (i + 8 <= count && *(const loose64 *)(wrong + i) == 0) {
            last = digits[i + 7];
            i += 7;
        } else if (wrong[i]) {
            positions[found++] = (uint32_t)i;
            digits[i] = last;
        } else {
            last = digits[i];
        }
    }
    return found;
}

/* Bits that a sample would take with (exponent, factor): packed digits plus 96 bits for each exception. */
static size_t alp_cost(const loose_double *sample, size_t count, int exponent, int factor, size_t *exceptions) {
    uint64_t digits[256];
    uint8_t wrong[256];
    int64_t low = INT64_MAX, high = INT64_MIN;
    size_t bad = 0;
    alp_encode(sample, count, exponent, factor, (loose64 *)digits, wrong);
    for (size_t i = 0; i < count; i++) {
        if (wrong[i]) { bad++; continue; }
        low = (int64_t)digits[i] < low ? (int64_t)digits[i] : low;
        high = (int64_t)digits[i] > high ? (int64_t)digits[i] : high;
    }
    *exceptions = bad;
    return bad * 96 + (low <= high ? (size_t)bit_width((uint64_t)(high - low)) * count : 0);
}

/* The cheapest (exponent, factor) for up to 256 values; returns its cost in bits. Larger e - f is tried last, ties keep the
 * first found, so small digits win. */
static size_t alp_search(const loose_double *sample, size_t count, int *exponent, int *factor, size_t *exceptions) {
    size_t best = SIZE_MAX;
    for (int e = 0; e <= ALP_EXPONENT_MAX; e++)
        for (int f = 0; f <= e; f++) {
            size_t bad, cost = alp_cost(sample, count, e, f, &bad);
            if (cost < best) { best = cost; *exponent = e; *factor = f; *exceptions = bad; }
        }
    return best;
}

#endif
