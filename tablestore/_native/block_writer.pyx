"""Columns into chunks (spec chapter 5); see block for the way back.

Each encoder cuts a column at `block_end` (cumulative rows) and returns what the directory of a file needs (spec §7.6):
(data u8[] of all chunks one after another, size u32[B], raw_size u32[B], nulls u32[B], minimum u64[B], maximum u64[B],
flags u8[B]); minimum and maximum are ranks (spec §2.4), present where bit 0 of the flags is set.
"""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from tablestore._native.chunk cimport (
    CHUNK_MAX, KIND_BITS, KIND_FIXED, KIND_LIST, KIND_STRUCT, KIND_VARIABLE, write_head,
)
from tablestore._native.cursor cimport bytes_at
from tablestore._native.fixed_choice cimport write_bits, write_fixed
from tablestore._native.fixed_writer cimport Workspace, release_workspace, write_lengths
from tablestore._native.sink cimport Sink, append, append_u32, release, room
from tablestore._native.variable_writer cimport write_variable

from tablestore.errors import LimitExceededError

cdef extern from "bits.h" nogil:
    uint64_t load_bits(const uint8_t* bits, uint64_t at, int count)
    void copy_bits(uint8_t* out, uint64_t out_at, const uint8_t* source, uint64_t source_at, uint64_t count)
    uint64_t count_ones(const uint8_t* bits, uint64_t count)
    void fill_nulls(const uint8_t* values, size_t width, const uint8_t* validity, uint64_t at, uint64_t count,
                    uint8_t* out)

cdef extern from "integer.h" nogil:
    void check_offsets(const int32_t* offsets, size_t count, int* ascending, uint32_t* greatest)

cdef extern from "rank.h" nogil:
    ctypedef uint32_t loose32
    bint rank_fixed(const uint8_t* values, size_t count, size_t width, int hint, uint64_t* least, uint64_t* greatest)
    bint rank_text(const uint8_t* data, const loose32* offsets, size_t count, const uint8_t* validity,
                   uint64_t* least, uint64_t* greatest)

cdef enum:
    VALUE_MAX = 16777216      # bytes of one value (spec §0.5)
    HAS_STATISTICS = 1


cdef class _Output:
    """The chunks of one call and their directory entries."""
    cdef Sink sink
    cdef Workspace space
    cdef Sink validity
    cdef Sink values
    cdef Sink starts
    cdef const int64_t* block_end
    cdef const uint8_t* valid
    cdef size_t blocks
    cdef int64_t rows
    cdef uint32_t[::1] size
    cdef uint32_t[::1] raw_size
    cdef uint32_t[::1] nulls
    cdef uint64_t[::1] minimum
    cdef uint64_t[::1] maximum
    cdef uint8_t[::1] flags
    cdef object owners

    def __cinit__(self, const int64_t[::1] block_end not None, const uint8_t[::1] validity):
        cdef size_t b
        cdef int64_t before = 0
        self.blocks = block_end.shape[0]
        self.rows = block_end[self.blocks - 1] if self.blocks else 0
        self.block_end = &block_end[0] if self.blocks else NULL
        self.valid = NULL
        self.owners = (block_end.base, None if validity is None else validity.base)
        for b in range(self.blocks):
            if block_end[b] < before:
                raise ValueError("block_end descends")
            if block_end[b] - before > CHUNK_MAX:
                raise LimitExceededError(f"block {b} has too many rows", code="limit-exceeded", section="0.5")
            before = block_end[b]
        if validity is not None and validity.shape[0]:
            if validity.shape[0] * 8 < self.rows:
                raise ValueError("the validity bitmap is shorter than the rows")
            self.valid = &validity[0]
        self.size = np.zeros(self.blocks, np.uint32)
        self.raw_size = np.zeros(self.blocks, np.uint32)
        self.nulls = np.zeros(self.blocks, np.uint32)
        self.minimum = np.zeros(self.blocks, np.uint64)
        self.maximum = np.zeros(self.blocks, np.uint64)
        self.flags = np.zeros(self.blocks, np.uint8)

    def __dealloc__(self):
        release(&self.sink)
        release(&self.validity)
        release(&self.values)
        release(&self.starts)
        release_workspace(&self.space)

    cdef uint32_t begin(self, size_t b, int64_t start, uint32_t rows, int kind, uint32_t width) except? 0 nogil:
        """Header and validity of chunk b; returns its nulls, which stay in self.nulls."""
        cdef uint8_t* bits
        cdef size_t size = (<size_t>rows + 7) // 8
        cdef uint32_t nulls = 0
        if self.valid != NULL and rows:
            bits = room(&self.validity, size)
            memset(bits, 0, size)
            copy_bits(bits, 0, self.valid, start, rows)
            nulls = <uint32_t>(rows - count_ones(bits, rows))
        self.nulls[b] = nulls
        write_head(&self.sink, kind, width, rows, nulls != 0)
        if nulls:
            write_bits(&self.sink, &self.space, bits, rows, 0)
        return nulls

    cdef int end(self, size_t b, size_t begin, uint64_t raw) except -1 nogil:
        cdef size_t size = self.sink.size - begin
        if raw > CHUNK_MAX or size > CHUNK_MAX:
            with gil:
                raise LimitExceededError(
                    f"block {b} would have {raw} raw bytes in a column", code="limit-exceeded", section="0.5"
                )
        self.size[b] = <uint32_t>size
        self.raw_size[b] = <uint32_t>raw
        return 0

    cdef tuple result(self):
        data = np.empty(self.sink.size, np.uint8)
        cdef uint8_t[::1] view = data
        if self.sink.size:
            memcpy(&view[0], self.sink.data, self.sink.size)
        return (
            data, self.size.base, self.raw_size.base, self.nulls.base, self.minimum.base, self.maximum.base,
            self.flags.base,
        )


