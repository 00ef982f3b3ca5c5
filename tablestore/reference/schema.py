"""Spec chapter 8: schema documents."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from tablestore.errors import FormatError
from tablestore.reference import document
from tablestore.reference.cursor import reject
from tablestore.reference.key import check_key_type
from tablestore.reference.primitive import COLUMNS_MAX, UINT64_MAX, identifier
from tablestore.reference.type import FLOATS, Type, parse_type

FORMAT = "tablestore/schema"
MAJOR = 1
ENGINES = ("deduplicate",)
RESERVED_NAMES = ("_sequence", "_row_kind", "_version")
NAME_BYTES_MAX = 255
BUCKETS_MAX = 65_536
FIELD_ID_MAX = 2**32 - 1
SYSTEM_COLUMNS = 2


@dataclass(frozen=True)
class SchemaField:
    """A column of a table."""

    id: int
    name: str
    type: Type
    nullable: bool


@dataclass(frozen=True)
class Schema:
    """A checked schema; key, partition and sequence columns in their order."""

    table: str
    id: int
    fields: tuple[SchemaField, ...]
    primary_key: tuple[SchemaField, ...]
    partition_by: tuple[SchemaField, ...]
    buckets: int
    merge_engine: str
    sequence_fields: tuple[SchemaField, ...]
    options: dict[str, str]


def decode_schema(data: bytes, expected_id: int | None = None, table: str | None = None) -> Schema:
    """The schema in a document. expected_id: of the file's name; table: id of the table that refers to it."""
    members = document.parse_envelope(data)
    check_format(members, FORMAT, "8.2", "bad-schema")
    found_table = document.member(members, "table", str, "8.2")
    identifier(found_table, "bad-schema", "table")
    id_ = document.counter(members, "id", "8.2", "bad-schema")
    fields_json = document.members_of(members, "fields", dict, "8.2")
    last_field_id = document.counter(members, "last_field_id", "8.2", "bad-schema", FIELD_ID_MAX)
    names = ("primary_key", "partition_by", "sequence_fields")
    ids = {name: document.members_of(members, name, int, "8.2") for name in names}
    buckets = document.member(members, "buckets", int, "8.2")
    engine = document.member(members, "merge_engine", str, "8.2")
    options = document.member(members, "options", dict, "8.2")
    if not all(isinstance(value, str) for value in options.values()):
        reject("json-type", "an option is not a string", "8.2")
    check_features(members, "8.2")
    if expected_id is not None and id_ != expected_id:
        reject("wrong-table", f"schema {id_} in the file of schema {expected_id}", "8.3")
    if table is not None and found_table != table:
        reject("wrong-table", f"a schema of table {found_table}", "8.3")
    fields = _fields(fields_json, last_field_id)
    chosen = {name: _chosen(fields, ids[name], name) for name in names}
    _check_roles(chosen["primary_key"], chosen["partition_by"], chosen["sequence_fields"])
    if not 1 <= buckets <= BUCKETS_MAX:
        reject("bad-schema", f"{buckets} buckets", "8.3")
    if engine not in ENGINES:
        reject("bad-schema", f"merge engine {engine!r}", "8.3")
    return Schema(
        found_table, id_, fields, chosen["primary_key"], chosen["partition_by"], buckets, engine,
        chosen["sequence_fields"], options,
    )  # fmt: skip


def check_format(members: document.Json, wanted: str, section: str, code: str) -> None:
    """The members that tell what a document is (spec §0.4); `code` if it is another."""
    if document.member(members, "format", str, section) != wanted:
        reject(code, f"format {members['format']!r}, not {wanted}", section)
    major = document.member(members, "major", int, section)
    document.counter(members, "minor", section, code, UINT64_MAX)
    if major != MAJOR:
        reject("unsupported-version", f"major version {major}", "0.4")


def check_features(members: document.Json, section: str) -> None:
    """Version 1.0 knows no feature; a reader refuses reader features only (spec §0.4)."""
    features = document.members_of(members, "reader_features", str, section)
    document.members_of(members, "writer_features", str, section)
    if features:
        reject("unknown-feature", f"reader features {features}", "0.4")


def _fields(items: list[document.Json], last_field_id: int) -> tuple[SchemaField, ...]:
    if not items:
        reject("bad-schema", "a schema without fields", "8.3")
    if len(items) + SYSTEM_COLUMNS > COLUMNS_MAX:
        reject("limit-exceeded", f"{len(items)} columns", "0.5")
    fields = []
    for item in items:
        id_ = document.member(item, "id", int, "8.2")
        name = document.member(item, "name", str, "8.2")
        type_json = document.member(item, "type", object, "8.2")
        if not isinstance(type_json, str | dict):
            reject("json-type", f"type {type_json!r} of a field", "8.2")
        nullable = document.member(item, "nullable", bool, "8.2")
        fields.append(SchemaField(id_, name, _type(type_json), nullable))
        if not 0 <= id_ <= last_field_id:
            reject("bad-schema", f"field id {id_}", "8.3")
        _check_name(name)
    if len({field.id for field in fields}) != len(fields):
        reject("bad-schema", "a field id is repeated", "8.3")
    if len({_lower(field.name) for field in fields}) != len(fields):
        reject("bad-schema", "two names are equal but for the case of letters", "8.3")
    return tuple(fields)


def _type(type_json: object) -> Type:
    try:
        return parse_type(type_json)
    except FormatError as error:
        if error.code != "schema-mismatch":
            raise
        reject("bad-schema", error.message, "8.3")


def _check_name(name: str) -> None:
    if not name or len(name.encode()) > NAME_BYTES_MAX or name in RESERVED_NAMES:
        reject("bad-schema", f"a field named {name[:300]!r}", "8.3")
    if any(unicodedata.category(character) == "Cc" for character in name):
        reject("bad-schema", "a control character in a name", "8.3")


def _lower(name: str) -> str:
    """The name with ASCII letters in lower case."""
    return "".join(c.lower() if c.isascii() else c for c in name)


def _chosen(fields: Sequence[SchemaField], ids: Sequence[int], name: str) -> tuple[SchemaField, ...]:
    by_id = {field.id: field for field in fields}
    if len(set(ids)) != len(ids) or not set(ids) <= set(by_id):
        reject("bad-schema", f"ids of {name} are repeated or not fields", "8.3")
    return tuple(by_id[id_] for id_ in ids)


def _check_roles(
    keys: Sequence[SchemaField], partitions: Sequence[SchemaField], sequences: Sequence[SchemaField]
) -> None:
    if not keys:
        reject("bad-schema", "no primary key", "8.3")
    for field in (*keys, *partitions):
        try:
            check_key_type(field.type)
        except FormatError as error:
            reject("bad-schema", error.message, "8.3")
    for field in keys:
        if field.nullable:
            reject("bad-schema", f"key column {field.name!r} is nullable", "8.3")
    for field in sequences:
        if field.type.form in ("list", "struct") or field.type.name in FLOATS or field in keys:
            reject("bad-schema", f"{field.name!r} cannot be a sequence field", "8.3")
