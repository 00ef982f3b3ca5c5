"""Chunks of nested columns: round trips against the reference, and hostile trees."""

from __future__ import annotations

import random
import struct

import numpy as np
import pyarrow as pa
import pytest

from tablestore.errors import FormatError
from tablestore.file import nested
from tablestore.file import vector as vectors
from tablestore.reference import block as reference
from tablestore.reference.cursor import Cursor
from tablestore.reference.type import parse_type
from tablestore.types import ColumnType, from_arrow, to_json
from tests.model import value_pool

TYPES = [kind for kind in value_pool.VALUE_TYPES if pa.types.is_nested(kind)]


def chunk_of(array: pa.Array) -> tuple[np.ndarray, int]:
    column = from_arrow(array.type)
    vector = vectors.from_arrow(array, column)
    data, size, raw, *_ = nested.encode_chunks(vector, np.array([len(array)], np.int64), 1)
    assert int(size[0]) == len(data)
    return data, int(raw[0])


@pytest.fixture(params=TYPES, ids=str)
def array(request: pytest.FixtureRequest) -> pa.Array:
    source = random.Random(4)
    return pa.array([value_pool.draw(request.param, source, True) for _ in range(40)], request.param)


@pytest.mark.parametrize("start", [0, 1, 17])
def test_round_trip(array: pa.Array, start: int) -> None:
    part = array.slice(start)
    data, raw = chunk_of(part)
    found, found_raw = nested.decode_chunk(data, from_arrow(array.type), len(part), True)
    found.validate(full=True)
    assert value_pool.from_array(found) == value_pool.from_array(part)
    assert found_raw == raw


def test_the_reference_reads_it(array: pa.Array) -> None:
    data, raw = chunk_of(array)
    type_ = parse_type(to_json(from_arrow(array.type)))
    chunk = reference.decode_chunk(Cursor(data.tobytes()), type_, True, len(array))
    assert (chunk.raw_size, chunk.nulls) == (raw, array.null_count)


def test_every_truncation_and_flip_is_an_error_or_a_value(array: pa.Array) -> None:
    """Without the checksum around it a chunk may be anything: never a crash, never another error."""
    data, _ = chunk_of(array)
    column = from_arrow(array.type)
    for size in range(len(data)):
        with pytest.raises(FormatError):
            nested.decode_chunk(data[:size].copy(), column, len(array), True)
    for bit in range(0, 8 * len(data), 3):
        flipped = data.copy()
        flipped[bit // 8] ^= 1 << bit % 8
        error = _decode_error(flipped, column, len(array))
        assert error is None or (error.offset is not None and 0 <= error.offset <= len(data))


def _decode_error(chunk: np.ndarray, column: ColumnType, rows: int) -> FormatError | None:
    """The error of decoding, or None if the values are valid."""
    try:
        found, _ = nested.decode_chunk(chunk, column, rows, True)
    except FormatError as error:
        return error
    found.validate(full=True)
    return None


def test_lists_that_claim_too_much() -> None:
    """2^40 empty texts in a few bytes (spec §0.5)."""
    kind = pa.list_(pa.field("element", pa.string()))
    lengths = struct.pack("<BBHI", 0, 0, 0, 4) + struct.pack("<I", 1 << 28)
    child = struct.pack("<BBHI", 2, 0, 0, 1 << 28) + struct.pack("<BBHI", 0, 0, 0, 0)
    chunk = struct.pack("<BBHI", 3, 0, 0, 4096) + lengths + struct.pack("<I", len(child)) + child
    with pytest.raises(FormatError) as caught:
        nested.decode_chunk(np.frombuffer(chunk, np.uint8), from_arrow(kind), 4096, True)
    assert caught.value.code == "limit-exceeded"


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.binary(),
        pa.bool_(),
        pa.time32("s"),
        pa.binary(20),
        pa.list_(pa.field("element", pa.int8(), nullable=False)),
        pa.struct([pa.field("c", pa.int32(), nullable=False), pa.field("d", pa.string())]),
    ],
    ids=str,
)
def test_required_child_of_a_null_struct(kind: pa.DataType) -> None:
    """Arrow leaves null children under a null parent; a column that is not nullable must not say so (spec §5.3)."""
    outer = pa.struct([pa.field("a", pa.int64()), pa.field("b", kind, nullable=False)])
    values = [None, *(value_pool.draw(outer, random.Random(seed), False) for seed in range(3)), None]
    array = value_pool.to_array(values, outer).take(pa.array([0, 1, None, 2, 3, 4]))
    column = from_arrow(outer)
    end = np.array([len(array)], np.int64)
    chunk = nested.encode_chunks(vectors.from_arrow(array, column), end, 1)[0]
    found, _ = nested.decode_chunk(chunk, column, len(array), True)
    assert value_pool.from_array(found) == value_pool.from_array(array)
    reference.decode_chunk(Cursor(chunk.tobytes()), parse_type(to_json(column)), True, len(array))
