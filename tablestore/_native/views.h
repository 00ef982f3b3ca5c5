/* Values of byte strings as one word each: place << 25 | size. A merge takes rows of a column by these words, so that a value of a
 * dictionary is copied once, to where it belongs, however often it occurs. */
#ifndef TABLESTORE_VIEWS_H
#define TABLESTORE_VIEWS_H

#include "text.h"

#define VIEW_SIZE_BITS 25 /* a value has at most 2^24 bytes (spec §0.5) */
#define VIEW_SIZE_MASK ((1u << VIEW_SIZE_BITS) - 1)
#define VIEW_AHEAD 24 /* rows whose bytes are fetched in advance */
#define VIEW_NEAR (1u << 20) /* bytes that stay in the cache without that */

/* Words of the values that lie one after another: value i at offsets[i]. */
ALWAYS_INLINE void views_of_offsets_body(const loose32 *restrict offsets, size_t count, uint64_t *restrict views) {
    for (size_t i = 0; i < count; i++)
        views[i] = (uint64_t)offsets[i] << VIEW_SIZE_BITS | (uint32_t)(offsets[i + 1] - offsets[i]);
}
MULTIVERSION(views_of_offsets, (const loose32 *offsets, size_t count, uint64_t *views), (offsets, count, views))

/* Words of entries that begin at byte `place`. */
static void views_of_entries(const loose32 *starts, size_t entries, uint64_t place, uint64_t *views) {
    for (size_t i = 0; i < entries; i++)
        views[i] = (place + starts[i]) << VIEW_SIZE_BITS | (uint32_t)(starts[i + 1] - starts[i]);
}

#define CODED_VIEWS(code)                                  \
    for (size_t i = 0; i < count; i++) {                   \
        const uint64_t view = entries[((const code *)codes)[i]]; \
        total += view & VIEW_SIZE_MASK;                    \
        views[i] = view;                                   \
    }
/* views[i] = entries[code[i]]; returns the sum of the sizes. Codes are in range. */
static uint64_t views_of_codes(const uint8_t *codes, int code_width, size_t count, const uint64_t *restrict entries,
                               uint64_t *restrict views) {
    uint64_t total = 0;
    if (code_width == 1) { CODED_VIEWS(uint8_t) }
    else if (code_width == 2) { CODED_VIEWS(loose16) }
    else { CODED_VIEWS(loose32) }
    return total;
}

/* offsets[1..count] of the values views[index[i]] one after another, from 0, and their size, which may be more than offsets hold. */
static uint64_t view_offsets(const uint64_t *restrict views, const uint32_t *restrict index, size_t count, loose32 *restrict offsets) {
    uint64_t at = 0;
    for (size_t i = 0; i < count; i++) {
        at += views[index[i]] & VIEW_SIZE_MASK;
        offsets[i + 1] = (uint32_t)at;
    }
    return at;
}

ALWAYS_INLINE void copy_views_body(const uint64_t *restrict views, const uint8_t *restrict data, const uint32_t *restrict index,
                                   size_t count, const int fetch, uint8_t *restrict out) {
    for (size_t i = 0; i < count; i++) {
        const uint64_t view = views[index[i]];
        const uint8_t *from = data + (view >> VIEW_SIZE_BITS);
        const size_t size = view & VIEW_SIZE_MASK;
        if (fetch && i + VIEW_AHEAD < count)
            __builtin_prefetch(data + (views[index[i + VIEW_AHEAD]] >> VIEW_SIZE_BITS), 0, 3);
        copy_16(out, from);
        if (__builtin_expect(size > 16, 0)) {
            if (size <= 48) {
                copy_16(out + 16, from + 16);
                copy_16(out + 32, from + 32);
            } else {
                memcpy(out + 16, from + 16, size - 16);
            }
        }
        out += size;
    }
}

/* The values one after another. `data` is readable, `out` writable for SLACK bytes past its end. */
static void copy_views(const uint64_t *views, const uint8_t *data, size_t data_size, const uint32_t *index, size_t count, uint8_t *out) {
    if (data_size > VIEW_NEAR) copy_views_body(views, data, index, count, 1, out);
    else copy_views_body(views, data, index, count, 0, out);
}

#endif
