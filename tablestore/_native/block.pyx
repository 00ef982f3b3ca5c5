"""Chunks of one column, many at a time (spec chapter 5).

The decoders return rows [skip, skip + take) of each chunk, one chunk after another, or of these rows those that an
index names. A fully used chunk is decoded straight into the output. Everything that may be wrong in a chunk raises
FormatError with the code of the spec, the offset inside the chunk, and `chunk`, the index of the chunk in the call.
"""

import numpy as np

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from tablestore._native.chunk cimport (
    CHUNK_MAX, KIND_BITS, KIND_FIXED, KIND_LIST, KIND_STRUCT, KIND_VARIABLE, Chunk, Selection, ValidityOutput,
    check_arguments, check_values, open_chunk, read_head, read_validity,
)
from tablestore._native.cursor cimport bytes_at, fail, finish, no_bytes, take as take_bytes, take_u32
from tablestore._native.fixed_reader cimport (
    ANY_FIXED, ONLY_LENGTHS, Scratch, read_bits, read_fixed, release_scratch,
)
from tablestore._native.rows cimport Chosen, bits_rows, fixed_rows, is_sparse, variable_rows
from tablestore._native.scratch cimport Workspace, borrow, give_back
from tablestore._native.sink cimport room
from tablestore._native.variable_reader cimport TextOutput, read_variable
from tablestore._native.variable_views cimport variable_taken

from tablestore._native import gather
from tablestore._native.block_writer import encode_bits, encode_fixed, encode_variable, seal_nested
from tablestore._native.memory import empty
from tablestore.errors import FormatError

__all__ = [
    "decode_bits", "decode_fixed", "decode_variable", "encode_bits", "encode_fixed", "encode_variable", "open_nested",
    "seal_nested",
]

cdef extern from "integer.h" nogil:
    ctypedef uint32_t loose32
    void sum_lengths(const loose32* lengths, size_t count, uint64_t* total, uint32_t* greatest)

cdef extern from "bits.h" nogil:
    void copy_bits(uint8_t* out, uint64_t out_at, const uint8_t* source, uint64_t source_at, uint64_t count)
    uint64_t first_long_null(const uint8_t* validity, const loose32* offsets, uint64_t count)

cdef extern from "gather.h" nogil:
    uint32_t ts_largest_index(const uint32_t* index, size_t count)
    void ts_take_fixed(const uint8_t* source, size_t width, const uint32_t* index, size_t count, uint8_t* out)


cdef uint8_t* bytes_into(uint8_t[::1] view) noexcept:
    return &view[0] if view.shape[0] else no_bytes


def decode_fixed(buffer, offset, size, rows, skip, take, int width, bint nullable, int check=0, limit=0,
                 index=None):
    """Fixed-width values: (values u8[sum(take) * width], validity u8[] or None, nulls u32[k]).

    check: 0 none, 1 every value is < limit as an unsigned integer (spec §5.5), 2 decimal128 of at most `limit` digits.
    Null slots are not checked. nulls counts those of each whole chunk; validity is None where no row returned is null.
    index: u32[m], numbers of the rows to return among all rows taken, any order; then values are u8[m * width]. Where
    it names few rows only their values are unpacked and checked (spec §5.9).
    """
    cdef Selection selection = Selection(buffer, offset, size, rows, skip, take)
    if not 1 <= width <= 65535:
        raise ValueError(f"width {width} is not in 1..65535")
    check_arguments(width, check, limit)
    cdef uint64_t bound = limit
    if index is not None and is_sparse(selection, len(index)):
        return fixed_rows(selection, width, nullable, check, bound, Chosen(selection, index))
    cdef ValidityOutput validity = ValidityOutput(selection.count, selection.total, nullable)
    cdef Workspace workspace = borrow()
    cdef Scratch* scratch = &workspace.scratch
    cdef uint8_t* out
    cdef size_t k = 0
    values = None
    try:
        if index is None:
            values = empty(selection.total * width, np.uint8)
            out = bytes_into(values)
        else:
            out = room(&scratch.column, selection.total * width)
        with nogil:
            while k < selection.count:
                fixed_chunk(selection, k, scratch, validity, width, nullable, check, bound, out)
                out += <size_t>selection.keep[k] * width
                k += 1
        if index is not None:
            values = take_values(scratch.column.data, selection.total, width, index)
    except FormatError as error:
        error.chunk = k
        raise
    finally:
        give_back(workspace)
    return values, validity.view() if index is None else validity.taken(index), validity.null_counts


cdef object take_values(const uint8_t* values, size_t count, size_t width, const uint32_t[::1] index):
    """u8[m * width]: the values of the rows of `index`."""
    result = empty(index.shape[0] * width, np.uint8)
    cdef size_t taken = index.shape[0]
    cdef const uint32_t* rows = &index[0] if taken else NULL
    cdef uint8_t* out = bytes_into(result)
    cdef uint32_t largest
    with nogil:
        largest = ts_largest_index(rows, taken)
        if taken and largest < count:
            ts_take_fixed(values, width, rows, taken, out)
    if taken and largest >= count:
        raise ValueError(f"row {largest} of {count} rows")
    return result


