"""Encoded keys (spec ch. 3).

Keys have two forms. Words: the encoded size is fixed and at most 8, and a key is the low `size` bytes of
a u64, big-endian. Bytes: offsets int64[n+1] and data uint8[].

A column is a tuple (form, width, signed, data, offsets). form is "fixed" for integers of width 1, 2, 4, 8 and
for decimal128 (width 16, signed), "opaque" for fixed_binary(width), "bits" for bool (data is an Arrow
bitmap), "variable" for string and binary (offsets int32[n+1]; None for all others). data is uint8[] and may
be longer than the rows need.
"""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from tablestore._native.view cimport (
    bytes_into,
    bytes_of,
    signed32_of,
    signed64_into,
    signed64_of,
    unsigned64_into,
    unsigned64_of,
)

from tablestore._native.memory import empty
from tablestore.errors import LimitExceededError

cdef int64_t KEY_SIZE_MAX = 65536  # spec §0.5


cdef extern from "keys.h" nogil:
    ctypedef struct ts_keys:
        const int64_t* offsets
        const uint8_t* data
        const uint8_t* end
    int ts_offsets_valid(const int64_t* offsets, size_t rows, size_t data_size)

cdef extern from "key.h" nogil:
    ctypedef struct ts_column:
        int form
        int flips_sign
        size_t width
        const uint8_t* data
        const int32_t* offsets
        const uint8_t* validity
        int escaped
    const int TS_FORM_FIXED
    const int TS_FORM_OPAQUE
    const int TS_FORM_BITS
    const int TS_FORM_VARIABLE
    const int TS_KEY_TOO_LONG
    void ts_append_words(const ts_column* column, int first, size_t rows, uint64_t* words)
    void ts_add_sizes(const ts_column* column, int nullable, size_t rows, int64_t* sizes)
    int64_t ts_sum_sizes(int64_t* offsets, size_t rows, int64_t limit, size_t* row)
    void ts_write_keys(const ts_column* columns, size_t count, int nullable, size_t rows, uint8_t* to)
    void ts_words_to_bytes(const uint64_t* words, unsigned size, size_t rows, int64_t* offsets, uint8_t* data)
    int64_t ts_descent_words(const uint64_t* words, size_t start, size_t stop)
    int64_t ts_descent_keys(const ts_keys* keys, size_t start, size_t stop)


cdef object _bind_variable(
    ts_column* column, const int32_t[::1] offsets, Py_ssize_t data_size, Py_ssize_t rows
):
    cdef int32_t before
    cdef Py_ssize_t i
    cdef bint ordered = True
    if offsets is None or offsets.shape[0] < rows + 1:
        raise ValueError(f"a variable column of {rows} rows needs {rows + 1} offsets")
    column.offsets = signed32_of(offsets)
    with nogil:
        before = column.offsets[0]
        ordered = before >= 0
        for i in range(1, rows + 1):
            ordered &= column.offsets[i] >= before
            before = column.offsets[i]
    if not ordered or before > data_size:
        raise ValueError("offsets must ascend and stay inside the data")


# Checks one column description against `rows` and fills `column`; the arrays must outlive it.
cdef object _bind_column(ts_column* column, object description, Py_ssize_t rows):
    form, width, signed, data, offsets = description
    cdef const uint8_t[::1] view = data
    column.data = bytes_of(view)
    column.flips_sign = False
    column.escaped = False
    column.validity = NULL
    column.offsets = NULL
    column.width = 0
    if form == "variable":
        column.form = TS_FORM_VARIABLE
        _bind_variable(column, offsets, view.shape[0], rows)
        return
    if form == "bits":
        column.form = TS_FORM_BITS
        if view.shape[0] < (rows + 7) // 8:
            raise ValueError(f"{view.shape[0]} bytes of bitmap for {rows} rows")
        return
    if form == "fixed":
        if width not in (1, 2, 4, 8, 16) or (width == 16 and not signed):
            raise ValueError(f"no integer of {width} bytes is a key; fixed_binary has the form opaque")
        column.form = TS_FORM_FIXED
        column.flips_sign = bool(signed)
    elif form == "opaque":
        if not 1 <= width <= 65535:
            raise ValueError(f"fixed_binary has 1 to 65,535 bytes, not {width}")
        column.form = TS_FORM_OPAQUE
    else:
        raise ValueError(f"unknown form of a key column: {form!r}")
    column.width = width
    if view.shape[0] < rows * <Py_ssize_t>width:
        raise ValueError(f"{view.shape[0]} bytes for {rows} rows of {width}")


