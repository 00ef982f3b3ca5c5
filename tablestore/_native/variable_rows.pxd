from libc.stdint cimport uint32_t

from tablestore._native.cursor cimport Cursor
from tablestore._native.fixed_reader cimport Scratch
from tablestore._native.variable_reader cimport TextOutput

cdef enum:
    NOT_COUNTED = 4294967295   # no raw size: it is that of rows which are not looked at

cdef int read_variable_rows(Cursor* cursor, Scratch* scratch, size_t count, const uint32_t* row, size_t chosen,
                            bint utf8, TextOutput output, size_t* raw_size) except -1 nogil
