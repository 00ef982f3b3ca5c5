"""The stalled writer: stopped at any call of its commit while others commit, compact, expire and clean, then continued.

It is refused or committed, and nobody's rows are lost. The short form stops it at a part of its calls, the long one
(`make soak`) at each.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import tablestore as ts
from tablestore.storage.faulty import CountedCalls, FaultyStorage
from tests.retention.tables import Rows, boundaries, create, documents, needed, on_disk, row, rows_of

NOW = datetime.timedelta(0)
OWN = range(100, 108)
STOPS = 7  # of one operation in the short form
Operation = Callable[[ts.Table], object]


class StallingCalls(CountedCalls):
    """Something else happens before call `at`, or after it has done its work."""

    def __init__(self, at: int, after_effect: bool, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self._at = at
        self._after_effect = after_effect
        self._meanwhile = meanwhile
        self.stopped = False

    def _stop(self) -> None:
        self.stopped = True
        self._meanwhile()

    def before(self, number: int, name: str) -> None:
        if number == self._at and not self._after_effect:
            self._stop()

    def after(self, number: int, name: str) -> None:
        if number == self._at and self._after_effect:
            self._stop()


def upsert(table: ts.Table) -> object:
    return table.upsert([row(key, 1) for key in OWN])


def commit_with_identity(table: ts.Table) -> object:
    with table.writer("job") as writer:
        writer.upsert([row(key, 1) for key in OWN])
        return writer.commit(commit_id=1)


def spill(table: ts.Table) -> object:
    with table.writer() as writer:
        for key in OWN:
            writer.upsert([row(key, 1)])
            writer._session.flush()
        return writer.commit()


def compact(table: ts.Table) -> object:
    return table.compact(full=True)


def rollback(table: ts.Table) -> object:
    return table.rollback(3)


def expire(table: ts.Table) -> object:
    return table.expire_snapshots(keep_last=1)


def clean(table: ts.Table) -> object:
    return table.remove_orphan_files(dry_run=False, older_than=NOW)


WRITES: dict[str, Operation] = {"upsert": upsert, "identity": commit_with_identity, "spill": spill}
OTHERS: dict[str, Operation] = {"compact": compact, "rollback": rollback, "expire": expire, "clean": clean}


def template(path: Path, partitioned: bool) -> tuple[Rows, Rows]:
    """Rows of version 3, and of the newest."""
    table = create(path, partitioned)
    for step in range(3):
        table.upsert([row(key, step) for key in range(6)])
    return rows_of(table.at(version=3)), rows_of(table)


def meanwhile(path: Path, steps: int) -> None:
    """Others commit, compact, expire all but the newest snapshot, and clean without an age limit."""
    table = ts.open_table(path)
    for step in range(steps):
        table.upsert([row(20 + step, step), row(step % 6, step)])
    table.compact(full=True)
    table.expire_snapshots(keep_last=1)
    table.remove_orphan_files(dry_run=False, older_than=NOW)
    table.upsert([row(50, 50)])
    table.expire_snapshots(keep_last=1)


def rows_after_meanwhile(before: Rows, steps: int) -> Rows:
    after = dict(before)
    for step in range(steps):
        after.update({20 + step: ("ab"[step % 2], step), step % 6: ("ab"[step % 2], step)})
    return {**after, 50: ("a", 50)}


def check(path: Path, expected: Rows, is_write: bool, answer: object, state: str) -> None:
    """Nobody's rows are lost; the operation is wholly in or out, as it was told; no repair is needed."""
    table = ts.open_table(path)
    for tag in table.tags().column("name").to_pylist():
        table.untag(tag)  # of a rollback that cannot know whether it has come to be
    found = rows_of(table)
    own = {key: value for key, value in found.items() if key in OWN}
    assert {key: value for key, value in found.items() if key not in OWN} == expected, state
    assert own in ({}, dict.fromkeys(OWN, ("b", 1))), state
    if is_write and not isinstance(answer, ts.CommitUnknownError):
        assert bool(own) == (not isinstance(answer, Exception)), state
    result = table.verify(deep=True)
    assert result.ok, (state, result.findings)
    table.upsert([row(60, 0)])
    table.expire_snapshots(keep_last=1)
    table.remove_orphan_files(dry_run=False, older_than=NOW)
    assert on_disk(path) == needed(path, documents(path)), state
    assert documents(path)[0] >= boundaries(path)[-1], state


