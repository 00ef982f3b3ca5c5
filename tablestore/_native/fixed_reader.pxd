from libc.stdint cimport uint8_t, uint32_t

from tablestore._native.cursor cimport Cursor
from tablestore._native.sink cimport Sink

# spec §4.4 - §4.13
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

# bits 1 << encoding: what a child node may be
cdef enum:
    ONLY_LENGTHS = 1 << 0 | 1 << 2
    ONLY_CODES = 1 << 0 | 1 << 2 | 1 << 7
    ONLY_ENTRIES = 1 << 0 | 1 << 1
    ONLY_RUN_VALUES = 1 << 0 | 1 << 1 | 1 << 2
    ONLY_HALVES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3
    ANY_FIXED = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 7 | 1 << 8 | 1 << 9
    ANY_VARIABLE = 1 << 0 | 1 << 4 | 1 << 5 | 1 << 6
    ONLY_VARIABLE_ENTRIES = 1 << 0 | 1 << 5

cdef struct Node:
    int encoding
    int codec
    int parameter
    Cursor body

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

cdef void release_scratch(Scratch* scratch) noexcept nogil
cdef int open_node(Cursor* cursor, Node* node, unsigned allowed) except -1 nogil
cdef int read_fixed(Cursor* cursor, Scratch* scratch, size_t count, size_t width, unsigned allowed,
                    uint8_t* out) except -1 nogil
cdef int read_bits(Cursor* cursor, size_t count, uint8_t* out) except -1 nogil
cdef int read_codes(Cursor* cursor, Scratch* scratch, size_t count, int width) except -1 nogil
