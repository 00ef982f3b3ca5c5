"""Nodes of the classes BITS and FIXED into memory (spec chapter 4).

Every reader takes the node at the cursor, writes exactly `count` values to `out` and leaves the cursor behind the node.
`out` may be unaligned. What may be wrong in a file is checked before a kernel runs.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from tablestore._native.codec cimport read_stream
from tablestore._native.cursor cimport Cursor, fail, finish, take, take_u8, take_u16, take_u32
from tablestore._native.sink cimport Sink, release, room

cdef extern from "bitpack.h" nogil:
    enum: VECTOR
    void unpack_vector(const uint8_t* packed, int bits, int width, uint64_t base, uint8_t* out)
    void unpack_tail(const uint8_t* packed, int bits, int width, uint64_t base, uint8_t* out, int count)
    void fill_words(uint8_t* out, int width, uint64_t value, size_t count)

cdef extern from "integer.h" nogil:
    ctypedef uint32_t loose32
    ctypedef uint64_t loose64
    void integer_accumulate(uint8_t* values, int width, uint64_t start, size_t count)
    void sum_lengths(const loose32* lengths, size_t count, uint64_t* total, uint32_t* greatest)
    bint any_at_least(const uint8_t* values, int width, size_t count, uint64_t limit)
    void gather_entries(const uint8_t* codes, int code_width, size_t count, const uint8_t* entries, size_t width,
                        uint8_t* out)
    void expand_runs(const loose32* lengths, size_t runs, const uint8_t* values, size_t width, uint8_t* out)

cdef extern from "alp.h" nogil:
    enum: ALP_EXPONENT_MAX
    void alp_decode(loose64* values, size_t count, int exponent, int factor)


cdef void release_scratch(Scratch* scratch) noexcept nogil:
    release(&scratch.values)
    release(&scratch.validity)
    release(&scratch.codes)
    release(&scratch.entries)
    release(&scratch.entry_starts)
    release(&scratch.run_lengths)
    release(&scratch.run_values)
    release(&scratch.lengths)
    release(&scratch.shared)
    release(&scratch.stream)
    release(&scratch.offsets)
    release(&scratch.places)
    release(&scratch.column)
    release(&scratch.views)
    release(&scratch.entry_views)
    release(&scratch.text_offsets)


cdef size_t scratch_size(const Scratch* scratch) noexcept nogil:
    """Bytes that it holds: a Scratch is nothing but sinks."""
    cdef const Sink* sinks = <const Sink*>scratch
    cdef size_t i, size = 0
    for i in range(sizeof(Scratch) // sizeof(Sink)):
        size += sinks[i].capacity
    return size


cdef int open_node(Cursor* cursor, Node* node, unsigned allowed) except -1 nogil:
    """Reads a node's header and steps over its body (spec §4.2)."""
    cdef const uint8_t* head = cursor.at
    cdef uint8_t encoding = 0, codec = 0
    cdef uint16_t parameter = 0
    cdef uint32_t size = 0
    cdef bint plain_stream
    take_u8(cursor, &encoding, b"4.2")
    take_u8(cursor, &codec, b"4.2")
    take_u16(cursor, &parameter, b"4.2")
    take_u32(cursor, &size, b"4.2")
    node.encoding = encoding
    node.codec = codec
    node.parameter = parameter
    node.body.start = cursor.start
    node.body.at = take(cursor, size, b"4.2")
    node.body.end = cursor.at
    if encoding > FSST or not allowed >> encoding & 1:
        fail(cursor.start, head, b"bad-encoding", b"4.2", b"this encoding is not defined here")
    plain_stream = encoding == PLAIN or encoding == VAR or encoding == PREFIX
    if codec > 1 or (codec == 1 and not plain_stream):
        fail(cursor.start, head + 1, b"bad-codec", b"4.2", b"unknown codec, or one that this encoding does not have")
    if not parameter_is_good(encoding, parameter):
        fail(cursor.start, head + 2, b"bad-parameter", b"4.2", b"parameter out of its range")
    return 0


