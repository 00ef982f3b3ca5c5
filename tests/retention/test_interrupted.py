"""Expiry and cleaning that end at any call, or in a power loss: the table is whole, another run finishes the work."""

from __future__ import annotations

import datetime
import errno
import random
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import tablestore as ts
from tablestore.file import layout, tag
from tablestore.storage import LocalStorage
from tablestore.storage.faulty import CountedCalls, FaultyCalls, FaultyStorage, Mode
from tablestore.storage.recorded import Operation, RecordedCalls, Unlink
from tests.damage.memory_store import MemoryStore
from tests.retention.tables import Rows, create, documents, needed, on_disk, row, rows_of

sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))
from crash_states import CrashState, crash_states, without_syncs

NOW = datetime.timedelta(0)
TAG = re.compile(r"tag/tag-(.*)\.json")


def expire(table: ts.Table) -> object:
    return table.expire_snapshots(keep_last=2)


def clean(table: ts.Table) -> object:
    return table.remove_orphan_files(dry_run=False, older_than=NOW)


OPERATIONS: dict[str, Callable[[ts.Table], object]] = {"expire": expire, "clean": clean}


def template(table: ts.Table) -> dict[str, Rows]:
    """A history with a tag, compactions, a rollback, an overwrite, and files of a commit that never came to be."""
    for step in range(3):
        table.upsert([row(key, step) for key in range(5)])
    table.tag("kept")
    kept = rows_of(table)
    table.compact(full=True)
    table.upsert([row(7, 7)])
    table.rollback(3)
    with table.writer() as writer:
        writer.upsert([row(8, 8)])
        writer._session.flush()
        writer._session._reset()
    table.overwrite([row(key, 9) for key in range(4)])
    table.upsert([row(1, 3)])
    table.upsert([row(2, 4)])
    return {"newest": rows_of(table), "kept": kept}


FAULTS = pytest.mark.parametrize("after_effect", [False, True], ids=["not-done", "answer-lost"])
MODES = pytest.mark.parametrize("mode", ["once", "forever"])
NAMES = pytest.mark.parametrize("name", OPERATIONS)


@FAULTS
@MODES
@NAMES
def test_a_failure_at_some_calls(tmp_path: Path, name: str, mode: Mode, after_effect: bool) -> None:
    check_failures(tmp_path, name, mode, after_effect, 5)


@pytest.mark.soak
@pytest.mark.timeout(0)
@FAULTS
@MODES
@NAMES
def test_a_failure_at_every_call(tmp_path: Path, name: str, mode: Mode, after_effect: bool) -> None:
    check_failures(tmp_path, name, mode, after_effect, None)


def check_failures(directory: Path, name: str, mode: Mode, after_effect: bool, stops: int | None) -> None:
    """mode forever: from one call on nothing works any more, which is how a process dies."""
    expected = template(create(directory / "template", partitioned=True))
    shutil.copytree(directory / "template", directory / "counted")
    counted = CountedCalls()
    table = ts.open_table(FaultyStorage(directory / "counted", counted))
    opened = counted.count
    OPERATIONS[name](table)
    stride = 1 if stops is None else max(1, (counted.count - opened) // stops)
    path = directory / "table"
    for at in range(opened + 1, counted.count + 1, stride):
        shutil.copytree(directory / "template", path)
        calls = FaultyCalls(at, errno.EIO, mode, after_effect)
        state = f"{name}, call {at}, {mode}"
        try:
            OPERATIONS[name](ts.open_table(FaultyStorage(path, calls)))
        except ts.TableStoreError:
            assert calls.met, state
        table = ts.open_table(path)
        assert rows_of(table) == expected["newest"], state
        assert rows_of(table.at(tag="kept")) == expected["kept"], state
        assert table.verify(deep=True).ok, state
        table.upsert([row(30, 30)])
        expire(table)
        clean(table)
        assert on_disk(path) == needed(path, documents(path)), state
        assert rows_of(table) == {**expected["newest"], 30: ("a", 30)}, state
        assert rows_of(table.at(tag="kept")) == expected["kept"], state
        shutil.rmtree(path)


def record(path: Path) -> tuple[list[Operation], int, int, dict[str, Rows]]:
    """The log of a table's life up to the end of an expiry, where the expiry begins, and its boundary."""
    calls = RecordedCalls(path)
    table = create(LocalStorage(path, calls), partitioned=False, durability="full")
    expected = template(table)
    start = len(calls.log)
    boundary = table.expire_snapshots(keep_last=2).boundary
    calls.mark("expired")
    return calls.log, start, boundary, expected


def fault_of(state: CrashState, boundary: int) -> str | None:
    """Documents are gone, but the boundary that allowed it is not durable, or a tag that keeps one is still there."""
    newest = max(number for name in state.tree if (number := _snapshot(name)) is not None)
    missing = {*range(1, boundary)} - {_snapshot(name) for name in state.tree}
    if missing and layout.boundary_path(boundary) not in state.tree:
        return f"documents {sorted(missing)} of {newest} are gone without a boundary"
    for name, data in state.tree.items():
        found = TAG.fullmatch(name)
        if found and tag.decode(data, name, found[1]).snapshot in missing:
            return f"{name} names a snapshot that is gone"
    return None


def _snapshot(name: str) -> int | None:
    directory, _, file = name.rpartition("/")
    return layout.parse_snapshot_name(file) if directory == "snapshot" else None


def states_of(log: Sequence[Operation], start: int) -> list[CrashState]:
    return [state for state in crash_states(log) if state.step >= start]


def check_power_loss(table_path: Path, count: int | None) -> None:
    """The table after a power loss in some of the states that it may leave, or in each."""
    log, start, boundary, expected = record(table_path)
    assert sum(isinstance(operation, Unlink) for operation in log[start:]) >= 15
    states = states_of(log, start)
    assert len(states) > 500
    source = random.Random(1)
    for state in states:
        assert fault_of(state, boundary) is None, state.step
    chosen = states if count is None else source.sample(states, count)
    for state in chosen:
        store = MemoryStore(dict(state.tree))
        table = ts.open_table(store)
        assert rows_of(table) == expected["newest"], state.step
        assert rows_of(table.at(tag="kept")) == expected["kept"], state.step
        table.expire_snapshots(keep_last=2)
        assert rows_of(ts.open_table(store)) == expected["newest"], state.step
        left = {number for name in store.files if (number := _snapshot(name)) is not None}
        # The removal of the tag that a rollback needs may be lost; it keeps its snapshot then.
        tagged = set(ts.open_table(store).tags().column("version").to_pylist())
        assert {4, boundary, boundary + 1} <= left <= {boundary, boundary + 1, *tagged}, state.step
        assert tagged <= {3, 4}, state.step


def test_a_power_loss_at_some_points(table_path: Path) -> None:
    check_power_loss(table_path, 30)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_power_loss_at_every_point(table_path: Path) -> None:
    check_power_loss(table_path, None)


def test_an_expiry_that_does_not_synchronise_is_found(table_path: Path) -> None:
    log, start, boundary, _ = record(table_path)
    broken = [*log[:start], *without_syncs(log[start:], files=False, directories=True)]
    faults = " ".join(filter(None, (fault_of(state, boundary) for state in states_of(broken, start))))
    assert "without a boundary" in faults
    assert "names a snapshot that is gone" in faults
