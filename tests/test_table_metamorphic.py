"""What must not matter does not: options, compaction, pruning and the size of windows never change a row."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.lsm import scan, window
from tests.model import value_pool

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("place", pa.string()),
        pa.field("at", pa.timestamp("us")),
        pa.field("amount", pa.float64()),
        pa.field("tags", pa.list_(pa.field("element", pa.string()))),
    ]
)
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"compaction": "manual", "block-rows": 1},
    {"compaction": "manual", "block-rows": 7, "compression": "none"},
    {"compaction.trigger": 2, "block-rows": 50, "filter-bits-per-key": 0},
    {"compaction.trigger": 2, "compaction.max-space-amplification-percent": 0},
    {"compaction.trigger": 3, "compaction.size-ratio-percent": 1000, "target-file-bytes": 4096},
    {
        "compaction.trigger": 3,
        "compaction.max-space-amplification-percent": 1_000_000,
        "target-file-bytes": 4096,
    },
    {"block-bytes": 1024, "compression-level": 19, "filter-bits-per-key.last-level": 0},
    {"block-rows": 65_536, "filter-bits-per-key": 32, "durability": "full"},
    {"compaction": "manual", "block-rows": 3, "target-file-bytes": 4096, "filter-bits-per-key": 1},
)
KINDS = ("+I", "-U", "+U", "-D")


def _rows(source: random.Random, count: int) -> pa.Table:
    columns: dict[str, list[Any]] = {
        "id": [source.randrange(60) for _ in range(count)],
        "name": [source.choice(("a", "a\0", "ab", "b")) for _ in range(count)],
        "place": [source.choice((None, "x", "y/z")) for _ in range(count)],
        "at": [source.randrange(6) for _ in range(count)],
        "amount": [source.choice((None, 0.0, -0.0, float("nan"), 1.5)) for _ in range(count)],
        "tags": [source.choice((None, [], ["a"], ["b", None])) for _ in range(count)],
    }
    return pa.Table.from_arrays(
        [value_pool.to_array(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA
    )


def _play(table: ts.Table, seed: int, compactions: bool) -> None:
    """The same changes, whatever the table's options; compactions in between or not."""
    source = random.Random(seed)
    luck = random.Random(seed + 1)
    for _ in range(9):
        rows = _rows(source, source.choice((1, 8, 60)))
        kind = source.random()
        if kind < 0.5:
            table.upsert(rows)
        elif kind < 0.7:
            kinds = pa.array(source.choices(KINDS, k=rows.num_rows))
            table.apply_changes(rows.append_column("_row_kind", kinds))
        elif kind < 0.85:
            table.delete(rows.select(["id", "name"]))
        else:
            table.delete(where=f"id >= 20 and id < {source.randrange(20, 40)}")
        if compactions and luck.random() < 0.4:
            table.compact(full=luck.random() < 0.3)


def _content(table: ts.View) -> list[str]:
    return sorted(map(repr, value_pool.rows_of(table.scan().to_arrow())))


SHAPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "buckets": {"buckets": 5},
    "partitions in the key": {"partition_by": "name", "buckets": 2},
    "partitions": {"partition_by": ["place"], "buckets": 2},
}


@pytest.mark.parametrize("sequence", [None, "at"])
@pytest.mark.parametrize("shape", SHAPES)
def test_options_and_compactions_do_not_matter(tmp_path: Path, shape: str, sequence: str | None) -> None:
    contents = []
    for number, options in enumerate(OPTIONS):
        chosen = {"durability": "none", **options, **({"sequence.field": sequence} if sequence else {})}
        table = ts.create_table(
            tmp_path / str(number), SCHEMA, primary_key=["id", "name"], options=chosen, **SHAPES[shape]
        )
        _play(table, 7, compactions=number % 2 == 1)
        contents.append(_content(table))
        assert table.verify(deep=True).ok
    assert contents[0]
    assert all(content == contents[0] for content in contents)


