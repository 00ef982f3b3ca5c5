/* Decoded files that stay in memory: the newest row of a key over all of them, and the values of chosen rows. */
#ifndef TABLESTORE_RESIDENT_H
#define TABLESTORE_RESIDENT_H

#include "bloom.h"
#include "search.h"

#define TS_NO_PLACE UINT32_MAX
#define TS_RESIDENT_AHEAD 16 /* rows whose source is fetched in advance */

/* One file: its keys in one of the two forms, ascending; its filter, NULL: it may hold any key; and which of its rows are
   deletes, a byte each, NULL: none. Files of one place (partition and bucket) stand side by side, the newest first. */
typedef struct {
    const uint64_t *words;
    ts_keys keys;
    size_t rows;
    const uint8_t *filter;
    uint32_t filter_blocks;
    const uint8_t *deleted;
    uint32_t place;
} ts_resident_file;

/* The first file from `file` on that may hold a key, or `end`. gone: the place whose newest row is known to be a delete. */
TS_INLINE size_t ts_next_resident(const ts_resident_file *files, size_t file, size_t end, uint64_t hash, uint32_t gone)
{
    for (; file < end; file++)
        if (files[file].place != gone && files[file].rows &&
            (!files[file].filter || ts_filter_may_hold(files[file].filter, files[file].filter_blocks, hash)))
            break;
    return file;
}

/* What a hit means: whether the search ends. A delete ends that of its place alone: the key may live in another one. */
TS_INLINE int ts_resident_hit(const ts_resident_file *file, size_t row, uint32_t *gone)
{
    if (!file->deleted || !file->deleted[row]) return 1;
    *gone = file->place;
    return 0;
}

/* For each probe the file and row that hold it, file -1 if none does or it is deleted. The files of bucket b are
   [start[b], start[b + 1]). Probes step together so that their cache misses overlap. */
static void ts_newest_words(const ts_resident_file *files, const int64_t *start, const uint64_t *hashes, const uint32_t *bucket,
                            const uint64_t *probes, size_t count, int32_t *out_file, uint32_t *out_row)
{
    for (size_t from = 0; from < count; from += TS_PROBES) {
        const size_t lanes = count - from < TS_PROBES ? count - from : TS_PROBES;
        size_t file[TS_PROBES], low[TS_PROBES], left[TS_PROBES], open[TS_PROBES], waiting = lanes;
        uint32_t gone[TS_PROBES];
        for (size_t lane = 0; lane < lanes; lane++) {
            const size_t first = (size_t)start[bucket[from + lane]], end = (size_t)start[bucket[from + lane] + 1];
            for (size_t f = first; f < end && f < first + TS_RESIDENT_AHEAD; f++)
                if (files[f].filter) TS_PREFETCH(files[f].filter + ts_filter_place(hashes[from + lane], files[f].filter_blocks));
            open[lane] = lane;
            file[lane] = first;
            gone[lane] = TS_NO_PLACE;
            out_file[from + lane] = -1;
            out_row[from + lane] = 0;
        }
        while (waiting) {
            size_t most = 0, asked = 0;
            for (size_t i = 0; i < waiting; i++) {
                const size_t lane = open[i], end = (size_t)start[bucket[from + lane] + 1];
                file[lane] = ts_next_resident(files, file[lane], end, hashes[from + lane], gone[lane]);
                if (file[lane] == end) continue;
                low[lane] = 0;
                left[lane] = files[file[lane]].rows;
                if (left[lane] > most) most = left[lane];
                open[asked++] = lane;
            }
            for (; most > 1; most -= most >> 1)
                for (size_t i = 0; i < asked; i++) {
                    const size_t lane = open[i], half = left[lane] >> 1;
                    uint64_t less = 0 - (uint64_t)(half && files[file[lane]].words[low[lane] + half - 1] < probes[from + lane]);
                    TS_OPAQUE(less);
                    low[lane] += half & less;
                    left[lane] -= half;
                }
            waiting = 0;
            for (size_t i = 0; i < asked; i++) {
                const size_t lane = open[i];
                const ts_resident_file *found = &files[file[lane]];
                if (found->words[low[lane]] == probes[from + lane] && ts_resident_hit(found, low[lane], &gone[lane])) {
                    out_file[from + lane] = (int32_t)file[lane];
                    out_row[from + lane] = (uint32_t)low[lane];
                    continue;
                }
                file[lane]++;
                open[waiting++] = lane;
            }
        }
    }
}

