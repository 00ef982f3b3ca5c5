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

#define TS_TAKE_FIXED(NAME, BYTES) \
    static void NAME(const uint8_t *source, const uint32_t *index, size_t count, uint8_t *out) \
    { \
        for (size_t i = 0; i < count;) { \
            size_t rows = ts_consecutive(index + i, count - i); \
            if (rows) { \
                memcpy(out + i * (BYTES), source + (size_t)index[i] * (BYTES), rows * (BYTES)); \
                i += rows; \
                continue; \
            } \
            size_t stop = count - i < TS_TAKE_GROUP ? count : i + TS_TAKE_GROUP; \
            for (; i < stop; i++) memcpy(out + i * (BYTES), source + (size_t)index[i] * (BYTES), BYTES); \
        } \
    }
TS_TAKE_FIXED(ts_take_1, 1)
TS_TAKE_FIXED(ts_take_2, 2)
TS_TAKE_FIXED(ts_take_4, 4)
TS_TAKE_FIXED(ts_take_8, 8)
TS_TAKE_FIXED(ts_take_16, 16)

static void ts_take_fixed(const uint8_t *source, size_t width, const uint32_t *index, size_t count, uint8_t *out)
{
    switch (width) {
    case 1: ts_take_1(source, index, count, out); return;
    case 2: ts_take_2(source, index, count, out); return;
    case 4: ts_take_4(source, index, count, out); return;
    case 8: ts_take_8(source, index, count, out); return;
    case 16: ts_take_16(source, index, count, out); return;
    default:
        for (size_t i = 0; i < count; i++) memcpy(out + i * width, source + (size_t)index[i] * width, width);
    }
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

/* Fills out_offsets[count + 1]; returns the bytes needed, or an error for offsets out of order or more than 2^31 - 1 bytes. */
static int64_t ts_take_lengths(const int32_t *offsets, size_t data_size, const uint32_t *index, size_t count, int32_t *out_offsets)
{
    int64_t sum = 0, wrong = 0;
    for (size_t i = 0; i < count; i++) {
        const int64_t start = offsets[index[i]], stop = offsets[(size_t)index[i] + 1];
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
static void ts_take_values(const int32_t *offsets, const uint8_t *data, size_t data_size, const uint32_t *index, size_t count,
                           const int32_t *out_offsets, uint8_t *out)
{
    const uint8_t *data_safe = data_size >= 16 ? data + (data_size - 16) : NULL;
    const size_t out_size = (size_t)out_offsets[count];
    for (size_t i = 0; i < count;) {
        size_t rows = ts_consecutive(index + i, count - i);
        if (rows) {
            const size_t start = (size_t)offsets[index[i]], stop = (size_t)offsets[(size_t)index[i] + rows];
            if (stop > start) memcpy(out + out_offsets[i], data + start, stop - start);
            i += rows;
            continue;
        }
        size_t stop = count - i < TS_TAKE_GROUP ? count : i + TS_TAKE_GROUP;
        for (; i < stop; i++) {
            const uint8_t *from = data + offsets[index[i]];
            uint8_t *to = out + out_offsets[i];
            const size_t size = (size_t)(out_offsets[i + 1] - out_offsets[i]);
            if (i + TS_TAKE_AHEAD < count) TS_PREFETCH(data + offsets[index[i + TS_TAKE_AHEAD]]);
            if (size <= 16 && data_safe && from <= data_safe && (size_t)out_offsets[i] + 16 <= out_size)
                memcpy(to, from, 16);
            else if (size)
                memcpy(to, from, size);
        }
    }
}

#endif
