/* Sorting a batch by keys of any length: as words after the prefix that all share, then the ties. */
#ifndef TABLESTORE_SORT_KEYS_H
#define TABLESTORE_SORT_KEYS_H

#include "order.h"
#include "wide.h"

#define TS_WIDE_BATCH_SAMPLE 256 /* rows looked at first */

/* As ts_plan_rows for all rows, in the order in which they lie in memory. */
static ts_prefix_plan ts_plan_batch(const ts_keys *keys, size_t rows)
{
    const uint8_t *first = ts_key_at(keys, 0);
    size_t shared = ts_key_size(keys, 0), least = shared, most = shared;
    for (size_t row = 1; row < rows; row++) {
        const size_t size = ts_key_size(keys, row);
        shared = ts_shared_prefix(first, ts_key_at(keys, row), size < shared ? size : shared, keys->end);
        least = size < least ? size : least;
        most = size > most ? size : most;
    }
    return ts_plan_words(shared, least, most);
}

typedef struct {
    const ts_keys *keys;
    const uint64_t *words, *rank;
    ts_prefix_plan prefix;
    ts_packing packing;
    ts_order order; /* allocated if the words do not decide everything */
} ts_key_batch;

/* Winners of elements with equal words. */
static size_t ts_emit_tied(const ts_key_batch *batch, const uint64_t *elements, size_t count, uint64_t word, uint32_t *out)
{
    const uint64_t mask = ts_low_mask(batch->packing.row_bits), *rank = batch->rank;
    if (ts_word_decides(&batch->prefix, word)) {
        uint32_t best = (uint32_t)(elements[0] & mask);
        for (size_t i = 1; i < count; i++) {
            const uint32_t row = (uint32_t)(elements[i] & mask);
            if (!rank || rank[row] >= rank[best]) best = row;
        }
        *out = best;
        return 1;
    }
    for (size_t i = 0; i < count; i++) batch->order.rows[i] = (uint32_t)(elements[i] & mask);
    ts_order_rows(batch->keys, &batch->order, count, batch->prefix.skip + ts_word_bytes(&batch->prefix), 0);
    return ts_order_winners(&batch->order, count, rank, out);
}

/* Winners of one group, whose elements are sorted by the high bits of their words. */
static size_t ts_emit_keys(const ts_key_batch *batch, uint64_t *elements, uint64_t *scratch, size_t count, uint32_t *out)
{
    const ts_packing *packing = &batch->packing;
    const uint64_t mask = ts_low_mask(packing->row_bits), *words = batch->words;
    size_t made = 0;
    for (size_t start = 0; start < count;) {
        const size_t stop = ts_tie_end(elements, start, count, packing->row_bits);
        if (stop - start == 1) {
            out[made++] = (uint32_t)(elements[start++] & mask);
            continue;
        }
        if (packing->kept < packing->bits)
            ts_sort_by_rest(words, elements + start, scratch + start, stop - start, packing);
        while (start < stop) {
            const size_t end = ts_tie_end(elements, start, stop, packing->row_bits);
            made += ts_emit_tied(batch, elements + start, end - start, words[elements[start] & mask], out + made);
            start = end;
        }
    }
    return made;
}

/* Words of keys that one word of eight bytes does not decide (see wide.h), if the bits in use fit. */
static int ts_widen_batch(const ts_keys *keys, const ts_order *order, size_t rows, const ts_prefix_plan *prefix, uint64_t *words)
{
    ts_wide_plan plan;
    int ascending;
    if (!ts_wide_lengths(prefix, &plan)) return 0;
    for (int all = 0; all < 2; all++) {
        const size_t stop = all || rows < TS_WIDE_BATCH_SAMPLE ? rows : TS_WIDE_BATCH_SAMPLE;
        ts_wide_load(&plan, keys, 0, stop, order->words, order->elements);
        if (!ts_wide_fits(&plan, ts_bits_in_use(order->words, stop, &ascending), ts_bits_in_use(order->elements, stop, &ascending)))
            return 0;
    }
    ts_wide_join(&plan, order->words, order->elements, rows, words);
    return 1;
}

/* Like ts_sort_words for keys of any length. */
static int64_t ts_sort_keys(const ts_keys *keys, const uint32_t *group, uint32_t groups, const uint64_t *rank, size_t rows,
                            uint32_t *out, int64_t *group_end)
{
    int64_t made = TS_NO_MEMORY, start = 0;
    ts_batch sorted = {0};
    ts_key_batch batch = {.keys = keys, .rank = rank, .prefix = {.form = TS_WORD_FULL, .exact = 1}};
    uint64_t *words = malloc((rows + 1) * sizeof(uint64_t));
    if (!words) return made;
    if (rows) batch.prefix = ts_plan_batch(keys, rows);
    if (!batch.prefix.exact && ts_order_allocate(&batch.order, rows) < 0) goto done;
    if (!batch.prefix.exact && ts_widen_batch(keys, &batch.order, rows, &batch.prefix, words))
        batch.prefix.exact = 1;
    else
        for (size_t row = 0; row < rows; row++) words[row] = ts_key_word(keys, row, batch.prefix.skip, batch.prefix.form);
    made = ts_batch_sort(&sorted, words, group, groups, rows);
    batch.words = words;
    batch.packing = sorted.plan;
    for (uint32_t g = 0; made >= 0 && g < groups; g++) {
        const size_t count = (size_t)(sorted.next[g] - start);
        made += (int64_t)ts_emit_keys(&batch, sorted.elements + start, sorted.scratch + start, count, out + made);
        group_end[g] = made;
        start = sorted.next[g];
    }
done:
    ts_batch_free(&sorted);
    ts_order_free(&batch.order);
    free(words);
    return made;
}

#endif
