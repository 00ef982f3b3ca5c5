/* Ordering rows by encoded keys: strip what all keys share, sort by the next eight bytes as integers, repeat where these agree. */
#ifndef TABLESTORE_ORDER_H
#define TABLESTORE_ORDER_H

#include "keys.h"
#include "sort.h"

#define TS_COMPARE_MAX 12 /* groups up to this size are ordered by direct comparison */
#define TS_ORDER_DEPTH 8  /* hostile keys could make every round tell apart one key only */

/* Arrays as long as the rows to be ordered; a group of rows uses the same stretch of each. */
typedef struct {
    uint32_t *rows, *rows_copy;
    uint64_t *words, *elements, *scratch;
    uint8_t *equal; /* 1 where a row has the key of the row before it */
} ts_order;

static ts_order ts_order_from(const ts_order *whole, size_t start)
{
    ts_order part = {whole->rows + start,     whole->rows_copy + start, whole->words + start,
                     whole->elements + start, whole->scratch + start,   whole->equal + start};
    return part;
}

static int ts_order_allocate(ts_order *order, size_t rows)
{
    uint64_t *block = malloc((rows + 1) * (3 * sizeof(uint64_t) + 2 * sizeof(uint32_t) + 1));
    if (!block) return TS_NO_MEMORY;
    order->words = block;
    order->elements = block + (rows + 1);
    order->scratch = block + 2 * (rows + 1);
    order->rows = (uint32_t *)(block + 3 * (rows + 1));
    order->rows_copy = order->rows + (rows + 1);
    order->equal = (uint8_t *)(order->rows_copy + (rows + 1));
    return 0;
}

static void ts_order_free(ts_order *order) { free(order->words); }

/* Marked words (see keys.h) instead of keys are compared first; rows whose words do not decide are compared in full. */
static void ts_order_by_insertion(const ts_keys *keys, const ts_order *order, size_t count, size_t skip)
{
    uint64_t words[TS_COMPARE_MAX];
    uint32_t *rows = order->rows;
    for (size_t i = 0; i < count; i++) {
        const uint32_t row = rows[i];
        const uint64_t word = ts_key_word(keys, row, skip, TS_WORD_MARKED);
        size_t at = i;
        int compared = 1; /* sign of (row before) - row */
        while (at) {
            compared = ts_sign(words[at - 1], word);
            if (!compared && (word & 0xFF) == 8) compared = ts_compare_keys(keys, rows[at - 1], row, skip + 7);
            if (compared <= 0) break;
            rows[at] = rows[at - 1];
            words[at] = words[at - 1];
            order->equal[at] = at > 1 ? order->equal[at - 1] : 0;
            at--;
        }
        if (at < i) order->equal[at + 1] = 0;
        rows[at] = row;
        words[at] = word;
        if (at) order->equal[at] = compared == 0;
    }
}

/* Bottom-up merge sort with full comparisons: n log n whatever the keys are. */
static void ts_order_by_merging(const ts_keys *keys, const ts_order *order, size_t count, size_t skip)
{
    uint32_t *from = order->rows, *to = order->rows_copy;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t start = 0; start < count; start += 2 * width) {
            size_t middle = start + width < count ? start + width : count;
            size_t stop = middle + width < count ? middle + width : count;
            size_t a = start, b = middle, at = start;
            while (a < middle && b < stop) to[at++] = ts_compare_keys(keys, from[a], from[b], skip) <= 0 ? from[a++] : from[b++];
            while (a < middle) to[at++] = from[a++];
            while (b < stop) to[at++] = from[b++];
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != order->rows) memcpy(order->rows, from, count * sizeof(uint32_t));
    for (size_t i = 1; i < count; i++) order->equal[i] = ts_compare_keys(keys, order->rows[i - 1], order->rows[i], skip) == 0;
}

