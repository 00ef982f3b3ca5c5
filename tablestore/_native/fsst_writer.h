/* Choosing symbols for strings, and replacing strings by codes (spec §4.14); the method is that of fsst.h.
 *
 * Symbols grow over a few rounds: each encodes a sample with the symbols of the round before, counts the pieces that it found
 * and the pairs of pieces that follow each other, and keeps the pieces and joined pairs that save most. Of symbols of three
 * bytes and more that share a slot only the best is kept, so that one look finds the longest match.
 */
#ifndef TABLESTORE_FSST_WRITER_H
#define TABLESTORE_FSST_WRITER_H

#include "fsst.h"

#define SLOT_BITS 11
#define SLOTS (1 << SLOT_BITS)
#define EMPTY_SLOT UINT32_MAX
#define PIECES 512           /* what is counted: a symbol by its code, or 256 + a byte that had none */
#define ROUNDS 5
#define SAMPLE_MAX 8192      /* bytes */
#define SAMPLE_VALUE_MAX 512 /* bytes of one value that a sample takes */
#define SAMPLE_RUN 8         /* neighbouring values that it takes together */
#define TOUCHED_MAX (2 * SAMPLE_MAX)
#define CANDIDATES_MAX 8192
#define PLACES (2 * CANDIDATES_MAX)

typedef struct {
    uint64_t word;
    uint32_t size, code;
} symbol_slot;

/* The longest symbol at the beginning of a string: one of three bytes or more is in `slots`; else by_pair, or by_byte if only one
 * byte is left, gives code | size << 8 of a symbol of two bytes or one, or of an escape. counts: symbols of k + 1 bytes. */
typedef struct {
    symbol_slot slots[SLOTS];
    uint16_t by_pair[65536];
    uint16_t by_byte[256];
    uint64_t word[SYMBOLS_MAX];
    uint8_t size[SYMBOLS_MAX];
    uint8_t counts[SYMBOL_MAX];
    unsigned count;
} symbol_matcher;

ALWAYS_INLINE unsigned slot_of(uint64_t word) {
    return (unsigned)(((word & 0xFFFFFF) * 0x9E3779B97F4A7C15ull) >> (64 - SLOT_BITS));
}

static void clear_symbols(symbol_matcher *matcher) {
    for (unsigned i = 0; i < SLOTS; i++) matcher->slots[i] = (symbol_slot){0, EMPTY_SLOT, 0};
    for (unsigned i = 0; i < 256; i++) matcher->by_byte[i] = 1 << 8 | ESCAPE;
    memset(matcher->counts, 0, sizeof matcher->counts);
    matcher->count = 0;
}

/* Gives a symbol the next code if its slot is free. */
static void add_symbol(symbol_matcher *matcher, uint64_t word, unsigned size) {
    const unsigned code = matcher->count;
    if (size >= 3) {
        symbol_slot *slot = matcher->slots + slot_of(word);
        if (slot->size != EMPTY_SLOT) return;
        *slot = (symbol_slot){word, size, code};
    } else if (size == 1) {
        matcher->by_byte[word] = (uint16_t)(1 << 8 | code);
    }
    matcher->word[code] = word;
    matcher->size[code] = (uint8_t)size;
    matcher->counts[size - 1]++;
    matcher->count++;
}

/* Fills by_pair when all symbols are there. */
static void finish_symbols(symbol_matcher *matcher) {
    for (unsigned second = 0; second < 256; second++) memcpy(matcher->by_pair + 256 * second, matcher->by_byte, 512);
    for (unsigned code = 0; code < matcher->count; code++)
        if (matcher->size[code] == 2) matcher->by_pair[matcher->word[code]] = (uint16_t)(2 << 8 | code);
}

/* The next eight bytes; those past `limit`, where memory ends, are zero. */
ALWAYS_INLINE uint64_t load_word(const uint8_t *at, const uint8_t *limit) {
    uint64_t word = 0;
    if (__builtin_expect(limit - at >= 8, 1)) return *(const loose64 *)at;
    memcpy(&word, at, (size_t)(limit - at));
    return word;
}

/* code | size << 8 for the beginning of `word`, of which `rest` >= 1 bytes belong to the string. */
ALWAYS_INLINE unsigned match_symbol(const symbol_matcher *matcher, uint64_t word, size_t rest) {
    const symbol_slot *slot = matcher->slots + slot_of(word);
    if (slot->size <= rest && ((word ^ slot->word) << (64 - 8 * slot->size)) == 0) return slot->code | slot->size << 8;
    return rest > 1 ? matcher->by_pair[word & 0xFFFF] : matcher->by_byte[word & 0xFF];
}

