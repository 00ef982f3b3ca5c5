from libc.stdint cimport uint8_t, uint32_t, uint64_t

from tablestore._native.cursor cimport Cursor
from tablestore._native.fixed_reader cimport Scratch
from tablestore._native.sink cimport Sink

cdef enum:
    KIND_BITS = 0
    KIND_FIXED = 1
    KIND_VARIABLE = 2
    KIND_LIST = 3
    KIND_STRUCT = 4
    CHECK_NONE = 0            # of decode_fixed
    CHECK_LIMIT = 1
    CHECK_DECIMAL = 2
    CHUNK_MAX = 33554432      # stored and raw bytes of a chunk, rows of a child chunk (spec §0.5)

# the header of a chunk and its validity; `validity` is NULL where there are no nulls
cdef struct Chunk:
    Cursor cursor
    int kind
    uint32_t width
    uint32_t rows
    uint32_t nulls
    const uint8_t* validity

cdef int read_head(Chunk* chunk, const uint8_t* data, size_t size) except -1 nogil
cdef int read_validity(Chunk* chunk, Scratch* scratch) except -1 nogil
cdef int open_chunk(Chunk* chunk, Scratch* scratch, const uint8_t* data, size_t size, int kind, uint32_t width,
                    uint32_t rows, bint nullable) except -1 nogil
cdef int write_head(Sink* sink, int kind, uint32_t width, uint32_t rows, bint has_validity) except -1 nogil

cdef int check_arguments(int width, int check, limit) except -1
cdef int check_values(const Chunk* chunk, const uint8_t* values, const uint32_t* row, size_t count, int width,
                      int check, uint64_t limit) except -1 nogil


cdef class Selection:
    cdef const uint8_t* buffer
    cdef const uint64_t* offset
    cdef const uint32_t* size
    cdef const uint32_t* rows
    cdef const uint32_t* skip
    cdef const uint32_t* keep
    cdef readonly size_t count
    cdef readonly size_t total
    cdef readonly uint32_t rows_max
    cdef tuple owners


cdef class ValidityOutput:
    cdef object array
    cdef object null_counts
    cdef uint8_t* bits
    cdef uint32_t* nulls
    cdef size_t rows
    cdef size_t found
    cdef void add(self, size_t index, const Chunk* chunk, size_t skip, size_t keep) noexcept nogil
    cdef void add_rows(self, size_t index, const Chunk* chunk, const uint32_t* row, size_t chosen) noexcept nogil
    cdef object taken(self, const uint32_t[::1] index)
    cdef object view(self)
