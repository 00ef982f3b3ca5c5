"""Rows of two columns are equal if they are stored as the same bytes (spec §14.3)."""

from __future__ import annotations

import random
import struct

import pyarrow as pa
import pytest

from tablestore import types
from tablestore.file import vector as vectors
from tablestore.lsm.equality import rows_equal
from tests.model import value_pool


def equal(left: pa.Array, right: pa.Array) -> list[bool]:
    column = types.from_arrow(left.type)
    return [
        bool(same) for same in rows_equal(vectors.from_arrow(left, column), vectors.from_arrow(right, column))
    ]


@pytest.mark.parametrize("kind", value_pool.VALUE_TYPES, ids=str)
def test_like_a_comparison_in_python(kind: pa.DataType) -> None:
    source = random.Random(str(kind))
    for _ in range(60):
        count = source.choice((0, 1, 2, 9, 40))
        left = [value_pool.draw(kind, source, True) for _ in range(count + 3)]
        right = [value if source.random() < 0.6 else value_pool.draw(kind, source, True) for value in left]
        arrays = [value_pool.to_array(values, kind).slice(2, count) for values in (left, right)]
        rows = [value_pool.from_array(array) for array in arrays]
        assert equal(*arrays) == [a == b for a, b in zip(*rows, strict=True)]


@pytest.mark.parametrize("kind", value_pool.VALUE_TYPES, ids=str)
def test_rows_taken_out_of_a_column_equal_themselves(kind: pa.DataType) -> None:
    source = random.Random(7)
    array = value_pool.to_array([value_pool.draw(kind, source, True) for _ in range(50)], kind)
    picked = pa.array(source.choices(range(50), k=120))
    assert all(equal(array.take(picked), array.take(picked)))


def floats(*bits: int) -> pa.Array:
    return pa.Array.from_buffers(
        pa.float64(), len(bits), [None, pa.py_buffer(struct.pack(f"<{len(bits)}Q", *bits))]
    )


def test_floats_by_their_bits() -> None:
    left = floats(0x7FF8000000000000, 0x7FF8000000000000, 0, 1)
    right = floats(0x7FF8000000000000, 0x7FF8000000000001, 1 << 63, 1)
    assert equal(left, right) == [True, False, False, True]
    wrapped = [pa.StructArray.from_arrays([side], names=["x"]) for side in (left, right)]
    assert equal(*wrapped) == [True, False, False, True]


def test_what_a_null_hides_does_not_count() -> None:
    mask = pa.py_buffer(b"\x01")
    sides = [
        pa.Array.from_buffers(pa.int32(), 2, [mask, pa.py_buffer(struct.pack("<2i", 5, hidden))])
        for hidden in (1, 2)
    ]
    assert equal(*sides) == [True, True]
    lists = [pa.array([[1], None], pa.list_(pa.field("element", pa.int32()))), None]
    offsets, values = pa.array([0, 1, 3], pa.int32()), pa.array([1, 8, 9], pa.int32())
    lists[1] = pa.Array.from_buffers(
        lists[0].type, 2, [mask, offsets.buffers()[1]], children=[values]
    )  # a null list that has elements
    assert equal(*lists) == [True, True]
    assert equal(lists[1], lists[0]) == [True, True]
