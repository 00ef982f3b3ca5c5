from libc.stdint cimport uint8_t, uint32_t

from tablestore._native.cursor cimport Cursor
from tablestore._native.sink cimport Sink

# spec §4.4 - §4.14
cdef enum:
    CONSTANT = 0
    PLAIN = 1
    BITPACK = 2
    DELTA = 3
    DICTIONARY = 4
    VAR = 5
    PREFIX = 6
    RLE = 7
    ALP = 8
    WIDEN = 9
    FSST = 10

# bits 1 << encoding: what a child node may be
cdef enum:
    ONLY_LENGTHS = 1 << 0 | 1 << 2
    ONLY_CODES = 1 << 0 | 1 << 2 | 1 << 7
    ONLY_ENTRIES = 1 << 0 | 1 << 1
    ONLY_RUN_VALUES = 1 << 0 | 1 << 1 | 1 << 2
    ONLY_HALVES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3
    ANY_FIXED = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 7 | 1 << 8 | 1 << 9
    ANY_VARIABLE = 1 << 0 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 10
    ONLY_VARIABLE_ENTRIES = 1 << 0 | 1 << 5

cdef struct Node:
    int encoding
    int codec
    int parameter
    Cursor body

# the body of a BITPACK node (spec §4.6): `full` vectors of full_size bytes at `data`, then the last one of tail_size
cdef struct Packed:
    const uint8_t* bits
    const uint8_t* bases
    const uint8_t* data
    size_t full
    size_t full_size
    size_t tail_size

# memory that the readers of one call share
cdef struct Scratch:
    Sink values
    Sink validity
    Sink codes
    Sink entries
    Sink entry_starts
    Sink run_lengths
    Sink run_values
    Sink lengths
    Sink shared
    Sink stream
    Sink offsets
    Sink places
    Sink column
    Sink views
    Sink entry_views
    Sink text_offsets

cdef void release_scratch(Scratch* scratch) noexcept nogil
cdef size_t scratch_size(const Scratch* scratch) noexcept nogil
cdef int open_node(Cursor* cursor, Node* node, unsigned allowed) except -1 nogil
cdef int read_fixed(Cursor* cursor, Scratch* scratch, size_t count, size_t width, unsigned allowed,
                    uint8_t* out) except -1 nogil
cdef int read_bits(Cursor* cursor, size_t count, uint8_t* out) except -1 nogil
cdef int read_codes(Cursor* cursor, Scratch* scratch, size_t count, int width) except -1 nogil
cdef unsigned defined_for(size_t width) noexcept nogil
cdef int take_entry_count(Cursor* body, size_t count, uint32_t* entries) except -1 nogil
cdef int check_codes(Node* node, const uint8_t* codes, size_t count, size_t entries) except -1 nogil
cdef int read_constant(Node* node, size_t count, size_t width, uint8_t* out) except -1 nogil
cdef int read_bitpack_head(Node* node, size_t count, int width, Packed* packed) except -1 nogil
cdef uint32_t read_runs(Node* node, Scratch* scratch, size_t count, size_t width) except 0 nogil
cdef int take_exception_count(Node* node, size_t count, uint32_t* exceptions) except -1 nogil
cdef const uint8_t* take_exceptions(Node* node, size_t count, uint32_t exceptions) except NULL nogil
cdef void widen(const uint8_t* halves, size_t count, uint8_t* out) noexcept nogil