cdef int check_level(int level) except -1:
    if not 0 <= level <= 19:
        raise ValueError(f"zstd level {level} is not in 0..19")
    return 0


def encode_fixed(
    const uint8_t[::1] values not None, int width, const uint8_t[::1] validity, const int64_t[::1] block_end not None,
    int hint, int level, bint key,
):
    """Fixed-width values u8[n * width] into chunks. hint: 0 opaque bytes, 1 unsigned, 2 signed, 3 float32, 4 float64,
    5 decimal128. level: of zstd, 0 = none. key: no zstd, and DELTA wherever it is smaller."""
    cdef _Output output = _Output(block_end, validity)
    if not 1 <= width <= 65535 or values.shape[0] != output.rows * width:
        raise ValueError("values do not fit width and block_end")
    check_level(level)
    check_hint(hint, width)
    cdef const uint8_t* data = bytes_at(values)
    cdef size_t b
    cdef int64_t start = 0
    with nogil:
        for b in range(output.blocks):
            fixed_block(output, b, start, data, width, hint, level, key)
            start = output.block_end[b]
    return output.result()


cdef int check_hint(int hint, int width) except -1:
    cdef bint good
    if hint == 0:
        good = True
    elif hint == 1 or hint == 2:
        good = width in (1, 2, 4, 8)
    else:
        good = (hint, width) in ((3, 4), (4, 8), (5, 16))
    if not good:
        raise ValueError(f"hint {hint} does not go with width {width}")
    return 0


cdef int fixed_block(_Output output, size_t b, int64_t start, const uint8_t* data, int width, int hint, int level,
                     bint key) except -1 nogil:
    cdef uint32_t rows = <uint32_t>(output.block_end[b] - start)
    cdef const uint8_t* values = data + start * width
    cdef size_t begin = output.sink.size
    cdef uint32_t nulls
    if <uint64_t>rows * width > CHUNK_MAX:
        return output.end(b, begin, <uint64_t>rows * width)
    nulls = output.begin(b, start, rows, KIND_FIXED, width)
    if rows:
        if nulls:
            fill_nulls(values, width, output.valid, start, rows, room(&output.values, <size_t>rows * width))
            values = output.values.data
        write_fixed(&output.sink, &output.space, values, rows, width, hint, level, key)
        if nulls < rows and rank_fixed(values, rows, width, hint, &output.minimum[b], &output.maximum[b]):
            output.flags[b] = HAS_STATISTICS
        else:
            output.minimum[b] = output.maximum[b] = 0
    return output.end(b, begin, <uint64_t>rows * width)


def encode_bits(
    const uint8_t[::1] values not None, const uint8_t[::1] validity, const int64_t[::1] block_end not None, int level,
):
    """A bitmap into chunks."""
    cdef _Output output = _Output(block_end, validity)
    if values.shape[0] * 8 < output.rows:
        raise ValueError("the bitmap is shorter than the rows")
    check_level(level)
    cdef const uint8_t* data = bytes_at(values)
    cdef size_t b
    cdef int64_t start = 0
    with nogil:
        for b in range(output.blocks):
            bits_block(output, b, start, data, level)
            start = output.block_end[b]
    return output.result()


cdef int bits_block(_Output output, size_t b, int64_t start, const uint8_t* data, int level) except -1 nogil:
    cdef uint32_t rows = <uint32_t>(output.block_end[b] - start), nulls
    cdef size_t begin = output.sink.size, size = (<size_t>rows + 7) // 8, i
    cdef uint64_t ones
    cdef uint8_t* bits
    nulls = output.begin(b, start, rows, KIND_BITS, 0)
    if rows:
        bits = room(&output.values, size)
        memset(bits, 0, size)
        copy_bits(bits, 0, data, start, rows)
        if nulls:
            for i in range(size):
                bits[i] &= output.validity.data[i]
        write_bits(&output.sink, &output.space, bits, rows, level)
        if nulls < rows:
            ones = count_ones(bits, rows)
            output.flags[b] = HAS_STATISTICS
            output.minimum[b] = ones == rows - nulls
            output.maximum[b] = ones != 0
    return output.end(b, begin, size)


