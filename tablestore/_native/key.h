/* Encoding key columns so that bytes compare like keys (spec §3.2, §3.3). */
#ifndef TABLESTORE_KEY_H
#define TABLESTORE_KEY_H

#include "keys.h"

enum { TS_FORM_FIXED, TS_FORM_OPAQUE, TS_FORM_BITS, TS_FORM_VARIABLE };

#define TS_KEY_TOO_LONG (-1)

typedef struct {
    int form, flips_sign;
    size_t width;            /* fixed and opaque */
    const uint8_t *data;     /* values; a bitmap for bits */
    const int32_t *offsets;  /* variable */
    const uint8_t *validity; /* bitmap, or NULL: no nulls; tuples only */
    int escaped;             /* variable: escaped and terminated */
} ts_column;

TS_INLINE unsigned ts_bit(const uint8_t *bitmap, size_t row) { return (bitmap[row >> 3] >> (row & 7)) & 1u; }

/* ---- words: the columns of a row, one after the other, in the low bytes of a u64 ---- */

#define TS_APPEND_WORDS(NAME, TYPE, BITS) \
    TS_CLONES static void NAME(const uint8_t *data, uint64_t flip, int first, size_t rows, uint64_t *words) \
    { \
        for (size_t i = 0; i < rows; i++) { \
            TYPE value; \
            memcpy(&value, data + i * sizeof(TYPE), sizeof(TYPE)); \
            words[i] = (first ? 0 : words[i] << ((BITS) & 63)) | ((uint64_t)value ^ flip); \
        } \
    }
TS_APPEND_WORDS(ts_append_words_1, uint8_t, 8)
TS_APPEND_WORDS(ts_append_words_2, uint16_t, 16)
TS_APPEND_WORDS(ts_append_words_4, uint32_t, 32)
TS_APPEND_WORDS(ts_append_words_8, uint64_t, 64)

static void ts_append_words(const ts_column *column, int first, size_t rows, uint64_t *words)
{
    const uint64_t flip = column->flips_sign ? 1ull << (8 * column->width - 1) : 0;
    if (column->form == TS_FORM_FIXED && column->width == 8) {
        ts_append_words_8(column->data, flip, first, rows, words);
    } else if (column->form == TS_FORM_FIXED && column->width == 4) {
        ts_append_words_4(column->data, flip, first, rows, words);
    } else if (column->form == TS_FORM_FIXED && column->width == 2) {
        ts_append_words_2(column->data, flip, first, rows, words);
    } else if (column->form == TS_FORM_FIXED) {
        ts_append_words_1(column->data, flip, first, rows, words);
    } else if (column->form == TS_FORM_BITS) {
        for (size_t i = 0; i < rows; i++) words[i] = (first ? 0 : words[i] << 8) | ts_bit(column->data, i);
    } else {
        for (size_t i = 0; i < rows; i++) {
            uint64_t word = first ? 0 : words[i];
            for (size_t b = 0; b < column->width; b++) word = word << 8 | column->data[i * column->width + b];
            words[i] = word;
        }
    }
}

/* ---- bytes ---- */

/* Whether any of eight bytes is 00 or 01, the bytes that are escaped. */
TS_INLINE uint64_t ts_has_low_byte(uint64_t bytes)
{
    return (bytes - 0x0202020202020202ull) & ~bytes & 0x8080808080808080ull;
}

/* The `size` (less than 8) bytes at `from`, some of them twice, filled up with bytes 02: enough to ask whether one is escaped. */
TS_INLINE uint64_t ts_tail_bytes(const uint8_t *from, size_t size)
{
    if (size >= 4) return ts_load32(from) | (uint64_t)ts_load32(from + size - 4) << 32;
    uint64_t bytes = 0x0202020202020202ull;
    for (size_t i = 0; i < size; i++) bytes = bytes << 8 | from[i];
    return bytes;
}

static size_t ts_escaped_size(const uint8_t *from, size_t size)
{
    size_t extra = 1, at = 0;
    for (; at + 8 <= size; at += 8)
        if (ts_has_low_byte(ts_load64(from + at)))
            for (size_t i = 0; i < 8; i++) extra += from[at + i] < 2;
    if (ts_has_low_byte(ts_tail_bytes(from + at, size - at)))
        for (; at < size; at++) extra += from[at] < 2;
    return size + extra;
}

