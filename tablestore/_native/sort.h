/* Sorting a batch for a flush: rows by (group, word), one winner per key. */
#ifndef TABLESTORE_SORT_H
#define TABLESTORE_SORT_H

#include "packing.h"

#define TS_NO_MEMORY (-1)
#define TS_BAD_GROUP (-2)

/* The winner of each key of a sorted, exact stretch: the largest rank, then the largest row. */
static size_t ts_emit_winners(const uint64_t *elements, size_t count, unsigned row_bits, const uint64_t *rank, uint32_t *out)
{
    const uint64_t mask = ts_low_mask(row_bits);
    size_t made = 0;
    if (!count) return 0;
    if (!rank) {
        for (size_t i = 0; i + 1 < count; i++) {
            out[made] = (uint32_t)(elements[i] & mask);
            made += ((elements[i] ^ elements[i + 1]) & ~mask) != 0;
        }
        out[made++] = (uint32_t)(elements[count - 1] & mask);
        return made;
    }
    uint32_t best = (uint32_t)(elements[0] & mask);
    for (size_t i = 1; i < count; i++) {
        uint32_t row = (uint32_t)(elements[i] & mask);
        if ((elements[i] ^ elements[i - 1]) & ~mask)
            out[made++] = best, best = row;
        else if (rank[row] >= rank[best])
            best = row;
    }
    out[made++] = best;
    return made;
}

/* As ts_emit_winners where only the high bits of the words fitted. */
static size_t ts_emit_partial(const uint64_t *words, uint64_t *elements, uint64_t *scratch, size_t count, const ts_packing *plan,
                              const uint64_t *rank, uint32_t *out)
{
    size_t made = 0;
    for (size_t start = 0; start < count;) {
        const size_t stop = ts_tie_end(elements, start, count, plan->row_bits);
        if (stop - start == 1) {
            out[made++] = (uint32_t)(elements[start] & ts_low_mask(plan->row_bits));
        } else {
            ts_sort_by_rest(words, elements + start, scratch + start, stop - start, plan);
            made += ts_emit_winners(elements + start, stop - start, plan->row_bits, rank, out + made);
        }
        start = stop;
    }
    return made;
}

/* Counts each group's rows into group_end and turns the counts into first positions. */
static int ts_count_groups(const uint32_t *group, uint32_t groups, size_t rows, int64_t *next)
{
    memset(next, 0, groups * sizeof(int64_t));
    uint32_t largest = 0;
    for (size_t i = 0; i < rows; i++) largest = group[i] > largest ? group[i] : largest;
    if (rows && largest >= groups) return TS_BAD_GROUP;
    for (size_t i = 0; i < rows; i++) next[group[i]]++;
    int64_t sum = 0;
    for (uint32_t g = 0; g < groups; g++) {
        int64_t count = next[g];
        next[g] = sum;
        sum += count;
    }
    return 0;
}

/* A batch, packed and sorted by (group, the high bits of its words). */
typedef struct {
    uint64_t *elements, *scratch;
    int64_t *next; /* per group: the end of its elements */
    ts_packing plan;
} ts_batch;

static void ts_batch_free(ts_batch *batch)
{
    free(batch->elements);
    free(batch->next);
}

static int ts_batch_sort(ts_batch *batch, const uint64_t *words, const uint32_t *group, uint32_t groups, size_t rows)
{
    int ascending;
    batch->elements = malloc((2 * rows + 1) * sizeof(uint64_t));
    batch->next = calloc(groups, sizeof(int64_t));
    if (!batch->elements || !batch->next) return TS_NO_MEMORY;
    uint64_t *elements = batch->elements, *scratch = batch->scratch = elements + rows;
    int64_t *next = batch->next, start = 0;
    const ts_packing plan = batch->plan = ts_plan_packing(ts_bits_in_use(words, rows, &ascending), rows);
    if (group && ts_count_groups(group, groups, rows, next) < 0) return TS_BAD_GROUP;
    ts_pack(&plan, words, rows, group ? scratch : elements);
    if (group)
        for (size_t i = 0; i < rows; i++) elements[next[group[i]]++] = scratch[i];
    for (uint32_t g = 0; g < groups; g++) {
        if (!group) next[g] = (int64_t)rows; /* without groups all rows are in the first */
        ts_radix_sort(elements + start, scratch + start, (size_t)(next[g] - start), plan.row_bits);
        start = next[g];
    }
    return 0;
}

/* Winners of all groups into `out`, ends of the groups in `out` into group_end. Returns their number, or an error code. */
static int64_t ts_sort_words(const uint64_t *words, const uint32_t *group, uint32_t groups, const uint64_t *rank, size_t rows,
                             uint32_t *out, int64_t *group_end)
{
    ts_batch batch = {0};
    int64_t made = ts_batch_sort(&batch, words, group, groups, rows), start = 0;
    for (uint32_t g = 0; made >= 0 && g < groups; g++) {
        uint64_t *elements = batch.elements + start, *scratch = batch.scratch + start;
        const size_t count = (size_t)(batch.next[g] - start);
        if (batch.plan.kept == batch.plan.bits)
            made += (int64_t)ts_emit_winners(elements, count, batch.plan.row_bits, rank, out + made);
        else
            made += (int64_t)ts_emit_partial(words, elements, scratch, count, &batch.plan, rank, out + made);
        group_end[g] = made;
        start = batch.next[g];
    }
    ts_batch_free(&batch);
    return made;
}

#endif
