"""Nodes of the class FIXED, one function per encoding (spec chapter 4). Which of them is used fixed_choice decides.

Every writer appends a whole node to the sink. The same values, encoding and parameters give the same bytes (the
canonical forms of the chapter); only the choice is free.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from tablestore._native.codec cimport would_pay, write_stream
from tablestore._native.fixed_reader cimport ALP, BITPACK, CONSTANT, DELTA, DICTIONARY, PLAIN, RLE, WIDEN
from tablestore._native.sink cimport Sink, append, append_u32, release, reserve, room

cdef extern from "bitpack.h" nogil:
    enum: VECTOR
    void pack_vector(const uint8_t* values, int width, uint64_t base, int bits, uint8_t* out)
    void pack_tail(const uint8_t* values, int width, uint64_t base, int bits, uint8_t* out, int count)

cdef extern from "integer.h" nogil:
    ctypedef uint32_t loose32
    ctypedef uint64_t loose64
    int bit_width(uint64_t value)
    void integer_range(const uint8_t* values, int width, int is_signed, size_t count, uint64_t* least,
                       uint64_t* greatest)
    void integer_differences(const uint8_t* values, int width, size_t count, uint8_t* out)
    size_t count_changes(const uint8_t* values, size_t width, size_t count)

cdef extern from "dictionary.h" nogil:
    size_t dictionary_slots(size_t most)
    size_t dictionary_of_fixed(const uint8_t* values, size_t width, size_t count, size_t most, uint32_t* table,
                               size_t slots, uint32_t* codes, uint32_t* first)
    void narrow_codes(const uint32_t* codes, size_t count, int width, uint8_t* out)

cdef extern from "alp.h" nogil:
    void alp_encode(const double* values, size_t count, int exponent, int factor, loose64* digits, uint8_t* wrong)
    size_t alp_collect(loose64* digits, const uint8_t* wrong, size_t count, loose32* positions)

cdef enum:
    RETRY_AGE = 10            # blocks after which a decision against something is looked at again
    SAMPLE_SIZE = 16384       # bytes of a zstd sample

cdef double KEEP = 0.88       # zstd has to save 12 %


cdef void release_workspace(Workspace* space) noexcept nogil:
    release(&space.plan.bits)
    release(&space.plan.bases)
    release(&space.delta_plan.bits)
    release(&space.delta_plan.bases)
    release(&space.child_plan.bits)
    release(&space.child_plan.bases)
    release(&space.deltas)
    release(&space.codes)
    release(&space.narrow)
    release(&space.first)
    release(&space.table)
    release(&space.entries)
    release(&space.run_lengths)
    release(&space.run_values)
    release(&space.digits)
    release(&space.wrong)
    release(&space.positions)
    release(&space.halves)
    release(&space.filled)
    release(&space.lengths)
    release(&space.shared)
    release(&space.text)
    release(&space.starts)
    release(&space.matcher)
    release(&space.trainer)


cdef bint worth_trying(Habit* habit) noexcept nogil:
    """False while an earlier block showed that it does not pay; every tenth block asks again."""
    if habit.state == 2:
        habit.age += 1
        if habit.age < RETRY_AGE:
            return False
    return True


cdef void settle(Habit* habit, bint pays) noexcept nogil:
    habit.state = 1 if pays else 2
    habit.age = 0


cdef size_t begin_node(Sink* sink, int encoding, int parameter) except? 0 nogil:
    """Appends a node's header; returns where its body begins. The size is written by `end_node`."""
    cdef uint8_t[8] head
    cdef uint16_t word = <uint16_t>parameter
    memset(head, 0, 8)
    head[0] = <uint8_t>encoding
    memcpy(&head[2], &word, 2)
    append(sink, head, 8)
    return sink.size


cdef int end_node(Sink* sink, size_t body) except -1 nogil:
    cdef uint32_t size = <uint32_t>(sink.size - body)
    memcpy(sink.data + body - 4, &size, 4)
    return 0


