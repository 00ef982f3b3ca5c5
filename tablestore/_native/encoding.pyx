"""Single nodes in and out (spec chapter 4): what vectors and tests call. Tables go through block."""

import numpy as np

from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.string cimport memset

from tablestore._native.cursor cimport Cursor, bytes_at, fail, finish
from tablestore._native.fixed_choice cimport choose_exponent, write_bits, write_fixed
from tablestore._native.fixed_reader cimport (
    ALP, ANY_FIXED, BITPACK, CONSTANT, DELTA, DICTIONARY, FSST, PLAIN, PREFIX, RLE, Scratch, VAR, WIDEN, read_bits,
    read_fixed, release_scratch,
)
from tablestore._native.fixed_writer cimport (
    HINT_OPAQUE, HINT_SIGNED, Workspace, plan_bitpack,
    release_workspace, write_alp, write_bitpack, write_constant, write_delta, write_dictionary, write_plain, write_rle,
    write_widen,
)
from tablestore._native.sink cimport Sink, release
from tablestore._native.variable_reader cimport TextOutput, read_variable
from tablestore._native.variable_writer cimport (
    choose_symbols, write_fsst, write_prefix, write_text_dictionary, write_var, write_variable,
)

_CLASSES = ("bits", "fixed", "variable")
_ENTRIES_MAX = 65536
_BYTES_MAX = 33554432     # spec §0.5


cdef class _Writer:
    """Output and memory of one call."""
    cdef Sink sink
    cdef Workspace space

    def __dealloc__(self):
        release(&self.sink)
        release_workspace(&self.space)

    cdef bytes result(self):
        return (<char*>self.sink.data)[: self.sink.size]


def encode_node(values, str class_, int width, int encoding=-1, *, rows=None, int level=0, int hint=HINT_OPAQUE,
                bint key=False, int bundle=16, exponent=None, factor=None):
    """One node of the values.

    values: u8 bitmap with `rows` bits for "bits", raw u8[n * width] for "fixed", (offsets i32[n + 1], data u8) for
    "variable". encoding: -1 chooses, else the number of spec §4.4 - §4.14; ValueError where the values do not fit it.
    level: of zstd for PLAIN, VAR and PREFIX. hint: as in block.encode_fixed; 2 packs from signed minima. bundle: of
    PREFIX and FSST. exponent, factor: of ALP, chosen from a sample if None.
    """
    cdef _Writer writer = _Writer()
    if class_ == "bits":
        encode_bits_node(writer, values, rows, encoding, level)
    elif class_ == "fixed":
        encode_fixed_node(writer, values, width, encoding, level, hint, key, exponent, factor)
    elif class_ == "variable":
        encode_variable_node(writer, values, encoding, level, key, bundle)
    else:
        raise ValueError(f"class {class_!r} is not one of {_CLASSES}")
    return writer.result()


cdef int encode_bits_node(_Writer writer, const uint8_t[::1] bits, rows, int encoding, int level) except -1:
    cdef size_t count = bits.shape[0] * 8 if rows is None else rows
    cdef const uint8_t* data = bytes_at(bits)
    cdef uint8_t value
    if <size_t>bits.shape[0] != (count + 7) // 8 or (count & 7 and bits[count // 8] >> (count & 7)):
        raise ValueError("the bitmap does not have `rows` bits, or sets others")
    if encoding == -1:
        return write_bits(&writer.sink, &writer.space, data, count, level)
    if encoding == PLAIN:
        return write_plain(&writer.sink, &writer.space, data, bits.shape[0], level)
    if encoding != CONSTANT or not count:
        raise ValueError(f"encoding {encoding} is not one for these bits")
    value = data[0] & 1
    write_constant(&writer.sink, &value, 1)
    cdef bytes wanted = np.packbits(np.full(count, value, np.uint8), bitorder="little").tobytes()
    if bytes(bits) != wanted:
        raise ValueError("the bits are not all equal")
    return 0


