"""Nodes of the class VAR into Arrow's form: int32 offsets and bytes (spec §4.4, §4.8, §4.9, §4.10, §4.14).

A reader appends rows [skip, skip + keep) of the node to a TextOutput. It also leaves the offsets of all rows of the
node, from 0, where the caller can look at them (null slots must be empty, §5.3).
"""

import numpy as np

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from tablestore._native.codec cimport read_stream, take_stream
from tablestore._native.cursor cimport Cursor, fail, finish, rest, take, take_u32
from tablestore._native.fixed_reader cimport (
    ANY_VARIABLE, CONSTANT, DICTIONARY, FSST, Node, ONLY_LENGTHS, ONLY_VARIABLE_ENTRIES, PREFIX, Scratch, VAR,
    open_node, read_codes, read_fixed,
)
from tablestore._native.sink cimport reserve as reserve_bytes, room

from tablestore._native.memory import empty

cdef extern from "integer.h" nogil:
    void sum_lengths(const loose32* lengths, size_t count, uint64_t* total, uint32_t* greatest)
    void accumulate_offsets(const loose32* lengths, size_t count, uint32_t first, loose32* offsets)
    void shift_offsets(const loose32* source, size_t count, uint32_t difference, loose32* offsets)
    bint any_at_least(const uint8_t* values, int width, size_t count, uint64_t limit)

cdef extern from "fsst.h" nogil:
    enum: SYMBOLS_MAX
    enum: SYMBOL_MAX
    void load_symbols(symbol_table* table, const uint8_t* counts, const uint8_t* bytes)
    size_t decode_bundles(const symbol_table* table, const uint8_t* codes, const loose32* code_lengths, size_t first,
                          size_t last, size_t bundle, const loose32* offsets, size_t count, uint8_t* out, size_t room)

cdef extern from "text.h" nogil:
    enum: SLACK
    bint is_utf8(const uint8_t* data, const loose32* offsets, size_t count)
    uint64_t sum_coded_lengths(const uint8_t* codes, int code_width, size_t count, const loose32* starts)
    void copy_coded(const uint8_t* codes, int code_width, size_t count, const loose32* starts, const uint8_t* entries,
                    uint8_t* out, uint32_t first, loose32* offsets)
    void coded_offsets(const uint8_t* codes, int code_width, size_t count, const loose32* starts, loose32* offsets)
    size_t check_bundles(const loose32* shared, const loose32* suffix, size_t count, size_t bundle, uint32_t prefix,
                         uint64_t* total, uint32_t* greatest)
    void copy_bundles(const loose32* shared, const loose32* suffix, size_t count, size_t bundle, const uint8_t* prefix,
                      uint32_t prefix_size, const uint8_t* source, const uint8_t* source_end, uint8_t* out,
                      uint32_t first, loose32* offsets)

cdef enum:
    RAW_MAX = 33554432        # raw bytes of a chunk (spec §0.5)
    VALUE_MAX = 16777216      # bytes of one value (spec §0.5)
    OFFSET_MAX = 2147483647   # Arrow's int32 offsets