cdef int write_stream_in(Sink* sink, size_t body, Workspace* space, const uint8_t* data, size_t raw,
                         int level) except -1 nogil:
    """Appends the last part of a node, a stream, and notes its codec in the header. zstd is used where it saves 12 %; a
    decision against it is kept for some blocks and then revised on a sample."""
    cdef Habit* habit = &space.zstd
    cdef int codec = 0
    if raw <= 256:
        append(sink, data, raw)
        return 0
    if level > 0 and worth_trying(habit):
        if habit.state == 2 and not would_pay(data, min(raw, <size_t>SAMPLE_SIZE), level):
            settle(habit, False)
            level = 0
        codec = write_stream(sink, data, raw, level, KEEP)
        if level:
            settle(habit, codec != 0)
        sink.data[body - 7] = <uint8_t>codec
        return 0
    append(sink, data, raw)
    return 0


cdef int write_constant(Sink* sink, const uint8_t* value, size_t size) except -1 nogil:
    cdef size_t body = begin_node(sink, CONSTANT, 0)
    append(sink, value, size)
    return end_node(sink, body)


cdef int write_plain(Sink* sink, Workspace* space, const uint8_t* values, size_t size, int level) except -1 nogil:
    cdef size_t body = begin_node(sink, PLAIN, 0)
    write_stream_in(sink, body, space, values, size, level)
    return end_node(sink, body)


cdef int plan_bitpack(Plan* plan, const uint8_t* values, size_t count, int width, bint is_signed) except -1 nogil:
    """Width and base of each vector (spec §4.6), the range of all values, and the size of the node."""
    cdef size_t vectors = (count + VECTOR - 1) // VECTOR, v, part
    cdef uint8_t* bits = room(&plan.bits, vectors)
    cdef uint64_t* bases = <uint64_t*>room(&plan.bases, vectors * 8)
    cdef uint64_t least = 0, greatest = 0, total = 0
    cdef bint below, above
    for v in range(vectors):
        part = min(<size_t>VECTOR, count - v * VECTOR)
        integer_range(values + v * VECTOR * width, width, is_signed, part, &least, &greatest)
        bits[v] = <uint8_t>bit_width(greatest - least)
        bases[v] = least
        total += <uint64_t>bits[v] * part
        if is_signed:
            below = v == 0 or <int64_t>least < <int64_t>plan.least
            above = v == 0 or <int64_t>greatest > <int64_t>plan.greatest
        else:
            below = v == 0 or least < plan.least
            above = v == 0 or greatest > plan.greatest
        if below:
            plan.least = least
        if above:
            plan.greatest = greatest
    plan.size = 8 + vectors * (1 + width) + (total + 7) // 8
    return 0


cdef int write_bitpack(Sink* sink, Plan* plan, const uint8_t* values, size_t count, int width,
                       bint is_signed) except -1 nogil:
    """`plan` is that of these values."""
    cdef size_t vectors = (count + VECTOR - 1) // VECTOR, full = count // VECTOR, v, size, body
    cdef uint8_t* bits = plan.bits.data
    cdef uint64_t* bases = <uint64_t*>plan.bases.data
    cdef const uint8_t* vector
    reserve(sink, plan.size)
    body = begin_node(sink, BITPACK, is_signed)
    append(sink, bits, vectors)
    for v in range(vectors):
        append(sink, &bases[v], width)
    for v in range(vectors):
        vector = values + v * VECTOR * width
        if v < full:
            size = <size_t>128 * bits[v]
            pack_vector(vector, width, bases[v], bits[v], sink.data + sink.size)
        else:
            size = ((count - full * VECTOR) * bits[v] + 7) // 8
            pack_tail(vector, width, bases[v], bits[v], sink.data + sink.size, <int>(count - full * VECTOR))
        sink.size += size
    return end_node(sink, body)


