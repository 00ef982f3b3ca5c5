"""Cleaning: what nobody refers to goes, what a commit under way could still publish is fenced, the rest stays."""

from __future__ import annotations

import datetime
import os
import secrets
import time
from pathlib import Path

import pytest

import tablestore as ts
from tablestore.file import layout
from tests.retention.tables import create, documents, needed, on_disk, row, rows_of

NOW = datetime.timedelta(0)


def leave_garbage(path: Path, base: int, partition: str = "") -> set[str]:
    """Files as a writer leaves them that died: one of data, one manifest, torn."""
    names = {
        layout.data_path(partition, 1, layout.new_file_id(base)),
        layout.manifest_path(layout.new_file_id(base)),
    }
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(b"torn")
    return names


def age(path: Path, names: set[str], seconds: float) -> None:
    for name in names:
        os.utime(path / name, (time.time() - seconds,) * 2)


def test_a_dry_run_only_looks(table_path: Path) -> None:
    table = create(table_path)
    table.upsert([row(1, 1)])
    names = leave_garbage(table_path, 1)
    before = on_disk(table_path)
    result = table.remove_orphan_files(older_than=NOW)
    assert result == ts.OrphanResult(2, True, 1, 1, 0, 8, tuple(sorted(names)))
    assert on_disk(table_path) == before
    assert table.version == 2


def test_garbage_goes_behind_a_fence(table_path: Path) -> None:
    table = create(table_path, partitioned=True)
    table.upsert([row(key, key) for key in range(4)])
    table.upsert([row(key, key + 1) for key in range(4)])
    names = leave_garbage(table_path, 1, "city=a")
    expected = rows_of(table)
    calls: list[tuple[int, int]] = []
    result = table.remove_orphan_files(
        dry_run=False, older_than=NOW, progress=lambda *done: calls.append(done)
    )
    assert (result.version, result.files, result.manifests) == (4, 1, 1)
    assert set(result.paths) == names
    assert calls == [(2, 2)]
    assert on_disk(table_path) == needed(table_path, documents(table_path))
    newest = table._core.lineage.newest().snapshot
    assert (newest.kind, newest.fence) == ("clean", 2)
    assert rows_of(table) == expected
    table.upsert([row(9, 9)])
    assert table._core.lineage.newest().snapshot.fence == 2
    again = table.remove_orphan_files(dry_run=False, older_than=NOW)
    assert (again.version, again.files) == (5, 0)
    leave_garbage(table_path, 0)
    assert table.remove_orphan_files(dry_run=False, older_than=NOW).version == 5, "the fence is there already"


def test_a_spill_behind_the_fence_is_refused(table_path: Path) -> None:
    table = create(table_path)
    table.upsert([row(1, 1)])
    with table.writer() as writer:
        writer.upsert([row(2, 2)])
        writer._session.flush()
        table.upsert([row(3, 3)])
        assert table.remove_orphan_files(dry_run=False, older_than=NOW).files == 1
        with pytest.raises(ts.CommitConflictError, match="write again"):
            writer.commit()
        writer.upsert([row(2, 2)])
        writer.commit()
    assert set(rows_of(table)) == {1, 2, 3}
    assert on_disk(table_path) == needed(table_path, documents(table_path))


def test_a_spill_of_the_newest_base_is_left_alone(table_path: Path) -> None:
    table = create(table_path)
    table.upsert([row(1, 1)])
    with table.writer() as writer:
        writer.upsert([row(2, 2)])
        writer._session.flush()
        assert table.remove_orphan_files(dry_run=False, older_than=NOW).files == 0
        writer.commit()
    assert set(rows_of(table)) == {1, 2}


