/* Kernels of BITPACK (spec §4.6): vectors of 1,024 values in 32 lanes of u32 or 16 lanes of u64.
 *
 * The unpackers for up to 32 bits are one function per width, so that every shift is a constant; the inner loop over the
 * lanes is plain C that compilers turn into vector instructions. Widths above 32 bits are rare and share one function.
 */
#ifndef TABLESTORE_BITPACK_H
#define TABLESTORE_BITPACK_H

#include "target.h"

#define VECTOR 1024

/* ---- unpack, up to 32 bits ---- */

#define UNPACK_ROW(r)                                                                     \
    {                                                                                     \
        const int word = (r) * bits / 32, shift = (r) * bits % 32;                        \
        const loose32 *low = (const loose32 *)packed + 32 * word;                         \
        loose32 *row = out + 32 * (r);                                                    \
        if (shift + bits > 32)                                                            \
            for (int lane = 0; lane < 32; lane++)                                         \
                row[lane] = (((low[lane] >> shift) | (low[lane + 32] << (-shift & 31))) & mask) + base; \
        else                                                                              \
            for (int lane = 0; lane < 32; lane++) row[lane] = ((low[lane] >> shift) & mask) + base; \
    }
#define UNPACK_ROWS_8(r)                                                                  \
    UNPACK_ROW(r) UNPACK_ROW(r + 1) UNPACK_ROW(r + 2) UNPACK_ROW(r + 3)                   \
    UNPACK_ROW(r + 4) UNPACK_ROW(r + 5) UNPACK_ROW(r + 6) UNPACK_ROW(r + 7)

ALWAYS_INLINE void unpack_narrow_body(const uint8_t *packed, const int bits, uint32_t base, loose32 *restrict out) {
    const uint32_t mask = bits == 32 ? 0xFFFFFFFFu : (1u << (bits & 31)) - 1;
    UNPACK_ROWS_8(0) UNPACK_ROWS_8(8) UNPACK_ROWS_8(16) UNPACK_ROWS_8(24)
}

typedef void (*unpack_narrow_function)(const uint8_t *, uint32_t, loose32 *);

#define WIDTHS_1_TO_32(X, kind)                                                                         \
    X(1, kind) X(2, kind) X(3, kind) X(4, kind) X(5, kind) X(6, kind) X(7, kind) X(8, kind) X(9, kind)  \
    X(10, kind) X(11, kind) X(12, kind) X(13, kind) X(14, kind) X(15, kind) X(16, kind) X(17, kind)     \
    X(18, kind) X(19, kind) X(20, kind) X(21, kind) X(22, kind) X(23, kind) X(24, kind) X(25, kind)     \
    X(26, kind) X(27, kind) X(28, kind) X(29, kind) X(30, kind) X(31, kind) X(32, kind)

#define UNPACK_DEFINE(bits, kind)                                                                       \
    UNPACK_TARGET_##kind static void unpack_narrow_##kind##_##bits(const uint8_t *in, uint32_t base, loose32 *out) { \
        unpack_narrow_body(in, bits, base, out);                                                        \
    }
#define UNPACK_NAME(bits, kind) unpack_narrow_##kind##_##bits,

#define UNPACK_TARGET_baseline
WIDTHS_1_TO_32(UNPACK_DEFINE, baseline)
static const unpack_narrow_function unpack_narrow_baseline[33] = {NULL, WIDTHS_1_TO_32(UNPACK_NAME, baseline)};

#ifdef TABLESTORE_X86
#define UNPACK_TARGET_avx2 TARGET_AVX2
#define UNPACK_TARGET_avx512 TARGET_AVX512
WIDTHS_1_TO_32(UNPACK_DEFINE, avx2)
WIDTHS_1_TO_32(UNPACK_DEFINE, avx512)
static const unpack_narrow_function unpack_narrow_avx2[33] = {NULL, WIDTHS_1_TO_32(UNPACK_NAME, avx2)};
static const unpack_narrow_function unpack_narrow_avx512[33] = {NULL, WIDTHS_1_TO_32(UNPACK_NAME, avx512)};
#endif

