"""Table.changes: what it takes, what it returns, and what it does not read."""

from __future__ import annotations

import contextlib
import datetime
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.file import column_reader
from tablestore.file.manifest import FIELDS
from tablestore.lsm import changes as differences
from tablestore.lsm.cache import FileCache
from tablestore.lsm.image import read_image

SCHEMA = pa.schema(
    [pa.field("id", pa.int64(), False), ("place", pa.string()), ("n", pa.int32()), ("text", pa.string())]
)
MANIFEST_COLUMNS = {field.name for field in FIELDS} | {"_row_kind"}
OPTIONS = {"durability": "none", "compaction": "manual", "block-rows": 4}


def make(path: Path, **given: Any) -> ts.Table:
    return ts.create_table(path, SCHEMA, **{"primary_key": "id", "options": OPTIONS, **given})


def rows(*ids: int, n: int = 0, place: str = "a", text: str = "x") -> list[dict[str, Any]]:
    return [{"id": i, "place": place, "n": n, "text": text} for i in ids]


def seen(found: ts.Changes, *names: str) -> list[tuple[Any, ...]]:
    table = found.to_arrow()
    return list(zip(*(table.column(name).to_pylist() for name in ("_row_kind", *names)), strict=True))


def test_columns_and_forms(table_path: Path) -> None:
    table = make(table_path)
    table.upsert(rows(1, 2))
    table.upsert(rows(2, 3, n=5))
    found = table.changes(2)
    expected = pa.schema(
        [pa.field("_row_kind", pa.string(), False), pa.field("_version", pa.int64(), False), *SCHEMA]
    )
    assert found.schema.equals(expected)
    result = found.to_arrow()
    assert result.schema.equals(expected)
    assert result.column("_version").to_pylist() == [3, 3, 3]
    assert seen(found, "id", "n") == [("-U", 2, 0), ("+U", 2, 5), ("+I", 3, 5)]
    assert pa.table(found).equals(result)
    assert pa.Table.from_batches(found.to_batches()).equals(result)
    assert found.to_reader().read_all().equals(result)
    assert len(found.to_pandas()) == found.count() == 3
    assert seen(table.changes(2, columns=["text", "id"]), "text", "id") == [("+I", "x", 3)]
    assert seen(table.changes(2, columns=[])) == [("+I",)]
    assert table.changes(2, columns=[], filter="n = 5").count() == 2


def test_ends_are_versions_tags_and_times(table_path: Path) -> None:
    table = make(table_path)
    for number in range(3):
        table.upsert(rows(number))
    times = [when.as_py() for when in table.history().column("timestamp")]
    assert [row[1] for row in seen(table.changes(2, 3), "id")] == [1]
    assert [row[1] for row in seen(table.changes(times[1], times[2]), "id")] == [1]
    table.tag("start", version=2)
    assert [row[1] for row in seen(table.changes("start"), "id")] == [1, 2]
    assert table.changes(4).to_arrow().num_rows == 0
    assert table.changes(4).to_arrow().schema.equals(table.changes(4).schema)
    assert table.changes(3, 3, net=False).count() == 0


@pytest.mark.parametrize(
    ("ends", "error"),
    [
        ((3, 2), ts.SchemaError),
        ((True, 3), ts.SchemaError),
        ((1.5,), ts.SchemaError),
        ((0,), ts.SnapshotExpiredError),
        ((1, 99), ts.SnapshotExpiredError),
        (("no such tag",), ts.SnapshotExpiredError),
        ((datetime.datetime(2000, 1, 1),), ts.SnapshotExpiredError),
    ],
)
def test_ends_that_are_none(table_path: Path, ends: tuple[Any, ...], error: type[Exception]) -> None:
    table = make(table_path)
    table.upsert(rows(1))
    table.upsert(rows(1))
    with pytest.raises(error):
        table.changes(*ends)


def test_columns_and_filters_that_are_none(table_path: Path) -> None:
    table = make(table_path)
    with pytest.raises(ts.SchemaError):
        table.changes(1, columns=["missing"])
    with pytest.raises(ts.FilterError):
        table.changes(1, filter="missing = 1")


def test_steps_show_what_the_net_difference_hides(table_path: Path) -> None:
    table = make(table_path, partition_by="place", buckets=2)
    table.upsert(rows(1))
    table.upsert(rows(1, place="b"))
    table.compact(full=True)
    table.upsert(rows(1))
    assert table.changes(2).count() == 0
    newest = table.version
    assert seen(table.changes(2, net=False), "_version", "id", "place") == [
        ("-D", 3, 1, "a"), ("+I", 3, 1, "b"), ("+I", newest, 1, "a"), ("-D", newest, 1, "b"),
    ]  # fmt: skip


