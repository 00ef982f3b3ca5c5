"""The table that a Flink DDL statement describes: made if there is none, compared if there is one (spec §16.4)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from tablestore import types
from tablestore.errors import ConnectorError, FormatError, TableNotFoundError
from tablestore.file.schema import TableSchema
from tablestore.flink import location
from tablestore.flink.protocol import integer_of, text_of
from tablestore.options import CALLER_OPTIONS, TableOptions
from tablestore.table import Table, create_table
from tablestore.types import ColumnType, Field

SEQUENCE_FIELD: Final = "sequence.field"
MERGE_ENGINE: Final = "merge-engine"
PROBLEMS_MAX: Final = 10


@dataclass(frozen=True)
class Declaration:
    """What the HELLO says of the table. options: texts, as declared."""

    path: str
    fields: tuple[Field, ...]
    primary_key: tuple[str, ...]
    partition_by: tuple[str, ...]
    buckets: int
    options: Mapping[str, str]

    @property
    def sequence_fields(self) -> tuple[str, ...]:
        text = self.options.get(SEQUENCE_FIELD, "")
        return tuple(name.strip() for name in text.split(",")) if text else ()


def open_or_create(hello: Mapping[str, bytes]) -> Table:
    """The table of a HELLO. Any number of workers may do this at once: one makes the table, all compare.

    Raises ConnectorError if the path cannot hold a table, table-mismatch if the table is another than the one declared,
    SchemaError if the declaration cannot be a table.
    """
    declared = declaration(hello)
    try:
        table = location.open_table_at(declared.path)
    except TableNotFoundError:
        table = location.make_table_at(declared.path, lambda: _create(declared))
    check(declared, table._core.schema)
    return table


def _create(declared: Declaration) -> Table:
    return create_table(
        declared.path,
        pa.schema([field.arrow for field in declared.fields]),
        primary_key=declared.primary_key,
        partition_by=declared.partition_by,
        buckets=declared.buckets,
        options=dict(declared.options),
        if_exists="open",
    )


def declaration(hello: Mapping[str, bytes]) -> Declaration:
    """Read what a HELLO says of its table. Raises FormatError, SchemaError."""
    columns = _json(hello, "columns", list)
    options = _json(hello, "options", dict)
    for name, value in options.items():
        if not isinstance(value, str):
            raise _bad(f"option {name[:60]!r} is not a text")
    return Declaration(
        text_of(hello, "table.path"),
        tuple(column_of(column) for column in columns),
        _names(hello, "primary-key"),
        _names(hello, "partition-by"),
        integer_of(hello, "buckets"),
        options,
    )


def column_of(column: Any) -> Field:
    """A column of the entry `columns`. Raises FormatError."""
    if not isinstance(column, dict) or not isinstance(column.get("name"), str):
        raise _bad("a column is an object with a name")
    if not isinstance(column.get("nullable"), bool) or "type" not in column:
        raise _bad(f"column {column['name'][:60]!r} lacks a type or nullable")
    return Field(-1, column["name"], types.from_json(column["type"]), column["nullable"])


def _json(hello: Mapping[str, bytes], key: str, kind: type) -> Any:
    text = text_of(hello, key)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise _bad(f"the value of {key!r} is not JSON") from None
    if not isinstance(value, kind):
        raise _bad(f"the value of {key!r} is not a JSON {'object' if kind is dict else 'array'}")
    return value


def _names(hello: Mapping[str, bytes], key: str) -> tuple[str, ...]:
    names = _json(hello, key, list)
    if not all(isinstance(name, str) for name in names):
        raise _bad(f"the value of {key!r} is not an array of names")
    return tuple(names)


def _bad(message: str) -> FormatError:
    return FormatError(message, code="bad-message", file="HELLO", section="16.4")


# ---- comparison


def check(declared: Declaration, schema: TableSchema) -> None:
    """Raises ConnectorError with everything in which the table differs from the declaration, and what to do."""
    problems = [
        *_column_problems(declared.fields, schema.fields),
        *_key_problems(declared, schema),
        *_option_problems(declared, schema),
    ]
    if not problems:
        return
    more = f"; and {len(problems) - PROBLEMS_MAX} more" if len(problems) > PROBLEMS_MAX else ""
    raise ConnectorError(
        f"the table at {declared.path} is not the one declared: {'; '.join(problems[:PROBLEMS_MAX])}{more}. "
        "Change the DDL, or give another 'table-path' to make a new table",
        code="table-mismatch",
    )


def _column_problems(declared: Sequence[Field], stored: Sequence[Field]) -> Iterator[str]:
    theirs = {field.name: field for field in stored}
    names = [field.name for field in declared]
    for field in declared:
        found = theirs.get(field.name)
        if found is None:
            near = next((name for name in theirs if name.lower() == field.name.lower()), None)
            yield f"it has no column {field.name!r}" + (f", but one {near!r}" if near else "")
        elif not same_type(field.type, found.type):
            yield f"column {field.name!r} is {sql_of(found)}, declared as {sql_of(field)}"
        elif field.nullable != found.nullable:
            yield (
                f"column {field.name!r} may be null, declared NOT NULL"
                if found.nullable
                else f"column {field.name!r} is NOT NULL, declared without"
            )
    missing = [field for field in stored if field.name not in names]
    for field in missing:
        yield f"its column {field.name!r} {sql_of(field)} is not declared"
    if not missing and names != list(theirs) and set(names) == set(theirs):
        yield f"its columns are in another order: {', '.join(theirs)}"


def same_type(declared: ColumnType, stored: ColumnType) -> bool:
    """Whether values of the two are the same bytes with the same meaning: any two time zones are (spec §16.6)."""
    if declared.name == stored.name and len(declared.children) == len(stored.children):
        pairs = zip(declared.children, stored.children, strict=True)
        return all(
            a.name == b.name and a.nullable == b.nullable and same_type(a.type, b.type) for a, b in pairs
        )
    mine, theirs = declared.arrow, stored.arrow
    zoned = pa.types.is_timestamp(mine) and pa.types.is_timestamp(theirs) and mine.tz and theirs.tz
    return bool(zoned and mine.unit == theirs.unit)


_SQL: Final = {
    "bool": "BOOLEAN",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INT",
    "int64": "BIGINT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "date32": "DATE",
    "time32(ms)": "TIME",
    "string": "STRING",
    "binary": "BYTES",
}
_DIGITS: Final = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def sql_of(field: Field) -> str:
    """A type as SQL writes it (spec §16.6), or, if SQL has none, as the table does."""
    text = _sql_type(field.type)
    return f"{text} NOT NULL" if not field.nullable else text


def _sql_type(column_type: ColumnType) -> str:
    arrow = column_type.arrow
    if column_type.name == "list":
        return f"ARRAY<{sql_of(column_type.children[0])}>"
    if column_type.name == "map":
        key, value = column_type.children[0].type.children
        return f"MAP<{sql_of(key)}, {sql_of(value)}>"
    if column_type.name == "struct":
        return f"ROW<{', '.join(f'`{child.name}` {sql_of(child)}' for child in column_type.children)}>"
    if pa.types.is_decimal128(arrow) and arrow.scale >= 0:
        return f"DECIMAL({arrow.precision}, {arrow.scale})"
    if pa.types.is_fixed_size_binary(arrow):
        return f"BINARY({arrow.byte_width})"
    if pa.types.is_timestamp(arrow):
        return f"TIMESTAMP{'_LTZ' if arrow.tz else ''}({_DIGITS[arrow.unit]})"
    return _SQL.get(column_type.name, f"{column_type.name} (which SQL does not have)")


def _key_problems(declared: Declaration, schema: TableSchema) -> Iterator[str]:
    said, stored = declared.primary_key, _names_of(schema.key_fields)
    if said != stored:
        yield f"its primary key is ({', '.join(stored)}), declared as ({', '.join(said)})"
    said, stored = declared.partition_by, _names_of(schema.partition_fields)
    if said != stored:
        shown = f"partitioned by ({', '.join(stored)})" if stored else "not partitioned"
        yield f"it is {shown}, declared as " + (
            f"partitioned by ({', '.join(said)})" if said else "not partitioned"
        )
    if declared.buckets != schema.buckets:
        remedy = f"say 'num-buckets' = '{schema.buckets}'"
        yield f"it has {schema.buckets} buckets, declared are {declared.buckets}: {remedy}"
    said, stored = declared.sequence_fields, _names_of(schema.order_fields)
    if said != stored:
        remedy = (
            f"say {SEQUENCE_FIELD!r} = '{','.join(stored)}'" if stored else f"leave out {SEQUENCE_FIELD!r}"
        )
        yield f"its sequence fields are ({', '.join(stored)}), declared as ({', '.join(said)}): {remedy}"
    engine = declared.options.get(MERGE_ENGINE, schema.merge_engine)
    if engine != schema.merge_engine:
        yield f"its {MERGE_ENGINE!r} is {schema.merge_engine!r}, declared as {engine!r}"


def _names_of(fields: Sequence[Field]) -> tuple[str, ...]:
    return tuple(field.name for field in fields)


def _option_problems(declared: Declaration, schema: TableSchema) -> Iterator[str]:
    """Options that are declared are those of the table; those that are not are as the table has them."""
    parsed, _ = TableOptions.parse(declared.options)
    said, stored = parsed.to_json(), schema.options.to_json()
    for name, value in declared.options.items():
        if name not in CALLER_OPTIONS and said.get(name) != stored.get(name):
            found = stored.get(name)
            shown = f"is {found!r}" if found is not None else "has its default"
            yield f"its option {name!r} {shown}, declared as {value!r}: leave it out of the DDL"
