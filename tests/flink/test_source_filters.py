"""A filter that the connector hands to the table means what Flink means by it, for every row: random conditions."""

from __future__ import annotations

import datetime
import decimal
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import tablestore as ts
from tests.flink import distribution
from tests.flink.jvm import java

SECONDS = 180
ROWS = 80
CONDITIONS = 240
NANOS = 1_000_000_000
TEXTS = (
    "",
    "a",
    "ab",
    "abc",
    "abc ",
    "A",
    "ä",
    "O'Brien",
    "x%y",
    "x_y",
    "a\\b",
    "a\nb",
    "\U0001f600",
    "\uffff",
    "zz",
)
MOMENTS = (
    datetime.datetime(1970, 1, 1),
    datetime.datetime(1969, 12, 31, 23, 59, 59, 999999),
    datetime.datetime(2024, 2, 29, 12, 30, 15, 120000),
    datetime.datetime(2024, 2, 29, 12, 30, 15, 123456),
    datetime.datetime(2262, 1, 1),
)
WHOLE_MILLIS = tuple(moment.replace(microsecond=moment.microsecond // 1000 * 1000) for moment in MOMENTS)
INSTANTS = tuple(moment.replace(microsecond=0, tzinfo=datetime.UTC) for moment in MOMENTS)
PATTERNS = ("a%", "ab%", "%b", "x_y%", "O''B%", "%")
DAYS = (
    datetime.date(1, 1, 1),
    datetime.date(1969, 12, 31),
    datetime.date(2024, 2, 29),
    datetime.date(9999, 12, 31),
)
TIMES = (datetime.time(0), datetime.time(12, 30, 15), datetime.time(23, 59, 59))
DECIMALS = tuple(map(decimal.Decimal, ("0.00", "-1.50", "1.50", "12345678.90", "-99999999.99", "1.51")))
DOUBLES = (0.0, -0.0, 1.5, -1.5, 1e300, 5e-324, float("inf"), float("-inf"), float("nan"), 0.1)
FLOATS = (0.0, -0.0, 1.5, 3.4028234663852886e38, float("nan"), 0.10000000149011612)

# name, SQL type, Arrow type, values
COLUMNS: tuple[tuple[str, str, pa.DataType, tuple[Any, ...]], ...] = (
    ("id", "BIGINT NOT NULL", pa.int64(), ()),
    ("tiny", "TINYINT", pa.int8(), (-128, -1, 0, 1, 127)),
    ("small", "SMALLINT", pa.int16(), (-32768, 0, 5, 32767)),
    ("whole", "INT", pa.int32(), (-(1 << 31), -1, 0, 5, 7, (1 << 31) - 1)),
    ("large", "BIGINT", pa.int64(), (-(1 << 63), 0, 5, 1 << 40, (1 << 63) - 1)),
    ("amount", "DECIMAL(10, 2)", pa.decimal128(10, 2), DECIMALS),
    ("ratio", "DOUBLE", pa.float64(), DOUBLES),
    ("narrow", "FLOAT", pa.float32(), FLOATS),
    ("flag", "BOOLEAN", pa.bool_(), (True, False)),
    ("text", "STRING", pa.string(), TEXTS),
    ("short", "VARCHAR(5)", pa.string(), ("", "a", "ab", "abcde")),
    ("bytes", "BYTES", pa.binary(), (b"", b"\x00", b"ab", b"\xff")),
    ("day", "DATE", pa.date32(), DAYS),
    ("clock", "TIME(0)", pa.time32("ms"), TIMES),
    ("millis", "TIMESTAMP(3)", pa.timestamp("ms"), WHOLE_MILLIS),
    ("micros", "TIMESTAMP(6)", pa.timestamp("us"), MOMENTS),
    ("zoned", "TIMESTAMP_LTZ(3)", pa.timestamp("ms", "UTC"), INSTANTS),
)  # fmt: skip
QUOTED = {name: f"`{name}`" for name, *_ in COLUMNS}


def table_of(path: Path, source: random.Random) -> ts.Table:
    arrays = []
    for name, _, arrow, values in COLUMNS:
        chosen = list(range(ROWS)) if name == "id" else source.choices((*values, None), k=ROWS)
        arrays.append(pa.array(chosen, arrow))
    schema = pa.schema([pa.field(name, arrow, nullable=name != "id") for name, _, arrow, _ in COLUMNS])
    table = ts.create_table(path, schema, primary_key="id", buckets=2)
    table.upsert(pa.Table.from_arrays(arrays, schema=schema))
    return table


def literal(sql: str, value: Any, source: random.Random) -> str:
    """A value as SQL writes it."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        finite = value if value == value and abs(value) < 1e301 else 1.5
        return f"CAST({finite!r} AS {sql})" if sql == "FLOAT" or source.random() < 0.5 else f"{finite:e}"
    if isinstance(value, int):
        return str(max(value, -(1 << 63) + 1))
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'" if value.isascii() else unicode_literal(value)
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, datetime.datetime):
        text = value.replace(tzinfo=None).isoformat(" ")
        return (
            f"TIMESTAMP '{text}'" if value.tzinfo is None else f"CAST(TIMESTAMP '{text}' AS TIMESTAMP_LTZ(3))"
        )
    if isinstance(value, datetime.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, datetime.time):
        return f"TIME '{value.isoformat()}'"
    return str(value)


def unicode_literal(text: str) -> str:
    units = text.encode("utf-16-be")
    return "U&'" + "".join(f"\\{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2)) + "'"


def comparison_of(source: random.Random) -> str:
    """One random condition on a column."""
    name, sql, _, values = source.choice(COLUMNS)
    column = QUOTED[name]
    values = values or tuple(range(0, ROWS, 7))
    sql = sql.removesuffix(" NOT NULL")
    one = lambda: literal(sql, source.choice(values), source)  # noqa: E731
    kind = source.randrange(10)
    if kind == 0:
        return f"{column} IS {source.choice(('', 'NOT '))}NULL"
    if kind == 1:
        return f"{column} {source.choice(('', 'NOT '))}BETWEEN {one()} AND {one()}"
    if kind == 2:
        return f"{column} {source.choice(('', 'NOT '))}IN ({', '.join(one() for _ in range(source.randint(1, 5)))})"
    if kind == 3 and sql in ("STRING", "VARCHAR(5)"):
        return f"{column} {source.choice(('', 'NOT '))}LIKE '{source.choice(PATTERNS)}'"
    if kind == 3 and sql == "BOOLEAN":
        return source.choice((column, f"NOT {column}", f"{column} IS TRUE", f"{column} IS NOT FALSE"))
    operator = source.choice(("=", "<>", "<", "<=", ">", ">="))
    other = one()
    if sql in ("TINYINT", "SMALLINT", "INT", "BIGINT") and source.random() < 0.3:
        other = source.choice(("5.0", "0.5", "300", "3000000000", "CAST(5 AS BIGINT)"))
    return f"{column} {operator} {other}" if source.random() < 0.8 else f"{other} {operator} {column}"


def condition_of(source: random.Random, depth: int = 0) -> str:
    if depth == 2 or source.random() < 0.5:
        return comparison_of(source)
    parts = [condition_of(source, depth + 1) for _ in range(source.randint(2, 3))]
    joined = source.choice((" AND ", " OR ")).join(f"({part})" for part in parts)
    return f"NOT ({joined})" if source.random() < 0.3 else joined


@pytest.mark.timeout(SECONDS + 30)
def test_filters_mean_the_same(connector_jar: Path, testing_jar: Path, tmp_path: Path) -> None:
    source = random.Random(7)
    table = table_of(tmp_path / "t", source)
    conditions = [condition_of(source).replace("\n", "") for _ in range(CONDITIONS)]
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{distribution.ROOT}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    columns = ", ".join(f"`{name}` {sql}" for name, sql, *_ in COLUMNS) + ", PRIMARY KEY (id) NOT ENFORCED"
    options = {
        "connector": "tablestore",
        "table-path": table.path,
        "num-buckets": "2",
        "scan.bounded": "true",
        "python.executable": str(python),
    }
    files = {name: tmp_path / name for name in ("columns", "options", "conditions", "texts", "rows")}
    files["columns"].write_text(columns)
    files["options"].write_text(", ".join(f"'{key}' = '{value}'" for key, value in options.items()))
    files["conditions"].write_text("".join(f"{condition}\n" for condition in conditions))
    (tmp_path / "log4j.properties").write_text("rootLogger.level = OFF\n")
    (tmp_path / "config.yaml").write_text("parallelism.default: 1\n")
    libraries = f"{connector_jar}:{testing_jar}"
    done = subprocess.run(
        [
            *java(768, libraries, tmp_path, short=True),
            "org.tablestore.flink.testing.FilterCases",
            *map(str, files.values()),
        ],
        cwd=tmp_path,
        env={**os.environ, "FLINK_CONF_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-8000:]
    check(table, conditions, files["texts"].read_text(), files["rows"].read_text())


def check(table: ts.Table, conditions: list[str], texts: str, rows: str) -> None:
    lines = texts.splitlines()
    assert len(lines) == len(conditions)
    invalid = [condition for condition, text in zip(conditions, lines, strict=True) if text == "!"]
    pushed = [(condition, text) for condition, text in zip(conditions, lines, strict=True) if len(text) > 1]
    assert len(invalid) < CONDITIONS // 10, invalid[:5]
    assert len(pushed) > CONDITIONS // 3, "few conditions are handed to the table"
    found: dict[int, str] = {}
    for line in rows.splitlines():
        row, digits = line.split(",")
        found[int(row)] = found.get(int(row), "") + digits
    assert sorted(found) == list(range(ROWS))
    assert {len(digits) for digits in found.values()} == {len(pushed)}
    for place, (condition, text) in enumerate(pushed):
        wanted = {row for row, digits in found.items() if digits[place] == "1"}
        given = set(table.scan(columns=["id"], filter=text).to_arrow().column("id").to_pylist())
        assert given == wanted, f"{condition} became {text}"
