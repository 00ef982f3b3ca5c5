from libc.stdint cimport uint32_t, uint64_t

from tablestore._native.chunk cimport Selection


cdef class Chosen:
    cdef const uint32_t* row
    cdef const uint64_t* first
    cdef readonly size_t count
    cdef object rank
    cdef tuple owners

cdef bint is_sparse(Selection selection, size_t chosen) noexcept
cdef tuple fixed_rows(Selection selection, int width, bint nullable, int check, uint64_t limit, Chosen chosen)
cdef tuple bits_rows(Selection selection, bint nullable, Chosen chosen)
cdef tuple variable_rows(Selection selection, const uint32_t* raw_size, bint nullable, bint utf8, Chosen chosen)