cdef bint parameter_is_good(int encoding, int parameter) noexcept nogil:
    cdef int exponent = parameter & 255, factor = parameter >> 8
    if encoding == BITPACK:
        return parameter <= 1
    if encoding == DICTIONARY:
        return parameter == 1 or parameter == 2 or parameter == 4
    if encoding == PREFIX:
        return 2 <= parameter <= 256 and parameter & (parameter - 1) == 0
    if encoding == FSST:
        return 1 <= parameter <= 256 and parameter & (parameter - 1) == 0
    if encoding == ALP:
        return factor <= exponent <= ALP_EXPONENT_MAX
    return parameter == 0


cdef unsigned defined_for(size_t width) noexcept nogil:
    """The encodings of class FIXED(width)."""
    cdef unsigned defined = 1 << CONSTANT | 1 << PLAIN | 1 << DICTIONARY | 1 << RLE
    if width == 1 or width == 2 or width == 4 or width == 8:
        defined |= 1 << BITPACK | 1 << DELTA
    if width == 8:
        defined |= 1 << ALP
    if width == 16:
        defined |= 1 << WIDEN
    return defined


cdef int read_fixed(Cursor* cursor, Scratch* scratch, size_t count, size_t width, unsigned allowed,
                    uint8_t* out) except -1 nogil:
    """One node FIXED(width) into out[count * width]; `allowed` holds a bit for every encoding that may stand here."""
    cdef Node node
    open_node(cursor, &node, allowed & defined_for(width))
    if node.encoding == CONSTANT:
        read_constant(&node, count, width, out)
    elif node.encoding == PLAIN:
        read_stream(&node.body, node.codec, count * width, out)
    elif node.encoding == BITPACK:
        read_bitpack(&node, count, <int>width, out)
    elif node.encoding == DELTA:
        read_delta(&node, scratch, count, <int>width, out)
    elif node.encoding == DICTIONARY:
        read_dictionary(&node, scratch, count, width, out)
    elif node.encoding == RLE:
        read_rle(&node, scratch, count, width, out)
    elif node.encoding == ALP:
        read_alp(&node, scratch, count, out)
    else:
        read_widen(&node, scratch, count, out)
    return finish(&node.body, b"4.2")


cdef int read_bits(Cursor* cursor, size_t count, uint8_t* out) except -1 nogil:
    """One node BITS into out[ceil(count / 8)]; unused bits of the last byte are zero (spec §4.4, §4.5)."""
    cdef Node node
    cdef size_t size = (count + 7) // 8
    cdef uint8_t value = 0
    open_node(cursor, &node, 1 << CONSTANT | 1 << PLAIN)
    if node.encoding == CONSTANT:
        take_u8(&node.body, &value, b"4.4")
        if value > 1:
            fail(node.body.start, node.body.at - 1, b"bad-value", b"4.4", b"a bit is neither 0 nor 1")
        memset(out, 255 if value else 0, size)
        if value and count & 7:
            out[size - 1] = <uint8_t>((1 << (count & 7)) - 1)
    else:
        read_stream(&node.body, node.codec, size, out)
        if count & 7 and out[size - 1] >> (count & 7):
            fail(node.body.start, node.body.at - 1, b"bad-value", b"4.5", b"unused bits are not zero")
    return finish(&node.body, b"4.2")


cdef int read_constant(Node* node, size_t count, size_t width, uint8_t* out) except -1 nogil:
    cdef const uint8_t* value = take(&node.body, width, b"4.4")
    cdef uint64_t word = 0
    cdef size_t i
    if width == 1 or width == 2 or width == 4 or width == 8:
        memcpy(&word, value, width)
        fill_words(out, <int>width, word, count)
    else:
        for i in range(count):
            memcpy(out + i * width, value, width)
    return 0


