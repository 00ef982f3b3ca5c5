"""The table that a Flink DDL statement describes: made if there is none, compared if there is one (spec §16.4)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tablestore import types
from tablestore.errors import ConnectorError, FormatError, TableNotFoundError
from tablestore.file.schema import TableSchema
from tablestore.flink.protocol import integer_of, text_of
from tablestore.options import CALLER_OPTIONS, TableOptions
from tablestore.table import Table, create_table, open_table
from tablestore.types import Field

SEQUENCE_FIELD = "sequence.field"
MERGE_ENGINE = "merge-engine"


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

    Raises ConnectorError table-mismatch if the table is another than the one declared, SchemaError if the declaration
    cannot be a table.
    """
    declared = declaration(hello)
    try:
        table = open_table(declared.path)
    except TableNotFoundError:
        table = create_table(
            declared.path,
            pa.schema([field.arrow for field in declared.fields]),
            primary_key=declared.primary_key,
            partition_by=declared.partition_by,
            buckets=declared.buckets,
            options=dict(declared.options),
            if_exists="open",
        )
    check(declared, table._core.schema)
    return table


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
    if problems:
        raise ConnectorError(
            f"the table at {declared.path} is not the one declared: {'; '.join(problems[:20])}. Change the DDL, "
            "or give another 'table-path' to make a new table",
            code="table-mismatch",
        )


def _column_problems(declared: Sequence[Field], stored: Sequence[Field]) -> Iterator[str]:
    ours = {field.name: field for field in stored}
    names = [field.name for field in declared]
    for field in declared:
        found = ours.get(field.name)
        if found is None:
            near = next((name for name in ours if name.lower() == field.name.lower()), None)
            hint = f"; it has {near!r}" if near else ""
            yield f"it has no column {field.name!r}{hint}"
            continue
        if not same_type(field.type, found.type):
            yield f"column {field.name!r} is {_text(found)} in the table and declared as {_text(field)}"
        if field.nullable != found.nullable:
            said = ("NOT NULL", "nullable")
            yield f"column {field.name!r} is {said[found.nullable]} in the table and declared {said[field.nullable]}"
    missing = [field.name for field in stored if field.name not in names]
    if missing:
        yield f"the columns {', '.join(map(repr, missing))} are not declared"
    elif names != list(ours) and set(names) == set(ours):
        yield f"its columns are in another order: {', '.join(ours)}"


def _text(field: Field) -> str:
    described = types.to_json(field.type)
    return described if isinstance(described, str) else str(field.type.arrow)


def same_type(declared: types.ColumnType, stored: types.ColumnType) -> bool:
    """Whether values of the two are the same bytes with the same meaning: any two time zones are (spec §16.6)."""
    if declared.name == stored.name and len(declared.children) == len(stored.children):
        pairs = zip(declared.children, stored.children, strict=True)
        return all(
            a.name == b.name and a.nullable == b.nullable and same_type(a.type, b.type) for a, b in pairs
        )
    mine, theirs = declared.arrow, stored.arrow
    zoned = pa.types.is_timestamp(mine) and pa.types.is_timestamp(theirs) and mine.tz and theirs.tz
    return bool(zoned and mine.unit == theirs.unit)


def _key_problems(declared: Declaration, schema: TableSchema) -> Iterator[str]:
    facts = (
        ("primary key", declared.primary_key, schema.key_fields),
        ("partition", declared.partition_by, schema.partition_fields),
        (f"option {SEQUENCE_FIELD!r}", declared.sequence_fields, schema.order_fields),
    )
    for what, said, fields in facts:
        names = tuple(field.name for field in fields)
        if said != names:
            yield f"its {what} is ({', '.join(names)}) and declared as ({', '.join(said)})"
    if declared.buckets != schema.buckets:
        yield f"it has {schema.buckets} buckets, 'num-buckets' says {declared.buckets}"
    engine = declared.options.get(MERGE_ENGINE, schema.merge_engine)
    if engine != schema.merge_engine:
        yield f"its option {MERGE_ENGINE!r} is {schema.merge_engine!r} and declared as {engine!r}"


def _option_problems(declared: Declaration, schema: TableSchema) -> Iterator[str]:
    """Options that are declared are those of the table; those that are not are as the table has them."""
    parsed, _ = TableOptions.parse(declared.options)
    said, stored = parsed.to_json(), schema.options.to_json()
    for name, value in declared.options.items():
        if name not in CALLER_OPTIONS and said.get(name) != stored.get(name):
            yield f"its option {name!r} is {stored.get(name, 'the default')!r} and declared as {value!r}"
