/* Chosen rows of chunks (spec §5.9): grouping row numbers by chunk, and single values out of packed vectors, bitmaps and runs. */
#ifndef TABLESTORE_ROWS_H
#define TABLESTORE_ROWS_H

#include "bitpack.h"
#include "bits.h"

/* Whether `index` never descends, and its greatest number. */
ALWAYS_INLINE void index_order_body(const uint32_t *index, size_t count, int *ascending, uint32_t *greatest) {
    uint32_t high = count ? index[0] : 0, descents = 0;
    for (size_t i = 1; i < count; i++) {
        descents |= (uint32_t)(index[i] < index[i - 1]);
        high = index[i] > high ? index[i] : high;
    }
    *ascending = !descents;
    *greatest = high;
}
MULTIVERSION(index_order, (const uint32_t *index, size_t count, int *ascending, uint32_t *greatest),
             (index, count, ascending, greatest))

/* Rows [skip[k], skip[k] + keep[k]) of chunk k are numbered from start[k]. Fills row[count] with rows inside their chunks, and
 * first[k], first[k + 1] with the range of them that belongs to chunk k. `index` ascends. */
static void group_ascending(const uint32_t *index, size_t count, const uint64_t *start, const uint32_t *skip, size_t chunks,
                            uint32_t *row, uint64_t *first) {
    size_t i = 0;
    for (size_t k = 0; k < chunks; k++) {
        const uint64_t stop = start[k + 1];
        const uint32_t shift = skip[k] - (uint32_t)start[k];
        first[k] = i;
        for (; i < count && index[i] < stop; i++) row[i] = index[i] + shift;
    }
    first[chunks] = i;
}

#define GROUP_SHIFT 10 /* one entry of the coarse table for 1,024 rows */

/* The same for any order: row numbers are counted by chunk. rank[i] is the place of index[i] among the grouped rows;
 * coarse[(rows >> GROUP_SHIFT) + 1] is scratch. */
static void group_any(const uint32_t *index, size_t count, const uint64_t *start, const uint32_t *skip, size_t chunks,
                      uint32_t *coarse, uint32_t *row, uint64_t *first, uint32_t *rank) {
    const uint64_t entries = (start[chunks] >> GROUP_SHIFT) + 1;
    uint64_t entry = 0;
    for (size_t k = 0; k < chunks; k++)
        for (; entry < entries && entry << GROUP_SHIFT < start[k + 1]; entry++) coarse[entry] = (uint32_t)k;
    for (; entry < entries; entry++) coarse[entry] = (uint32_t)(chunks - 1);
    memset(first, 0, (chunks + 1) * sizeof *first);
    for (size_t i = 0; i < count; i++) {
        uint32_t k = coarse[index[i] >> GROUP_SHIFT];
        while (index[i] >= start[k + 1]) k++;
        rank[i] = k;
        first[k + 1]++;
    }
    for (size_t k = 0; k < chunks; k++) first[k + 1] += first[k];
    for (size_t i = 0; i < count; i++) {
        const uint32_t k = rank[i];
        const uint64_t place = first[k]++;
        row[place] = index[i] - (uint32_t)start[k] + skip[k];
        rank[i] = (uint32_t)place;
    }
    for (size_t k = chunks; k > 0; k--) first[k] = first[k - 1];
    first[0] = 0;
}

/* Value i of a full vector of `bits` bits (spec §4.6), without its base. */
ALWAYS_INLINE uint64_t vector_value(const uint8_t *packed, uint32_t bits, uint32_t i) {
    if (bits == 0) return 0;
    if (bits <= 32) {
        const uint32_t position = (i >> 5) * bits, word = position >> 5, shift = position & 31;
        /* the word after the last one is never needed */
        const uint32_t next = word + 1 < bits ? word + 1 : word;
        const uint64_t low = ((const loose32 *)packed)[32 * word + (i & 31)], high = ((const loose32 *)packed)[32 * next + (i & 31)];
        return ((high << 32 | low) >> shift) & ((1ull << bits) - 1);
    }
    const uint32_t position = (i >> 4) * bits, word = position >> 6, shift = position & 63;
    uint64_t value = ((const loose64 *)packed)[16 * word + (i & 15)] >> shift;
    if (shift + bits > 64) value |= ((const loose64 *)packed)[16 * (word + 1) + (i & 15)] << (64 - shift);
    return bits == 64 ? value : value & ((1ull << bits) - 1);
}

/* Value i of the sequential last vector, which takes `size` bytes. */
ALWAYS_INLINE uint64_t tail_value(const uint8_t *packed, size_t size, uint32_t bits, uint32_t i) {
    if (bits == 0) return 0;
    const size_t position = (size_t)i * bits, at = position >> 3, left = size - at;
    const uint32_t shift = position & 7;
    uint64_t value = 0;
    memcpy(&value, packed + at, left < 8 ? left : 8);
    value >>= shift;
    if (shift + bits > 64) value |= (uint64_t)packed[at + 8] << (64 - shift);
    return bits == 64 ? value : value & ((1ull << bits) - 1);
}