cdef class TextOutput:
    """offsets i32[rows + 1] of the caller and the bytes behind them, with room for SLACK bytes past the end.

    Without offsets it is made for `into_scratch`.
    """

    def __cinit__(self, int32_t[::1] offsets=None, size_t capacity=0):
        self.used = 0
        self.rows = 0
        self.sink = NULL
        if offsets is not None:
            self.offsets = <uint32_t*>&offsets[0]
            self.offsets[0] = 0
            self.grow(capacity)

    cdef int into_scratch(self, Scratch* scratch, size_t rows, size_t capacity) except -1:
        """Bytes and the offsets of one chunk of up to `rows` rows go to scratch.column and scratch.text_offsets."""
        self.offsets = <uint32_t*>room(&scratch.text_offsets, (rows + 1) * 4)
        self.sink = &scratch.column
        return self.grow(capacity)

    cdef int grow(self, size_t capacity) except -1:
        if self.sink != NULL:
            self.sink.size = self.used
            reserve_bytes(self.sink, capacity - self.used)
            self.data = self.sink.data
            self.capacity = self.sink.capacity - SLACK
            return 0
        array = empty(capacity + SLACK, np.uint8)
        cdef uint8_t[::1] bytes_ = array
        if self.used:
            memcpy(&bytes_[0], self.data, self.used)
        self.array = array
        self.data = &bytes_[0]
        self.capacity = capacity
        return 0

    cdef int reserve(self, const Cursor* cursor, size_t size) except -1 nogil:
        """Makes room for `size` bytes more."""
        if self.used + size > OFFSET_MAX:
            fail(cursor.start, cursor.at, b"limit-exceeded", b"0.5", b"more than 2 GiB of strings in one batch")
        if self.used + size > self.capacity:
            with gil:
                self.grow(max(self.used + size, min(<size_t>OFFSET_MAX, self.capacity * 2)))
        return 0

    cdef object view(self):
        return self.array[: self.used]


cdef int limit(const Cursor* cursor, uint64_t total, uint64_t greatest) except -1 nogil:
    if total > RAW_MAX:
        fail(cursor.start, cursor.at, b"limit-exceeded", b"0.5", b"raw size of a chunk")
    if greatest > VALUE_MAX:
        fail(cursor.start, cursor.at, b"limit-exceeded", b"0.5", b"size of a value")
    return 0


cdef int check_text(const Cursor* cursor, const uint8_t* data, const uint32_t* offsets, size_t count) except -1 nogil:
    if not is_utf8(data, <const loose32*>offsets, count):
        fail(cursor.start, cursor.at, b"invalid-utf8", b"5.5", b"a string is not UTF-8")
    return 0


cdef int read_variable(Cursor* cursor, Scratch* scratch, size_t count, size_t skip, size_t keep, bint utf8,
                       TextOutput output, size_t* raw_size, uint32_t** offsets) except -1 nogil:
    """Appends rows [skip, skip + keep) of a node of `count` values.

    raw_size becomes the size of all its values; offsets[0] points to u32[count + 1], valid until the next read.
    """
    cdef Node node
    cdef uint32_t* found = <uint32_t*>room(&scratch.offsets, (count + 1) * 4)
    open_node(cursor, &node, ANY_VARIABLE)
    offsets[0] = found
    found[0] = 0
    if node.encoding == VAR:
        read_plain(&node, scratch, count, skip, keep, utf8, output, found)
    elif node.encoding == DICTIONARY:
        read_dictionary(&node, scratch, count, skip, keep, utf8, output, found)
    elif node.encoding == PREFIX:
        read_prefix(&node, scratch, count, skip, keep, utf8, output, found)
    elif node.encoding == FSST:
        read_fsst(&node, scratch, count, skip, keep, utf8, output, found)
    else:
        read_constant(&node, count, skip, keep, utf8, output, found)
    raw_size[0] = found[count]
    shift_offsets(<const loose32*>(found + skip), keep, <uint32_t>output.used - found[skip],
                  <loose32*>(output.offsets + output.rows))
    output.used += found[skip + keep] - found[skip]
    output.rows += keep
    return 0


cdef int read_constant(Node* node, size_t count, size_t skip, size_t keep, bint utf8, TextOutput output,
                       uint32_t* offsets) except -1 nogil:
    cdef size_t size = rest(&node.body), i
    cdef const uint8_t* value = take(&node.body, size, b"4.4")
    cdef uint8_t* out
    cdef uint32_t[2] span
    limit(&node.body, <uint64_t>size * count, size)
    finish(&node.body, b"4.2")
    span[0] = 0
    span[1] = <uint32_t>size
    if utf8:
        check_text(&node.body, value, span, 1)
    for i in range(count):
        offsets[i + 1] = <uint32_t>(size * (i + 1))
    output.reserve(&node.body, size * keep)
    out = output.data + output.used
    if size == 1:
        memset(out, value[0], keep)
    elif size:
        for i in range(keep):
            memcpy(out + i * size, value, size)
    return 0


