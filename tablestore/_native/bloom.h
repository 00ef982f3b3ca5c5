/* Split-block Bloom filter (spec ch. 6): eight words of 32 bits for a key, all in one filter block. */
#ifndef TABLESTORE_BLOOM_H
#define TABLESTORE_BLOOM_H

#include "machine.h"

#define TS_FILTER_HEAD 8   /* u32 blocks, u32 keys (spec §6.2) */
#define TS_FILTER_BLOCK 32
#define TS_FILTER_AHEAD 16 /* keys whose filter blocks are fetched while others are worked on */

/* The eight words of a filter block, and the same bits as four longer ones. */
typedef uint32_t ts_eight __attribute__((vector_size(32)));
typedef uint64_t ts_four __attribute__((vector_size(32)));

/* Offset of the key's filter block in the section: chosen by the low half of the hash (spec §6.3). */
TS_INLINE size_t ts_filter_place(uint64_t hash, uint32_t blocks)
{
    return TS_FILTER_HEAD + TS_FILTER_BLOCK * (size_t)(((hash & 0xFFFFFFFFu) * blocks) >> 32);
}

/* The bit of each word (spec §6.3), written to *masks: by address, since passing vectors depends on the instruction set. */
TS_INLINE void ts_filter_masks(uint64_t hash, ts_eight *masks)
{
    const ts_eight salts = {0x47B6137Bu, 0x44974D91u, 0x8824AD5Bu, 0xA2B7289Du, 0x705495C7u, 0x2DF1424Bu, 0x9EFC4947u, 0x5C6BFB31u};
    const ts_eight ones = {1, 1, 1, 1, 1, 1, 1, 1};
    *masks = ones << ((salts * (uint32_t)(hash >> 32)) >> 27);
}

/* Adds every key to the zeroed blocks of a section. */
TS_CLONES static void ts_filter_build(uint8_t *section, uint32_t blocks, const uint64_t *hashes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i + TS_FILTER_AHEAD < count)
            TS_PREFETCH_WRITE(section + ts_filter_place(hashes[i + TS_FILTER_AHEAD], blocks));
        uint8_t *block = section + ts_filter_place(hashes[i], blocks);
        ts_eight masks, words;
        ts_filter_masks(hashes[i], &masks);
        memcpy(&words, block, TS_FILTER_BLOCK);
        words |= masks;
        memcpy(block, &words, TS_FILTER_BLOCK);
    }
}

/* out[i] = 1 if key i may be present. */
TS_CLONES static void ts_filter_probe(const uint8_t *section, uint32_t blocks, const uint64_t *hashes, size_t count, uint8_t *out)
{
    for (size_t i = 0; i < count; i++) {
        if (i + TS_FILTER_AHEAD < count) TS_PREFETCH(section + ts_filter_place(hashes[i + TS_FILTER_AHEAD], blocks));
        ts_eight masks, words;
        ts_filter_masks(hashes[i], &masks);
        memcpy(&words, section + ts_filter_place(hashes[i], blocks), TS_FILTER_BLOCK);
        const ts_four missing = (ts_four)(masks & ~words);
        out[i] = (missing[0] | missing[1] | missing[2] | missing[3]) == 0;
    }
}

/* One key. */
TS_INLINE int ts_filter_may_hold(const uint8_t *section, uint32_t blocks, uint64_t hash)
{
    static const uint32_t salts[8] = {0x47B6137Bu, 0x44974D91u, 0x8824AD5Bu, 0xA2B7289Du, 0x705495C7u, 0x2DF1424Bu, 0x9EFC4947u, 0x5C6BFB31u};
    const uint8_t *words = section + ts_filter_place(hash, blocks);
    uint32_t missing = 0;
    for (size_t i = 0; i < 8; i++)
        missing |= ~ts_load32(words + 4 * i) & (1u << ((salts[i] * (uint32_t)(hash >> 32)) >> 27));
    return missing == 0;
}

static int ts_filter_is_empty(const uint8_t *section, size_t size)
{
    uint8_t bits = 0;
    for (size_t i = TS_FILTER_HEAD; i < size; i++) bits |= section[i];
    return bits == 0;
}

#endif
