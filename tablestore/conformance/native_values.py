"""Columns of the native code in the JSON forms of vectors (see values.py), and back."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore import types
from tablestore.conformance.values import from_number, number
from tablestore.file import vector as vectors
from tablestore.file.vector import Vector
from tablestore.types import ColumnType

Bytes = npt.NDArray[np.uint8]


def to_bytes(data: bytes) -> Bytes:
    """The bytes as a numpy array of their own."""
    return np.frombuffer(data, np.uint8).copy()


def pack_variable(values: Sequence[bytes]) -> tuple[npt.NDArray[np.int32], Bytes]:
    """offsets int32[n + 1] and the bytes of all values."""
    ends = np.cumsum([0, *(len(value) for value in values)])
    return ends.astype(np.int32), to_bytes(b"".join(values))


def cut_variable(offsets: npt.NDArray[Any], data: Bytes) -> list[bytes]:
    """The values between the offsets."""
    raw = data.tobytes()
    ends = offsets.tolist()
    return [raw[start:end] for start, end in pairwise(ends)]


def pack_bits(bits: Sequence[object]) -> Bytes:
    return np.packbits(np.array([bool(bit) for bit in bits], np.uint8), bitorder="little")


def unpack_bits(bitmap: Bytes, length: int) -> list[bool]:
    return [bool(bit) for bit in np.unpackbits(bitmap, count=length, bitorder="little").tolist()]


def to_vector(type_: ColumnType, values: Sequence[object]) -> Vector:
    """A column of a key type from JSON forms; null slots hold zeros or nothing."""
    present = [value is not None for value in values]
    validity = None if all(present) else pack_bits(present)
    if type_.kind == "variable":
        raw = [_text_bytes(type_, value) for value in values]
        offsets, data = pack_variable(raw)
        return Vector(type_, len(values), data, offsets, validity)
    if type_.kind == "bits":
        return Vector(type_, len(values), pack_bits(values), validity=validity)
    raw_values = b"".join(_fixed_bytes(type_, value) for value in values)
    return Vector(type_, len(values), to_bytes(raw_values), validity=validity)


def _text_bytes(type_: ColumnType, value: object) -> bytes:
    if value is None:
        return b""
    return str(value).encode() if type_.utf8 else bytes.fromhex(str(value))


def _fixed_bytes(type_: ColumnType, value: object) -> bytes:
    if value is None:
        return bytes(type_.width)
    if type_.hint == types.HINT_OPAQUE:
        return bytes.fromhex(str(value))
    if type_.floating:
        return bytes.fromhex(str(value))[::-1]
    return (from_number(value) % (1 << 8 * type_.width)).to_bytes(type_.width, "little")


def forms(vector: Vector) -> list[object]:
    """The JSON forms of a column."""
    if vector.nested is not None:
        return _nested_forms(vector.nested, vector.type)
    present = [True] * vector.length
    if vector.validity is not None:
        present = unpack_bits(vector.validity, vector.length)
    values = _leaf_forms(vector)
    return [value if there else None for value, there in zip(values, present, strict=True)]


def _leaf_forms(vector: Vector) -> list[object]:
    type_ = vector.type
    if type_.kind == "bits":
        return list(unpack_bits(vector.values, vector.length))
    if type_.kind == "variable":
        raw = cut_variable(vector.offsets[: vector.length + 1], vector.values)
        return [value.decode() if type_.utf8 else value.hex() for value in raw]
    data = vector.values.tobytes()
    width = type_.width
    slots = [data[at : at + width] for at in range(0, vector.length * width, width)]
    if type_.hint == types.HINT_OPAQUE:
        return [slot.hex() for slot in slots]
    if type_.floating:
        return [slot[::-1].hex() for slot in slots]
    return [number(int.from_bytes(slot, "little", signed=type_.signed)) for slot in slots]


def array_forms(array: pa.Array, type_: ColumnType) -> list[object]:
    """The JSON forms of an Arrow array of `type_.arrow`."""
    if type_.nested:
        return _nested_forms(array, type_)
    return forms(vectors.from_arrow(array, type_))


def _nested_forms(array: pa.Array, type_: ColumnType) -> list[object]:
    present = array.is_valid().to_pylist()
    if type_.kind == "struct":
        children = [array_forms(array.field(index), child.type) for index, child in enumerate(type_.children)]
        rows: list[object] = [list(row) for row in zip(*children, strict=True)]
        return [row if there else None for row, there in zip(rows, present, strict=True)]
    if type_.name == "map":
        key, value = type_.children[0].type.children
        pairs = zip(array_forms(array.keys, key.type), array_forms(array.items, value.type), strict=True)
        elements: list[object] = [list(pair) for pair in pairs]
    else:
        elements = array_forms(array.values, type_.children[0].type)
    ends = array.offsets.to_pylist()
    slices = zip(ends, ends[1:], present, strict=False)
    return [elements[start:end] if there else None for start, end, there in slices]


def rank_words(keys: Sequence[bytes]) -> npt.NDArray[np.uint64]:
    """Dense ranks of byte strings, in their order."""
    places = {key: place for place, key in enumerate(sorted(set(keys)))}
    return np.array([places[key] for key in keys], np.uint64)


def float_of(bits: object, type_: ColumnType) -> float:
    """The value of a float that is given by its bits in hexadecimal digits."""
    layout = ">f" if type_.width == 4 else ">d"
    value: float = struct.unpack(layout, bytes.fromhex(str(bits)))[0]
    return value
