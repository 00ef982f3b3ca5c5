from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from tablestore._native.cursor cimport Cursor
from tablestore._native.fixed_reader cimport Scratch


cdef class TextOutput:
    cdef object array
    cdef uint8_t* data
    cdef uint32_t* offsets
    cdef size_t used
    cdef size_t capacity
    cdef size_t rows
    cdef int grow(self, size_t capacity) except -1
    cdef int reserve(self, const Cursor* cursor, size_t size) except -1 nogil
    cdef object view(self)

cdef int read_variable(Cursor* cursor, Scratch* scratch, size_t count, size_t skip, size_t keep, bint utf8,
                       TextOutput output, size_t* raw_size, uint32_t** offsets) except -1 nogil
