/* Cutting runs into windows, and the choice of a way through each; see merge.h. */
#ifndef TABLESTORE_MERGE_WINDOW_H
#define TABLESTORE_MERGE_WINDOW_H

#include "merge.h"
#include "wide.h"

#define TS_WIDE_SAMPLE 32 /* rows of each run looked at first */

static int ts_workspace_allocate(ts_workspace *space, size_t capacity, size_t runs, int with_keys)
{
    memset(space, 0, sizeof *space);
    space->capacity = capacity;
    const size_t rows = capacity + 1, slots = TS_TABLE_RATIO * rows + 1;
    space->block = malloc(TS_AREAS * rows * sizeof(ts_pair) + 3 * runs * sizeof(size_t) + slots * sizeof(uint32_t));
    space->parts = malloc((runs + 1) * sizeof(ts_part));
    if (!space->block || !space->parts || (with_keys && ts_order_allocate(&space->order, capacity) < 0)) return TS_NO_MEMORY;
    for (size_t area = 0; area < TS_AREAS; area++) space->areas[area] = space->block + area * rows;
    space->low = (size_t *)(space->block + TS_AREAS * rows);
    space->high = space->low + runs;
    space->starts = space->high + runs;
    space->table = (uint32_t *)(space->starts + runs);
    return 0;
}

static void ts_workspace_free(ts_workspace *space, int with_keys)
{
    free(space->block);
    free(space->parts);
    if (with_keys) ts_order_free(&space->order);
}

static ts_prefix_plan ts_plan_window(const ts_keys *keys, const size_t *low, const size_t *high, size_t runs)
{
    const uint8_t *first = ts_key_at(keys, low[0]);
    size_t shared = ts_key_size(keys, low[0]), least = shared, most = shared;
    for (size_t r = 0; r < runs; r++) {
        const size_t ends[2] = {low[r], high[r] - 1};
        for (int e = 0; e < 2; e++) {
            size_t size = ts_key_size(keys, ends[e]);
            shared = ts_shared_prefix(first, ts_key_at(keys, ends[e]), size < shared ? size : shared, keys->end);
        }
        for (size_t row = low[r]; row < high[r]; row++) {
            size_t size = ts_key_size(keys, row);
            least = size < least ? size : least;
            most = size > most ? size : most;
        }
    }
    return ts_plan_words(shared, least, most);
}

/* Looks for words of keys that one word of eight bytes does not decide (see wide.h): a few rows of each run tell whether the bits in use
 * may fit, then all do. The words are left in order.scratch. */
static int ts_widen_window(const ts_keys *keys, ts_workspace *space, const size_t *low, const size_t *high, size_t runs,
                           const ts_prefix_plan *prefix)
{
    ts_wide_plan plan;
    uint64_t *first = space->order.words, *second = space->order.elements;
    size_t count = 0;
    int ascending;
    if (!ts_wide_lengths(prefix, &plan)) return 0;
    for (int all = 0; all < 2; all++) {
        count = 0;
        for (size_t r = 0; r < runs; r++) {
            const size_t stop = all || high[r] - low[r] < TS_WIDE_SAMPLE ? high[r] : low[r] + TS_WIDE_SAMPLE;
            ts_wide_load(&plan, keys, low[r], stop, first + count, second + count);
            count += stop - low[r];
        }
        if (!ts_wide_fits(&plan, ts_bits_in_use(first, count, &ascending), ts_bits_in_use(second, count, &ascending))) return 0;
    }
    ts_wide_join(&plan, first, second, count, space->order.scratch);
    return 1;
}

/* Fills area 0 with the window; `words` of its rows, or NULL to make them of keys. */
static void ts_fill_window(const ts_source *source, ts_workspace *space, const size_t *low, const size_t *high, size_t runs,
                           const ts_prefix_plan *plan, const uint64_t *words)
{
    ts_pair *pair = space->areas[0];
    for (size_t r = 0; r < runs; r++) {
        const uint64_t *run_words = source->words ? source->words + low[r] : words;
        const size_t count = high[r] - low[r];
        space->parts[r] = (ts_part){pair, count};
        space->starts[r] = (size_t)(pair - space->areas[0]);
        if (run_words)
            for (size_t i = 0; i < count; i++) *pair++ = (ts_pair){run_words[i], low[r] + i};
        else
            for (size_t row = low[r]; row < high[r]; row++)
                *pair++ = (ts_pair){ts_key_word(&source->keys, row, plan->skip, plan->form), row};
        if (words) words += count;
    }
}

