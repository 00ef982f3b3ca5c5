"""What changes cost beside a full scan (spec ch. 14): 1,000 changed rows of a large table, clustered, random and new.

Builds the table once in --directory and leaves it there. Prints one JSON object: for each case seconds of a handle that
was open before, seconds and bytes of a fresh one, each the least of some turns, and ratios to a full scan of the run.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import tablestore as ts
from benchmarks.growth import build
from benchmarks.workload import random_rows
from tablestore.storage.local import LocalStorage
from tablestore.storage.system import SystemCalls

ROWS = 20_000_000
CHANGED = 1_000
TURNS = 5


class CountingCalls(SystemCalls):
    """System calls that count the bytes that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def read(self, file: int, targets: Sequence[memoryview], offset: int) -> int:
        count = super().read(file, list(targets), offset)
        self.bytes += count
        return count


def table_of(directory: Path, rows: int) -> ts.Table:
    """The compacted table, built if it is not there."""
    path = directory / str(rows)
    if path.exists():
        return ts.open_table(str(path))
    return build(path, rows, np.random.default_rng(7))


def measure(path: str, read: Callable[[ts.Table], Any], turns: int) -> dict[str, float]:
    """Seconds and bytes of a read by a handle that has nothing in memory; the operating system may have."""
    calls = CountingCalls()
    counted = ts.open_table(LocalStorage(path, calls))
    calls.bytes = 0
    read(counted)
    seconds = []
    for _ in range(turns):
        table = ts.open_table(path)
        started = time.perf_counter()
        read(table)
        seconds.append(time.perf_counter() - started)
    return {"seconds": min(seconds), "bytes": calls.bytes}


def keys_of(name: str, random: np.random.Generator, rows: int, turn: int) -> npt.NDArray[np.int64]:
    """Keys that one turn of a case upserts."""
    if name == "clustered":
        start = int(random.integers(0, rows - CHANGED))
        return np.arange(start, start + CHANGED, dtype=np.int64)
    if name == "random":
        return random.choice(rows, CHANGED, replace=False).astype(np.int64)
    return np.arange(rows + turn * CHANGED, rows + (turn + 1) * CHANGED, dtype=np.int64)


def count_rows(batches: Any) -> int:
    """Reads a stream and lets go of it."""
    return sum(batch.num_rows for batch in batches)


def run_case(
    table: ts.Table, name: str, columns: list[str] | None, rows: int, turns: int
) -> dict[str, float]:
    """`turns` commits; after each its changes by a handle that has followed so far, after the last by fresh ones."""
    random = np.random.default_rng()
    follower = ts.open_table(table.path)
    count_rows(follower.scan(limit=1).to_batches())
    seconds = []
    before = until = table.version
    for turn in range(turns):
        before = until
        until = table.upsert(random_rows(random, keys_of(name, random, rows, turn))).version
        started = time.perf_counter()
        found = follower.changes(before, until, columns=columns)
        assert count_rows(found.to_batches()) in (CHANGED, 2 * CHANGED)
        seconds.append(time.perf_counter() - started)
    fresh = measure(
        table.path,
        lambda handle: count_rows(handle.changes(before, until, columns=columns).to_batches()),
        turns,
    )
    return {
        "seconds": min(seconds),
        "seconds_fresh": fresh["seconds"],
        "bytes_fresh": fresh["bytes"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Time changes of 1,000 rows beside a full scan.")
    parser.add_argument("--directory", type=Path, required=True, help="where the table is or will be")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--turns", type=int, default=TURNS)
    arguments = parser.parse_args()
    table = table_of(arguments.directory, arguments.rows)
    base = table.version
    whole = measure(
        table.path, lambda handle: count_rows(handle.scan().to_batches()), max(1, arguments.turns // 2)
    )
    result: dict[str, Any] = {"rows": arguments.rows, "scan": whole}
    for name in ("clustered", "random", "new"):
        for columns in (None, ["salary"]):
            found = run_case(table, name, columns, arguments.rows, arguments.turns)
            ratios = {
                "seconds_ratio": found["seconds"] / whole["seconds"],
                "bytes_ratio": found["bytes_fresh"] / whole["bytes"],
            }
            result[name if columns is None else f"{name}, one column"] = found | ratios
            table.rollback(base)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
