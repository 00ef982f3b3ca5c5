"""The table of a DDL statement (spec §16.4): made once, by any number of workers, and compared by all others."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.errors import ConnectorError, FormatError, SchemaError
from tablestore.flink import ddl
from tablestore.flink.protocol import decode_map, encode_map
from tests.flink.client import Client, hello_of
from tests.flink.test_worker import ECHO

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), False),
        ("name", pa.string()),
        ("salary", pa.decimal128(10, 2)),
        ("department", pa.string()),
        ("at", pa.timestamp("ms")),
    ]
)
OPTIONS = {"compression": "none", "sequence.field": "at"}


def hello(path: Path, **change: Any) -> Mapping[str, bytes]:
    given: dict[str, Any] = {
        "schema": SCHEMA,
        "primary_key": ["id"],
        "partition_by": ["department"],
        "buckets": 4,
        "options": OPTIONS,
    }
    return decode_map(encode_map(hello_of("writer", path, **(given | change))))


def mismatch(path: Path, **change: Any) -> str:
    with pytest.raises(ConnectorError) as raised:
        ddl.open_or_create(hello(path, **change))
    assert (raised.value.code, raised.value.retry) == ("table-mismatch", False)
    assert "'table-path'" in str(raised.value)
    return str(raised.value)


def with_column(name: str, kind: pa.DataType, nullable: bool = True) -> pa.Schema:
    position = SCHEMA.get_field_index(name)
    return SCHEMA.set(position, pa.field(name, kind, nullable))


def test_a_table_is_made_as_declared(table_path: Path) -> None:
    made = ddl.open_or_create(hello(table_path))
    assert made.schema == SCHEMA
    assert (made.primary_key, made.partition_by, made.buckets, made.version) == (
        ("id",),
        ("department",),
        4,
        1,
    )
    again = ddl.open_or_create(hello(table_path))
    assert again.version == 1
    stored = ts.open_table(table_path)._core.schema
    assert stored.options.compression == "none"
    assert [field.name for field in stored.order_fields] == ["at"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"schema": with_column("salary", pa.int64())},
            "column 'salary' is DECIMAL(10, 2), declared as BIGINT",
        ),
        (
            {"schema": with_column("at", pa.timestamp("us"))},
            "column 'at' is TIMESTAMP(3), declared as TIMESTAMP(6)",
        ),
        (
            {"schema": with_column("at", pa.timestamp("ms", "UTC"))},
            "column 'at' is TIMESTAMP(3), declared as TIMESTAMP_LTZ(3)",
        ),
        ({"schema": with_column("name", pa.string(), False)}, "column 'name' may be null, declared NOT NULL"),
        ({"schema": SCHEMA.append(pa.field("email", pa.string()))}, "it has no column 'email'"),
        (
            {"schema": SCHEMA.remove(1).insert(1, pa.field("Name", pa.string()))},
            "it has no column 'Name', but one 'name'",
        ),
        ({"schema": SCHEMA.remove(2)}, "its column 'salary' DECIMAL(10, 2) is not declared"),
        (
            {"schema": pa.schema([SCHEMA.field(index) for index in (0, 2, 1, 3, 4)])},
            "its columns are in another order: id, name, salary, department, at",
        ),
        ({"primary_key": ["id", "name"]}, "its primary key is (id), declared as (id, name)"),
        ({"partition_by": []}, "it is partitioned by (department), declared as not partitioned"),
        ({"buckets": 8}, "it has 4 buckets, declared are 8: say 'num-buckets' = '4'"),
        ({"options": {}}, "its sequence fields are (at), declared as (): say 'sequence.field' = 'at'"),
        (
            {"options": {**OPTIONS, "compression": "zstd"}},
            "its option 'compression' is 'none', declared as 'zstd': leave it out",
        ),
        (
            {"options": {**OPTIONS, "block-rows": "100"}},
            "its option 'block-rows' has its default, declared as '100': leave it out",
        ),
        ({"options": {**OPTIONS, "merge-engine": "first-row"}}, "its 'merge-engine' is 'deduplicate'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_differs_is_named(table_path: Path, change: dict[str, Any], message: str) -> None:
    ddl.open_or_create(hello(table_path))
    assert message in mismatch(table_path, **change)
    assert ts.open_table(table_path).version == 1


def test_everything_that_differs_is_named_at_once(table_path: Path) -> None:
    ddl.open_or_create(hello(table_path))
    text = mismatch(table_path, schema=with_column("salary", pa.int64()), buckets=2, partition_by=[])
    assert text.count(";") == 2


def test_a_wide_table_of_another_kind_makes_no_endless_message(table_path: Path) -> None:
    ddl.open_or_create(hello(table_path))
    wide = pa.schema([SCHEMA.field(0), *(pa.field(f"c{index}", pa.int32()) for index in range(500))])
    text = mismatch(table_path, schema=wide, options={}, partition_by=[])
    assert "; and 496 more" in text
    assert len(text) < 2000


def test_options_that_are_not_given_are_as_the_table_has_them(table_path: Path) -> None:
    ts.create_table(
        table_path,
        SCHEMA,
        primary_key="id",
        partition_by="department",
        buckets=4,
        options={**OPTIONS, "block-rows": 512},
    )
    assert ddl.open_or_create(hello(table_path, options={"sequence.field": "at"})).version == 1
    assert ddl.open_or_create(hello(table_path, options={**OPTIONS, "block-rows": "512"})).version == 1


def test_a_table_made_in_python_is_taken_whatever_its_zone(table_path: Path) -> None:
    schema = pa.schema([pa.field("id", pa.int64(), False), ("at", pa.timestamp("us", "Europe/Berlin"))])
    ts.create_table(table_path, schema, primary_key="id", buckets=4)
    declared = pa.schema([pa.field("id", pa.int64(), False), ("at", pa.timestamp("us", "UTC"))])
    found = ddl.open_or_create(hello(table_path, schema=declared, partition_by=[], options={}))
    assert found.schema == schema


def test_types_that_sql_does_not_have_are_named(table_path: Path) -> None:
    schema = pa.schema([pa.field("id", pa.int64(), False), ("n", pa.uint32())])
    ts.create_table(table_path, schema, primary_key="id", buckets=4)
    declared = pa.schema([pa.field("id", pa.int64(), False), ("n", pa.int64())])
    text = mismatch(table_path, schema=declared, partition_by=[], options={})
    assert "column 'n' is uint32 (which SQL does not have), declared as BIGINT" in text


def test_nested_types_are_compared_throughout(table_path: Path) -> None:
    def schema(kind: pa.DataType, element_nullable: bool = True) -> pa.Schema:
        inner = pa.struct([("a", kind), ("b", pa.map_(pa.string(), pa.int32()))])
        return pa.schema(
            [pa.field("id", pa.int64(), False), ("v", pa.list_(pa.field("element", inner, element_nullable)))]
        )

    plain: dict[str, Any] = {"partition_by": [], "options": {}}
    ddl.open_or_create(hello(table_path, schema=schema(pa.int8()), **plain))
    ddl.open_or_create(hello(table_path, schema=schema(pa.int8()), **plain))
    text = mismatch(table_path, schema=schema(pa.int16()), **plain)
    table_type = "ARRAY<ROW<`a` TINYINT, `b` MAP<STRING NOT NULL, INT>>>"
    assert f"column 'v' is {table_type}, declared as {table_type.replace('TINY', 'SMALL')}" in text
    assert "ROW<`a` TINYINT, `b` MAP<STRING NOT NULL, INT>> NOT NULL>" in mismatch(
        table_path, schema=schema(pa.int8(), False), **plain
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"primary_key": []}, "no primary key"),
        ({"buckets": 0}, "buckets is 0"),
        ({"options": {"compresion": "none"}}, "unknown option 'compresion'"),
        ({"options": {"block-rows": "x"}}, "'block-rows'"),
        ({"partition_by": ["dept"]}, "there is no column 'dept'"),
        ({"options": {"sequence.field": "id"}}, "cannot be a sequence field"),
    ],
)
def test_what_cannot_be_a_table_is_refused(table_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        ddl.open_or_create(hello(table_path, **change))
    assert not table_path.exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("columns", "{"),
        ("columns", "{}"),
        ("columns", "[" * 100_000),
        ("columns", "[1]"),
        ("columns", '[{"name": "id"}]'),
        ("columns", '[{"name": "id", "type": "int64", "nullable": 1}]'),
        ("columns", '[{"name": "id", "type": "int65", "nullable": true}]'),
        ("primary-key", '{"id": 1}'),
        ("primary-key", "[1]"),
        ("options", "[]"),
        ("options", '{"block-rows": 5}'),
        ("buckets", "many"),
        ("table.path", b"\xff"),
    ],
)
def test_greetings_that_are_damaged(table_path: Path, key: str, value: Any) -> None:
    given = {**hello(table_path), key: value if isinstance(value, bytes) else value.encode()}
    with pytest.raises(FormatError):
        ddl.open_or_create(given)
    assert not table_path.exists()


def test_many_workers_make_one_table(table_path: Path) -> None:
    """Threads that begin at one moment, over and over."""
    for attempt in range(10):
        path = table_path / str(attempt)
        found: list[str] = []
        errors: list[BaseException] = []
        barrier = threading.Barrier(6)

        def make(
            path: Path, barrier: threading.Barrier, found: list[str], errors: list[BaseException]
        ) -> None:
            try:
                barrier.wait(20)
                found.append(ddl.open_or_create(hello(path))._core.schema.table)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=make, args=(path, barrier, found, errors)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert errors == []
        assert len(found) == 6
        assert len(set(found)) == 1


def test_processes_that_declare_two_tables_make_one(table_path: Path) -> None:
    """One of two declarations wins, the other is told so."""
    clients = [Client(ECHO) for _ in range(4)]
    try:
        for index, client in enumerate(clients):
            client.connection.send_map(
                1, dict(hello(table_path, buckets=4 + index % 2, options={}), role="echo")
            )
        kinds = [client.connection.receive() for client in clients]
        outcomes = [decode_map(payload) for _, payload in kinds]
        buckets = ts.open_table(table_path).buckets
        assert sum("table" in outcome for outcome in outcomes) == 2
        for index, outcome in enumerate(outcomes):
            if 4 + index % 2 != buckets:
                assert outcome["code"] == b"table-mismatch"
                assert f"say 'num-buckets' = '{buckets}'" in outcome["message"].decode()
    finally:
        for client in clients:
            client.close()


def test_columns_are_those_of_the_specification() -> None:
    described = {
        "name": "v",
        "type": {"list": {"name": "element", "type": "int8", "nullable": False}},
        "nullable": True,
    }
    field = ddl.column_of(json.loads(json.dumps(described)))
    assert field.arrow == pa.field("v", pa.list_(pa.field("element", pa.int8(), False)))
