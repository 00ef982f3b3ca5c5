"""Chosen rows of nodes of the class VAR (spec §5.9), appended to a TextOutput.

The checks are those of variable_reader, but codes of a dictionary, those of FSST and UTF-8 are checked for the
chosen rows alone.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from tablestore._native.codec cimport take_stream
from tablestore._native.cursor cimport Cursor, fail, finish, rest, take
from tablestore._native.fixed_reader cimport (
    ANY_VARIABLE, CONSTANT, DICTIONARY, FSST, Node, Scratch, VAR, check_codes, open_node, take_entry_count,
)
from tablestore._native.fixed_rows cimport read_code_rows
from tablestore._native.sink cimport room
from tablestore._native.variable_reader cimport (
    Coded, TextOutput, check_text, limit, read_entries, read_lengths, read_prefix, read_symbols, read_value_lengths,
    symbol_table,
)

cdef extern from "text.h" nogil:
    ctypedef uint32_t loose32
    enum: SLACK
    uint64_t sum_coded_lengths(const uint8_t* codes, int code_width, size_t count, const loose32* starts)
    void copy_coded(const uint8_t* codes, int code_width, size_t count, const loose32* starts, const uint8_t* entries,
                    uint8_t* out, uint32_t first, loose32* offsets)

cdef extern from "integer.h" nogil:
    int bit_width(uint64_t value)
    void accumulate_offsets(const loose32* lengths, size_t count, uint32_t first, loose32* offsets)

cdef extern from "fsst.h" nogil:
    void measure_rows(const loose32* offsets, size_t count, int shift, const uint32_t* row, size_t chosen,
                      uint64_t* total, uint64_t* greatest)
    size_t decode_rows(const symbol_table* table, const uint8_t* codes, const loose32* code_starts,
                       const loose32* offsets, size_t count, int shift, const uint32_t* row, size_t chosen,
                       uint8_t* space, size_t room, uint8_t* out, const uint8_t* out_end, uint32_t first,
                       loose32* out_offsets)

cdef extern from "rows.h" nogil:
    uint64_t sum_row_lengths(const loose32* offsets, const uint32_t* row, size_t chosen)
    void copy_rows(const loose32* offsets, const uint8_t* data, const uint8_t* data_end, const uint32_t* row,
                   size_t chosen, uint8_t* out, uint32_t first, loose32* out_offsets)

cdef enum:
    SHORT_BUNDLE = 65536      # bytes


cdef int read_variable_rows(Cursor* cursor, Scratch* scratch, size_t count, const uint32_t* row, size_t chosen,
                            bint utf8, TextOutput output, size_t* raw_size) except -1 nogil:
    """Appends values row[0..chosen), any order, of a node of `count` values.

    raw_size becomes the size of all `count` values, or NOT_COUNTED.
    """
    cdef Node node
    cdef uint32_t* offsets
    cdef size_t before = output.used
    open_node(cursor, &node, ANY_VARIABLE)
    if node.encoding == DICTIONARY:
        read_dictionary_rows(&node, scratch, count, row, chosen, output)
        raw_size[0] = NOT_COUNTED
    elif node.encoding == FSST:
        read_fsst_rows(&node, scratch, count, row, chosen, output, raw_size)
    else:
        offsets = <uint32_t*>room(&scratch.offsets, (count + 1) * 4)
        offsets[0] = 0
        if node.encoding == VAR:
            read_plain_rows(&node, scratch, count, row, chosen, output, offsets)
        elif node.encoding == CONSTANT:
            read_constant_rows(&node, count, chosen, output, offsets)
        else:
            # a bundle is cheap: all of them are decoded into scratch.values, none of them into the output
            read_prefix(&node, scratch, count, 0, 0, False, output, offsets)
            append_rows(&node, offsets, scratch.values.data, scratch.values.data + offsets[count] + SLACK, row, chosen,
                        output)
        raw_size[0] = offsets[count]
    output.rows += chosen
    if utf8:
        check_text(&node.body, output.data + before, output.offsets + output.rows - chosen, chosen)
    return 0


cdef int append_rows(const Node* node, const uint32_t* offsets, const uint8_t* data, const uint8_t* data_end,
                     const uint32_t* row, size_t chosen, TextOutput output) except -1 nogil:
    """data[offsets[r]..offsets[r + 1]) of each chosen row r; `data` is readable up to `data_end`."""
    cdef uint64_t size = sum_row_lengths(<const loose32*>offsets, row, chosen)
    output.reserve(&node.body, size)
    copy_rows(<const loose32*>offsets, data, data_end, row, chosen, output.data + output.used, <uint32_t>output.used,
              <loose32*>(output.offsets + output.rows))
    output.used += size
    return 0


cdef int read_plain_rows(Node* node, Scratch* scratch, size_t count, const uint32_t* row, size_t chosen,
                         TextOutput output, uint32_t* offsets) except -1 nogil:
    cdef uint32_t raw = 0, greatest = 0
    cdef bint agrees = read_lengths(node, scratch, count, offsets, &raw, &greatest)
    cdef const uint8_t* data = take_stream(&node.body, node.codec, raw, &scratch.stream)
    if not agrees:
        fail(node.body.start, node.body.at, b"length-sum", b"4.9", b"the lengths do not sum to the raw size")
    limit(&node.body, 0, greatest)
    finish(&node.body, b"4.2")
    return append_rows(node, offsets, data, data + raw + (SLACK if node.codec else 0), row, chosen, output)


cdef int read_constant_rows(Node* node, size_t count, size_t chosen, TextOutput output,
                            uint32_t* offsets) except -1 nogil:
    cdef size_t size = rest(&node.body), i
    cdef const uint8_t* value = take(&node.body, size, b"4.4")
    limit(&node.body, <uint64_t>size * count, size)
    output.reserve(&node.body, size * chosen)
    for i in range(chosen):
        memcpy(output.data + output.used, value, size)
        output.used += size
        output.offsets[output.rows + i + 1] = <uint32_t>output.used
    offsets[count] = <uint32_t>(size * count)
    return 0


cdef int read_dictionary_rows(Node* node, Scratch* scratch, size_t count, const uint32_t* row, size_t chosen,
                              TextOutput output) except -1 nogil:
    cdef uint32_t entries = 0
    cdef int width = node.parameter
    cdef const loose32* starts
    cdef uint64_t total
    take_entry_count(&node.body, count, &entries)
    read_code_rows(&node.body, scratch, count, width, row, chosen)
    read_entries(node, scratch, entries)
    starts = <const loose32*>scratch.entry_starts.data
    check_codes(node, scratch.codes.data, chosen, entries)
    total = sum_coded_lengths(scratch.codes.data, width, chosen, starts)
    finish(&node.body, b"4.2")
    output.reserve(&node.body, total)
    copy_coded(scratch.codes.data, width, chosen, starts, scratch.entries.data, output.data + output.used,
               <uint32_t>output.used, <loose32*>(output.offsets + output.rows))
    output.used += total
    return 0


cdef int read_fsst_rows(Node* node, Scratch* scratch, size_t count, const uint32_t* row, size_t chosen,
                        TextOutput output, size_t* raw_size) except -1 nogil:
    """Decodes the bundles of the chosen rows (spec §4.14)."""
    cdef Coded coded
    cdef uint32_t raw = 0, greatest = 0
    cdef size_t bundles = (count + node.parameter - 1) // node.parameter, done
    cdef int shift = bit_width(node.parameter) - 1
    cdef uint64_t total = 0, largest = 0
    cdef bint agrees = read_value_lengths(node, scratch, count, &raw, &greatest)
    cdef loose32* starts
    cdef loose32* offsets
    raw_size[0] = raw
    read_symbols(node, scratch, count, &coded)
    if not agrees:
        fail(node.body.start, node.body.at, b"length-sum", b"4.14", b"the lengths do not sum to the raw size")
    limit(&node.body, 0, greatest)
    starts = <loose32*>room(&scratch.offsets, (bundles + 1) * 4)
    starts[0] = 0
    accumulate_offsets(coded.code_lengths, bundles, 0, starts)
    offsets = <loose32*>room(&scratch.text_offsets, (count + 1) * 4)
    offsets[0] = 0
    accumulate_offsets(<const loose32*>scratch.lengths.data, count, 0, offsets)
    measure_rows(offsets, count, shift, row, chosen, &total, &largest)
    # four times the bytes are room for codes of two bytes each to be decoded the fast way
    largest = largest * 4 + SLACK if largest < SHORT_BUNDLE else largest
    room(&scratch.values, largest)
    output.reserve(&node.body, total)
    done = decode_rows(&coded.table, coded.codes, starts, offsets, count, shift, row, chosen, scratch.values.data,
                       largest, output.data + output.used, output.data + output.capacity, <uint32_t>output.used,
                       <loose32*>(output.offsets + output.rows))
    if done != chosen:
        fail(node.body.start, coded.codes, b"bad-symbol", b"4.14", b"the codes do not stand for the values")
    output.used += total
    return finish(&node.body, b"4.2")
