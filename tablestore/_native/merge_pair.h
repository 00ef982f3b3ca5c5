/* Two-way merge without branches on keys: the step of every wider merge. */
#ifndef TABLESTORE_MERGE_PAIR_H
#define TABLESTORE_MERGE_PAIR_H

#include "machine.h"

/* A word and the row it stands for: 16 bytes, so that one pointer is all the state of a side and one vector register moves both. */
typedef struct {
    uint64_t word, row;
} ts_pair;

/* A sorted stretch. */
typedef struct {
    const ts_pair *pairs;
    size_t count;
} ts_part;

/* One of several independent merges that are stepped in turn: a single one waits for the load of its next word most of the time. */
typedef struct {
    const ts_pair *a, *a_end, *b, *b_end;
    uint8_t *out;
} ts_chain;

#define TS_CHAINS 4
#define TS_CHAINS_MIN 128 /* rows below which one chain is as good */

/* Takes the smaller of *a and *b. Equal words: both advance and b is taken if `unique`, otherwise a goes first. Compilers turn the C
 * for this into branches, which random keys mispredict every other time; hence conditional moves by name, and mask arithmetic on
 * opaque values elsewhere. */
TS_INLINE const ts_pair *ts_take_smaller(const ts_pair **a, const ts_pair **b, const int unique)
{
    const ts_pair *taken;
#if defined(__x86_64__) && !defined(TABLESTORE_PORTABLE)
    uint64_t word_then_next;
#define TS_TAKE_BY(TAKES_B) \
    __asm__("movq (%[a]), %[next]\n\t" \
            "movq %[a], %[taken]\n\t" \
            "cmpq (%[b]), %[next]\n\t" \
            "leaq 16(%[a]), %[next]\n\t" \
            "cmov" TAKES_B "q %[b], %[taken]\n\t" \
            "cmovbeq %[next], %[a]\n\t" \
            "leaq 16(%[b]), %[next]\n\t" \
            "cmov" TAKES_B "q %[next], %[b]" \
            : [a] "+&r"(*a), [b] "+&r"(*b), [taken] "=&r"(taken), [next] "=&r"(word_then_next) \
            : \
            : "cc", "memory")
    if (unique)
        TS_TAKE_BY("ae");
    else
        TS_TAKE_BY("a");
#undef TS_TAKE_BY
#else
    const uint64_t word_a = (*a)->word, word_b = (*b)->word;
    uintptr_t take_b = unique ? word_b <= word_a : word_b < word_a;
    uintptr_t take_a = word_a <= word_b;
    TS_OPAQUE(take_b);
    TS_OPAQUE(take_a);
    taken = (const ts_pair *)((uintptr_t)*a ^ (((uintptr_t)*a ^ (uintptr_t)*b) & (0 - take_b)));
    *a += take_a;
    *b += take_b;
#endif
    return taken;
}

/* One row to the output: a pair, or only its row number where nothing is merged after this. */
#define TS_MERGE_STEP(A, B, OUT) \
    do { \
        const ts_pair *taken = ts_take_smaller(&(A), &(B), unique); \
        if (with_words) \
            memcpy((OUT), taken, sizeof(ts_pair)); \
        else \
            *(uint32_t *)(OUT) = (uint32_t)taken->row; \
        (OUT) += with_words ? sizeof(ts_pair) : sizeof(uint32_t); \
    } while (0)

/* Splits both sides so that about `diagonal` rows lie before the cut and, if unique, equal words on the same side. */
static void ts_cut(const ts_part *a, const ts_part *b, size_t diagonal, int unique, size_t *a_cut, size_t *b_cut)
{
    size_t low = diagonal > b->count ? diagonal - b->count : 0, high = diagonal < a->count ? diagonal : a->count;
    while (low < high) {
        size_t middle = low + ((high - low) >> 1);
        if (a->pairs[middle].word <= b->pairs[diagonal - 1 - middle].word)
            low = middle + 1;
        else
            high = middle;
    }
    *a_cut = low;
    *b_cut = diagonal - low;
    if (unique && low && *b_cut < b->count && a->pairs[low - 1].word == b->pairs[*b_cut].word) ++*b_cut;
}

TS_INLINE size_t ts_safe_steps(const ts_chain *chain)
{
    size_t a = (size_t)(chain->a_end - chain->a), b = (size_t)(chain->b_end - chain->b);
    return a < b ? a : b;
}

