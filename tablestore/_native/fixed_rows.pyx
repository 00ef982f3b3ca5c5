"""Chosen rows of nodes of the class FIXED (spec §5.9): only their values are unpacked where the encoding allows it.

The checks are those of fixed_reader but one: codes of a dictionary are checked for the chosen rows alone.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from tablestore._native.codec cimport take_stream
from tablestore._native.cursor cimport Cursor, finish
from tablestore._native.fixed_reader cimport (
    ALP, BITPACK, CONSTANT, DELTA, DICTIONARY, Node, ONLY_CODES, ONLY_ENTRIES, ONLY_HALVES, ONLY_LENGTHS, PLAIN,
    Packed, RLE, Scratch, check_codes, defined_for, open_node, read_bitpack_head, read_constant, read_fixed,
    read_runs, take_entry_count, take_exception_count, take_exceptions, widen,
)
from tablestore._native.sink cimport room

cdef extern from "bitpack.h" nogil:
    enum: VECTOR

cdef extern from "rows.h" nogil:
    ctypedef uint32_t loose32
    void unpack_rows(const uint8_t* packed, size_t size, const uint8_t* bits, const uint8_t* bases,
                     const uint32_t* place, size_t full, int width, const uint32_t* row, size_t chosen, uint8_t* out)
    void take_rows(const uint8_t* values, size_t width, const uint32_t* row, size_t chosen, uint8_t* out)
    void take_run_rows(loose32* lengths, size_t runs, const uint8_t* values, size_t width, const uint32_t* row,
                       size_t chosen, uint8_t* out)
    void patch_rows(const loose32* positions, const uint8_t* exceptions, size_t count, const uint32_t* row,
                    size_t chosen, uint8_t* out)

cdef extern from "integer.h" nogil:
    void gather_entries(const uint8_t* codes, int code_width, size_t count, const uint8_t* entries, size_t width,
                        uint8_t* out)

cdef extern from "alp.h" nogil:
    ctypedef uint64_t loose64
    void alp_decode(loose64* values, size_t count, int exponent, int factor)


cdef int read_fixed_rows(Cursor* cursor, Scratch* scratch, size_t count, size_t width, unsigned allowed,
                         const uint32_t* row, size_t chosen, uint8_t* out) except -1 nogil:
    """Values row[0..chosen), any order, of one node FIXED(width) of `count` values into out[chosen * width]."""
    cdef Cursor before = cursor[0]
    cdef Node node
    cdef uint32_t runs
    open_node(cursor, &node, allowed & defined_for(width))
    if node.encoding == DELTA:
        cursor[0] = before
        read_fixed(cursor, scratch, count, width, 1 << DELTA, room(&scratch.values, count * width))
        take_rows(scratch.values.data, width, row, chosen, out)
        return 0
    if node.encoding == CONSTANT:
        read_constant(&node, chosen, width, out)
    elif node.encoding == PLAIN:
        take_rows(take_stream(&node.body, node.codec, count * width, &scratch.stream), width, row, chosen, out)
    elif node.encoding == BITPACK:
        read_bitpack_rows(&node, scratch, count, <int>width, row, chosen, out)
    elif node.encoding == DICTIONARY:
        read_dictionary_rows(&node, scratch, count, width, row, chosen, out)
    elif node.encoding == RLE:
        runs = read_runs(&node, scratch, count, width)
        take_run_rows(<loose32*>scratch.run_lengths.data, runs, scratch.run_values.data, width, row, chosen, out)
    elif node.encoding == ALP:
        read_alp_rows(&node, scratch, count, row, chosen, out)
    else:
        read_widen_rows(&node, scratch, count, row, chosen, out)
    return finish(&node.body, b"4.2")


cdef int read_bitpack_rows(Node* node, Scratch* scratch, size_t count, int width, const uint32_t* row, size_t chosen,
                           uint8_t* out) except -1 nogil:
    cdef Packed packed
    cdef uint32_t* place
    cdef size_t v
    read_bitpack_head(node, count, width, &packed)
    place = <uint32_t*>room(&scratch.places, (packed.full + 1) * 4)
    place[0] = 0
    for v in range(packed.full):
        place[v + 1] = place[v] + 128 * packed.bits[v]
    unpack_rows(packed.data, packed.full_size + packed.tail_size, packed.bits, packed.bases, place, packed.full, width,
                row, chosen, out)
    return 0


cdef int read_dictionary_rows(Node* node, Scratch* scratch, size_t count, size_t width, const uint32_t* row,
                              size_t chosen, uint8_t* out) except -1 nogil:
    cdef uint32_t entries = 0
    cdef uint8_t* values
    take_entry_count(&node.body, count, &entries)
    read_code_rows(&node.body, scratch, count, node.parameter, row, chosen)
    values = room(&scratch.entries, entries * width)
    read_fixed(&node.body, scratch, entries, width, ONLY_ENTRIES, values)
    check_codes(node, scratch.codes.data, chosen, entries)
    gather_entries(scratch.codes.data, node.parameter, chosen, values, width, out)
    return 0


cdef int read_code_rows(Cursor* cursor, Scratch* scratch, size_t count, int width, const uint32_t* row,
                        size_t chosen) except -1 nogil:
    """Codes of chosen rows into scratch.codes; the caller has yet to check them."""
    return read_fixed_rows(cursor, scratch, count, width, ONLY_CODES, row, chosen, room(&scratch.codes, chosen * width))


cdef int read_alp_rows(Node* node, Scratch* scratch, size_t count, const uint32_t* row, size_t chosen,
                       uint8_t* out) except -1 nogil:
    cdef uint32_t exceptions = 0
    cdef const uint8_t* positions
    take_exception_count(node, count, &exceptions)
    read_fixed_rows(&node.body, scratch, count, 8, ONLY_LENGTHS, row, chosen, out)
    positions = take_exceptions(node, count, exceptions)
    alp_decode(<loose64*>out, chosen, node.parameter & 255, node.parameter >> 8)
    patch_rows(<const loose32*>positions, positions + 4 * <size_t>exceptions, exceptions, row, chosen, out)
    return 0


cdef int read_widen_rows(Node* node, Scratch* scratch, size_t count, const uint32_t* row, size_t chosen,
                         uint8_t* out) except -1 nogil:
    cdef uint8_t* halves = out + chosen * 8
    read_fixed_rows(&node.body, scratch, count, 8, ONLY_HALVES, row, chosen, halves)
    widen(halves, chosen, out)
    return 0