cdef int read_value_lengths(Node* node, Scratch* scratch, size_t count, uint32_t* raw,
                            uint32_t* greatest) except -1 nogil:
    """Lengths node and raw size of a VAR or FSST body, the lengths into scratch.lengths (spec §4.9, §4.14).

    Returns whether the lengths sum to the raw size.
    """
    cdef uint8_t* lengths = room(&scratch.lengths, count * 4)
    cdef uint64_t total = 0
    read_fixed(&node.body, scratch, count, 4, ONLY_LENGTHS, lengths)
    take_u32(&node.body, raw, b"4.9")
    limit(&node.body, raw[0], 0)
    sum_lengths(<const loose32*>lengths, count, &total, greatest)
    return total == raw[0]


cdef int read_lengths(Node* node, Scratch* scratch, size_t count, uint32_t* offsets, uint32_t* raw,
                      uint32_t* greatest) except -1 nogil:
    """The same as offsets[count + 1], which are not filled where the lengths do not sum to the raw size."""
    if not read_value_lengths(node, scratch, count, raw, greatest):
        return 0
    accumulate_offsets(<const loose32*>scratch.lengths.data, count, 0, <loose32*>offsets)
    return 1


cdef int read_plain(Node* node, Scratch* scratch, size_t count, size_t skip, size_t keep, bint utf8, TextOutput output,
                    uint32_t* offsets) except -1 nogil:
    cdef uint32_t raw = 0, greatest = 0
    cdef const uint8_t* data
    cdef size_t size
    cdef bint agrees = read_lengths(node, scratch, count, offsets, &raw, &greatest)
    if agrees and node.codec and offsets[skip + keep] - offsets[skip] == raw:
        output.reserve(&node.body, raw)
        data = output.data + output.used
        read_stream(&node.body, node.codec, raw, output.data + output.used)
        size = raw
    else:
        data = take_stream(&node.body, node.codec, raw, &scratch.stream)
        if not agrees:
            fail(node.body.start, node.body.at, b"length-sum", b"4.9", b"the lengths do not sum to the raw size")
        size = offsets[skip + keep] - offsets[skip]
        data += offsets[skip]
        output.reserve(&node.body, size)
        memcpy(output.data + output.used, data, size)
    limit(&node.body, 0, greatest)
    finish(&node.body, b"4.2")
    if utf8:
        check_text(&node.body, data, offsets + skip, keep)
    return 0


cdef int read_entries(Node* parent, Scratch* scratch, size_t entries) except -1 nogil:
    """The values of a dictionary into scratch.entries (with slack), their starts into scratch.entry_starts."""
    cdef Node node
    cdef uint32_t raw = 0, greatest = 0
    cdef size_t i
    cdef bint agrees
    cdef uint32_t* starts = <uint32_t*>room(&scratch.entry_starts, (entries + 1) * 4)
    open_node(&parent.body, &node, ONLY_VARIABLE_ENTRIES)
    starts[0] = 0
    if node.encoding == CONSTANT:
        limit(&node.body, <uint64_t>rest(&node.body) * entries, rest(&node.body))
        raw = <uint32_t>rest(&node.body)
        memcpy(room(&scratch.entries, <size_t>raw * entries), node.body.at, raw)
        node.body.at = node.body.end
        for i in range(entries):
            starts[i + 1] = <uint32_t>(raw * (i + 1))
            if i:
                memcpy(scratch.entries.data + raw * i, scratch.entries.data, raw)
    else:
        agrees = read_lengths(&node, scratch, entries, starts, &raw, &greatest)
        read_stream(&node.body, node.codec, raw, room(&scratch.entries, raw))
        if not agrees:
            fail(node.body.start, node.body.at, b"length-sum", b"4.9", b"the lengths do not sum to the raw size")
        limit(&node.body, 0, greatest)
    return finish(&node.body, b"4.2")


