"""Every system call of every operation fails, once or for good: errors are typed, rows are right, the next
commit works.

TABLESTORE_CRASH=full makes every call fail with every error number; the short form takes a part of both.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
from crash_tables import OPERATIONS, SCHEMA, Rows, build_template, check_alive, create, read_rows, scratch

import tablestore as ts
from tablestore.storage.faulty import CountedCalls, FaultyCalls, FaultyStorage, Mode, ShortCalls

Result = TypeVar("Result")
FULL = os.environ.get("TABLESTORE_CRASH") == "full"
NUMBERS = [
    errno.EIO, errno.ENOSPC, errno.EACCES, errno.EMFILE, errno.EDQUOT, errno.ESTALE, errno.EROFS, errno.EPERM,
]  # fmt: skip
CALLS_PER_RUN = 10_000 if FULL else 20
CHECKED_OF_UNCHANGED = 1 if FULL else 10


class PlannedFault(FaultyCalls):
    """Also tells whether the operation came as far as the call, and whether that failed by itself: looking for a file
    that is not there has no answer that could be lost.
    """

    failed_by_itself = False

    def _call(self, name: str, call: Callable[..., Result], *arguments: Any) -> Result:
        number = self.count + 1
        try:
            return super()._call(name, call, *arguments)
        except OSError:
            self.failed_by_itself |= number == self.at and not self.met
            raise

    def check(self, state: str) -> None:
        """The fault was met if the operation came as far as its call; with "forever" by a later call at least."""
        if self.count < self.at:
            assert not self.met, state
        elif self.mode == "once":
            assert self.met != self.failed_by_itself, state
        else:
            assert self.met or self.failed_by_itself, state


class Case:
    """A template of a table, copied for each run."""

    def __init__(self, directory: Path, partitioned: bool) -> None:
        self.template = directory / "template"
        self.path = directory / "table"
        self.before = build_template(self.template, partitioned)
        self._content = self._read(self.template)

    @staticmethod
    def _read(path: Path) -> dict[str, bytes]:
        files = (file for file in path.rglob("*") if file.is_file() and file.name != "LATEST")
        return {str(file.relative_to(path)): file.read_bytes() for file in files}

    def reset(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(self.template, self.path)

    def changed(self) -> bool:
        """Whether a snapshot was published, or a file of the template altered; new files alone change
        nothing.
        """
        now = self._read(self.path)
        kept = all(now.get(name) == data for name, data in self._content.items())
        return not kept or any(
            name.startswith("snapshot/snapshot-") for name in now.keys() - self._content.keys()
        )

    def after(self, operation: str) -> tuple[Rows, int]:
        """The rows that the operation leaves when nothing fails, and how many calls it makes."""
        self.reset()
        calls = CountedCalls()
        OPERATIONS[operation](ts.open_table(FaultyStorage(self.path, calls)))
        return read_rows(ts.open_table(self.path)), calls.count


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "partitioned"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    with scratch() as directory:
        yield Case(directory, request.param)


def run(case: Case, operation: str, calls: FaultyCalls) -> ts.TableStoreError | None:
    """The operation on a fresh copy; any error that is not typed fails the test."""
    case.reset()
    try:
        OPERATIONS[operation](ts.open_table(FaultyStorage(case.path, calls)))
    except ts.TableStoreError as error:
        return error
    return None


def check(case: Case, error: ts.TableStoreError | None, after: Rows, state: str, thorough: bool) -> None:
    """An acknowledged operation is there, a failed one is not, an unknown one is one of both."""
    if error is not None and not case.changed() and not thorough:
        return
    found = read_rows(ts.open_table(case.path))
    if error is None:
        assert found == after, state
    elif isinstance(error, ts.CommitUnknownError):
        assert found in (case.before, after), state
    else:
        assert found == case.before, state
    check_alive(case.path, found, state)


@pytest.mark.parametrize("after_effect", [False, True], ids=["not-done", "answer-lost"])
@pytest.mark.parametrize("mode", ["once", "forever"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_call_fails(case: Case, operation: str, mode: Mode, after_effect: bool) -> None:
    after, count = case.after(operation)
    stride = max(1, count // CALLS_PER_RUN)
    runs = reached = met = 0
    for number in NUMBERS if FULL else NUMBERS[:1]:
        for at in range(1 + runs % stride, count + 1, stride):
            calls = PlannedFault(at, number, mode, after_effect)
            error = run(case, operation, calls)
            runs += 1
            reached += calls.count >= at
            met += calls.met
            failed = calls.failed[0] if calls.met else "none"
            state = f"{operation}, call {at} ({failed}) {errno.errorcode[number]} {mode}: {error!r}"
            calls.check(state)
            check(case, error, after, state, thorough=runs % CHECKED_OF_UNCHANGED == 0)
    assert reached >= 0.9 * runs  # threads make a few calls more or fewer
    assert met


@pytest.mark.parametrize("mode", ["once", "forever"])
def test_every_call_of_create_table_fails(mode: Mode) -> None:
    with scratch() as directory:
        calls = FaultyCalls(0, errno.EIO, mode)
        for at in range(1, 1_000):
            path = directory / f"t{at}"
            calls = FaultyCalls(at, errno.EIO, mode)
            with suppress(ts.TableStoreError):
                create(FaultyStorage(path, calls), False)
            if not calls.met:
                break
            ts.create_table(path, SCHEMA, primary_key=["id"], if_exists="open")
            check_alive(path, {}, f"call {at} {calls.failed}")
        assert 10 < calls.at < 999


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("operation", OPERATIONS)
def test_short_reads_and_writes(case: Case, operation: str, seed: int) -> None:
    after, _ = case.after(operation)
    case.reset()
    calls = ShortCalls(seed)
    storage = FaultyStorage(case.path, calls)
    OPERATIONS[operation](ts.open_table(storage))
    assert calls.names.count("write") > 5
    assert read_rows(ts.open_table(storage)) == after
    check_alive(case.path, after, operation)
