/* Kernels over arrays of unsigned or signed integers of 1, 2, 4 or 8 bytes: ranges, differences, sums, runs. */
#ifndef TABLESTORE_INTEGER_H
#define TABLESTORE_INTEGER_H

#include "target.h"

/* Least and greatest value, both widened to u64 (sign-extended when signed). */
#define RANGE_BODY(name, load, word, wide)                                                     \
    ALWAYS_INLINE void name##_body(const load *restrict in, size_t count, uint64_t *least, uint64_t *greatest) { \
        word low = in[0], high = in[0];                                                        \
        for (size_t i = 1; i < count; i++) {                                                   \
            word value = in[i];                                                                \
            low = value < low ? value : low;                                                   \
            high = value > high ? value : high;                                                \
        }                                                                                      \
        *least = (uint64_t)(wide)low;                                                          \
        *greatest = (uint64_t)(wide)high;                                                      \
    }                                                                                          \
    MULTIVERSION(name, (const load *in, size_t count, uint64_t *least, uint64_t *greatest), (in, count, least, greatest))
RANGE_BODY(range_u8, uint8_t, uint8_t, uint64_t)
RANGE_BODY(range_u16, loose16, uint16_t, uint64_t)
RANGE_BODY(range_u32, loose32, uint32_t, uint64_t)
RANGE_BODY(range_u64, loose64, uint64_t, uint64_t)
RANGE_BODY(range_i8, int8_t, int8_t, int64_t)
RANGE_BODY(range_i16, loose_signed16, int16_t, int64_t)
RANGE_BODY(range_i32, loose_signed32, int32_t, int64_t)
RANGE_BODY(range_i64, loose_signed64, int64_t, int64_t)

/* count >= 1 */
static void integer_range(const uint8_t *in, int width, int is_signed, size_t count, uint64_t *least, uint64_t *greatest) {
    if (is_signed) {
        if (width == 1) range_i8((const int8_t *)in, count, least, greatest);
        else if (width == 2) range_i16((const loose_signed16 *)in, count, least, greatest);
        else if (width == 4) range_i32((const loose_signed32 *)in, count, least, greatest);
        else range_i64((const loose_signed64 *)in, count, least, greatest);
    } else {
        if (width == 1) range_u8(in, count, least, greatest);
        else if (width == 2) range_u16((const loose16 *)in, count, least, greatest);
        else if (width == 4) range_u32((const loose32 *)in, count, least, greatest);
        else range_u64((const loose64 *)in, count, least, greatest);
    }
}

/* out[i] = in[i] - in[i - 1] for i >= 1 (spec §4.7); out[0] is left alone. */
#define DIFFERENCE_BODY(name, load)                                                            \
    ALWAYS_INLINE void name##_body(const load *restrict in, size_t count, load *restrict out) { \
        for (size_t i = 1; i < count; i++) out[i] = in[i] - in[i - 1];                         \
    }                                                                                          \
    MULTIVERSION(name, (const load *in, size_t count, load *out), (in, count, out))
DIFFERENCE_BODY(difference_8, uint8_t)
DIFFERENCE_BODY(difference_16, loose16)
DIFFERENCE_BODY(difference_32, loose32)
DIFFERENCE_BODY(difference_64, loose64)

static void integer_differences(const uint8_t *in, int width, size_t count, uint8_t *out) {
    if (width == 1) difference_8(in, count, out);
    else if (width == 2) difference_16((const loose16 *)in, count, (loose16 *)out);
    else if (width == 4) difference_32((const loose32 *)in, count, (loose32 *)out);
    else difference_64((const loose64 *)in, count, (loose64 *)out);
}

/* in place: v[i] = start + v[0] + ... + v[i] */
#define ACCUMULATE(type)                                                                       \
    {                                                                                          \
        type *at = (type *)values;                                                             \
        uint64_t sum = start;                                                                  \
        for (size_t i = 0; i < count; i++) { sum += at[i]; at[i] = sum; }                      \
    }
