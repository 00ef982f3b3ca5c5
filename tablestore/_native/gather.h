/* Taking rows of a column by number. Numbers are checked once for each call; runs of consecutive numbers are copied whole. */
#ifndef TABLESTORE_GATHER_H
#define TABLESTORE_GATHER_H

#include "machine.h"

#define TS_TAKE_GROUP 64 /* rows looked at together for being consecutive */
#define TS_TAKE_AHEAD 24 /* rows whose source is fetched in advance */

TS_CLONES static uint32_t ts_largest_index(const uint32_t *index, size_t count)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) largest = index[i] > largest ? index[i] : largest;
    return largest;
}

/* How many of the rows from `index` on are consecutive: TS_TAKE_GROUP or 0. */
TS_INLINE size_t ts_consecutive(const uint32_t *index, size_t left)
{
    if (left < TS_TAKE_GROUP || index[TS_TAKE_GROUP - 1] - index[0] != TS_TAKE_GROUP - 1) return 0;
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < TS_TAKE_GROUP; i++) wrong |= index[i] ^ (index[0] + i);
    return wrong ? 0 : TS_TAKE_GROUP;
}

/* One row of a width that no integer has, by two copies that overlap; `half` is a constant where this is inlined. */
TS_INLINE void ts_copy_row(const uint8_t *from, uint8_t *to, size_t width, const size_t half)
{
    memcpy(to, from, half);
    memcpy(to + width - half, from + width - half, half);
}

#define TS_TAKE_FIXED(NAME, WIDTH, COPY) \
    static void NAME(const uint8_t *source, size_t width, const uint32_t *index, size_t count, uint8_t *out) \
    { \
        (void)width; \
        for (size_t i = 0; i < count;) { \
            const size_t rows = ts_consecutive(index + i, count - i); \
            if (rows) { \
                memcpy(out + i * (WIDTH), source + (size_t)index[i] * (WIDTH), rows * (WIDTH)); \
                i += rows; \
                continue; \
            } \
            const size_t stop = count - i < TS_TAKE_GROUP ? count : i + TS_TAKE_GROUP; \
            for (; i < stop; i++) { \
                const uint8_t *from = source + (size_t)index[i] * (WIDTH); \
                uint8_t *to = out + i * (WIDTH); \
                COPY; \
            } \
        } \
    }
TS_TAKE_FIXED(ts_take_1, 1, memcpy(to, from, 1))
TS_TAKE_FIXED(ts_take_2, 2, memcpy(to, from, 2))
TS_TAKE_FIXED(ts_take_4, 4, memcpy(to, from, 4))
TS_TAKE_FIXED(ts_take_8, 8, memcpy(to, from, 8))
TS_TAKE_FIXED(ts_take_16, 16, memcpy(to, from, 16))
TS_TAKE_FIXED(ts_take_3, 3, ts_copy_row(from, to, 3, 2))
TS_TAKE_FIXED(ts_take_to_8, width, ts_copy_row(from, to, width, 4))
TS_TAKE_FIXED(ts_take_to_16, width, ts_copy_row(from, to, width, 8))
TS_TAKE_FIXED(ts_take_to_32, width, ts_copy_row(from, to, width, 16))
TS_TAKE_FIXED(ts_take_any, width, memcpy(to, from, width))

static void ts_take_fixed(const uint8_t *source, size_t width, const uint32_t *index, size_t count, uint8_t *out)
{
    switch (width) {
    case 1: ts_take_1(source, width, index, count, out); return;
    case 2: ts_take_2(source, width, index, count, out); return;
    case 3: ts_take_3(source, width, index, count, out); return;
    case 4: ts_take_4(source, width, index, count, out); return;
    case 8: ts_take_8(source, width, index, count, out); return;
    case 16: ts_take_16(source, width, index, count, out); return;
    }
    if (width < 8)
        ts_take_to_8(source, width, index, count, out);
    else if (width < 16)
        ts_take_to_16(source, width, index, count, out);
    else if (width <= 32)
        ts_take_to_32(source, width, index, count, out);
    else
        ts_take_any(source, width, index, count, out);
}

/* Bits of the last byte beyond the rows are zero. */
static void ts_take_bits(const uint8_t *bitmap, const uint32_t *index, size_t count, uint8_t *out)
{
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        unsigned byte = 0;
        for (unsigned bit = 0; bit < 8; bit++) byte |= ((bitmap[index[i + bit] >> 3] >> (index[i + bit] & 7)) & 1u) << bit;
        out[i >> 3] = (uint8_t)byte;
    }
    if (i < count) {
        unsigned byte = 0;
        for (unsigned bit = 0; i + bit < count; bit++)
            byte |= ((bitmap[index[i + bit] >> 3] >> (index[i + bit] & 7)) & 1u) << bit;
        out[i >> 3] = (uint8_t)byte;
    }
}

#define TS_TAKE_TOO_LONG (-1)
#define TS_TAKE_BAD_OFFSETS (-2)

/* Fills out_offsets[count + 1], and starts[count] with where each value begins, so that copying need not look again; returns the bytes
 * needed, or an error for offsets out of order or more than 2^31 - 1 bytes. */
static int64_t ts_take_lengths(const int32_t *offsets, size_t data_size, const uint32_t *index, size_t count, uint32_t *starts,
                               int32_t *out_offsets)
{
    int64_t sum = 0, wrong = 0;
    for (size_t i = 0; i < count; i++) {
        const int64_t start = offsets[index[i]], stop = offsets[(size_t)index[i] + 1];
        starts[i] = (uint32_t)start;
        out_offsets[i] = (int32_t)sum;
        wrong |= start | (stop - start) | ((int64_t)data_size - stop);
        sum += stop - start;
    }
    if (wrong < 0) return TS_TAKE_BAD_OFFSETS;
    if (sum > INT32_MAX) return TS_TAKE_TOO_LONG;
    out_offsets[count] = (int32_t)sum;
    return sum;
}

/* Copies the values. A short value is copied as 16 bytes where both arrays reach that far: what is too much is overwritten next. */
static void ts_take_values(const uint32_t *starts, const uint8_t *data, size_t data_size, const uint32_t *index, size_t count,
                           const int32_t *out_offsets, uint8_t *out)
{
    const size_t data_safe = data_size < 16 ? 0 : data_size - 15, out_size = (size_t)out_offsets[count];
    const size_t out_safe = out_size < 16 ? 0 : out_size - 15;
    for (size_t i = 0; i < count;) {
        const size_t rows = ts_consecutive(index + i, count - i);
        if (rows) {
            const size_t size = (size_t)(out_offsets[i + rows] - out_offsets[i]);
            if (size) memcpy(out + out_offsets[i], data + starts[i], size);
            i += rows;
            continue;
        }
        const size_t stop = count - i < TS_TAKE_GROUP ? count : i + TS_TAKE_GROUP;
        for (; i < stop; i++) {
            const size_t from = starts[i], to = (size_t)out_offsets[i], size = (size_t)out_offsets[i + 1] - to;
            if (i + TS_TAKE_AHEAD < count) TS_PREFETCH(data + starts[i + TS_TAKE_AHEAD]);
            if (size <= 16 && from < data_safe && to < out_safe)
                memcpy(out + to, data + from, 16);
            else if (size)
                memcpy(out + to, data + from, size);
        }
    }
}

#endif
