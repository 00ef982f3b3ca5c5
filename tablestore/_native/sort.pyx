"""Sorting a batch by encoded key, one winner per key and group."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from tablestore._native.view cimport (
    bytes_of,
    signed64_into,
    signed64_of,
    unsigned32_into,
    unsigned32_of,
    unsigned64_of,
)


cdef extern from "keys.h" nogil:
    ctypedef struct ts_keys:
        const int64_t* offsets
        const uint8_t* data
        const uint8_t* end
    int ts_offsets_valid(const int64_t* offsets, size_t rows, size_t data_size)

cdef extern from "sort.h" nogil:
    const int TS_NO_MEMORY
    const int TS_BAD_GROUP
    int64_t ts_sort_words(
        const uint64_t* words,
        const uint32_t* group,
        uint32_t groups,
        const uint64_t* rank,
        size_t rows,
        uint32_t* out,
        int64_t* group_end,
    )

cdef extern from "sort_keys.h" nogil:
    int64_t ts_sort_keys(
        const ts_keys* keys,
        const uint32_t* group,
        uint32_t groups,
        const uint64_t* rank,
        size_t rows,
        uint32_t* out,
        int64_t* group_end,
    )


cdef object _check_shapes(
    Py_ssize_t rows, const uint32_t[::1] group, int64_t groups, const uint64_t[::1] rank
):
    if rows >= 0xFFFFFFFF:
        raise ValueError(f"row numbers are u32: {rows} rows are too many")
    if not 1 <= groups <= 0xFFFFFFFF:
        raise ValueError(f"there must be at least one group, not {groups}")
    if group is not None and group.shape[0] != rows:
        raise ValueError(f"{group.shape[0]} groups for {rows} rows")
    if rank is not None and rank.shape[0] != rows:
        raise ValueError(f"{rank.shape[0]} ranks for {rows} rows")


cdef object _check_result(int64_t made, int64_t groups):
    if made == TS_NO_MEMORY:
        raise MemoryError
    if made == TS_BAD_GROUP:
        raise ValueError(f"a group is not below {groups}")


def sort_words(
    const uint64_t[::1] words not None,
    const uint32_t[::1] group=None,
    int64_t groups=1,
    const uint64_t[::1] rank=None,
):
    """(perm: uint32[m], group_end: int64[groups]): the winning rows, sorted by (group, word).

    For each (group, word) the row with the largest rank wins, among equal ranks (or without ranks) the
    largest row number. group_end[g] is the end of group g in perm. Source: radix sort on (word, row) packed
    into one u64. Cost: O(n).
    """
    cdef Py_ssize_t rows = words.shape[0]
    _check_shapes(rows, group, groups, rank)
    perm = np.empty(rows, np.uint32)
    ends = np.empty(groups, np.int64)
    cdef uint32_t[::1] perm_view = perm
    cdef int64_t[::1] ends_view = ends
    cdef const uint64_t* word_at = unsigned64_of(words)
    cdef const uint32_t* group_at = unsigned32_of(group)
    cdef const uint64_t* rank_at = unsigned64_of(rank)
    cdef uint32_t* out = unsigned32_into(perm_view)
    cdef int64_t* end_at = signed64_into(ends_view)
    cdef int64_t made
    with nogil:
        made = ts_sort_words(word_at, group_at, <uint32_t>groups, rank_at, <size_t>rows, out, end_at)
    _check_result(made, groups)
    return perm[:made], ends


def sort_bytes(
    const int64_t[::1] offsets not None,
    const uint8_t[::1] data not None,
    const uint32_t[::1] group=None,
    int64_t groups=1,
    const uint64_t[::1] rank=None,
):
    """Like sort_words for keys of any length.

    offsets is int64[n+1]. Cost: O(n) where 8 bytes after the common prefix differ.
    """
    cdef Py_ssize_t rows = offsets.shape[0] - 1
    if rows < 0:
        raise ValueError("offsets must have at least one entry")
    _check_shapes(rows, group, groups, rank)
    perm = np.empty(rows, np.uint32)
    ends = np.empty(groups, np.int64)
    cdef uint32_t[::1] perm_view = perm
    cdef int64_t[::1] ends_view = ends
    cdef ts_keys keys
    keys.offsets = signed64_of(offsets)
    keys.data = bytes_of(data)
    keys.end = keys.data + data.shape[0]
    cdef const uint32_t* group_at = unsigned32_of(group)
    cdef const uint64_t* rank_at = unsigned64_of(rank)
    cdef uint32_t* out = unsigned32_into(perm_view)
    cdef int64_t* end_at = signed64_into(ends_view)
    cdef size_t size = <size_t>data.shape[0]
    cdef int64_t made = 0
    cdef int valid
    with nogil:
        valid = ts_offsets_valid(keys.offsets, <size_t>rows, size)
        if valid:
            made = ts_sort_keys(&keys, group_at, <uint32_t>groups, rank_at, <size_t>rows, out, end_at)
    if not valid:
        raise ValueError("offsets must ascend and stay inside the data")
    _check_result(made, groups)
    return perm[:made], ends