def test_buckets_and_partitions_do_not_matter(tmp_path: Path) -> None:
    """With or without partitions, in one bucket or many: the same rows."""
    contents = []
    for number, shape in enumerate(SHAPES.values()):
        table = ts.create_table(
            tmp_path / str(number),
            SCHEMA,
            primary_key=["id", "name"],
            options={"durability": "none"},
            **shape,
        )
        _play(table, 11, compactions=True)
        contents.append(_content(table))
    assert all(content == contents[0] for content in contents)


FILTERS = (
    "id = 5", "id in (1, 2, 59)", "id > 50", "id between 10 and 20", "id < 0", "name = 'a'", "name >= 'ab'",
    "name = 'nobody'", "place = 'x'", "place is null", "place = 'y/z' and id < 30", "amount > 1", "amount = 0.0",
    "amount < 0 or amount is null", "id = 3 and name = 'a'", "not (id > 3)", "place in ('x') or id = 1",
    "amount != 1.5", "tags is null", "id > 10 and amount = 1.5",
)  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sequence", [None, "at"])
def test_pruning_never_drops_a_row(table_path: Path, shape: str, sequence: str | None) -> None:
    """Every filter finds what it finds in all rows (spec §12.4): pruned files and blocks held none of them."""
    options = {"compaction": "manual", "block-rows": 4, "durability": "none", "target-file-bytes": 4096}
    if sequence:
        options["sequence.field"] = sequence
    table = ts.create_table(table_path, SCHEMA, primary_key=["id", "name"], options=options, **SHAPES[shape])
    for seed in range(2):
        _play(table, seed, compactions=seed == 1)
        everything = table.scan().to_arrow()
        for text in FILTERS:
            expected = sorted(map(repr, value_pool.rows_of(_filtered(everything, text))))
            found = table.scan(filter=text)
            assert sorted(map(repr, value_pool.rows_of(found.to_arrow()))) == expected, text
            assert found.count() == len(expected), text
            with mock.patch.object(scan.Scan, "_wanted", return_value=None):
                unpruned = table.scan(filter=text).to_arrow()
            assert sorted(map(repr, value_pool.rows_of(unpruned))) == expected, text


def _filtered(everything: pa.Table, text: str) -> pa.Table:
    from tablestore.filter import parse_filter

    return everything.filter(parse_filter(text, SCHEMA))


def test_old_values_stay_dead_when_blocks_are_pruned(table_path: Path) -> None:
    """The most dangerous pruning: a filter that only the old version of a row fulfils."""
    schema = pa.schema([pa.field("id", pa.int64(), nullable=False), ("v", pa.int64())])
    table = ts.create_table(
        table_path,
        schema,
        primary_key="id",
        options={"compaction": "manual", "block-rows": 2, "durability": "none"},
    )
    table.upsert(pa.table({"id": range(100), "v": [1] * 100}, schema=schema))
    table.upsert(pa.table({"id": range(0, 100, 3), "v": [2] * 34}, schema=schema))
    table.delete(list(range(0, 100, 5)))
    gone = set(range(0, 100, 3)) | set(range(0, 100, 5))
    assert sorted(table.scan(filter="v = 1").to_arrow()["id"].to_pylist()) == sorted(set(range(100)) - gone)
    assert table.scan(filter="v = 2").count() == len(set(range(0, 100, 3)) - set(range(0, 100, 5)))
    assert table.scan(filter="v = 3").count() == 0
    assert table.scan(filter="v is null").count() == 0


@pytest.mark.parametrize("rows", [1, 3, 17, 1 << 20])
def test_windows_do_not_matter(table_path: Path, rows: int) -> None:
    table = ts.create_table(
        table_path, SCHEMA, primary_key=["id", "name"], buckets=2,
        options={"compaction": "manual", "block-rows": 3, "durability": "none"},
    )  # fmt: skip
    _play(table, 3, compactions=False)
    expected = _content(table)
    with (
        mock.patch.object(scan, "WINDOW_ROWS_MIN", rows),
        mock.patch.object(scan, "WINDOW_ROWS_MAX", rows),
        mock.patch.object(window, "SPARSE", 1),
    ):
        assert _content(table) == expected
        assert table.scan(columns=[]).count() == len(expected)
        table.compact(full=True)
    assert _content(table) == expected
    assert table.verify(deep=True).ok
