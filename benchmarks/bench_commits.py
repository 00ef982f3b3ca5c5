"""Many one-row commits into one table, with automatic compaction and expiry now and then: does the last one cost what
the hundredth did?

Prints one JSON object: milliseconds a commit (median) around the hundredth and at the end, their ratio by the clock and
by the time of the processor, the mean with everything that compaction and expiry cost, milliseconds to open the table
at the end, and the files that are left.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import tablestore as ts
from benchmarks.workload import SCHEMA, random_rows

WINDOW = 200  # commits that a median is of; the first is of those around the hundredth
OPENED = 5


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
    path = directory / "table"
    table = ts.create_table(path, SCHEMA, primary_key="id", buckets=4, options={"durability": durability})
    times = np.zeros((2, commits))  # of the clock, of the processor
    started = time.perf_counter()
    for index in range(commits):
        row = rows.slice(index % rows.num_rows, 1)
        before = time.perf_counter(), time.process_time()
        table.upsert(row)
        times[:, index] = time.perf_counter() - before[0], time.process_time() - before[1]
        if (index + 1) % expire_every == 0:
            table.expire_snapshots(keep_last=keep_last)
        if step is not None:
            step(index + 1)
    seconds = time.perf_counter() - started
    first = np.median(times[:, : min(WINDOW, commits)], axis=1)
    last = np.median(times[:, -min(WINDOW, commits) :], axis=1)
    live = table._core.lineage.newest().snapshot.totals.files
    return Figures(
        commits=commits,
        durability=durability,
        hundredth=round(float(first[0]) * 1e3, 3),
        last=round(float(last[0]) * 1e3, 3),
        ratio=round(float(last[0] / first[0]), 3),
        processor_ratio=round(float(last[1] / first[1]), 3),
        mean=round(seconds / commits * 1e3, 3),
        slowest=round(float(times[0].max()) * 1e3, 1),
        open=round(statistics.median(opened(path)[0] for _ in range(OPENED)) * 1e3, 2),
        open_and_plan=round(statistics.median(opened(path)[1] for _ in range(OPENED)) * 1e3, 2),
        data_files=len(list(path.glob("bucket-*/*.sst"))),
        manifests=len(list((path / "manifest").iterdir())),
        snapshots=len(list((path / "snapshot").glob("snapshot-*"))),
        live_files=live,
        seconds=round(seconds, 1),
    )


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