/* The span of the words of a window if a table pays, otherwise 0. A table costs its slots, a cascade the levels each row goes through:
 * measured, a level is as dear as 1.5 slots, and a table has half a slot for each row on top. */
static uint64_t ts_table_span(const ts_source *source, const size_t *low, const size_t *high, size_t runs, size_t total,
                              uint64_t *first)
{
    uint64_t last = 0, levels = 0;
    *first = UINT64_MAX;
    for (size_t r = 0; r < runs; r++) {
        const uint64_t head = source->words[low[r]], tail = source->words[high[r] - 1];
        *first = head < *first ? head : *first;
        last = tail > last ? tail : last;
        levels += (high[r] - low[r]) * (ts_bit_length(total) - ts_bit_length(high[r] - low[r]));
    }
    uint64_t slots = 3 * levels > total ? (3 * levels - total) / 2 : 0;
    if (slots > TS_TABLE_RATIO * total) slots = TS_TABLE_RATIO * total;
    return last >= *first && last - *first < slots ? last - *first + 1 : 0;
}

static size_t ts_merge_window(const ts_source *source, ts_workspace *space, const size_t *low, const size_t *high, size_t runs,
                              uint32_t *out);

/* One run holds nearly all rows of the window: merge the others, then gallop. */
static size_t ts_merge_small(const ts_source *source, ts_workspace *space, const size_t *low, const size_t *high, size_t runs,
                             size_t large, size_t few, uint32_t *out)
{
    size_t *other_low = malloc((2 * runs + 1) * sizeof(size_t)), *other_high = other_low + runs;
    uint32_t *rows = malloc((few + TS_SLACK) * sizeof(uint32_t));
    size_t made = SIZE_MAX, others = 0;
    if (other_low && rows) {
        for (size_t r = 0; r < runs; r++)
            if (r != large) other_low[others] = low[r], other_high[others++] = high[r];
        size_t count = ts_merge_window(source, space, other_low, other_high, others, rows);
        if (count != SIZE_MAX) made = ts_gallop(source, rows, count, low[large], high[large], out);
    }
    free(other_low);
    free(rows);
    return made;
}

/* Merges rows low[r] .. high[r] (not empty) of each run, oldest run first; returns the number of winners, SIZE_MAX without memory. */
static size_t ts_merge_window(const ts_source *source, ts_workspace *space, const size_t *low, const size_t *high, size_t runs,
                              uint32_t *out)
{
    size_t large = 0, total = 0;
    for (size_t r = 0; r < runs; r++) {
        total += high[r] - low[r];
        if (high[r] - low[r] > high[large] - low[large]) large = r;
    }
    if (runs == 1) {
        ts_emit_range(out, low[0], high[0]);
        return total;
    }
    const size_t few = total - (high[large] - low[large]);
    if (few * TS_GALLOP_RATIO <= total - few) return ts_merge_small(source, space, low, high, runs, large, few, out);

    ts_prefix_plan plan = {.form = TS_WORD_FULL, .exact = 1};
    const uint64_t *words = NULL;
    if (source->words) {
        uint64_t first, span = ts_table_span(source, low, high, runs, total, &first);
        if (span) return ts_merge_table(source, space->table, low, high, runs, first, span, out);
    } else {
        plan = ts_plan_window(&source->keys, low, high, runs);
        if (!plan.exact && ts_widen_window(&source->keys, space, low, high, runs, &plan)) {
            plan.exact = 1;
            words = space->order.scratch;
        }
    }
    ts_fill_window(source, space, low, high, runs, &plan, words);
    const int unique = plan.exact && !source->rank;
    size_t count = ts_cascade(space, space->parts, space->starts, runs, unique ? 2 : 1, unique);
    if (unique && count == 2) return ts_merge_unique_rows(&space->parts[0], &space->parts[1], out);
    if (plan.exact) return ts_emit_merged(source, space->parts[0].pairs, space->parts[0].count, out);
    return ts_emit_repaired(source, space, &space->parts[0], &plan, out);
}

