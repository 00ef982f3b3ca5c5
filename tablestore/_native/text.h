/* Byte strings: UTF-8 checks (spec §5.5), copies from a dictionary (§4.8) and of bundles with shared heads (§4.10). */
#ifndef TABLESTORE_TEXT_H
#define TABLESTORE_TEXT_H

#include "target.h"

#define SLACK 64 /* bytes past the end of every output that kernels may overwrite */

/* Loads before it stores, so the two may overlap. */
ALWAYS_INLINE void copy_16(uint8_t *to, const uint8_t *from) {
    uint64_t words[2];
    memcpy(words, from, 16);
    memcpy(to, words, 16);
}

ALWAYS_INLINE void high_bits_body(const uint8_t *restrict data, size_t size, uint8_t *restrict any) {
    uint8_t sum = 0;
    for (size_t i = 0; i < size; i++) sum |= data[i];
    *any = sum & 0x80;
}
MULTIVERSION(high_bits, (const uint8_t *data, size_t size, uint8_t *any), (data, size, any))

static int is_ascii(const uint8_t *data, size_t size) {
    uint8_t any = 0;
    high_bits(data, size, &any);
    return any == 0;
}

/* UTF-8 as a rule about each byte and the three before it, so that it vectorises: a byte is a continuation exactly where a
 * lead asks for one, no byte is C0, C1 or above F4, and the byte after E0, ED, F0 or F4 keeps out overlong forms, surrogates
 * and code points above U+10FFFF. The three bytes before `data` must be readable; *wrong is non-zero if a rule breaks. */
ALWAYS_INLINE void break_rules_body(const uint8_t *data, size_t size, uint8_t *wrong) {
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++) {
        const uint8_t c = data[i], one = data[(ptrdiff_t)i - 1], two = data[(ptrdiff_t)i - 2], three = data[(ptrdiff_t)i - 3];
        const uint8_t asked = (uint8_t)((one >= 0xC0) | (two >= 0xE0) | (three >= 0xF0));
        const uint8_t continues = (uint8_t)((c & 0xC0) == 0x80);
        const uint8_t never = (uint8_t)((c == 0xC0) | (c == 0xC1) | (c > 0xF4));
        const uint8_t low = (uint8_t)(((one == 0xE0) & (c < 0xA0)) | ((one == 0xF0) & (c < 0x90)));
        const uint8_t high = (uint8_t)(((one == 0xED) & (c > 0x9F)) | ((one == 0xF4) & (c > 0x8F)));
        any |= (asked ^ continues) | never | low | high;
    }
    *wrong = any;
}
MULTIVERSION(break_rules, (const uint8_t *data, size_t size, uint8_t *wrong), (data, size, wrong))

/* Whether the whole is UTF-8. Only bytes of `data` are read: its ends are looked at in a copy between zero bytes. */
static int is_utf8_whole(const uint8_t *data, size_t size) {
    uint8_t edge[3 + 64 + 3] = {0}, wrong = 0;
    const size_t first = size < 64 ? size : 64;
    memcpy(edge + 3, data, first);
    break_rules(edge + 3, size <= 64 ? first + 3 : first, &wrong);
    if (wrong || size <= 64) return !wrong;
    break_rules(data + 64, size - 64, &wrong);
    if (wrong) return 0;
    memset(edge, 0, sizeof edge);
    memcpy(edge, data + size - 3, 3);
    break_rules(edge + 3, 3, &wrong);
    return !wrong;
}

/* Whether the values data[offsets[i] - first, offsets[i + 1] - first) are UTF-8, each by itself, where first = offsets[0]:
 * the whole is, and no value starts inside a character. */
static int is_utf8(const uint8_t *data, const loose32 *offsets, size_t count) {
    const uint32_t base = offsets[0];
    const size_t size = offsets[count] - base;
    if (is_ascii(data, size)) return 1;
    if (!is_utf8_whole(data, size)) return 0;
    uint8_t inside = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t at = offsets[i] - base;
        if (at < size) inside |= (uint8_t)((data[at] & 0xC0) == 0x80);
    }
    return !inside;
}