cdef int encode_fixed_node(_Writer writer, const uint8_t[::1] values, int width, int encoding, int level, int hint,
                           bint key, exponent, factor) except -1:
    if width < 1 or values.shape[0] % width:
        raise ValueError(f"values do not fit width {width}")
    cdef size_t count = values.shape[0] // width
    cdef const uint8_t* data = bytes_at(values)
    cdef Sink* sink = &writer.sink
    cdef Workspace* space = &writer.space
    cdef bint word = width in (1, 2, 4, 8)
    if encoding == -1:
        return write_fixed(sink, space, data, count, width, hint, level, key)
    if encoding == PLAIN:
        return write_plain(sink, space, data, values.shape[0], level)
    if encoding == BITPACK and word:
        plan_bitpack(&space.plan, data, count, width, hint == HINT_SIGNED)
        return write_bitpack(sink, &space.plan, data, count, width, hint == HINT_SIGNED)
    if encoding == DELTA and word:
        return write_delta(sink, space, data, count, width)
    if encoding == ALP and width == 8:
        if exponent is None:
            choose_exponent(space, data, count)
            exponent, factor = space.exponent, space.factor
        if not 0 <= factor <= exponent <= 18:
            raise ValueError("exponent and factor: 0 <= factor <= exponent <= 18")
        return write_alp(sink, space, data, count, exponent, factor)
    if count == 0:
        raise ValueError("no values")
    if encoding == CONSTANT:
        if bytes(values[:width]) * count != bytes(values):
            raise ValueError("the values are not all equal")
        return write_constant(sink, data, width)
    if encoding == RLE:
        return write_rle(sink, space, data, count, width)
    if encoding == DICTIONARY:
        if not write_dictionary(sink, space, data, count, width, min(count, <size_t>_ENTRIES_MAX), level):
            raise ValueError("too many distinct values")
        return 0
    if encoding == WIDEN and width == 16:
        words = np.frombuffer(values, np.int64).reshape(count, 2)
        if not np.array_equal(words[:, 1], words[:, 0] >> 63):
            raise ValueError("a value does not fit 8 bytes")
        return write_widen(sink, space, data, count, key)
    raise ValueError(f"encoding {encoding} is not defined for width {width}")


cdef int encode_variable_node(_Writer writer, values, int encoding, int level, bint key, int bundle) except -1:
    cdef const int32_t[::1] offsets = values[0]
    cdef const uint8_t[::1] text = values[1]
    cdef size_t count = offsets.shape[0] - 1
    cdef const uint32_t* places = <const uint32_t*>&offsets[0]
    cdef const uint8_t* data = bytes_at(text)
    cdef Sink* sink = &writer.sink
    cdef Workspace* space = &writer.space
    if offsets[0] < 0 or offsets[count] > text.shape[0] or np.any(np.diff(values[0]) < 0):
        raise ValueError("offsets descend or go beyond the data")
    if encoding == -1:
        return write_variable(sink, space, data, places, count, level, key)
    if encoding == VAR:
        return write_var(sink, space, data, places, count, level)
    if count == 0:
        raise ValueError("no values")
    if encoding == PREFIX:
        if not 2 <= bundle <= 256 or bundle & (bundle - 1):
            raise ValueError(f"bundle {bundle} is not a power of two in 2..256")
        return write_prefix(sink, space, data, places, count, bundle, level, False)
    if encoding == FSST:
        if not 1 <= bundle <= 256 or bundle & (bundle - 1):
            raise ValueError(f"bundle {bundle} is not a power of two in 1..256")
        choose_symbols(space, data, places, count)
        return write_fsst(sink, space, data, places, count, bundle)
    if encoding == DICTIONARY:
        if not write_text_dictionary(sink, space, data, places, count, min(count, <size_t>_ENTRIES_MAX), level):
            raise ValueError("too many distinct values")
        return 0
    if encoding == CONSTANT:
        value = bytes(text[offsets[0] : offsets[1]])
        if any(bytes(text[offsets[i] : offsets[i + 1]]) != value for i in range(count)):
            raise ValueError("the values are not all equal")
        return write_constant(sink, data + offsets[0], offsets[1] - offsets[0])
    raise ValueError(f"encoding {encoding} is not defined for strings")


def decode_node(const uint8_t[::1] data not None, str class_, int width, size_t n):
    """The n values of the node that fills `data`, in the form that encode_node takes; FormatError for bad bytes."""
    cdef Cursor cursor
    cdef Scratch scratch
    cdef uint8_t[::1] out
    cdef TextOutput text
    cdef size_t raw = 0
    cdef uint32_t* places = NULL
    cursor.start = cursor.at = bytes_at(data)
    cursor.end = cursor.start + data.shape[0]
    if class_ not in _CLASSES or (class_ == "fixed" and not 1 <= width <= 65535):
        raise ValueError(f"no class {class_!r} of width {width}")
    if n > <size_t>_BYTES_MAX or (class_ == "fixed" and n * width > <size_t>_BYTES_MAX):
        fail(cursor.start, cursor.start, b"limit-exceeded", b"0.5", b"raw size of the values")
    memset(&scratch, 0, sizeof(Scratch))
    try:
        if class_ == "variable":
            offsets = np.zeros(n + 1, np.int32)
            text = TextOutput(offsets, 0)
            with nogil:
                read_variable(&cursor, &scratch, n, 0, n, False, text, &raw, &places)
            result = (offsets, text.view())
        else:
            size = (n + 7) // 8 if class_ == "bits" else n * width
            result = np.empty(size + 1, np.uint8)[:size]
            out = result.base
            if class_ == "bits":
                with nogil:
                    read_bits(&cursor, n, &out[0])
            else:
                with nogil:
                    read_fixed(&cursor, &scratch, n, width, ANY_FIXED, &out[0])
        finish(&cursor, b"4.2")
    finally:
        release_scratch(&scratch)
    return result
