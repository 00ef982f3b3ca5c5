from libc.stdint cimport uint32_t

from tablestore._native.chunk cimport Selection

cdef tuple variable_taken(Selection selection, const uint32_t* raw_size, size_t expected, bint nullable, bint utf8,
                          const uint32_t[::1] index)
