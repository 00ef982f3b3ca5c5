"""Sustained ingest with automatic compaction: rows a second and write amplification of a growing table.

Every commit brings rows with random int64 keys and four more columns. Prints one JSON object: rows a second over
all, and over each fifth of the run (flat if nothing falls behind), bytes written to data files by the bytes of
level 0 files (the write amplification), the slowest commit, and the sorted runs of a bucket at the end.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

import tablestore as ts
from benchmarks.workload import SCHEMA, random_rows

SOURCES = 4  # batches of other columns that the commits take turns with


def batches(rows: int, commit_rows: int) -> list[pa.Table]:
    """All commits, made before the clock starts; only the keys differ from commit to commit."""
    random = np.random.default_rng(11)
    sources = [random_rows(random, np.arange(commit_rows)) for _ in range(SOURCES)]
    made = []
    for index in range(rows // commit_rows):
        keys = pa.array(random.integers(0, 1 << 62, commit_rows))
        made.append(sources[index % SOURCES].set_column(0, SCHEMA.field(0), keys))
    return made


def measure(
    directory: Path, rows: int, commit_rows: int, buckets: int, options: dict[str, str]
) -> dict[str, object]:
    """Load `rows` and wait until compaction has caught up."""
    commits = batches(rows, commit_rows)
    table = ts.create_table(
        str(directory / "table"), SCHEMA, primary_key="id", buckets=buckets, options=options
    )
    level0 = 0
    seconds = []
    started = time.perf_counter()
    for batch in commits:
        before = time.perf_counter()
        level0 += table.upsert(batch).bytes
        seconds.append(time.perf_counter() - before)
    table.compact()
    elapsed = time.perf_counter() - started
    written = sum(path.stat().st_size for path in (directory / "table").glob("bucket-*/*.sst"))
    parts = [part for part in np.array_split(np.array(seconds), 5) if len(part)]
    return {
        "rows": rows,
        "commit_rows": commit_rows,
        "buckets": buckets,
        "rows_per_second": round(rows / elapsed),
        "rows_per_second_by_fifth": [round(len(part) * commit_rows / part.sum()) for part in parts],
        "write_amplification": round(written / level0, 2),
        "slowest_commit_seconds": round(max(seconds), 3),
        "runs_of_a_bucket": max(table.levels()["runs"].to_pylist()),
        "level0_bytes_per_row": round(level0 / rows, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure sustained ingest with automatic compaction.")
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--commit-rows", type=int, default=500_000)
    parser.add_argument("--buckets", type=int, default=4)
    parser.add_argument("--directory", type=Path, help="where to make the table (default: a temporary one)")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="a table option")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(dir=arguments.directory))
    try:
        options = dict(option.split("=", 1) for option in arguments.option)
        figures = measure(directory, arguments.rows, arguments.commit_rows, arguments.buckets, options)
        print(json.dumps(figures))
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
