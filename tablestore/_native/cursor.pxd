"""Bounds-checked reading of bytes: the only way in which the native readers look at a length or count of a chunk.

A Cursor walks over [at, end) of a chunk that begins at `start`; errors give their offset from there (spec §0.2).
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

cdef extern from "target.h" nogil:
    uint8_t[64] no_bytes


cdef inline const uint8_t* bytes_at(const uint8_t[::1] view) noexcept:
    """Address of the first byte, of nothing in particular if there is none."""
    return &view[0] if view.shape[0] else no_bytes


cdef struct Cursor:
    const uint8_t* start
    const uint8_t* at
    const uint8_t* end


cdef inline int fail(const uint8_t* start, const uint8_t* at, const char* code, const char* section,
                     const char* message) except -1 nogil:
    """Raises a FormatError (LimitExceededError for limits) for the byte at `at`."""
    with gil:
        from tablestore.errors import FormatError, LimitExceededError
        kind = LimitExceededError if code == b"limit-exceeded" else FormatError
        raise kind(message.decode(), code=code.decode(), section=section.decode(), offset=at - start)


cdef inline size_t rest(const Cursor* cursor) noexcept nogil:
    return <size_t>(cursor.end - cursor.at)


cdef inline const uint8_t* take(Cursor* cursor, size_t size, const char* section) except NULL nogil:
    """The next `size` bytes; fails with `truncated`."""
    cdef const uint8_t* found = cursor.at
    if rest(cursor) < size:
        fail(cursor.start, cursor.at, b"truncated", section, b"the bytes end early")
    cursor.at += size
    return found


cdef inline int take_u8(Cursor* cursor, uint8_t* value, const char* section) except -1 nogil:
    value[0] = take(cursor, 1, section)[0]
    return 0


cdef inline int take_u16(Cursor* cursor, uint16_t* value, const char* section) except -1 nogil:
    memcpy(value, take(cursor, 2, section), 2)
    return 0


cdef inline int take_u32(Cursor* cursor, uint32_t* value, const char* section) except -1 nogil:
    memcpy(value, take(cursor, 4, section), 4)
    return 0


cdef inline int finish(const Cursor* cursor, const char* section) except -1 nogil:
    """Everything must have been read (spec §4.2)."""
    if cursor.at != cursor.end:
        fail(cursor.start, cursor.at, b"size-mismatch", section, b"bytes are left over")
    return 0