/* Sets high[] so that the window has at most 2 × rows rows, all below one key, and at least one row. */
static void ts_choose_window(const ts_source *source, const size_t *low, size_t *high, const size_t *end, size_t runs, size_t rows)
{
    size_t total = 0, largest = 0;
    for (size_t r = 0; r < runs; r++) {
        high[r] = end[r];
        total += end[r] - low[r];
        if (end[r] - low[r] > end[largest] - low[largest]) largest = r;
    }
    if (total <= 2 * rows) return;
    size_t cut = (size_t)((double)(end[largest] - low[largest]) * ((double)rows / (double)total));
    cut = low[largest] + (cut ? cut : 1);
    for (;;) {
        size_t next = 0;
        total = 0;
        for (size_t r = 0; r < runs; r++) {
            high[r] = r == largest ? cut : ts_lower_row(source, cut, low[r], high[r]);
            total += high[r] - low[r];
            if (high[r] - low[r] > high[next] - low[next]) next = r;
        }
        if (total <= 2 * rows) return;
        largest = next;
        cut = low[largest] + (high[largest] - low[largest]) / 2;
    }
}

/* If one run begins with at least TS_RANGE_MIN rows that lie before all other runs, returns it and the end of these rows. */
static size_t ts_leading_range(const ts_source *source, const size_t *low, const size_t *end, size_t runs, size_t *stop)
{
    size_t first = 0, second = SIZE_MAX;
    for (size_t r = 1; r < runs; r++) {
        if (ts_compare_rows(source, low[r], low[first]) < 0)
            second = first, first = r;
        else if (second == SIZE_MAX || ts_compare_rows(source, low[r], low[second]) < 0)
            second = r;
    }
    *stop = second == SIZE_MAX ? end[first] : ts_lower_row(source, low[second], low[first], end[first]);
    return second == SIZE_MAX || *stop - low[first] >= TS_RANGE_MIN ? first : SIZE_MAX;
}

/* Merges runs that end at run_end[], oldest first, into `out`, which has room for TS_SLACK rows more than there are; returns the number of
 * winners or TS_NO_MEMORY. */
static int64_t ts_merge(const ts_source *source, const int64_t *run_end, size_t runs, uint32_t *out)
{
    const size_t rows = runs ? (size_t)run_end[runs - 1] : 0;
    size_t window = TS_WINDOW_ROWS > 64 * runs ? TS_WINDOW_ROWS : 64 * runs;
    if (window > rows) window = rows;
    ts_workspace space;
    int64_t result = TS_NO_MEMORY;
    size_t *low = malloc((2 * runs + 1) * sizeof(size_t)), *end = low + runs;
    if (!low || ts_workspace_allocate(&space, 2 * window, runs, !source->words) < 0) goto done;
    size_t live = 0, made = 0;
    for (size_t r = 0; r < runs; r++) {
        low[live] = r ? (size_t)run_end[r - 1] : 0;
        end[live] = (size_t)run_end[r];
        live += end[live] > low[live];
    }
    while (live) {
        size_t stop, lone = ts_leading_range(source, low, end, live, &stop);
        if (lone != SIZE_MAX) {
            ts_emit_range(out + made, low[lone], stop);
            made += stop - low[lone];
            low[lone] = stop;
        } else {
            ts_choose_window(source, low, space.high, end, live, window);
            size_t filled = 0, part = 0;
            size_t *part_low = space.low, *part_high = space.high;
            for (size_t r = 0; r < live; r++) {
                size_t from = low[r], to = part_high[r];
                low[r] = to;
                if (from < to) part_low[part] = from, part_high[part++] = to;
            }
            filled = ts_merge_window(source, &space, part_low, part_high, part, out + made);
            if (filled == SIZE_MAX) goto done;
            made += filled;
        }
        size_t kept = 0;
        for (size_t r = 0; r < live; r++)
            if (low[r] < end[r]) low[kept] = low[r], end[kept++] = end[r];
        live = kept;
    }
    result = (int64_t)made;
done:
    if (low) ts_workspace_free(&space, !source->words);
    free(low);
    return result;
}

#endif
