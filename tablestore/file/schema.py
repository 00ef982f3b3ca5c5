"""Schema documents (spec chapter 8): columns, keys, partitions, buckets and options of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import pyarrow as pa

from tablestore import types
from tablestore.errors import FormatError, LimitExceededError, SchemaError
from tablestore.file.document import Members, read_document, write_document
from tablestore.file.layout import new_id
from tablestore.options import TableOptions
from tablestore.types import Field

FORMAT: Final = "tablestore/schema"
BUCKETS_MAX: Final = 65_536
COLUMNS_MAX: Final = 4_096  # spec §0.5, with the two system columns
NAME_BYTES_MAX: Final = 255
FIELD_ID_MAX: Final = (1 << 32) - 1  # statistics hold field ids as u32 (spec §9.5)
SYSTEM_NAMES: Final = ("_sequence", "_row_kind", "_version")
MERGE_ENGINES: Final = ("deduplicate",)
TIME_TYPES: Final = ("timestamp", "date32", "int64")  # of the option ttl-column (spec §13.9)

_ASCII_LOWER: Final = {ord(upper): ord(upper) + 32 for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


@dataclass(frozen=True)
class TableSchema:
    """One schema of a table; ids refer to `fields`. Made by `new_schema` and `decode`, which check it."""

    table: str
    id: int
    fields: tuple[Field, ...]
    last_field_id: int
    primary_key: tuple[int, ...]
    partition_by: tuple[int, ...] = ()
    buckets: int = 1
    merge_engine: str = "deduplicate"
    sequence_fields: tuple[int, ...] = ()
    options: TableOptions = field(default_factory=TableOptions)
    reader_features: tuple[str, ...] = ()
    writer_features: tuple[str, ...] = ()

    @cached_property
    def arrow(self) -> pa.Schema:
        """The columns as Arrow sees them, in order, in canonical types."""
        return pa.schema([column.arrow for column in self.fields])

    @cached_property
    def by_id(self) -> dict[int, Field]:
        return {column.id: column for column in self.fields}

    @cached_property
    def by_name(self) -> dict[str, Field]:
        return {column.name: column for column in self.fields}

    @cached_property
    def key_fields(self) -> tuple[Field, ...]:
        """Columns of the primary key, in its order."""
        return tuple(self.by_id[number] for number in self.primary_key)

    @cached_property
    def partition_fields(self) -> tuple[Field, ...]:
        return tuple(self.by_id[number] for number in self.partition_by)

    @cached_property
    def order_fields(self) -> tuple[Field, ...]:
        """The sequence fields (spec §12.3), in their order."""
        return tuple(self.by_id[number] for number in self.sequence_fields)

    @cached_property
    def value_fields(self) -> tuple[Field, ...]:
        """Columns outside the primary key, in schema order: the value columns of a data file (spec §7.5)."""
        return tuple(column for column in self.fields if column.id not in self.primary_key)

    @cached_property
    def cross_partition(self) -> bool:
        """Whether a key may move between partitions (spec §12.5)."""
        return not set(self.partition_by) <= set(self.primary_key)

    def field(self, name: str) -> Field:
        """The column of that name. Raises SchemaError listing the columns."""
        found = self.by_name.get(name)
        if found is None:
            names = ", ".join(column.name for column in self.fields[:50])
            raise SchemaError(f"there is no column {name!r}; the columns are {names}")
        return found

    def check_writable(self) -> None:
        """Raises SchemaError if this library must not write to the table (spec §0.4, §8.4)."""
        if self.writer_features:
            raise SchemaError(f"writing to the table needs the feature {self.writer_features[0][:60]!r}")
        self.options.check_writable()
        self.check_time_column()

    def check_time_column(self) -> None:
        """Raises SchemaError if rows are to go by a column that tells no time (spec §13.9)."""
        name = self.options.ttl_column
        if name and self.field(name).type.name.split("(")[0] not in TIME_TYPES:
            raise SchemaError(
                f"the column {name!r} of option 'ttl-column' is {self.field(name).type.name}; it must be a timestamp, "
                "a date32, or int64 milliseconds since 1970"
            )


def new_schema(
    columns: pa.Schema,
    *,
    primary_key: Sequence[str],
    partition_by: Sequence[str] = (),
    buckets: int = 1,
    merge_engine: str = "deduplicate",
    sequence_fields: Sequence[str] = (),
    options: TableOptions | None = None,
) -> TableSchema:
    """The first schema of a new table, with a new table id. Columns of the primary key become not nullable.

    Raises SchemaError with the column and what to do.
    """
    for name in dict.fromkeys([*primary_key, *partition_by, *sequence_fields]):
        if columns.get_field_index(name) < 0:
            raise SchemaError(f"there is no column {name!r}; the columns are {', '.join(columns.names[:50])}")
    fields = tuple(
        Field(
            index,
            column.name,
            types.from_arrow(column.type, column.name),
            column.nullable and column.name not in primary_key,
        )
        for index, column in enumerate(columns)
    )
    ids = {column.name: column.id for column in fields}
    schema = TableSchema(
        table=new_id(),
        id=0,
        fields=fields,
        last_field_id=len(fields) - 1,
        primary_key=tuple(ids[name] for name in primary_key),
        partition_by=tuple(ids[name] for name in partition_by),
        buckets=buckets,
        merge_engine=merge_engine,
        sequence_fields=tuple(ids[name] for name in sequence_fields),
        options=options or TableOptions(),
    )
    if type(buckets) is not int:
        raise SchemaError(f"buckets is {buckets!r}, not an integer")
    schema.check_time_column()
    problem = _problem(schema)
    if problem is not None:
        raise SchemaError(problem)
    encode(schema)
    return schema


def encode(schema: TableSchema) -> bytes:
    """The document (spec §8.2)."""
    return write_document(
        {
            "format": FORMAT,
            "major": 1,
            "minor": 0,
            "table": schema.table,
            "id": schema.id,
            "fields": [_field_to_json(column) for column in schema.fields],
            "last_field_id": schema.last_field_id,
            "primary_key": schema.primary_key,
            "partition_by": schema.partition_by,
            "buckets": schema.buckets,
            "merge_engine": schema.merge_engine,
            "sequence_fields": schema.sequence_fields,
            "options": schema.options.to_json(),
            "reader_features": schema.reader_features,
            "writer_features": schema.writer_features,
        }
    )


def _field_to_json(column: Field) -> dict[str, Any]:
    return {
        "id": column.id,
        "name": column.name,
        "type": types.to_json(column.type),
        "nullable": column.nullable,
    }


def decode(data: bytes, file: str, expected_id: int, expected_table: str | None = None) -> TableSchema:
    """Check and decode a document (spec §8.3).

    file: path for errors; expected_id: of the file's name; expected_table: of the snapshot. Raises
    FormatError.
    """
    members = Members(read_document(data, file), file, "8.3", "bad-schema")
    members.check_format(FORMAT)
    reader_features, writer_features = members.features()
    table, schema_id = members.hexadecimal("table", 16), members.integer("id")
    if schema_id != expected_id or expected_table not in (None, table):
        raise members.fail(f"schema {schema_id} of table {table} is not the one referred to", "wrong-table")
    if len(members.array("fields", dict)) + 2 > COLUMNS_MAX:
        raise LimitExceededError("too many columns", code="limit-exceeded", file=file, section="0.5")
    schema = TableSchema(
        table=table,
        id=schema_id,
        fields=tuple(_field_from_json(column) for column in members.objects("fields")),
        last_field_id=members.integer("last_field_id", 0, FIELD_ID_MAX),
        primary_key=tuple(members.array("primary_key", int)),
        partition_by=tuple(members.array("partition_by", int)),
        buckets=members.integer("buckets", 1, BUCKETS_MAX),
        merge_engine=members.text("merge_engine"),
        sequence_fields=tuple(members.array("sequence_fields", int)),
        options=_options(members),
        reader_features=reader_features,
        writer_features=writer_features,
    )
    problem = _problem(schema)
    if problem is not None:
        raise members.fail(problem)
    return schema


def _field_from_json(column: Members) -> Field:
    number, name = column.integer("id", 0, FIELD_ID_MAX), column.text("name")
    described = column.value("type", str, dict)
    try:
        column_type = types.from_json(described)
    except FormatError as error:
        # Unknown types of a schema are a fault of the schema (spec §8.3).
        code = "bad-schema" if error.code == "schema-mismatch" else error.code
        raise type(error)(error.message, code=code, file=column.file, section=error.section) from None
    return Field(number, name, column_type, column.boolean("nullable"))


def _options(members: Members) -> TableOptions:
    options = members.object("options")
    for name, value in options.items():
        if not isinstance(value, str):
            raise members.fail(f"option {name[:60]!r} is not a text", "json-type")
    return TableOptions.stored(options)


# ---- rules for new and for stored schemas


def _problem(schema: TableSchema) -> str | None:
    """The first rule of spec §8.3 that the schema breaks, in words."""
    return _field_problem(schema) or _reference_problem(schema) or _setting_problem(schema)


def _field_problem(schema: TableSchema) -> str | None:
    if not schema.fields:
        return "there are no columns"
    if len(schema.fields) + 2 > COLUMNS_MAX:
        return f"{len(schema.fields)} columns, at most {COLUMNS_MAX - 2} are possible"
    ids: set[int] = set()
    names: set[str] = set()
    for column in schema.fields:
        if column.id in ids or not 0 <= column.id <= schema.last_field_id:
            return f"column {column.name!r} has the id {column.id}, which is repeated or out of range"
        ids.add(column.id)
        folded = column.name.translate(_ASCII_LOWER)
        if folded in names:
            return f"two columns are named {column.name!r}, but for the case of letters"
        names.add(folded)
        if not column.name or len(column.name.encode()) > NAME_BYTES_MAX or types.has_control(column.name):
            return f"column name {column.name[:60]!r} is empty, too long, or holds control characters"
        if column.name in SYSTEM_NAMES:
            return f"column name {column.name!r} is reserved"
    return None


def _reference_problem(schema: TableSchema) -> str | None:
    if not schema.primary_key:
        return "there is no primary key: name at least one column"
    uses = (
        ("primary key", schema.primary_key),
        ("partition", schema.partition_by),
        ("sequence", schema.sequence_fields),
    )
    for use, ids in uses:
        if len(set(ids)) != len(ids) or not set(ids) <= schema.by_id.keys():
            return f"the {use} columns are repeated or no columns of the table"
    for column in schema.key_fields:
        if column.nullable or not column.type.key_allowed:
            return (
                f"column {column.name!r} ({column.type.arrow}) is nullable or of a type not allowed in keys"
            )
    for column in schema.partition_fields:
        if not column.type.key_allowed:
            return f"column {column.name!r} ({column.type.arrow}) is of a type not allowed in partitions"
    for column in schema.order_fields:
        if column.type.nested or column.type.floating or column.id in schema.primary_key:
            return f"column {column.name!r} is nested, a float or a key column and cannot be a sequence field"
    return None


def _setting_problem(schema: TableSchema) -> str | None:
    if not 1 <= schema.buckets <= BUCKETS_MAX:
        return f"buckets is {schema.buckets}, not in 1 … {BUCKETS_MAX}"
    if schema.merge_engine not in MERGE_ENGINES:
        return f"merge engine {schema.merge_engine[:60]!r} is not known; use {', '.join(MERGE_ENGINES)}"
    return None
