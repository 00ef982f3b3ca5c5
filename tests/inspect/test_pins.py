"""`tags`, `consumers`, `leases`: live ones of the library, ones whose time has passed, and damaged ones."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import tablestore as ts
from tablestore.file import consumer, layout, tag
from tablestore.inspect import status
from tests.inspect.conftest import Run


def listed(run: Run, command: str, expected: int = status.OK) -> list[dict[str, Any]]:
    outcome = run(command, "users", "--json")
    assert outcome.status == expected
    found = json.loads(outcome.out)
    return list(found[command] if isinstance(found, dict) else found)


def test_a_view_shows_as_a_lease_while_it_lives(
    tables: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tablestore.inspect.pins.time", SimpleNamespace(time=time.time))
    view = ts.open_table("users").at(version=4)
    found = [row for row in listed(run, "leases") if row["version"] == 4]
    assert [row["status"] for row in found] == ["in force"]
    assert [row["status"] for row in listed(run, "leases") if row["version"] == 7] == ["lapsed"]
    del view
    assert [row["version"] for row in listed(run, "leases")] == [7]


def test_a_tag_that_alone_keeps_its_snapshot_says_so(tables: Path, run: Run) -> None:
    assert [row["status"] for row in listed(run, "tags")] == ["retained"]
    ts.open_table("users").expire_snapshots(keep_last=1)
    (found,) = listed(run, "tags")
    assert (found["version"], found["status"]) == (5, "expired but for this")


def test_a_consumer_shows_how_far_it_is_behind(tables: Path, run: Run) -> None:
    table = ts.open_table("users")
    follower = table.follow(since=5, consumer="slow", timeout=0)
    rows = {row["name"]: row for row in listed(run, "consumers")}
    assert (rows["slow"]["next"], rows["slow"]["behind"], rows["slow"]["keeps_from"]) == (6, 2, 5)
    assert sum(batch.num_rows for batch in follower) == 6
    rows = {row["name"]: row for row in listed(run, "consumers")}
    assert (rows["slow"]["next"], rows["slow"]["behind"]) == (8, 0)
    assert rows["etl"]["document"] == 3


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("tags", tag.path("before job 7")),
        ("consumers", consumer.path("etl", 3)),
        ("leases", layout.lease_path(f"{7:032x}")),
    ],
)
def test_damage_is_named_and_the_rest_is_shown(command: str, path: str, tables: Path, run: Run) -> None:
    sound = listed(run, command)
    document = tables / "users" / path
    document.write_bytes(document.read_bytes().replace(b"tablestore/", b"tablestorf/", 1))
    assert len(listed(run, command, status.FINDING)) == len(sound) - 1
    outcome = run(command, "users")
    assert f"DAMAGE  {path}" in outcome.out


def test_a_tag_whose_snapshot_is_another_or_missing_is_damage(tables: Path, run: Run) -> None:
    table = ts.open_table("users")
    table.tag("last")
    (tables / "users" / "snapshot" / "snapshot-5.json").unlink()
    outcome = run("tags", "users")
    assert outcome.status == status.FINDING
    assert "missing-file, spec §15.2" in outcome.out
    assert "last" in outcome.out


def test_without_any_there_is_only_the_heading(tables: Path, run: Run) -> None:
    for command in ("tags", "consumers", "leases"):
        outcome = run(command, "orders")
        assert (outcome.status, len(outcome.out.splitlines())) == (status.OK, 1)
        assert run(command, "orders", "--json").out == "[]\n"
