/* CRC-32C (spec §1.2): three interleaved hardware streams, slicing-by-8 tables where there is no instruction.
 *
 * The three streams are joined with the linearity of the code: the checksum of A followed by n zero bytes is a linear map
 * of that of A, so it is four table look-ups for a fixed n.
 */
#ifndef TABLESTORE_CRC32C_H
#define TABLESTORE_CRC32C_H

#include "target.h"

#define CRC32C_POLYNOMIAL 0x82F63B78u
#define CRC32C_LONG 2048 /* bytes of one of three streams */
#define CRC32C_SHORT 256

static uint32_t crc32c_table[8][256];
static uint32_t crc32c_shift_long[4][256];
static uint32_t crc32c_shift_short[4][256];

/* Appends `count` zero bytes to the raw register. */
static uint32_t crc32c_append_zeros(uint32_t crc, size_t count) {
    while (count--) crc = crc32c_table[0][crc & 255] ^ (crc >> 8);
    return crc;
}

static void crc32c_fill_shift(uint32_t table[4][256], size_t count) {
    uint32_t column[32];
    for (int bit = 0; bit < 32; bit++) column[bit] = crc32c_append_zeros(1u << bit, count);
    for (int part = 0; part < 4; part++)
        for (int value = 0; value < 256; value++) {
            uint32_t sum = 0;
            for (int bit = 0; bit < 8; bit++)
                if (value >> bit & 1) sum ^= column[part * 8 + bit];
            table[part][value] = sum;
        }
}

/* Called once when the module is imported. */
static void crc32c_prepare(void) {
    for (uint32_t value = 0; value < 256; value++) {
        uint32_t crc = value;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (CRC32C_POLYNOMIAL & (0u - (crc & 1)));
        crc32c_table[0][value] = crc;
    }
    for (int part = 1; part < 8; part++)
        for (int value = 0; value < 256; value++) {
            uint32_t before = crc32c_table[part - 1][value];
            crc32c_table[part][value] = crc32c_table[0][before & 255] ^ (before >> 8);
        }
    crc32c_fill_shift(crc32c_shift_long, CRC32C_LONG);
    crc32c_fill_shift(crc32c_shift_short, CRC32C_SHORT);
}

ALWAYS_INLINE uint32_t crc32c_shift(uint32_t table[4][256], uint32_t crc) {
    return table[0][crc & 255] ^ table[1][crc >> 8 & 255] ^ table[2][crc >> 16 & 255] ^ table[3][crc >> 24];
}

static uint32_t crc32c_by_table(uint32_t crc, const uint8_t *data, size_t size) {
    for (; size >= 8; size -= 8, data += 8) {
        uint64_t word = *(const loose64 *)data ^ crc;
        crc = 0;
        for (int part = 0; part < 8; part++) crc ^= crc32c_table[7 - part][word >> (8 * part) & 255];
    }
    for (; size; size--, data++) crc = crc32c_table[0][(crc ^ *data) & 255] ^ (crc >> 8);
    return crc;
}

#if defined(TABLESTORE_X86)
#define CRC32C_TARGET __attribute__((target("sse4.2")))
#define CRC32C_WORD(crc, word) __builtin_ia32_crc32di(crc, word)
#define CRC32C_BYTE(crc, byte) __builtin_ia32_crc32qi((uint32_t)(crc), byte)
#define CRC32C_HARDWARE 1
static int crc32c_has_hardware(void) { __builtin_cpu_init(); return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#define CRC32C_TARGET
#define CRC32C_WORD(crc, word) __crc32cd((uint32_t)(crc), word)
#define CRC32C_BYTE(crc, byte) __crc32cb((uint32_t)(crc), byte)
#define CRC32C_HARDWARE 1
static int crc32c_has_hardware(void) { return 1; }
#else
#define CRC32C_HARDWARE 0
static int crc32c_has_hardware(void) { return 0; }
#endif

#if CRC32C_HARDWARE
#define CRC32C_THREE(part_size, table)                                                    \
    while (size >= 3 * part_size) {                                                       \
        uint64_t first = crc, second = 0, third = 0;                                      \
        for (size_t i = 0; i < part_size; i += 8) {                                       \
            first = CRC32C_WORD(first, *(const loose64 *)(data + i));                     \
            second = CRC32C_WORD(second, *(const loose64 *)(data + part_size + i));       \
            third = CRC32C_WORD(third, *(const loose64 *)(data + 2 * part_size + i));     \
        }                                                                                 \
        crc = crc32c_shift(table, crc32c_shift(table, (uint32_t)first) ^ (uint32_t)second) ^ (uint32_t)third; \
        data += 3 * part_size;                                                            \
        size -= 3 * part_size;                                                            \
    }

CRC32C_TARGET static uint32_t crc32c_by_hardware(uint32_t crc, const uint8_t *data, size_t size) {
    CRC32C_THREE(CRC32C_LONG, crc32c_shift_long)
    CRC32C_THREE(CRC32C_SHORT, crc32c_shift_short)
    uint64_t word = crc;
    for (; size >= 8; size -= 8, data += 8) word = CRC32C_WORD(word, *(const loose64 *)data);
    crc = (uint32_t)word;
    for (; size; size--, data++) crc = CRC32C_BYTE(crc, *data);
    return crc;
}
#else
static uint32_t crc32c_by_hardware(uint32_t crc, const uint8_t *data, size_t size) { return crc32c_by_table(crc, data, size); }
#endif

/* Continues `value` (0 to begin). */
static uint32_t crc32c_extend(uint32_t value, const uint8_t *data, size_t size) {
    static int hardware = -1;
    if (hardware < 0) hardware = crc32c_has_hardware();
    uint32_t crc = ~value;
    return ~(hardware ? crc32c_by_hardware(crc, data, size) : crc32c_by_table(crc, data, size));
}

#endif
