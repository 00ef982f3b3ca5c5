"""Spec §4.12: float64 values as decimal digits, with exceptions."""

from __future__ import annotations

import math
import struct

from tablestore.reference.cursor import Cursor, reject

DIGIT_MAX = 2**51


def read_exceptions(cursor: Cursor, exceptions: int, count: int) -> list[tuple[int, int]]:
    """Positions in a node of `count` values and the bits of the float64 there."""
    start = cursor.offset
    positions = cursor.array(exceptions, 4, "position", "4.12")
    for index, position in enumerate(positions):
        if position >= count or (index and position <= positions[index - 1]):
            reject("bad-exception", f"exception at {position}", "4.12", start + 4 * index)
    return list(zip(positions, cursor.array(exceptions, 8, "exception", "4.12"), strict=True))


def alp_value(digit: int, exponent: int, factor: int) -> int:
    """Bits of the float64 that a digit (unsigned form of an i64) stands for."""
    signed = digit - 2**64 if digit >= 2**63 else digit
    number = float(signed) * float(f"1e{factor}") * float(f"1e-{exponent}")
    return int.from_bytes(struct.pack("<d", number), "little")


def alp_digit(bits: int, exponent: int, factor: int) -> int | None:
    """The digit of a float64 (unsigned form of an i64), or None if it must be an exception."""
    value: float = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
    scaled = value * float(f"1e{exponent}") * float(f"1e-{factor}")
    if not math.isfinite(scaled):
        return None
    digit = round(scaled)
    if abs(digit) >= DIGIT_MAX or alp_value(digit % 2**64, exponent, factor) != bits:
        return None
    return digit % 2**64
