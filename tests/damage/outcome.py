"""What must hold whatever the bytes are: a typed error with its place, or the right rows, soon, in little memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tablestore as ts
from tablestore.verify import verify
from tests.damage import forge
from tests.damage.forge import VISIBLE, Row
from tests.damage.memory_store import Files, MemoryStore

SECONDS_MAX = 2.0
GROWTH_MAX = 64 << 20


@dataclass(frozen=True)
class Outcome:
    """What an operation did: error, or the right rows (error None)."""

    operation: str
    error: ts.TableStoreError | None
    seconds: float


READS: dict[str, Callable[[ts.View], list[Row]]] = {"scan": forge.visible, "get": forge.looked_up}


def attempt(operation: str, act: Callable[[], list[Row]]) -> Outcome:
    """Run a read. Any error that is not a TableStoreError, and any wrong row, fails the test."""
    started = time.monotonic()
    try:
        rows = act()
    except ts.TableStoreError as error:
        return Outcome(operation, error, time.monotonic() - started)
    assert rows == VISIBLE, f"{operation} returned wrong rows: {rows}"
    return Outcome(operation, None, time.monotonic() - started)


def read(files: Files) -> list[Outcome]:
    """Open the table anew and read it in every way."""
    return [attempt(name, lambda act=act: act(forge.open_files(files))) for name, act in READS.items()]


def check(files: Files, path: str, codes: tuple[str, ...] = (), *, must_read_fail: bool = True) -> None:
    """Every read fails with an error that names `path`, or gives the right rows and `verify` names the path.

    codes: if given, one of them is that of the errors. must_read_fail: a scan, or a lookup, must fail.
    """
    outcomes = read(files)
    for outcome in outcomes:
        assert outcome.seconds < SECONDS_MAX, outcome
        check_error(outcome.error, path, codes)
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    assert failed or not must_read_fail, "neither scan nor get noticed"
    if len(failed) < len(outcomes):
        assert path in found_by_verify(files, codes), "verify does not name the file"


def check_error(error: ts.TableStoreError | None, path: str, codes: tuple[str, ...] = ()) -> None:
    """The error names file, section, code and, in binary files, the offset."""
    if error is None:
        return
    assert isinstance(error, ts.FormatError), repr(error)
    assert error.file == path, f"{error} is not about {path}"
    assert not codes or error.code in codes, str(error)
    if path.endswith(".sst"):
        assert error.code == "missing-file" or error.offset is not None, str(error)
        assert error.offset is None or error.offset >= 0


def found_by_verify(files: Files, codes: tuple[str, ...] = ()) -> set[str]:
    """The files that a deep verification complains about, with one of `codes` if given."""
    started = time.monotonic()
    result = verify(MemoryStore(files), deep=True)
    assert time.monotonic() - started < SECONDS_MAX
    return {finding.file for finding in result.findings if not codes or finding.code in codes}


class MemoryWatch:
    """Growth of the process's peak memory inside a `with` block, where the system tells it."""

    def __enter__(self) -> MemoryWatch:
        self.before = _peak(reset=True)
        return self

    def __exit__(self, *exception: object) -> None:
        after = _peak(reset=False)
        if self.before is not None and after is not None:
            assert after - self.before <= GROWTH_MAX, f"memory grew by {(after - self.before) >> 20} MiB"


def _peak(reset: bool) -> int | None:
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