/* ---- dictionary ---- */

/* Sum of the lengths of the entries that the codes name. Codes are in range. */
#define SUM_CODES(code)                                                                        \
    for (size_t i = 0; i < count; i++) {                                                       \
        const size_t entry = ((const code *)codes)[i];                                         \
        total += starts[entry + 1] - starts[entry];                                            \
    }
static uint64_t sum_coded_lengths(const uint8_t *codes, int code_width, size_t count, const loose32 *starts) {
    uint64_t total = 0;
    if (code_width == 1) SUM_CODES(uint8_t)
    else if (code_width == 2) SUM_CODES(loose16)
    else SUM_CODES(loose32)
    return total;
}

/* offsets[0..count] of the coded entries, from 0. */
#define ADD_CODES(code)                                                                        \
    for (size_t i = 0; i < count; i++) {                                                       \
        const size_t entry = ((const code *)codes)[i];                                         \
        at += starts[entry + 1] - starts[entry];                                               \
        offsets[i + 1] = at;                                                                   \
    }
static void coded_offsets(const uint8_t *codes, int code_width, size_t count, const loose32 *starts, loose32 *offsets) {
    uint32_t at = 0;
    offsets[0] = 0;
    if (code_width == 1) { ADD_CODES(uint8_t) }
    else if (code_width == 2) { ADD_CODES(loose16) }
    else { ADD_CODES(loose32) }
}

/* Writes the coded entries one after another at `out`, and offsets[1..count] that count on from `first`. `entries` is
 * readable and `out` writable for SLACK bytes past its end. */
#define COPY_CODES(code)                                                                       \
    for (size_t i = 0; i < count; i++) {                                                       \
        const size_t entry = ((const code *)codes)[i];                                         \
        const uint32_t start = starts[entry], length = starts[entry + 1] - start;              \
        copy_16(out + at, entries + start);                                                 \
        if (__builtin_expect(length > 16, 0)) memcpy(out + at + 16, entries + start + 16, length - 16); \
        at += length;                                                                          \
        offsets[i + 1] = first + at;                                                           \
    }
static void copy_coded(const uint8_t *codes, int code_width, size_t count, const loose32 *restrict starts,
                       const uint8_t *restrict entries, uint8_t *restrict out, uint32_t first, loose32 *restrict offsets) {
    uint32_t at = 0;
    if (code_width == 1) { COPY_CODES(uint8_t) }
    else if (code_width == 2) { COPY_CODES(loose16) }
    else { COPY_CODES(loose32) }
}

/* ---- shared heads ---- */

/* Checks heads and shared lengths (spec §4.10). Returns the row that breaks a rule, or count; *total is
 * the decoded size of the rows before it, *greatest that of the largest of them, at most UINT32_MAX. */
static size_t check_bundles(const loose32 *shared, const loose32 *suffix, size_t count, size_t bundle, uint32_t prefix,
                            uint64_t *total, uint32_t *greatest) {
    uint64_t sum = 0, head = 0, largest = 0;
    size_t i = 0;
    for (; i < count; i++) {
        if ((i & (bundle - 1)) == 0) {
            if (shared[i] != prefix) break;
            head = (uint64_t)prefix + suffix[i];
        } else if (shared[i] > head) {
            break;
        }
        const uint64_t size = (uint64_t)shared[i] + suffix[i];
        largest = size > largest ? size : largest;
        sum += size;
    }
    *total = sum;
    *greatest = largest > UINT32_MAX ? UINT32_MAX : (uint32_t)largest;
    return i;
}

/* Decodes rows [0, count); all lengths are checked. `source_end` ends the memory that may be read after the suffixes;
 * `out` is writable for SLACK bytes past its end. offsets[1..count] start from `first`. */