static inline void unpack_narrow(const uint8_t *packed, int bits, uint32_t base, loose32 *out) {
#ifdef TABLESTORE_X86
    int level = target_level();
    if (level == 2) { unpack_narrow_avx512[bits](packed, base, out); return; }
    if (level == 1) { unpack_narrow_avx2[bits](packed, base, out); return; }
#endif
    unpack_narrow_baseline[bits](packed, base, out);
}

/* ---- unpack, more than 32 bits ---- */

ALWAYS_INLINE void unpack_wide_body(const uint8_t *packed, int bits, uint64_t base, loose64 *restrict out) {
    const uint64_t mask = bits == 64 ? ~0ull : (1ull << bits) - 1;
    for (int r = 0; r < 64; r++) {
        const int word = r * bits / 64, shift = r * bits % 64;
        const loose64 *low = (const loose64 *)packed + 16 * word;
        loose64 *row = out + 16 * r;
        if (shift + bits > 64)
            for (int lane = 0; lane < 16; lane++)
                row[lane] = (((low[lane] >> shift) | (low[lane + 16] << (-shift & 63))) & mask) + base;
        else
            for (int lane = 0; lane < 16; lane++) row[lane] = ((low[lane] >> shift) & mask) + base;
    }
}
MULTIVERSION(unpack_wide, (const uint8_t *packed, int bits, uint64_t base, loose64 *out), (packed, bits, base, out))

/* ---- u32 words into the other widths ---- */

#define WIDEN_BODY(name, type)                                                                          \
    ALWAYS_INLINE void name##_body(const uint32_t *restrict in, uint64_t base, type *restrict out) {    \
        for (int i = 0; i < VECTOR; i++) out[i] = (type)(in[i] + base);                                 \
    }                                                                                                   \
    MULTIVERSION(name, (const uint32_t *in, uint64_t base, type *out), (in, base, out))
WIDEN_BODY(words_to_8, uint8_t)
WIDEN_BODY(words_to_16, loose16)
WIDEN_BODY(words_to_64, loose64)

#define FILL_BODY(name, type)                                                                           \
    ALWAYS_INLINE void name##_body(type *restrict out, uint64_t value, size_t count) {                  \
        for (size_t i = 0; i < count; i++) out[i] = (type)value;                                        \
    }                                                                                                   \
    MULTIVERSION(name, (type *out, uint64_t value, size_t count), (out, value, count))
FILL_BODY(fill_8, uint8_t)
FILL_BODY(fill_16, loose16)
FILL_BODY(fill_32, loose32)
FILL_BODY(fill_64, loose64)

/* Sets `count` integers of `width` bytes to `value`. */
static void fill_words(uint8_t *out, int width, uint64_t value, size_t count) {
    if (width == 1) fill_8(out, value, count);
    else if (width == 2) fill_16((loose16 *)out, value, count);
    else if (width == 4) fill_32((loose32 *)out, value, count);
    else fill_64((loose64 *)out, value, count);
}

/* Unpacks a full vector of 128 * bits bytes into 1,024 integers of `width` bytes; bits <= 8 * width. */
static void unpack_vector(const uint8_t *packed, int bits, int width, uint64_t base, uint8_t *out) {
    if (bits == 0) { fill_words(out, width, base, VECTOR); return; }
    if (bits > 32) { unpack_wide(packed, bits, base, (loose64 *)out); return; }
    if (width == 4) { unpack_narrow(packed, bits, (uint32_t)base, (loose32 *)out); return; }
    uint32_t words[VECTOR] __attribute__((aligned(64)));
    unpack_narrow(packed, bits, 0, (loose32 *)words);
    if (width == 8) words_to_64(words, base, (loose64 *)out);
    else if (width == 2) words_to_16(words, base, (loose16 *)out);
    else words_to_8(words, base, out);
}

/* Unpacks the sequential last vector. `packed` must be readable for 16 bytes past its ceil(count * bits / 8). */
static void unpack_tail(const uint8_t *packed, int bits, int width, uint64_t base, uint8_t *out, int count) {
    if (bits == 0) { fill_words(out, width, base, (size_t)count); return; }
    const uint64_t mask = bits == 64 ? ~0ull : (1ull << bits) - 1;
    for (int i = 0; i < count; i++) {
        const size_t position = (size_t)i * (size_t)bits;
        const uint8_t *at = packed + (position >> 3);
        const int shift = (int)(position & 7);
        uint64_t value = *(const loose64 *)at >> shift;
        if (shift + bits > 64) value |= (uint64_t)at[8] << (64 - shift);
        value = (value & mask) + base;
        memcpy(out + (size_t)i * (size_t)width, &value, 8 <= width ? 8 : (size_t)width);
    }
}

