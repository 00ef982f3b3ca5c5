"""One process of many on a table that is expired and cleaned all the time.

`python -m tests.retention.worker ROLE TABLE SECONDS [unleased]` prints what it met as JSON.
"""

from __future__ import annotations

import datetime
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable

import tablestore as ts
from tablestore import lease
from tablestore.errors import StorageError
from tests.retention.tables import row, rows_of

KEYS = 20
NOW = datetime.timedelta(0)
Step = Callable[[ts.Table, int], None]


def write(table: ts.Table, step: int) -> None:
    """All keys get the same value in one commit."""
    table.upsert([row(key, step) for key in range(KEYS)])
    if step % 4 == 0:
        table.compact(full=True)


def check(view: ts.View) -> None:
    """A reader sees one whole commit."""
    found = rows_of(view)
    assert sorted(found) == list(range(KEYS)), found
    assert len(set(found.values())) == 1, found


def read(table: ts.Table, step: int) -> None:
    check(table)
    assert table.get(step % KEYS) is not None
    assert table.get([1, 2, 3]).num_rows == 3
    assert len(table) == KEYS


def travel(table: ts.Table, step: int) -> None:
    """A view is kept while the others go on."""
    view = table.at(version=table.version)
    for _ in range(3):
        check(view)
        table._core.cache.forget()
        time.sleep(random.random() * 0.02)


def expire(table: ts.Table, step: int) -> None:
    table.expire_snapshots(keep_last=1)


def clean(table: ts.Table, step: int) -> None:
    """Not without a pause: each time it may refuse all commits that are under way."""
    time.sleep(0.1)
    table.remove_orphan_files(dry_run=False, older_than=NOW)


STEPS: dict[str, Step] = {step.__name__: step for step in (write, read, travel, expire, clean)}


def without_leases() -> None:
    """As in a store that cannot be written."""

    def refuse(self: lease.Lease) -> None:
        raise StorageError(30, "no leases here")

    lease.Lease._write = refuse  # type: ignore[method-assign]


def main() -> None:
    role, path, seconds, *rest = sys.argv[1:]
    if rest:
        without_leases()
    end = time.monotonic() + float(seconds)
    met: Counter[str] = Counter()
    step = 1
    while time.monotonic() < end:
        try:
            # Every other time with nothing open or in memory.
            table = ts.open_table(path) if step % 2 else table  # noqa: F821
            STEPS[role](table, step)
            met["done"] += 1
        except (ts.SnapshotExpiredError, ts.CommitConflictError, ts.CommitUnknownError) as error:
            met[type(error).__name__] += 1
        step += 1
    print(json.dumps(met))


if __name__ == "__main__":
    main()