static uint8_t *ts_write_escaped(const uint8_t *from, size_t size, uint8_t *to)
{
    size_t at = 0;
    while (at < size) {
        const size_t left = size - at;
        if (left >= 8 && !ts_has_low_byte(ts_load64(from + at))) {
            memcpy(to, from + at, 8);
            to += 8;
            at += 8;
            continue;
        }
        if (left >= 4 && left < 8 && !ts_has_low_byte(ts_tail_bytes(from + at, left))) {
            memcpy(to, from + at, 4);
            memcpy(to + left - 4, from + size - 4, 4);
            to += left;
            break;
        }
        const uint8_t byte = from[at++];
        *to = 1;
        to += byte < 2;
        *to++ = byte;
    }
    *to++ = 0;
    return to;
}

/* Adds the column's encoded sizes to sizes[rows]. */
static void ts_add_sizes(const ts_column *column, int nullable, size_t rows, int64_t *sizes)
{
    const int64_t fixed = column->form == TS_FORM_BITS ? 1 : (int64_t)column->width;
    for (size_t i = 0; i < rows; i++) {
        if (nullable) {
            sizes[i]++;
            if (column->validity && !ts_bit(column->validity, i)) continue;
        }
        if (column->form != TS_FORM_VARIABLE) {
            sizes[i] += fixed;
            continue;
        }
        const size_t size = (size_t)(column->offsets[i + 1] - column->offsets[i]);
        sizes[i] += (int64_t)(column->escaped ? ts_escaped_size(column->data + column->offsets[i], size) : size);
    }
}

/* One value at `to`; returns its end. */
TS_INLINE uint8_t *ts_write_value(const ts_column *column, size_t row, uint8_t *to)
{
    if (column->form == TS_FORM_VARIABLE) {
        const uint8_t *from = column->data + column->offsets[row];
        const size_t size = (size_t)(column->offsets[row + 1] - column->offsets[row]);
        if (column->escaped) return ts_write_escaped(from, size, to);
        if (size) memcpy(to, from, size);
        return to + size;
    }
    if (column->form == TS_FORM_BITS) {
        *to = (uint8_t)ts_bit(column->data, row);
        return to + 1;
    }
    const size_t width = column->width;
    const uint8_t *from = column->data + row * width;
    if (column->form == TS_FORM_OPAQUE) {
        memcpy(to, from, width);
    } else if (width == 8) {
        ts_store64_big(to, ts_load64(from));
    } else if (width == 4) {
        const uint32_t big = __builtin_bswap32(ts_load32(from));
        memcpy(to, &big, 4);
    } else {
        for (size_t b = 0; b < width; b++) to[b] = from[width - 1 - b];
    }
    if (column->flips_sign) *to ^= 0x80;
    return to + width;
}

/* Turns sizes[rows] in offsets[1 ..] into offsets; returns the bytes of all keys, or TS_KEY_TOO_LONG with the row in *row. */
static int64_t ts_sum_sizes(int64_t *offsets, size_t rows, int64_t limit, size_t *row)
{
    int64_t sum = 0;
    offsets[0] = 0;
    for (size_t i = 1; i <= rows; i++) {
        if (offsets[i] > limit) {
            *row = i - 1;
            return TS_KEY_TOO_LONG;
        }
        sum += offsets[i];
        offsets[i] = sum;
    }
    return sum;
}

static void ts_write_keys(const ts_column *columns, size_t count, int nullable, size_t rows, uint8_t *to)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t c = 0; c < count; c++) {
            if (nullable) {
                const int present = !columns[c].validity || ts_bit(columns[c].validity, i);
                *to++ = (uint8_t)present;
                if (!present) continue;
            }
            to = ts_write_value(&columns[c], i, to);
        }
    }
}

static void ts_words_to_bytes(const uint64_t *words, unsigned size, size_t rows, int64_t *offsets, uint8_t *data)
{
    for (size_t i = 0; i < rows; i++) {
        offsets[i] = (int64_t)(i * size);
        uint64_t big = __builtin_bswap64(words[i] << (64 - 8 * size));
        memcpy(data + i * size, &big, size);
    }
    offsets[rows] = (int64_t)(rows * size);
}

/* ---- order ---- */

/* First row in [start, stop) that is not greater than the one before it, or -1. */
TS_CLONES static int64_t ts_descent_words(const uint64_t *words, size_t start, size_t stop)
{
    for (size_t i = start + 1; i < stop; i += 1024) {
        const size_t end = stop - i < 1024 ? stop : i + 1024;
        uint64_t wrong = 0;
        for (size_t row = i; row < end; row++) wrong |= (uint64_t)(words[row] <= words[row - 1]);
        for (size_t row = i; wrong && row < end; row++)
            if (words[row] <= words[row - 1]) return (int64_t)row;
    }
    return -1;
}

static int64_t ts_descent_keys(const ts_keys *keys, size_t start, size_t stop)
{
    for (size_t row = start + 1; row < stop; row++)
        if (ts_compare_keys(keys, row, row - 1, 0) <= 0) return (int64_t)row;
    return -1;
}

#endif
