from libc.stdint cimport uint8_t, uint32_t

from tablestore._native.cursor cimport Cursor
from tablestore._native.fixed_reader cimport Scratch

cdef int read_fixed_rows(Cursor* cursor, Scratch* scratch, size_t count, size_t width, unsigned allowed,
                         const uint32_t* row, size_t chosen, uint8_t* out) except -1 nogil
cdef int read_code_rows(Cursor* cursor, Scratch* scratch, size_t count, int width, const uint32_t* row,
                        size_t chosen) except -1 nogil