#define UNPACK_ROWS(type)                                                                                            \
    for (size_t j = 0; j < chosen; j++) {                                                                            \
        const uint32_t v = row[j] >> 10, i = row[j] & (VECTOR - 1);                                                  \
        const uint64_t base = ((const type *)bases)[v];                                                              \
        const uint64_t value = v < full ? vector_value(packed + place[v], bits[v], i)                                \
                                        : tail_value(packed + place[v], size - place[v], bits[v], i);                \
        ((type *)out)[j] = (type)(value + base);                                                                     \
    }
/* Chosen values of BITPACK. place[v] is the offset of vector v in `packed`, which has `size` bytes and `full` full vectors. */
static void unpack_rows(const uint8_t *packed, size_t size, const uint8_t *bits, const uint8_t *bases, const uint32_t *place,
                        size_t full, int width, const uint32_t *row, size_t chosen, uint8_t *out) {
    if (width == 1) { UNPACK_ROWS(uint8_t) }
    else if (width == 2) { UNPACK_ROWS(loose16) }
    else if (width == 4) { UNPACK_ROWS(loose32) }
    else { UNPACK_ROWS(loose64) }
}

#define TAKE_ROWS(type) \
    for (size_t j = 0; j < chosen; j++) ((type *)out)[j] = ((const type *)values)[row[j]];
/* out[j] = values[row[j]] */
static void take_rows(const uint8_t *values, size_t width, const uint32_t *row, size_t chosen, uint8_t *out) {
    if (width == 1) { TAKE_ROWS(uint8_t) }
    else if (width == 2) { TAKE_ROWS(loose16) }
    else if (width == 4) { TAKE_ROWS(loose32) }
    else if (width == 8) { TAKE_ROWS(loose64) }
    else
        for (size_t j = 0; j < chosen; j++) memcpy(out + j * width, values + (size_t)row[j] * width, width);
}

/* Bits `row` of `bits` to bit `at` and those after it, where `out` is zero. */
static void take_row_bits(const uint8_t *bits, const uint32_t *row, size_t chosen, uint8_t *out, uint64_t at) {
    for (size_t j = 0; j < chosen; j++, at++) out[at >> 3] |= (uint8_t)(bit_at(bits, row[j]) << (at & 7));
}

/* The number of sorted `ends` that are not greater than `value`. */
ALWAYS_INLINE size_t ends_before(const loose32 *ends, size_t count, uint32_t value) {
    size_t low = 0;
    while (count > 0) {
        const size_t half = count / 2;
        const int below = ends[low + half] <= value;
        low = below ? low + half + 1 : low;
        count = below ? count - half - 1 : half;
    }
    return low;
}

/* Values of runs: lengths become ends, in place. The lengths are checked. */
static void take_run_rows(loose32 *lengths, size_t runs, const uint8_t *values, size_t width, const uint32_t *row, size_t chosen,
                          uint8_t *out) {
    for (size_t run = 1; run < runs; run++) lengths[run] += lengths[run - 1];
    for (size_t j = 0; j < chosen; j++)
        memcpy(out + j * width, values + ends_before(lengths, runs, row[j]) * width, width);
}

/* Replaces the values of chosen rows that are exceptions (spec §4.12). */
static void patch_rows(const loose32 *positions, const uint8_t *exceptions, size_t count, const uint32_t *row, size_t chosen,
                       uint8_t *out) {
    if (count == 0) return;
    for (size_t j = 0; j < chosen; j++) {
        const size_t after = ends_before(positions, count, row[j]);
        if (after && positions[after - 1] == row[j]) memcpy(out + 8 * j, exceptions + 8 * (after - 1), 8);
    }
}

ALWAYS_INLINE uint64_t sum_row_lengths(const loose32 *offsets, const uint32_t *row, size_t chosen) {
    uint64_t total = 0;
    for (size_t j = 0; j < chosen; j++) total += offsets[row[j] + 1] - offsets[row[j]];
    return total;
}

/* Values of chosen rows one after another at `out`, which is writable for 16 bytes past their end; out_offsets[1..chosen] count on
 * from `first`. `data` is readable up to `data_end`. */
static void copy_rows(const loose32 *offsets, const uint8_t *data, const uint8_t *data_end, const uint32_t *row, size_t chosen,
                      uint8_t *out, uint32_t first, loose32 *out_offsets) {
    for (size_t j = 0; j < chosen; j++) {
        const uint8_t *from = data + offsets[row[j]];
        const uint32_t size = offsets[row[j] + 1] - offsets[row[j]];
        if (size <= 16 && data_end - from >= 16) memcpy(out, from, 16);
        else memcpy(out, from, size);
        out += size;
        out_offsets[j + 1] = first += size;
    }
}

#endif
