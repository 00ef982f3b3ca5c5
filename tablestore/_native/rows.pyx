"""Chosen rows of many chunks of one column (spec §5.9): few rows, of which only the values are unpacked.

The rows are grouped by chunk first; where they were not in order already, the result is put into theirs at last.
"""

import numpy as np

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from tablestore._native.chunk cimport (
    KIND_BITS, KIND_FIXED, KIND_VARIABLE, Chunk, Selection, ValidityOutput, check_values, open_chunk,
)
from tablestore._native.cursor cimport Cursor, fail, finish, no_bytes
from tablestore._native.fixed_reader cimport ANY_FIXED, BITPACK, DELTA, Scratch, read_bits, read_fixed
from tablestore._native.fixed_rows cimport read_fixed_rows
from tablestore._native.scratch cimport Workspace, borrow, give_back
from tablestore._native.sink cimport room
from tablestore._native.variable_reader cimport TextOutput
from tablestore._native.variable_rows cimport NOT_COUNTED, read_variable_rows

from tablestore._native import gather
from tablestore._native.memory import empty
from tablestore.errors import FormatError

cdef extern from "rows.h" nogil:
    enum: GROUP_SHIFT
    void index_order(const uint32_t* index, size_t count, int* ascending, uint32_t* greatest)
    void group_ascending(const uint32_t* index, size_t count, const uint64_t* start, const uint32_t* skip,
                         size_t chunks, uint32_t* row, uint64_t* first)
    void group_any(const uint32_t* index, size_t count, const uint64_t* start, const uint32_t* skip, size_t chunks,
                   uint32_t* coarse, uint32_t* row, uint64_t* first, uint32_t* rank)
    void take_rows(const uint8_t* values, size_t width, const uint32_t* row, size_t chosen, uint8_t* out)
    void take_row_bits(const uint8_t* bits, const uint32_t* row, size_t chosen, uint8_t* out, uint64_t at)

cdef enum:
    SPARSE = 8          # rows for each chosen one from which on values are unpacked one by one
    SPARSE_PACKED = 48  # the same where all values of a vector cost little more than one


cdef bint is_sparse(Selection selection, size_t chosen) noexcept:
    return chosen * SPARSE < selection.total


cdef class Chosen:
    """Rows by their numbers in the concatenation of a selection, grouped by chunk.

    row[first[k]..first[k + 1]) are rows of chunk k. rank: where each number of the index is among them; None: in place.
    """

    def __cinit__(self, Selection selection not None, const uint32_t[::1] index not None):
        cdef size_t k
        cdef int ascending = 1
        cdef uint32_t greatest = 0
        cdef uint64_t[::1] starts = np.zeros(selection.count + 1, np.uint64)
        cdef uint64_t[::1] firsts = np.zeros(selection.count + 1, np.uint64)
        cdef uint32_t[::1] rows = np.empty(max(1, index.shape[0]), np.uint32)
        cdef uint32_t[::1] coarse, ranks
        self.count = index.shape[0]
        self.owners = (firsts.base, rows.base)
        self.row = &rows[0]
        self.first = &firsts[0]
        if self.count == 0:
            return
        for k in range(selection.count):
            starts[k + 1] = starts[k] + selection.keep[k]
        index_order(&index[0], self.count, &ascending, &greatest)
        if greatest >= selection.total:
            raise ValueError(f"row {greatest} of {selection.total} rows")
        if ascending:
            group_ascending(&index[0], self.count, &starts[0], selection.skip, selection.count, &rows[0], &firsts[0])
            return
        self.rank = np.empty(self.count, np.uint32)
        ranks = self.rank
        coarse = np.empty((selection.total >> GROUP_SHIFT) + 1, np.uint32)
        group_any(&index[0], self.count, &starts[0], selection.skip, selection.count, &coarse[0], &rows[0],
                  &firsts[0], &ranks[0])


cdef tuple fixed_rows(Selection selection, int width, bint nullable, int check, uint64_t limit, Chosen chosen):
    """(values u8[m * width], validity u8[] or None, nulls u32[k]); see block.decode_fixed."""
    cdef ValidityOutput validity = ValidityOutput(selection.count, chosen.count, nullable)
    values = empty(chosen.count * width, np.uint8)
    cdef uint8_t[::1] view = values
    cdef uint8_t* out = &view[0] if view.shape[0] else no_bytes
    cdef Workspace workspace = borrow()
    cdef Scratch* scratch = &workspace.scratch
    cdef size_t k = 0
    try:
        with nogil:
            while k < selection.count:
                fixed_chunk_rows(selection, k, scratch, validity, width, nullable, check, limit,
                                 chosen.row + chosen.first[k], chosen.first[k + 1] - chosen.first[k],
                                 out + chosen.first[k] * width)
                k += 1
    except FormatError as error:
        error.chunk = k
        raise
    finally:
        give_back(workspace)
    bits = validity.view()
    if chosen.rank is not None:
        values = gather.take_fixed(values, width, chosen.rank)
        bits = None if bits is None else gather.take_bits(bits, chosen.rank)
    return values, bits, validity.null_counts


cdef size_t sparse_from(const Cursor* node) noexcept nogil:
    """By the encoding of the node at the cursor."""
    cdef bint packed = node.at != node.end and (node.at[0] == BITPACK or node.at[0] == DELTA)
    return SPARSE_PACKED if packed else SPARSE


