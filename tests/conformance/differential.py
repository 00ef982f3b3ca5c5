"""Random values and damage for the comparison of the native code with the reference."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tablestore import types
from tablestore._native import encoding as native_encoding
from tablestore.conformance.native_values import cut_variable, pack_bits, pack_variable, to_bytes, unpack_bits
from tablestore.errors import FormatError
from tablestore.reference import encoding
from tablestore.reference.cursor import Cursor
from tablestore.reference.encoding import Class

Raw = list[int] | list[bytes]
WORDS = (b"", b"a", b"ab", b"abc", b"\0", b"\0\0", b"\1", b"\xff", b"abcabcabc", "é".encode(), b"zz" * 20)


@dataclass(frozen=True)
class NodeCase:
    """A node to encode. canonical: the native encoder must give the reference's bytes."""

    class_: Class
    values: Raw
    encoding: int
    signed: bool = False
    bundle: int = 16
    exponent: int = 0
    factor: int = 0


def count_of(draw: random.Random) -> int:
    """Mostly a few values, at times about a full vector."""
    return draw.choice((1023, 1024, 1025)) if draw.random() < 0.004 else draw.randint(1, 24)


def integers(draw: random.Random, width: int, count: int) -> list[int]:
    """Unsigned values of a shape that some encoding likes."""
    bits = draw.randint(0, 8 * width)
    modulus = 1 << 8 * width
    base = draw.getrandbits(8 * width)
    shape = draw.randrange(4)
    if shape == 0:
        return [(base + draw.getrandbits(bits)) % modulus if bits else base for _ in range(count)]
    if shape == 1:
        step = draw.randint(-3, 3)
        return [(base + step * index) % modulus for index in range(count)]
    if shape == 2:
        pool = [draw.getrandbits(8 * width) for _ in range(3)]
        return sorted(draw.choice(pool) for _ in range(count))
    return [draw.choice((0, 1, modulus - 1, modulus >> 1, (modulus >> 1) - 1, base)) for _ in range(count)]


def strings(draw: random.Random, count: int) -> list[bytes]:
    prefix = draw.choice(WORDS)
    found = [prefix + draw.choice(WORDS) + draw.choice(WORDS) for _ in range(count)]
    return sorted(found) if draw.random() < 0.5 else found


def floats(draw: random.Random, count: int) -> list[int]:
    """Bits of float64: decimals, and now and then anything."""
    places = draw.randint(0, 6)
    values = [round(draw.uniform(-1000, 1000), places) for _ in range(count)]
    return [
        draw.getrandbits(64) if draw.random() < 0.05 else struct.unpack("<Q", struct.pack("<d", value))[0]
        for value in values
    ]


def canonical_node(draw: random.Random) -> NodeCase:
    """A case whose bytes the specification fixes (spec §4.2)."""
    count = count_of(draw)
    kind = draw.choice(
        (encoding.BITPACK, encoding.BITPACK, encoding.DELTA, encoding.DELTA, encoding.PREFIX, encoding.VAR,
         encoding.ALP, encoding.PLAIN, encoding.CONSTANT)
    )  # fmt: skip
    width = draw.choice((1, 2, 4, 8))
    if kind in (encoding.BITPACK, encoding.DELTA):
        return NodeCase(encoding.fixed(width), integers(draw, width, count), kind, signed=draw.random() < 0.5)
    if kind in (encoding.PREFIX, encoding.VAR):
        bundle = draw.choice((2, 4, 16, 256))
        return NodeCase(encoding.VARIABLE, strings(draw, count), kind, bundle=bundle)
    if kind == encoding.ALP:
        exponent = draw.randint(0, 18)
        factor = draw.randint(0, exponent)
        return NodeCase(encoding.fixed(8), floats(draw, count), kind, exponent=exponent, factor=factor)
    values: Raw
    class_ = draw.choice((encoding.BITS, encoding.fixed(width), encoding.fixed(3), encoding.fixed(16)))
    if class_.name == "BITS":
        values = [draw.getrandbits(1) for _ in range(count)]
    else:
        values = [draw.getrandbits(8 * class_.width) for _ in range(count)]
    if kind == encoding.CONSTANT:
        values = values[:1] * count
    return NodeCase(class_, values, kind)