def test_young_files_are_left_alone(table_path: Path) -> None:
    table = create(table_path)
    for step in range(4):
        table.upsert([row(1, step)])
    old, young = leave_garbage(table_path, 1), leave_garbage(table_path, 1)
    age(table_path, old, 7200)
    limit = datetime.timedelta(hours=1)
    assert table.remove_orphan_files(older_than=limit).files == 0, "all snapshots are younger than the limit"
    table.expire_snapshots(keep_last=2)
    assert set(table.remove_orphan_files(older_than=limit).paths) == old
    assert table.remove_orphan_files().files == 0
    assert set(table.remove_orphan_files(older_than=NOW).paths) == old | young


def test_other_files_are_nobodys_business(table_path: Path) -> None:
    table = create(table_path, partitioned=True)
    table.upsert([row(key, key) for key in range(4)])
    table.upsert([row(key, key) for key in range(4)])
    others = {
        "notes.sst", "manifest/notes.sst", "manifest/manifest-1.sst", "city=a/notes.sst", "city=a/bucket-x/0.sst",
        "city=a/bucket-0/notes.sst", "city=a/bucket-0/.hidden", f"other=1/bucket-0/{'0' * 32}.sst",
        f"bucket-0/{'0' * 32}.sst", f"city=a/x/bucket-0/{'0' * 32}.sst", f"city=a/bucket-00/{'0' * 32}.sst",
        f"city=a/bucket-0/{'A' * 32}.sst", "snapshot/.tmp", "snapshot/snapshot-x.json", "city=file",
    }  # fmt: skip
    for name in others:
        (table_path / name).parent.mkdir(parents=True, exist_ok=True)
        (table_path / name).write_bytes(b"mine")
    (table_path / "city=link").symlink_to(table_path.parent)
    assert table.remove_orphan_files(dry_run=False, older_than=NOW).paths == ()
    assert all((table_path / name).read_bytes() == b"mine" for name in others)


def test_temporary_files(table_path: Path) -> None:
    """Of snapshots as soon as their id is taken; of pins, whose writers are not fenced, when they are old."""
    table = create(table_path)
    table.upsert([row(1, 1)])
    names = {
        directory: f"{directory}/{layout.temporary_name(secrets.token_hex(12))}"
        for directory in ("snapshot", "tag", "lease", "boundary", "claim")
    }
    for directory, name in names.items():
        (table_path / directory).mkdir(exist_ok=True)
        (table_path / name).write_bytes(b"{")
    taken, coming = (f"snapshot/{layout.temporary_name(secrets.token_hex(12))}" for _ in range(2))
    whole = (table_path / "snapshot" / "snapshot-2.json").read_bytes()
    (table_path / taken).write_bytes(whole)
    table.upsert([row(2, 2)])
    (table_path / coming).write_bytes((table_path / "snapshot" / "snapshot-3.json").read_bytes())
    (table_path / "snapshot" / "snapshot-3.json").unlink()
    table = ts.open_table(table_path)
    result = table.remove_orphan_files(dry_run=False, older_than=NOW)
    assert set(result.paths) >= {names["snapshot"], taken}
    assert (table_path / coming).exists()
    assert result.temporaries == 2
    age(table_path, {name for directory, name in names.items() if directory != "snapshot"}, 7200)
    assert table.remove_orphan_files(dry_run=False, older_than=NOW).temporaries == 4


def test_a_pin_that_cannot_be_read_stops_deletion(table_path: Path) -> None:
    table = create(table_path)
    for step in range(4):
        table.upsert([row(1, step)])
    leave_garbage(table_path, 1)
    table.tag("good", 2)
    path = table_path / "tag" / "tag-good.json"
    damaged = bytearray(path.read_bytes())
    damaged[60] ^= 1
    path.write_bytes(bytes(damaged))
    before = on_disk(table_path), documents(table_path)
    with pytest.raises(ts.ChecksumError):
        table.expire_snapshots(keep_last=1)
    with pytest.raises(ts.ChecksumError):
        table.remove_orphan_files(dry_run=False, older_than=NOW)
    assert (on_disk(table_path), documents(table_path)) == before
