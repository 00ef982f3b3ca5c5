"""Values of every column type (spec §2.2), chosen to be awkward, and rows in a form that compares exactly.

A column's values are made and compared as plain Python values: integers for all temporal types and for the unscaled
decimals, so that no conversion of a date can hide or invent a difference.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

_TEXTS = (
    "", "a", "a\0", "a\0b", "a\0\0", "\0", "\0\0", "\x01", "\x01\0", "ab", "b", "é", "e\u0301", "😀", "漢字",
    "a/b", "..", "a=b", "%null", "%empty", " ", "x" * 63, "x" * 64, "x" * 65, "x" * 64 + "y", "x" * 200,
    "zz", "Z", "\n", "\uffff", "\U0010ffff", "null",
)  # fmt: skip


def _integer(low: int, high: int) -> Callable[[random.Random], int]:
    edges = [low, high, low + 1, high - 1, 0, 1, max(low, -1)]

    def make(source: random.Random) -> int:
        kind = source.random()
        if kind < 0.25:
            return source.choice(edges)
        if kind < 0.75:
            return max(low, min(high, source.randint(-20, 60)))
        return source.randint(low, high)

    return make


def _text(source: random.Random) -> str:
    if source.random() < 0.5:
        return source.choice(_TEXTS)
    return "".join(source.choices(string.ascii_lowercase[:4], k=source.randint(0, 12)))


def _bytes(source: random.Random) -> bytes:
    if source.random() < 0.5:
        return source.choice(_TEXTS).encode()[:90]
    return source.randbytes(source.randint(0, 12))


def _float(source: random.Random) -> float:
    edges = (0.0, -0.0, float("nan"), float("inf"), float("-inf"), 1.5, -1.5, 5e-324, 1e308)
    kind = source.random()
    if kind < 0.3:
        return source.choice(edges)
    return round(source.uniform(-1000, 1000), 2) if kind < 0.7 else source.gauss(0, 1)


def _maker(kind: pa.DataType) -> Callable[[random.Random], Any]:
    """A function that draws values of a leaf type."""
    if pa.types.is_boolean(kind):
        return lambda source: source.random() < 0.5
    if pa.types.is_string(kind):
        return _text
    if pa.types.is_binary(kind):
        return _bytes
    if pa.types.is_fixed_size_binary(kind):
        return lambda source: source.choice(
            (bytes(kind.byte_width), b"\xff" * kind.byte_width, source.randbytes(kind.byte_width))
        )
    if pa.types.is_floating(kind):
        return _float
    if pa.types.is_decimal(kind):
        return _integer(1 - 10**kind.precision, 10**kind.precision - 1)
    if pa.types.is_time(kind):
        per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]
        return _integer(0, 86_400 * per_second - 1)
    if pa.types.is_unsigned_integer(kind):
        return _integer(0, 2**kind.bit_width - 1)
    return _integer(-(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1)


def draw(kind: pa.DataType, source: random.Random, nullable: bool) -> Any:
    """One value of a type; None for null."""
    if nullable and source.random() < 0.15:
        return None
    if pa.types.is_list(kind):
        return [
            draw(kind.value_type, source, kind.value_field.nullable)
            for _ in range(source.choice((0, 1, 2, 5)))
        ]
    if pa.types.is_map(kind):
        keys = {draw(kind.key_type, source, False) for _ in range(source.choice((0, 1, 3)))}
        return [(key, draw(kind.item_type, source, kind.item_field.nullable)) for key in sorted(keys)]
    if pa.types.is_struct(kind):
        return {field.name: draw(field.type, source, field.nullable) for field in kind}
    return _maker(kind)(source)


def to_array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """An Arrow array of values in the form of `draw`."""
    if pa.types.is_decimal(kind):
        raw = b"".join((value or 0).to_bytes(16, "little", signed=True) for value in values)
        present = pa.array([value is not None for value in values], pa.bool_()).buffers()[1]
        return pa.Array.from_buffers(kind, len(values), [present, pa.py_buffer(raw)])
    if pa.types.is_temporal(kind):
        return pa.array(values, _integers_of(kind)).view(kind)
    if pa.types.is_float32(kind):
        return pa.array(values, pa.float64()).cast(pa.float32(), safe=False)
    return pa.array(values, kind)


def from_array(array: pa.Array | pa.ChunkedArray) -> list[Any]:
    """The values of an array in the form of `draw`; floats as text, so that NaN equals itself and -0.0 not 0.0."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    kind = array.type
    if pa.types.is_decimal(kind):
        raw = array.buffers()[1].to_pybytes()[16 * array.offset :] if len(array) else b""
        values = (int.from_bytes(raw[16 * i : 16 * i + 16], "little", signed=True) for i in range(len(array)))
        return [
            value if valid else None
            for value, valid in zip(values, array.is_valid().to_pylist(), strict=True)
        ]
    if pa.types.is_temporal(kind):
        return array.view(_integers_of(kind)).to_pylist()
    if pa.types.is_floating(kind) or pa.types.is_nested(kind):
        return [None if value is None else repr(value) for value in array.to_pylist()]
    return array.to_pylist()


def _integers_of(kind: pa.DataType) -> pa.DataType:
    return pa.int32() if kind.bit_width == 32 else pa.int64()


def rows_of(table: pa.Table) -> list[tuple[Any, ...]]:
    """All rows as tuples that compare exactly."""
    if table.num_columns == 0:
        return [()] * table.num_rows
    return list(zip(*(from_array(column) for column in table.columns), strict=True))


KEY_TYPES: tuple[pa.DataType, ...] = (
    pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(),
    pa.decimal128(5, 2), pa.decimal128(38, -3), pa.date32(), pa.time32("s"), pa.time32("ms"), pa.time64("us"),
    pa.time64("ns"), pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("us", "UTC"),
    pa.timestamp("ns", "Europe/Berlin"), pa.string(), pa.binary(), pa.binary(1), pa.binary(8), pa.binary(20),
)  # fmt: skip

VALUE_TYPES: tuple[pa.DataType, ...] = (
    *KEY_TYPES, pa.float32(), pa.float64(), pa.list_(pa.field("element", pa.int32())),
    pa.list_(pa.field("element", pa.string(), nullable=False)),
    pa.struct([pa.field("a", pa.int64()), pa.field("b", pa.string(), nullable=False)]),
    pa.map_(pa.string(), pa.int16()),
    pa.list_(pa.field("element", pa.struct([("x", pa.float64()), ("y", pa.list_(pa.field("element", pa.bool_())))]))),
    pa.struct([pa.field("m", pa.map_(pa.int32(), pa.binary())), pa.field("f", pa.binary(3))]),
)  # fmt: skip
