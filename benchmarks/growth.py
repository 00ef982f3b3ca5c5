"""Does a small upsert cost more in a large table? 1,000 rows into 1 M and into 20 M rows, taking turns.

Prints one JSON object: seconds (median) by table size, and the ratio large to small.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np

import tablestore as ts
from benchmarks.workload import SCHEMA, random_rows

SMALL, LARGE = 1_000_000, 20_000_000
COMMIT_ROWS = 500_000
UPSERT_ROWS = 1_000
TURNS = 15


def build(path: Path, rows: int, random: np.random.Generator) -> ts.Table:
    """A fully compacted table with ids 0 to rows - 1, loaded in random order."""
    options = {"compaction": "manual"}
    table = ts.create_table(str(path), SCHEMA, primary_key=["id"], buckets=4, options=options)
    ids = random.permutation(rows).astype(np.int64)
    for start in range(0, rows, COMMIT_ROWS):
        table.upsert(random_rows(random, ids[start : start + COMMIT_ROWS]))
    table.compact(full=True)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description="Time a 1,000-row upsert into a small and a large table.")
    parser.add_argument("--directory", type=Path, required=True, help="fresh directory for both tables")
    parser.add_argument(
        "--large", type=int, default=LARGE, help="rows of the large table (default 20,000,000)"
    )
    arguments = parser.parse_args()
    random = np.random.default_rng(7)
    sizes = (SMALL, arguments.large)
    tables = {rows: build(arguments.directory / str(rows), rows, random) for rows in sizes}
    seconds: dict[int, list[float]] = {rows: [] for rows in sizes}
    for _ in range(TURNS):
        for rows in sizes:
            batch = random_rows(random, random.choice(rows, UPSERT_ROWS, replace=False))
            started = time.perf_counter()
            tables[rows].upsert(batch)
            seconds[rows].append(time.perf_counter() - started)
    medians = {str(rows): statistics.median(values) for rows, values in seconds.items()}
    ratio = medians[str(arguments.large)] / medians[str(SMALL)]
    print(json.dumps(medians | {"ratio": ratio}))


if __name__ == "__main__":
    main()