cdef int read_bitpack_head(Node* node, size_t count, int width, Packed* packed) except -1 nogil:
    """Everything of a BITPACK body but its values (spec §4.6), checked."""
    cdef size_t vectors = (count + VECTOR - 1) // VECTOR, v
    cdef size_t tail_bits
    packed.full = count // VECTOR
    packed.bits = take(&node.body, vectors, b"4.6")
    packed.bases = take(&node.body, vectors * width, b"4.6")
    packed.full_size = packed.tail_size = 0
    for v in range(vectors):
        if packed.bits[v] > 8 * width:
            fail(node.body.start, packed.bits + v, b"bad-width", b"4.6", b"a vector is wider than its type")
        if v < packed.full:
            packed.full_size += <size_t>128 * packed.bits[v]
    packed.data = take(&node.body, packed.full_size, b"4.6")
    if packed.full < vectors:
        tail_bits = (count - packed.full * VECTOR) * packed.bits[packed.full]
        packed.tail_size = (tail_bits + 7) // 8
        take(&node.body, packed.tail_size, b"4.6")
        if tail_bits & 7 and (node.body.at - 1)[0] >> (tail_bits & 7):
            fail(node.body.start, node.body.at - 1, b"bad-value", b"4.6", b"unused bits are not zero")
    return 0


cdef int read_bitpack(Node* node, size_t count, int width, uint8_t* out) except -1 nogil:
    cdef Packed packed
    cdef const uint8_t* data
    cdef uint8_t[VECTOR * 8 + 16] padded
    cdef uint64_t base = 0
    cdef size_t v
    read_bitpack_head(node, count, width, &packed)
    data = packed.data
    for v in range(packed.full):
        memcpy(&base, packed.bases + v * width, width)
        unpack_vector(data, packed.bits[v], width, base, out + v * VECTOR * width)
        data += <size_t>128 * packed.bits[v]
    v = packed.full
    if v * VECTOR < count:
        # the sequential last vector, by way of a copy that the kernel may read past
        memcpy(padded, data, packed.tail_size)
        memset(&padded[packed.tail_size], 0, 16)
        memcpy(&base, packed.bases + v * width, width)
        unpack_tail(padded, packed.bits[v], width, base, out + v * VECTOR * width, <int>(count - v * VECTOR))
    return 0


cdef int read_delta(Node* node, Scratch* scratch, size_t count, int width, uint8_t* out) except -1 nogil:
    cdef uint64_t start = 0
    memcpy(&start, take(&node.body, width, b"4.7"), width)
    read_fixed(&node.body, scratch, count, width, ONLY_LENGTHS, out)
    integer_accumulate(out, width, start, count)
    return 0


cdef int read_codes(Cursor* cursor, Scratch* scratch, size_t count, int width) except -1 nogil:
    """The codes of a dictionary into scratch.codes; the caller has yet to check them with `check_codes`."""
    return read_fixed(cursor, scratch, count, width, ONLY_CODES, room(&scratch.codes, count * width))


cdef int take_entry_count(Cursor* body, size_t count, uint32_t* entries) except -1 nogil:
    take_u32(body, entries, b"4.8")
    if entries[0] < 1 or entries[0] > 65536 or entries[0] > count:
        fail(body.start, body.at - 4, b"bad-dictionary", b"4.8", b"number of entries out of range")
    return 0


cdef int check_codes(Node* node, const uint8_t* codes, size_t count, size_t entries) except -1 nogil:
    if any_at_least(codes, node.parameter, count, entries):
        fail(node.body.start, node.body.at, b"bad-dictionary", b"4.8", b"a code is beyond the entries")
    return 0


cdef int read_dictionary(Node* node, Scratch* scratch, size_t count, size_t width, uint8_t* out) except -1 nogil:
    cdef uint32_t entries = 0
    cdef uint8_t* values
    take_entry_count(&node.body, count, &entries)
    read_codes(&node.body, scratch, count, node.parameter)
    values = room(&scratch.entries, entries * width)
    read_fixed(&node.body, scratch, entries, width, ONLY_ENTRIES, values)
    check_codes(node, scratch.codes.data, count, entries)
    gather_entries(scratch.codes.data, node.parameter, count, values, width, out)
    return 0