cdef int read_dictionary(Node* node, Scratch* scratch, size_t count, size_t skip, size_t keep, bint utf8,
                         TextOutput output, uint32_t* offsets) except -1 nogil:
    cdef uint32_t entries = 0
    cdef int width = node.parameter
    cdef const uint8_t* codes
    cdef const loose32* starts
    cdef uint64_t total
    take_u32(&node.body, &entries, b"4.8")
    if entries < 1 or entries > 65536 or entries > count:
        fail(node.body.start, node.body.at - 4, b"bad-dictionary", b"4.8", b"number of entries out of range")
    read_codes(&node.body, scratch, count, width)
    read_entries(node, scratch, entries)
    codes = scratch.codes.data
    starts = <const loose32*>scratch.entry_starts.data
    if any_at_least(codes, width, count, entries):
        fail(node.body.start, node.body.at, b"bad-dictionary", b"4.8", b"a code is beyond the entries")
    total = sum_coded_lengths(codes, width, count, starts)
    limit(&node.body, total, 0)
    finish(&node.body, b"4.2")
    if keep == count:
        output.reserve(&node.body, total)
    else:
        coded_offsets(codes, width, count, starts, <loose32*>offsets)
        output.reserve(&node.body, offsets[skip + keep] - offsets[skip])
    copy_coded(codes + skip * width, width, keep, starts, scratch.entries.data, output.data + output.used,
               offsets[skip], <loose32*>(offsets + skip))
    # an entry that no row uses may be anything: only when some entry is not UTF-8 the values themselves are looked at
    if utf8 and not is_utf8(scratch.entries.data, starts, entries):
        check_text(&node.body, output.data + output.used, offsets + skip, keep)
    return 0


cdef int read_prefix(Node* node, Scratch* scratch, size_t count, size_t skip, size_t keep, bint utf8,
                     TextOutput output, uint32_t* offsets) except -1 nogil:
    """Decodes all rows: those before `skip` are needed for the sizes only, but a bundle is cheap."""
    cdef uint32_t prefix_size = 0, raw = 0, greatest = 0
    cdef uint64_t suffix_total = 0, total = 0
    cdef size_t row
    cdef const uint8_t* prefix
    cdef const uint8_t* suffixes
    cdef const uint8_t* source_end
    cdef const loose32* shared
    cdef const loose32* suffix
    cdef uint8_t* out
    take_u32(&node.body, &prefix_size, b"4.10")
    prefix = take(&node.body, prefix_size, b"4.10")
    shared = <const loose32*>room(&scratch.shared, count * 4)
    suffix = <const loose32*>room(&scratch.lengths, count * 4)
    read_fixed(&node.body, scratch, count, 4, ONLY_LENGTHS, <uint8_t*>shared)
    read_fixed(&node.body, scratch, count, 4, ONLY_LENGTHS, <uint8_t*>suffix)
    take_u32(&node.body, &raw, b"4.10")
    limit(&node.body, raw, 0)
    sum_lengths(suffix, count, &suffix_total, &greatest)
    suffixes = take_stream(&node.body, node.codec, raw, &scratch.stream)
    if suffix_total != raw:
        fail(node.body.start, node.body.at, b"length-sum", b"4.10", b"the lengths do not sum to the raw size")
    row = check_bundles(shared, suffix, count, node.parameter, prefix_size, &total, &greatest)
    limit(&node.body, 0, greatest)
    if row != count:
        fail(node.body.start, node.body.at, b"bad-prefix", b"4.10", b"a shared length does not fit the prefix or head")
    limit(&node.body, total, 0)
    finish(&node.body, b"4.2")
    # the stream of a chunk may end where memory ends; scratch has slack behind it
    source_end = suffixes + raw + (SLACK if node.codec else 0)
    if keep == count:
        output.reserve(&node.body, total)
        out = output.data + output.used
    else:
        out = room(&scratch.values, total)
    copy_bundles(shared, suffix, count, node.parameter, prefix, prefix_size, suffixes, source_end, out, 0,
                 <loose32*>offsets)
    if keep != count:
        output.reserve(&node.body, offsets[skip + keep] - offsets[skip])
        memcpy(output.data + output.used, out + offsets[skip], offsets[skip + keep] - offsets[skip])
    if utf8:
        check_text(&node.body, out + offsets[skip], offsets + skip, keep)
    return 0


