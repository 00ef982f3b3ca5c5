"""Buckets that stay open between scans: planned once, let go with their files, never more than a limit."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.lsm import cache as caches
from tablestore.lsm import window
from tablestore.lsm.cache import FileCache
from tablestore.lsm.run import OpenBucket, Run, sorted_runs

SCHEMA = pa.schema([pa.field("k", pa.int64(), nullable=False), ("v", pa.int32())])


@pytest.fixture
def table(table_path: Path) -> ts.Table:
    """Five overlapping runs of one bucket in small blocks."""
    made = ts.create_table(
        table_path, SCHEMA, primary_key=["k"],
        options={"compaction": "manual", "durability": "none", "block-rows": 5},
    )  # fmt: skip
    for number in range(5):
        made.upsert(pa.table([range(number, 200, 2), [number] * len(range(number, 200, 2))], schema=SCHEMA))
    return made


def runs_of(table: ts.Table) -> list[Run]:
    core = table._core
    return sorted_runs(core.entries(core.lineage.newest().snapshot))


def cache_of(table: ts.Table) -> FileCache:
    return table._core.cache


def bounds_of(windows: object) -> list[list[tuple[int, int]]]:
    assert isinstance(windows, tuple)
    return [[(part.start, part.stop) for part in found.slices] for found in windows]


def test_a_bucket_is_kept_with_its_windows(table: ts.Table) -> None:
    runs = runs_of(table)
    bucket = cache_of(table).open_bucket(runs)
    assert cache_of(table).open_bucket(list(runs)) is bucket
    assert cache_of(table).open_bucket(runs[1:]) is not bucket
    windows = window.cut((b"", 0), bucket, 50)
    assert window.cut((b"", 0), bucket, 50) is windows


@pytest.mark.parametrize("bounds", [(None, None), (30, None), (None, 90), (30, 90)])
def test_windows_are_those_of_what_is_asked(table: ts.Table, bounds: tuple[int | None, int | None]) -> None:
    bucket = cache_of(table).open_bucket(runs_of(table))
    low, high = (None if bound is None else (bound + (1 << 63)).to_bytes(8, "big") for bound in bounds)
    for rows in (20, 70, 20, 1000, 70):
        window.cut((b"", 0), bucket, 33, high, None)
        found = window.cut((b"", 0), bucket, rows, low, high)
        fresh = window.cut((b"", 0), OpenBucket(cache_of(table).open_runs(runs_of(table))), rows, low, high)
        assert bounds_of(found) == bounds_of(fresh)


def test_scans_see_commits_and_compactions(table: ts.Table) -> None:
    for number in range(3):
        before = table.scan().to_arrow()
        assert table.scan().to_arrow() == before
        table.upsert(pa.table([[1000 + number], [number]], schema=SCHEMA))
        assert table.scan().count() == before.num_rows + 1
        table.compact()
        assert table.scan().count() == before.num_rows + 1


def test_a_bucket_goes_with_any_of_its_files(table: ts.Table) -> None:
    cache, runs = cache_of(table), runs_of(table)
    bucket, other = cache.open_bucket(runs), cache.open_bucket(runs[:2])
    cache.drop(runs[-1].files)
    assert cache.open_bucket(runs) is not bucket
    assert cache.open_bucket(runs[:2]) is other
    cache.forget()
    assert cache.open_bucket(runs[:2]) is not other


def test_no_more_files_than_the_limit(table: ts.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "BUCKET_FILES_MAX", 4)
    cache, runs = cache_of(table), runs_of(table)
    first, second = cache.open_bucket(runs[:2]), cache.open_bucket(runs[1:3])
    assert cache.open_bucket(runs[:2]) is first
    third = cache.open_bucket(runs[3:])
    assert cache.open_bucket(runs[3:]) is third
    assert cache.open_bucket(runs[:2]) is first
    assert cache.open_bucket(runs[1:3]) is not second
    assert cache.open_bucket(runs).joint.rows.sum() == sum(run.rows for run in runs)