cdef ts_column* _bind_columns(list columns, Py_ssize_t rows) except NULL:
    if not columns:
        raise ValueError("a key has at least one column")
    if rows < 0:
        raise ValueError(f"{rows} rows")
    cdef ts_column* bound = <ts_column*>calloc(len(columns), sizeof(ts_column))
    if bound == NULL:
        raise MemoryError
    try:
        for place, description in enumerate(columns):
            _bind_column(&bound[<Py_ssize_t>place], description, rows)
    except BaseException:
        free(bound)
        raise
    return bound


def encode_words(list columns not None, Py_ssize_t n):
    """(words: uint64[n], size): the encoded keys as words.

    For fixed, opaque and bits columns of at most 8 bytes together.
    """
    cdef ts_column* bound = _bind_columns(columns, n)
    cdef Py_ssize_t count = len(columns), c
    cdef size_t size = 0
    cdef uint64_t[::1] view
    cdef uint64_t* words
    try:
        for c in range(count):
            if bound[c].form == TS_FORM_VARIABLE:
                raise ValueError("a key with a variable column does not fit a word")
            size += 1 if bound[c].form == TS_FORM_BITS else bound[c].width
        if size > 8:
            raise ValueError(f"a key of {size} bytes does not fit a word")
        result = empty(n, np.uint64)
        view = result
        words = unsigned64_into(view)
        with nogil:
            for c in range(count):
                ts_append_words(&bound[c], c == 0, <size_t>n, words)
    finally:
        free(bound)
    return result, size


cdef object _encode(ts_column* bound, Py_ssize_t count, bint nullable, Py_ssize_t n):
    offsets = np.zeros(n + 1, np.int64)
    cdef int64_t[::1] offsets_view = offsets
    cdef int64_t* places = signed64_into(offsets_view)
    cdef int64_t total
    cdef size_t row = 0
    cdef Py_ssize_t c
    with nogil:
        for c in range(count):
            ts_add_sizes(&bound[c], nullable, <size_t>n, places + 1)
        total = ts_sum_sizes(places, <size_t>n, KEY_SIZE_MAX, &row)
    if total == TS_KEY_TOO_LONG:
        raise LimitExceededError(
            f"the encoded key of row {row} is longer than {KEY_SIZE_MAX} bytes",
            code="limit-exceeded",
            section="0.5",
        )
    data = np.empty(total, np.uint8)
    cdef uint8_t[::1] data_view = data
    cdef uint8_t* to = bytes_into(data_view)
    with nogil:
        ts_write_keys(bound, <size_t>count, nullable, <size_t>n, to)
    return offsets, data


def encode_bytes(list columns not None, Py_ssize_t n):
    """(offsets: int64[n+1], data: uint8[]): the encoded keys (spec §3.2).

    A single variable column is its own encoding: data then is a view of the column's. Errors:
    LimitExceededError for a key of more than 65,536 bytes.
    """
    cdef ts_column* bound = _bind_columns(columns, n)
    cdef Py_ssize_t count = len(columns), c
    try:
        if count == 1 and bound[0].form == TS_FORM_VARIABLE:
            offsets = np.asarray(columns[0][4])[: n + 1].astype(np.int64)
            if n and int(np.diff(offsets).max()) <= KEY_SIZE_MAX:
                return offsets - offsets[0], np.asarray(columns[0][3])[offsets[0] : offsets[n]]
        for c in range(count):
            bound[c].escaped = c + 1 < count
        return _encode(bound, count, False, n)
    finally:
        free(bound)


def encode_tuple(list columns not None, list validities not None, Py_ssize_t n):
    """(offsets: int64[n+1], data: uint8[]): nullable tuples (spec §3.3).

    validities holds an Arrow bitmap or None for each column.
    """
    if len(validities) != len(columns):
        raise ValueError(f"{len(validities)} validities for {len(columns)} columns")
    cdef ts_column* bound = _bind_columns(columns, n)
    cdef Py_ssize_t count = len(columns), c
    cdef const uint8_t[::1] bitmap
    try:
        for c in range(count):
            bound[c].escaped = True
            bitmap = validities[c]
            if bitmap is not None and bitmap.shape[0] < (n + 7) // 8:
                raise ValueError(f"{bitmap.shape[0]} bytes of validity for {n} rows")
            bound[c].validity = bytes_of(bitmap)
        return _encode(bound, count, True, n)
    finally:
        free(bound)


