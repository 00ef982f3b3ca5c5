"""Many one-row commits into one table, with automatic compaction and expiry now and then: does the last one cost what
the hundredth did?

At the end a copy that was made of the table after a hundred commits and the table itself are given commits in turn, so
that both meet the same machine. Prints one JSON object: milliseconds a commit (median) of both, their ratio by the
clock and by the time of the processor, the mean of all with everything that compaction and expiry cost, milliseconds to
open the table at the end, and to find all its files besides (the least of some turns), and the files that are left.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

import tablestore as ts
from benchmarks.workload import SCHEMA, random_rows

YOUNG = 100  # commits of the table's younger copy
WINDOW = 400  # commits that each of both is given at the end
OPENED = 9


@dataclass(frozen=True)
class Figures:
    """What was measured; times in milliseconds."""

    commits: int
    durability: str
    hundredth: float
    last: float
    ratio: float
    processor_ratio: float
    mean: float
    slowest: float
    open: float
    open_and_plan: float
    data_files: int
    manifests: int
    snapshots: int
    live_files: int
    seconds: float


def measure(
    directory: Path,
    commits: int,
    durability: str = "none",
    keys: int = 1_000_000,
    expire_every: int = 1_000,
    keep_last: int = 100,
    step: Callable[[int], None] | None = None,
) -> Figures:
    """Commit rows with random keys one by one. step(commits so far) is called after each."""
    random = np.random.default_rng(5)
    rows = random_rows(random, random.integers(0, keys, min(commits, 10_000)))
    path, young = directory / "table", directory / "young"
    table = ts.create_table(path, SCHEMA, primary_key="id", buckets=4, options={"durability": durability})
    slowest = 0.0
    started = time.perf_counter()
    for index in range(commits):
        if index == YOUNG:
            shutil.copytree(path, young)
        slowest = max(slowest, timed_commit(table, rows, index)[0])
        if (index + 1) % expire_every == 0:
            table.expire_snapshots(keep_last=keep_last)
        if step is not None:
            step(index + 1)
    seconds = time.perf_counter() - started
    first, last = compare(ts.open_table(young), table, rows)
    openings = [opened(path) for _ in range(OPENED)]
    live = table._core.lineage.newest().snapshot.totals.files
    return Figures(
        commits=commits,
        durability=durability,
        hundredth=round(float(first[0]) * 1e3, 3),
        last=round(float(last[0]) * 1e3, 3),
        ratio=round(float(last[0] / first[0]), 3),
        processor_ratio=round(float(last[1] / first[1]), 3),
        mean=round(seconds / commits * 1e3, 3),
        slowest=round(slowest * 1e3, 1),
        open=round(min(found[0] for found in openings) * 1e3, 2),
        open_and_plan=round(min(found[1] for found in openings) * 1e3, 2),
        data_files=len(list(path.glob("bucket-*/*.sst"))),
        manifests=len(list((path / "manifest").iterdir())),
        snapshots=len(list((path / "snapshot").glob("snapshot-*"))),
        live_files=live,
        seconds=round(seconds, 1),
    )


def timed_commit(table: ts.Table, rows: pa.Table, index: int) -> tuple[float, float]:
    """Commit one row; seconds of the clock and of the processor."""
    row = rows.slice(index % rows.num_rows, 1)
    before = time.perf_counter(), time.process_time()
    table.upsert(row)
    return time.perf_counter() - before[0], time.process_time() - before[1]


def compare(young: ts.Table, old: ts.Table, rows: pa.Table) -> tuple[npt.NDArray[np.float64], ...]:
    """Medians of commits into both tables in turn, by the clock and by the processor."""
    turns = [[timed_commit(table, rows, index) for table in (young, old)] for index in range(WINDOW)]
    medians = np.median(np.array(turns), axis=0)
    return medians[0], medians[1]


def opened(path: Path) -> tuple[float, float]:
    """Seconds to open the table, and to open it and find all its files."""
    started = time.perf_counter()
    table = ts.open_table(path)
    ready = time.perf_counter()
    table._core.files(table._core.lineage.newest().snapshot)
    return ready - started, time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure many one-row commits into one table.")
    parser.add_argument("--commits", type=int, default=100_000)
    parser.add_argument("--durability", choices=("full", "none"), default="full")
    parser.add_argument("--directory", type=Path, help="where to make the table (default: a temporary one)")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(dir=arguments.directory))
    try:
        print(json.dumps(asdict(measure(directory, arguments.commits, arguments.durability))))
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
