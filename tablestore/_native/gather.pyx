"""Taking rows of a column by number: the second half of every merge."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc

from tablestore._native.view cimport (
    bytes_into,
    bytes_of,
    signed32_into,
    signed32_of,
    unsigned32_of,
)

from tablestore._native.memory import empty
from tablestore.errors import LimitExceededError


cdef extern from "gather.h" nogil:
    const int TS_TAKE_TOO_LONG
    const int TS_TAKE_BAD_OFFSETS
    uint32_t ts_largest_index(const uint32_t* index, size_t count)
    void ts_take_fixed(const uint8_t* source, size_t width, const uint32_t* index, size_t count, uint8_t* out)
    void ts_take_bits(const uint8_t* bitmap, const uint32_t* index, size_t count, uint8_t* out)
    int64_t ts_take_lengths(
        const int32_t* offsets,
        size_t data_size,
        const uint32_t* index,
        size_t count,
        uint32_t* starts,
        int32_t* out_offsets,
    )
    void ts_take_values(
        const uint32_t* starts,
        const uint8_t* data,
        size_t data_size,
        const uint32_t* index,
        size_t count,
        const int32_t* out_offsets,
        uint8_t* out,
    )


cdef object _check_index(const uint32_t* index, size_t count, int64_t rows):
    cdef uint32_t largest
    with nogil:
        largest = ts_largest_index(index, count)
    if count and largest >= rows:
        raise ValueError(f"row {largest} of a column of {rows} rows")


def take_fixed(const uint8_t[::1] source not None, Py_ssize_t width, const uint32_t[::1] index not None):
    """uint8[m * width]: the rows of a column of `width` bytes a row.

    Errors: ValueError for a row outside the column.
    """
    if width < 1:
        raise ValueError(f"a row has at least one byte, not {width}")
    cdef const uint32_t* rows = unsigned32_of(index)
    cdef size_t count = <size_t>index.shape[0]
    _check_index(rows, count, source.shape[0] // width)
    result = empty(index.shape[0] * width, np.uint8)
    cdef uint8_t[::1] view = result
    cdef uint8_t* out = bytes_into(view)
    cdef const uint8_t* values = bytes_of(source)
    with nogil:
        ts_take_fixed(values, <size_t>width, rows, count, out)
    return result


def take_bits(const uint8_t[::1] source not None, const uint32_t[::1] index not None):
    """uint8[ceil(m / 8)]: the bits of an Arrow bitmap; bits beyond the rows are zero."""
    cdef const uint32_t* rows = unsigned32_of(index)
    cdef size_t count = <size_t>index.shape[0]
    _check_index(rows, count, source.shape[0] * 8)
    result = np.empty((index.shape[0] + 7) // 8, np.uint8)
    cdef uint8_t[::1] view = result
    cdef uint8_t* out = bytes_into(view)
    cdef const uint8_t* values = bytes_of(source)
    with nogil:
        ts_take_bits(values, rows, count, out)
    return result


def take_variable(
    const int32_t[::1] offsets not None, const uint8_t[::1] data not None, const uint32_t[::1] index not None
):
    """(offsets: int32[m+1], data: uint8[]): the values of a string or binary column.

    Errors: LimitExceededError for more than 2^31 - 1 bytes, ValueError for a row or an offset outside its
    array.
    """
    if offsets.shape[0] < 1:
        raise ValueError("offsets must have at least one entry")
    cdef const uint32_t* rows = unsigned32_of(index)
    cdef size_t count = <size_t>index.shape[0], size = <size_t>data.shape[0]
    _check_index(rows, count, offsets.shape[0] - 1)
    out_offsets = empty(index.shape[0] + 1, np.int32)
    cdef int32_t[::1] out_view = out_offsets
    cdef int32_t* out_at = signed32_into(out_view)
    cdef const int32_t* places = signed32_of(offsets)
    cdef const uint8_t* values = bytes_of(data)
    cdef uint32_t* starts = <uint32_t*>malloc((count + 1) * sizeof(uint32_t))
    cdef int64_t needed
    cdef uint8_t[::1] data_view
    cdef uint8_t* out
    if starts == NULL:
        raise MemoryError
    try:
        with nogil:
            needed = ts_take_lengths(places, size, rows, count, starts, out_at)
        if needed == TS_TAKE_TOO_LONG:
            raise LimitExceededError(
                "the values taken exceed 2^31 - 1 bytes", code="limit-exceeded", section="0.5"
            )
        if needed == TS_TAKE_BAD_OFFSETS:
            raise ValueError("offsets must ascend and stay inside the data")
        out_data = empty(needed, np.uint8)
        data_view = out_data
        out = bytes_into(data_view)
        with nogil:
            ts_take_values(starts, values, size, rows, count, out_at, out)
    finally:
        free(starts)
    return out_offsets, out_data
