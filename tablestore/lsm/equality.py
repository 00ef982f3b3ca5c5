"""Which rows of two columns hold equal values (spec §14.3): equal as they are stored, bit for bit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore.file import vector as vectors
from tablestore.file.vector import Vector
from tablestore.types import ColumnType

Mask = npt.NDArray[np.bool_]


def rows_equal(left: Vector, right: Vector) -> Mask:
    """bool[n]: for two columns of one type and length n, whether the values of each row are equal."""
    if left.type.nested:
        assert left.nested is not None
        assert right.nested is not None
        return _nested_equal(left.nested, right.nested, left.type)
    left_valid, right_valid = _valid(left), _valid(right)
    equal = _values_equal(left, right)
    if left_valid is None and right_valid is None:
        return equal
    everywhere = np.ones(left.length, bool)
    left_valid = everywhere if left_valid is None else left_valid
    right_valid = everywhere if right_valid is None else right_valid
    return np.where(left_valid & right_valid, equal, left_valid == right_valid)


def _valid(column: Vector) -> Mask | None:
    return None if column.validity is None else _bits(column.validity, column.length)


def _bits(bitmap: npt.NDArray[np.uint8], length: int) -> Mask:
    return np.unpackbits(bitmap, count=length, bitorder="little").view(bool)


def _values_equal(left: Vector, right: Vector) -> Mask:
    """Whether the stored values are equal; where one of them is null the answer means nothing."""
    count = left.length
    if left.type.kind == "bits":
        same_bits: Mask = _bits(left.values, count) == _bits(right.values, count)
        return same_bits
    if left.type.kind == "fixed":
        width = left.type.width
        if width in (1, 2, 4, 8):
            same: Mask = left.typed(f"u{width}") == right.typed(f"u{width}")
            return same
        both = [column.values[: count * width].reshape(count, width) for column in (left, right)]
        result: Mask = (both[0] == both[1]).all(axis=1)
        return result
    return _texts_equal(left, right)


def _texts_equal(left: Vector, right: Vector) -> Mask:
    """Lengths first; the bytes of values of equal length are then compared side by side."""
    sizes = np.diff(left.offsets[: left.length + 1])
    equal: Mask = sizes == np.diff(right.offsets[: right.length + 1])
    rows = np.flatnonzero(equal)
    if not len(rows):
        return equal
    if len(rows) < left.length:
        index = rows.astype(np.uint32)
        left, right = left.take(index), right.take(index)
    starts = left.offsets[: len(rows) + 1].astype(np.int64)
    base = int(right.offsets[0]) - int(left.offsets[0])
    own = left.values[int(starts[0]) : int(starts[-1])]
    other = right.values[int(starts[0]) + base : int(starts[-1]) + base]
    wrong = np.flatnonzero(own != other) + int(starts[0])
    equal[rows[np.searchsorted(starts, wrong, "right") - 1]] = False
    return equal


def _array_equal(left: pa.Array, right: pa.Array, column_type: ColumnType) -> Mask:
    if column_type.nested:
        return _nested_equal(left, right, column_type)
    return rows_equal(vectors.from_arrow(left, column_type), vectors.from_arrow(right, column_type))


def _nested_equal(left: pa.Array, right: pa.Array, column_type: ColumnType) -> Mask:
    """Lists, maps and structs: nulls, lengths, then their children."""
    left_valid, right_valid = (np.asarray(array.is_valid()) for array in (left, right))
    equal: Mask = left_valid == right_valid
    rows = np.flatnonzero(left_valid & right_valid)
    if column_type.kind == "struct":
        chosen = [_taken(array, rows) for array in (left, right)]
        for place, child in enumerate(column_type.children):
            same = _array_equal(chosen[0].field(place), chosen[1].field(place), child.type)
            equal[rows[~same]] = False
        return equal
    sizes = [_lengths(array) for array in (left, right)]
    differ = sizes[0][rows] != sizes[1][rows]
    equal[rows[differ]] = False
    rows = rows[~differ]
    chosen = [_taken(array, rows) for array in (left, right)]
    child = column_type.children[0]
    if column_type.name == "map":
        elements = [pa.StructArray.from_arrays([a.keys, a.items], names=["key", "value"]) for a in chosen]
    else:
        elements = [array.values for array in chosen]
    same = _array_equal(elements[0], elements[1], child.type)
    equal[np.repeat(rows, sizes[0][rows])[~same]] = False
    return equal


def _lengths(array: pa.Array) -> npt.NDArray[np.int32]:
    """Elements of each list or map; of a null one whatever its offsets say."""
    sizes: npt.NDArray[np.int32] = np.diff(np.asarray(array.offsets))
    return sizes


def _taken(array: pa.Array, rows: npt.NDArray[np.int64]) -> pa.Array:
    """Some rows in buffers of their own, so that children begin at 0 and hold nothing else."""
    return array.take(pa.array(rows))
