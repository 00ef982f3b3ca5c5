/* Keys of up to 16 bytes after the common prefix whose bits in use fit one word: composite keys of integers, digits. */
#ifndef TABLESTORE_WIDE_H
#define TABLESTORE_WIDE_H

#include "keys.h"
#include "packing.h"

/* The second word of keys that may differ in length is marked (see keys.h), so that zero padding cannot make two of them equal. */
typedef struct {
    size_t skip;
    int low_form;
    ts_packing high, low;
} ts_wide_plan;

/* Whether the lengths allow it. */
TS_INLINE int ts_wide_lengths(const ts_prefix_plan *prefix, ts_wide_plan *plan)
{
    const int equal = prefix->least == prefix->most;
    plan->skip = prefix->skip;
    plan->low_form = equal ? TS_WORD_FULL : TS_WORD_MARKED;
    return prefix->most <= (equal ? 16u : 15u);
}

/* Both words of rows [start, stop). A mark of the second counts all bytes after the prefix, 0 to 15. */
static void ts_wide_load(const ts_wide_plan *plan, const ts_keys *keys, size_t start, size_t stop, uint64_t *high, uint64_t *low)
{
    for (size_t row = start; row < stop; row++) {
        const uint8_t *from = ts_key_at(keys, row) + plan->skip;
        const size_t left = ts_key_size(keys, row) - plan->skip;
        uint64_t second = left > 8 ? ts_prefix_word(from + 8, left - 8, keys->end) : 0;
        if (plan->low_form == TS_WORD_MARKED) second |= left;
        *high++ = ts_prefix_word(from, left, keys->end);
        *low++ = second;
    }
}

/* Whether bits in use fit one word; then fills the plan. */
static int ts_wide_fits(ts_wide_plan *plan, uint64_t high_bits, uint64_t low_bits)
{
    plan->high = ts_plan_packing(high_bits, 1);
    plan->low = ts_plan_packing(low_bits, 1);
    return plan->high.bits + plan->low.bits <= 64;
}

/* words[i] = the bits in use of both; `words` may not overlap the others. */
TS_CLONES static void ts_wide_join(const ts_wide_plan *plan, const uint64_t *high, const uint64_t *low, size_t count, uint64_t *words)
{
    memset(words, 0, count * sizeof(uint64_t));
    for (size_t start = 0; start < count; start += TS_PACK_ROWS) {
        const size_t rows = count - start < TS_PACK_ROWS ? count - start : TS_PACK_ROWS;
        ts_append_bits(&plan->high, high + start, rows, words + start);
        ts_append_bits(&plan->low, low + start, rows, words + start);
    }
}

#endif
