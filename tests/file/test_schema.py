"""Schema documents and the rules for new tables (spec chapter 8)."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from tablestore.errors import FormatError, SchemaError
from tablestore.file import schema
from tablestore.file.document import read_document, write_document
from tablestore.options import TableOptions

COLUMNS = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("day", pa.date32()),
        ("price", pa.float64()),
        ("tags", pa.list_(pa.string())),
        pa.field("version", pa.int32(), nullable=False),
    ]
)


def example(**changes: Any) -> schema.TableSchema:
    arguments: dict[str, Any] = {
        "primary_key": ["id"],
        "partition_by": ["day"],
        "buckets": 4,
        "sequence_fields": ["version"],
        "options": TableOptions.parse({"block-rows": 100})[0],
    }
    return schema.new_schema(COLUMNS, **{**arguments, **changes})


def test_a_schema_comes_back() -> None:
    made = example()
    data = schema.encode(made)
    assert schema.decode(data, "schema/schema-0.json", 0, made.table) == made
    assert list(read_document(data, "f")) == [
        "format", "major", "minor", "table", "id", "fields", "last_field_id", "primary_key", "partition_by", "buckets",
        "merge_engine", "sequence_fields", "options", "reader_features", "writer_features",
    ]  # fmt: skip


def test_columns_are_found_by_role() -> None:
    made = example(primary_key=["version", "id"], sequence_fields=[])
    assert [column.name for column in made.key_fields] == ["version", "id"]
    assert [column.name for column in made.value_fields] == ["name", "day", "price", "tags"]
    assert [column.name for column in made.partition_fields] == ["day"]
    assert made.cross_partition
    assert not example(primary_key=["day", "id"]).cross_partition
    assert not made.arrow.field("id").nullable
    assert made.arrow.field("name").nullable
    assert made.arrow.field("tags").type.value_field.name == "element"
    with pytest.raises(SchemaError, match="id, name"):
        made.field("nope")


def test_every_table_gets_its_own_id() -> None:
    assert example().table != example().table


@pytest.mark.parametrize(
    ("columns", "changes", "reason"),
    [
        (COLUMNS, {"primary_key": []}, "no primary key"),
        (COLUMNS, {"primary_key": ["x"]}, "no column 'x'"),
        (COLUMNS, {"primary_key": ["id", "id"]}, "repeated"),
        (COLUMNS, {"primary_key": ["price"]}, "not allowed in keys"),
        (COLUMNS, {"primary_key": ["tags"]}, "not allowed in keys"),
        (COLUMNS, {"partition_by": ["price"]}, "not allowed in partitions"),
        (COLUMNS, {"partition_by": ["tags"]}, "not allowed in partitions"),
        (COLUMNS, {"partition_by": ["day", "day"]}, "repeated"),
        (COLUMNS, {"sequence_fields": ["price"]}, "sequence field"),
        (COLUMNS, {"sequence_fields": ["id"]}, "sequence field"),
        (COLUMNS, {"sequence_fields": ["tags"]}, "sequence field"),
        (COLUMNS, {"buckets": 0}, "buckets"),
        (COLUMNS, {"buckets": 65_537}, "buckets"),
        (COLUMNS, {"buckets": True}, "buckets"),
        (COLUMNS, {"buckets": 2.0}, "buckets"),
        (COLUMNS, {"merge_engine": "os.system"}, "merge engine"),
        (pa.schema([("id", pa.int8()), ("ID", pa.int8())]), {}, "two columns"),
        (pa.schema([("id", pa.int8()), ("", pa.int8())]), {}, "empty"),
        (pa.schema([("id", pa.int8()), ("a\nb", pa.int8())]), {}, "control"),
        (pa.schema([("id", pa.int8()), ("a\x85b", pa.int8())]), {}, "control"),
        (pa.schema([("id", pa.int8()), ("é" * 128, pa.int8())]), {}, "too long"),
        (pa.schema([("id", pa.int8()), ("_row_kind", pa.int8())]), {}, "reserved"),
        (pa.schema([("id", pa.int8()), ("x", pa.null())]), {}, "give the column a type"),
        (pa.schema([(f"c{i}" if i else "id", pa.int8()) for i in range(4_095)]), {}, "at most 4094"),
    ],
)
def test_new_tables_that_break_a_rule_are_refused(
    columns: pa.Schema, changes: dict[str, Any], reason: str
) -> None:
    arguments: dict[str, Any] = {"primary_key": ["id"], **changes}
    with pytest.raises(SchemaError, match=reason):
        schema.new_schema(columns, **arguments)


def test_odd_names_are_names() -> None:
    names = ["__proto__", "a b", "é", "É", "select", "x" * 255, "_version2", "."]
    made = schema.new_schema(
        pa.schema([("id", pa.int8()), *((name, pa.int8()) for name in names)]), primary_key=["id"]
    )
    assert schema.decode(schema.encode(made), "f", 0) == made


def members_of(made: schema.TableSchema) -> dict[str, Any]:
    return read_document(schema.encode(made), "f")


FIELD = {"id": 0, "name": "id", "type": "int64", "nullable": False}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"format": "tablestore/snapshot"}, "bad-schema"),
        ({"format": 1}, "json-type"),
        ({"major": 2}, "unsupported-version"),
        ({"major": 0}, "unsupported-version"),
        ({"major": "1"}, "json-type"),
        ({"minor": -1}, "bad-schema"),
        ({"minor": 7}, None),
        ({"table": "A" * 32}, "bad-schema"),
        ({"table": "a" * 31}, "bad-schema"),
        ({"table": "b" * 32}, "wrong-table"),
        ({"id": 1}, "wrong-table"),
        ({"id": -1}, "bad-schema"),
        ({"id": True}, "json-type"),
        ({"fields": []}, "bad-schema"),
        ({"fields": {}}, "json-type"),
        ({"fields": [1]}, "json-type"),
        ({"fields": [FIELD, FIELD]}, "bad-schema"),
        ({"fields": [{**FIELD, "id": -1}]}, "bad-schema"),
        ({"fields": [{**FIELD, "id": 99}]}, "bad-schema"),
        ({"fields": [{**FIELD, "type": "int65"}]}, "bad-schema"),
        ({"fields": [{**FIELD, "type": {"list": FIELD}}]}, "bad-schema"),
        ({"fields": [{**FIELD, "type": {"list": {"name": "element", "type": "int8"}}}]}, "json-missing"),
        ({"fields": [{**FIELD, "type": 5}]}, "json-type"),
        ({"fields": [{**FIELD, "nullable": 0}]}, "json-type"),
        ({"fields": [{**FIELD, "name": None}]}, "json-type"),
        ({"fields": [{"id": 0, "name": "id", "type": "int64"}]}, "json-missing"),
        (
            {"fields": [{**FIELD, "id": i, "name": f"c{i}"} for i in range(4_095)], "last_field_id": 5_000},
            "limit-exceeded",
        ),
        ({"last_field_id": 4}, "bad-schema"),
        ({"last_field_id": 1 << 32}, "bad-schema"),
        ({"primary_key": []}, "bad-schema"),
        ({"primary_key": [77]}, "bad-schema"),
        ({"primary_key": [-1]}, "bad-schema"),
        ({"primary_key": ["id"]}, "json-type"),
        ({"primary_key": [True]}, "json-type"),
        ({"primary_key": [0, 0]}, "bad-schema"),
        ({"primary_key": [1]}, "bad-schema"),
        ({"partition_by": [3]}, "bad-schema"),
        ({"sequence_fields": [0]}, "bad-schema"),
        ({"sequence_fields": [3]}, "bad-schema"),
        ({"buckets": 0}, "bad-schema"),
        ({"buckets": 65_537}, "bad-schema"),
        ({"merge_engine": "aggregate"}, "bad-schema"),
        ({"options": []}, "json-type"),
        ({"options": {"block-rows": 5}}, "json-type"),
        ({"options": {"block-rows": "-5", "new": "x"}}, None),
        ({"reader_features": ["deletion-vectors"]}, "unknown-feature"),
        ({"reader_features": "x"}, "json-type"),
        ({"writer_features": ["branches"]}, None),
        ({"unknown": {"anything": [1, 2]}}, None),
    ],
)
def test_stored_schemas_are_checked(changes: dict[str, Any], code: str | None) -> None:
    made = example()
    data = write_document({**members_of(made), **changes})
    if code is None:
        schema.decode(data, "schema/schema-0.json", 0, made.table)
        return
    with pytest.raises(FormatError) as caught:
        schema.decode(data, "schema/schema-0.json", 0, made.table)
    assert (caught.value.code, caught.value.file) == (code, "schema/schema-0.json")


@pytest.mark.parametrize("name", list(members_of(example())))
def test_every_member_is_required(name: str) -> None:
    members = members_of(example())
    del members[name]
    with pytest.raises(FormatError) as caught:
        schema.decode(write_document(members), "f", 0)
    assert caught.value.code == "json-missing"


def test_unknown_writer_features_and_unusable_options_stop_writers_only() -> None:
    made = example()
    for changes, reason in [
        ({"writer_features": ["x"]}, "feature"),
        ({"options": {"block-rows": "0"}}, "block-rows"),
    ]:
        read = schema.decode(write_document({**members_of(made), **changes}), "f", 0)
        with pytest.raises(SchemaError, match=reason):
            read.check_writable()
    made.check_writable()