cdef int fixed_chunk_rows(Selection selection, size_t k, Scratch* scratch, ValidityOutput validity, int width,
                          bint nullable, int check, uint64_t limit, const uint32_t* row, size_t chosen,
                          uint8_t* out) except -1 nogil:
    """Rows row[0..chosen) of one chunk to `out`."""
    cdef Chunk chunk
    cdef size_t rows = selection.rows[k]
    cdef uint8_t* values
    open_chunk(&chunk, scratch, selection.buffer + selection.offset[k], selection.size[k], KIND_FIXED, width,
               selection.rows[k], nullable)
    if rows and chosen * sparse_from(&chunk.cursor) >= rows:
        values = room(&scratch.values, rows * width)
        read_fixed(&chunk.cursor, scratch, rows, width, ANY_FIXED, values)
        take_rows(values, width, row, chosen, out)
    elif rows:
        read_fixed_rows(&chunk.cursor, scratch, rows, width, ANY_FIXED, row, chosen, out)
    finish(&chunk.cursor, b"5.3")
    check_values(&chunk, out, row, chosen, width, check, limit)
    validity.add_rows(k, &chunk, row, chosen)
    return 0


cdef tuple bits_rows(Selection selection, bint nullable, Chosen chosen):
    """(bitmap u8[ceil(m / 8)], validity u8[] or None, nulls u32[k]); see block.decode_bits."""
    cdef ValidityOutput validity = ValidityOutput(selection.count, chosen.count, nullable)
    values = np.zeros((chosen.count + 7) // 8, np.uint8)
    cdef uint8_t[::1] view = values
    cdef uint8_t* out = &view[0] if view.shape[0] else no_bytes
    cdef Workspace workspace = borrow()
    cdef Scratch* scratch = &workspace.scratch
    cdef size_t k = 0
    try:
        with nogil:
            while k < selection.count:
                bits_chunk_rows(selection, k, scratch, validity, nullable, chosen, out)
                k += 1
    except FormatError as error:
        error.chunk = k
        raise
    finally:
        give_back(workspace)
    bits = validity.view()
    if chosen.rank is not None:
        values = gather.take_bits(values, chosen.rank)
        bits = None if bits is None else gather.take_bits(bits, chosen.rank)
    return values, bits, validity.null_counts


cdef int bits_chunk_rows(Selection selection, size_t k, Scratch* scratch, ValidityOutput validity, bint nullable,
                         Chosen chosen, uint8_t* out) except -1 nogil:
    cdef Chunk chunk
    cdef size_t rows = selection.rows[k]
    cdef const uint32_t* row = chosen.row + chosen.first[k]
    cdef size_t count = chosen.first[k + 1] - chosen.first[k]
    cdef uint8_t* bits
    open_chunk(&chunk, scratch, selection.buffer + selection.offset[k], selection.size[k], KIND_BITS, 0,
               selection.rows[k], nullable)
    bits = room(&scratch.values, (rows + 7) // 8)
    if rows:
        read_bits(&chunk.cursor, rows, bits)
    finish(&chunk.cursor, b"5.3")
    take_row_bits(bits, row, count, out, chosen.first[k])
    validity.add_rows(k, &chunk, row, count)
    return 0


cdef tuple variable_rows(Selection selection, const uint32_t* raw_size, bint nullable, bint utf8, Chosen chosen):
    """(offsets i32[m + 1], data u8[], validity u8[] or None, nulls u32[k]); see block.decode_variable."""
    cdef ValidityOutput validity = ValidityOutput(selection.count, chosen.count, nullable)
    offsets = empty(chosen.count + 1, np.int32)
    cdef TextOutput output = TextOutput(offsets, 16 * chosen.count)
    cdef Workspace workspace = borrow()
    cdef Scratch* scratch = &workspace.scratch
    cdef size_t k = 0
    try:
        with nogil:
            while k < selection.count:
                variable_chunk_rows(selection, k, scratch, validity, output, nullable, utf8, raw_size,
                                    chosen.row + chosen.first[k], chosen.first[k + 1] - chosen.first[k])
                k += 1
    except FormatError as error:
        error.chunk = k
        raise
    finally:
        give_back(workspace)
    data, bits = output.view(), validity.view()
    if chosen.rank is not None:
        offsets, data = gather.take_variable(offsets, data, chosen.rank)
        bits = None if bits is None else gather.take_bits(bits, chosen.rank)
    return offsets, data, bits, validity.null_counts


cdef int variable_chunk_rows(Selection selection, size_t k, Scratch* scratch, ValidityOutput validity,
                             TextOutput output, bint nullable, bint utf8, const uint32_t* raw_size,
                             const uint32_t* row, size_t chosen) except -1 nogil:
    """Appends rows row[0..chosen) of one chunk to `output`."""
    cdef Chunk chunk
    cdef size_t rows = selection.rows[k], before = output.rows, found = 0, i
    open_chunk(&chunk, scratch, selection.buffer + selection.offset[k], selection.size[k], KIND_VARIABLE, 0,
               selection.rows[k], nullable)
    if rows:
        read_variable_rows(&chunk.cursor, scratch, rows, row, chosen, utf8, output, &found)
    finish(&chunk.cursor, b"5.3")
    if raw_size != NULL and found != NOT_COUNTED and found != raw_size[k]:
        fail(chunk.cursor.start, chunk.cursor.start, b"count-mismatch", b"5.4", b"raw size differs from the directory")
    if chunk.validity != NULL:
        for i in range(chosen):
            if not chunk.validity[row[i] >> 3] >> (row[i] & 7) & 1 and \
                    output.offsets[before + i + 1] != output.offsets[before + i]:
                fail(chunk.cursor.start, chunk.cursor.start, b"bad-value", b"5.3", b"a null has bytes")
    validity.add_rows(k, &chunk, row, chosen)
    return 0