static void integer_accumulate(uint8_t *values, int width, uint64_t start, size_t count) {
    if (width == 1) ACCUMULATE(uint8_t)
    else if (width == 2) ACCUMULATE(loose16)
    else if (width == 4) ACCUMULATE(loose32)
    else ACCUMULATE(loose64)
}

/* Number of i >= 1 with in[i] != in[i - 1]. */
#define CHANGES_BODY(name, load, word)                                                         \
    ALWAYS_INLINE void name##_body(const load *restrict in, size_t count, size_t *changes) {   \
        size_t total = 0;                                                                      \
        for (size_t from = 1; from < count;) {                                                 \
            size_t until = from + 128 < count ? from + 128 : count;                            \
            word part = 0;                                                                     \
            for (size_t i = from; i < until; i++) part += in[i] != in[i - 1];                  \
            total += part;                                                                     \
            from = until;                                                                      \
        }                                                                                      \
        *changes = total;                                                                      \
    }                                                                                          \
    MULTIVERSION(name, (const load *in, size_t count, size_t *changes), (in, count, changes))
CHANGES_BODY(changes_8, uint8_t, uint8_t)
CHANGES_BODY(changes_16, loose16, uint16_t)
CHANGES_BODY(changes_32, loose32, uint32_t)
CHANGES_BODY(changes_64, loose64, uint64_t)

static size_t count_changes(const uint8_t *in, size_t width, size_t count) {
    size_t total = 0;
    if (width == 1) changes_8(in, count, &total);
    else if (width == 2) changes_16((const loose16 *)in, count, &total);
    else if (width == 4) changes_32((const loose32 *)in, count, &total);
    else if (width == 8) changes_64((const loose64 *)in, count, &total);
    else
        for (size_t i = 1; i < count; i++) total += memcmp(in + i * width, in + (i - 1) * width, width) != 0;
    return total;
}

/* ---- lengths ---- */

/* Sum and maximum of u32 lengths. */
ALWAYS_INLINE void sum_lengths_body(const loose32 *restrict in, size_t count, uint64_t *sum, uint32_t *greatest) {
    uint64_t total = 0;
    uint32_t high = 0;
    for (size_t i = 0; i < count; i++) {
        total += in[i];
        high = in[i] > high ? in[i] : high;
    }
    *sum = total;
    *greatest = high;
}
MULTIVERSION(sum_lengths, (const loose32 *in, size_t count, uint64_t *sum, uint32_t *greatest), (in, count, sum, greatest))

/* offsets[i + 1] = first + lengths[0] + ... + lengths[i] */
static void accumulate_offsets(const loose32 *restrict lengths, size_t count, uint32_t first, loose32 *restrict offsets) {
    uint32_t sum = first;
    for (size_t i = 0; i < count; i++) { sum += lengths[i]; offsets[i + 1] = sum; }
}

ALWAYS_INLINE void offsets_to_lengths_body(const loose32 *restrict offsets, size_t count, loose32 *restrict lengths) {
    for (size_t i = 0; i < count; i++) lengths[i] = offsets[i + 1] - offsets[i];
}
MULTIVERSION(offsets_to_lengths, (const loose32 *offsets, size_t count, loose32 *lengths), (offsets, count, lengths))

/* offsets[i + 1] = source[i + 1] + difference: places in one array into places in another. */
ALWAYS_INLINE void shift_offsets_body(const loose32 *restrict source, size_t count, uint32_t difference, loose32 *restrict offsets) {
    for (size_t i = 1; i <= count; i++) offsets[i] = source[i] + difference;
}
MULTIVERSION(shift_offsets, (const loose32 *source, size_t count, uint32_t difference, loose32 *offsets),
             (source, count, difference, offsets))

