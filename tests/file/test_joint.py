"""Extents of several files against rows picked one by one: spans, choices of blocks, pieces, chosen rows."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import tablestore as ts
from tablestore import types
from tablestore.file import column_reader
from tablestore.file.column_reader import Piece, extent_of, pieces_of, read, read_column
from tablestore.file.joint import Extent, JointDirectory
from tablestore.file.sst_reader import SstReader
from tablestore.lsm.run import sorted_runs
from tablestore.lsm.scan import overlapped
from tablestore.types import Field

SCHEMA = pa.schema(
    [
        pa.field("k", pa.string(), nullable=False),
        pa.field("number", pa.int32()),
        pa.field("flag", pa.bool_()),
        pa.field("text", pa.string()),
        pa.field("list", pa.list_(pa.int8())),
    ]
)


@pytest.fixture
def opened(table_path: Path) -> tuple[list[SstReader], tuple[Field, ...], list[list[dict[str, Any]]]]:
    """Five overlapping files in blocks of seven rows, and their rows."""
    table = ts.create_table(
        table_path, SCHEMA, primary_key=["k"],
        options={"compaction": "manual", "durability": "none", "block-rows": 7},
    )  # fmt: skip
    source = random.Random(5)
    stored = []
    for _ in range(5):
        low = source.randrange(200)
        keys = sorted(source.sample(range(low, low + 60), source.randrange(1, 40)))
        rows = [
            {
                "k": f"{key:04d}",
                "number": source.choice((None, key)),
                "flag": source.choice((None, True, False)),
                "text": source.choice((None, "", f"text {key}")),
                "list": source.choice((None, [], [1, None])),
            }
            for key in keys
        ]
        table.upsert(pa.Table.from_pylist(rows, schema=SCHEMA))
        stored.append(rows)
    core = table._core
    runs = core.cache.open_runs(sorted_runs(core.entries(core.lineage.newest().snapshot)))
    return [run.readers[0] for run in runs], core.schema.fields, stored


def rows_of(extent: Extent, fields: tuple[Field, ...], index: Any = None) -> list[dict[str, Any]]:
    columns = [read(extent, field, index).to_arrow() for field in fields]
    found: list[dict[str, Any]] = pa.Table.from_arrays(
        columns, names=[field.name for field in fields]
    ).to_pylist()
    return found


def test_spans_are_the_rows_between(opened: Any) -> None:
    readers, fields, stored = opened
    joint = JointDirectory(readers)
    everything = [row for rows in stored for row in rows]
    source = random.Random(1)
    bases = joint.row_start[joint.file_start]
    for _ in range(60):
        starts, stops = [], []
        for base, end in zip(bases[:-1].tolist(), bases[1:].tolist(), strict=True):
            first, last = sorted(source.randint(base, end) for _ in range(2))
            starts.append(first)
            stops.append(last)
        extent = joint.spans(np.array(starts), np.array(stops))
        expected = [row for first, last in zip(starts, stops, strict=True) for row in everything[first:last]]
        assert extent.length == len(expected)
        assert rows_of(extent, fields) == expected
        pieces = pieces_of(extent)
        assert all(piece.stop > piece.start for piece in pieces)
        assert rows_of(extent_of(pieces), fields) == expected
        index = np.array([source.randrange(len(expected)) for _ in expected[::3]], np.uint32)
        assert rows_of(extent, fields, index) == [expected[row] for row in index.tolist()]
        mask = np.array([source.random() < 0.5 for _ in extent.block], bool)
        owner = np.repeat(np.arange(len(extent.block)), extent.take)
        kept = [row for row, block in zip(expected, owner.tolist(), strict=True) if mask[block]]
        assert rows_of(extent.only(mask), fields) == kept
        assert read_column(pieces_of(extent), fields[0], None).length == len(expected)


def test_columns_that_a_file_lacks_are_null(opened: Any) -> None:
    readers, _, stored = opened
    lacking = Field(99, "later", types.from_arrow(pa.int32(), "later"), True)
    extent = extent_of([Piece(reader, 0, len(rows)) for reader, rows in zip(readers, stored, strict=True)])
    found = read(extent, lacking, np.array([2, 0], np.uint32)).to_arrow()
    assert found.to_pylist() == [None, None]


def test_blocks_are_overlapped_where_another_meets_their_range(opened: Any) -> None:
    readers, _, _ = opened
    joint = JointDirectory(readers)
    extent = joint.whole(np.arange(len(joint.rows)))
    found = overlapped(extent)
    for block in range(len(joint.rows)):
        low, high = joint.first.key(block), joint.last.key(block)
        others = [other for other in range(len(joint.rows)) if joint.file_of[other] != joint.file_of[block]]
        meets = any(joint.first.key(other) <= high and joint.last.key(other) >= low for other in others)
        assert found[block] == meets
    assert found.any()
    assert column_reader.read(extent.only(found), joint_key(readers)).length == int(joint.rows[found].sum())


def joint_key(readers: list[SstReader]) -> Field:
    """The key column as the files have it."""
    return readers[0].properties.columns[0].field