/* Sorts positions 0 .. count-1 by (word, position) into the low bits of `elements`; returns how many bits these are. */
static unsigned ts_order_words(const uint64_t *words, size_t count, uint64_t *elements, uint64_t *scratch)
{
    int ascending;
    const ts_packing plan = ts_plan_packing(ts_bits_in_use(words, count, &ascending), count);
    ts_pack(&plan, words, count, elements);
    ts_radix_sort(elements, scratch, count, plan.row_bits);
    if (plan.kept == plan.bits) return plan.row_bits;
    for (size_t start = 0; start < count;) {
        const size_t stop = ts_tie_end(elements, start, count, plan.row_bits);
        if (stop - start > 1) ts_sort_by_rest(words, elements + start, scratch + start, stop - start, &plan);
        start = stop;
    }
    return plan.row_bits;
}

/* The prefix that `count` rows share, which agree on `skip` bytes, and how what follows it becomes words. */
static ts_prefix_plan ts_plan_rows(const ts_keys *keys, const uint32_t *rows, size_t count, size_t skip)
{
    const uint8_t *first = ts_key_at(keys, rows[0]) + skip;
    size_t shared = ts_key_size(keys, rows[0]) - skip, least = shared, most = shared;
    for (size_t i = 1; i < count; i++) {
        const size_t left = ts_key_size(keys, rows[i]) - skip;
        shared = ts_shared_prefix(first, ts_key_at(keys, rows[i]) + skip, left < shared ? left : shared, keys->end);
        least = left < least ? left : least;
        most = left > most ? left : most;
    }
    return ts_plan_words(skip + shared, skip + least, skip + most);
}

/* Orders `count` (at least 1) rows by key, stably, and sets `equal` of all but the first. All keys agree on their first `skip` bytes. */
static void ts_order_rows(const ts_keys *keys, const ts_order *order, size_t count, size_t skip, int depth)
{
    if (count <= TS_COMPARE_MAX) {
        ts_order_by_insertion(keys, order, count, skip);
        return;
    }
    if (depth >= TS_ORDER_DEPTH) {
        ts_order_by_merging(keys, order, count, skip);
        return;
    }
    uint32_t *rows = order->rows;
    const ts_prefix_plan plan = ts_plan_rows(keys, rows, count, skip);
    for (size_t i = 0; i < count; i++) order->words[i] = ts_key_word(keys, rows[i], plan.skip, plan.form);
    const uint64_t mask = ts_low_mask(ts_order_words(order->words, count, order->elements, order->scratch));
    for (size_t i = 0; i < count; i++) {
        order->rows_copy[i] = rows[order->elements[i] & mask];
        order->scratch[i] = order->words[order->elements[i] & mask];
    }
    memcpy(rows, order->rows_copy, count * sizeof(uint32_t));
    memcpy(order->words, order->scratch, count * sizeof(uint64_t));
    for (size_t start = 0; start < count;) {
        const uint64_t word = order->words[start];
        size_t stop = start + 1;
        if (start) order->equal[start] = 0;
        while (stop < count && order->words[stop] == word) stop++;
        if (stop - start > 1) {
            const ts_order part = ts_order_from(order, start);
            if (ts_word_decides(&plan, word))
                memset(part.equal + 1, 1, stop - start - 1);
            else
                ts_order_rows(keys, &part, stop - start, plan.skip + ts_word_bytes(&plan), depth + 1);
        }
        start = stop;
    }
}

/* The winner of each key: the largest rank, then the row that comes last. `rows` and `out` may be the same array. */
static size_t ts_order_winners(const ts_order *order, size_t count, const uint64_t *rank, uint32_t *out)
{
    size_t made = 0;
    for (size_t i = 0; i < count;) {
        uint32_t best = order->rows[i++];
        for (; i < count && order->equal[i]; i++)
            if (!rank || rank[order->rows[i]] >= rank[best]) best = order->rows[i];
        out[made++] = best;
    }
    return made;
}

#endif
