"""Tables of very many files: manifests that name files which were never written, so that only metadata costs.

What is measured never opens a data file: plans, and commits of other rows.
"""

from __future__ import annotations

import datetime
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import tablestore as ts
from tablestore import types
from tablestore.file import keys, layout, sst
from tablestore.file.manifest import ADDED, Change, Entry
from tablestore.lsm.condition import plain_column
from tablestore.transaction import Proposal, Transaction

BUCKETS = 4
DAYS = 1_000
FIRST_DAY = datetime.date(2023, 1, 1)
COMMIT_FILES = 20_000
FILE_ROWS = 1_000
COMMITS = 200
SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("day", pa.date32(), nullable=False),
        pa.field("value", pa.float64()),
    ]
)
Figures = dict[str, Any]


def build_files(directory: Path, files: int) -> Figures:
    """A table partitioned by day with so many entries, in commits of 20,000 files."""
    table = ts.create_table(
        str(directory), SCHEMA, primary_key=["id", "day"], partition_by=["day"], buckets=BUCKETS,
        options={"compaction": "manual"},
    )  # fmt: skip
    core = table._core
    field = core.schema.partition_fields[0]
    days = [FIRST_DAY + datetime.timedelta(days=number) for number in range(DAYS)]
    column = plain_column([types.plain_value(day, field.type) for day in days], field)
    partitions = keys.encode_tuples([column], DAYS)
    encoded = [partitions.key(number) for number in range(DAYS)]
    random = np.random.default_rng(3)
    statistics_of_file = np.zeros(3, sst.STATISTICS_ENTRY)
    statistics_of_file["field"] = np.arange(3)
    statistics_of_file["flags"] = 1
    statistics_of_file["maximum"] = 1 << 63
    started = time.perf_counter()
    for first in range(0, files, COMMIT_FILES):
        changes = []
        base = core.lineage.newest().id
        for number in range(first, min(first + COMMIT_FILES, files)):
            low = int(random.integers(0, 1 << 40))
            entry = Entry(
                encoded[number % DAYS], number // DAYS % BUCKETS, layout.new_file_id(base), 0, 20_000 + number % 999,
                int(random.integers(1, 1 << 62)), FILE_ROWS, 0, low.to_bytes(8, "big"),
                (low + (1 << 38)).to_bytes(8, "big"), 0, 0, 0, core.schema.id, statistics_of_file.tobytes(),
            )  # fmt: skip
            changes.append(Change(ADDED, entry))
        Transaction(core, lambda _, changes=changes: Proposal("append", changes)).commit()
    return {"seconds": time.perf_counter() - started}


def plan(directory: Path, files: int) -> Figures:
    """Open a table and plan a scan of all of it, in a fresh process."""
    return _plan(directory, None, files)


class _NoPandas:
    """An import finder to which pandas is not installed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Looks like a finder that finds nothing, but for pandas."""
        del path, target
        if name == "pandas":
            raise ModuleNotFoundError("not in this process", name=name)


def plan_filtered(directory: Path, files: int) -> Figures:
    """Open a table and plan a scan of one day, in a fresh process in which pyarrow finds no pandas."""
    sys.meta_path.insert(0, _NoPandas())
    return plan_filtered_pandas(directory, files)


def plan_filtered_pandas(directory: Path, files: int) -> Figures:
    """The same where pandas is installed: pyarrow loads it when it converts the first Python value."""
    return _plan(directory, f"day = '{FIRST_DAY + datetime.timedelta(days=417)}'", files // DAYS)


def _plan(directory: Path, condition: str | None, expected: int) -> Figures:
    base = _peak()
    started = time.perf_counter()
    table = ts.open_table(str(directory))
    opened = time.perf_counter()
    found = _planned_files(table, condition)
    planned = time.perf_counter()
    if found != expected:
        raise SystemExit(f"planned {found} files, right is {expected}")
    _planned_files(table, condition)
    again = time.perf_counter() - planned
    return {
        "open_seconds": opened - started,
        "seconds": planned - opened,
        "again_seconds": again,
        "base_mebibytes": base,
        "peak_mebibytes": _peak(),
    }


def _planned_files(table: ts.Table, condition: str | None) -> int:
    """Files that a scan would read, by bucket."""
    scan = table.scan(filter=condition)
    found = scan._plan(table.version)
    if not len(found):
        raise SystemExit("the plan has no buckets")
    return len(found.files)


def commit_one(directory: Path, files: int) -> Figures:
    """Fsynced commits of one row each into a table of so many files."""
    del files
    table = ts.open_table(str(directory))
    samples = []
    for number in range(COMMITS):
        row = pa.table([[-1 - number], [FIRST_DAY], [0.5]], schema=SCHEMA)
        started = time.perf_counter()
        table.upsert(row)
        samples.append(time.perf_counter() - started)
    samples.sort()
    return {
        "seconds": statistics.median(samples),
        "p99_seconds": samples[int(0.99 * COMMITS)],
        "most_seconds": samples[-1],
        "peak_mebibytes": _peak(),
    }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


STEPS = {
    "build_files": build_files,
    "plan": plan,
    "plan_filtered": plan_filtered,
    "plan_filtered_pandas": plan_filtered_pandas,
    "commit_one": commit_one,
}
