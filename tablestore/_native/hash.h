/* hash64: XXH64 with seed 0, after the published algorithm (spec §1.3). */
#ifndef TABLESTORE_HASH_H
#define TABLESTORE_HASH_H

#include "machine.h"

#define TS_P1 0x9E3779B185EBCA87ull
#define TS_P2 0xC2B2AE3D27D4EB4Full
#define TS_P3 0x165667B19E3779F9ull
#define TS_P4 0x85EBCA77C2B2AE63ull
#define TS_P5 0x27D4EB2F165667C5ull

TS_INLINE uint64_t ts_rotate(uint64_t value, unsigned by) { return (value << by) | (value >> (64 - by)); }

TS_INLINE uint64_t ts_hash_round(uint64_t lane, uint64_t input) { return ts_rotate(lane + input * TS_P2, 31) * TS_P1; }

TS_INLINE uint64_t ts_hash_fold(uint64_t hash, uint64_t lane)
{
    return (hash ^ ts_hash_round(0, lane)) * TS_P1 + TS_P4;
}

TS_INLINE uint64_t ts_hash_8(uint64_t hash, uint64_t input)
{
    return ts_rotate(hash ^ ts_hash_round(0, input), 27) * TS_P1 + TS_P4;
}

TS_INLINE uint64_t ts_hash_4(uint64_t hash, uint32_t input)
{
    return ts_rotate(hash ^ (uint64_t)input * TS_P1, 23) * TS_P2 + TS_P3;
}

TS_INLINE uint64_t ts_hash_1(uint64_t hash, uint8_t input) { return ts_rotate(hash ^ input * TS_P5, 11) * TS_P1; }

TS_INLINE uint64_t ts_hash_finish(uint64_t hash)
{
    hash = (hash ^ (hash >> 33)) * TS_P2;
    hash = (hash ^ (hash >> 29)) * TS_P3;
    return hash ^ (hash >> 32);
}

static uint64_t ts_hash_stripes(const uint8_t *data, size_t size)
{
    uint64_t a = TS_P1 + TS_P2, b = TS_P2, c = 0, d = 0 - TS_P1;
    for (size_t left = size; left >= 32; left -= 32, data += 32) {
        a = ts_hash_round(a, ts_load64(data));
        b = ts_hash_round(b, ts_load64(data + 8));
        c = ts_hash_round(c, ts_load64(data + 16));
        d = ts_hash_round(d, ts_load64(data + 24));
    }
    uint64_t hash = ts_rotate(a, 1) + ts_rotate(b, 7) + ts_rotate(c, 12) + ts_rotate(d, 18);
    hash = ts_hash_fold(hash, a);
    hash = ts_hash_fold(hash, b);
    hash = ts_hash_fold(hash, c);
    return ts_hash_fold(hash, d);
}

TS_INLINE uint64_t ts_hash64(const uint8_t *data, size_t size)
{
    uint64_t hash = size >= 32 ? ts_hash_stripes(data, size) : TS_P5;
    const uint8_t *end = data + size;
    hash += size;
    data += size & ~(size_t)31;
    for (; end - data >= 8; data += 8) hash = ts_hash_8(hash, ts_load64(data));
    if (end - data >= 4) {
        hash = ts_hash_4(hash, ts_load32(data));
        data += 4;
    }
    for (; data < end; data++) hash = ts_hash_1(hash, *data);
    return ts_hash_finish(hash);
}

/* The hash of the last `size` bytes of a word taken big-endian; `size` is a constant where this is inlined. */
TS_INLINE uint64_t ts_hash_word(uint64_t word, unsigned size)
{
    uint64_t input = __builtin_bswap64(word << (64 - 8 * size));
    uint64_t hash = TS_P5 + size;
    if (size == 8) return ts_hash_finish(ts_hash_8(hash, input));
    unsigned used = 0;
    if (size >= 4) {
        hash = ts_hash_4(hash, (uint32_t)input);
        used = 4;
    }
    for (; used < size; used++) hash = ts_hash_1(hash, (uint8_t)(input >> (8 * used)));
    return ts_hash_finish(hash);
}

#define TS_HASH_WORDS(SIZE) \
    TS_CLONES static void ts_hash_words_##SIZE(const uint64_t *words, size_t count, uint64_t *out) \
    { \
        for (size_t i = 0; i < count; i++) out[i] = ts_hash_word(words[i], SIZE); \
    }
TS_HASH_WORDS(1)
TS_HASH_WORDS(2)
TS_HASH_WORDS(3)
TS_HASH_WORDS(4)
TS_HASH_WORDS(5)
TS_HASH_WORDS(6)
TS_HASH_WORDS(7)
TS_HASH_WORDS(8)

static void ts_hash_words(const uint64_t *words, size_t count, unsigned size, uint64_t *out)
{
    switch (size) {
    case 1: ts_hash_words_1(words, count, out); break;
    case 2: ts_hash_words_2(words, count, out); break;
    case 3: ts_hash_words_3(words, count, out); break;
    case 4: ts_hash_words_4(words, count, out); break;
    case 5: ts_hash_words_5(words, count, out); break;
    case 6: ts_hash_words_6(words, count, out); break;
    case 7: ts_hash_words_7(words, count, out); break;
    default: ts_hash_words_8(words, count, out); break;
    }
}

static void ts_hash_keys(const int64_t *offsets, const uint8_t *data, size_t count, uint64_t *out)
{
    for (size_t i = 0; i < count; i++) out[i] = ts_hash64(data + offsets[i], (size_t)(offsets[i + 1] - offsets[i]));
}

/* bucket = (hash × count) >> 64 (spec §3.4). */
static void ts_buckets(const uint64_t *hashes, size_t rows, uint32_t count, uint32_t *out)
{
    for (size_t i = 0; i < rows; i++) out[i] = (uint32_t)(((unsigned __int128)hashes[i] * count) >> 64);
}

#endif
