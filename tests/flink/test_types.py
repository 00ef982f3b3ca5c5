"""Every SQL type both ways: literals of SQL arrive in the table, and a copy made by Flink is the same table."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

import tablestore as ts
from tests.flink.cluster import Cluster
from tests.flink.sql import Session

UTC = dt.UTC
# name, SQL type, type in the table, SQL literal, what Python reads
TYPES: tuple[tuple[str, str, pa.DataType, str, Any], ...] = (
    ("truth", "BOOLEAN", pa.bool_(), "TRUE", True),
    ("tiny", "TINYINT", pa.int8(), "CAST(-128 AS TINYINT)", -128),
    ("small", "SMALLINT", pa.int16(), "CAST(32767 AS SMALLINT)", 32767),
    ("whole", "INT", pa.int32(), "-2147483647", -2147483647),
    ("big", "BIGINT", pa.int64(), "9223372036854775807", 9223372036854775807),
    ("narrow", "FLOAT", pa.float32(), "CAST(-1.5 AS FLOAT)", -1.5),
    ("wide", "DOUBLE", pa.float64(), "CAST(1E300 AS DOUBLE)", 1e300),
    ("price", "DECIMAL(7, 2)", pa.decimal128(7, 2), "-12345.67", Decimal("-12345.67")),
    (
        "sum",
        "DECIMAL(38, 10)",
        pa.decimal128(38, 10),
        "CAST('-1234567890123456789012345678.0123456789' AS DECIMAL(38, 10))",
        Decimal("-1234567890123456789012345678.0123456789"),
    ),
    ("letters", "CHAR(3)", pa.string(), "'abc'", "abc"),
    ("short", "VARCHAR(20)", pa.string(), "'grüße ☃ 𝄞'", "grüße ☃ 𝄞"),
    ("text", "STRING", pa.string(), "''", ""),
    ("code", "BINARY(3)", pa.binary(3), "X'00ff10'", b"\x00\xff\x10"),
    ("blob", "BYTES", pa.binary(), "CAST(X'ff00' AS BYTES)", b"\xff\x00"),
    ("day", "DATE", pa.date32(), "DATE '1969-12-31'", dt.date(1969, 12, 31)),
    ("clock", "TIME", pa.time32("ms"), "TIME '23:59:58'", dt.time(23, 59, 58)),
    (
        "at0",
        "TIMESTAMP(0)",
        pa.timestamp("s"),
        "TIMESTAMP '1960-02-29 01:02:03'",
        dt.datetime(1960, 2, 29, 1, 2, 3),
    ),
    (
        "at3",
        "TIMESTAMP(3)",
        pa.timestamp("ms"),
        "TIMESTAMP '1969-12-31 23:59:59.999'",
        dt.datetime(1969, 12, 31, 23, 59, 59, 999000),
    ),
    (
        "at6",
        "TIMESTAMP(6)",
        pa.timestamp("us"),
        "TIMESTAMP '2300-01-01 00:00:00.000001'",
        dt.datetime(2300, 1, 1, 0, 0, 0, 1),
    ),
    (
        "moment",
        "TIMESTAMP_LTZ(3)",
        pa.timestamp("ms", "UTC"),
        "TO_TIMESTAMP_LTZ(-1, 3)",
        dt.datetime(1969, 12, 31, 23, 59, 59, 999000, UTC),
    ),
    ("list", "ARRAY<STRING>", pa.list_(pa.string()), "ARRAY['a', CAST(NULL AS STRING), '']", ["a", None, ""]),
    (
        "lists",
        "ARRAY<ARRAY<INT>>",
        pa.list_(pa.list_(pa.int32())),
        "ARRAY[ARRAY[1, 2], ARRAY[3]]",
        [[1, 2], [3]],
    ),
    (
        "named",
        "MAP<STRING, BIGINT>",
        pa.map_(pa.string(), pa.int64()),
        "MAP['x', CAST(1 AS BIGINT)]",
        [("x", 1)],
    ),
    (
        "record",
        "ROW<a INT, b STRING, c ROW<d DECIMAL(5, 2)>>",
        pa.struct([("a", pa.int32()), ("b", pa.string()), ("c", pa.struct([("d", pa.decimal128(5, 2))]))]),
        "ROW(1, 'one', ROW(CAST(1.25 AS DECIMAL(5, 2))))",
        {"a": 1, "b": "one", "c": {"d": Decimal("1.25")}},
    ),
)
NO_KEYS = ("narrow", "wide", "list", "lists", "named", "record")


def ddl(name: str, path: Path, columns: str, key: str) -> str:
    return (
        f"CREATE TABLE {name} ({columns}, PRIMARY KEY ({key}) NOT ENFORCED) "
        f"WITH ('connector' = 'tablestore', 'table-path' = '{path}', 'num-buckets' = '3')"
    )


def test_every_type_there_and_back(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    columns = ", ".join(f"`{name}` {sql}" for name, sql, *_ in TYPES)
    made, copied = tmp_path / "made", tmp_path / "copied"
    session.execute(ddl("made", made, f"id INT, {columns}", "id"))
    session.execute(ddl("copied", copied, f"id INT, {columns}", "id"))
    values = ", ".join(literal for *_, literal, _ in TYPES)
    nulls = ", ".join(f"CAST(NULL AS {sql})" for _, sql, *_ in TYPES)
    cluster.wait(session.submit(f"INSERT INTO made SELECT 1, {values} UNION ALL SELECT 2, {nulls}"))

    table = ts.open_table(made)
    assert {field.name: field.type for field in table.schema} == {
        "id": pa.int32(),
        **{name: arrow for name, _, arrow, *_ in TYPES},
    }
    first, second = table.scan().to_arrow().sort_by("id").to_pylist()
    assert first == {"id": 1, **{name: value for name, _, _, _, value in TYPES}}
    assert second == {"id": 2, **{name: None for name, *_ in TYPES}}

    bounded = "/*+ OPTIONS('scan.bounded' = 'true') */"
    cluster.wait(session.submit(f"INSERT INTO copied SELECT * FROM made {bounded}"))
    copy = ts.open_table(copied).scan().to_arrow().sort_by("id")
    assert copy.equals(table.scan().to_arrow().sort_by("id"))


def test_every_type_that_may_be_a_key(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    """Rows land in the bucket in which Python looks for them: both encode keys alike."""
    path = tmp_path / "keys"
    keys = [kind for kind in TYPES if kind[0] not in NO_KEYS]
    columns = ", ".join(f"`{name}` {sql}" for name, sql, *_ in keys)
    names = ", ".join(f"`{name}`" for name, *_ in keys)
    session.execute(ddl("keyed", path, f"{columns}, n INT", names))
    values = ", ".join(literal for *_, literal, _ in keys)
    cluster.wait(session.submit(f"INSERT INTO keyed SELECT {values}, 7"))
    table = ts.open_table(path)
    key = {name: value for name, _, _, _, value in keys}
    found = table.get(key)
    assert found == {**key, "n": 7}
    assert table.verify(deep=True).ok