TS_INLINE uint8_t *ts_copy_rest(const ts_pair *from, size_t count, uint8_t *out, const int with_words)
{
    if (with_words) {
        memcpy(out, from, count * sizeof(ts_pair));
        return out + count * sizeof(ts_pair);
    }
    for (size_t i = 0; i < count; i++) ((uint32_t *)out)[i] = (uint32_t)from[i].row;
    return out + count * sizeof(uint32_t);
}

/* Merges what one chain has left; returns the end of its output. */
TS_INLINE uint8_t *ts_finish_chain(const ts_chain *chain, const int unique, const int with_words)
{
    const ts_pair *a = chain->a, *b = chain->b;
    uint8_t *out = chain->out;
    while (a < chain->a_end && b < chain->b_end) {
        size_t a_left = (size_t)(chain->a_end - a), b_left = (size_t)(chain->b_end - b);
        for (size_t steps = a_left < b_left ? a_left : b_left; steps; steps--) TS_MERGE_STEP(a, b, out);
    }
    out = ts_copy_rest(a, (size_t)(chain->a_end - a), out, with_words);
    return ts_copy_rest(b, (size_t)(chain->b_end - b), out, with_words);
}

/* Steps all chains until one of them runs dry on a side. */
TS_INLINE void ts_step_chains(ts_chain *chains, const int unique, const int with_words)
{
    const ts_pair *a0 = chains[0].a, *a1 = chains[1].a, *a2 = chains[2].a, *a3 = chains[3].a;
    const ts_pair *b0 = chains[0].b, *b1 = chains[1].b, *b2 = chains[2].b, *b3 = chains[3].b;
    uint8_t *o0 = chains[0].out, *o1 = chains[1].out, *o2 = chains[2].out, *o3 = chains[3].out;
    for (;;) {
        size_t steps = ts_safe_steps(&chains[0]);
        for (int c = 1; c < TS_CHAINS; c++) {
            size_t safe = ts_safe_steps(&chains[c]);
            steps = safe < steps ? safe : steps;
        }
        if (!steps) return;
        do {
            TS_MERGE_STEP(a0, b0, o0);
            TS_MERGE_STEP(a1, b1, o1);
            TS_MERGE_STEP(a2, b2, o2);
            TS_MERGE_STEP(a3, b3, o3);
        } while (--steps);
        chains[0].a = a0, chains[0].b = b0, chains[0].out = o0;
        chains[1].a = a1, chains[1].b = b1, chains[1].out = o1;
        chains[2].a = a2, chains[2].b = b2, chains[2].out = o2;
        chains[3].a = a3, chains[3].b = b3, chains[3].out = o3;
    }
}

TS_INLINE size_t ts_merge_pair_as(const ts_part *a, const ts_part *b, void *out, const int unique, const int with_words)
{
    const size_t width = with_words ? sizeof(ts_pair) : sizeof(uint32_t), total = a->count + b->count;
    const int count = total < TS_CHAINS_MIN ? 1 : TS_CHAINS;
    ts_chain chains[TS_CHAINS];
    uint8_t *starts[TS_CHAINS], *made = out;
    size_t a_at = 0, b_at = 0;
    for (int c = 0; c < count; c++) {
        size_t a_cut = a->count, b_cut = b->count;
        if (c + 1 < count) ts_cut(a, b, total * (size_t)(c + 1) / TS_CHAINS, unique, &a_cut, &b_cut);
        if (a_cut < a_at) a_cut = a_at;
        if (b_cut < b_at) b_cut = b_at;
        starts[c] = (uint8_t *)out + (a_at + b_at) * width;
        chains[c] = (ts_chain){a->pairs + a_at, a->pairs + a_cut, b->pairs + b_at, b->pairs + b_cut, starts[c]};
        a_at = a_cut;
        b_at = b_cut;
    }
    if (count == TS_CHAINS) ts_step_chains(chains, unique, with_words);
    for (int c = 0; c < count; c++) {
        const size_t size = (size_t)(ts_finish_chain(&chains[c], unique, with_words) - starts[c]);
        if (made != starts[c]) memmove(made, starts[c], size);
        made += size;
    }
    return (size_t)(made - (uint8_t *)out) / width;
}

static __attribute__((noinline)) size_t ts_merge_unique(const ts_part *a, const ts_part *b, ts_pair *out)
{
    return ts_merge_pair_as(a, b, out, 1, 1);
}

static __attribute__((noinline)) size_t ts_merge_unique_rows(const ts_part *a, const ts_part *b, uint32_t *out)
{
    return ts_merge_pair_as(a, b, out, 1, 0);
}

static __attribute__((noinline)) size_t ts_merge_all(const ts_part *a, const ts_part *b, ts_pair *out)
{
    return ts_merge_pair_as(a, b, out, 0, 1);
}

#endif
