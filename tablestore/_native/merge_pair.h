/* Two-way merge without branches on keys: the step of every wider merge. */
#ifndef TABLESTORE_MERGE_PAIR_H
#define TABLESTORE_MERGE_PAIR_H

#include "machine.h"

/* A sorted stretch: words and the row each stands for. */
typedef struct {
    uint64_t *words;
    uint32_t *rows;
    size_t count;
} ts_part;

/* One of several independent merges that are stepped in turn: a single one waits for the load of its next key most of the time. */
typedef struct {
    size_t a, a_end, b, b_end, out;
} ts_chain;

#define TS_CHAINS 4
#define TS_CHAINS_MIN 256 /* rows below which one chain is as good */

/* One row to the output; equal words: both are taken and b's row stays if `unique`, otherwise a's goes first. The selections are mask
 * arithmetic on opaque values, because compilers turn `?:` into branches that random keys mispredict every other time. */
#define TS_MERGE_STEP(A, B, OUT) \
    do { \
        const uint64_t word_a = a_words[A], word_b = b_words[B]; \
        uint64_t take_b = unique ? (uint64_t)(word_b <= word_a) : (uint64_t)(word_b < word_a); \
        uint64_t take_a = unique ? (uint64_t)(word_a <= word_b) : take_b ^ 1; \
        TS_OPAQUE(take_b); \
        if (unique) TS_OPAQUE(take_a); \
        const uint64_t from_b = 0 - take_b; \
        const uint32_t row_a = a_rows[A], row_b = b_rows[B]; \
        if (with_words) out_words[OUT] = word_a ^ ((word_a ^ word_b) & from_b); \
        out_rows[OUT] = row_a ^ ((row_a ^ row_b) & (uint32_t)from_b); \
        A += take_a; \
        B += take_b; \
        OUT++; \
    } while (0)

/* Splits both sides so that about `diagonal` rows lie before the cut and, if unique, equal words on the same side. */
static void ts_cut(const uint64_t *a_words, size_t a_count, const uint64_t *b_words, size_t b_count, size_t diagonal, int unique,
                   size_t *a_cut, size_t *b_cut)
{
    size_t low = diagonal > b_count ? diagonal - b_count : 0, high = diagonal < a_count ? diagonal : a_count;
    while (low < high) {
        size_t middle = low + ((high - low) >> 1);
        if (a_words[middle] <= b_words[diagonal - 1 - middle])
            low = middle + 1;
        else
            high = middle;
    }
    *a_cut = low;
    *b_cut = diagonal - low;
    if (unique && low && *b_cut < b_count && a_words[low - 1] == b_words[*b_cut]) ++*b_cut;
}

TS_INLINE size_t ts_safe_steps(const ts_chain *chain)
{
    size_t a = chain->a_end - chain->a, b = chain->b_end - chain->b;
    return a < b ? a : b;
}

/* Merges what one chain has left; returns the end of its output. */
TS_INLINE size_t ts_finish_chain(const ts_part *left, const ts_part *right, uint64_t *out_words, uint32_t *out_rows,
                                 const ts_chain *chain, const int unique, const int with_words)
{
    const uint64_t *a_words = left->words, *b_words = right->words;
    const uint32_t *a_rows = left->rows, *b_rows = right->rows;
    size_t a = chain->a, b = chain->b, out = chain->out;
    while (a < chain->a_end && b < chain->b_end) {
        size_t steps = chain->a_end - a < chain->b_end - b ? chain->a_end - a : chain->b_end - b;
        while (steps--) TS_MERGE_STEP(a, b, out);
    }
    const size_t a_left = chain->a_end - a, b_left = chain->b_end - b;
    if (with_words) {
        memcpy(out_words + out, a_words + a, a_left * sizeof(uint64_t));
        memcpy(out_words + out + a_left, b_words + b, b_left * sizeof(uint64_t));
    }
    memcpy(out_rows + out, a_rows + a, a_left * sizeof(uint32_t));
    memcpy(out_rows + out + a_left, b_rows + b, b_left * sizeof(uint32_t));
    return out + a_left + b_left;
}