def free_node(draw: random.Random) -> NodeCase:
    """A case of an encoding that leaves its writer a choice."""
    count = count_of(draw)
    kind = draw.choice(
        (encoding.DICTIONARY, encoding.DICTIONARY, encoding.RLE, encoding.WIDEN, encoding.FSST)
    )
    if kind == encoding.FSST:
        return NodeCase(encoding.VARIABLE, strings(draw, count), kind, bundle=draw.choice((1, 2, 16, 256)))
    if kind == encoding.WIDEN:
        values = [number - (1 << 63) for number in integers(draw, 8, count)]
        return NodeCase(encoding.fixed(16), [number % (1 << 128) for number in values], kind)
    width = draw.choice((1, 2, 4, 8, 16))
    if kind == encoding.RLE:
        return NodeCase(encoding.fixed(width), integers(draw, width, count), kind)
    # The native encoder gives up where nearly all of many values are distinct: draw them from a pool.
    if draw.random() < 0.5:
        words = strings(draw, min(count, 200))
        return NodeCase(encoding.VARIABLE, [draw.choice(words) for _ in range(count)], kind)
    numbers = integers(draw, width, min(count, 200))
    return NodeCase(encoding.fixed(width), [draw.choice(numbers) for _ in range(count)], kind)


def native_form(class_: Class, values: Raw) -> object:
    """The values as the native encoder takes them."""
    if class_.name == "BITS":
        return pack_bits(values)
    if class_.name == "VAR":
        return pack_variable([value for value in values if isinstance(value, bytes)])
    return to_bytes(b"".join(int(value).to_bytes(class_.width, "little") for value in values))


NATIVE_CLASSES = {"BITS": "bits", "FIXED": "fixed", "VAR": "variable"}


def native_encode(case: NodeCase, *, auto: bool = False) -> bytes:
    hint = types.HINT_SIGNED if case.signed else types.HINT_UNSIGNED
    return native_encoding.encode_node(
        native_form(case.class_, case.values),
        NATIVE_CLASSES[case.class_.name],
        case.class_.width,
        -1 if auto else case.encoding,
        rows=len(case.values),
        hint=hint,
        bundle=case.bundle,
        exponent=case.exponent,
        factor=case.factor,
    )


def native_decode(data: bytes, class_: Class, count: int) -> Raw:
    found = native_encoding.decode_node(to_bytes(data), NATIVE_CLASSES[class_.name], class_.width, count)
    if class_.name == "BITS":
        return [int(bit) for bit in unpack_bits(found, count)]
    if class_.name == "VAR":
        return cut_variable(*found)
    width = class_.width
    if width in (1, 2, 4, 8):
        return [int(value) for value in np.asarray(found).view(f"<u{width}").tolist()]
    raw = found.tobytes()
    return [int.from_bytes(raw[at : at + width], "little") for at in range(0, len(raw), width)]


def reference_decode(data: bytes, class_: Class, count: int) -> Raw:
    cursor = Cursor(data)
    found = encoding.decode_node(cursor, class_, count)
    cursor.finish("4.2")
    return found


def outcome(function: Callable[[], object]) -> tuple[str, object]:
    """("accepted", value) or ("rejected", code)."""
    try:
        return "accepted", function()
    except FormatError as error:
        return "rejected", error.code


def damage(draw: random.Random, data: bytes) -> bytes:
    """One fault: a bit, a byte, a field of four bytes, a cut, bytes too many or a piece twice."""
    changed = bytearray(data)
    at = draw.randrange(len(changed))
    kind = draw.randrange(8)
    if kind <= 2:
        changed[at] ^= 1 << draw.randrange(8)
    elif kind == 3:
        changed[at] = draw.choice((0, 1, 2, 3, 0x7F, 0x80, 0xFF))
    elif kind == 4:
        number = draw.choice((0, 1, 2**16, 2**25 + 1, 2**31, 2**32 - 1, draw.getrandbits(32)))
        changed[at : at + 4] = struct.pack("<I", number)[: len(changed) - at]
    elif kind == 5:
        del changed[at:]
    elif kind == 6:
        changed[at:at] = bytes(draw.getrandbits(8) for _ in range(draw.randint(1, 4)))
    else:
        size = draw.randint(1, 8)
        del changed[at : at + size]
    return bytes(changed)


def pick(draw: random.Random, items: Sequence[object]) -> object:
    return items[draw.randrange(len(items))]
