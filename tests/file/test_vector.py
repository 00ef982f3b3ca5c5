"""Columns in memory: what Arrow gives, sliced anywhere, comes back the same."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from tablestore.file import vector as vectors
from tablestore.types import from_arrow
from tests.model import value_pool

ROWS = 70


@pytest.fixture(params=value_pool.VALUE_TYPES, ids=str)
def array(request: pytest.FixtureRequest) -> pa.Array:
    source = random.Random(3)
    return value_pool.to_array(
        [value_pool.draw(request.param, source, True) for _ in range(ROWS)], request.param
    )


def same(left: pa.Array, right: pa.Array) -> bool:
    left.validate(full=True)
    return value_pool.from_array(left) == value_pool.from_array(right)


@pytest.mark.parametrize(
    ("start", "length"), [(0, ROWS), (0, 0), (1, 1), (3, 20), (8, 16), (9, ROWS - 9), (ROWS, 0)]
)
def test_slices_of_arrow_arrays(array: pa.Array, start: int, length: int) -> None:
    part = array.slice(start, length)
    vector = vectors.from_arrow(part, from_arrow(array.type))
    assert vector.length == length
    assert same(vector.to_arrow(), part)


def test_take(array: pa.Array) -> None:
    vector = vectors.from_arrow(array, from_arrow(array.type))
    for index in ([], [0], [5, 5, 1, ROWS - 1], list(range(ROWS))[::-1]):
        chosen = np.array(index, np.uint32)
        taken = vector.take(chosen)
        assert same(taken.to_arrow(), array.take(pa.array(index, pa.int64())))
        again = taken.take(np.arange(len(index), dtype=np.uint32))
        assert same(again.to_arrow(), taken.to_arrow())


def test_concat(array: pa.Array) -> None:
    column = from_arrow(array.type)
    parts = [vectors.from_arrow(array.slice(start, 13), column) for start in (0, 13, 40)]
    joined = vectors.concat(parts)
    assert joined.length == 39
    assert same(joined.to_arrow(), pa.concat_arrays([array.slice(start, 13) for start in (0, 13, 40)]))


def test_nulls(array: pa.Array) -> None:
    made = vectors.nulls(from_arrow(array.type), 9).to_arrow()
    assert made.null_count == 9
    assert len(made) == 9
    made.validate(full=True)