cdef int write_lengths(Sink* sink, Workspace* space, const uint8_t* lengths, size_t count, int width) except -1 nogil:
    """A child node of unsigned numbers: CONSTANT if they are equal, else BITPACK."""
    if count and count_changes(lengths, width, count) == 0:
        return write_constant(sink, lengths, width)
    plan_bitpack(&space.child_plan, lengths, count, width, False)
    return write_bitpack(sink, &space.child_plan, lengths, count, width, False)


cdef int write_delta(Sink* sink, Workspace* space, const uint8_t* values, size_t count, int width) except -1 nogil:
    """Spec §4.7, its canonical form."""
    cdef uint8_t* deltas = room(&space.deltas, (count + 1) * width)
    cdef uint64_t start = 0, delta = 0
    cdef size_t body = begin_node(sink, DELTA, 0)
    memset(deltas, 0, width)
    if count:
        integer_differences(values, width, count, deltas)
        if count > 1:
            memcpy(deltas, deltas + width, width)
        memcpy(&start, values, width)
        memcpy(&delta, deltas, width)
    start -= delta
    append(sink, &start, width)
    if count and count_changes(deltas, width, count) == 0:
        write_constant(sink, deltas, width)
    else:
        plan_bitpack(&space.delta_plan, deltas, count, width, True)
        write_bitpack(sink, &space.delta_plan, deltas, count, width, True)
    return end_node(sink, body)


cdef int write_rle(Sink* sink, Workspace* space, const uint8_t* values, size_t count, size_t width) except -1 nogil:
    """count >= 1"""
    cdef size_t i, from_row = 0, runs = 0, body
    cdef uint32_t* lengths
    cdef size_t most = count_changes(values, width, count) + 1
    lengths = <uint32_t*>room(&space.run_lengths, most * 4)
    room(&space.run_values, most * width)
    for i in range(1, count + 1):
        if i == count or memcmp(values + i * width, values + from_row * width, width) != 0:
            lengths[runs] = <uint32_t>(i - from_row)
            memcpy(space.run_values.data + runs * width, values + from_row * width, width)
            runs += 1
            from_row = i
    body = begin_node(sink, RLE, 0)
    append_u32(sink, <uint32_t>runs)
    write_lengths(sink, space, <const uint8_t*>lengths, runs, 4)
    write_run_values(sink, space, space.run_values.data, runs, width)
    return end_node(sink, body)


cdef int write_run_values(Sink* sink, Workspace* space, const uint8_t* values, size_t runs,
                          size_t width) except -1 nogil:
    if count_changes(values, width, runs) == 0:
        return write_constant(sink, values, width)
    if width == 1 or width == 2 or width == 4 or width == 8:
        plan_bitpack(&space.child_plan, values, runs, <int>width, False)
        if space.child_plan.size < 8 + runs * width:
            return write_bitpack(sink, &space.child_plan, values, runs, <int>width, False)
    return write_plain(sink, space, values, runs * width, 0)


cdef int write_codes(Sink* sink, Workspace* space, size_t count, int code_width) except -1 nogil:
    """The codes node of a dictionary, from space.codes: CONSTANT, RLE for long runs, else BITPACK."""
    cdef uint8_t* codes = room(&space.narrow, count * code_width)
    cdef size_t changes
    narrow_codes(<const uint32_t*>space.codes.data, count, code_width, codes)
    changes = count_changes(codes, code_width, count)
    if changes and (changes + 1) * 16 <= count:
        return write_rle(sink, space, codes, count, code_width)
    return write_lengths(sink, space, codes, count, code_width)


