"""Byte strings of many chunks, decoded and taken by an index in one: each value is copied once, to where it belongs.

Between the two a value is one word, its place in scratch and its size. Bytes of a dictionary's entries are there once.
"""

import numpy as np

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from tablestore._native.chunk cimport KIND_VARIABLE, Chunk, Selection, ValidityOutput, open_chunk
from tablestore._native.cursor cimport Cursor, fail, finish
from tablestore._native.fixed_reader cimport (
    ANY_VARIABLE, DICTIONARY, Node, Scratch, check_codes, open_node, read_codes, take_entry_count,
)
from tablestore._native.scratch cimport Workspace, borrow, give_back
from tablestore._native.sink cimport room
from tablestore._native.variable_reader cimport TextOutput, check_text, limit, read_entries, read_variable

from tablestore._native.memory import empty
from tablestore.errors import FormatError, LimitExceededError

cdef extern from "gather.h" nogil:
    uint32_t ts_largest_index(const uint32_t* index, size_t count)

cdef extern from "bits.h" nogil:
    ctypedef uint32_t loose32
    uint64_t next_zero(const uint8_t* bits, uint64_t start, uint64_t count)
    uint64_t first_long_null(const uint8_t* validity, const loose32* offsets, uint64_t count)

cdef extern from "views.h" nogil:
    enum: SLACK
    enum: VIEW_SIZE_BITS
    enum: VIEW_SIZE_MASK
    bint is_utf8(const uint8_t* data, const loose32* offsets, size_t count)
    uint64_t sum_coded_lengths(const uint8_t* codes, int code_width, size_t count, const loose32* starts)
    void views_of_offsets(const loose32* offsets, size_t count, uint64_t* views)
    void views_of_entries(const loose32* starts, size_t entries, uint64_t place, uint64_t* views)
    uint64_t views_of_codes(const uint8_t* codes, int code_width, size_t count, const uint64_t* entries,
                            uint64_t* views)
    uint64_t view_offsets(const uint64_t* views, const uint32_t* index, size_t count, loose32* offsets)
    void copy_views(const uint64_t* views, const uint8_t* data, size_t data_size, const uint32_t* index, size_t count,
                    uint8_t* out)


cdef tuple variable_taken(Selection selection, const uint32_t* raw_size, size_t expected, bint nullable, bint utf8,
                          const uint32_t[::1] index):
    """(offsets i32[m + 1], data u8[], validity u8[] or None, nulls u32[k]); see block.decode_variable.

    expected: bytes that the rows of the selection may take.
    """
    cdef ValidityOutput validity = ValidityOutput(selection.count, selection.total, nullable)
    cdef TextOutput output = TextOutput()
    cdef Workspace workspace = borrow()
    cdef Scratch* scratch = &workspace.scratch
    cdef size_t k = 0, count = index.shape[0], at = 0
    cdef const uint32_t* rows = &index[0] if count else NULL
    cdef uint64_t* views
    try:
        output.into_scratch(scratch, selection.rows_max, expected)
        views = <uint64_t*>room(&scratch.views, selection.total * 8)
        with nogil:
            while k < selection.count:
                chunk_views(selection, k, scratch, validity, output, nullable, utf8, raw_size, views + at)
                at += selection.keep[k]
                k += 1
        offsets, data = copy_out(views, output, selection.total, rows, count)
    except FormatError as error:
        error.chunk = k
        raise
    finally:
        give_back(workspace)
    return offsets, data, validity.taken(index), validity.null_counts


cdef tuple copy_out(const uint64_t* views, TextOutput text, size_t total, const uint32_t* index, size_t count):
    """(offsets i32[count + 1], data u8[]) of the values views[index[i]]."""
    offsets = np.zeros(1, np.int32) if count == 0 else empty(count + 1, np.int32)
    cdef uint32_t[::1] places = offsets.view(np.uint32)
    cdef loose32* place = <loose32*>&places[0]
    cdef uint32_t largest = 0
    cdef uint64_t size = 0
    place[0] = 0
    with nogil:
        largest = ts_largest_index(index, count)
        if count and largest < total:
            size = view_offsets(views, index, count, place)
    if count and largest >= total:
        raise ValueError(f"row {largest} of {total} rows")
    if size > 2147483647:
        raise LimitExceededError("the values taken exceed 2^31 - 1 bytes", code="limit-exceeded", section="0.5")
    data = empty(size + SLACK, np.uint8)
    cdef uint8_t[::1] view = data
    cdef uint8_t* out = &view[0]
    with nogil:
        copy_views(views, text.data, text.used, index, count, out)
    return offsets, data[:size]


