"""Windows cut a bucket into key ranges: every row in exactly one, no key in two, about the size asked for."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.file.column_reader import extent_of
from tablestore.file.key_reader import read_keys
from tablestore.lsm import window
from tablestore.lsm.run import OpenRun, sorted_runs


@pytest.fixture(params=["int64", "string", "long string", "composite"])
def runs(request: pytest.FixtureRequest, table_path: Path) -> list[OpenRun]:
    """Six overlapping runs of one bucket in small blocks."""
    fields = {
        "int64": [("k", pa.int64())],
        "string": [("k", pa.string())],
        "long string": [("k", pa.string())],
        "composite": [("k", pa.string()), ("l", pa.int16())],
    }[request.param]
    schema = pa.schema([*(pa.field(name, kind, nullable=False) for name, kind in fields), ("v", pa.int32())])
    table = ts.create_table(
        table_path, schema, primary_key=[name for name, _ in fields],
        options={"compaction": "manual", "durability": "none", "block-rows": 5},
    )  # fmt: skip
    source = random.Random(3)
    for number in range(6):
        keys = sorted({source.randrange(400) for _ in range(60)})
        columns = {
            "int64": [keys],
            "string": [[f"key {k:04d}" for k in keys]],
            "long string": [["same" * 20 + f"{k:04d}" for k in keys]],
            "composite": [[f"{k // 50}" for k in keys], [k % 50 for k in keys]],
        }[request.param]
        arrays = [pa.array(column, kind) for column, (_, kind) in zip(columns, fields, strict=True)]
        table.upsert(
            pa.Table.from_arrays([*arrays, pa.array([number] * len(keys), pa.int32())], schema=schema)
        )
    core = table._core
    return core.cache.open_runs(sorted_runs(core.entries(core.lineage.newest().snapshot)))


def keys_of(part: window.Window) -> list[list[bytes]]:
    """Encoded keys of each slice."""
    found = []
    for piece in part.slices:
        encoded, _ = read_keys(piece.pieces(), piece.run.key_fields)
        found.append([encoded.key(row) for row in range(piece.stop - piece.start)])
    return found


def whole(run: OpenRun) -> window.Window:
    """All rows of a run."""
    return window.Window((b"", 0), (window.Slice(run, 0, run.rows),), extent_of(run.pieces(0, run.rows)))


@pytest.mark.parametrize("rows", [1, 7, 50, 10_000])
def test_windows_part_the_rows(runs: list[OpenRun], rows: int) -> None:
    windows = window.cut((b"", 0), runs, rows)
    everything = sorted(key for run in runs for key in keys_of(whole(run))[0])
    found = [keys_of(part) for part in windows]
    assert sorted(key for part in found for keys in part for key in keys) == everything
    ranges = [(min(map(min, part)), max(map(max, part))) for part in found]
    assert all(left[1] < right[0] for left, right in pairwise(ranges))
    assert len(windows) == 1 or rows < 10_000
    first_runs = [[runs.index(piece.run) for piece in part.slices] for part in windows]
    assert all(order == sorted(order) for order in first_runs), "slices are oldest first"


def test_windows_are_about_as_large_as_asked(runs: list[OpenRun]) -> None:
    total = sum(run.rows for run in runs)
    windows = window.cut((b"", 0), runs, 60)
    sizes = [part.rows for part in windows]
    assert sum(sizes) == total
    if len(windows) > 1:  # keys that agree in their first 64 bytes cannot be cut apart
        assert max(sizes) <= 3 * 60


def test_windows_of_a_range(runs: list[OpenRun]) -> None:
    """[low, high) holds every key of the range; blocks at its ends may bring a few more."""
    everything = sorted({key for run in runs for key in keys_of(whole(run))[0]})
    low, high = everything[len(everything) // 3][:64], everything[2 * len(everything) // 3][:64]
    found = {
        key for part in window.cut((b"", 0), runs, 20, low, high) for keys in keys_of(part) for key in keys
    }
    assert {key for key in everything if low <= key < high} <= found
    if low != high:
        assert all(key >= low for key in found)
