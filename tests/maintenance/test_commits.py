"""A long life of small commits: the last costs what the hundredth did, and so does opening the table."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tablestore as ts
from benchmarks import bench_commits
from benchmarks.workload import SCHEMA, random_rows
from tablestore.storage.faulty import CountedCalls, FaultyStorage
from tests.maintenance.test_live_files import by_place


@contextmanager
def counted_functions() -> Iterator[list[int]]:
    """Counts calls of functions, of Python and of C, in this thread: what a commit costs, on any machine."""
    count = [0]

    def called(frame: Any, event: str, argument: Any) -> None:
        if event in ("call", "c_call"):
            count[0] += 1

    sys.setprofile(called)
    try:
        yield count
    finally:
        sys.setprofile(None)


def cost(table: ts.Table, calls: CountedCalls, keys: Iterator[int]) -> tuple[float, float]:
    """Median of function calls and of system calls of a commit of one row, over a hundred commits."""
    functions, system = [], []
    for _ in range(100):
        row = random_rows(np.random.default_rng(next(keys)), np.array([next(keys)]))
        before = calls.count
        with counted_functions() as count:
            table.upsert(row)
        functions.append(count[0])
        system.append(calls.count - before)
    return statistics.median(functions), statistics.median(system)


@pytest.mark.parametrize(("compaction", "commits"), [("auto", 1_500), ("manual", 700)])
def test_the_last_of_thousands_of_commits_costs_what_the_hundredth_did(
    tmp_path: Path, compaction: str, commits: int
) -> None:
    calls = CountedCalls()
    storage = FaultyStorage(tmp_path / "t", calls)
    options = {"durability": "none", "compaction": compaction}
    table = ts.create_table(storage, SCHEMA, primary_key="id", buckets=4, options=options)
    keys = iter(range(1_000_000))
    random = np.random.default_rng(1)
    rows = random_rows(random, random.integers(0, 1_000_000, commits - 200))
    for index in range(100):
        table.upsert(rows.slice(index, 1))
    early = cost(table, calls, keys)
    for index in range(100, commits - 200):
        table.upsert(rows.slice(index, 1))
        if compaction == "auto" and index % 500 == 499:
            table.expire_snapshots(keep_last=20)
    late = cost(table, calls, keys)
    assert late[0] <= early[0] * 1.25, "functions called by a commit"
    assert late[1] <= early[1] * 1.25, "system calls of a commit"
    snapshot = table._core.lineage.newest().snapshot
    assert len(snapshot.manifests) < 40
    if compaction == "auto":
        assert snapshot.totals.files < 4 * 20
        assert len(list((tmp_path / "t" / "snapshot").glob("snapshot-*"))) < 600
    # The newest snapshot is opened with few reads, whatever came before it.
    again = CountedCalls()
    opened = ts.open_table(FaultyStorage(tmp_path / "t", again))
    files = opened._core.files(opened._core.lineage.newest().snapshot)
    assert again.count < 40 + 12 * len(snapshot.manifests)
    assert by_place(files.entries()) == by_place(table._core.entries(snapshot))


@pytest.mark.soak
def test_the_last_of_100_000_commits_costs_what_the_hundredth_did(tmp_path: Path) -> None:
    if "TABLESTORE_SOAK_SECONDS" not in os.environ:
        pytest.skip("a long run: TABLESTORE_SOAK_SECONDS=600 or `make soak`")
    found = bench_commits.measure(tmp_path, 100_000)
    assert found.ratio <= 1.5, found
    assert found.processor_ratio <= 1.5, found
    assert found.open_and_plan <= 50, found
    assert found.live_files < 4 * 20, found
    assert found.data_files < 2_000, found
    assert found.snapshots <= 1_200, found