cdef int chunk_views(Selection selection, size_t k, Scratch* scratch, ValidityOutput validity, TextOutput output,
                     bint nullable, bint utf8, const uint32_t* raw_size, uint64_t* views) except -1 nogil:
    """views[keep]: rows [skip, skip + keep) of one chunk."""
    cdef Chunk chunk
    cdef size_t rows = selection.rows[k], skip = selection.skip[k], keep = selection.keep[k], found = 0
    cdef uint32_t* offsets = NULL
    cdef bint bad = False
    open_chunk(&chunk, scratch, selection.buffer + selection.offset[k], selection.size[k], KIND_VARIABLE, 0,
               selection.rows[k], nullable)
    if rows and chunk.cursor.at != chunk.cursor.end and chunk.cursor.at[0] == DICTIONARY:
        read_dictionary_views(&chunk.cursor, scratch, rows, skip, keep, utf8, output, views, &found)
        bad = chunk.validity != NULL and has_long_null(chunk.validity, skip, keep, views)
    elif rows:
        output.rows = 0
        output.offsets[0] = <uint32_t>output.used
        read_variable(&chunk.cursor, scratch, rows, skip, keep, utf8, output, &found, &offsets)
        views_of_offsets(<const loose32*>output.offsets, keep, views)
        bad = chunk.validity != NULL and first_long_null(chunk.validity, <const loose32*>offsets, rows) != rows
    finish(&chunk.cursor, b"5.3")
    if raw_size != NULL and found != raw_size[k]:
        fail(chunk.cursor.start, chunk.cursor.start, b"count-mismatch", b"5.4", b"raw size differs from the directory")
    if bad:
        fail(chunk.cursor.start, chunk.cursor.start, b"bad-value", b"5.3", b"a null has bytes")
    validity.add(k, &chunk, skip, keep)
    return 0


cdef bint has_long_null(const uint8_t* validity, size_t skip, size_t keep, const uint64_t* views) noexcept nogil:
    """Whether a null among rows [skip, skip + keep) has bytes (spec §5.3)."""
    cdef uint64_t row = next_zero(validity, skip, skip + keep)
    while row < skip + keep:
        if views[row - skip] & VIEW_SIZE_MASK:
            return True
        row = next_zero(validity, row + 1, skip + keep)
    return False


cdef int read_dictionary_views(Cursor* cursor, Scratch* scratch, size_t count, size_t skip, size_t keep, bint utf8,
                               TextOutput output, uint64_t* views, size_t* raw_size) except -1 nogil:
    """A node DICTIONARY (spec §4.8): its entries go to the output once, as no rows."""
    cdef Node node
    cdef uint32_t entries = 0
    cdef int width
    cdef const uint8_t* codes
    cdef const loose32* starts
    cdef uint64_t* entry_views
    cdef uint64_t total
    open_node(cursor, &node, ANY_VARIABLE)
    width = node.parameter
    take_entry_count(&node.body, count, &entries)
    read_codes(&node.body, scratch, count, width)
    read_entries(&node, scratch, entries)
    codes = scratch.codes.data
    starts = <const loose32*>scratch.entry_starts.data
    check_codes(&node, codes, count, entries)
    output.reserve(&node.body, starts[entries])
    memcpy(output.data + output.used, scratch.entries.data, starts[entries])
    entry_views = <uint64_t*>room(&scratch.entry_views, <size_t>entries * 8)
    views_of_entries(starts, entries, output.used, entry_views)
    output.used += starts[entries]
    total = views_of_codes(codes + skip * width, width, keep, entry_views, views)
    if keep != count:
        total = sum_coded_lengths(codes, width, count, starts)
    limit(&node.body, total, 0)
    finish(&node.body, b"4.2")
    raw_size[0] = total
    # an entry that no row uses may be anything: only when some entry is not UTF-8 the values themselves are looked at
    if utf8 and not is_utf8(scratch.entries.data, starts, entries):
        check_views(&node.body, output.data, views, keep)
    return 0


cdef int check_views(const Cursor* cursor, const uint8_t* data, const uint64_t* views, size_t count) except -1 nogil:
    cdef uint32_t[2] span
    cdef size_t i
    span[0] = 0
    for i in range(count):
        span[1] = views[i] & VIEW_SIZE_MASK
        check_text(cursor, data + (views[i] >> VIEW_SIZE_BITS), span, 1)
    return 0