cdef int read_symbols(Node* node, Scratch* scratch, size_t count, Coded* coded) except -1 nogil:
    """What follows the raw size of an FSST body; the codes themselves are not looked at (spec §4.14)."""
    cdef size_t bundles = (count + node.parameter - 1) // node.parameter, symbols = 0, size = 0
    cdef const uint8_t* counts = take(&node.body, SYMBOL_MAX, b"4.14")
    cdef const uint8_t* text
    cdef uint64_t total = 0
    cdef uint32_t greatest = 0
    cdef int i
    for i in range(SYMBOL_MAX):
        symbols += counts[i]
        size += <size_t>counts[i] * (i + 1)
    if symbols > SYMBOLS_MAX:
        fail(node.body.start, counts, b"bad-symbol", b"4.14", b"more than 255 symbols")
    text = take(&node.body, size, b"4.14")
    coded.code_lengths = <const loose32*>room(&scratch.shared, bundles * 4)
    read_fixed(&node.body, scratch, bundles, 4, ONLY_LENGTHS, scratch.shared.data)
    sum_lengths(coded.code_lengths, bundles, &total, &greatest)
    coded.codes = take(&node.body, total, b"4.14")
    # behind the symbols there is at least the head of a node
    load_symbols(&coded.table, counts, text)
    return 0


cdef int read_fsst(Node* node, Scratch* scratch, size_t count, size_t skip, size_t keep, bint utf8,
                   TextOutput output, uint32_t* offsets) except -1 nogil:
    """Decodes the bundles that hold rows to be kept."""
    cdef Coded coded
    cdef uint32_t raw = 0, greatest = 0
    cdef size_t bundle = node.parameter, first = skip // bundle, last = (skip + keep + bundle - 1) // bundle, b, size
    cdef const uint8_t* codes
    cdef uint8_t* out
    cdef bint whole, agrees = read_lengths(node, scratch, count, offsets, &raw, &greatest)
    read_symbols(node, scratch, count, &coded)
    if not agrees:
        fail(node.body.start, node.body.at, b"length-sum", b"4.14", b"the lengths do not sum to the raw size")
    limit(&node.body, 0, greatest)
    size = offsets[min(last * bundle, count)] - offsets[first * bundle] if keep else 0
    whole = size == offsets[skip + keep] - offsets[skip]
    output.reserve(&node.body, offsets[skip + keep] - offsets[skip])
    out = output.data + output.used if whole else room(&scratch.values, size)
    if keep:
        codes = coded.codes
        for b in range(first):
            codes += coded.code_lengths[b]
        size = output.capacity - output.used + SLACK if whole else size + SLACK
        b = decode_bundles(&coded.table, codes, coded.code_lengths, first, last, bundle, <const loose32*>offsets, count,
                           out, size)
        if b != last:
            fail(node.body.start, coded.codes, b"bad-symbol", b"4.14", b"the codes do not stand for the values")
        out += offsets[skip] - offsets[first * bundle]
        if not whole:
            memcpy(output.data + output.used, out, offsets[skip + keep] - offsets[skip])
    finish(&node.body, b"4.2")
    if utf8:
        check_text(&node.body, out, offsets + skip, keep)
    return 0
