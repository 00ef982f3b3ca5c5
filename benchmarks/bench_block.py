"""All chunks of one column of many blocks (spec ch. 5), beside Parquet with zstd on the same column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.workload import random_rows
from tablestore._native import block, gather

PerRow = Callable[[str, str, int, Callable[[], Any]], Any]
BLOCK_ROWS = 8192
ROWS = 64 * BLOCK_ROWS
BLOCK_END = np.arange(BLOCK_ROWS, ROWS + 1, BLOCK_ROWS)
LEVEL = 1


class Column(NamedTuple):
    """One column of the workload; `hint` as in block.encode_fixed (0 opaque, 2 signed, 4 float64)."""

    hint: int
    key: bool


COLUMNS = {
    "id": Column(2, True),
    "age": Column(2, False),
    "salary": Column(4, False),
    "name": Column(0, False),
    "city": Column(0, False),
}


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    random = np.random.default_rng(11)
    ids = np.sort(random.choice(10 * ROWS, ROWS, replace=False)).astype(np.int64)
    return random_rows(random, ids).combine_chunks()


def encode(array: pa.Array, column: Column) -> Any:
    if pa.types.is_string(array.type):
        offsets, data = texts_of(array)
        return block.encode_variable(offsets, data, None, BLOCK_END, LEVEL, column.key)
    raw = np.asarray(array).view(np.uint8)
    return block.encode_fixed(raw, array.type.bit_width // 8, None, BLOCK_END, column.hint, LEVEL, column.key)


def texts_of(array: pa.Array) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    offsets = np.frombuffer(array.buffers()[1], np.int32)[: len(array) + 1]
    return offsets, np.frombuffer(array.buffers()[2], np.uint8)[: offsets[-1]]


def decoder(array: pa.Array, encoded: Any) -> Callable[..., Any]:
    """A call that decodes every chunk of the column, each whole, or the rows of an index."""
    data, size, raw_size = encoded[0], encoded[1], encoded[2]
    offset = (np.cumsum(size, dtype=np.uint64) - size).astype(np.uint64)
    counts = np.full(len(size), BLOCK_ROWS, np.uint32)
    places = (data, offset, size, counts, np.zeros_like(counts), counts)
    if pa.types.is_string(array.type):
        return lambda index=None: block.decode_variable(*places, raw_size, False, True, index)
    width = array.type.bit_width // 8
    return lambda index=None: block.decode_fixed(*places, width, False, 0, 0, index)


def take(array: pa.Array, decoded: Any, index: npt.NDArray[np.uint32]) -> Any:
    """The rows of an index out of a decoded column."""
    if pa.types.is_string(array.type):
        return gather.take_variable(decoded[0], decoded[1], index)
    return (gather.take_fixed(decoded[0], array.type.bit_width // 8, index),)


def write_parquet(array: pa.Array) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    table = pa.table({"column": array})
    pq.write_table(table, sink, compression="zstd", compression_level=LEVEL)
    return sink.getvalue()


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("implementation", ["native", "parquet"])
def test_encode(per_row: PerRow, rows: pa.Table, name: str, implementation: str) -> None:
    array = rows.column(name).chunk(0)
    calls = {
        "native": lambda: encode(array, COLUMNS[name]),
        "parquet": lambda: write_parquet(array),
    }
    result = per_row(f"encode {name}", implementation, ROWS, calls[implementation])
    assert len(result[0] if implementation == "native" else result) > 0


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("implementation", ["native", "parquet"])
def test_decode(per_row: PerRow, rows: pa.Table, name: str, implementation: str) -> None:
    array = rows.column(name).chunk(0)
    decode = decoder(array, encode(array, COLUMNS[name]))
    stored = write_parquet(array)
    calls = {
        "native": decode,
        "parquet": lambda: pq.read_table(pa.BufferReader(stored), use_threads=False),
    }
    result = per_row(f"decode {name}", implementation, ROWS, calls[implementation])
    if implementation == "parquet":
        assert result.column(0).combine_chunks().equals(array)
    elif pa.types.is_string(array.type):
        offsets, data = texts_of(array)
        assert np.array_equal(result[0], offsets)
        assert np.array_equal(result[1], data)
    else:
        assert np.array_equal(np.asarray(result[0]).view(np.asarray(array).dtype), np.asarray(array))


CHOSEN = {"a merge": 0.75, "a filter": 0.05, "a lookup": 0.003}


@pytest.mark.parametrize("case", CHOSEN)
@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("implementation", ["native", "decode, take"])
def test_chosen_rows(per_row: PerRow, rows: pa.Table, name: str, case: str, implementation: str) -> None:
    """As many rows as a merge, a filter or a lookup leaves, beside decoding all and taking these."""
    array = rows.column(name).chunk(0)
    decode = decoder(array, encode(array, COLUMNS[name]))
    index = np.flatnonzero(np.random.default_rng(5).random(ROWS) < CHOSEN[case]).astype(np.uint32)
    calls = {"native": lambda: decode(index), "decode, take": lambda: take(array, decode(), index)}
    result = per_row(f"{name}, rows of {case}", implementation, len(index), calls[implementation])
    expected = take(array, decode(), index)
    assert all(np.array_equal(found, part) for found, part in zip(result, expected, strict=False))


def test_size(rows: pa.Table) -> None:
    """All columns together take no more bytes than Parquet with zstd needs for them."""
    arrays = {name: rows.column(name).chunk(0) for name in COLUMNS}
    ours = sum(int(np.sum(encode(array, COLUMNS[name])[1])) for name, array in arrays.items())
    assert ours <= sum(len(write_parquet(array)) for array in arrays.values())
