"""The table moves on at any call of a short operation on its newest snapshot: others commit, compact, expire and clean.

What reads then answers by the snapshot that it began with or by a newer one, and never with an error.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import tablestore as ts
from tablestore.storage.faulty import CountedCalls, FaultyStorage
from tests.retention.tables import Rows, create, row, rows_of
from tests.retention.test_stalled import OWN, StallingCalls, meanwhile, rows_after_meanwhile

STEPS = 5
STOPS = 12  # of one operation in the short form
KEPT = 5  # a key that `meanwhile` does not touch
Answer = Rows | None
Operation = Callable[[ts.Table], Answer]


def scan(table: ts.Table) -> Answer:
    return rows_of(table)


def dataset(table: ts.Table) -> Answer:
    found = table.to_dataset().to_table().to_pylist()
    return {item["id"]: (item["city"], item["amount"]) for item in found}


def tag(table: ts.Table) -> Answer:
    version = table.tag("eod").version
    view = table.at(tag="eod")
    assert view.version == version
    return rows_of(view)


def changes(table: ts.Table) -> Answer:
    """All changes up to the newest, since a snapshot that is kept."""
    found = table.changes("first").to_arrow().to_pylist()
    return {item["id"]: (item["city"], item["amount"]) for item in found if item["_row_kind"] in ("+I", "+U")}


def earliest(table: ts.Table) -> Answer:
    with table.follow("earliest", until=0) as follower:
        version = follower.version + 1
    assert version == 1 or version >= table._core.lineage.boundary()
    return None


def get(table: ts.Table) -> Answer:
    assert table.get(KEPT)["amount"] == 2
    assert table.get([KEPT, 1_000]).num_rows == 1
    return None


def count(table: ts.Table) -> Answer:
    assert len(table) in (6, 12)
    return None


def files(table: ts.Table) -> Answer:
    assert table.files().num_rows > 0
    assert table.levels().num_rows > 0
    return None


def history(table: ts.Table) -> Answer:
    assert table.history().num_rows > 0
    return None


def verify(table: ts.Table) -> Answer:
    result = table.verify(deep=True)
    assert result.ok, result.findings
    return None


def compact(table: ts.Table) -> Answer:
    with suppress(ts.CommitUnknownError):  # it was published, and expired before its writer could look again
        table.compact()
    return rows_of(table)


READS: dict[str, Operation] = {
    operation.__name__: operation
    for operation in (scan, dataset, tag, changes, earliest, get, count, files, history, verify, compact)
}  # fmt: skip


def places(path: Path, operation: Callable[[ts.Table], Any]) -> list[tuple[int, bool]]:
    """Every call of opening the table and of the operation, before and after it."""
    calls = CountedCalls()
    operation(ts.open_table(FaultyStorage(path, calls)))
    return [(at, after) for at in range(1, calls.count + 1) for after in (False, True)]


def some(found: list[tuple[int, bool]], count: int | None) -> list[tuple[int, bool]]:
    """`count` of them, spread evenly; all if it is None."""
    step = 1 if count is None else max(1.0, len(found) / count)
    return [found[int(index * step)] for index in range(int(len(found) / step))]


def template(path: Path, **options: str | int) -> Rows:
    table = create(path, False, **options)
    table.tag("first")
    for step in range(3):
        table.upsert([row(key, step) for key in range(6)])
    return rows_of(table)


def check_read(path: Path, name: str, stops: int | None) -> None:
    before = template(path / "template")
    after = rows_after_meanwhile(before, STEPS)
    shutil.copytree(path / "template", path / "counted")
    stopped = 0
    for at, after_effect in some(places(path / "counted", READS[name]), stops):
        shutil.copytree(path / "template", path / "table")
        stalling = StallingCalls(at, after_effect, lambda: meanwhile(path / "table", STEPS))
        answer = READS[name](ts.open_table(FaultyStorage(path / "table", stalling)))
        stopped += stalling.stopped
        assert answer in (None, before, after), (at, after_effect)
        shutil.rmtree(path / "table")
    assert stopped >= (stops or 20) / 3


ALL = pytest.mark.parametrize("name", READS)


@ALL
def test_the_table_moves_on_at_some_calls(tmp_path: Path, name: str) -> None:
    check_read(tmp_path, name, STOPS)


@pytest.mark.soak
@pytest.mark.timeout(0)
@ALL
def test_the_table_moves_on_at_every_call(tmp_path: Path, name: str) -> None:
    check_read(tmp_path, name, None)


def upsert(table: ts.Table) -> None:
    table.upsert([row(key, 1) for key in OWN])


def check_automatic(path: Path, stops: int | None, caplog: pytest.LogCaptureFixture) -> None:
    """Back-pressure and compaction after the commit look at the newest snapshot, too; they fail in silence."""
    template(path / "template", compaction="auto", **{"compaction.stop": 3})
    shutil.copytree(path / "template", path / "counted")
    for at, after_effect in some(places(path / "counted", upsert), stops):
        shutil.copytree(path / "template", path / "table")
        stalling = StallingCalls(at, after_effect, lambda: meanwhile(path / "table", STEPS))
        table = ts.open_table(FaultyStorage(path / "table", stalling))
        with suppress(ts.CommitConflictError, ts.CommitUnknownError):
            upsert(table)
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING], (
            at,
            after_effect,
        )
        assert rows_of(ts.open_table(path / "table"))[KEPT] == ("a", 2)
        shutil.rmtree(path / "table")


def test_automatic_compaction_while_the_table_moves_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    check_automatic(tmp_path, 2 * STOPS, caplog)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_automatic_compaction_while_the_table_moves_on_at_every_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    check_automatic(tmp_path, None, caplog)