static void ts_newest_keys(const ts_resident_file *files, const int64_t *start, const uint64_t *hashes, const uint32_t *bucket,
                           const ts_keys *probes, size_t count, int32_t *out_file, uint32_t *out_row)
{
    for (size_t i = 0; i < count; i++) {
        const size_t end = (size_t)start[bucket[i] + 1], size = ts_key_size(probes, i);
        const uint8_t *key = ts_key_at(probes, i);
        uint32_t gone = TS_NO_PLACE;
        size_t file = (size_t)start[bucket[i]];
        out_file[i] = -1;
        out_row[i] = 0;
        for (; (file = ts_next_resident(files, file, end, hashes[i], gone)) < end; file++) {
            const ts_keys *keys = &files[file].keys;
            const size_t row = ts_lower_key(keys, 0, files[file].rows, key, size);
            if (row == files[file].rows || ts_compare_bytes(ts_key_at(keys, row), ts_key_size(keys, row), key, size)) continue;
            if (!ts_resident_hit(&files[file], row, &gone)) continue;
            out_file[i] = (int32_t)file;
            out_row[i] = (uint32_t)row;
            break;
        }
    }
}

/* One column of one file, in Arrow's layout. offsets: NULL unless of variable size. validity: NULL where none is null. */
typedef struct {
    const uint8_t *values;
    const int32_t *offsets;
    const uint8_t *validity;
    size_t rows;
} ts_resident_column;

/* Whether all rows exist. */
static int ts_resident_rows_exist(const ts_resident_column *columns, size_t files, const int32_t *file, const uint32_t *row,
                                  size_t count)
{
    int wrong = 0;
    for (size_t i = 0; i < count && !wrong; i++) wrong = file[i] < 0 || (size_t)file[i] >= files || row[i] >= columns[file[i]].rows;
    return !wrong;
}

#define TS_TAKE_RESIDENT(WIDTH) \
    for (size_t i = 0; i < count; i++) { \
        if (i + TS_RESIDENT_AHEAD < count) \
            TS_PREFETCH(columns[file[i + TS_RESIDENT_AHEAD]].values + (size_t)row[i + TS_RESIDENT_AHEAD] * (WIDTH)); \
        memcpy(out + i * (WIDTH), columns[file[i]].values + (size_t)row[i] * (WIDTH), (WIDTH)); \
    }

static void ts_take_resident_fixed(const ts_resident_column *columns, size_t width, const int32_t *file, const uint32_t *row,
                                   size_t count, uint8_t *out)
{
    switch (width) {
    case 1: TS_TAKE_RESIDENT(1) return;
    case 2: TS_TAKE_RESIDENT(2) return;
    case 4: TS_TAKE_RESIDENT(4) return;
    case 8: TS_TAKE_RESIDENT(8) return;
    case 16: TS_TAKE_RESIDENT(16) return;
    }
    TS_TAKE_RESIDENT(width)
}

/* The bits of a zeroed bitmap; a column without one has all of them set. Returns how many are not set. */
static size_t ts_take_resident_bits(const ts_resident_column *columns, int validity, const int32_t *file, const uint32_t *row,
                                    size_t count, uint8_t *out)
{
    size_t unset = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *bits = validity ? columns[file[i]].validity : columns[file[i]].values;
        const unsigned bit = bits ? (bits[row[i] >> 3] >> (row[i] & 7)) & 1u : 1u;
        out[i >> 3] |= (uint8_t)(bit << (i & 7));
        unset += !bit;
    }
    return unset;
}

/* Fills out_offsets[count + 1]; returns the bytes needed, which may be more than offsets can hold. */
static int64_t ts_take_resident_lengths(const ts_resident_column *columns, const int32_t *file, const uint32_t *row, size_t count,
                                        int32_t *out_offsets)
{
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (i + TS_RESIDENT_AHEAD < count)
            TS_PREFETCH(columns[file[i + TS_RESIDENT_AHEAD]].offsets + row[i + TS_RESIDENT_AHEAD]);
        const int32_t *offsets = columns[file[i]].offsets + row[i];
        out_offsets[i] = (int32_t)sum;
        sum += offsets[1] - offsets[0];
        if (sum > INT32_MAX) return sum;
    }
    out_offsets[count] = (int32_t)sum;
    return sum;
}

static void ts_take_resident_values(const ts_resident_column *columns, const int32_t *file, const uint32_t *row, size_t count,
                                    const int32_t *out_offsets, uint8_t *out)
{
    for (size_t i = 0; i < count; i++) {
        const size_t size = (size_t)(out_offsets[i + 1] - out_offsets[i]);
        if (i + TS_RESIDENT_AHEAD < count) {
            const ts_resident_column *next = &columns[file[i + TS_RESIDENT_AHEAD]];
            TS_PREFETCH(next->values + next->offsets[row[i + TS_RESIDENT_AHEAD]]);
        }
        if (size) memcpy(out + out_offsets[i], columns[file[i]].values + columns[file[i]].offsets[row[i]], size);
    }
}

#endif
