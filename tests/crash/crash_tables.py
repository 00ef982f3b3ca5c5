"""A small table, the operations that crash tests interrupt, and what must hold after any interruption."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

import tablestore as ts
from tablestore.storage import Storage

SCHEMA = pa.schema([("id", pa.int64()), ("city", pa.string()), ("amount", pa.float64())])
Rows = dict[int, tuple[str | None, float | None]]

# A fourth run starts a compaction, so that the commit after those of the template brings one along.
OPTIONS: dict[str, str | int] = {"compaction.trigger": 4, "compaction.stop": 6, "compression": "none"}


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory in memory where there is one: thousands of small tables are made and checked."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    path = Path(tempfile.mkdtemp(prefix="tablestore-crash-", dir=memory))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def rows_of(first: int, count: int, mark: str) -> list[dict[str, object]]:
    return [
        {"id": first + i, "city": f"{mark}-{(first + i) % 2}", "amount": float(first + i)}
        for i in range(count)
    ]


def create(place: str | Path | Storage, partitioned: bool) -> ts.Table:
    """partitioned: by a column outside the key, so that rows move between partitions."""
    return ts.create_table(
        place, SCHEMA, primary_key=["id"], partition_by=["city"] if partitioned else [], options=OPTIONS
    )


def build_template(path: Path, partitioned: bool) -> Rows:
    """A table with three runs; returns its rows."""
    table = create(path, partitioned)
    table.upsert(rows_of(0, 12, "a"))
    table.upsert(rows_of(6, 12, "b"))
    table.delete([1, 2])
    return read_rows(table)


def read_rows(table: ts.Table | ts.View) -> Rows:
    """All rows by key; a key that occurs twice is an error."""
    data = table.scan().to_arrow()
    found = {
        key: (city, amount)
        for key, city, amount in zip(*(data.column(name).to_pylist() for name in SCHEMA.names), strict=True)
    }
    assert len(found) == data.num_rows, "a key occurs twice"
    return found


def upsert(table: ts.Table) -> None:
    table.upsert(rows_of(4, 10, "c"))


def delete(table: ts.Table) -> None:
    table.delete([4, 5, 99])


def compact(table: ts.Table) -> None:
    table.compact(full=True)


def write(table: ts.Table) -> None:
    with table.writer("job") as writer:
        writer.upsert(rows_of(20, 5, "d"))
        writer.delete([0])
        writer.commit(commit_id=1)


def overwrite(table: ts.Table) -> None:
    table.overwrite(rows_of(40, 3, "e"))


OPERATIONS: dict[str, Callable[[ts.Table], None]] = {
    "upsert": upsert,
    "delete": delete,
    "compact": compact,
    "write": write,
    "overwrite": overwrite,
}


def check_alive(path: Path, expected: Rows, state: str) -> None:
    """The next commit works without repair, and a deep check finds nothing."""
    table = ts.open_table(path)
    table.upsert([{"id": 1_000, "city": "next", "amount": 0.5}])
    assert read_rows(ts.open_table(path)) == {**expected, 1_000: ("next", 0.5)}, state
    result = table.verify(deep=True)
    assert result.ok, (state, result.findings)
