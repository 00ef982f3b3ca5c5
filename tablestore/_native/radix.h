/* Sorting u64 elements whose high bits are a key and whose low bits are the position the key came from: elements are distinct,
 * so sorting them by value is a stable sort by key, in half the memory traffic of (key, position) pairs. */
#ifndef TABLESTORE_RADIX_H
#define TABLESTORE_RADIX_H

#include "machine.h"

#define TS_RADIX_BITS 11
#define TS_RADIX_SIZE (1u << TS_RADIX_BITS)
#define TS_RADIX_PASSES 3
#define TS_INSERTION_MAX 24

static void ts_insertion_sort(uint64_t *elements, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint64_t element = elements[i];
        size_t at = i;
        for (; at && elements[at - 1] > element; at--) elements[at] = elements[at - 1];
        elements[at] = element;
    }
}

/* Which bits differ between any two of the elements, and whether they ascend already. */
TS_CLONES static uint64_t ts_bits_in_use(const uint64_t *elements, size_t count, int *ascending)
{
    uint64_t bits = 0, descents = 0;
    for (size_t i = 1; i < count; i++) {
        bits |= elements[i] ^ elements[i - 1];
        descents |= (uint64_t)(elements[i] < elements[i - 1]);
    }
    *ascending = !descents;
    return bits;
}

/* Least significant digit first over `passes` digits of `width` bits from bit `shift`; digits that are all equal are skipped. */
static void ts_radix_passes(uint64_t *elements, uint64_t *scratch, size_t count, unsigned shift, unsigned width, unsigned passes)
{
    uint32_t tally[TS_RADIX_PASSES][TS_RADIX_SIZE];
    const uint32_t size = 1u << width, mask = size - 1;
    for (unsigned p = 0; p < passes; p++) memset(tally[p], 0, size * sizeof(uint32_t));
    for (size_t i = 0; i < count; i++)
        for (unsigned p = 0; p < passes; p++) tally[p][(elements[i] >> (shift + p * width)) & mask]++;
    uint64_t *from = elements, *to = scratch;
    for (unsigned p = 0; p < passes; p++) {
        const unsigned by = shift + p * width;
        uint32_t *next = tally[p];
        if (next[(from[0] >> by) & mask] == count) continue;
        uint32_t sum = 0;
        for (uint32_t digit = 0; digit < size; digit++) {
            uint32_t rows = next[digit];
            next[digit] = sum;
            sum += rows;
        }
        for (size_t i = 0; i < count; i++) to[next[(from[i] >> by) & mask]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != elements) memcpy(elements, from, count * sizeof(uint64_t));
}

/* Sorts `count` (< 2^32) elements by all bits from bit `low` up; where these are equal the elements must ascend already. Only as many
 * high digits are distributed as tell the elements apart; the few that still agree are sorted among themselves. */
static void ts_radix_sort(uint64_t *elements, uint64_t *scratch, size_t count, unsigned low)
{
    if (count <= TS_INSERTION_MAX) {
        ts_insertion_sort(elements, count);
        return;
    }
    int ascending;
    unsigned top = ts_bit_length(ts_bits_in_use(elements, count, &ascending));
    if (ascending || top <= low) return;
    const unsigned width = count < 4096 ? 8 : TS_RADIX_BITS;
    unsigned wanted = ts_bit_length(count) + 2;
    if (wanted > top - low) wanted = top - low;
    unsigned passes = (wanted + width - 1) / width;
    if (passes > TS_RADIX_PASSES) passes = TS_RADIX_PASSES;
    unsigned shift = top > low + passes * width ? top - passes * width : low;
    ts_radix_passes(elements, scratch, count, shift, width, passes);
    if (shift == low) return;
    for (size_t start = 0; start < count;) {
        size_t stop = start + 1;
        while (stop < count && !((elements[stop] ^ elements[start]) >> shift)) stop++;
        if (stop - start > 1) ts_radix_sort(elements + start, scratch + start, stop - start, low);
        start = stop;
    }
}

#endif
