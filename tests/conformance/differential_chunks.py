"""Random columns, as chunks of both implementations."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyarrow as pa

from tablestore import types
from tablestore.conformance import native_values, values
from tablestore.conformance.native_values import to_bytes
from tablestore.file import nested
from tablestore.file import vector as vectors
from tablestore.file.sst_writer import encode_chunks
from tablestore.reference.block import decode_chunk
from tablestore.reference.cursor import Cursor
from tablestore.reference.type import Type, parse_type
from tablestore.types import ColumnType
from tests.conformance.differential import WORDS

ELEMENT = {"name": "element", "type": "string", "nullable": True}
TYPES: tuple[object, ...] = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64",
    "decimal128(5,2)", "decimal128(38,0)", "date32", "time32(s)", "time64(ns)", "timestamp(us,UTC)", "string",
    "string", "binary", "fixed_binary(3)",
    {"list": ELEMENT},
    {"list": {"name": "element", "type": {"list": ELEMENT}, "nullable": True}},
    {"struct": [{"name": "a", "type": "int64", "nullable": True}, {"name": "b", "type": "string", "nullable": True}]},
    {"map": [{"name": "key", "type": "int32", "nullable": False}, {"name": "value", "type": "bool", "nullable": True}]},
)  # fmt: skip


def leaf_value(draw: random.Random, type_: Type) -> object:
    """A Python value as the reference has it: floats are their bits."""
    if type_.form == "bits":
        return draw.random() < 0.7
    if type_.name in ("string", "binary"):
        text = draw.choice(WORDS)
        return text.decode("latin-1") if type_.name == "string" else text + draw.choice(WORDS)
    if type_.family == "fixed_binary":
        return bytes(draw.getrandbits(8) for _ in range(type_.width))
    if type_.limit:
        low = 1 - type_.limit if type_.family == "decimal128" else 0
        return draw.choice((low, type_.limit - 1, 0, draw.randint(low, type_.limit - 1)))
    bits = draw.randint(0, 8 * type_.width)
    number = draw.getrandbits(bits) if bits else 0
    return number - (1 << 8 * type_.width) if type_.signed and number >> (8 * type_.width - 1) else number


def value(draw: random.Random, type_: Type, nullable: bool) -> object:
    if nullable and draw.random() < 0.2:
        return None
    if type_.form == "list":
        child = type_.children[0]
        return [value(draw, child.type, child.nullable) for _ in range(draw.choice((0, 0, 1, 2, 5)))]
    if type_.form == "struct":
        return tuple(value(draw, child.type, child.nullable) for child in type_.children)
    return leaf_value(draw, type_)


def column(draw: random.Random, type_: Type, nullable: bool, count: int) -> list[object]:
    """Values of which some repeat."""
    pool = [value(draw, type_, nullable) for _ in range(draw.choice((1, 2, count)))]
    return [draw.choice(pool) for _ in range(count)]


def arrow_value(type_: ColumnType, item: object) -> Any:
    """A value of a nested type as Arrow takes it."""
    if isinstance(item, list):
        return [arrow_value(type_.children[0].type, part) for part in item]
    if isinstance(item, tuple):
        parts = [arrow_value(child.type, part) for child, part in zip(type_.children, item, strict=True)]
        names = [child.name for child in type_.children]
        return tuple(parts) if names == ["key", "value"] else dict(zip(names, parts, strict=True))
    return item


def native_encode(draw: random.Random, type_json: object, items: list[object], key: bool) -> bytes:
    """The chunk that the native writer makes of the values."""
    type_ = types.from_json(type_json)
    if type_.nested:
        array = pa.array([arrow_value(type_, item) for item in items], type_.arrow)
        vector = vectors.from_arrow(array, type_)
    else:
        stored = parse_type(type_json)
        vector = native_values.to_vector(type_, [values.to_json(stored, item) for item in items])
    level = draw.choice((0, 0, 1))
    encoded = encode_chunks(vector, np.array([len(items)], np.int64), level, key)
    return bytes(encoded[0].tobytes())


def native_decode(data: bytes, type_json: object, nullable: bool, rows: int) -> object:
    type_ = types.from_json(type_json)
    array, raw_size = nested.decode_chunk(to_bytes(data), type_, rows, nullable)
    return native_values.array_forms(array, type_), raw_size, array.null_count


def reference_decode(data: bytes, type_json: object, nullable: bool, rows: int) -> object:
    type_ = parse_type(type_json)
    chunk = decode_chunk(Cursor(data), type_, nullable, rows)
    return [values.to_json(type_, item) for item in chunk.values], chunk.raw_size, chunk.nulls