cdef int fixed_chunk(Selection selection, size_t k, Scratch* scratch, ValidityOutput validity, int width, bint nullable,
                     int check, uint64_t limit, uint8_t* out) except -1 nogil:
    """One chunk; its rows [skip, skip + keep) go to `out`."""
    cdef Chunk chunk
    cdef size_t rows = selection.rows[k], skip = selection.skip[k], keep = selection.keep[k]
    cdef uint8_t* values = out
    open_chunk(&chunk, scratch, selection.buffer + selection.offset[k], selection.size[k], KIND_FIXED, width,
               selection.rows[k], nullable)
    if rows:
        if keep != rows:
            values = room(&scratch.values, rows * width)
        read_fixed(&chunk.cursor, scratch, rows, width, ANY_FIXED, values)
    finish(&chunk.cursor, b"5.3")
    if check and rows:
        check_values(&chunk, values, NULL, rows, width, check, limit)
    if keep != rows:
        memcpy(out, values + skip * width, keep * width)
    validity.add(k, &chunk, skip, keep)
    return 0


def decode_bits(buffer, offset, size, rows, skip, take, bint nullable, index=None):
    """Booleans: (bitmap u8[ceil(sum(take) / 8)], validity u8[] or None, nulls u32[k]); see decode_fixed."""
    cdef Selection selection = Selection(buffer, offset, size, rows, skip, take)
    if index is not None and is_sparse(selection, len(index)):
        return bits_rows(selection, nullable, Chosen(selection, index))
    cdef ValidityOutput validity = ValidityOutput(selection.count, selection.total, nullable)
    cdef Workspace workspace = borrow()
    values = np.zeros((selection.total + 7) // 8, np.uint8)
    cdef uint8_t* out = bytes_into(values)
    cdef size_t k = 0, at = 0
    try:
        with nogil:
            while k < selection.count:
                bits_chunk(selection, k, &workspace.scratch, validity, nullable, out, at)
                at += selection.keep[k]
                k += 1
    except FormatError as error:
        error.chunk = k
        raise
    finally:
        give_back(workspace)
    if index is None:
        return values, validity.view(), validity.null_counts
    if len(index) and index.max() >= selection.total:
        raise ValueError(f"row {index.max()} of {selection.total} rows")
    return gather.take_bits(values, index), validity.taken(index), validity.null_counts


cdef int bits_chunk(Selection selection, size_t k, Scratch* scratch, ValidityOutput validity, bint nullable,
                    uint8_t* out, size_t at) except -1 nogil:
    cdef Chunk chunk
    cdef size_t rows = selection.rows[k], skip = selection.skip[k], keep = selection.keep[k]
    cdef uint8_t* bits
    open_chunk(&chunk, scratch, selection.buffer + selection.offset[k], selection.size[k], KIND_BITS, 0,
               selection.rows[k], nullable)
    bits = room(&scratch.values, (rows + 7) // 8)
    if rows:
        read_bits(&chunk.cursor, rows, bits)
    finish(&chunk.cursor, b"5.3")
    if keep:
        copy_bits(out, at, bits, skip, keep)
    validity.add(k, &chunk, skip, keep)
    return 0


def decode_variable(
    buffer, offset, size, rows, skip, take, const uint32_t[::1] raw_size, bint nullable, bint utf8, index=None
):
    """Byte strings: (offsets i32[sum(take) + 1], data u8[], validity u8[] or None, nulls u32[k]); see decode_fixed.

    raw_size: of each chunk as its directory says, `count-mismatch` if it differs; None if nothing says it. utf8: every
    value returned is checked (`invalid-utf8`).
    """
    cdef Selection selection = Selection(buffer, offset, size, rows, skip, take)
    cdef const uint32_t* raw = NULL
    cdef uint64_t expected = 0
    cdef size_t k = 0
    if raw_size is not None:
        if <size_t>raw_size.shape[0] != selection.count:
            raise ValueError("raw_size and offset differ in length")
        raw = &raw_size[0] if selection.count else NULL
        for k in range(selection.count):
            # never more than a chunk may hold, whatever a directory says
            if selection.rows[k]:
                expected += <uint64_t>min(raw[k], <uint32_t>CHUNK_MAX) * selection.keep[k] // selection.rows[k]
    expected = min(expected, <uint64_t>2147483647)
    if index is not None:
        if is_sparse(selection, len(index)):
            return variable_rows(selection, raw, nullable, utf8, Chosen(selection, index))
        return variable_taken(selection, raw, expected, nullable, utf8, index)
    cdef ValidityOutput validity = ValidityOutput(selection.count, selection.total, nullable)
    offsets = empty(selection.total + 1, np.int32)
    cdef TextOutput output = TextOutput(offsets, expected)
    cdef Workspace workspace = borrow()
    k = 0
    try:
        with nogil:
            while k < selection.count:
                variable_chunk(selection, k, &workspace.scratch, validity, output, nullable, utf8, raw)
                k += 1
    except FormatError as error:
        error.chunk = k
        raise
    finally:
        give_back(workspace)
    return offsets, output.view(), validity.view(), validity.null_counts


cdef int variable_chunk(Selection selection, size_t k, Scratch* scratch, ValidityOutput validity, TextOutput output,
                        bint nullable, bint utf8, const uint32_t* raw) except -1 nogil:
    cdef Chunk chunk
    cdef size_t rows = selection.rows[k], skip = selection.skip[k], keep = selection.keep[k], found = 0
    cdef uint32_t* offsets = NULL
    open_chunk(&chunk, scratch, selection.buffer + selection.offset[k], selection.size[k], KIND_VARIABLE, 0,
               selection.rows[k], nullable)
    if rows:
        read_variable(&chunk.cursor, scratch, rows, skip, keep, utf8, output, &found, &offsets)
    finish(&chunk.cursor, b"5.3")
    if raw != NULL and found != raw[k]:
        fail(chunk.cursor.start, chunk.cursor.start, b"count-mismatch", b"5.4", b"raw size differs from the directory")
    if chunk.validity != NULL and first_long_null(chunk.validity, <const loose32*>offsets, rows) != rows:
        fail(chunk.cursor.start, chunk.cursor.start, b"bad-value", b"5.3", b"a null has bytes")
    validity.add(k, &chunk, skip, keep)
    return 0


def open_nested(const uint8_t[::1] chunk not None):
    """A chunk of kind list (3) or struct (4), one level deep.

    Returns (kind, width, rows, validity u8[] or None, lengths u32[rows] or None, children): the children are the places
    (start, size) of the child chunks. That kind, width and rows fit the column is for the caller to check.
    """
    cdef Chunk head
    cdef Scratch scratch
    cdef const uint8_t* data = bytes_at(chunk)
    cdef uint8_t[::1] bits
    memset(&scratch, 0, sizeof(Scratch))
    validity = lengths = None
    try:
        read_head(&head, data, chunk.shape[0])
        if head.kind != KIND_LIST and head.kind != KIND_STRUCT:
            fail(data, data, b"schema-mismatch", b"5.3", b"the chunk is not a list or struct")
        if head.rows > CHUNK_MAX or (head.kind == KIND_LIST and <uint64_t>head.rows * 4 > CHUNK_MAX):
            fail(data, data + 4, b"limit-exceeded", b"0.5", b"rows or raw size of a chunk")
        read_validity(&head, &scratch)
        if head.validity != NULL:
            validity = np.empty((head.rows + 7) // 8, np.uint8)
            bits = validity
            memcpy(&bits[0], head.validity, (head.rows + 7) // 8)
        if head.rows == 0:
            finish(&head.cursor, b"5.3")
            return head.kind, head.width, 0, None, np.empty(0, np.uint32) if head.kind == KIND_LIST else None, []
        if head.kind == KIND_LIST:
            lengths = list_lengths(&head, &scratch)
        children = child_places(&head, 1 if head.kind == KIND_LIST else head.width)
        finish(&head.cursor, b"5.3")
    except FormatError as error:
        error.chunk = 0
        raise
    finally:
        release_scratch(&scratch)
    return head.kind, head.width, head.rows, validity, lengths, children


cdef list_lengths(Chunk* head, Scratch* scratch):
    """The lengths node: u32[rows], 0 for nulls, of a sum that a child chunk may have."""
    lengths = np.empty(head.rows, np.uint32)
    cdef uint32_t[::1] view = lengths
    cdef uint64_t total = 0
    cdef uint32_t greatest = 0
    cdef size_t row
    if head.width != 0:
        fail(head.cursor.start, head.cursor.start + 2, b"schema-mismatch", b"5.3", b"a list has no width")
    read_fixed(&head.cursor, scratch, head.rows, 4, ONLY_LENGTHS, <uint8_t*>&view[0])
    if head.validity != NULL:
        for row in range(head.rows):
            if view[row] and not head.validity[row >> 3] >> (row & 7) & 1:
                fail(head.cursor.start, head.cursor.at, b"bad-value", b"5.3", b"a null list has elements")
    sum_lengths(<const loose32*>&view[0], head.rows, &total, &greatest)
    if total > CHUNK_MAX:
        fail(head.cursor.start, head.cursor.at, b"limit-exceeded", b"0.5", b"rows of a child chunk")
    return lengths


cdef list child_places(Chunk* head, uint32_t count):
    cdef uint32_t size = 0, _child
    cdef list places = []
    for _child in range(count):
        take_u32(&head.cursor, &size, b"5.3")
        take_bytes(&head.cursor, size, b"5.3")
        places.append((head.cursor.at - head.cursor.start - size, size))
    return places
