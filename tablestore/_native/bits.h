/* Bitmaps, least significant bit first (spec §4.5). */
#ifndef TABLESTORE_BITS_H
#define TABLESTORE_BITS_H

#include "target.h"

ALWAYS_INLINE int bit_at(const uint8_t *bits, uint64_t i) { return bits[i >> 3] >> (i & 7) & 1; }

ALWAYS_INLINE void count_ones_into_body(const uint8_t *bits, uint64_t count, uint64_t *ones) {
    uint64_t total = 0, i = 0;
    for (; i + 64 <= count; i += 64) total += (uint64_t)__builtin_popcountll(*(const loose64 *)(bits + i / 8));
    for (; i + 8 <= count; i += 8) total += (uint64_t)__builtin_popcount(bits[i / 8]);
    if (i < count) total += (uint64_t)__builtin_popcount(bits[i / 8] & ((1u << (count - i)) - 1));
    *ones = total;
}
MULTIVERSION(count_ones_into, (const uint8_t *bits, uint64_t count, uint64_t *ones), (bits, count, ones))

static inline uint64_t count_ones(const uint8_t *bits, uint64_t count) {
    uint64_t ones = 0;
    count_ones_into(bits, count, &ones);
    return ones;
}

/* Up to 64 bits from position `at`, upper bits zero; reads only bytes that hold these bits. */
static inline uint64_t load_bits(const uint8_t *bits, uint64_t at, int count) {
    const uint8_t *from = bits + (at >> 3);
    const int shift = (int)(at & 7), bytes = (shift + count + 7) / 8;
    uint64_t word = 0;
    memcpy(&word, from, bytes < 8 ? (size_t)bytes : 8);
    word >>= shift;
    if (bytes > 8) word |= (uint64_t)from[8] << (64 - shift);
    return count == 64 ? word : word & ((1ull << count) - 1);
}

/* Writes `count` low bits of `word` at position `at`, keeping all other bits. */
static inline void store_bits(uint8_t *bits, uint64_t at, int count, uint64_t word) {
    while (count > 0) {
        const int shift = (int)(at & 7), room = 8 - shift, part = count < room ? count : room;
        const unsigned mask = ((1u << part) - 1) << shift;
        uint8_t *byte = bits + (at >> 3);
        *byte = (uint8_t)((*byte & ~mask) | (((unsigned)word << shift) & mask));
        word >>= part;
        at += (uint64_t)part;
        count -= part;
    }
}

static void copy_bits(uint8_t *out, uint64_t out_at, const uint8_t *in, uint64_t in_at, uint64_t count) {
    while (count && (out_at & 7)) {
        const int room = (int)(8 - (out_at & 7)), part = count < (uint64_t)room ? (int)count : room;
        store_bits(out, out_at, part, load_bits(in, in_at, part));
        out_at += (uint64_t)part;
        in_at += (uint64_t)part;
        count -= (uint64_t)part;
    }
    if ((in_at & 7) == 0) {
        memcpy(out + out_at / 8, in + in_at / 8, count / 8);
        const uint64_t whole = count / 8 * 8;
        out_at += whole;
        in_at += whole;
        count -= whole;
    }
    for (; count >= 64; count -= 64, in_at += 64, out_at += 64)
        *(loose64 *)(out + out_at / 8) = load_bits(in, in_at, 64);
    if (count) store_bits(out, out_at, (int)count, load_bits(in, in_at, (int)count));
}

static void set_bits(uint8_t *out, uint64_t at, uint64_t count, int value) {
    for (; count && (at & 7); at++, count--) store_bits(out, at, 1, (uint64_t)value);
    memset(out + at / 8, value ? 255 : 0, count / 8);
    at += count / 8 * 8;
    if (count & 7) store_bits(out, at, (int)(count & 7), value ? ~0ull : 0);
}

/* ---- walks over the zero bits of a validity bitmap ---- */

/* First zero bit in [from, count), or count. */
static inline uint64_t next_zero(const uint8_t *bits, uint64_t from, uint64_t count) {
    while (from < count) {
        const int part = count - from < 64 ? (int)(count - from) : 64;
        uint64_t zeros = ~load_bits(bits, from, part);
        if (part < 64) zeros &= (1ull << part) - 1;
        if (zeros) return from + (uint64_t)__builtin_ctzll(zeros);
        from += (uint64_t)part;
    }
    return count;
}

static inline uint64_t next_one(const uint8_t *bits, uint64_t from, uint64_t count) {
    while (from < count) {
        const int part = count - from < 64 ? (int)(count - from) : 64;
        const uint64_t ones = load_bits(bits, from, part);
        if (ones) return from + (uint64_t)__builtin_ctzll(ones);
        from += (uint64_t)part;
    }
    return count;
}

/* Row of the first null with a length other than 0, or count (spec §5.3). */
static uint64_t first_long_null(const uint8_t *validity, const loose32 *offsets, uint64_t count) {
    for (uint64_t i = next_zero(validity, 0, count); i < count; i = next_zero(validity, i + 1, count))
        if (offsets[i + 1] != offsets[i]) return i;
    return count;
}

/* Copies `count` values and gives every null slot the value before it (the first valid one at the start, 0 if there is
 * none), so that it packs well. Validity starts at bit `at`. */
static void fill_nulls(const uint8_t *in, size_t width, const uint8_t *validity, uint64_t at, uint64_t count, uint8_t *out) {
    const uint64_t end = at + count;
    uint64_t first = next_one(validity, at, end);
    if (first == end) { memset(out, 0, count * width); return; }
    memcpy(out, in, count * width);
    for (uint64_t i = at; i < first; i++) memcpy(out + (i - at) * width, in + (first - at) * width, width);
    for (uint64_t i = next_zero(validity, first, end); i < end; i = next_zero(validity, i + 1, end)) {
        uint8_t *to = out + (i - at) * width;
        if (width == 8) *(loose64 *)to = *(const loose64 *)(to - 8);
        else if (width == 4) *(loose32 *)to = *(const loose32 *)(to - 4);
        else memcpy(to, to - width, width);
    }
}

#endif