/* Steps four chains until one of them runs dry on a side. */
TS_INLINE void ts_step_chains(const ts_part *left, const ts_part *right, uint64_t *out_words, uint32_t *out_rows, ts_chain *chains,
                              const int unique, const int with_words)
{
    const uint64_t *a_words = left->words, *b_words = right->words;
    const uint32_t *a_rows = left->rows, *b_rows = right->rows;
    size_t a0 = chains[0].a, a1 = chains[1].a, a2 = chains[2].a, a3 = chains[3].a;
    size_t b0 = chains[0].b, b1 = chains[1].b, b2 = chains[2].b, b3 = chains[3].b;
    size_t o0 = chains[0].out, o1 = chains[1].out, o2 = chains[2].out, o3 = chains[3].out;
    for (;;) {
        size_t steps = ts_safe_steps(&chains[0]);
        for (int c = 1; c < TS_CHAINS; c++) {
            size_t safe = ts_safe_steps(&chains[c]);
            steps = safe < steps ? safe : steps;
        }
        if (!steps) return;
        while (steps--) {
            TS_MERGE_STEP(a0, b0, o0);
            TS_MERGE_STEP(a1, b1, o1);
            TS_MERGE_STEP(a2, b2, o2);
            TS_MERGE_STEP(a3, b3, o3);
        }
        chains[0].a = a0, chains[0].b = b0, chains[0].out = o0;
        chains[1].a = a1, chains[1].b = b1, chains[1].out = o1;
        chains[2].a = a2, chains[2].b = b2, chains[2].out = o2;
        chains[3].a = a3, chains[3].b = b3, chains[3].out = o3;
    }
}

TS_INLINE size_t ts_merge_pair_as(const ts_part *a, const ts_part *b, uint64_t *out_words, uint32_t *out_rows, const int unique,
                                  const int with_words)
{
    ts_chain chains[TS_CHAINS];
    const size_t total = a->count + b->count;
    const int count = total < TS_CHAINS_MIN ? 1 : TS_CHAINS;
    size_t a_at = 0, b_at = 0;
    for (int c = 0; c < count; c++) {
        size_t a_cut = a->count, b_cut = b->count;
        if (c + 1 < count)
            ts_cut(a->words, a->count, b->words, b->count, total * (size_t)(c + 1) / TS_CHAINS, unique, &a_cut, &b_cut);
        if (a_cut < a_at) a_cut = a_at;
        if (b_cut < b_at) b_cut = b_at;
        chains[c] = (ts_chain){a_at, a_cut, b_at, b_cut, a_at + b_at};
        a_at = a_cut;
        b_at = b_cut;
    }
    if (count == TS_CHAINS) ts_step_chains(a, b, out_words, out_rows, chains, unique, with_words);
    size_t made = 0;
    for (int c = 0; c < count; c++) {
        const size_t start = c ? chains[c - 1].a_end + chains[c - 1].b_end : 0;
        const size_t end = ts_finish_chain(a, b, out_words, out_rows, &chains[c], unique, with_words);
        if (made < start) {
            if (with_words) memmove(out_words + made, out_words + start, (end - start) * sizeof(uint64_t));
            memmove(out_rows + made, out_rows + start, (end - start) * sizeof(uint32_t));
        }
        made += end - start;
    }
    return made;
}

static __attribute__((noinline)) size_t ts_merge_unique(const ts_part *a, const ts_part *b, uint64_t *words, uint32_t *rows)
{
    return ts_merge_pair_as(a, b, words, rows, 1, 1);
}

static __attribute__((noinline)) size_t ts_merge_unique_rows(const ts_part *a, const ts_part *b, uint32_t *rows)
{
    return ts_merge_pair_as(a, b, NULL, rows, 1, 0);
}

static __attribute__((noinline)) size_t ts_merge_all(const ts_part *a, const ts_part *b, uint64_t *words, uint32_t *rows)
{
    return ts_merge_pair_as(a, b, words, rows, 0, 1);
}

#endif