def encode_variable(
    const int32_t[::1] offsets not None, const uint8_t[::1] data not None, const uint8_t[::1] validity,
    const int64_t[::1] block_end not None, int level, bint key,
):
    """Byte strings into chunks. Bytes that offsets give to a null slot are dropped."""
    cdef _Output output = _Output(block_end, validity)
    cdef int64_t rows = output.rows
    cdef int ascending = 0
    cdef uint32_t greatest = 0
    if offsets.shape[0] < rows + 1:
        raise ValueError("fewer offsets than rows")
    check_level(level)
    check_offsets(&offsets[0], rows, &ascending, &greatest)
    if not ascending:
        raise ValueError("offsets descend")
    if greatest > VALUE_MAX:
        raise LimitExceededError(f"a value of {greatest} bytes", code="limit-exceeded", section="0.5")
    if offsets[rows] > data.shape[0]:
        raise ValueError("offsets go beyond the data")
    cdef const uint8_t* text = bytes_at(data)
    cdef const uint32_t* places = <const uint32_t*>&offsets[0]
    cdef size_t b
    cdef int64_t start = 0
    with nogil:
        for b in range(output.blocks):
            variable_block(output, b, start, text, places, level, key)
            start = output.block_end[b]
    return output.result()


cdef int variable_block(_Output output, size_t b, int64_t start, const uint8_t* data, const uint32_t* offsets,
                        int level, bint key) except -1 nogil:
    cdef uint32_t rows = <uint32_t>(output.block_end[b] - start), nulls
    cdef size_t begin = output.sink.size
    cdef const uint32_t* places = offsets + start
    cdef uint64_t raw = places[rows] - places[0]
    nulls = output.begin(b, start, rows, KIND_VARIABLE, 0)
    if rows:
        if nulls:
            drop_null_bytes(output, rows, &data, &places)
            raw = places[rows] - places[0]
        if raw > CHUNK_MAX:
            return output.end(b, begin, raw)
        write_variable(&output.sink, &output.space, data, places, rows, level, key)
        if rank_text(data, <const loose32*>places, rows, output.validity.data if nulls else NULL,
                     &output.minimum[b], &output.maximum[b]):
            output.flags[b] = HAS_STATISTICS
        else:
            output.minimum[b] = output.maximum[b] = 0
    return output.end(b, begin, raw)


cdef int drop_null_bytes(_Output output, uint32_t rows, const uint8_t** data, const uint32_t** places) except -1 nogil:
    """Points data and places to a copy without the bytes of null slots, if they have any (spec §5.3)."""
    cdef const uint8_t* valid = output.validity.data
    cdef const uint32_t* old = places[0]
    cdef uint32_t* new
    cdef uint32_t size
    cdef uint64_t raw = 0
    cdef bint any_bytes = False
    cdef size_t row
    for row in range(rows):
        if valid[row >> 3] >> (row & 7) & 1:
            raw += old[row + 1] - old[row]
        elif old[row + 1] != old[row]:
            any_bytes = True
    if not any_bytes:
        return 0
    room(&output.values, raw)
    new = <uint32_t*>room(&output.starts, (<size_t>rows + 1) * 4)
    new[0] = 0
    for row in range(rows):
        size = old[row + 1] - old[row] if valid[row >> 3] >> (row & 7) & 1 else 0
        memcpy(output.values.data + new[row], data[0] + old[row], size)
        new[row + 1] = new[row] + size
    data[0] = output.values.data
    places[0] = new
    return 0


def seal_nested(
    int kind, int width, uint32_t rows, const uint8_t[::1] validity, const uint32_t[::1] lengths, list children,
):
    """One chunk of kind list (3, with lengths and one child) or struct (4, width children) around its child chunks."""
    cdef int64_t[::1] end = np.array([rows], np.int64)
    cdef _Output output = _Output(end, validity)
    cdef bytes child
    if kind not in (KIND_LIST, KIND_STRUCT):
        raise ValueError(f"kind {kind} is not nested")
    if kind == KIND_LIST and (lengths is None or <uint32_t>lengths.shape[0] != rows or width != 0 or len(children) > 1):
        raise ValueError("a list has a length for each row, no width and one child")
    if kind == KIND_STRUCT and (lengths is not None or not 1 <= width <= 65535):
        raise ValueError("a struct has a width and no lengths")
    output.begin(0, 0, rows, kind, width)
    if rows:
        if len(children) != (1 if kind == KIND_LIST else width):
            raise ValueError("wrong number of children")
        if kind == KIND_LIST:
            write_lengths(&output.sink, &output.space, <const uint8_t*>&lengths[0], rows, 4)
        for child in children:
            append_u32(&output.sink, <uint32_t>len(child))
            append(&output.sink, <const char*>child, len(child))
    output.end(0, 0, 0)
    return output.result()[0].tobytes()
