"""Tables written by the library, read by the reference: rows must be equal at every version."""

from __future__ import annotations

import random
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore import types
from tablestore.conformance import native_values, values
from tablestore.reference.type import parse_type
from tests.conformance.reference_table import ReferenceTable, open_table

FIELDS = [
    pa.field("id", pa.int64(), nullable=False),
    pa.field("name", pa.string()),
    pa.field("place", pa.string()),
    pa.field("amount", pa.decimal128(12, 2)),
    pa.field("score", pa.float64()),
    pa.field("seen", pa.timestamp("us", "UTC")),
    pa.field("tags", pa.list_(pa.field("element", pa.string()))),
    pa.field("clock", pa.int32()),
]
SCHEMA = pa.schema(FIELDS)
LAYOUTS: dict[str, dict[str, Any]] = {
    "plain": {"primary_key": ["id"], "buckets": 2},
    "partitioned": {"primary_key": ["id"], "partition_by": ["place"], "buckets": 2},
    "composite": {"primary_key": ["name", "id"], "buckets": 3},
    "sequence": {"primary_key": ["id"], "buckets": 1, "options": {"sequence.field": "clock"}},
    "sequence-partitioned": {
        "primary_key": ["id"],
        "partition_by": ["place"],
        "options": {"sequence.field": "clock,amount"},
    },
}


def rows(draw: random.Random, count: int) -> pa.Table:
    """Rows of few keys, so that they meet often."""
    places = ["a/b", "", None, "Zürich", "%null"]
    found = [
        {
            "id": draw.randint(0, 60),
            "name": draw.choice(["x", "y\0", "é"]),
            "place": draw.choice(places),
            "amount": draw.choice([None, Decimal("-1.05"), Decimal("9999999999.99")]),
            "score": draw.choice([None, 0.1, -0.0, 1e300]),
            "seen": draw.choice([None, 0, 1_700_000_000_000_000]),
            "tags": draw.choice([None, [], ["a", None, "b"]]),
            "clock": draw.choice([None, 1, 2, 3]),
        }
        for _ in range(count)
    ]
    return pa.Table.from_pylist(found, SCHEMA)


def forms_of_library(found: pa.Table) -> list[tuple[object, ...]]:
    columns = []
    for name in found.column_names:
        array = found.column(name).combine_chunks()
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        columns.append(native_values.array_forms(array, types.from_arrow(array.type)))
    return _sorted(zip(*columns, strict=True))


def forms_of_reference(table: ReferenceTable) -> list[tuple[object, ...]]:
    stored = {field.name: field.type for field in table.schema.fields}
    return _sorted(
        tuple(values.to_json(stored[field.name], row[field.name]) for field in FIELDS) for row in table.rows()
    )


def _sorted(found: Iterable[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return sorted(found, key=repr)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_reference_reads_what_the_library_wrote(tmp_path: Path, layout: str) -> None:
    draw = random.Random(layout)
    arguments = dict(LAYOUTS[layout])
    options = {"block-rows": "16", "compaction": "manual", **arguments.pop("options", {})}
    table = ts.create_table(tmp_path / "t", SCHEMA, **arguments, options=options)
    expected = {}
    for step in range(8):
        table.upsert(rows(draw, 30))
        if step == 3:
            table.compact()
        if step == 5:
            table.delete(table.scan().to_arrow().slice(0, 7).select(arguments["primary_key"]))
        if step == 6:
            table.compact(full=True)
        expected[table.version] = forms_of_library(table.scan().to_arrow())
    assert len(expected) == 8
    for version, found in list(expected.items())[1::2]:
        assert forms_of_reference(open_table(tmp_path / "t", version)) == found, f"version {version}"
    assert len(expected[table.version]) > 20


def test_every_type_is_read_back(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("k", pa.binary(2), nullable=False), *_all_types()])
    table = ts.create_table(tmp_path / "t", schema, primary_key=["k"])
    columns = [pa.array([b"ab"], pa.binary(2)), *(pa.nulls(1, field.type) for field in _all_types())]
    table.upsert(pa.Table.from_arrays(columns, schema=schema))
    (row,) = open_table(tmp_path / "t").rows()
    assert row.pop("k") == b"ab"
    assert set(row.values()) == {None}
    described = {field.name: field.type for field in open_table(tmp_path / "t").schema.fields}
    for field in _all_types():
        assert described[field.name] == parse_type(types.to_json(types.from_arrow(field.type)))


def _all_types() -> list[pa.Field]:
    plain = [
        pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(),
        pa.float32(), pa.float64(), pa.decimal128(38, -3), pa.date32(), pa.time32("s"), pa.time32("ms"),
        pa.time64("us"), pa.time64("ns"), pa.timestamp("s"), pa.timestamp("ns", "Europe/Zurich"), pa.string(),
        pa.binary(), pa.binary(3), pa.list_(pa.int8()), pa.struct([pa.field("a", pa.string())]),
        pa.map_(pa.string(), pa.list_(pa.bool_())),
    ]  # fmt: skip
    return [pa.field(f"c{index}", type_) for index, type_ in enumerate(plain)]