def opened(run: Callable[[], Any]) -> int:
    """Data files that a call opens."""
    original = FileCache.open
    names = set()

    def count(self: FileCache, entry: Any) -> Any:
        names.add(entry.file)
        return original(self, entry)

    with mock.patch.object(FileCache, "open", count):
        run()
    return len(names)


def test_compactions_cost_no_data(table_path: Path) -> None:
    table = make(table_path, buckets=2)
    for number in range(4):
        table.upsert(rows(*range(number, number + 20)))
    start = table.version
    table.compact(full=True)
    assert opened(lambda: table.changes(start, net=False).to_arrow()) == 0
    with mock.patch("tablestore.changes.ROWS_PER_STEP", 0):
        assert opened(lambda: table.changes(start).to_arrow()) == 0


def test_files_that_cannot_hold_the_keys_are_not_opened(table_path: Path) -> None:
    table = make(table_path, options={**OPTIONS, "target-file-bytes": 4096, "compression": "none"})
    source = random.Random(1)
    many = [{"id": i, "place": "a", "n": i, "text": str(source.getrandbits(400))} for i in range(600)]
    table.upsert(many)
    table.compact(full=True)
    assert table.files().num_rows > 10
    start = table.version
    table.upsert(rows(7, 8, 9))
    assert opened(lambda: table.changes(start).to_arrow()) <= 3


def decoded(run: Callable[[], Any]) -> set[str]:
    """Names of the columns that a call decodes."""
    found = set()

    def noting(original: Callable[..., Any]) -> Callable[..., Any]:
        def note(where: Any, field: Any, *rest: Any, **given: Any) -> Any:
            found.add(field.name)
            return original(where, field, *rest, **given)

        return note

    with contextlib.ExitStack() as stack:
        for name in ("read", "read_column"):
            if hasattr(column_reader, name):
                replaced = noting(getattr(column_reader, name))
                stack.enter_context(mock.patch.object(column_reader, name, replaced))
        run()
    return found - MANIFEST_COLUMNS


def test_columns_that_were_not_asked_for_are_not_decoded(table_path: Path) -> None:
    table = make(table_path)
    table.upsert(rows(*range(40)))
    table.upsert(rows(*range(10), n=2))
    assert decoded(lambda: table.changes(2, columns=["n"]).to_arrow()) == {"id", "n"}


def test_rows_that_stay_where_they_are_are_not_decoded(table_path: Path) -> None:
    """Late rows make candidates that show the same row of the same file on both sides."""
    table = make(table_path, options={**OPTIONS, "sequence.field": "n"})
    table.upsert(rows(*range(40), n=5))
    table.upsert(rows(*range(40), n=3))
    assert table.changes(2).count() == 0
    assert decoded(lambda: table.changes(2).to_arrow()) == {"id", "n"}


def test_a_tag_below_the_boundary_is_a_start(table_path: Path) -> None:
    """Documents and files in between are gone: the files at both ends suffice (spec §14.6)."""
    table = make(table_path, partition_by="place")
    table.upsert(rows(*range(20)))
    table.tag("start")
    first = table.version
    for number in range(5):
        table.upsert(rows(number, n=number))
        table.delete([10 + number])
        table.compact(full=True)
    expected = seen(table.changes(first), "id", "n", "place")
    assert len(expected) == 13
    table.expire_snapshots(keep_last=1)
    with mock.patch("tablestore.changes.ROWS_PER_STEP", 0):
        assert seen(table.changes("start"), "id", "n", "place") == expected
    with pytest.raises(ts.SnapshotExpiredError):
        table.changes("start", net=False).to_arrow()


@pytest.mark.parametrize("files", range(3))
def test_files_in_between_may_go_while_changes_are_read(table_path: Path, files: int) -> None:
    """The rows that are left come from the files at both ends, in the same order."""
    table = make(table_path, options={**OPTIONS, "block-rows": 2})
    table.upsert(rows(*range(60)))
    first = table.version
    for number in range(3):
        table.upsert(rows(*range(number, 60, 3), n=7))
    table.compact(full=True)
    expected = seen(table.changes(first), "id", "n")
    original, calls = read_image, []

    def remove(*given: Any) -> Any:
        calls.append(1)
        if len(calls) == 2 * files + 1:
            raise ts.FormatError("gone", code="missing-file")
        return original(*given)

    with (
        mock.patch("tablestore.changes.ROWS_PER_STEP", 0),
        mock.patch("tablestore.lsm.scan.WINDOW_ROWS_MIN", 8),
        mock.patch("tablestore.lsm.scan.WINDOW_ROWS_MAX", 8),
        mock.patch("tablestore.lsm.parallel.workers", return_value=1),
        mock.patch.object(differences, "read_image", remove),
    ):
        assert seen(table.changes(first), "id", "n") == expected
    assert len(calls) > 2 * files + 1
