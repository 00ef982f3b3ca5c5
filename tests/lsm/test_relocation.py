"""Keys that move between partitions (spec §12.5), deletes by key (§12.3), and rows that come late."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import tablestore as ts

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        ("place", pa.string()),
        ("at", pa.int64()),
        ("v", pa.string()),
    ]
)


def make(path: Path, sequence: bool = True, **options: Any) -> ts.Table:
    chosen = {
        "compaction": "manual",
        "durability": "none",
        **({"sequence.field": "at"} if sequence else {}),
        **options,
    }
    return ts.create_table(path, SCHEMA, primary_key="id", partition_by="place", options=chosen)


def row(place: str | None, at: int | None, v: str = "", key: int = 1) -> dict[str, Any]:
    return {"id": key, "place": place, "at": at, "v": v}


def rows(table: ts.View) -> list[dict[str, Any]]:
    found = table.scan().to_arrow().to_pylist()
    assert len({item["id"] for item in found}) == len(found), "a key lives twice"
    for item in found:
        assert table.get(item["id"]) == item
    return found


@pytest.fixture(params=[False, True], ids=["as it is", "compacted in between"])
def compacted(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def play(table: ts.Table, steps: list[Any], compacted: bool) -> None:
    """Upserts of rows, or deletes of keys; each a commit of its own."""
    for step in steps:
        table.delete([step]) if isinstance(step, int) else table.upsert([step])
        if compacted:
            table.compact(full=True)


def test_a_key_leaves_its_old_partition(table_path: Path, compacted: bool) -> None:
    table = make(table_path, sequence=False)
    play(table, [row("x", 1), row("y", 1), row(None, 1), row("x", 1, "last")], compacted)
    assert rows(table) == [row("x", 1, "last")]
    assert [item["place"] for item in rows(table.at(version=2))] == ["x"]


@pytest.mark.parametrize("late", [3, None], ids=["late", "null"])
def test_a_late_row_does_not_move_the_key(table_path: Path, compacted: bool, late: int | None) -> None:
    table = make(table_path)
    play(table, [row("x", 5, "new"), row("y", late, "late")], compacted)
    assert rows(table) == [row("x", 5, "new")]


def test_a_late_row_does_not_end_the_row_that_moved_here(table_path: Path, compacted: bool) -> None:
    """The delete left behind in x has the sequence of the row in y; a late row in y meets both."""
    table = make(table_path)
    play(table, [row("x", 5), row("y", 9, "kept"), row("y", 7, "late")], compacted)
    assert rows(table) == [row("y", 9, "kept")]


def test_equal_sequences_go_by_commit(table_path: Path, compacted: bool) -> None:
    table = make(table_path)
    play(table, [row("x", 5, "a"), row("y", 5, "b"), row("x", 5, "c"), row("x", 5, "d")], compacted)
    assert rows(table) == [row("x", 5, "d")]


def test_a_row_after_a_delete_may_be_late(table_path: Path, compacted: bool) -> None:
    """The delete takes the sequence of what it deletes (spec §12.3), and compaction does not forget it."""
    table = make(table_path)
    play(table, [row("x", 5), 1, row("y", 4, "late"), row("x", 4, "late")], compacted)
    assert rows(table) == []
    play(table, [row("y", 5, "equal")], compacted)
    assert rows(table) == [row("y", 5, "equal")]


def test_deletes_name_any_partition(table_path: Path, compacted: bool) -> None:
    table = make(table_path)
    table.upsert([row("x", 5)])
    table.apply_changes([{**row("y", 6), "_row_kind": "-D"}])
    assert rows(table) == []
    play(table, [row("z", 5, "late")], compacted)
    assert rows(table) == []
    play(table, [row("z", 6, "equal")], compacted)
    assert rows(table) == [row("z", 6, "equal")]


def test_a_late_delete_deletes_nothing(table_path: Path) -> None:
    table = make(table_path)
    table.upsert([row("x", 5)])
    table.apply_changes([{**row("x", 4), "_row_kind": "-D"}])
    table.apply_changes([{**row("y", 4), "_row_kind": "-D"}])
    assert rows(table) == [row("x", 5)]


def test_moves_inside_one_commit(table_path: Path) -> None:
    """Spilled in between: the files of one commit meet each other as those of several do."""
    table = make(table_path)
    with table.writer() as writer:
        writer._session._limit = 1
        for place, at in (("x", 1), ("y", 3), ("z", 2), ("w", 3)):
            writer.upsert([row(place, at, place)])
        writer.delete([2])
        writer.upsert([row("x", 9, "two", key=2)])
        writer.delete([2])
        writer.commit()
    assert rows(table) == [row("w", 3, "w")]


def test_a_delete_of_nothing_is_no_commit(table_path: Path) -> None:
    table = make(table_path)
    assert not table.delete([7]).published
    assert table.version == 1


def test_a_commit_that_lost_a_race_moves_what_the_other_wrote(table_path: Path) -> None:
    """The rules are applied anew on every newer snapshot (spec §11.6)."""
    table = make(table_path, sequence=False)
    other = ts.open_table(table_path)
    with table.writer() as writer:
        writer.upsert([row("x", 1, "writer")])
        writer._session.flush()
        other.upsert([row("y", 1, "other")])
        writer.commit()
    assert rows(other) == [row("x", 1, "writer")]
