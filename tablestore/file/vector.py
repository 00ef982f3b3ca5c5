"""A column of rows in memory, in Arrow's buffer layout: what chunks decode into and encode from.

A Vector owns plain numpy arrays so that kernels need no Arrow objects; nested columns stay Arrow arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore._native import gather
from tablestore.types import ColumnType

Bytes = npt.NDArray[np.uint8]
Index = npt.NDArray[np.uint32]


_NO_BYTES: Bytes = np.empty(0, np.uint8)
_NO_OFFSETS: npt.NDArray[np.int32] = np.empty(0, np.int32)


@dataclass(slots=True)
class Vector:
    """`length` values of one column.

    values: bits: Arrow bitmap, from bit 0; fixed: length × width raw bytes; variable: the bytes of all values.
    offsets: int32[length + 1], variable only, from 0. validity: Arrow bitmap from bit 0, or None when no value is null.
    nested: the Arrow array of a list, struct or map column; then the other members are empty.
    """

    type: ColumnType
    length: int
    values: Bytes = field(default_factory=lambda: _NO_BYTES)
    offsets: npt.NDArray[np.int32] = field(default_factory=lambda: _NO_OFFSETS)
    validity: Bytes | None = None
    nested: pa.Array | None = None

    @property
    def nbytes(self) -> int:
        """Bytes held by the buffers."""
        if self.nested is not None:
            return int(self.nested.nbytes)
        validity = 0 if self.validity is None else self.validity.nbytes
        return self.values.nbytes + self.offsets.nbytes + validity

    def typed(self, dtype: str) -> npt.NDArray[Any]:
        """Fixed values seen as numpy `dtype` of the same width."""
        return self.values[: self.length * np.dtype(dtype).itemsize].view(dtype)

    def take(self, index: Index) -> Vector:
        """Rows of `index` (uint32[m]), in that order."""
        count = len(index)
        if self.nested is not None:
            return Vector(self.type, count, nested=self.nested.take(pa.array(index)))
        validity = None if self.validity is None else gather.take_bits(self.validity, index)
        if self.type.kind == "bits":
            return Vector(self.type, count, gather.take_bits(self.values, index), validity=validity)
        if self.type.kind == "fixed":
            return Vector(
                self.type, count, gather.take_fixed(self.values, self.type.width, index), validity=validity
            )
        offsets, data = gather.take_variable(self.offsets, self.values, index)
        return Vector(self.type, count, data, offsets, validity)

    def to_arrow(self) -> pa.Array:
        """The column as an Arrow array; shares the buffers."""
        if self.nested is not None:
            return self.nested
        validity = None if self.validity is None else pa.py_buffer(self.validity)
        buffers: list[pa.Buffer | None] = [validity]
        if self.type.kind == "variable":
            buffers.append(pa.py_buffer(self.offsets))
        buffers.append(pa.py_buffer(self.values))
        return pa.Array.from_buffers(self.type.arrow, self.length, buffers)


def from_arrow(array: pa.Array, column_type: ColumnType) -> Vector:
    """The buffers of an Arrow array of exactly `column_type.arrow`; copies only what does not start at 0."""
    length = len(array)
    if column_type.kind in ("list", "struct"):
        return Vector(column_type, length, nested=array)
    validity_buffer, *rest = array.buffers()
    start = array.offset
    validity = None
    if validity_buffer is not None and array.null_count:
        validity = _bits(validity_buffer, start, length)
    if column_type.kind == "bits":
        return Vector(column_type, length, _bits(rest[0], start, length), validity=validity)
    if column_type.kind == "fixed":
        width = column_type.width
        raw = _raw(rest[0], start * width, length * width)
        return Vector(column_type, length, raw, validity=validity)
    offset_bytes = _raw(rest[0], start * 4, (length + 1) * 4)
    offsets = offset_bytes.view(np.int32) if len(offset_bytes) else np.zeros(1, np.int32)
    first, last = int(offsets[0]), int(offsets[-1])
    data = _raw(rest[1], first, last - first)
    return Vector(column_type, length, data, offsets - np.int32(first) if first else offsets, validity)


def constant(column_type: ColumnType, length: int, value: int) -> Vector:
    """`length` equal values of an integer column."""
    values = np.full(length, value, f"u{column_type.width}")
    return Vector(column_type, length, values.view(np.uint8))


def nulls(column_type: ColumnType, length: int) -> Vector:
    """`length` nulls: a column that a file, written under an older schema, does not have."""
    return from_arrow(pa.nulls(length, column_type.arrow), column_type)


def concat(vectors: Sequence[Vector]) -> Vector:
    """All values of `vectors`, which are of one type, one after another."""
    if len(vectors) == 1:
        return vectors[0]
    joined = pa.concat_arrays([vector.to_arrow() for vector in vectors])
    return from_arrow(joined, vectors[0].type)


def _raw(buffer: pa.Buffer | None, start: int, size: int) -> Bytes:
    if buffer is None or size == 0:
        return np.empty(0, np.uint8)
    return np.frombuffer(buffer, np.uint8, size, start)


def _bits(buffer: pa.Buffer, start: int, length: int) -> Bytes:
    """Bits [start, start + length) moved to bit 0, the unused bits of the last byte zero."""
    size = (length + 7) // 8
    if start % 8 == 0:
        bits = np.frombuffer(buffer, np.uint8, size, start // 8).copy()
    else:
        whole = np.frombuffer(buffer, np.uint8, (start + length + 7) // 8 - start // 8, start // 8)
        unpacked = np.unpackbits(whole, bitorder="little")[start % 8 : start % 8 + length]
        bits = np.packbits(unpacked, bitorder="little")
    if length % 8:
        bits[-1] &= (1 << (length % 8)) - 1
    return bits
