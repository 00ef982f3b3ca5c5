"""Leases: who reads a snapshot keeps it; who lost it is told so, and never gets a part of the rows."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import tablestore as ts
from tablestore import lease as leasing
from tablestore import retention
from tablestore.errors import StorageError
from tablestore.file import lease as documents
from tablestore.storage import LocalStorage
from tests.retention.tables import create, needed, on_disk, row, rows_of


@pytest.fixture
def table(table_path: Path) -> ts.Table:
    """Three files of two blocks each that a compaction has replaced since."""
    table = create(table_path, **{"block-rows": 64})
    for step in range(3):
        table.upsert([row(key, step) for key in range(200)])
    return table


def leases(table: ts.Table) -> list[Path]:
    directory = Path(table.path) / "lease"
    return sorted(directory.glob("lease-*.json")) if directory.exists() else []


def replace_all(table: ts.Table) -> None:
    """Nothing of what was there is live afterwards."""
    other = ts.open_table(table.path)
    other.overwrite([row(1, 1)])
    other.expire_snapshots(keep_last=1)


def test_a_scan_holds_its_snapshot_to_the_end(table: ts.Table) -> None:
    batches = table.scan().to_batches()
    first = next(batches)
    assert len(leases(table)) == 1
    found = documents.decode(leases(table)[0].read_bytes(), "lease")
    assert (found.snapshot, str(os.getpid()) in found.holder) == (table.version, True)
    assert found.expires_millis - found.timestamp_millis == leasing.LEASE_MILLIS
    replace_all(table)
    rest = list(batches)
    assert first.num_rows + sum(batch.num_rows for batch in rest) == 200
    assert leases(table) == []


def test_a_scan_that_is_left_lets_go(table: ts.Table) -> None:
    batches = table.scan().to_batches()
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert leases(table) == []
    reader = table.scan().to_reader()
    reader.read_next_batch()
    assert len(leases(table)) == 1
    del reader
    gc.collect()
    assert leases(table) == []


@pytest.mark.parametrize(
    "read",
    [lambda s: s.count(), lambda s: s.explain(), lambda s: s.to_arrow(), lambda s: list(s.to_batches())],
)
def test_every_way_to_read_holds_and_lets_go(
    table: ts.Table, read: Callable[[ts.Scan], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    acquired: list[int] = []
    acquire = leasing.acquire
    monkeypatch.setattr(leasing, "acquire", lambda *given: acquired.append(1) or acquire(*given))
    read(table.scan(columns=["id"]))
    assert acquired == [1]
    assert leases(table) == []


def test_a_view_holds_while_it_lives(table: ts.Table) -> None:
    view = table.at(version=table.version)
    expected = rows_of(view)
    replace_all(table)
    assert rows_of(view) == expected
    assert view.get(5) == row(5, 2)
    assert (len(view), view.files().num_rows > 0, view.levels().num_rows > 0) == (200, True, True)
    del view
    gc.collect()
    assert leases(table) == []
    table.expire_snapshots(keep_last=1)
    assert on_disk(Path(table.path)) == needed(Path(table.path), [table.version])


def test_a_lazy_scan_of_a_table_takes_the_newest_that_is_left(table: ts.Table) -> None:
    scan = table.scan()
    replace_all(table)
    assert scan.count() == 1
    assert scan.to_arrow().num_rows == 1


def drop(table: ts.Table) -> None:
    """What an expirer does with a lease of a process that it takes for dead."""
    for path in leases(table):
        path.unlink()


def test_a_dropped_lease_is_told(table: ts.Table) -> None:
    """Unless the files are open already, or are needed still: then the answer is right."""
    reads: list[Callable[[ts.View], object]] = [rows_of, lambda v: v.get([3]), lambda v: v.get(3)]
    entries = table.files().num_rows
    views = [ts.open_table(table.path).at(version=table.version) for _ in reads]
    expected = rows_of(table)
    drop(table)
    replace_all(table)
    for read, view in zip(reads, views, strict=True):
        with pytest.raises(ts.SnapshotExpiredError, match="expired while it was read"):
            read(view)
        assert view.files().num_rows == entries
    assert len(expected) == 200


def test_damage_is_not_taken_for_expiry(table: ts.Table) -> None:
    for path in Path(table.path).glob("bucket-*/*.sst"):
        path.unlink()
    with pytest.raises(ts.FormatError) as caught:
        ts.open_table(table.path).scan().to_arrow()
    assert caught.value.code == "missing-file"
    with pytest.raises(ts.FormatError):
        ts.open_table(table.path).get(1)


def test_a_lookup_goes_on_to_the_newest(table: ts.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest snapshot expires between finding it and opening its files."""
    fresh = ts.open_table(table.path)
    newest = fresh._core.lineage.newest
    expired: list[int] = []

    def slow() -> object:
        found = newest()
        if not expired:
            expired.append(found.id)
            replace_all(table)
        return found

    monkeypatch.setattr(fresh._core.lineage, "newest", slow)
    assert fresh.get(1) == row(1, 1)
    assert expired


