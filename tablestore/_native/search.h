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

#endif
