/* Words and row numbers in one u64, so that sorting moves 8 bytes a row: bits in which no two words differ are left out. */
#ifndef TABLESTORE_PACKING_H
#define TABLESTORE_PACKING_H

#include "radix.h"

#define TS_PIECES 8 /* of a word: at most one a byte */

typedef struct {
    unsigned pieces;            /* stretches of bits in use, highest first */
    unsigned shift[TS_PIECES];  /* of the lowest bit of a stretch */
    unsigned width[TS_PIECES];
    unsigned bits;              /* of all stretches together */
    unsigned row_bits;          /* of the largest row number, at least 1 */
    unsigned kept;              /* high bits that fit above the row number */
} ts_packing;

TS_INLINE uint64_t ts_low_mask(unsigned bits) { return bits >= 64 ? ~0ull : (1ull << bits) - 1; }

/* `used`: the bits in which any two words differ. */
static ts_packing ts_plan_packing(uint64_t used, size_t rows)
{
    ts_packing plan = {0};
    for (unsigned byte = TS_PIECES; byte-- > 0;) {
        const uint64_t mask = (used >> (8 * byte)) & 0xFF;
        if (!mask) continue;
        const unsigned shift = 8 * byte + (unsigned)__builtin_ctzll(mask), width = 8 * byte + ts_bit_length(mask) - shift;
        plan.bits += width;
        if (plan.pieces && plan.shift[plan.pieces - 1] == shift + width) {
            plan.shift[plan.pieces - 1] = shift;
            plan.width[plan.pieces - 1] += width;
        } else {
            plan.shift[plan.pieces] = shift;
            plan.width[plan.pieces++] = width;
        }
    }
    plan.row_bits = rows > 1 ? ts_bit_length(rows - 1) : 1;
    plan.kept = plan.bits < 64 - plan.row_bits ? plan.bits : 64 - plan.row_bits;
    return plan;
}

/* The bits in use, next to each other: keeps the order of words. */
TS_INLINE uint64_t ts_compress(const ts_packing *plan, uint64_t word)
{
    uint64_t key = 0;
    for (unsigned p = 0; p < plan->pieces; p++)
        key = key << (plan->width[p] & 63) | ((word >> plan->shift[p]) & ts_low_mask(plan->width[p]));
    return key;
}

/* Appends the bits in use of each word to keys[i]. */
TS_INLINE void ts_append_bits(const ts_packing *plan, const uint64_t *words, size_t count, uint64_t *keys)
{
    for (unsigned p = 0; p < plan->pieces; p++) {
        /* only a lone piece has 64 bits, and then there is nothing to make room for */
        const unsigned shift = plan->shift[p], width = plan->width[p] & 63;
        const uint64_t mask = ts_low_mask(plan->width[p]);
        for (size_t i = 0; i < count; i++) keys[i] = keys[i] << width | ((words[i] >> shift) & mask);
    }
}

#define TS_PACK_ROWS 512 /* at a time, so that all pieces are put together in the cache */

/* elements[i] = the kept bits of words[i], then i. */
TS_CLONES static void ts_pack(const ts_packing *plan, const uint64_t *words, size_t count, uint64_t *elements)
{
    const unsigned dropped = plan->bits - plan->kept, row_bits = plan->row_bits;
    for (size_t start = 0; start < count; start += TS_PACK_ROWS) {
        const size_t rows = count - start < TS_PACK_ROWS ? count - start : TS_PACK_ROWS;
        memset(elements + start, 0, rows * sizeof(uint64_t));
        ts_append_bits(plan, words + start, rows, elements + start);
        for (size_t i = start; i < start + rows; i++) elements[i] = elements[i] >> dropped << row_bits | i;
    }
}

/* End of the elements that agree with elements[start] above the row number. */
TS_INLINE size_t ts_tie_end(const uint64_t *elements, size_t start, size_t count, unsigned row_bits)
{
    size_t stop = start + 1;
    while (stop < count && !((elements[stop] ^ elements[start]) >> row_bits)) stop++;
    return stop;
}

/* Sorts elements that agree on the bits kept by the bits dropped. */
static void ts_sort_by_rest(const uint64_t *words, uint64_t *elements, uint64_t *scratch, size_t count, const ts_packing *plan)
{
    const uint64_t mask = ts_low_mask(plan->row_bits), rest = ts_low_mask(plan->bits - plan->kept);
    for (size_t i = 0; i < count; i++) {
        const uint64_t row = elements[i] & mask;
        elements[i] = (ts_compress(plan, words[row]) & rest) << plan->row_bits | row;
    }
    ts_radix_sort(elements, scratch, count, plan->row_bits);
}

#endif
