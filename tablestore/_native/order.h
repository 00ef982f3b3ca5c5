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

static void ts_mark_equal(const ts_keys *keys, const ts_order *order, size_t count, size_t skip)
{
    for (size_t i = 1; i < count; i++) order->equal[i] = ts_compare_keys(keys, order->rows[i - 1], order->rows[i], skip) == 0;
}

static void ts_order_by_insertion(const ts_keys *keys, const ts_order *order, size_t count, size_t skip)
{
    uint32_t *rows = order->rows;
    for (size_t i = 1; i < count; i++) {
        uint32_t row = rows[i];
        size_t at = i;
        for (; at && ts_compare_keys(keys, rows[at - 1], row, skip) > 0; at--) rows[at] = rows[at - 1];
        rows[at] = row;
    }
    ts_mark_equal(keys, order, count, skip);
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
    ts_mark_equal(keys, order, count, skip);
}

/* Sorts positions 0 .. count-1 by (word, position) into the low bits of `elements`; returns how many bits these are. */
static unsigned ts_order_words(const uint64_t *words, size_t count, uint64_t *elements, uint64_t *scratch)
{
    int ascending;
    ts_packing plan = ts_plan_packing(ts_bits_in_use(words, count, &ascending), count);
    const uint64_t mask = ts_low_mask(plan.row_bits), rest = ts_low_mask(plan.top - plan.low - plan.kept);
    for (size_t i = 0; i < count; i++) elements[i] = ts_pack(&plan, words[i], (uint32_t)i);
    ts_radix_sort(elements, scratch, count, plan.row_bits);
    if (plan.kept == plan.top - plan.low) return plan.row_bits;
    for (size_t start = 0; start < count;) {
        size_t stop = start + 1;
        while (stop < count && !((elements[stop] ^ elements[start]) & ~mask)) stop++;
        if (stop - start > 1) {
            for (size_t i = start; i < stop; i++) {
                uint64_t row = elements[i] & mask;
                elements[i] = ((words[row] >> plan.low) & rest) << plan.row_bits | row;
            }
            ts_radix_sort(elements + start, scratch + start, stop - start, plan.row_bits);
        }
        start = stop;
    }
    return plan.row_bits;
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
    const uint8_t *first = ts_key_at(keys, rows[0]) + skip;
    size_t shared = ts_key_size(keys, rows[0]) - skip, least = shared, most = shared;
    for (size_t i = 1; i < count; i++) {
        size_t left = ts_key_size(keys, rows[i]) - skip;
        shared = ts_shared_prefix(first, ts_key_at(keys, rows[i]) + skip, left < shared ? left : shared);
        least = left < least ? left : least;
        most = left > most ? left : most;
    }
    if (shared == most) {
        memset(order->equal + 1, 1, count - 1);
        return;
    }
    skip += shared;
    const int form = least == most || least - shared >= 8 ? TS_WORD_FULL : TS_WORD_MARKED;
    const int exact = form == TS_WORD_FULL ? most - shared <= 8 : most - shared <= 7;
    for (size_t i = 0; i < count; i++) order->words[i] = ts_key_word(keys, rows[i], skip, form);
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
            ts_order part = ts_order_from(order, start);
            if (exact || (form == TS_WORD_MARKED && (word & 0xFF) < 8))
                memset(part.equal + 1, 1, stop - start - 1);
            else
                ts_order_rows(keys, &part, stop - start, skip + (form == TS_WORD_FULL ? 8 : 7), depth + 1);
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

/* Like ts_sort_words for keys of any length. */
static int64_t ts_sort_keys(const ts_keys *keys, const uint32_t *group, uint32_t groups, const uint64_t *rank, size_t rows,
                            uint32_t *out, int64_t *group_end)
{
    ts_order order;
    int64_t *next = malloc((groups + 1) * sizeof(int64_t));
    int64_t made = 0, start = 0;
    if (!next) return TS_NO_MEMORY;
    if (ts_order_allocate(&order, rows) < 0) {
        free(next);
        return TS_NO_MEMORY;
    }
    next[0] = 0;
    if (group && ts_count_groups(group, groups, rows, next) < 0) {
        made = TS_BAD_GROUP;
        goto done;
    }
    for (size_t i = 0; i < rows; i++) order.rows[next[group ? group[i] : 0]++] = (uint32_t)i;
    for (uint32_t g = 0; g < groups; g++) {
        int64_t stop = group || g == 0 ? next[g] : start;
        ts_order part = ts_order_from(&order, (size_t)start);
        if (stop > start) {
            ts_order_rows(keys, &part, (size_t)(stop - start), 0, 0);
            made += (int64_t)ts_order_winners(&part, (size_t)(stop - start), rank, out + made);
        }
        group_end[g] = made;
        start = stop;
    }
done:
    ts_order_free(&order);
    free(next);
    return made;
}

#endif
