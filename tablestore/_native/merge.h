/* k-way merge of sorted runs into the rows of the winners. Runs are cut at common keys into windows that fit the cache; in a window the
 * cheapest way is taken: a lone run is a range, a few rows against many gallop, dense words go through a table, all else is a
 * cascade of two-way merges. Every way stays inside its arrays whatever the words are, also when a run is not sorted. */
#ifndef TABLESTORE_MERGE_H
#define TABLESTORE_MERGE_H

#include "merge_pair.h"
#include "order.h"
#include "search.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(TABLESTORE_PORTABLE)
#include <immintrin.h>
#define TS_WIDE_VECTORS 1
#endif

#define TS_WINDOW_ROWS 32768
#define TS_RANGE_MIN 512  /* rows of one run that lie before all other runs: worth a range of their own */
#define TS_GALLOP_RATIO 16
#define TS_TABLE_RATIO 4  /* most table slots per row */
#define TS_AREAS 3
#define TS_SLACK 16 /* rows that `out` has room for beyond those it may get: whole vectors are written */

typedef struct {
    const uint64_t *words; /* NULL: compare `keys` */
    ts_keys keys;
    const uint64_t *rank; /* or NULL */
} ts_source;

/* Scratch of one merge; `capacity` rows fit each array. */
typedef struct {
    size_t capacity;
    ts_pair *areas[TS_AREAS];
    uint32_t *table;             /* TS_TABLE_RATIO slots per row, and one for words out of place */
    ts_part *parts;
    size_t *low, *high, *starts; /* per run: the window, and the place of its rows in the areas */
    ts_order order;
    ts_pair *block;
} ts_workspace;

TS_INLINE void ts_emit_range(uint32_t *out, size_t start, size_t stop)
{
    for (size_t row = start; row < stop; row++) *out++ = (uint32_t)row;
}

TS_INLINE int ts_compare_rows(const ts_source *source, size_t a, size_t b)
{
    if (source->words) return (source->words[a] > source->words[b]) - (source->words[a] < source->words[b]);
    return ts_compare_keys(&source->keys, a, b, 0);
}

/* First position in [low, high) whose key is not less than that of `row`, searched outwards from `low`. */
static size_t ts_lower_row(const ts_source *source, size_t row, size_t low, size_t high)
{
    size_t step = 1;
    while (low + step <= high && ts_compare_rows(source, low + step - 1, row) < 0) {
        low += step;
        step *= 2;
    }
    if (low + step - 1 < high) high = low + step - 1;
    if (source->words) return ts_lower_word(source->words, low, high, source->words[row]);
    return ts_lower_key(&source->keys, low, high, ts_key_at(&source->keys, row), ts_key_size(&source->keys, row));
}

TS_INLINE uint32_t ts_winner(const ts_source *source, uint32_t a, uint32_t b)
{
    if (source->rank && source->rank[a] != source->rank[b]) return source->rank[a] > source->rank[b] ? a : b;
    return a > b ? a : b;
}

/* Few rows, ascending and distinct, into one long run: whole ranges of the run go out between them. */
static size_t ts_gallop(const ts_source *source, const uint32_t *few, size_t count, size_t low, size_t high, uint32_t *out)
{
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        size_t stop = ts_lower_row(source, few[i], low, high);
        ts_emit_range(out + made, low, stop);
        made += stop - low;
        low = stop;
        uint32_t row = few[i];
        if (low < high && ts_compare_rows(source, low, row) == 0) row = ts_winner(source, row, (uint32_t)low++);
        out[made++] = row;
    }
    ts_emit_range(out + made, low, high);
    return made + (high - low);
}

/* The rows in the slots of a table, which holds them plus one, and zero in empty slots; writes up to TS_SLACK more. */
static size_t ts_emit_slots(const uint32_t *table, uint64_t slot, uint64_t span, uint32_t *out)
{
    size_t made = 0;
    for (; slot < span; slot++) {
        out[made] = table[slot] - 1;
        made += table[slot] != 0;
    }
    return made;
}

#ifdef TS_WIDE_VECTORS
__attribute__((target("avx512f,popcnt"))) static size_t ts_emit_vectors(const uint32_t *table, uint64_t span, uint32_t *out)
{
    const __m512i one = _mm512_set1_epi32(1);
    size_t made = 0;
    uint64_t slot = 0;
    for (; slot + 16 <= span; slot += 16) {
        const __m512i rows = _mm512_loadu_si512(table + slot);
        const __mmask16 full = _mm512_test_epi32_mask(rows, rows);
        _mm512_storeu_si512(out + made, _mm512_maskz_compress_epi32(full, _mm512_sub_epi32(rows, one)));
        made += (size_t)_mm_popcnt_u32(full);
    }
    return made + ts_emit_slots(table, slot, span, out + made);
}
#endif