/* Whether offsets ascend, and the largest difference. */
ALWAYS_INLINE void check_offsets_body(const loose_signed32 *restrict offsets, size_t count, int *ascending, uint32_t *greatest) {
    uint32_t high = 0;
    int descends = offsets[0] < 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t length = (uint32_t)offsets[i + 1] - (uint32_t)offsets[i];
        descends |= offsets[i + 1] < offsets[i];
        high = length > high ? length : high;
    }
    *ascending = !descends;
    *greatest = high;
}
MULTIVERSION(check_offsets, (const loose_signed32 *offsets, size_t count, int *ascending, uint32_t *greatest),
             (offsets, count, ascending, greatest))

/* ---- value checks (spec §5.5) ---- */

/* Non-zero if any unsigned value is >= limit. */
#define ABOVE_BODY(name, load, word)                                                           \
    ALWAYS_INLINE void name##_body(const load *restrict in, size_t count, uint64_t limit, size_t *above) { \
        word any = 0;                                                                          \
        const word greatest = (word)(limit - 1);                                               \
        for (size_t i = 0; i < count; i++) any |= (word)(in[i] > greatest);                    \
        *above = any;                                                                          \
    }                                                                                          \
    MULTIVERSION(name, (const load *in, size_t count, uint64_t limit, size_t *above), (in, count, limit, above))
ABOVE_BODY(above_8, uint8_t, uint8_t)
ABOVE_BODY(above_16, loose16, uint16_t)
ABOVE_BODY(above_32, loose32, uint32_t)
ABOVE_BODY(above_64, loose64, uint64_t)

/* Whether any value is >= limit; limit >= 1. A limit beyond the width admits everything. */
static int any_at_least(const uint8_t *in, int width, size_t count, uint64_t limit) {
    size_t above = 0;
    if (width < 8 && limit >> (8 * width)) return 0;
    if (width == 1) above_8(in, count, limit, &above);
    else if (width == 2) above_16((const loose16 *)in, count, limit, &above);
    else if (width == 4) above_32((const loose32 *)in, count, limit, &above);
    else above_64((const loose64 *)in, count, limit, &above);
    return above != 0;
}

/* Codes into a dictionary of fixed values: out[i] = entries[code[i]]; every code is in range. */
#define GATHER(code, type)                                                                     \
    {                                                                                          \
        const code *at = (const code *)codes;                                                  \
        const type *from = (const type *)entries;                                              \
        type *to = (type *)out;                                                                \
        for (size_t i = 0; i < count; i++) to[i] = from[at[i]];                                \
    }
#define GATHER_WIDTH(code)                                                                     \
    if (width == 1) GATHER(code, uint8_t)                                                      \
    else if (width == 2) GATHER(code, loose16)                                                 \
    else if (width == 4) GATHER(code, loose32)                                                 \
    else if (width == 8) GATHER(code, loose64)                                                 \
    else {                                                                                     \
        const code *at = (const code *)codes;                                                  \
        for (size_t i = 0; i < count; i++) memcpy(out + i * width, entries + (size_t)at[i] * width, width); \
    }
static void gather_entries(const uint8_t *codes, int code_width, size_t count, const uint8_t *entries, size_t width, uint8_t *out) {
    if (code_width == 1) { GATHER_WIDTH(uint8_t) }
    else if (code_width == 2) { GATHER_WIDTH(loose16) }
    else { GATHER_WIDTH(loose32) }
}

/* Repeats each of `runs` values of `width` bytes; the lengths are checked to sum to the room in `out`. */
static void expand_runs(const loose32 *lengths, size_t runs, const uint8_t *values, size_t width, uint8_t *out) {
    for (size_t run = 0; run < runs; run++, values += width) {
        size_t length = lengths[run];
        if (width == 1) memset(out, *values, length);
        else if (width == 2) for (size_t i = 0; i < length; i++) ((loose16 *)out)[i] = *(const loose16 *)values;
        else if (width == 4) for (size_t i = 0; i < length; i++) ((loose32 *)out)[i] = *(const loose32 *)values;
        else if (width == 8) for (size_t i = 0; i < length; i++) ((loose64 *)out)[i] = *(const loose64 *)values;
        else for (size_t i = 0; i < length; i++) memcpy(out + i * width, values, width);
        out += length * width;
    }
}

#endif
