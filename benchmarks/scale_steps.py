"""The steps of `scale.py`, each in a process of its own so that its memory can be told. Prints one JSON object.

python -m benchmarks.scale_steps scan --directory DIRECTORY --rows 1000000
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"

import numpy as np
import numpy.typing as npt
import pyarrow as pa

import tablestore as ts
from benchmarks.workload import SCHEMA, random_rows

BUCKETS = 4
BATCH_ROWS = 250_000
LOAD_COMMITS, UPSERT_COMMITS = 10, 8
STRIDE = 61_803_399  # has no factor of two or five: i -> i * STRIDE mod 10^k is a permutation
UPSERT_SHARE = 100  # a commit of upserts replaces a hundredth of the rows
READ_REPEATS = 5  # of small tables
Figures = dict[str, Any]


class Rows:
    """Rows made when they are needed: ids in scattered order, ages that tell the version of the row."""

    def __init__(self) -> None:
        self._pool = random_rows(np.random.default_rng(5), np.arange(2 * BATCH_ROWS))

    def batch(self, ids: npt.NDArray[np.int64], version: int) -> pa.Table:
        """The rows with these ids as the commit `version` writes them."""
        start = int(ids[0]) % BATCH_ROWS
        rows = self._pool.slice(start, len(ids))
        rows = rows.set_column(0, SCHEMA.field(0), pa.array(ids))
        return rows.set_column(3, SCHEMA.field(3), pa.array(ages(ids, version)))


def ages(ids: npt.NDArray[np.int64], version: int) -> npt.NDArray[np.int32]:
    """int32[n]: 18 to 80."""
    mixed = (ids.astype(np.uint64) + np.uint64(version)) * np.uint64(0x9E3779B97F4A7C15)
    found: npt.NDArray[np.int32] = ((mixed >> np.uint64(40)) % np.uint64(63) + np.uint64(18)).astype(np.int32)
    return found


def expected_sum(rows: int, upserted: bool) -> int:
    """Sum of all ages after the load, or after the upserts too."""
    total = 0
    for start in range(0, rows, BATCH_ROWS):
        ids = np.arange(start, min(start + BATCH_ROWS, rows), dtype=np.int64)
        commits = ids % UPSERT_SHARE
        version = np.where(commits < UPSERT_COMMITS, commits + 1, 0) if upserted else np.zeros_like(ids)
        for number in np.unique(version):
            total += int(ages(ids[version == number], int(number)).sum(dtype=np.int64))
    return total


def _write(
    table: ts.Table, source: Rows, count: int, version: int, id_of: Callable[[Any], Any]
) -> tuple[float, float]:
    """One commit of `count` rows. Seconds in the writer, and in commit alone."""
    seconds = 0.0
    with table.writer() as writer:
        for start in range(0, count, BATCH_ROWS):
            ids = id_of(np.arange(start, min(start + BATCH_ROWS, count), dtype=np.int64))
            batch = source.batch(ids, version)
            started = time.perf_counter()
            writer.upsert(batch)
            seconds += time.perf_counter() - started
        started = time.perf_counter()
        writer.commit()
        return seconds + time.perf_counter() - started, time.perf_counter() - started


def load(directory: Path, rows: int) -> Figures:
    """Ten commits of a tenth of the rows each, through a streaming writer."""
    source = Rows()
    options = {"compaction": "manual"}
    table = ts.create_table(str(directory), SCHEMA, primary_key="id", buckets=BUCKETS, options=options)
    base = _resident()
    seconds = 0.0
    share = rows // LOAD_COMMITS
    for number in range(LOAD_COMMITS):
        first = number * share
        seconds += _write(table, source, share, 0, lambda n, first=first: (n + first) * STRIDE % rows)[0]
    return _figures(seconds, rows, base)


def upsert(directory: Path, rows: int) -> Figures:
    """Eight commits that replace a hundredth of the rows each."""
    source = Rows()
    table = ts.open_table(str(directory))
    base = _resident()
    share = rows // UPSERT_SHARE
    seconds = 0.0
    for number in range(UPSERT_COMMITS):

        def scattered(n: Any, number: int = number) -> Any:
            return n * STRIDE % share * UPSERT_SHARE + number

        seconds += _write(table, source, share, number + 1, scattered)[0]
    return _figures(seconds, share * UPSERT_COMMITS, base)


def scan(directory: Path, rows: int, upserted: bool = False) -> Figures:
    """Stream every row of every column as record batches; nothing is kept."""
    table = ts.open_table(str(directory))
    base = _resident()
    seconds = []
    for _ in range(READ_REPEATS if rows <= 10_000_000 else 1):
        count = total = 0
        spent = 0.0
        batches = iter(table.scan().to_batches())
        while True:
            started = time.perf_counter()
            batch = next(batches, None)
            spent += time.perf_counter() - started
            if batch is None:
                break
            count += batch.num_rows
            total += int(np.asarray(batch.column(3)).sum(dtype=np.int64))
        del batches, batch
        seconds.append(spent)
    right = rows, expected_sum(rows, upserted)
    if (count, total) != right:
        raise SystemExit(f"scan answered {(count, total)}, right is {right}")
    return _figures(statistics.median(seconds), rows, base)


def scan_unmerged(directory: Path, rows: int) -> Figures:
    """The same after the upserts."""
    return scan(directory, rows, upserted=True)


def compact(directory: Path, rows: int) -> Figures:
    """Merge everything."""
    table = ts.open_table(str(directory))
    base = _resident()
    started = time.perf_counter()
    table.compact(full=True)
    return _figures(time.perf_counter() - started, rows, base)


def _figures(seconds: float, rows: int, base: float) -> Figures:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return {
        "seconds": seconds,
        "nanoseconds_per_row": seconds * 1e9 / rows,
        "base_mebibytes": base,
        "peak_mebibytes": peak,
    }


def _resident() -> float:
    """MiB of this process before the work: interpreter, libraries, source rows."""
    gc.collect()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


STEPS = {
    "load": load,
    "compact": compact,
    "scan": scan,
    "upsert": upsert,
    "scan_unmerged": scan_unmerged,
}


def main() -> None:
    from benchmarks import scale_files

    steps = STEPS | scale_files.STEPS
    parser = argparse.ArgumentParser(description="One step of the measurement of large tables.")
    parser.add_argument("step", choices=steps)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--rows", type=int, required=True, help="rows, or files, of the table")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    print(json.dumps(steps[arguments.step](arguments.directory, arguments.rows)))


if __name__ == "__main__":
    main()