/* The bytes of all symbols one after another, at most 8 * SYMBOLS_MAX and 8 more; returns their number. */
static size_t list_symbols(const symbol_matcher *matcher, uint8_t *out) {
    const uint8_t *const begin = out;
    for (unsigned code = 0; code < matcher->count; code++) {
        memcpy(out, &matcher->word[code], 8);
        out += matcher->size[code];
    }
    return (size_t)(out - begin);
}

/* Encodes the values data[offsets[0], offsets[count]) in bundles; code_lengths[b] becomes the number of bytes of bundle b. `out`
 * is writable for twice the bytes and one more. Returns the number of bytes of all codes. */
static size_t encode_bundles(const symbol_matcher *matcher, const loose32 *offsets, const uint8_t *data, size_t count,
                             size_t bundle, loose32 *code_lengths, uint8_t *out) {
    const uint8_t *const begin = out, *const limit = data + offsets[count], *at = data + offsets[0];
    for (size_t row = 0; row < count; row += bundle) {
        const uint8_t *const end = data + offsets[count - row < bundle ? count : row + bundle], *const before = out;
        while (at < end) {
            const uint64_t word = load_word(at, limit);
            const unsigned found = match_symbol(matcher, word, (size_t)(end - at));
            out[0] = (uint8_t)found;
            out[1] = (uint8_t)word;
            out += 1 + ((found & 0xFF) == ESCAPE);
            at += found >> 8;
        }
        *code_lengths++ = (uint32_t)(out - before);
    }
    return (size_t)(out - begin);
}

/* ---- choosing symbols ---- */

/* A string that may become a symbol, and the bytes that it would save in the sample. */
typedef struct {
    uint64_t word;
    uint32_t gain, size;
} symbol_candidate;

typedef struct {
    uint16_t pairs[PIECES][PIECES];  /* zero between the rounds */
    uint32_t touched[TOUCHED_MAX];   /* pairs that are not */
    uint32_t singles[PIECES];
    uint32_t places[PLACES];         /* hash table: 1 more than the candidate */
    symbol_candidate candidates[CANDIDATES_MAX + 1];
    uint8_t sample[SAMPLE_MAX + 8];
    uint32_t ends[SAMPLE_MAX];
    size_t values, touches, found;
} symbol_trainer;

/* Takes runs of neighbouring values from all over the chunk. */
static void take_sample(symbol_trainer *trainer, const loose32 *offsets, const uint8_t *data, size_t count) {
    const size_t total = offsets[count] - offsets[0], runs = (count + SAMPLE_RUN - 1) / SAMPLE_RUN;
    size_t chosen = total <= SAMPLE_MAX ? runs : runs * SAMPLE_MAX / total + 1, size = 0;
    if (chosen > runs) chosen = runs;
    trainer->values = 0;
    for (size_t run = 0; run < chosen; run++) {
        const size_t first = run * runs / chosen * SAMPLE_RUN;
        for (size_t i = first; i < first + SAMPLE_RUN && i < count; i++) {
            size_t taken = offsets[i + 1] - offsets[i];
            if (taken > SAMPLE_VALUE_MAX) taken = SAMPLE_VALUE_MAX;
            if (size + taken > SAMPLE_MAX) return;
            if (taken == 0) continue;
            memcpy(trainer->sample + size, data + offsets[i], taken);
            size += taken;
            trainer->ends[trainer->values++] = (uint32_t)size;
        }
    }
}

ALWAYS_INLINE void count_pair(symbol_trainer *trainer, unsigned left, unsigned right) {
    uint16_t *pair = &trainer->pairs[left][right];
    if (*pair == 0) trainer->touched[trainer->touches++] = left << 16 | right;
    ++*pair; /* no pair comes more often than the sample has bytes */
}

/* Counts pieces and pairs in the first `values` values of the sample. A pair is also counted with the first byte of its second
 * piece alone, so that symbols may grow by a byte. */
static void count_pieces(symbol_trainer *trainer, const symbol_matcher *matcher, size_t values) {
    const uint8_t *at = trainer->sample, *const limit = trainer->sample + sizeof trainer->sample;
    memset(trainer->singles, 0, sizeof trainer->singles);
    trainer->touches = 0;
    for (size_t i = 0; i < values; i++) {
        const uint8_t *const end = trainer->sample + trainer->ends[i];
        unsigned before = PIECES;
        while (at < end) {
            const uint64_t word = load_word(at, limit);
            const unsigned found = match_symbol(matcher, word, (size_t)(end - at));
            const unsigned byte = 256 + (unsigned)(word & 0xFF), piece = (found & 0xFF) == ESCAPE ? byte : found & 0xFF;
            trainer->singles[piece]++;
            if (before != PIECES) {
                count_pair(trainer, before, piece);
                if (found >> 8 > 1) count_pair(trainer, before, byte);
            }
            before = piece;
            at += found >> 8;
        }
    }
}

