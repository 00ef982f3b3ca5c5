"""Several processes on one table at once: what was acknowledged is there, once, and nobody needs a lock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

import tablestore as ts
from tests.concurrency.crew import Ack, Crew
from tests.concurrency.worker import PLACES, ROWS_PER_STEP, SCHEMA, SHARED_KEYS, own_ids


def make(path: Path, **options: Any) -> ts.Table:
    chosen = {"primary_key": "id", "buckets": 2, **options}
    return ts.create_table(path, SCHEMA, **chosen)


def check_chain(table: ts.Table, acknowledged: list[int]) -> None:
    """No gap in the snapshot ids, no id acknowledged twice, nothing acknowledged that is not there."""
    versions = table.history().column("version").to_pylist()
    assert versions == list(range(1, table.version + 1))
    assert len(set(acknowledged)) == len(acknowledged)
    assert set(acknowledged) <= set(versions)


def check_appends(table: ts.Table, workers: list[list[Ack]], first: int = 0) -> None:
    """Every own row of every acknowledged step once; each shared key as its newest commit left it."""
    rows = table.scan().to_arrow().to_pylist()
    found = {row["id"]: (row["process"], row["step"]) for row in rows}
    assert len(found) == len(rows), "a key is there twice"
    expected: dict[int, tuple[int, int]] = {}
    newest: dict[int, tuple[int, int, int]] = {}
    for process, acks in enumerate(workers, first):
        for ack in acks:
            expected.update((key, (process, ack["step"])) for key in own_ids(process, ack["step"]))
            newest[ack["shared"]] = max(
                newest.get(ack["shared"], (0, 0, 0)), (ack["version"], process, ack["step"])
            )
    expected.update((key, (process, step)) for key, (_, process, step) in newest.items())
    assert found == expected


def appends(path: Path, processes: int, commits: int, seconds: float) -> None:
    table = make(path)
    crew = Crew(path)
    for number in range(processes):
        crew.add("append", number, commits)
    workers = crew.run(seconds)["append"]
    assert [len(acks) for acks in workers] == [commits] * processes
    check_chain(table, [ack["version"] for acks in workers for ack in acks])
    check_appends(table, workers)
    result = table.verify(deep=True)
    assert result.ok, result.findings
    assert not result.orphans


def test_eight_processes_commit_to_one_table(table_path: Path) -> None:
    appends(table_path, 8, 12, 120)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_eight_processes_commit_2000_times(table_path: Path) -> None:
    appends(table_path, 8, 250, 1800)


def test_compaction_and_reading_beside_writers(table_path: Path) -> None:
    """Compactions and appends never abort each other; readers see whole commits and never go back."""
    table = make(table_path, options={"compaction": "manual", "block-rows": 50})
    crew = Crew(table_path)
    for number in range(3):
        crew.add("append", number, 20)
    for number in (8, 9):
        crew.add("compact", number, 3)
    crew.add("read", 10, 3)
    results = crew.run(120, until_stop=("compact", "read"))
    compactions = [ack for acks in results["compact"] for ack in acks]
    assert sum(ack["buckets"] for ack in compactions) > 0
    check_chain(table, [ack["version"] for acks in results["append"] for ack in acks])
    check_appends(table, results["append"])
    kinds = table.history().column("kind").to_pylist()
    assert kinds.count("compact") == sum(ack["buckets"] for ack in compactions)
    assert kinds.count("append") == 60
    result = table.verify(deep=True)
    assert result.ok, result.findings
    assert not result.orphans


def test_one_commit_identity_in_four_processes(table_path: Path) -> None:
    """The same (writer id, commit id) from several processes is published exactly once."""
    table = make(table_path)
    crew = Crew(table_path)
    for number in range(4):
        crew.add("repeat", number, 8)
    workers = crew.run(120)["repeat"]
    published = [ack["step"] for acks in workers for ack in acks if ack["published"]]
    history = table.history().filter(pc.field("kind") == "append")
    assert history.column("commit_id").to_pylist() == sorted(published)
    assert sorted(published) == sorted(set(published))
    assert max(published) == 7
    winners = {ack["step"]: n for n, acks in enumerate(workers) for ack in acks if ack["published"]}
    rows = table.scan().to_arrow().to_pylist()
    assert len(rows) == ROWS_PER_STEP * len(published)
    assert all(winners[row["step"]] == row["process"] for row in rows)
    assert not table.verify(deep=True).orphans


def test_processes_race_to_create(table_path: Path) -> None:
    """One creates, the others are told, and all write to the same table."""
    crew = Crew(table_path)
    for number in range(4):
        crew.add("create", number, 1)
    workers = crew.run(120)["create"]
    assert [acks[0]["created"] for acks in workers].count(True) == 1
    table = ts.open_table(table_path)
    assert sorted(row["id"] for row in table.scan().to_arrow().to_pylist()) == [0, 1, 2, 3]
    check_chain(table, [acks[1]["version"] for acks in workers])
    assert table.verify(deep=True).ok


@pytest.mark.parametrize("compaction", ["manual", "auto"])
def test_keys_move_between_partitions_in_several_processes(table_path: Path, compaction: str) -> None:
    """Each key lives in exactly one partition at every version, and at the end as its last commit left it."""
    table = make(
        table_path, partition_by="place", options={"compaction": compaction, "compaction.trigger": 4}
    )
    crew = Crew(table_path)
    for number in range(4):
        crew.add("move", number, 12)
    workers = crew.run(180)["move"]
    changes: dict[int, dict[int, str | None]] = {}
    for acks in workers:
        for ack in acks:
            changes.setdefault(ack["version"], {}).update((int(k), place) for k, place in ack["rows"].items())
    living: dict[int, str | None] = {}
    for version in range(1, table.version + 1):
        living.update(changes.get(version, {}))
        rows = table.at(version=version).scan().to_arrow().to_pylist()
        found = {row["id"]: row["place"] for row in rows}
        assert len(found) == len(rows), f"a key lives in two partitions at version {version}"
        assert found == {key: place for key, place in living.items() if place is not None}, version
    assert set(living) <= set(range(SHARED_KEYS))
    assert {place for place in living.values() if place} <= set(PLACES)
    check_chain(table, list({ack["version"] for acks in workers for ack in acks if "version" in ack}))
    result = table.verify(deep=True)
    assert result.ok, result.findings
    assert not result.orphans