/* ---- pack ---- */

ALWAYS_INLINE void pack_narrow_body(const uint32_t *restrict in, int bits, loose32 *restrict out) {
    for (int r = 0; r < 32; r++) {
        const int word = r * bits / 32, shift = r * bits % 32;
        loose32 *low = out + 32 * word;
        const uint32_t *row = in + 32 * r;
        if (shift == 0)
            for (int lane = 0; lane < 32; lane++) low[lane] = row[lane];
        else
            for (int lane = 0; lane < 32; lane++) low[lane] |= row[lane] << shift;
        if (shift + bits > 32)
            for (int lane = 0; lane < 32; lane++) low[lane + 32] = row[lane] >> (32 - shift);
    }
}
MULTIVERSION(pack_narrow, (const uint32_t *in, int bits, loose32 *out), (in, bits, out))

ALWAYS_INLINE void pack_wide_body(const loose64 *restrict in, uint64_t base, int bits, loose64 *restrict out) {
    for (int r = 0; r < 64; r++) {
        const int word = r * bits / 64, shift = r * bits % 64;
        loose64 *low = out + 16 * word;
        const loose64 *row = in + 16 * r;
        if (shift == 0)
            for (int lane = 0; lane < 16; lane++) low[lane] = row[lane] - base;
        else
            for (int lane = 0; lane < 16; lane++) low[lane] |= (row[lane] - base) << shift;
        if (shift + bits > 64)
            for (int lane = 0; lane < 16; lane++) low[lane + 16] = (row[lane] - base) >> (64 - shift);
    }
}
MULTIVERSION(pack_wide, (const loose64 *in, uint64_t base, int bits, loose64 *out), (in, base, bits, out))

#define NARROW_BODY(name, type, word)                                                                   \
    ALWAYS_INLINE void name##_body(const type *restrict in, uint64_t base, uint32_t *restrict out) {    \
        for (int i = 0; i < VECTOR; i++) out[i] = (word)((word)in[i] - (word)base);                     \
    }                                                                                                   \
    MULTIVERSION(name, (const type *in, uint64_t base, uint32_t *out), (in, base, out))
NARROW_BODY(narrow_8, uint8_t, uint8_t)
NARROW_BODY(narrow_16, loose16, uint16_t)
NARROW_BODY(narrow_32, loose32, uint32_t)
NARROW_BODY(narrow_64, loose64, uint64_t)

/* Packs 1,024 integers of `width` bytes into 128 * bits bytes. */
static void pack_vector(const uint8_t *values, int width, uint64_t base, int bits, uint8_t *out) {
    if (bits == 0) return;
    if (bits > 32) { pack_wide((const loose64 *)values, base, bits, (loose64 *)out); return; }
    uint32_t words[VECTOR] __attribute__((aligned(64)));
    if (width == 8) narrow_64((const loose64 *)values, base, words);
    else if (width == 4) narrow_32((const loose32 *)values, base, words);
    else if (width == 2) narrow_16((const loose16 *)values, base, words);
    else narrow_8(values, base, words);
    pack_narrow(words, bits, (loose32 *)out);
}

/* Packs the sequential last vector into ceil(count * bits / 8) bytes. */
static void pack_tail(const uint8_t *values, int width, uint64_t base, int bits, uint8_t *out, int count) {
    if (bits == 0) return;
    const uint64_t mask = bits == 64 ? ~0ull : (1ull << bits) - 1;
    uint64_t pending = 0;
    int filled = 0;
    for (int i = 0; i < count; i++) {
        uint64_t value = 0;
        memcpy(&value, values + (size_t)i * (size_t)width, (size_t)width);
        value = (value - base) & mask;
        pending |= value << filled;
        if (filled + bits >= 64) {
            memcpy(out, &pending, 8);
            out += 8;
            pending = filled ? value >> (64 - filled) : 0;
            filled = filled + bits - 64;
        } else {
            filled += bits;
        }
    }
    memcpy(out, &pending, (size_t)(filled + 7) / 8);
}

#endif
