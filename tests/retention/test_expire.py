"""Expiry: what stays shows what it always showed, and nothing stays that no snapshot needs."""

from __future__ import annotations

import datetime
import random
from pathlib import Path

import pytest

import tablestore as ts
from tests.retention.tables import Rows, boundaries, create, documents, needed, on_disk, row, rows_of


def test_only_the_newest_stay(table_path: Path) -> None:
    table = create(table_path)
    for step in range(12):
        table.upsert([row(step % 4, step)])
    result = table.expire_snapshots(keep_last=3)
    assert (result.version, result.boundary, result.snapshots) == (13, 11, 10)
    assert documents(table_path) == [11, 12, 13]
    assert boundaries(table_path) == [11]
    assert table.history().column("version").to_pylist() == [11, 12, 13]
    again = table.expire_snapshots(keep_last=3)
    assert (again.boundary, again.snapshots, again.files, again.manifests) == (11, 0, 0, 0)


def test_what_was_compacted_goes(table_path: Path) -> None:
    table = create(table_path)
    for step in range(9):
        table.upsert([row(step, step)])
    before = on_disk(table_path)
    table.compact(full=True)
    expected = rows_of(table)
    result = table.expire_snapshots(keep_last=1)
    assert on_disk(table_path) == needed(table_path, [table.version])
    gone = before - on_disk(table_path)
    assert result.files == len([path for path in gone if not path.startswith("manifest/")])
    assert rows_of(ts.open_table(table_path)) == expected
    assert table.verify(deep=True).ok


def test_expired_versions_say_so(table_path: Path) -> None:
    table = create(table_path)
    for step in range(5):
        table.upsert([row(1, step)])
    table.expire_snapshots(keep_last=2)
    for ask in (lambda: table.at(version=2), lambda: table.tag("late", 2), lambda: table.rollback(2)):
        with pytest.raises(ts.SnapshotExpiredError, match="has expired"):
            ask()
    assert table.tags().num_rows == 0
    with pytest.raises(ts.SnapshotExpiredError, match="no snapshot 99"):
        table.at(version=99)


def test_age_and_number_both_count(table_path: Path) -> None:
    table = create(table_path)
    for step in range(6):
        table.upsert([row(1, step)])
    times = table.history().column("timestamp").to_pylist()
    assert table.expire_snapshots(keep_last=1, older_than=datetime.timedelta(hours=1)).snapshots == 0
    assert table.expire_snapshots(keep_last=1, older_than=times[3]).boundary == 4
    assert documents(table_path) == [4, 5, 6, 7]
    assert table.expire_snapshots(keep_last=3, older_than=datetime.timedelta(days=-1)).boundary == 5


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True])
def test_a_number_of_snapshots_is_at_least_one(table_path: Path, wrong: int) -> None:
    with pytest.raises(ts.SchemaError, match="keep_last"):
        create(table_path).expire_snapshots(keep_last=wrong)


def test_tags_keep_their_snapshots(table_path: Path) -> None:
    table = create(table_path)
    for step in range(6):
        table.upsert([row(step, step)])
        if step == 2:
            expected = rows_of(table)
            assert table.tag("noon") == ts.TagResult("noon", 4)
    table.compact(full=True)
    result = table.expire_snapshots(keep_last=1)
    assert result.pinned == 1
    assert documents(table_path) == [4, table.version]
    assert rows_of(table.at(tag="noon")) == expected
    assert rows_of(ts.open_table(table_path).at(tag="noon")) == expected
    assert table.tags().select(["name", "version"]).to_pylist() == [{"name": "noon", "version": 4}]
    view = table.at(tag="noon")
    table.untag("noon")
    table.expire_snapshots(keep_last=1)
    assert rows_of(view) == expected, "a view that a tag led to holds a lease of its own"
    del view
    table.expire_snapshots(keep_last=1)
    assert on_disk(table_path) == needed(table_path, [table.version])
    for ask in (lambda: table.at(tag="noon"), lambda: table.untag("noon")):
        with pytest.raises(ts.SnapshotExpiredError, match="no tag"):
            ask()


def test_a_name_is_given_once(table_path: Path) -> None:
    table = create(table_path)
    table.upsert([row(1, 1)])
    table.tag("a/b ü.", 1)
    table.tag("a/b ü.", 1)
    with pytest.raises(ts.CommitConflictError, match="of version 1"):
        table.tag("a/b ü.", 2)
    for name in ("", "x" * 256, 7):
        with pytest.raises(ts.SchemaError):
            table.tag(name)  # type: ignore[arg-type,unused-ignore]
    assert table.at(tag="a/b ü.").version == 1