cdef int write_dictionary(Sink* sink, Workspace* space, const uint8_t* values, size_t count, size_t width, size_t most,
                          int level) except -1 nogil:
    """Writes the node if there are at most `most` distinct values; returns whether it did."""
    cdef size_t slots = dictionary_slots(most), entries, i, body
    cdef uint32_t* first
    cdef uint8_t* found
    cdef int code_width
    memset(room(&space.table, slots * 4), 0, slots * 4)
    room(&space.codes, count * 4)
    first = <uint32_t*>room(&space.first, most * 4)
    entries = dictionary_of_fixed(values, width, count, most, <uint32_t*>space.table.data, slots,
                                  <uint32_t*>space.codes.data, first)
    if entries == 0:
        return 0
    found = room(&space.entries, entries * width)
    for i in range(entries):
        memcpy(found + i * width, values + first[i] * width, width)
    code_width = 1 if entries <= 256 else 2
    body = begin_node(sink, DICTIONARY, code_width)
    append_u32(sink, <uint32_t>entries)
    write_codes(sink, space, count, code_width)
    if entries == 1:
        write_constant(sink, found, width)
    else:
        write_plain(sink, space, found, entries * width, level if entries * width > 4096 else 0)
    end_node(sink, body)
    return 1


cdef int write_alp(Sink* sink, Workspace* space, const uint8_t* values, size_t count, int exponent,
                   int factor) except -1 nogil:
    """Spec §4.12."""
    cdef loose64* digits = <loose64*>room(&space.digits, count * 8)
    cdef uint8_t* wrong = room(&space.wrong, count)
    cdef loose32* positions = <loose32*>room(&space.positions, count * 4)
    cdef size_t exceptions, i, body
    alp_encode(<const double*>values, count, exponent, factor, digits, wrong)
    exceptions = alp_collect(digits, wrong, count, positions)
    body = begin_node(sink, ALP, exponent + 256 * factor)
    append_u32(sink, <uint32_t>exceptions)
    if count and count_changes(<const uint8_t*>digits, 8, count) == 0:
        write_constant(sink, <const uint8_t*>digits, 8)
    else:
        plan_bitpack(&space.child_plan, <const uint8_t*>digits, count, 8, True)
        write_bitpack(sink, &space.child_plan, <const uint8_t*>digits, count, 8, True)
    append(sink, positions, exceptions * 4)
    reserve(sink, exceptions * 8)
    for i in range(exceptions):
        append(sink, values + <size_t>positions[i] * 8, 8)
    return end_node(sink, body)


cdef int write_widen(Sink* sink, Workspace* space, const uint8_t* values, size_t count, bint key) except -1 nogil:
    """Spec §4.13. Every value must be the sign extension of its lower half, which is written in its smallest form."""
    cdef uint8_t* halves = room(&space.halves, count * 8)
    cdef size_t i, body = begin_node(sink, WIDEN, 0)
    for i in range(count):
        memcpy(halves + 8 * i, values + 16 * i, 8)
    plan_bitpack(&space.plan, halves, count, 8, True)
    if count and count_changes(halves, 8, count) == 0:
        write_constant(sink, halves, 8)
    elif deltas_pay(space, halves, count, 8, key):
        write_delta(sink, space, halves, count, 8)
    elif space.plan.size < 8 + count * 8:
        write_bitpack(sink, &space.plan, halves, count, 8, True)
    else:
        write_plain(sink, space, halves, count * 8, 0)
    return end_node(sink, body)


cdef bint deltas_pay(Workspace* space, const uint8_t* values, size_t count, int width, bint key) noexcept nogil:
    """Whether DELTA is smaller than space.plan by a tenth (by anything in a key column); looks at up to two vectors."""
    cdef uint8_t[VECTOR * 8] deltas
    cdef uint64_t least = 0, greatest = 0, packed = 0, differences = 0
    cdef size_t vectors = (count + VECTOR - 1) // VECTOR, v, step = max(<size_t>1, vectors // 2), part, taken = 0
    v = 0
    while v < vectors and taken < 2:
        part = min(<size_t>VECTOR, count - v * VECTOR)
        if part >= 2:
            integer_differences(values + v * VECTOR * width, width, part, deltas)
            integer_range(deltas + width, width, True, part - 1, &least, &greatest)
            differences += <uint64_t>bit_width(greatest - least) * part
            packed += <uint64_t>space.plan.bits.data[v] * part
        v += step
        taken += 1
    if key:
        return differences < packed
    return differences * 10 < packed * 9
