"""Nodes of the class VAR and the choice between them (spec §4.4, §4.8 - §4.10, §4.14).

Values are data[offsets[i], offsets[i + 1]); `offsets` need not begin at 0.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp, memcpy, memmove, memset

from tablestore._native.fixed_reader cimport DICTIONARY, FSST, PREFIX, VAR
from tablestore._native.fixed_writer cimport (
    Habit, Workspace, begin_node, end_node, settle, worth_trying, write_codes, write_constant, write_lengths,
    write_stream_in,
)
from tablestore._native.sink cimport Sink, append, append_u32, reserve, room

cdef extern from "integer.h" nogil:
    ctypedef uint32_t loose32
    void offsets_to_lengths(const loose32* offsets, size_t count, loose32* lengths)

cdef extern from "text.h" nogil:
    uint32_t prefix_of_all(const loose32* offsets, const uint8_t* data, size_t count, bint ascending)
    size_t build_bundles(const loose32* offsets, const uint8_t* data, size_t count, size_t bundle, uint32_t prefix,
                         loose32* shared, loose32* suffix, uint8_t* out)
    bint is_sorted_text(const loose32* offsets, const uint8_t* data, size_t count)

cdef extern from "dictionary.h" nogil:
    ctypedef struct text_slot:
        pass
    size_t dictionary_slots(size_t most)
    size_t dictionary_of_text(const uint8_t* data, const loose32* offsets, size_t count, size_t most, text_slot* table,
                              size_t slots, uint32_t* codes, uint32_t* first)

cdef extern from "fsst_writer.h" nogil:
    enum: SYMBOL_MAX
    enum: SYMBOLS_MAX
    ctypedef struct symbol_matcher:
        uint8_t counts[8]
        unsigned count
    ctypedef struct symbol_trainer:
        pass
    void train_symbols(symbol_trainer* trainer, symbol_matcher* matcher, const loose32* offsets, const uint8_t* data,
                       size_t count)
    size_t list_symbols(const symbol_matcher* matcher, uint8_t* out)
    size_t encode_bundles(const symbol_matcher* matcher, const loose32* offsets, const uint8_t* data, size_t count,
                          size_t bundle, loose32* code_lengths, uint8_t* out)

cdef enum:
    SMALL = 64                # rows below which no dictionary is looked for
    BUNDLE = 16
    ENTRIES_MAX = 65536
    BUNDLE_BYTES = 256        # of an FSST bundle, about
    TRAINING_BYTES = 16384    # raw bytes of a chunk below which no symbols are chosen,
    CODED_BYTES = 4096        # and below which those of another chunk are not used
    RETRY_AGE = 40            # chunks after which symbols are tried again


cdef int write_var(Sink* sink, Workspace* space, const uint8_t* data, const uint32_t* offsets, size_t count,
                   int level) except -1 nogil:
    """Spec §4.9."""
    cdef uint32_t* lengths = <uint32_t*>room(&space.lengths, count * 4)
    cdef uint32_t raw = offsets[count] - offsets[0]
    cdef size_t body = begin_node(sink, VAR, 0)
    offsets_to_lengths(<const loose32*>offsets, count, <loose32*>lengths)
    write_lengths(sink, space, <const uint8_t*>lengths, count, 4)
    append_u32(sink, raw)
    write_stream_in(sink, body, space, data + offsets[0], raw, level)
    return end_node(sink, body)


cdef int write_prefix(Sink* sink, Workspace* space, const uint8_t* data, const uint32_t* offsets, size_t count,
                      int bundle, int level, bint ascending) except -1 nogil:
    """Spec §4.10, its canonical form; count >= 1. ascending: the values are known to be sorted."""
    cdef loose32* shared = <loose32*>room(&space.shared, count * 4)
    cdef loose32* suffix = <loose32*>room(&space.lengths, count * 4)
    cdef uint8_t* text = room(&space.text, offsets[count] - offsets[0])
    cdef uint32_t prefix = prefix_of_all(<const loose32*>offsets, data, count, ascending)
    cdef size_t raw = build_bundles(<const loose32*>offsets, data, count, bundle, prefix, shared, suffix, text)
    cdef size_t body = begin_node(sink, PREFIX, bundle)
    append_u32(sink, prefix)
    append(sink, data + offsets[0], prefix)
    write_lengths(sink, space, <const uint8_t*>shared, count, 4)
    write_lengths(sink, space, <const uint8_t*>suffix, count, 4)
    append_u32(sink, <uint32_t>raw)
    write_stream_in(sink, body, space, text, raw, level)
    return end_node(sink, body)


cdef int write_text_dictionary(Sink* sink, Workspace* space, const uint8_t* data, const uint32_t* offsets, size_t count,
                               size_t most, int level) except -1 nogil:
    """Writes the node if there are at most `most` distinct values (spec §4.8); returns whether it did."""
    cdef size_t slots = dictionary_slots(most), entries, i, body
    cdef uint32_t* first
    cdef uint32_t* starts
    cdef uint8_t* text
    cdef uint32_t size
    cdef int width
    memset(room(&space.table, slots * sizeof(text_slot)), 0, slots * sizeof(text_slot))
    room(&space.codes, count * 4)
    first = <uint32_t*>room(&space.first, most * 4)
    entries = dictionary_of_text(data, <const loose32*>offsets, count, most, <text_slot*>space.table.data, slots,
                                 <uint32_t*>space.codes.data, first)
    if entries == 0:
        return 0
    starts = <uint32_t*>room(&space.starts, (entries + 1) * 4)
    starts[0] = 0
    for i in range(entries):
        starts[i + 1] = starts[i] + offsets[first[i] + 1] - offsets[first[i]]
    text = room(&space.entries, starts[entries])
    for i in range(entries):
        size = starts[i + 1] - starts[i]
        memcpy(text + starts[i], data + offsets[first[i]], size)
    width = 1 if entries <= 256 else 2
    body = begin_node(sink, DICTIONARY, width)
    append_u32(sink, <uint32_t>entries)
    write_codes(sink, space, count, width)
    if entries == 1:
        write_constant(sink, text, starts[1])
    else:
        write_var(sink, space, text, starts, entries, level if starts[entries] > 4096 else 0)
    end_node(sink, body)
    return 1


cdef int write_fsst(Sink* sink, Workspace* space, const uint8_t* data, const uint32_t* offsets, size_t count,
                    size_t bundle) except -1 nogil:
    """Spec §4.14, with the symbols of space.matcher."""
    cdef symbol_matcher* matcher = <symbol_matcher*>space.matcher.data
    cdef uint32_t raw = offsets[count] - offsets[0]
    cdef size_t bundles = (count + bundle - 1) // bundle, size
    cdef uint32_t* lengths = <uint32_t*>room(&space.lengths, count * 4)
    cdef uint8_t* code_lengths = room(&space.shared, bundles * 4)
    cdef uint8_t* codes = room(&space.text, <size_t>raw * 2)
    cdef size_t body = begin_node(sink, FSST, <int>bundle)
    offsets_to_lengths(<const loose32*>offsets, count, <loose32*>lengths)
    write_lengths(sink, space, <const uint8_t*>lengths, count, 4)
    append_u32(sink, raw)
    append(sink, matcher.counts, SYMBOL_MAX)
    reserve(sink, SYMBOL_MAX * (SYMBOLS_MAX + 1))
    sink.size += list_symbols(matcher, sink.data + sink.size)
    size = encode_bundles(matcher, <const loose32*>offsets, data, count, bundle, <loose32*>code_lengths, codes)
    write_lengths(sink, space, code_lengths, bundles, 4)
    append(sink, codes, size)
    return end_node(sink, body)


cdef int choose_symbols(Workspace* space, const uint8_t* data, const uint32_t* offsets, size_t count) except -1 nogil:
    """Fills space.matcher from a sample of the values."""
    if space.trainer.data == NULL:
        memset(room(&space.trainer, sizeof(symbol_trainer)), 0, sizeof(symbol_trainer))
    room(&space.matcher, sizeof(symbol_matcher))
    train_symbols(<symbol_trainer*>space.trainer.data, <symbol_matcher*>space.matcher.data, <const loose32*>offsets,
                  data, count)
    return 0


cdef size_t choose_bundle(size_t count, size_t raw) noexcept nogil:
    """16 rows, fewer if they are long."""
    cdef size_t bundle = BUNDLE
    while bundle > 1 and bundle * raw > count * BUNDLE_BYTES * 2:
        bundle //= 2
    return bundle


cdef int write_coded(Sink* sink, Workspace* space, const uint8_t* data, const uint32_t* offsets, size_t count,
                     int level) except -1 nogil:
    """FSST if it takes at most a quarter more than VAR with zstd, a fifth less than bytes that zstd does not make
    smaller, or half of them where there is no zstd; else VAR.

    Symbols and decision hold for the chunks that follow, until one of them comes out a fifth larger than expected.
    """
    cdef size_t before = sink.size, raw = offsets[count] - offsets[0], bundle = choose_bundle(count, raw), coded, plain
    cdef Habit* habit = &space.fsst
    cdef bint pays
    if habit.state == 1:
        write_fsst(sink, space, data, offsets, count, bundle)
        coded = sink.size - before
        if coded * 1000 <= raw * space.fsst_rate * 12 // 10 or (raw < TRAINING_BYTES and coded < raw):
            return 0
        sink.size = before
        if raw < TRAINING_BYTES:
            return write_var(sink, space, data, offsets, count, level)
    choose_symbols(space, data, offsets, count)
    write_fsst(sink, space, data, offsets, count, bundle)
    coded = sink.size - before
    write_var(sink, space, data, offsets, count, level)
    plain = sink.size - before - coded
    if sink.data[before + coded + 1]:
        pays = coded * 4 <= plain * 5
    else:
        pays = coded * 5 <= plain * 4 if level else coded * 2 <= plain
    settle(habit, pays)
    space.fsst_rate = coded * 1000 // raw
    if not pays:
        memmove(sink.data + before, sink.data + before + coded, plain)
    sink.size = before + (coded if pays else plain)
    return 0


cdef bint all_equal(const uint8_t* data, const uint32_t* offsets, size_t count) noexcept nogil:
    cdef uint32_t size = offsets[1] - offsets[0]
    cdef size_t i
    for i in range(1, count):
        if offsets[i + 1] - offsets[i] != size or memcmp(data + offsets[i], data + offsets[0], size) != 0:
            return False
    return True


cdef int write_variable(Sink* sink, Workspace* space, const uint8_t* data, const uint32_t* offsets, size_t count,
                        int level, bint key) except -1 nogil:
    """CONSTANT, DICTIONARY for at most an eighth distinct, PREFIX for sorted keys if it is smaller, else FSST or VAR.
    Key columns get neither FSST nor zstd (spec §4.15)."""
    cdef size_t before = sink.size, prefix_size, raw = offsets[count] - offsets[0]
    if key:
        level = 0
    if count and all_equal(data, offsets, count):
        return write_constant(sink, data + offsets[0], offsets[1] - offsets[0])
    if count >= SMALL and worth_trying(&space.dictionary):
        if write_text_dictionary(sink, space, data, offsets, count, min(count // 8, <size_t>ENTRIES_MAX), level):
            settle(&space.dictionary, True)
            return 0
        settle(&space.dictionary, False)
    if key and count > 1 and is_sorted_text(<const loose32*>offsets, data, count):
        write_prefix(sink, space, data, offsets, count, BUNDLE, 0, True)
        # VAR takes at least its values' bytes; only where PREFIX saves some of them it is worth its slower decoding
        prefix_size = sink.size - before
        if prefix_size < 8 + offsets[count] - offsets[0]:
            return 0
        sink.size = before
    if not key and is_worth_coding(&space.fsst, raw):
        return write_coded(sink, space, data, offsets, count, level)
    return write_var(sink, space, data, offsets, count, level)


cdef bint is_worth_coding(Habit* habit, size_t raw) noexcept nogil:
    if habit.state == 1:
        return raw >= CODED_BYTES
    if raw < TRAINING_BYTES:
        return False
    habit.age += 1
    return habit.state == 0 or habit.age >= RETRY_AGE
