from libc.stdint cimport uint8_t, uint32_t, uint64_t

from tablestore._native.cursor cimport Cursor
from tablestore._native.fixed_reader cimport Node, Scratch
from tablestore._native.sink cimport Sink


cdef extern from "fsst.h" nogil:
    ctypedef uint32_t loose32
    ctypedef struct symbol_table:
        pass

# symbols and codes of an FSST body, all of them there (spec §4.14)
cdef struct Coded:
    symbol_table table
    const uint8_t* codes
    const loose32* code_lengths


cdef class TextOutput:
    cdef object array
    cdef uint8_t* data
    cdef uint32_t* offsets
    cdef size_t used
    cdef size_t capacity
    cdef size_t rows
    cdef Sink* sink
    cdef int into_scratch(self, Scratch* scratch, size_t rows, size_t capacity) except -1
    cdef int grow(self, size_t capacity) except -1
    cdef int reserve(self, const Cursor* cursor, size_t size) except -1 nogil
    cdef object view(self)

cdef int read_variable(Cursor* cursor, Scratch* scratch, size_t count, size_t skip, size_t keep, bint utf8,
                       TextOutput output, size_t* raw_size, uint32_t** offsets) except -1 nogil
cdef int limit(const Cursor* cursor, uint64_t total, uint64_t greatest) except -1 nogil
cdef int check_text(const Cursor* cursor, const uint8_t* data, const uint32_t* offsets, size_t count) except -1 nogil
cdef int read_value_lengths(Node* node, Scratch* scratch, size_t count, uint32_t* raw,
                            uint32_t* greatest) except -1 nogil
cdef int read_lengths(Node* node, Scratch* scratch, size_t count, uint32_t* offsets, uint32_t* raw,
                      uint32_t* greatest) except -1 nogil
cdef int read_entries(Node* parent, Scratch* scratch, size_t entries) except -1 nogil
cdef int read_prefix(Node* node, Scratch* scratch, size_t count, size_t skip, size_t keep, bint utf8,
                     TextOutput output, uint32_t* offsets) except -1 nogil
cdef int read_symbols(Node* node, Scratch* scratch, size_t count, Coded* coded) except -1 nogil
