"""Merging sorted runs into selections of rows, and searching sorted keys."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from tablestore._native.view cimport (
    bytes_of,
    signed64_into,
    signed64_of,
    unsigned32_into,
    unsigned64_of,
)

from tablestore._native.memory import empty


cdef extern from "keys.h" nogil:
    ctypedef struct ts_keys:
        const int64_t* offsets
        const uint8_t* data
        const uint8_t* end
    int ts_offsets_valid(const int64_t* offsets, size_t rows, size_t data_size)

cdef extern from "search.h" nogil:
    size_t ts_lower_key(const ts_keys* keys, size_t low, size_t high, const uint8_t* key, size_t size)
    void ts_search_words(
        const uint64_t* sorted, size_t rows, const uint64_t* probes, size_t count, int64_t* out
    )
    void ts_search_keys(const ts_keys* keys, size_t rows, const ts_keys* probes, size_t count, int64_t* out)

cdef extern from "merge_window.h" nogil:
    const int TS_SLACK
    ctypedef struct ts_source:
        const uint64_t* words
        ts_keys keys
        const uint64_t* rank
    int64_t ts_merge(const ts_source* source, const int64_t* run_end, size_t runs, uint32_t* out)


cdef object _check_runs(Py_ssize_t rows, const int64_t[::1] run_end, const uint64_t[::1] rank):
    cdef int64_t before = 0
    cdef Py_ssize_t run
    if rows >= 0xFFFFFFFF:
        raise ValueError(f"row numbers are u32: {rows} rows are too many")
    for run in range(run_end.shape[0]):
        if run_end[run] < before:
            raise ValueError("run_end must ascend")
        before = run_end[run]
    if before != rows:
        raise ValueError(f"the runs end at row {before}, not at {rows}")
    if rank is not None and rank.shape[0] != rows:
        raise ValueError(f"{rank.shape[0]} ranks for {rows} rows")


cdef object _merge(const ts_source* source, const int64_t[::1] run_end, Py_ssize_t rows):
    result = empty(rows + TS_SLACK, np.uint32)
    cdef uint32_t[::1] view = result
    cdef uint32_t* out = unsigned32_into(view)
    cdef const int64_t* ends = signed64_of(run_end)
    cdef size_t runs = <size_t>run_end.shape[0]
    cdef int64_t made
    with nogil:
        made = ts_merge(source, ends, runs, out)
    if made < 0:
        raise MemoryError
    return result[:made]


cdef object _bind(ts_keys* keys, const int64_t[::1] offsets, const uint8_t[::1] data):
    cdef size_t rows, size = <size_t>data.shape[0]
    cdef int valid
    if offsets.shape[0] < 1:
        raise ValueError("offsets must have at least one entry")
    keys.offsets = signed64_of(offsets)
    keys.data = bytes_of(data)
    keys.end = keys.data + size
    rows = <size_t>offsets.shape[0] - 1
    with nogil:
        valid = ts_offsets_valid(keys.offsets, rows, size)
    if not valid:
        raise ValueError("offsets must ascend and stay inside the data")


def merge_words(
    const uint64_t[::1] words not None, const int64_t[::1] run_end not None, const uint64_t[::1] rank=None
):
    """uint32[m]: the winning row of each key, ascending by key.

    words: k runs one after the other, oldest first, each strictly ascending; run_end: int64[k], their ends.
    Per key the row with the largest rank wins, among equal ranks (or without ranks) the largest row number.
    Cost: O(n log k), less where runs do not overlap, differ much in size, or hold dense words.
    """
    cdef ts_source source
    _check_runs(words.shape[0], run_end, rank)
    source.words = unsigned64_of(words)
    source.rank = unsigned64_of(rank)
    return _merge(&source, run_end, words.shape[0])


def merge_bytes(
    const int64_t[::1] offsets not None,
    const uint8_t[::1] data not None,
    const int64_t[::1] run_end not None,
    const uint64_t[::1] rank=None,
):
    """Like merge_words for keys of any length; offsets is int64[n+1]."""
    cdef ts_source source
    source.words = NULL
    source.rank = unsigned64_of(rank)
    _bind(&source.keys, offsets, data)
    _check_runs(offsets.shape[0] - 1, run_end, rank)
    return _merge(&source, run_end, offsets.shape[0] - 1)


def lower_bounds_bytes(
    const int64_t[::1] offsets not None,
    const uint8_t[::1] data not None,
    const int64_t[::1] run_start not None,
    const int64_t[::1] run_end not None,
    const uint8_t[::1] key not None,
):
    """int64[k]: where `key` is or would be in each run.

    That is the first of the rows [run_start, run_end) whose key is not less than `key`, or run_end.
    """
    cdef ts_keys keys
    cdef Py_ssize_t run, runs = run_start.shape[0], rows = offsets.shape[0] - 1
    if run_end.shape[0] != runs:
        raise ValueError(f"{runs} starts and {run_end.shape[0]} ends of runs")
    _bind(&keys, offsets, data)
    result = np.empty(runs, np.int64)
    cdef int64_t[::1] out = result
    cdef const uint8_t* probe = bytes_of(key)
    for run in range(runs):
        if not 0 <= run_start[run] <= run_end[run] <= rows:
            raise ValueError(f"run {run} is outside the {rows} rows")
        out[run] = <int64_t>ts_lower_key(
            &keys, <size_t>run_start[run], <size_t>run_end[run], probe, <size_t>key.shape[0]
        )
    return result


def search_words(const uint64_t[::1] sorted not None, const uint64_t[::1] probe not None):
    """int64[m]: the row of each probe in the strictly ascending words, or -1."""
    cdef Py_ssize_t rows = sorted.shape[0], count = probe.shape[0]
    result = np.empty(count, np.int64)
    cdef int64_t[::1] view = result
    cdef const uint64_t* source = unsigned64_of(sorted)
    cdef const uint64_t* probes = unsigned64_of(probe)
    cdef int64_t* out = signed64_into(view)
    with nogil:
        ts_search_words(source, <size_t>rows, probes, <size_t>count, out)
    return result


def search_bytes(
    const int64_t[::1] offsets not None,
    const uint8_t[::1] data not None,
    const int64_t[::1] probe_offsets not None,
    const uint8_t[::1] probe_data not None,
):
    """int64[m]: the row of each probe in the strictly ascending keys, or -1."""
    cdef ts_keys keys, probes
    _bind(&keys, offsets, data)
    _bind(&probes, probe_offsets, probe_data)
    cdef size_t rows = <size_t>offsets.shape[0] - 1, count = <size_t>probe_offsets.shape[0] - 1
    result = np.empty(count, np.int64)
    cdef int64_t[::1] view = result
    cdef int64_t* out = signed64_into(view)
    with nogil:
        ts_search_keys(&keys, rows, &probes, count, out)
    return result