cdef uint32_t read_runs(Node* node, Scratch* scratch, size_t count, size_t width) except 0 nogil:
    """Lengths of runs into scratch.run_lengths and their values into scratch.run_values; returns their number."""
    cdef uint32_t runs = 0, greatest = 0
    cdef uint64_t total = 0
    cdef uint8_t* lengths
    cdef size_t i
    take_u32(&node.body, &runs, b"4.11")
    if runs < 1 or runs > count:
        fail(node.body.start, node.body.at - 4, b"bad-run", b"4.11", b"number of runs out of range")
    lengths = room(&scratch.run_lengths, <size_t>runs * 4)
    read_fixed(&node.body, scratch, runs, 4, ONLY_LENGTHS, lengths)
    sum_lengths(<const loose32*>lengths, runs, &total, &greatest)
    for i in range(runs):
        if (<const loose32*>lengths)[i] == 0:
            total = 0
    if total != count:
        fail(node.body.start, node.body.at, b"bad-run", b"4.11", b"a run is empty or the runs do not sum to the rows")
    read_fixed(&node.body, scratch, runs, width, ONLY_RUN_VALUES, room(&scratch.run_values, runs * width))
    return runs


cdef int read_rle(Node* node, Scratch* scratch, size_t count, size_t width, uint8_t* out) except -1 nogil:
    cdef uint32_t runs = read_runs(node, scratch, count, width)
    expand_runs(<const loose32*>scratch.run_lengths.data, runs, scratch.run_values.data, width, out)
    return 0


cdef int take_exception_count(Node* node, size_t count, uint32_t* exceptions) except -1 nogil:
    take_u32(&node.body, exceptions, b"4.12")
    if exceptions[0] > count:
        fail(node.body.start, node.body.at - 4, b"bad-exception", b"4.12", b"more exceptions than values")
    return 0


cdef const uint8_t* take_exceptions(Node* node, size_t count, uint32_t exceptions) except NULL nogil:
    """Positions u32[exceptions], checked, and behind them the values f64[exceptions]."""
    cdef uint32_t position = 0
    cdef int64_t before = -1
    cdef const uint8_t* positions = take(&node.body, <size_t>exceptions * 4, b"4.12")
    cdef size_t i
    for i in range(exceptions):
        memcpy(&position, positions + 4 * i, 4)
        if position >= count or <int64_t>position <= before:
            fail(node.body.start, positions + 4 * i, b"bad-exception", b"4.12", b"positions do not ascend below n")
        before = position
    take(&node.body, <size_t>exceptions * 8, b"4.12")
    return positions


cdef int read_alp(Node* node, Scratch* scratch, size_t count, uint8_t* out) except -1 nogil:
    cdef uint32_t exceptions = 0, position = 0
    cdef const uint8_t* positions
    cdef const uint8_t* values
    cdef size_t i
    take_exception_count(node, count, &exceptions)
    read_fixed(&node.body, scratch, count, 8, ONLY_LENGTHS, out)
    positions = take_exceptions(node, count, exceptions)
    values = positions + 4 * <size_t>exceptions
    alp_decode(<loose64*>out, count, node.parameter & 255, node.parameter >> 8)
    for i in range(exceptions):
        memcpy(&position, positions + 4 * i, 4)
        memcpy(out + <size_t>position * 8, values + 8 * i, 8)
    return 0


cdef void widen(const uint8_t* halves, size_t count, uint8_t* out) noexcept nogil:
    """Spreads i64 to i128 from the front; the halves may be the upper part of `out`."""
    cdef uint64_t word = 0, sign
    cdef size_t i
    for i in range(count):
        memcpy(&word, halves + 8 * i, 8)
        sign = 0 - (word >> 63)
        memcpy(out + 16 * i, &word, 8)
        memcpy(out + 16 * i + 8, &sign, 8)


cdef int read_widen(Node* node, Scratch* scratch, size_t count, uint8_t* out) except -1 nogil:
    cdef uint8_t* halves = out + count * 8
    read_fixed(&node.body, scratch, count, 8, ONLY_HALVES, halves)
    widen(halves, count, out)
    return 0