static void propose(symbol_trainer *trainer, uint64_t word, unsigned size, uint32_t gain) {
    const uint64_t hash = (word ^ (uint64_t)size << 56) * 0x9E3779B97F4A7C15ull;
    size_t place = (hash >> 32) & (PLACES - 1);
    for (; trainer->places[place]; place = (place + 1) & (PLACES - 1)) {
        symbol_candidate *found = trainer->candidates + trainer->places[place] - 1;
        if (found->word == word && found->size == size) {
            found->gain += gain;
            return;
        }
    }
    if (trainer->found == CANDIDATES_MAX) return;
    trainer->candidates[trainer->found++] = (symbol_candidate){word, gain, size};
    trainer->places[place] = (uint32_t)trainer->found;
}

ALWAYS_INLINE uint64_t piece_word(const symbol_matcher *matcher, unsigned piece) {
    return piece >= 256 ? piece - 256 : matcher->word[piece];
}

ALWAYS_INLINE unsigned piece_size(const symbol_matcher *matcher, unsigned piece) {
    return piece >= 256 ? 1 : matcher->size[piece];
}

/* Proposes what came more than once, and clears the pairs. A single byte counts for more: without it there is an escape. */
static void propose_pieces(symbol_trainer *trainer, const symbol_matcher *matcher) {
    memset(trainer->places, 0, sizeof trainer->places);
    trainer->found = 0;
    for (unsigned piece = 0; piece < PIECES; piece++) {
        const uint32_t times = trainer->singles[piece];
        if (times < 2) continue;
        const unsigned size = piece_size(matcher, piece);
        propose(trainer, piece_word(matcher, piece), size, times * (size == 1 ? 8 : size));
    }
    for (size_t i = 0; i < trainer->touches; i++) {
        const unsigned left = trainer->touched[i] >> 16, right = trainer->touched[i] & 0xFFFF;
        const uint32_t times = trainer->pairs[left][right];
        trainer->pairs[left][right] = 0;
        unsigned size = piece_size(matcher, left);
        if (times < 2 || size == SYMBOL_MAX) continue;
        const uint64_t word = piece_word(matcher, left) | piece_word(matcher, right) << 8 * size;
        size += piece_size(matcher, right);
        if (size > SYMBOL_MAX) size = SYMBOL_MAX;
        propose(trainer, word, size, times * size);
    }
}

ALWAYS_INLINE int is_better(const symbol_candidate *a, const symbol_candidate *b) {
    return a->gain != b->gain ? a->gain > b->gain : a->word != b->word ? a->word > b->word : a->size > b->size;
}

/* Moves the candidate at `at` down to its place in a heap that has the best one first. */
static void sift_down(symbol_candidate *heap, size_t count, size_t at) {
    const symbol_candidate moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_better(heap + child + 1, heap + child)) child++;
        if (!is_better(heap + child, &moved)) break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

static void keep_best(symbol_trainer *trainer, symbol_matcher *matcher) {
    symbol_candidate *heap = trainer->candidates;
    size_t count = trainer->found;
    clear_symbols(matcher);
    for (size_t i = count / 2; i-- > 0;) sift_down(heap, count, i);
    while (count && matcher->count < SYMBOLS_MAX) {
        add_symbol(matcher, heap[0].word, heap[0].size);
        heap[0] = heap[--count];
        sift_down(heap, count, 0);
    }
    finish_symbols(matcher);
}

/* Numbers the symbols anew in the order of their sizes, as a node lists them. */
static void order_symbols(symbol_matcher *matcher) {
    uint64_t words[SYMBOLS_MAX];
    uint8_t sizes[SYMBOLS_MAX];
    const unsigned count = matcher->count;
    memcpy(words, matcher->word, sizeof words);
    memcpy(sizes, matcher->size, sizeof sizes);
    clear_symbols(matcher);
    for (unsigned size = 1; size <= SYMBOL_MAX; size++)
        for (unsigned i = 0; i < count; i++)
            if (sizes[i] == size) add_symbol(matcher, words[i], size);
    finish_symbols(matcher);
}

/* Chooses symbols for the values; the same values give the same ones. The trainer's pairs are zero before and after. */
static void train_symbols(symbol_trainer *trainer, symbol_matcher *matcher, const loose32 *offsets, const uint8_t *data,
                          size_t count) {
    take_sample(trainer, offsets, data, count);
    clear_symbols(matcher);
    finish_symbols(matcher);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        /* the first rounds find short symbols only: part of the sample is enough for them */
        count_pieces(trainer, matcher, (trainer->values * round + ROUNDS - 1) / ROUNDS);
        propose_pieces(trainer, matcher);
        keep_best(trainer, matcher);
    }
    order_symbols(matcher);
}

#endif