def test_a_lease_is_renewed(table: ts.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    view = table.at(version=2)
    (path,) = leases(table)
    before = documents.decode(path.read_bytes(), "lease").expires_millis
    (held,) = [lease for lease in leasing.RENEWAL._held.values() if lease.path == f"lease/{path.name}"]
    time.sleep(0.005)
    held.renew()
    assert documents.decode(path.read_bytes(), "lease").expires_millis > before
    path.unlink()
    held.renew()
    assert leases(table) == [], "a lease that was dropped does not come back"
    assert view.version == 2


def test_an_overdue_lease_is_dropped(table: ts.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leasing, "LEASE_MILLIS", -1)
    view = ts.open_table(table.path).at(version=2)
    assert len(leases(table)) == 1
    replace_all(table)
    assert leases(table) == []
    with pytest.raises(ts.SnapshotExpiredError):
        view.scan().to_arrow()


class ReadOnly(LocalStorage):
    """A store that cannot be written."""

    def replace(self, path: str, data: bytes) -> None:
        raise StorageError(30, "read-only", path)


def test_a_store_that_cannot_be_written_is_read_without_leases(table: ts.Table) -> None:
    assert len(rows_of(ts.open_table(ReadOnly(table.path)))) == 200
    reader = ts.open_table(ReadOnly(table.path))
    view = reader.at(version=reader.version)
    assert leases(table) == []
    replace_all(table)
    with pytest.raises(ts.SnapshotExpiredError):
        rows_of(view)


def test_a_child_process_leaves_the_leases_of_its_parent(table: ts.Table) -> None:
    view = table.at(version=2)
    child = os.fork()
    if child == 0:
        del view
        gc.collect()
        os._exit(0 if leases(table) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert len(leases(table)) == 1


def test_one_thread_renews_all(table: ts.Table) -> None:
    views = [table.at(version=2) for _ in range(20)]
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("tablestore-leases") == 1
    assert len(leases(table)) == len(views)


def test_readers_between_the_two_steps_of_an_expirer(
    table: ts.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease that is written before the boundary moves holds; one that is written after it fails at once."""
    views: list[ts.View] = []
    failed: list[int] = []

    def between() -> None:
        try:
            views.append(ts.open_table(table.path).at(version=3))
        except ts.SnapshotExpiredError:
            failed.append(1)

    for step in ("_publish", "_remove_older", "_plan", "_delete"):
        original = getattr(retention, step)

        def stop(*given: object, original: Callable[..., object] = original) -> object:
            between()
            return original(*given)

        monkeypatch.setattr(retention, step, stop)
    expected = rows_of(table.at(version=3))
    table.overwrite([row(1, 1)])
    gc.collect()
    table.expire_snapshots(keep_last=1)
    assert (len(views), len(failed)) == (1, 3)
    assert rows_of(views[0]) == expected
