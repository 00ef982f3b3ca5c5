"""hash64 and buckets (spec §1.3, §3.4)."""

import numpy as np

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from tablestore._native.view cimport bytes_of, signed64_of, unsigned32_into, unsigned64_into, unsigned64_of


cdef extern from "keys.h" nogil:
    int ts_offsets_valid(const int64_t* offsets, size_t rows, size_t data_size)

cdef extern from "hash.h" nogil:
    uint64_t ts_hash64(const uint8_t* data, size_t size)
    void ts_hash_words(const uint64_t* words, size_t count, unsigned size, uint64_t* out)
    void ts_hash_keys(const int64_t* offsets, const uint8_t* data, size_t count, uint64_t* out)
    void ts_buckets(const uint64_t* hashes, size_t rows, uint32_t count, uint32_t* out)


def hash64(data):
    """XXH64 with seed 0 of any bytes-like object (spec §1.3)."""
    cdef Py_buffer buffer
    cdef uint64_t result
    PyObject_GetBuffer(data, &buffer, PyBUF_SIMPLE)
    try:
        if buffer.len > 65536:
            with nogil:
                result = ts_hash64(<const uint8_t*>buffer.buf, <size_t>buffer.len)
        else:
            result = ts_hash64(<const uint8_t*>buffer.buf, <size_t>buffer.len)
    finally:
        PyBuffer_Release(&buffer)
    return result


def hash_words(const uint64_t[::1] words not None, int size):
    """uint64[n]: the hash64 of each encoded key.

    A key is the last `size` (1 to 8) bytes of its word taken big-endian.
    """
    if not 1 <= size <= 8:
        raise ValueError(f"a word holds 1 to 8 bytes of key, not {size}")
    cdef Py_ssize_t rows = words.shape[0]
    result = np.empty(rows, np.uint64)
    cdef uint64_t[::1] out = result
    cdef const uint64_t* source = unsigned64_of(words)
    cdef uint64_t* target = unsigned64_into(out)
    with nogil:
        ts_hash_words(source, <size_t>rows, <unsigned>size, target)
    return result


def hash_bytes(const int64_t[::1] offsets not None, const uint8_t[::1] data not None):
    """uint64[n]: hash64 of each key; offsets is int64[n+1]."""
    cdef Py_ssize_t rows = offsets.shape[0] - 1
    if rows < 0:
        raise ValueError("offsets must have at least one entry")
    result = np.empty(rows, np.uint64)
    cdef uint64_t[::1] out = result
    cdef const int64_t* places = signed64_of(offsets)
    cdef const uint8_t* source = bytes_of(data)
    cdef uint64_t* target = unsigned64_into(out)
    cdef size_t size = <size_t>data.shape[0]
    cdef int valid
    with nogil:
        valid = ts_offsets_valid(places, <size_t>rows, size)
        if valid:
            ts_hash_keys(places, source, <size_t>rows, target)
    if not valid:
        raise ValueError("offsets must ascend and stay inside the data")
    return result


def buckets(const uint64_t[::1] hashes not None, int64_t count):
    """uint32[n]: (hash × count) >> 64 (spec §3.4); count is 1 to 65,536."""
    if not 1 <= count <= 65536:
        raise ValueError(f"a table has 1 to 65,536 buckets, not {count}")
    cdef Py_ssize_t rows = hashes.shape[0]
    result = np.empty(rows, np.uint32)
    cdef uint32_t[::1] out = result
    cdef const uint64_t* source = unsigned64_of(hashes)
    cdef uint32_t* target = unsigned32_into(out)
    with nogil:
        ts_buckets(source, <size_t>rows, <uint32_t>count, target)
    return result