static size_t ts_emit_table(const uint32_t *table, uint64_t span, uint32_t *out)
{
#ifdef TS_WIDE_VECTORS
    if (__builtin_cpu_supports("avx512f")) return ts_emit_vectors(table, span, out);
#endif
    return ts_emit_slots(table, 0, span, out);
}

/* Words that lie densely: one slot per possible word; runs go in oldest first, so that the winner is what stays. */
static size_t ts_merge_table(const ts_source *source, uint32_t *table, const size_t *low, const size_t *high, size_t runs,
                             uint64_t first, uint64_t span, uint32_t *out)
{
    memset(table, 0, (span + 1) * sizeof(uint32_t));
    for (size_t r = 0; r < runs; r++) {
        for (size_t row = low[r]; row < high[r]; row++) {
            uint64_t slot = source->words[row] - first;
            slot = slot < span ? slot : span; /* a word out of place, of a run that is not sorted */
            uint32_t winner = (uint32_t)row;
            if (source->rank && table[slot]) winner = ts_winner(source, table[slot] - 1, winner);
            table[slot] = winner + 1;
        }
    }
    return ts_emit_table(table, span, out);
}

/* The area that holds neither part: a part stays in the stretch of its rows, so one area serves many parts. */
static int ts_free_area(const ts_workspace *space, const ts_part *a, const ts_part *b)
{
    for (int area = 0; area < TS_AREAS - 1; area++) {
        const ts_pair *start = space->areas[area], *end = start + space->capacity;
        if (!(a->pairs >= start && a->pairs < end) && !(b->pairs >= start && b->pairs < end)) return area;
    }
    return TS_AREAS - 1;
}

/* Merges neighbours a (older) and b (newer) to where a's stretch begins, `at` rows into the window. */
static ts_part ts_merge_neighbours(const ts_workspace *space, const ts_part *a, const ts_part *b, size_t at, int unique)
{
    ts_pair *out = space->areas[ts_free_area(space, a, b)] + at;
    return (ts_part){out, unique ? ts_merge_unique(a, b, out) : ts_merge_all(a, b, out)};
}

/* Merges neighbouring parts, the smallest pair first, until `left` remain. starts[i] is the place of part i in the window. */
static size_t ts_cascade(ts_workspace *space, ts_part *parts, size_t *starts, size_t count, size_t left, int unique)
{
    while (count > 64 && count > left) {
        size_t made = 0;
        for (size_t p = 0; p < count; p += 2, made++) {
            starts[made] = starts[p];
            parts[made] = p + 1 < count ? ts_merge_neighbours(space, &parts[p], &parts[p + 1], starts[p], unique) : parts[p];
        }
        count = made;
    }
    while (count > left) {
        size_t best = 0;
        for (size_t p = 1; p + 1 < count; p++)
            if (parts[p].count + parts[p + 1].count < parts[best].count + parts[best + 1].count) best = p;
        parts[best] = ts_merge_neighbours(space, &parts[best], &parts[best + 1], starts[best], unique);
        memmove(parts + best + 1, parts + best + 2, (count - best - 2) * sizeof(ts_part));
        memmove(starts + best + 1, starts + best + 2, (count - best - 2) * sizeof(size_t));
        count--;
    }
    return count;
}

/* Winners of a merged stretch in which equal words are equal keys. */
static size_t ts_emit_merged(const ts_source *source, const ts_pair *pairs, size_t count, uint32_t *out)
{
    size_t made = 0;
    for (size_t i = 0; i < count;) {
        uint32_t best = (uint32_t)pairs[i].row;
        const uint64_t word = pairs[i++].word;
        for (; i < count && pairs[i].word == word; i++) best = ts_winner(source, best, (uint32_t)pairs[i].row);
        out[made++] = best;
    }
    return made;
}

/* Winners of a merged stretch of keys in which equal words may be different keys: these are put in order by what follows. */
static size_t ts_emit_repaired(const ts_source *source, ts_workspace *space, const ts_part *part, const ts_prefix_plan *plan,
                               uint32_t *out)
{
    const ts_pair *pairs = part->pairs;
    size_t made = 0;
    for (size_t start = 0; start < part->count;) {
        const uint64_t word = pairs[start].word;
        size_t stop = start + 1;
        while (stop < part->count && pairs[stop].word == word) stop++;
        const size_t count = stop - start;
        if (count == 1) {
            out[made++] = (uint32_t)pairs[start].row;
        } else if (ts_word_decides(plan, word)) {
            made += ts_emit_merged(source, pairs + start, count, out + made);
        } else {
            for (size_t i = 0; i < count; i++) space->order.rows[i] = (uint32_t)pairs[start + i].row;
            ts_order_rows(&source->keys, &space->order, count, plan->skip + ts_word_bytes(plan), 0);
            for (size_t i = 0; i < count;) {
                uint32_t best = space->order.rows[i++];
                for (; i < count && space->order.equal[i]; i++) best = ts_winner(source, best, space->order.rows[i]);
                out[made++] = best;
            }
        }
        start = stop;
    }
    return made;
}

#endif