def words_to_bytes(const uint64_t[::1] words not None, int size):
    """(offsets: int64[n+1], data: uint8[n * size]): words in the other form."""
    if not 1 <= size <= 8:
        raise ValueError(f"a word holds 1 to 8 bytes of key, not {size}")
    cdef Py_ssize_t rows = words.shape[0]
    offsets = np.empty(rows + 1, np.int64)
    data = np.empty(rows * size, np.uint8)
    cdef int64_t[::1] offsets_view = offsets
    cdef uint8_t[::1] data_view = data
    cdef const uint64_t* source = unsigned64_of(words)
    cdef int64_t* places = signed64_into(offsets_view)
    cdef uint8_t* to = bytes_into(data_view)
    with nogil:
        ts_words_to_bytes(source, <unsigned>size, <size_t>rows, places, to)
    return offsets, data


def bytes_bounds(
    const int64_t[::1] offsets not None,
    const uint8_t[::1] data not None,
    const int64_t[::1] index not None,
    Py_ssize_t limit=64,
):
    """(end: uint32[m], data: uint8[]): bounds of the chosen rows, and where each ends (spec §3.5).

    A bound is the first `limit` bytes of a key.
    """
    cdef Py_ssize_t rows = offsets.shape[0] - 1, chosen = index.shape[0], i
    cdef int64_t size, start, total = 0
    if rows < 0:
        raise ValueError("offsets must have at least one entry")
    if limit < 0 or chosen * limit > 0xFFFFFFFF:
        raise ValueError(f"{chosen} bounds of {limit} bytes do not fit u32 ends")
    for i in range(chosen):
        if not 0 <= index[i] < rows:
            raise ValueError(f"row {index[i]} of {rows} keys")
        start = offsets[index[i]]
        size = offsets[index[i] + 1] - start
        if start < 0 or size < 0 or start + size > data.shape[0]:
            raise ValueError("offsets must ascend and stay inside the data")
        total += min(size, limit)
    ends = np.empty(chosen, np.uint32)
    bounds = np.empty(total, np.uint8)
    cdef uint32_t[::1] end_view = ends
    cdef uint8_t[::1] bounds_view = bounds
    cdef int64_t made = 0
    for i in range(chosen):
        start = offsets[index[i]]
        size = min(offsets[index[i] + 1] - start, <int64_t>limit)
        bounds_view[made : made + size] = data[start : start + size]
        made += size
        end_view[i] = <uint32_t>made
    return ends, bounds


cdef object _check_ends(const int64_t[::1] row_end, Py_ssize_t rows):
    cdef int64_t before = 0
    cdef Py_ssize_t i
    for i in range(row_end.shape[0]):
        if not before <= row_end[i] <= rows:
            raise ValueError("row_end must ascend and stay inside the rows")
        before = row_end[i]
    if before != rows:
        raise ValueError(f"the sequences end at row {before}, not at {rows}")


def check_ascending_words(const uint64_t[::1] words not None, const int64_t[::1] row_end=None):
    """The first row whose word is not greater than the one before it, or -1 (spec §7.7).

    Without row_end all words are one sequence, as in the blocks of one file. With it they are several, which
    end at these rows: rows on two sides of an end are not compared.
    """
    cdef Py_ssize_t rows = words.shape[0], i
    cdef const uint64_t* source = unsigned64_of(words)
    cdef int64_t found = -1, start = 0
    if row_end is None:
        with nogil:
            found = ts_descent_words(source, 0, <size_t>rows)
        return found
    _check_ends(row_end, rows)
    for i in range(row_end.shape[0]):
        found = ts_descent_words(source, <size_t>start, <size_t>row_end[i])
        if found >= 0:
            break
        start = row_end[i]
    return found


def check_ascending_bytes(
    const int64_t[::1] offsets not None, const uint8_t[::1] data not None, const int64_t[::1] row_end=None
):
    """Like check_ascending_words for keys of any length; offsets is int64[n+1]."""
    cdef ts_keys keys
    cdef Py_ssize_t rows = offsets.shape[0] - 1, i
    cdef int64_t found = -1, start = 0
    cdef size_t size = <size_t>data.shape[0]
    cdef int valid
    if rows < 0:
        raise ValueError("offsets must have at least one entry")
    keys.offsets = signed64_of(offsets)
    keys.data = bytes_of(data)
    keys.end = keys.data + size
    with nogil:
        valid = ts_offsets_valid(keys.offsets, <size_t>rows, size)
    if not valid:
        raise ValueError("offsets must ascend and stay inside the data")
    if row_end is None:
        with nogil:
            found = ts_descent_keys(&keys, 0, <size_t>rows)
        return found
    _check_ends(row_end, rows)
    for i in range(row_end.shape[0]):
        with nogil:
            found = ts_descent_keys(&keys, <size_t>start, <size_t>row_end[i])
        if found >= 0:
            break
        start = row_end[i]
    return found