def test_rollback_shows_the_old_rows_and_goes_on(table_path: Path) -> None:
    table = create(table_path, partitioned=True)
    with table.writer("job") as writer:
        writer.upsert([row(1, 1), row(2, 2)])
        old = writer.commit(commit_id=1).version
        expected = rows_of(table)
        writer.upsert([row(2, 3), row(3, 3)])
        writer.commit(commit_id=2)
    table.compact(full=True)
    result = table.rollback(old)
    assert (result.to, result.published) == (old, True)
    assert rows_of(table) == expected
    assert table.history().column("kind").to_pylist()[-1] == "rollback"
    assert table.writer("job").last_commit_id() == 2, "what was committed stays known"
    assert table.tags().num_rows == 0
    table.upsert([row(1, 8)])
    table.expire_snapshots(keep_last=1)
    assert rows_of(table) == {**expected, 1: ("a", 8)}
    assert on_disk(table_path) == needed(table_path, [table.version])
    assert table.verify(deep=True).ok
    same = table.rollback(table.version)
    assert not same.published
    assert same.version == table.version


def test_files_that_a_rollback_brought_back_stay(table_path: Path) -> None:
    """They were removed by an expired snapshot and are live again in a retained one."""
    table = create(table_path)
    table.upsert([row(key, 1) for key in range(20)])
    old = table.version
    table.overwrite([row(1, 5)])
    for step in range(4):
        table.upsert([row(2, step)])
    table.rollback(old)
    table.overwrite([row(1, 6)])
    table.upsert([row(3, 3)])
    for keep in (3, 2):
        table.expire_snapshots(keep_last=keep)
        ids = documents(table_path)
        assert on_disk(table_path) == needed(table_path, ids)
    assert rows_of(table) == {1: ("a", 6), 3: ("b", 3)}


def test_a_tag_between_removal_and_rollback(table_path: Path) -> None:
    """Files live in a tagged snapshot alone, and in snapshots after a rollback, all of which go."""
    table = create(table_path)
    table.upsert([row(1, 1)])
    table.upsert([row(2, 2)])
    table.tag("first", 2)
    table.tag("second", 3)
    table.overwrite([row(9, 9)])
    table.tag("overwritten")
    second = rows_of(table.at(tag="second"))
    table.rollback(3)
    table.overwrite([row(7, 7)])
    table.upsert([row(8, 8)])
    table.expire_snapshots(keep_last=1)
    assert rows_of(table.at(tag="second")) == second
    assert rows_of(table.at(tag="overwritten")) == {9: ("b", 9)}
    assert on_disk(table_path) == needed(table_path, documents(table_path))


def check_rows(
    table: ts.Table,
    ids: list[int],
    boundary: int,
    seen: dict[int, Rows],
    views: dict[int, ts.View],
    tags: dict[str, int],
) -> None:
    """Every snapshot that stays shows what it showed, however it is reached."""
    for version in ids:
        found = [table.at(tag=name) for name, tagged in tags.items() if tagged == version]
        found += [views[version]] if version in views else []
        found += [table.at(version=version)] if version >= boundary else []
        assert found
        for view in found:
            assert rows_of(view) == seen[version], version


@pytest.mark.parametrize("seed", range(12))
def test_random_histories(table_path: Path, seed: int) -> None:
    """After every expiry: each snapshot that stays shows its rows, and the disk holds what they need, nothing else."""
    source = random.Random(seed)
    table = create(table_path, partitioned=bool(seed % 2))
    seen: dict[int, Rows] = {1: {}}
    views: dict[int, ts.View] = {}
    tags: dict[str, int] = {}
    for step in range(60):
        choice = source.random()
        retained = [id_ for id_ in seen if id_ >= max([1, *boundaries(table_path)])]
        if choice < 0.45:
            table.upsert([row(source.randrange(9), source.randrange(50)) for _ in range(3)])
        elif choice < 0.55:
            table.delete([source.randrange(9)])
        elif choice < 0.62:
            table.overwrite([row(source.randrange(9), step)])
        elif choice < 0.74:
            table.compact(full=source.random() < 0.5)
        elif choice < 0.80:
            table.rollback(source.choice(retained))
        elif choice < 0.84:
            tags[f"t{step}"] = table.tag(f"t{step}", source.choice(retained)).version
        elif choice < 0.86 and tags:
            name = source.choice(sorted(tags))
            table.untag(name)
            del tags[name]
        elif choice < 0.89:
            version = source.choice(retained)
            views[version] = table.at(version=version)
        elif choice < 0.91 and views:
            del views[source.choice(sorted(views))]
        else:
            table.expire_snapshots(keep_last=source.randint(1, 4))
            ids = documents(table_path)
            boundary = boundaries(table_path)[-1] if boundaries(table_path) else 1
            assert set(ids) == {*range(boundary, table.version + 1), *views, *tags.values()}
            assert on_disk(table_path) == needed(table_path, ids)
            check_rows(table, ids, boundary, seen, views, tags)
        newest = table.version
        if newest not in seen:
            for version in range(max(seen) + 1, newest):
                seen[version] = rows_of(table.at(version=version))
            seen[newest] = rows_of(table)
    assert not list((table_path / "lease").glob("*")) or views
    assert table.verify(deep=True).ok
