"""Spec chapter 4: writing nodes in an encoding that the caller chooses, canonical if there is such a form."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence

from tablestore.reference.alp import alp_digit
from tablestore.reference.bitpack import write_bitpack
from tablestore.reference.encoding import (
    ALP,
    BITPACK,
    CONSTANT,
    DELTA,
    DICTIONARY,
    FSST,
    INTEGER_WIDTHS,
    PLAIN,
    PREFIX,
    RLE,
    VAR,
    WIDEN,
    Class,
    fixed,
)
from tablestore.reference.fsst import choose_symbols, write_codes, write_symbols
from tablestore.reference.stream import NONE, ZSTD, compress


def encode_node(
    class_: Class,
    values: Sequence[int] | Sequence[bytes],
    encoding: int,
    *,
    codec: int = NONE,
    bundle: int = 16,
    exponent: int = 0,
    factor: int = 0,
    signed: bool = False,
) -> bytes:
    """A node in the chosen encoding. bundle: of PREFIX and FSST; exponent, factor: of ALP; signed: bases of BITPACK.

    ValueError if the values cannot be stored in the encoding.
    """
    width = class_.width
    numbers = [value for value in values if isinstance(value, int)]
    strings = [value for value in values if isinstance(value, bytes)]
    parameter = 0
    if encoding == CONSTANT:
        if len(set(values)) != 1:
            raise ValueError("a CONSTANT node holds one value")
        body = strings[0] if strings else _constant_body(class_, numbers)
    elif encoding == PLAIN:
        codec, body = _stream(_plain_body(class_, numbers), codec)
    elif encoding == BITPACK:
        parameter, body = int(signed), write_bitpack(numbers, width, signed)
    elif encoding == DELTA:
        body = _delta_body(numbers, width)
    elif encoding == DICTIONARY:
        parameter, body = _dictionary_body(class_, values, codec)
        codec = NONE
    elif encoding == VAR:
        codec, body = _with_lengths(b"", strings, codec)
    elif encoding == PREFIX:
        parameter, (codec, body) = bundle, _prefix_body(strings, bundle, codec)
    elif encoding == FSST:
        parameter, body = bundle, fsst_body(strings, bundle, choose_symbols(strings))
    elif encoding == RLE:
        body = _rle_body(numbers, width)
    elif encoding == ALP:
        parameter, body = exponent + 256 * factor, _alp_body(numbers, exponent, factor)
    else:
        assert encoding == WIDEN
        body = _widen_body(numbers)
    return node(encoding, codec, parameter, body)


def node(encoding: int, codec: int, parameter: int, body: bytes) -> bytes:
    """A node with a given head (spec §4.2)."""
    return bytes((encoding, codec)) + struct.pack("<HI", parameter, len(body)) + body


def count_node(values: Sequence[int], width: int, signed: bool = False) -> bytes:
    """A child node of counts or lengths: CONSTANT if all are equal, else BITPACK."""
    if len(set(values)) == 1:
        return encode_node(fixed(width), values, CONSTANT)
    return encode_node(fixed(width), values, BITPACK, signed=signed)


def choose_node(class_: Class, values: Sequence[int] | Sequence[bytes], codec: int = NONE) -> bytes:
    """A node in a plain, sensible encoding: CONSTANT, BITPACK of the integer forms, PLAIN or VAR."""
    if len(set(values)) == 1:
        return encode_node(class_, values, CONSTANT)
    if class_.name == "VAR":
        return encode_node(class_, values, VAR, codec=codec)
    encoding = BITPACK if class_.width in INTEGER_WIDTHS else PLAIN
    return encode_node(class_, values, encoding, codec=codec if encoding == PLAIN else NONE)


def _stream(raw: bytes, codec: int) -> tuple[int, bytes]:
    """The codec that is stored and the bytes of a stream; an empty one has codec 0 (spec §4.3)."""
    return (ZSTD, compress(raw)) if codec == ZSTD and raw else (NONE, raw)


def _constant_body(class_: Class, numbers: Sequence[int]) -> bytes:
    return numbers[0].to_bytes(class_.width or 1, "little")


def _plain_body(class_: Class, numbers: Sequence[int]) -> bytes:
    if class_.name == "BITS":
        bits = sum(number << index for index, number in enumerate(numbers))
        return bits.to_bytes(-(-len(numbers) // 8), "little")
    return b"".join(number.to_bytes(class_.width, "little") for number in numbers)


def _delta_body(numbers: Sequence[int], width: int) -> bytes:
    modulus = 1 << 8 * width
    deltas = [(right - left) % modulus for left, right in itertools.pairwise(numbers)]
    deltas.insert(0, deltas[0] if deltas else 0)
    start = (numbers[0] - deltas[0]) % modulus
    return start.to_bytes(width, "little") + count_node(deltas, width, signed=True)


def _dictionary_body(class_: Class, values: Sequence[int] | Sequence[bytes], codec: int) -> tuple[int, bytes]:
    entries = list(dict.fromkeys(values))
    codes = [entries.index(value) for value in values]
    width = 1 if len(entries) <= 1 << 8 else 2
    if len(entries) == 1:
        entry_node = encode_node(class_, entries, CONSTANT)  # type: ignore[arg-type]
    else:
        entry_node = encode_node(class_, entries, VAR if class_.name == "VAR" else PLAIN, codec=codec)  # type: ignore[arg-type]
    return width, struct.pack("<I", len(entries)) + count_node(codes, width) + entry_node


def _with_lengths(head: bytes, strings: Sequence[bytes], codec: int) -> tuple[int, bytes]:
    raw = b"".join(strings)
    codec, stored = _stream(raw, codec)
    return codec, head + count_node([len(value) for value in strings], 4) + struct.pack(
        "<I", len(raw)
    ) + stored


def _prefix_body(strings: Sequence[bytes], bundle: int, codec: int) -> tuple[int, bytes]:
    prefix = strings[0][: min(_shared(strings[0], value) for value in strings)]
    shared = []
    for row, value in enumerate(strings):
        head = strings[row - row % bundle]
        shared.append(_shared(head, value) if row % bundle else len(prefix))
    suffixes = [value[kept:] for value, kept in zip(strings, shared, strict=True)]
    head_bytes = struct.pack("<I", len(prefix)) + prefix + count_node(shared, 4)
    return _with_lengths(head_bytes, suffixes, codec)


def fsst_body(strings: Sequence[bytes], bundle: int, symbols: Sequence[bytes]) -> bytes:
    """The body of an FSST node with the given symbols, which are in ascending order of their sizes (spec §4.14)."""
    lengths = [len(value) for value in strings]
    codes = [
        write_codes(b"".join(strings[row : row + bundle]), symbols) for row in range(0, len(strings), bundle)
    ]
    head = count_node(lengths, 4) + struct.pack("<I", sum(lengths)) + write_symbols(symbols)
    return head + count_node([len(part) for part in codes], 4) + b"".join(codes)


def _shared(left: bytes, right: bytes) -> int:
    """Size of the longest common prefix."""
    different = (index for index, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1])
    return next(different, min(len(left), len(right)))


def _rle_body(numbers: Sequence[int], width: int) -> bytes:
    run_values: list[int] = []
    lengths: list[int] = []
    for number in numbers:
        if run_values and run_values[-1] == number:
            lengths[-1] += 1
        else:
            run_values.append(number)
            lengths.append(1)
    encoding = CONSTANT if len(set(run_values)) == 1 else PLAIN
    run_node = encode_node(fixed(width), run_values, encoding)
    return struct.pack("<I", len(run_values)) + count_node(lengths, 4) + run_node


def _alp_body(numbers: Sequence[int], exponent: int, factor: int) -> bytes:
    digits: list[int] = []
    exceptions: list[tuple[int, int]] = []
    previous = 0
    for position, bits in enumerate(numbers):
        digit = alp_digit(bits, exponent, factor)
        if digit is None:
            exceptions.append((position, bits))
        else:
            previous = digit
        digits.append(previous)
    positions = b"".join(struct.pack("<I", position) for position, _ in exceptions)
    originals = b"".join(struct.pack("<Q", bits) for _, bits in exceptions)
    return struct.pack("<I", len(exceptions)) + count_node(digits, 8, signed=True) + positions + originals


def _widen_body(numbers: Sequence[int]) -> bytes:
    if any(2**63 <= number < 2**128 - 2**63 for number in numbers):
        raise ValueError("a value of a WIDEN node does not fit 8 bytes")
    return count_node([number % 2**64 for number in numbers], 8, signed=True)
