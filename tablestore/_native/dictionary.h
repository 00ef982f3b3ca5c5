/* Finding the distinct values of a chunk (spec §4.8). The builders number values in order of first appearance and give up
 * when there are more than `most`, or when the first rows already look all different. */
#ifndef TABLESTORE_DICTIONARY_H
#define TABLESTORE_DICTIONARY_H

#include "target.h"

#define DICTIONARY_PROBE 512 /* rows after which more than half distinct means: give up */

ALWAYS_INLINE uint64_t mix_word(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
    return hash ^ (hash >> 32);
}

static inline uint64_t mix_bytes(const uint8_t *data, size_t size) {
    uint64_t hash = size, word = 0;
    if (size >= 8) {
        for (size_t i = 0; i + 8 < size; i += 8) hash = mix_word(hash, *(const loose64 *)(data + i));
        return mix_word(hash, *(const loose64 *)(data + size - 8));
    }
    if (size >= 4) word = *(const loose32 *)data | (uint64_t)*(const loose32 *)(data + size - 4) << 32;
    else if (size) word = data[0] | (uint64_t)data[size >> 1] << 8 | (uint64_t)data[size - 1] << 16;
    return mix_word(hash, word);
}

/* Slots for a table of up to `most` entries: a power of two, at most half full. */
static inline size_t dictionary_slots(size_t most) {
    size_t slots = 64;
    while (slots < 2 * most) slots *= 2;
    return slots;
}

/* first[entry] = row of the first appearance. table: u32[slots], zeroed. Returns the number of entries, 0 = gave up. */
static size_t dictionary_of_fixed(const uint8_t *values, size_t width, size_t count, size_t most, uint32_t *table, size_t slots,
                                  uint32_t *codes, uint32_t *first) {
    size_t entries = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *value = values + i * width;
        uint64_t hash;
        if (width == 8) hash = mix_word(8, *(const loose64 *)value);
        else if (width == 4) hash = mix_word(4, *(const loose32 *)value);
        else hash = mix_bytes(value, width);
        size_t slot = hash & (slots - 1);
        while (table[slot] && memcmp(values + (size_t)first[table[slot] - 1] * width, value, width) != 0)
            slot = (slot + 1) & (slots - 1);
        if (table[slot] == 0) {
            if (entries == most) return 0;
            if (i >= DICTIONARY_PROBE && i < 2 * DICTIONARY_PROBE && entries > DICTIONARY_PROBE / 2) return 0;
            first[entries++] = (uint32_t)i;
            table[slot] = (uint32_t)entries;
        }
        codes[i] = table[slot] - 1;
    }
    return entries;
}

/* ---- strings ---- */

/* A distinct string. Up to 16 bytes the words are the string itself, so that no byte of it is looked at again; for longer
 * ones they are a hash. code: 1 more than the entry, 0 = empty slot. */
typedef struct {
    uint64_t low, high;
    uint32_t size, code;
} text_slot;

static const uint64_t word_mask[9] = {0,          0xFF,           0xFFFF,           0xFFFFFF,          0xFFFFFFFF,
                                      0xFFFFFFFFFF, 0xFFFFFFFFFFFF, 0xFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF};

/* The words of a string whose memory ends at `end`. */
ALWAYS_INLINE void load_text(const uint8_t *value, size_t size, const uint8_t *end, uint64_t *low, uint64_t *high) {
    uint8_t padded[16] = {0};
    if (__builtin_expect(size > 16, 0)) {
        *low = mix_bytes(value, size);
        *high = 0;
        return;
    }
    if (__builtin_expect((size_t)(end - value) < 16, 0)) {
        memcpy(padded, value, size);
        value = padded;
    }
    const size_t second = size > 8 ? size - 8 : 0;
    *low = *(const loose64 *)value & word_mask[size - second];
    *high = *(const loose64 *)(value + 8) & word_mask[second];
}

/* As dictionary_of_fixed; table: text_slot[slots], zeroed. */
static size_t dictionary_of_text(const uint8_t *data, const loose32 *offsets, size_t count, size_t most, text_slot *table,
                                 size_t slots, uint32_t *codes, uint32_t *first) {
    const uint8_t *const end = data + offsets[count];
    size_t entries = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *value = data + offsets[i];
        const uint32_t size = offsets[i + 1] - offsets[i];
        uint64_t low, high;
        load_text(value, size, end, &low, &high);
        size_t slot = mix_word(mix_word(size, low), high) & (slots - 1);
        for (;; slot = (slot + 1) & (slots - 1)) {
            const text_slot *found = table + slot;
            if (found->code == 0) break;
            if (((found->low ^ low) | (found->high ^ high) | (found->size ^ size)) == 0 &&
                (size <= 16 || memcmp(data + offsets[first[found->code - 1]], value, size) == 0))
                break;
        }
        if (table[slot].code == 0) {
            if (entries == most) return 0;
            if (i >= DICTIONARY_PROBE && i < 2 * DICTIONARY_PROBE && entries > DICTIONARY_PROBE / 2) return 0;
            first[entries++] = (uint32_t)i;
            table[slot] = (text_slot){low, high, size, (uint32_t)entries};
        }
        codes[i] = table[slot].code - 1;
    }
    return entries;
}

/* u32 codes to codes of 1, 2 or 4 bytes. */
static void narrow_codes(const uint32_t *codes, size_t count, int width, uint8_t *out) {
    if (width == 1) for (size_t i = 0; i < count; i++) out[i] = (uint8_t)codes[i];
    else if (width == 2) for (size_t i = 0; i < count; i++) ((loose16 *)out)[i] = (uint16_t)codes[i];
    else memcpy(out, codes, count * 4);
}

#endif
