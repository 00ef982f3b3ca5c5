/* Sorting a batch for a flush: rows by (group, word), one winner per key. */
#ifndef TABLESTORE_SORT_H
#define TABLESTORE_SORT_H

#include "radix.h"

#define TS_NO_MEMORY (-1)
#define TS_BAD_GROUP (-2)

/* The bits of the words that are in use, and how they share a u64 with row numbers. */
typedef struct {
    unsigned low, top;  /* all words agree below bit `low` and from bit `top` on */
    unsigned row_bits;  /* of the largest row number */
    unsigned kept;      /* high bits of [low, top) that fit above the row number */
} ts_packing;

TS_INLINE uint64_t ts_low_mask(unsigned bits) { return bits >= 64 ? ~0ull : (1ull << bits) - 1; }

static ts_packing ts_plan_packing(uint64_t bits, size_t rows)
{
    ts_packing plan;
    plan.low = bits ? (unsigned)__builtin_ctzll(bits) : 0;
    plan.top = ts_bit_length(bits);
    plan.row_bits = ts_bit_length(rows - 1);
    plan.kept = plan.top - plan.low;
    if (plan.kept > 64 - plan.row_bits) plan.kept = 64 - plan.row_bits;
    return plan;
}

TS_INLINE uint64_t ts_pack(const ts_packing *plan, uint64_t word, uint32_t row)
{
    uint64_t key = plan->kept ? (word >> (plan->top - plan->kept)) & ts_low_mask(plan->kept) : 0;
    return plan->kept ? (key << plan->row_bits) | row : row;
}

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

/* As above where only the high bits of the words fitted: rows that agree on these are sorted again by the rest. */
static size_t ts_emit_partial(const uint64_t *words, uint64_t *elements, uint64_t *scratch, size_t count, const ts_packing *plan,
                              const uint64_t *rank, uint32_t *out)
{
    const uint64_t mask = ts_low_mask(plan->row_bits), rest = ts_low_mask(plan->top - plan->low - plan->kept);
    size_t made = 0;
    for (size_t start = 0; start < count;) {
        size_t stop = start + 1;
        while (stop < count && !((elements[stop] ^ elements[start]) & ~mask)) stop++;
        if (stop - start == 1) {
            out[made++] = (uint32_t)(elements[start] & mask);
        } else {
            for (size_t i = start; i < stop; i++) {
                uint64_t row = elements[i] & mask;
                elements[i] = ((words[row] >> plan->low) & rest) << plan->row_bits | row;
            }
            ts_radix_sort(elements + start, scratch + start, stop - start, plan->row_bits);
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

/* Winners of all groups into `out`, ends of the groups in `out` into group_end. Returns their number, or an error code. */
static int64_t ts_sort_words(const uint64_t *words, const uint32_t *group, uint32_t groups, const uint64_t *rank, size_t rows,
                             uint32_t *out, int64_t *group_end)
{
    uint64_t *elements = malloc((2 * rows + 1) * sizeof(uint64_t)), *scratch = elements + rows;
    int64_t *next = malloc((groups + 1) * sizeof(int64_t));
    int64_t made = 0, start = 0;
    int ascending;
    if (!elements || !next) {
        made = TS_NO_MEMORY;
        goto done;
    }
    ts_packing plan = ts_plan_packing(ts_bits_in_use(words, rows, &ascending), rows ? rows : 1);
    next[0] = 0;
    if (group && ts_count_groups(group, groups, rows, next) < 0) {
        made = TS_BAD_GROUP;
        goto done;
    }
    if (group)
        for (size_t i = 0; i < rows; i++) elements[next[group[i]]++] = ts_pack(&plan, words[i], (uint32_t)i);
    else
        for (size_t i = 0; i < rows; i++) elements[next[0]++] = ts_pack(&plan, words[i], (uint32_t)i);
    for (uint32_t g = 0; g < groups; g++) {
        int64_t stop = group || g == 0 ? next[g] : start;
        ts_radix_sort(elements + start, scratch + start, (size_t)(stop - start), plan.row_bits);
        if (plan.kept == plan.top - plan.low)
            made += ts_emit_winners(elements + start, (size_t)(stop - start), plan.row_bits, rank, out + made);
        else
            made += ts_emit_partial(words, elements + start, scratch + start, (size_t)(stop - start), &plan, rank, out + made);
        group_end[g] = made;
        start = stop;
    }
done:
    free(elements);
    free(next);
    return made;
}

#endif
