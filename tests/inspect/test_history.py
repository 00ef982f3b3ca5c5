"""`timeline` and `diff`: their figures are those of the snapshots and of the library, for every kind of snapshot."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.file import layout
from tablestore.file.manifest import MOVED, Change
from tablestore.inspect import status
from tablestore.transaction import Proposal, Transaction
from tests.inspect.conftest import OPTIONS, USERS, Run, Terminal, users
from tests.inspect.test_terminal import run_on

OLD = datetime.datetime(2020, 1, 1)


def timeline(run: Run, path: str, *words: object) -> list[dict[str, Any]]:
    found = json.loads(run("timeline", path, "--json", *words).out)
    return list(found["snapshots"])


@pytest.fixture
def many(tables: Path) -> ts.Table:
    """A table with a snapshot of every kind."""
    schema = USERS.append(pa.field("at", pa.timestamp("us")))
    table = ts.create_table(
        "many", schema, primary_key="id", buckets=2,
        options={**OPTIONS, "ttl-column": "at", "ttl": "30 d"},
    )  # fmt: skip
    rows = users(list(range(40)), 1)
    now = datetime.datetime.now()
    times = pa.array([OLD if row % 2 else now for row in range(40)], pa.timestamp("us"))
    table.upsert(rows.append_column("at", times))
    table.upsert(rows.append_column("at", times).slice(10))
    table.compact(full=True)
    table.overwrite(rows.append_column("at", pa.array([now] * 40, pa.timestamp("us"))).slice(0, 20))
    table.rollback(3)
    Path("many", "bucket-0", f"{1:012x}{9:020x}.sst").write_bytes(b"left behind")
    table.remove_orphan_files(dry_run=False, older_than=datetime.timedelta(0))
    return table


def test_the_figures_of_each_snapshot_add_up(many: ts.Table, run: Run) -> None:
    found = timeline(run, "many")
    history = many.history().to_pylist()
    assert {row["kind"] for row in found} == {"create", "append", "purge", "overwrite", "rollback", "clean"}
    assert [row["version"] for row in found] == [row["version"] for row in history]
    for row, entry, before in zip(found, history, [None, *history], strict=False):
        assert {name: row[name] for name in ("rows", "files", "bytes")} == {
            name: entry[name] for name in ("rows", "files", "bytes")
        }
        if before is not None and row["kind"] != "rollback":
            assert row["files_added"] - row["files_removed"] == entry["files"] - before["files"]
            assert row["bytes_added"] - row["bytes_removed"] == entry["bytes"] - before["bytes"]
            assert row["rows_change"] == entry["rows"] - before["rows"]
    purged = [row for row in found if row["kind"] == "purge"]
    assert all(row["levels_in"] == {"L0": 2} and row["levels_out"] == {"L3": 1} for row in purged)


def test_the_chart_says_what_happened(many: ts.Table, run: Run) -> None:
    lines = run("timeline", "many").out.splitlines()
    text = {line.split()[3]: line for line in lines[lines.index("") + 2 :]}
    assert "2 L0 → 1 L3" in text["purge"]
    assert "-2 files" in text["overwrite"]
    assert "+2 files" in text["overwrite"]
    assert "files 2 → 4" in text["rollback"]
    assert "fence " in text["clean"]


def test_a_limit_keeps_the_newest(tables: Path, run: Run) -> None:
    every = timeline(run, "users")
    assert timeline(run, "users", "--limit", 2) == every[-2:]
    assert timeline(run, "users", "--limit", "all") == every
    assert [row["version"] for row in timeline(run, "users", "--version", 4)] == [1, 2, 3, 4]
    stream = Terminal()
    table = ts.open_table("users")
    for number in range(60):
        table.upsert(users([number], 9))
    assert run_on(stream, "timeline", "users", "--color", "never") == 0
    assert stream.getvalue().splitlines()[-1].split()[0] == str(table.version)
    assert len(stream.getvalue().splitlines()) < 65


def test_what_cannot_be_read_is_named_and_the_rest_is_shown(tables: Path, run: Run) -> None:
    table = ts.open_table("users")
    reference = table.at(version=5).shown.snapshot.delta[0]
    Path("users", layout.manifest_path(reference)).unlink()
    Path("users", "snapshot", "snapshot-3.json").write_text("{}")
    outcome = run("timeline", "users")
    assert outcome.status == status.FINDING
    assert "not all of its manifests can be read" in outcome.out
    assert outcome.out.count("DAMAGE") == 2
    assert "snapshot-3.json" in outcome.out


def test_expired_snapshots_leave_a_gap(tables: Path, run: Run) -> None:
    ts.open_table("users").expire_snapshots(keep_last=1)
    found = timeline(run, "users")
    assert [row["version"] for row in found] == [5, 7]
    assert [row["rows_change"] for row in found] == [None, None]


def test_a_difference_is_that_of_the_file_lists(many: ts.Table, run: Run) -> None:
    for first, second in ((1, 3), (3, 5), (5, 3), (3, many.version), (2, 2)):
        found = json.loads(run("diff", "many", first, second, "--rows", "--json").out)
        before, after = (
            {row["path"]: row for row in many.at(version=version).files().to_pylist()}
            for version in (first, second)
        )
        listed = {(row["change"], row["path"]) for row in found["files"]}
        assert listed == {("-", path) for path in before.keys() - after.keys()} | {
            ("+", path) for path in after.keys() - before.keys()
        }
        assert found["files_kept"] == len(before.keys() & after.keys())
        assert found["bytes_added"] == sum(after[path]["bytes"] for path in after.keys() - before.keys())
        old, new = (
            {row["id"]: row for row in many.at(version=version).scan().to_arrow().to_pylist()}
            for version in (first, second)
        )
        assert found["rows_inserted"] == len(new.keys() - old.keys())
        assert found["rows_deleted"] == len(old.keys() - new.keys())
        assert found["rows_updated"] == sum(old[key] != new[key] for key in old.keys() & new.keys())
        for name in ("rows_inserted", "rows_updated", "rows_deleted", "files_added", "files_removed"):
            assert found[name] == sum(row[name] for row in found["buckets"])


def test_a_difference_takes_tags_and_times(tables: Path, run: Run) -> None:
    expected = run("diff", "users", 5, 7)
    assert expected.status == status.OK
    assert run("diff", "users", "before job 7", "2025-06-15T15:07") == expected


def test_a_file_that_changed_its_level_has_moved(tables: Path, run: Run) -> None:
    table = ts.create_table("moving", USERS, primary_key="id", options=OPTIONS)
    table.upsert(users([1, 2, 3], 1))
    (entry,) = table._core.files(table.shown.snapshot).entries()
    change = Change(MOVED, replace(entry, level=2))
    Transaction(table._core, lambda base: Proposal("compact", (change,))).commit()
    found = json.loads(run("diff", "moving", 2, 3, "--rows", "--json").out)
    assert (found["files_moved"], found["files_added"], found["files_removed"]) == (1, 0, 0)
    assert [(row["change"], row["level"]) for row in found["files"]] == [("moved", "L0-L2")]
    assert found["rows_updated"] == 0
    assert timeline(run, "moving")[-1]["levels_moved"] == {"L2": 1}
    assert "bucket 0: moved → 1 L2" in run("timeline", "moving").out
