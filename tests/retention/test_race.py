"""Processes that write, compact, expire, clean and read one table at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import tablestore as ts
from tests.retention.tables import create, documents, needed, on_disk, row
from tests.retention.worker import KEYS, NOW

ROOT = Path(__file__).resolve().parents[2]


def race(path: Path, roles: list[list[str]], seconds: float) -> list[tuple[str, dict[str, int]]]:
    """What each process met. Fails if one fails."""
    table = create(path)
    table.upsert([row(key, 0) for key in range(KEYS)])
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.retention.worker", role, str(path), str(seconds), *rest],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for role, *rest in roles
    ]  # fmt: skip
    results = []
    try:
        for (role, *_), process in zip(roles, processes, strict=True):
            output, errors = process.communicate(timeout=seconds * 10 + 60)
            assert process.returncode == 0, f"{role}: {errors[-3000:]}"
            results.append((role, json.loads(output)))
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
    return results


def check_end(path: Path) -> None:
    """Nothing is lost, and nothing is left behind."""
    table = ts.open_table(path)
    assert table.verify(deep=True).ok
    table.upsert([row(99, 1)])
    table.expire_snapshots(keep_last=1)
    table.remove_orphan_files(dry_run=False, older_than=NOW)
    assert documents(path)[-1] == table.version
    assert on_disk(path) == needed(path, documents(path))
    assert not list(path.glob("lease/*"))


def check_race(path: Path, seconds: float) -> None:
    roles = [["write"], ["write"], ["expire"], ["clean"], ["read"], ["travel"]]
    for role, met in race(path, roles, seconds):
        assert met.get("done", 0) > 0, (role, met)
        if role in ("expire", "clean"):
            assert set(met) == {"done"}, (role, met)
        if role == "read":
            assert set(met) == {"done"}, "a reader with a lease meets no error"
        if role == "travel":
            # Only taking hold of a version may come too late.
            assert set(met) <= {"done", "SnapshotExpiredError"}
    check_end(path)


def test_readers_with_leases_meet_no_error(table_path: Path) -> None:
    check_race(table_path, 4)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_readers_with_leases_meet_no_error_for_long(table_path: Path, soak_seconds: int) -> None:
    check_race(table_path, max(60, soak_seconds / 4))


def test_readers_without_leases_are_told(table_path: Path) -> None:
    """They get all rows, or SnapshotExpiredError: never a missing file, never a part."""
    roles = [["write"], ["expire"], ["clean"], ["read", "unleased"], ["travel", "unleased"]]
    for role, met in race(table_path, roles, 4):
        # A commit that has expired before its writer could look again is told as one that may or may not be.
        allowed = {"done", "SnapshotExpiredError", "CommitConflictError"}
        assert set(met) <= (allowed | {"CommitUnknownError"} if role == "write" else allowed), (role, met)
    check_end(table_path)
