/* Encoded keys of any length: row r is data[offsets[r] .. offsets[r+1]) (spec §3.2). */
#ifndef TABLESTORE_KEYS_H
#define TABLESTORE_KEYS_H

#include "machine.h"

typedef struct {
    const int64_t *offsets;
    const uint8_t *data;
    const uint8_t *end; /* of the data: nothing is read from here on */
} ts_keys;

TS_INLINE size_t ts_key_size(const ts_keys *keys, size_t row)
{
    return (size_t)(keys->offsets[row + 1] - keys->offsets[row]);
}

TS_INLINE const uint8_t *ts_key_at(const ts_keys *keys, size_t row) { return keys->data + keys->offsets[row]; }

/* Offsets ascend and stay inside the data; checked once for each call, so that kernels need not. */
TS_CLONES static int ts_offsets_valid(const int64_t *offsets, size_t rows, size_t data_size)
{
    uint64_t wrong = 0;
    for (size_t i = 0; i < rows; i++) wrong |= (uint64_t)(offsets[i + 1] < offsets[i]);
    return !wrong && offsets[0] >= 0 && (uint64_t)offsets[rows] <= data_size;
}

TS_INLINE int ts_sign(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

/* Like memcmp, then by size. The last step of a longer stretch overlaps bytes that are known to be equal. */
TS_INLINE int ts_compare_bytes(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    const size_t shared = a_size < b_size ? a_size : b_size;
    if (shared >= 8) {
        for (size_t at = 0; at + 8 < shared; at += 8) {
            const uint64_t x = ts_load64(a + at), y = ts_load64(b + at);
            if (x != y) return ts_sign(__builtin_bswap64(x), __builtin_bswap64(y));
        }
        const uint64_t x = ts_load64_big(a + shared - 8), y = ts_load64_big(b + shared - 8);
        return x != y ? ts_sign(x, y) : ts_sign(a_size, b_size);
    }
    if (shared >= 4) {
        const uint64_t x = (uint64_t)__builtin_bswap32(ts_load32(a)) << 32 | __builtin_bswap32(ts_load32(a + shared - 4));
        const uint64_t y = (uint64_t)__builtin_bswap32(ts_load32(b)) << 32 | __builtin_bswap32(ts_load32(b + shared - 4));
        return x != y ? ts_sign(x, y) : ts_sign(a_size, b_size);
    }
    for (size_t at = 0; at < shared; at++)
        if (a[at] != b[at]) return ts_sign(a[at], b[at]);
    return ts_sign(a_size, b_size);
}

/* Both keys are at least `skip` bytes long and agree on these. */
TS_INLINE int ts_compare_keys(const ts_keys *keys, size_t a, size_t b, size_t skip)
{
    return ts_compare_bytes(ts_key_at(keys, a) + skip, ts_key_size(keys, a) - skip, ts_key_at(keys, b) + skip,
                            ts_key_size(keys, b) - skip);
}

/* How many of the first `limit` bytes agree. */
TS_INLINE size_t ts_shared_prefix(const uint8_t *a, const uint8_t *b, size_t limit, const uint8_t *data_end)
{
    size_t at = 0;
    for (; at < limit; at += 8) {
        if ((size_t)(data_end - a) < at + 8 || (size_t)(data_end - b) < at + 8) {
            while (at < limit && a[at] == b[at]) at++;
            return at;
        }
        const uint64_t differ = ts_load64(a + at) ^ ts_load64(b + at);
        if (differ) {
            at += (size_t)(__builtin_ctzll(differ) >> 3);
            break;
        }
    }
    return at < limit ? at : limit;
}

/* The first eight bytes at `from`, big-endian, zero-padded where fewer than eight are `left`. */
TS_INLINE uint64_t ts_prefix_word(const uint8_t *from, size_t left, const uint8_t *data_end)
{
    if (left >= 8) return ts_load64_big(from);
    if (left == 0) return 0;
    uint64_t word = 0;
    if (data_end - from >= 8)
        word = ts_load64_big(from);
    else
        for (size_t i = 0; i < left; i++) word |= (uint64_t)from[i] << (56 - 8 * i);
    return word & (~0ull << (64 - 8 * left));
}

/* How eight bytes after a common prefix stand for a key. Zero padding alone cannot tell "a" from "a\0", therefore: */
enum {
    TS_WORD_FULL,   /* eight bytes; only where all keys are equally long, or all have eight bytes left */
    TS_WORD_MARKED, /* seven bytes, then min(bytes left, 8): equal words with a mark below 8 are equal keys */
};

TS_INLINE uint64_t ts_key_word(const ts_keys *keys, size_t row, size_t skip, int form)
{
    size_t size = ts_key_size(keys, row);
    size_t left = size > skip ? size - skip : 0;
    uint64_t word = ts_prefix_word(ts_key_at(keys, row) + (left ? skip : 0), left, keys->end);
    if (form == TS_WORD_FULL) return word;
    return (word & ~0xFFull) | (left < 8 ? left : 8);
}

/* How a set of keys becomes words: the prefix that all share, the form, and whether equal words are equal keys. */
typedef struct {
    size_t skip, least, most; /* least and most: bytes left after the prefix */
    int form, exact;
} ts_prefix_plan;

/* For keys that share `shared` bytes and are `least` to `most` bytes long. */
TS_INLINE ts_prefix_plan ts_plan_words(size_t shared, size_t least, size_t most)
{
    const size_t skip = shared < least ? shared : least;
    ts_prefix_plan plan = {skip, least - skip, most - skip, TS_WORD_MARKED, most - skip <= 7};
    if (least == most || plan.least >= 8) {
        plan.form = TS_WORD_FULL;
        plan.exact = plan.most <= 8;
    }
    return plan;
}

/* Whether rows with this word have equal keys; if not, they agree on ts_word_bytes more bytes. */
TS_INLINE int ts_word_decides(const ts_prefix_plan *plan, uint64_t word)
{
    return plan->exact || (plan->form == TS_WORD_MARKED && (word & 0xFF) < 8);
}

TS_INLINE size_t ts_word_bytes(const ts_prefix_plan *plan) { return plan->form == TS_WORD_FULL ? 8 : 7; }

#endif
