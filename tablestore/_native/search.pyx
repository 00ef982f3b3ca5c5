"""Searching keys for many probes at once: which files, which of their blocks, which of the rows (spec §3.5, §7.7)."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from tablestore._native.view cimport bytes_of, signed64_into, signed64_of, unsigned32_of, unsigned64_of


cdef extern from "keys.h" nogil:
    ctypedef struct ts_keys:
        const int64_t* offsets
        const uint8_t* data
        const uint8_t* end
    int ts_offsets_valid(const int64_t* offsets, size_t rows, size_t data_size)

cdef extern from "search.h" nogil:
    size_t ts_lower_key(const ts_keys* keys, size_t low, size_t high, const uint8_t* key, size_t size)
    void ts_locate_words(
        const uint64_t* first, const uint64_t* last, const int64_t* start, const uint32_t* file,
        const uint32_t* probe, const uint64_t* probes, size_t count, int64_t* out
    )
    void ts_locate_keys(
        const ts_keys* first, const ts_keys* last, const int64_t* start, const uint32_t* file,
        const uint32_t* probe, const ts_keys* probes, size_t count, size_t limit, int64_t* out, int64_t* blocks
    )
    void ts_find_words(
        const uint64_t* words, const int64_t* start, const uint32_t* block, const uint32_t* probe,
        const uint64_t* probes, size_t count, int64_t* out
    )
    void ts_find_keys(
        const ts_keys* keys, const int64_t* start, const uint32_t* block, const uint32_t* probe,
        const ts_keys* probes, size_t count, int64_t* out
    )


cdef int _bind(ts_keys* keys, const int64_t[::1] offsets, const uint8_t[::1] data) except -1:
    cdef size_t size = <size_t>data.shape[0]
    if offsets.shape[0] < 1:
        raise ValueError("offsets must have at least one entry")
    keys.offsets = signed64_of(offsets)
    keys.data = bytes_of(data)
    keys.end = keys.data + size
    if not ts_offsets_valid(keys.offsets, <size_t>offsets.shape[0] - 1, size):
        raise ValueError("offsets must ascend and stay inside the data")
    return 0


cdef int _check_starts(const int64_t[::1] start, Py_ssize_t rows) except -1:
    """Ascending from 0 or more, the last not beyond the rows."""
    cdef int64_t before = 0
    cdef Py_ssize_t i
    for i in range(start.shape[0]):
        if start[i] < before:
            raise ValueError("starts must ascend")
        before = start[i]
    if before > rows:
        raise ValueError(f"the last start is {before}, beyond the {rows} rows")
    return 0


cdef int _check_pairs(
    const uint32_t[::1] place, Py_ssize_t places, const uint32_t[::1] probe, Py_ssize_t probes
) except -1:
    cdef uint32_t most_place = 0, most_probe = 0
    cdef Py_ssize_t i, count = place.shape[0]
    if probe.shape[0] != count:
        raise ValueError(f"{count} places and {probe.shape[0]} probes")
    for i in range(count):
        most_place = max(most_place, place[i])
        most_probe = max(most_probe, probe[i])
    if count and (most_place >= places or most_probe >= probes):
        raise ValueError("a place or a probe is out of range")
    return 0


def within_bytes(
    const int64_t[::1] probe_offsets not None, const uint8_t[::1] probe_data not None,
    const int64_t[::1] low_offsets not None, const uint8_t[::1] low_data not None,
    const int64_t[::1] high_offsets not None, const uint8_t[::1] high_data not None, Py_ssize_t limit=64,
):
    """(low int64[f], high int64[f]): the probes, ascending, whose bounds lie in each range of bounds (spec §3.5)."""
    cdef ts_keys probes, lows, highs
    cdef Py_ssize_t f, ranges = low_offsets.shape[0] - 1, rows = probe_offsets.shape[0] - 1
    cdef size_t size, at
    cdef uint8_t[65] above
    cdef Py_ssize_t i
    _bind(&probes, probe_offsets, probe_data)
    _bind(&lows, low_offsets, low_data)
    _bind(&highs, high_offsets, high_data)
    if high_offsets.shape[0] - 1 != ranges:
        raise ValueError(f"{ranges} lower and {high_offsets.shape[0] - 1} upper bounds")
    if not 1 <= limit <= 64:
        raise ValueError(f"a bound of {limit} bytes")
    low = np.empty(ranges, np.int64)
    high = np.empty(ranges, np.int64)
    cdef int64_t[::1] low_view = low, high_view = high
    for f in range(ranges):
        size = <size_t>(lows.offsets[f + 1] - lows.offsets[f])
        at = ts_lower_key(&probes, 0, <size_t>rows, lows.data + lows.offsets[f], size)
        low_view[f] = <int64_t>at
        size = <size_t>(highs.offsets[f + 1] - highs.offsets[f])
        if size > <size_t>limit:
            raise ValueError(f"a bound of {size} bytes")
        for i in range(<Py_ssize_t>size):
            above[i] = highs.data[highs.offsets[f] + i]
        # the least key whose bound is greater: one byte more, or the next bound of full size
        if size < <size_t>limit:
            above[size] = 0
            size += 1
        else:
            while size and above[size - 1] == 255:
                size -= 1
            if size:
                above[size - 1] += 1
        high_view[f] = <int64_t>ts_lower_key(&probes, at, <size_t>rows, above, size) if size else rows
    return low, high


def locate_words(
    const uint64_t[::1] first not None, const uint64_t[::1] last not None, const int64_t[::1] start not None,
    const uint32_t[::1] file not None, const uint32_t[::1] probe not None, const uint64_t[::1] probes not None,
):
    """int64[m]: for each pair of a file and a probe the block whose first and last key enclose the probe, or -1.

    The blocks of file f are [start[f], start[f + 1]), in key order.
    """
    _check_starts(start, min(first.shape[0], last.shape[0]))
    _check_pairs(file, start.shape[0] - 1, probe, probes.shape[0])
    result = np.empty(file.shape[0], np.int64)
    cdef int64_t[::1] view = result
    cdef int64_t* out = signed64_into(view)
    cdef const uint64_t* lows = unsigned64_of(first)
    cdef const uint64_t* highs = unsigned64_of(last)
    cdef const int64_t* starts = signed64_of(start)
    cdef const uint32_t* files = unsigned32_of(file)
    cdef const uint32_t* chosen = unsigned32_of(probe)
    cdef const uint64_t* words = unsigned64_of(probes)
    cdef size_t count = <size_t>file.shape[0]
    with nogil:
        ts_locate_words(lows, highs, starts, files, chosen, words, count, out)
    return result


def locate_bytes(
    const int64_t[::1] first_offsets not None, const uint8_t[::1] first_data not None,
    const int64_t[::1] last_offsets not None, const uint8_t[::1] last_data not None,
    const int64_t[::1] start not None, const uint32_t[::1] file not None, const uint32_t[::1] probe not None,
    const int64_t[::1] probe_offsets not None, const uint8_t[::1] probe_data not None, Py_ssize_t limit=64,
):
    """(block int64[m], blocks int64[m]): like locate_words for keys of any length, known by bounds of `limit` bytes.

    Neighbouring blocks may have equal bounds: all that enclose the probe are [block, block + blocks).
    """
    cdef ts_keys firsts, lasts, keys
    _bind(&firsts, first_offsets, first_data)
    _bind(&lasts, last_offsets, last_data)
    _bind(&keys, probe_offsets, probe_data)
    _check_starts(start, min(first_offsets.shape[0], last_offsets.shape[0]) - 1)
    _check_pairs(file, start.shape[0] - 1, probe, probe_offsets.shape[0] - 1)
    result = np.empty(file.shape[0], np.int64)
    counts = np.empty(file.shape[0], np.int64)
    cdef int64_t[::1] view = result, count_view = counts
    cdef int64_t* out = signed64_into(view)
    cdef int64_t* blocks = signed64_into(count_view)
    cdef const int64_t* starts = signed64_of(start)
    cdef const uint32_t* files = unsigned32_of(file)
    cdef const uint32_t* chosen = unsigned32_of(probe)
    cdef size_t count = <size_t>file.shape[0]
    with nogil:
        ts_locate_keys(&firsts, &lasts, starts, files, chosen, &keys, count, <size_t>limit, out, blocks)
    return result, counts


def find_words(
    const uint64_t[::1] words not None, const int64_t[::1] start not None, const uint32_t[::1] block not None,
    const uint32_t[::1] probe not None, const uint64_t[::1] probes not None,
):
    """int64[m]: for each pair of a block and a probe the row that equals the probe, or -1.

    The rows of block b are [start[b], start[b + 1]), strictly ascending.
    """
    _check_starts(start, words.shape[0])
    _check_pairs(block, start.shape[0] - 1, probe, probes.shape[0])
    result = np.empty(block.shape[0], np.int64)
    cdef int64_t[::1] view = result
    cdef int64_t* out = signed64_into(view)
    cdef const uint64_t* source = unsigned64_of(words)
    cdef const int64_t* starts = signed64_of(start)
    cdef const uint32_t* blocks = unsigned32_of(block)
    cdef const uint32_t* chosen = unsigned32_of(probe)
    cdef const uint64_t* wanted = unsigned64_of(probes)
    cdef size_t count = <size_t>block.shape[0]
    with nogil:
        ts_find_words(source, starts, blocks, chosen, wanted, count, out)
    return result


def find_bytes(
    const int64_t[::1] offsets not None, const uint8_t[::1] data not None, const int64_t[::1] start not None,
    const uint32_t[::1] block not None, const uint32_t[::1] probe not None,
    const int64_t[::1] probe_offsets not None, const uint8_t[::1] probe_data not None,
):
    """Like find_words for keys of any length."""
    cdef ts_keys keys, wanted
    _bind(&keys, offsets, data)
    _bind(&wanted, probe_offsets, probe_data)
    _check_starts(start, offsets.shape[0] - 1)
    _check_pairs(block, start.shape[0] - 1, probe, probe_offsets.shape[0] - 1)
    result = np.empty(block.shape[0], np.int64)
    cdef int64_t[::1] view = result
    cdef int64_t* out = signed64_into(view)
    cdef const int64_t* starts = signed64_of(start)
    cdef const uint32_t* blocks = unsigned32_of(block)
    cdef const uint32_t* chosen = unsigned32_of(probe)
    cdef size_t count = <size_t>block.shape[0]
    with nogil:
        ts_find_keys(&keys, starts, blocks, chosen, &wanted, count, out)
    return result
