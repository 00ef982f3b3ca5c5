"""Spec §4.6: frame of reference and bit packing in vectors of 1,024 values."""

from __future__ import annotations

from collections.abc import Sequence

from tablestore.reference.cursor import Cursor, reject

VECTOR = 1024


def read_bitpack(cursor: Cursor, width: int, count: int) -> list[int]:
    """The body of a BITPACK node: `count` unsigned values of `width` bytes."""
    vectors = -(-count // VECTOR)
    start = cursor.offset
    bits = cursor.array(vectors, 1, "bits", "4.6")
    bases = cursor.array(vectors, width, "base", "4.6")
    for index, width_bits in enumerate(bits):
        if width_bits > 8 * width:
            reject("bad-width", f"{width_bits} bits for a value of {width} bytes", "4.6", start + index)
    values: list[int] = []
    for index in range(vectors):
        size = min(VECTOR, count - index * VECTOR)
        start = cursor.offset
        packed = cursor.take(packed_size(size, bits[index]), f"packed[{index}]", "4.6")
        if size == VECTOR:
            numbers = _unpack_full(packed, bits[index])
        else:
            numbers = _unpack_last(packed, bits[index], size, start)
        values.extend((bases[index] + number) % (1 << 8 * width) for number in numbers)
    return values


def write_bitpack(values: Sequence[int], width: int, signed: bool) -> bytes:
    """The canonical body: least base, signed or unsigned, and least width of each vector."""
    modulus = 1 << 8 * width
    bits = bytearray()
    bases = bytearray()
    data = bytearray()
    for first in range(0, len(values), VECTOR):
        vector = [_interpret(value, width, signed) for value in values[first : first + VECTOR]]
        base = min(vector)
        width_bits = (max(vector) - base).bit_length()
        bits.append(width_bits)
        bases += (base % modulus).to_bytes(width, "little")
        numbers = [value - base for value in vector]
        data += _pack_full(numbers, width_bits) if len(numbers) == VECTOR else _pack_last(numbers, width_bits)
    return bytes(bits + bases + data)


def packed_size(count: int, width_bits: int) -> int:
    return 128 * width_bits if count == VECTOR else -(-count * width_bits // 8)


def _interpret(value: int, width: int, signed: bool) -> int:
    return value - (1 << 8 * width) if signed and value >> (8 * width - 1) else value


def _shape(width_bits: int) -> tuple[int, int]:
    """Lanes and bytes of a word of a full vector."""
    return (32, 4) if width_bits <= 32 else (16, 8)


def _unpack_full(packed: bytes, width_bits: int) -> list[int]:
    lanes, word_bytes = _shape(width_bits)
    row_bytes = lanes * word_bytes
    numbers = [0] * VECTOR
    for lane in range(lanes):
        first = lane * word_bytes
        words = b"".join(packed[at : at + word_bytes] for at in range(first, len(packed), row_bytes))
        stream = int.from_bytes(words, "little")
        for row in range(VECTOR // lanes):
            numbers[row * lanes + lane] = (stream >> (row * width_bits)) & ((1 << width_bits) - 1)
    return numbers


def _pack_full(numbers: Sequence[int], width_bits: int) -> bytes:
    lanes, word_bytes = _shape(width_bits)
    packed = bytearray(128 * width_bits)
    for lane in range(lanes):
        stream = 0
        for row in range(VECTOR // lanes):
            stream |= numbers[row * lanes + lane] << (row * width_bits)
        words = stream.to_bytes(128 * width_bits // lanes, "little")
        for index in range(0, len(words), word_bytes):
            at = (index // word_bytes * lanes + lane) * word_bytes
            packed[at : at + word_bytes] = words[index : index + word_bytes]
    return bytes(packed)


def _unpack_last(packed: bytes, width_bits: int, count: int, start: int) -> list[int]:
    stream = int.from_bytes(packed, "little")
    if stream >> (count * width_bits):
        reject("bad-value", "unused bits of the last vector are set", "4.6", start + len(packed) - 1)
    return [(stream >> (index * width_bits)) & ((1 << width_bits) - 1) for index in range(count)]


def _pack_last(numbers: Sequence[int], width_bits: int) -> bytes:
    stream = 0
    for index, number in enumerate(numbers):
        stream |= number << (index * width_bits)
    return stream.to_bytes(-(-len(numbers) * width_bits // 8), "little")
