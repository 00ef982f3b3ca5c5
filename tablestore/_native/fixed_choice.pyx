"""Which encoding a chunk of bits or fixed values gets.

One pass of statistics (ranges per vector, changes between neighbours) and small samples decide; hardly anything is
encoded twice. In order: CONSTANT, RLE for runs of 8 and more, DICTIONARY for few distinct wide values, ALP for
decimal-like doubles, DELTA where it is a tenth smaller than BITPACK, BITPACK where it saves 12 %, else PLAIN, with zstd
if that does.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from tablestore._native.fixed_writer cimport (
    HINT_DECIMAL, HINT_FLOAT32, HINT_FLOAT64, HINT_SIGNED, Workspace, deltas_pay, plan_bitpack, settle, worth_trying,
    write_alp, write_bitpack, write_constant, write_delta, write_dictionary, write_plain, write_rle, write_widen,
)
from tablestore._native.sink cimport Sink

cdef extern from "integer.h" nogil:
    size_t count_changes(const uint8_t* values, size_t width, size_t count)
    int bit_width(uint64_t value)

cdef extern from "alp.h" nogil:
    enum: ALP_EXPONENT_MAX
    size_t alp_cost(const double* sample, size_t count, int exponent, int factor, size_t* exceptions)
    size_t alp_search(const double* sample, size_t count, int* exponent, int* factor, size_t* exceptions)

cdef enum:
    SMALL = 64                # rows below which only the cheap encodings are considered
    RUN = 8                   # average run from which RLE is considered
    ALP_SAMPLE = 128
    ENTRIES_MAX = 65536


cdef int write_fixed(Sink* sink, Workspace* space, const uint8_t* values, size_t count, size_t width, int hint,
                     int level, bint key) except -1 nogil:
    """Appends a node FIXED(width). level: of zstd, 0 = none; a key column never gets zstd (spec §4.15)."""
    cdef size_t runs
    if key:
        level = 0
    if count == 0:
        return write_plain(sink, space, values, 0, 0)
    runs = count_changes(values, width, count) + 1
    if runs == 1:
        return write_constant(sink, values, width)
    if width == 1 or width == 2 or width == 4 or width == 8:
        return write_word(sink, space, values, count, <int>width, hint, level, key, runs)
    if runs * RUN <= count:
        return write_rle(sink, space, values, count, width)
    if hint == HINT_DECIMAL and width == 16 and all_narrow(values, count):
        return write_widen(sink, space, values, count, key)
    if try_dictionary(sink, space, values, count, width, level):
        return 0
    return write_plain(sink, space, values, count * width, level)


cdef int write_bits(Sink* sink, Workspace* space, const uint8_t* bits, size_t count, int level) except -1 nogil:
    """Appends a node BITS; the unused bits of the last byte are zero."""
    cdef size_t size = (count + 7) // 8, i
    cdef uint8_t full = 255, last, one = 1, zero = 0
    if count == 0:
        return write_plain(sink, space, bits, 0, 0)
    last = <uint8_t>((1 << (count & 7)) - 1) if count & 7 else full
    if bits[0] == (last if size == 1 else full) or bits[0] == 0:
        i = 1
        while i < size and bits[i] == bits[0] and i < size - 1:
            i += 1
        if i >= size - 1:
            if bits[size - 1] == 0 and bits[0] == 0:
                return write_constant(sink, &zero, 1)
            if bits[size - 1] == last and bits[0]:
                return write_constant(sink, &one, 1)
    return write_plain(sink, space, bits, size, level)


cdef int write_word(Sink* sink, Workspace* space, const uint8_t* values, size_t count, int width, int hint, int level,
                    bint key, size_t runs) except -1 nogil:
    """Values of 1, 2, 4 or 8 bytes. Leaves the plan of all values in space.plan."""
    cdef bint is_float = hint == HINT_FLOAT32 or hint == HINT_FLOAT64, is_signed = hint == HINT_SIGNED
    cdef size_t plain = 8 + count * width, packed, run_bits
    plan_bitpack(&space.plan, values, count, width, is_signed)
    packed = space.plan.size
    if runs * RUN <= count:
        run_bits = runs * (bit_width(space.plan.greatest - space.plan.least) + bit_width(2 * count // runs))
        if 32 + run_bits // 8 < packed:
            return write_rle(sink, space, values, count, width)
    # codes of a dictionary have to be much narrower than the packed values
    if packed * 8 > count * 10 and try_dictionary(sink, space, values, count, width, level):
        return 0
    if hint == HINT_FLOAT64 and try_alp(sink, space, values, count, min(packed, plain)):
        return 0
    if not is_float and deltas_pay(space, values, count, width, key):
        return write_delta(sink, space, values, count, width)
    if packed <= plain - plain // 8 or (key and packed < plain):
        return write_bitpack(sink, &space.plan, values, count, width, is_signed)
    return write_plain(sink, space, values, count * width, level)


cdef bint all_narrow(const uint8_t* values, size_t count) noexcept nogil:
    """Whether every 16-byte value is the sign extension of its lower half."""
    cdef uint64_t low = 0, high = 0
    cdef size_t i
    for i in range(count):
        memcpy(&low, values + 16 * i, 8)
        memcpy(&high, values + 16 * i + 8, 8)
        if high != 0 - (low >> 63):
            return False
    return True


cdef int try_dictionary(Sink* sink, Workspace* space, const uint8_t* values, size_t count, size_t width,
                        int level) except -1 nogil:
    """Writes a DICTIONARY if the distinct values are at most an eighth; returns whether it did."""
    cdef bint found
    if count < SMALL or not worth_trying(&space.dictionary):
        return 0
    found = write_dictionary(sink, space, values, count, width, min(count // 8, <size_t>ENTRIES_MAX), level)
    settle(&space.dictionary, found)
    return found


cdef int choose_exponent(Workspace* space, const uint8_t* values, size_t count) except -1 nogil:
    """Sets space.exponent and .factor from a sample; returns the exceptions per 1,000 values of the sample."""
    cdef double[ALP_SAMPLE] sample
    cdef size_t size = min(count, <size_t>ALP_SAMPLE), i, exceptions = 0
    for i in range(size):
        # the middle of `size` equal stretches, shifted a little so that no stride of the data is followed
        memcpy(&sample[i], values + 8 * min(count - 1, i * count // size + i * 7 % (count // size)), 8)
    if space.exponent_known:
        alp_cost(sample, size, space.exponent, space.factor, &exceptions)
        if exceptions * 20 <= size:
            return <int>(exceptions * 1000 // size)
    alp_search(sample, size, &space.exponent, &space.factor, &exceptions)
    space.exponent_known = True
    return <int>(exceptions * 1000 // size)


cdef int try_alp(Sink* sink, Workspace* space, const uint8_t* values, size_t count, size_t other) except -1 nogil:
    """Writes ALP if a sample has few exceptions and the node is 15 % smaller than `other`; returns whether it did."""
    cdef size_t before = sink.size
    cdef bint pays
    if not worth_trying(&space.alp):
        return 0
    pays = choose_exponent(space, values, count) <= 50
    if pays:
        write_alp(sink, space, values, count, space.exponent, space.factor)
        pays = (sink.size - before) * 100 <= other * 85
        if not pays:
            sink.size = before
    settle(&space.alp, pays)
    return pays
