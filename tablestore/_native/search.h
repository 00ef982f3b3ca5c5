/* Binary searches in sorted keys. */
#ifndef TABLESTORE_SEARCH_H
#define TABLESTORE_SEARCH_H

#include "keys.h"

/* First position in [low, high) whose word is not less than `key`, or `high`. */
TS_INLINE size_t ts_lower_word(const uint64_t *words, size_t low, size_t high, uint64_t key)
{
    size_t count = high - low;
    while (count) {
        size_t half = count >> 1;
        uint64_t less = 0 - (uint64_t)(words[low + half] < key);
        TS_OPAQUE(less);
        low += (half + 1) & less;
        count = half ^ ((half ^ (count - half - 1)) & less);
    }
    return low;
}

/* First row in [low, high) whose key is not less than the key given, or `high`. */
static size_t ts_lower_key(const ts_keys *keys, size_t low, size_t high, const uint8_t *key, size_t size)
{
    while (low < high) {
        size_t middle = low + ((high - low) >> 1);
        if (ts_compare_bytes(ts_key_at(keys, middle), ts_key_size(keys, middle), key, size) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#define TS_PROBES 16

/* The row of each probe, or -1. Probes step together so that their cache misses overlap. */
static void ts_search_words(const uint64_t *sorted, size_t rows, const uint64_t *probes, size_t count, int64_t *out)
{
    for (size_t start = 0; start < count; start += TS_PROBES) {
        size_t lanes = count - start < TS_PROBES ? count - start : TS_PROBES;
        size_t low[TS_PROBES] = {0};
        for (size_t left = rows; left > 1; left -= left >> 1) {
            size_t half = left >> 1;
            for (size_t lane = 0; lane < lanes; lane++) {
                uint64_t less = 0 - (uint64_t)(sorted[low[lane] + half - 1] < probes[start + lane]);
                TS_OPAQUE(less);
                low[lane] += half & less;
            }
        }
        for (size_t lane = 0; lane < lanes; lane++)
            out[start + lane] = rows && sorted[low[lane]] == probes[start + lane] ? (int64_t)low[lane] : -1;
    }
}

static void ts_search_keys(const ts_keys *keys, size_t rows, const ts_keys *probes, size_t count, int64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *probe = ts_key_at(probes, i);
        size_t size = ts_key_size(probes, i), row = ts_lower_key(keys, 0, rows, probe, size);
        int found = row < rows && ts_compare_bytes(ts_key_at(keys, row), ts_key_size(keys, row), probe, size) == 0;
        out[i] = found ? (int64_t)row : -1;
    }
}


/* Files whose blocks stand one after another: those of file f are [start[f], start[f + 1]), in key order. */

/* The block of each (file, probe) whose first and last key enclose the probe, or -1: at most one. */
static void ts_locate_words(const uint64_t *first, const uint64_t *last, const int64_t *start, const uint32_t *file,
                            const uint32_t *probe, const uint64_t *probes, size_t count, int64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        const uint64_t word = probes[probe[i]];
        const size_t end = (size_t)start[file[i] + 1], block = ts_lower_word(last, (size_t)start[file[i]], end, word);
        out[i] = block < end && first[block] <= word ? (int64_t)block : -1;
    }
}

/* Bounds are the first `limit` bytes of keys (spec §3.5), so that several blocks may enclose a probe: *blocks of them,
   from the one returned on. */
TS_INLINE size_t ts_locate_key(const ts_keys *first, const ts_keys *last, size_t low, size_t end, const uint8_t *key,
                               size_t size, size_t limit, int64_t *blocks)
{
    const size_t bound = size < limit ? size : limit, block = ts_lower_key(last, low, end, key, bound);
    size_t next = block;
    while (next < end && ts_compare_bytes(ts_key_at(first, next), ts_key_size(first, next), key, bound) <= 0) next++;
    *blocks = (int64_t)(next - block);
    return block;
}

static void ts_locate_keys(const ts_keys *first, const ts_keys *last, const int64_t *start, const uint32_t *file,
                           const uint32_t *probe, const ts_keys *probes, size_t count, size_t limit, int64_t *out,
                           int64_t *blocks)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (int64_t)ts_locate_key(first, last, (size_t)start[file[i]], (size_t)start[file[i] + 1],
                                        ts_key_at(probes, probe[i]), ts_key_size(probes, probe[i]), limit, &blocks[i]);
}

/* The row of each probe among the ascending rows [start[block], start[block + 1]), or -1. Probes step together. */
static void ts_find_words(const uint64_t *words, const int64_t *start, const uint32_t *block, const uint32_t *probe,
                          const uint64_t *probes, size_t count, int64_t *out)
{
    for (size_t from = 0; from < count; from += TS_PROBES) {
        const size_t lanes = count - from < TS_PROBES ? count - from : TS_PROBES;
        size_t low[TS_PROBES], left[TS_PROBES], most = 0;
        uint64_t key[TS_PROBES];
        for (size_t lane = 0; lane < lanes; lane++) {
            const uint32_t number = block[from + lane];
            low[lane] = (size_t)start[number];
            left[lane] = (size_t)(start[number + 1] - start[number]);
            key[lane] = probes[probe[from + lane]];
            if (left[lane] > most) most = left[lane];
        }
        for (; most > 1; most -= most >> 1)
            for (size_t lane = 0; lane < lanes; lane++) {
                const size_t half = left[lane] >> 1;
                uint64_t less = 0 - (uint64_t)(half && words[low[lane] + half - 1] < key[lane]);
                TS_OPAQUE(less);
                low[lane] += half & less;
                left[lane] -= half;
            }
        for (size_t lane = 0; lane < lanes; lane++)
            out[from + lane] = left[lane] && words[low[lane]] == key[lane] ? (int64_t)low[lane] : -1;
    }
}

static void ts_find_keys(const ts_keys *keys, const int64_t *start, const uint32_t *block, const uint32_t *probe,
                         const ts_keys *probes, size_t count, int64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *key = ts_key_at(probes, probe[i]);
        const size_t size = ts_key_size(probes, probe[i]), end = (size_t)start[block[i] + 1];
        const size_t row = ts_lower_key(keys, (size_t)start[block[i]], end, key, size);
        const int found = row < end && ts_compare_bytes(ts_key_at(keys, row), ts_key_size(keys, row), key, size) == 0;
        out[i] = found ? (int64_t)row : -1;
    }
}

#endif
