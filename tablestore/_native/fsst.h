/* Codes for symbols of 1 to 8 bytes (spec §4.14): reading.
 *
 * The method is FSST: P. Boncz, T. Neumann, V. Leis, "FSST: Fast Random Access String Compression", PVLDB 13(11), 2020.
 * Every symbol is copied as a whole word of eight bytes, and the next one over what was too much.
 */
#ifndef TABLESTORE_FSST_H
#define TABLESTORE_FSST_H

#include "target.h"

#define SYMBOL_MAX 8    /* bytes of a symbol */
#define SYMBOLS_MAX 255 /* symbols of a node */
#define ESCAPE 255      /* the code before a byte that stands for itself */
#define NO_SYMBOL 0x80  /* in place of a size: an escape, or a code without symbol */

/* Symbols by code: their bytes, zero after the end, and their size. */
typedef struct {
    uint64_t word[256];
    uint8_t size[256];
} symbol_table;

/* Fills the table from counts[k], the number of symbols of k + 1 bytes, and the bytes of all symbols one after another, behind
 * which eight bytes more are readable. At most SYMBOLS_MAX symbols. */
static void load_symbols(symbol_table *table, const uint8_t *counts, const uint8_t *bytes) {
    unsigned code = 0;
    memset(table->size, NO_SYMBOL, sizeof table->size);
    for (unsigned size = 1; size <= SYMBOL_MAX; size++) {
        const uint64_t mask = ~(uint64_t)0 >> (64 - 8 * size);
        for (unsigned i = 0; i < counts[size - 1]; i++, code++, bytes += size) {
            table->word[code] = *(const loose64 *)bytes & mask;
            table->size[code] = (uint8_t)size;
        }
    }
}

/* Decodes `count` codes that must stand for `size` bytes; returns whether they do. Writes nothing past `size`. */
static int decode_carefully(const symbol_table *table, const uint8_t *codes, size_t count, uint8_t *out, size_t size) {
    const uint8_t *const end = codes + count;
    while (codes < end) {
        const unsigned code = *codes++;
        size_t taken = table->size[code];
        uint64_t word = table->word[code];
        if (taken == NO_SYMBOL) {
            if (code != ESCAPE || codes == end) return 0;
            word = *codes++;
            taken = 1;
        }
        if (taken > size) return 0;
        memcpy(out, &word, taken);
        out += taken;
        size -= taken;
    }
    return size == 0;
}

/* The same, fast; `out` is writable for `room` >= size bytes, and is overwritten there. */
static int decode_codes(const symbol_table *table, const uint8_t *codes, size_t count, uint8_t *out, size_t size, size_t room) {
    const uint8_t *const end = codes + count;
    uint8_t *const expected = out + size;
    if (__builtin_expect(room / SYMBOL_MAX < count, 0)) return decode_carefully(table, codes, count, out, size);
    while (end - codes >= 4) {
        const uint32_t four = *(const loose32 *)codes;
        const unsigned a = four & 0xFF, b = four >> 8 & 0xFF, c = four >> 16 & 0xFF, d = four >> 24;
        const size_t a_size = table->size[a], b_size = table->size[b], c_size = table->size[c], d_size = table->size[d];
        if (__builtin_expect(((a_size | b_size | c_size | d_size) & NO_SYMBOL) == 0, 1)) {
            memcpy(out, &table->word[a], 8);
            out += a_size;
            memcpy(out, &table->word[b], 8);
            out += b_size;
            memcpy(out, &table->word[c], 8);
            out += c_size;
            memcpy(out, &table->word[d], 8);
            out += d_size;
            codes += 4;
            continue;
        }
        for (; table->size[*codes] != NO_SYMBOL; codes++) {
            memcpy(out, &table->word[*codes], 8);
            out += table->size[*codes];
        }
        if (*codes != ESCAPE || codes + 1 == end) return 0;
        *out++ = codes[1];
        codes += 2;
    }
    for (; codes < end; codes++) {
        if (table->size[*codes] == NO_SYMBOL) {
            if (*codes != ESCAPE || ++codes == end) return 0;
            *out++ = *codes;
        } else {
            memcpy(out, &table->word[*codes], 8);
            out += table->size[*codes];
        }
    }
    return out == expected;
}

/* Decodes bundles [first, last) of a node of `count` values; `codes` are those of bundle `first`. `out` gets the bytes from the
 * value that is first in bundle `first` on. Returns `last`, or the first bundle of which the codes are wrong. */
static size_t decode_bundles(const symbol_table *table, const uint8_t *codes, const loose32 *code_lengths, size_t first,
                             size_t last, size_t bundle, const loose32 *offsets, size_t count, uint8_t *out, size_t room) {
    for (size_t b = first; b < last; b++) {
        const size_t begin = b * bundle, end = count - begin < bundle ? count : begin + bundle;
        const size_t size = offsets[end] - offsets[begin];
        if (!decode_codes(table, codes, code_lengths[b], out, size, room)) return b;
        codes += code_lengths[b];
        out += size;
        room -= size;
    }
    return last;
}

/* Sizes of chosen rows and of the bundles that they are in: the sum of the former and the greatest of the latter. offsets: where
 * the values begin, of all `count` values of the node; bundle = 1 << shift rows. */
static void measure_rows(const loose32 *offsets, size_t count, int shift, const uint32_t *row, size_t chosen, uint64_t *total,
                         uint64_t *greatest) {
    uint64_t sum = 0;
    uint32_t most = 0;
    for (size_t i = 0; i < chosen; i++) {
        const size_t begin = row[i] >> shift << shift, next = begin + ((size_t)1 << shift);
        const uint32_t size = offsets[next < count ? next : count] - offsets[begin];
        sum += offsets[row[i] + 1] - offsets[row[i]];
        most = size > most ? size : most;
    }
    *total = sum;
    *greatest = most;
}

/* Decodes chosen rows, in any order, one after another to `out`, and sets out_offsets[1..chosen] that count on from `first`.
 * `space` has `room` bytes, at least those of the largest bundle. code_starts: where the codes of each bundle begin, and the end.
 * Returns `chosen`, or a row whose bundle has wrong codes. */
static size_t decode_rows(const symbol_table *table, const uint8_t *codes, const loose32 *code_starts, const loose32 *offsets,
                          size_t count, int shift, const uint32_t *row, size_t chosen, uint8_t *space, size_t room, uint8_t *out,
                          const uint8_t *out_end, uint32_t first, loose32 *out_offsets) {
    uint8_t *const start = out;
    size_t known = SIZE_MAX;
    for (size_t i = 0; i < chosen; i++) {
        const size_t b = row[i] >> shift, begin = b << shift, next = begin + ((size_t)1 << shift);
        const uint32_t from = offsets[begin], place = offsets[row[i]] - from, size = offsets[row[i] + 1] - offsets[row[i]];
        if (b != known && !decode_codes(table, codes + code_starts[b], code_starts[b + 1] - code_starts[b], space,
                                        offsets[next < count ? next : count] - from, room))
            return i;
        known = b;
        if (size <= 16 && room - place >= 16 && out_end - out >= 16) memcpy(out, space + place, 16);
        else memcpy(out, space + place, size);
        out += size;
        out_offsets[i + 1] = first + (uint32_t)(out - start);
    }
    return chosen;
}

#endif