def check_stalled(path: Path, name: str, partitioned: bool, stops: int | None) -> int:
    """Stop the operation before or after some of its calls, spread evenly, or each of them. How often it stopped."""
    operation = {**WRITES, **OTHERS}[name]
    older, before = template(path / "template", partitioned)
    shutil.copytree(path / "template", path / "counted")
    calls = CountedCalls()
    table = ts.open_table(FaultyStorage(path / "counted", calls))
    opened = calls.count
    operation(table)
    places = [(at, after) for at in range(opened + 1, calls.count + 1) for after in (False, True)]
    step = 1 if stops is None else len(places) / stops
    chosen = [places[int(index * step)] for index in range(stops or len(places))]
    answers = [stall(path / "table", path / "template", name, place, (older, before)) for place in chosen]
    if name in WRITES:
        assert {"CommitResult", "CommitConflictError"} & set(answers)
    return sum(answer is not None for answer in answers)


def stall(
    path: Path, original: Path, name: str, place: tuple[int, bool], rows: tuple[Rows, Rows]
) -> str | None:
    """Stop a copy of the table at one place; what the operation answered, None if it never came there.

    place: a call, and whether to stop after it; rows: those of version 3, and of the newest.
    """
    at, after_effect = place
    shutil.copytree(original, path)
    steps = 1 if at % 3 == 0 else 5
    stalling = StallingCalls(at, after_effect, lambda: meanwhile(path, steps))
    answer: object = None
    try:
        answer = {**WRITES, **OTHERS}[name](ts.open_table(FaultyStorage(path, stalling)))
    except ts.TableStoreError as error:
        answer = error
    if stalling.stopped:  # else the call failed, as looking for the next snapshot does
        state = f"{name}, stopped {'after' if after_effect else 'before'} call {at}: {answer!r}"
        check_answer(path, name, answer, rows, steps, state)
    shutil.rmtree(path)
    return type(answer).__name__ if stalling.stopped else None


def check_answer(
    path: Path, name: str, answer: object, rows: tuple[Rows, Rows], steps: int, state: str
) -> None:
    older, before = rows
    is_unknown = isinstance(answer, ts.CommitUnknownError)
    allowed = (ts.CommitConflictError, ts.CommitUnknownError, ts.SnapshotExpiredError)
    assert not isinstance(answer, Exception) or isinstance(answer, allowed), state
    assert name != "clean" or not is_unknown, state
    expected = rows_after_meanwhile(before, steps)
    if name == "rollback" and (is_unknown or not isinstance(answer, Exception)):
        # Published before the others began, or after they had ended; or else perhaps not at all.
        shown = rows_of(ts.open_table(path))
        options = [older, rows_after_meanwhile(older, steps)]
        assert shown in options or (is_unknown and shown == expected), state
        expected = shown
    check(path, expected, name in WRITES, answer, state)


BOTH = pytest.mark.parametrize("partitioned", [False, True], ids=["plain", "partitioned"])
ALL = pytest.mark.parametrize("name", [*WRITES, *OTHERS])


@BOTH
@ALL
def test_stalled_at_some_calls(tmp_path: Path, name: str, partitioned: bool) -> None:
    assert check_stalled(tmp_path, name, partitioned, STOPS) >= STOPS // 3


@pytest.mark.soak
@pytest.mark.timeout(0)
@BOTH
@ALL
def test_stalled_at_every_call(tmp_path: Path, name: str, partitioned: bool) -> None:
    stopped = check_stalled(tmp_path, name, partitioned, None)
    print(f"{name}: {stopped} stops")
    assert stopped > 40