static void copy_bundles(const loose32 *shared, const loose32 *suffix, size_t count, size_t bundle, const uint8_t *prefix,
                         uint32_t prefix_size, const uint8_t *source, const uint8_t *source_end, uint8_t *out,
                         uint32_t first, loose32 *offsets) {
    uint8_t *const begin = out;
    const uint8_t *head = out;
    for (size_t i = 0; i < count; i++) {
        const size_t own = suffix[i];
        size_t common = shared[i];
        if ((i & (bundle - 1)) == 0) {
            memcpy(out, prefix, prefix_size);
            head = out;
        } else if (common <= 16) {
            copy_16(out, head);
        } else {
            memcpy(out, head, common);
        }
        out += common;
        if (own <= 16 && (size_t)(source_end - source) >= 16) copy_16(out, source);
        else memcpy(out, source, own);
        out += own;
        source += own;
        offsets[i + 1] = first + (uint32_t)(out - begin);
    }
}

/* Bytes that two strings have in common at their start. */
static inline uint32_t common_prefix(const uint8_t *a, uint32_t a_size, const uint8_t *b, uint32_t b_size) {
    const uint32_t size = a_size < b_size ? a_size : b_size;
    uint32_t i = 0;
    for (; i + 8 <= size; i += 8) {
        const uint64_t differing = *(const loose64 *)(a + i) ^ *(const loose64 *)(b + i);
        if (differing) return i + (uint32_t)(__builtin_ctzll(differing) >> 3);
    }
    while (i < size && a[i] == b[i]) i++;
    return i;
}

/* Whether the values are in ascending byte order (equal neighbours allowed). */
static int is_sorted_text(const loose32 *offsets, const uint8_t *data, size_t count) {
    for (size_t i = 1; i < count; i++) {
        const uint8_t *a = data + offsets[i - 1], *b = data + offsets[i];
        const uint32_t a_size = offsets[i] - offsets[i - 1], b_size = offsets[i + 1] - offsets[i];
        const uint32_t same = common_prefix(a, a_size, b, b_size);
        if (same < a_size && (same == b_size || a[same] > b[same])) return 0;
    }
    return 1;
}

/* Longest common prefix of all values (spec §4.10). In sorted values it is that of the first and the last. */
static uint32_t prefix_of_all(const loose32 *offsets, const uint8_t *data, size_t count, int sorted) {
    uint32_t prefix = offsets[1] - offsets[0];
    for (size_t i = sorted ? count - 1 : 1; i > 0 && i < count; i++)
        prefix = common_prefix(data + offsets[0], prefix, data + offsets[i], offsets[i + 1] - offsets[i]);
    return prefix;
}

/* Shared and suffix lengths, and the suffixes one after another at `out`, which is writable for SLACK bytes past its end.
 * Returns the size of all suffixes. */
static size_t build_bundles(const loose32 *offsets, const uint8_t *data, size_t count, size_t bundle, uint32_t prefix,
                            loose32 *shared, loose32 *suffix, uint8_t *out) {
    const uint8_t *const end = data + offsets[count], *const begin = out, *head = data;
    uint32_t head_size = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *value = data + offsets[i];
        const uint32_t size = offsets[i + 1] - offsets[i];
        uint32_t common = prefix;
        if ((i & (bundle - 1)) == 0) {
            head = value;
            head_size = size;
        } else {
            common += common_prefix(head + prefix, head_size - prefix, value + prefix, size - prefix);
        }
        shared[i] = common;
        suffix[i] = size - common;
        value += common;
        if (size - common <= 16 && end - value >= 16) copy_16(out, value);
        else memcpy(out, value, size - common);
        out += size - common;
    }
    return (size_t)(out - begin);
}

/* First eight bytes, big-endian, padded with zero bytes: the rank of a byte string (spec §2.4). */
static inline uint64_t rank_bytes(const uint8_t *data, size_t size) {
    uint64_t word = 0;
    memcpy(&word, data, size < 8 ? size : 8);
    return __builtin_bswap64(word);
}

#endif
