"""Automatic compaction beside the writer: nothing is lost, runs stay bounded, threads end."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import pytest

import tablestore as ts
from tablestore import background, maintenance
from tests.maintenance.test_compact_command import put, runs, state, table_of


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every compaction counts as large."""
    monkeypatch.setattr(maintenance, "SMALL_BYTES", 0)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "tablestore-compaction"]


def test_runs_stay_below_the_stop_and_threads_end(tmp_path: Path) -> None:
    options: dict[str, str | int] = {"compaction": "auto", "compaction.trigger": 3, "compaction.stop": 5}
    table = table_of(tmp_path / "t", **options)
    expected: dict[int, int] = {}
    for value in range(60):
        expected.update(put(table, value))
        assert runs(table) <= 5
    background.background_of(table._core).wait()
    assert state(table) == expected
    kinds = [row["kind"] for row in table.history().to_pylist()]
    assert kinds.count("compact") > 20
    for thread in threads():
        thread.join(30)
    assert not threads()
    assert table.verify(deep=True).ok
    assert not table.verify().orphans


def test_a_failed_compaction_is_logged_and_fails_no_commit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = table_of(tmp_path / "t", **{"compaction": "auto", "compaction.trigger": 2})

    def fail(*given: object, **named: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(maintenance, "compact_one", fail)
    for value in range(3):
        put(table, value)
    background.background_of(table._core).wait()
    assert "no room" in caplog.text
    assert runs(table) == 3


def test_compact_waits_for_what_is_under_way(tmp_path: Path) -> None:
    table = table_of(tmp_path / "t", **{"compaction": "auto", "compaction.trigger": 2})
    expected: dict[int, int] = {}
    for value in range(20):
        expected.update(put(table, value))
    result = table.compact(full=True)
    assert result.lost == 0
    assert runs(table) == 1
    assert state(table) == expected


def test_a_table_that_nobody_holds_is_closed_at_once(tmp_path: Path) -> None:
    gc.collect()
    gc.disable()
    try:
        table = table_of(tmp_path / "t", **{"compaction": "auto", "compaction.trigger": 2})
        for value in range(5):
            put(table, value)
        for thread in threads():
            thread.join(30)
        found = weakref.ref(table._core)
        del table
        assert found() is None
    finally:
        gc.enable()


def test_a_child_process_begins_anew(tmp_path: Path) -> None:
    table = table_of(tmp_path / "t", **{"compaction": "auto", "compaction.trigger": 2})
    found = background.background_of(table._core)
    found._working.add((b"", 0))  # as if a thread of the parent had been at work
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if found.wait(timeout=5) and not found.busy((b"", 0)) else 1
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert found.busy((b"", 0))
    found._working.clear()


SCRIPT = """
import sys
from pathlib import Path
from tablestore import maintenance, background
from tablestore.lsm import compaction
from tests.maintenance.test_compact_command import put, table_of
maintenance.SMALL_BYTES = 0
table = table_of(Path(sys.argv[1]), **{"compaction": "auto", "compaction.trigger": 2, "target-file-bytes": 4096})
for value in range(12):
    put(table, value, 20_000, 200_000)
print("written", flush=True)
"""


def test_a_process_ends_without_waiting_for_compaction_and_without_a_trace(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "t")],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "written\n"
    assert not done.stderr
    table = ts.open_table(tmp_path / "t")
    assert len(table) > 0
    assert not table.verify().orphans
    table.compact()
    assert runs(table) < 2
