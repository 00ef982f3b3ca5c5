"""Files of single buckets, kept up to date by commits: the same as those found by merging all manifests."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.core import Core
from tablestore.file import livefiles
from tablestore.file.manifest import Entry
from tablestore.lsm.run import sorted_runs

SCHEMA = pa.schema([("id", pa.int64()), ("part", pa.int32()), ("value", pa.int64())])


def by_place(entries: list[Entry]) -> dict[tuple[bytes, int], list[Entry]]:
    found: dict[tuple[bytes, int], list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.file):
        found.setdefault(entry.place, []).append(entry)
    return found


def check(core: Core) -> None:
    snapshot = core.lineage.newest().snapshot
    expected = by_place(core.entries(snapshot))
    for place, entries in expected.items():
        found = core.place_entries(snapshot, place)
        assert sorted(found, key=lambda entry: entry.file) == entries
        assert core.run_count(snapshot, place) == len(sorted_runs(entries))
    for bucket in {place[1] for place in expected}:
        found = core.bucket_entries(snapshot, [bucket])
        assert by_place(found) == {place: part for place, part in expected.items() if place[1] == bucket}
    assert core.place_entries(snapshot, (b"nowhere", 0)) == []


@pytest.mark.parametrize("seed", range(4))
def test_files_of_a_bucket_follow_every_commit_and_foreign_ones(tmp_path: Path, seed: int) -> None:
    random_of = random.Random(seed)
    table = ts.create_table(
        tmp_path / "t",
        SCHEMA,
        primary_key=["id"],
        partition_by=["part"],
        buckets=2,
        options={"durability": "none", "compaction.trigger": 3, "compaction.stop": 4},
    )
    other = ts.open_table(tmp_path / "t")
    for step in range(60):
        writer = other if random_of.random() < 0.2 else table
        rows = [
            {"id": random_of.randrange(50), "part": random_of.randrange(2), "value": step}
            for _ in range(random_of.randrange(1, 5))
        ]
        action = random_of.random()
        if action < 0.8:
            writer.upsert(rows)
        elif action < 0.9:
            writer.delete([row["id"] for row in rows])
        else:
            writer.overwrite(rows)
        check(table._core)
        check(ts.open_table(tmp_path / "t")._core)


def test_what_is_held_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(livefiles, "ENTRIES_MAX", 3)
    held = livefiles.LiveFiles()
    entry = Entry(b"", 0, "0" * 32, 0, 1000, 0, 1, 0, b"a", b"b", 1, 1, 0, 0, b"")
    held.put(5, (b"", 0), [entry])
    held.put(5, (b"", 1), [entry, entry])
    assert held.get(5, (b"", 0)) == [entry]
    held.put(5, (b"", 2), [entry])
    held.put(5, (b"", 3), [entry])
    assert held.get(5, (b"", 0)) is None
    assert held.get(5, (b"", 3)) == [entry]
    held.put(4, (b"", 3), [])
    assert held.get(5, (b"", 3)) == [entry]
    held.follow(5, 6, None)
    assert held.get(6, (b"", 3)) is None
