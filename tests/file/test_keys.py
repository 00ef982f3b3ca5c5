"""Encoded keys of many rows against the reference, key by key: order, search, bounds, merge, sort, in both forms."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tablestore.file import keys
from tablestore.file import vector as vectors
from tablestore.file.keys import Keys
from tablestore.reference import key as reference
from tablestore.reference.primitive import hash64
from tablestore.reference.type import parse_type
from tablestore.types import from_arrow, to_json
from tests.model import value_pool

ROWS = 120


def encode(kinds: list[pa.DataType], rows: list[tuple[Any, ...]]) -> Keys:
    columns = [
        vectors.from_arrow(value_pool.to_array([row[i] for row in rows], kind), from_arrow(kind))
        for i, kind in enumerate(kinds)
    ]
    return keys.encode(columns, len(rows))


def draw(kinds: list[pa.DataType], seed: int) -> list[tuple[Any, ...]]:
    source = random.Random(seed)
    return [tuple(value_pool.draw(kind, source, False) for kind in kinds) for _ in range(ROWS)]


COLUMNS = [[kind] for kind in value_pool.KEY_TYPES] + [
    [pa.string(), pa.string()], [pa.string(), pa.int64()], [pa.int32(), pa.int32()], [pa.bool_(),
    pa.int16(), pa.uint8()],
    [pa.binary(), pa.binary(), pa.string()], [pa.int64(), pa.bool_()], [pa.binary(20), pa.string()],
]  # fmt: skip


@pytest.fixture(params=COLUMNS, ids=lambda kinds: ",".join(map(str, kinds)))
def kinds(request: pytest.FixtureRequest) -> list[pa.DataType]:
    return list(request.param)


def all_of(encoded: Keys) -> list[bytes]:
    return [encoded.key(row) for row in range(encoded.length)]


def test_encoding_and_hash(kinds: list[pa.DataType]) -> None:
    rows = draw(kinds, 1)
    encoded = encode(kinds, rows)
    types = [parse_type(to_json(from_arrow(kind))) for kind in kinds]
    expected = [reference.encode_key(types, list(row)) for row in rows]
    assert all_of(encoded) == expected
    assert encoded.hashes().tolist() == [hash64(item) for item in expected]


def test_sort_and_search(kinds: list[pa.DataType]) -> None:
    encoded = encode(kinds, draw(kinds, 2))
    plain = all_of(encoded)
    order, _ = encoded.sort(None, 1, None)
    ordered = encoded.take(order)
    assert all_of(ordered) == sorted(set(plain))
    last = {item: row for row, item in enumerate(plain)}
    assert order.tolist() == [last[item] for item in sorted(last)], "of equal keys the last row wins"
    assert ordered.first_disorder() == -1
    assert all_of(ordered.take(ordered.search(encoded).astype(np.uint32))) == plain
    others = encode(kinds, draw(kinds, 3))
    expected = [sorted(last).index(item) if item in last else -1 for item in all_of(others)]
    assert ordered.search(others).tolist() == expected


def test_disorder(kinds: list[pa.DataType]) -> None:
    encoded = encode(kinds, draw(kinds, 4))
    order, _ = encoded.sort(None, 1, None)
    if len(order) < 3:
        return
    swapped = order.copy()
    swapped[[1, 2]] = swapped[[2, 1]]
    assert encoded.take(swapped).first_disorder() == 2
    repeated = np.concatenate([order[:2], order[1:]])
    assert encoded.take(repeated).first_disorder() == 2


def test_lower_bound(kinds: list[pa.DataType]) -> None:
    encoded = encode(kinds, draw(kinds, 5))
    order, _ = encoded.sort(None, 1, None)
    ordered = encoded.take(order)
    plain = all_of(ordered)
    for probe in [item[:64] for item in all_of(encode(kinds, draw(kinds, 6)))]:
        assert ordered.lower_bound(probe) == sum(item < probe for item in plain)
    for probe in (b"", b"\0", b"\xff" * 64):
        if len(probe) <= len(plain[0]) or probe == b"":
            assert ordered.lower_bound(probe) == sum(item < probe for item in plain)


def test_merge(kinds: list[pa.DataType]) -> None:
    """Runs, oldest first: of equal keys that of the newest run, or that of the greatest rank."""
    runs = []
    for seed in range(5):
        drawn = encode(kinds, draw(kinds, 10 + seed))
        order, _ = drawn.sort(None, 1, None)
        runs.append(drawn.take(order))
    joined = keys.concat(runs)
    ends = np.cumsum([run.length for run in runs]).astype(np.int64)
    plain = all_of(joined)
    newest = {item: row for row, item in enumerate(plain)}
    assert joined.merge(ends, None).tolist() == [newest[item] for item in sorted(newest)]
    rank = np.random.default_rng(1).integers(0, 3, joined.length).astype(np.uint64)
    best: dict[bytes, int] = {}
    for row, item in enumerate(plain):
        if item not in best or rank[row] >= rank[best[item]]:
            best[item] = row
    assert joined.merge(ends, rank).tolist() == [best[item] for item in sorted(best)]


def test_bounds(kinds: list[pa.DataType]) -> None:
    encoded = encode(kinds, draw(kinds, 7))
    chosen = np.array([0, 5, ROWS - 1], np.int64)
    ends, data = encoded.bounds(chosen)
    starts = [0, *ends.tolist()[:-1]]
    found = [data.tobytes()[start:stop] for start, stop in zip(starts, ends.tolist(), strict=True)]
    assert found == [encoded.key(row)[:64] for row in chosen.tolist()]


def test_tuples() -> None:
    """Partition tuples (spec §3.3): nulls lowest, texts always terminated."""
    kinds = [pa.string(), pa.int32()]
    source = random.Random(8)
    rows = [tuple(value_pool.draw(kind, source, True) for kind in kinds) for _ in range(ROWS)]
    columns = [
        vectors.from_arrow(value_pool.to_array([row[i] for row in rows], kind), from_arrow(kind))
        for i, kind in enumerate(kinds)
    ]
    types = [parse_type(to_json(from_arrow(kind))) for kind in kinds]
    encoded = keys.encode_tuples(columns, ROWS)
    assert all_of(encoded) == [reference.encode_tuple(types, list(row)) for row in rows]
