"""Spec §7.5: the properties of an SST."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tablestore.errors import FormatError
from tablestore.reference import document
from tablestore.reference.cursor import reject
from tablestore.reference.key import check_key_type
from tablestore.reference.type import Type, parse_type

ROLES = ("key", "sequence", "row_kind", "value")
SYSTEM = {"sequence": (-1, "_sequence", "uint64"), "row_kind": (-2, "_row_kind", "uint8")}
MEMBERS: tuple[tuple[str, type], ...] = (
    ("table", str), ("schema_id", int), ("columns", list), ("key_min", str), ("key_max", str),
    ("sequence_min", int), ("sequence_max", int), ("delete_count", int), ("level", int), ("bucket", int),
    ("partition", str), ("bits_per_key", int), ("created_by", str),
)  # fmt: skip
_HEXADECIMAL = re.compile(r"(?:[0-9a-f]{2})*")


@dataclass(frozen=True)
class Column:
    """A column of a file."""

    id: int
    name: str
    role: str
    type: Type
    nullable: bool
    type_json: object


@dataclass(frozen=True)
class Properties:
    """Members of the properties; bounds and the partition tuple as bytes."""

    table: str
    schema_id: int
    columns: tuple[Column, ...]
    key_min: bytes
    key_max: bytes
    sequence_min: int
    sequence_max: int
    delete_count: int
    level: int
    bucket: int
    partition: bytes
    bits_per_key: int
    created_by: str


def decode_properties(raw: bytes, offset: int) -> Properties:
    """The properties in the section that is stored at `offset`: errors name that offset."""
    try:
        return _decode(document.parse_object(raw))
    except FormatError as error:
        error.offset = offset
        raise


def _decode(members: document.Json) -> Properties:
    values: dict[str, Any] = {name: document.member(members, name, kind, "7.5") for name, kind in MEMBERS}
    columns = tuple(_column(item) for item in document.members_of(members, "columns", dict, "7.5"))
    _check_columns(columns)
    binary = {
        name: from_hexadecimal(values[name], name, "7.5") for name in ("key_min", "key_max", "partition")
    }
    return Properties(**{**values, **binary, "columns": columns})


def from_hexadecimal(text: object, name: str, section: str, code: str = "json-type") -> bytes:
    """Bytes written in lower-case hexadecimal digits."""
    if not isinstance(text, str) or _HEXADECIMAL.fullmatch(text) is None:
        reject(code, f"{name!r} is not hexadecimal", section)
    return bytes.fromhex(text)


def _column(item: document.Json) -> Column:
    id_ = document.member(item, "id", int, "7.5")
    name = document.member(item, "name", str, "7.5")
    role = document.member(item, "role", str, "7.5")
    type_json = document.member(item, "type", object, "7.5")
    nullable = document.member(item, "nullable", bool, "7.5")
    if role not in ROLES:
        reject("schema-mismatch", f"role {role!r}", "7.5")
    return Column(id_, name, role, parse_type(type_json), nullable, type_json)


def _check_columns(columns: tuple[Column, ...]) -> None:
    """Order, ids and the shape of key and system columns (spec §7.5, §5.6)."""
    roles = [column.role for column in columns]
    in_order = roles == sorted(roles, key=ROLES.index)
    if not in_order or "key" not in roles or (roles.count("sequence"), roles.count("row_kind")) != (1, 1):
        reject("schema-mismatch", "columns are not keys, _sequence, _row_kind and values", "7.5")
    if len({column.id for column in columns}) != len(columns):
        reject("schema-mismatch", "a column id is repeated", "7.5")
    for column in columns:
        if column.role == "key":
            check_key_type(column.type)
        if column.role != "value" and column.nullable:
            reject("schema-mismatch", f"column {column.name!r} is nullable", "2.3")
        system = SYSTEM.get(column.role)
        if system and (column.id, column.name, column.type.name) != system:
            reject("schema-mismatch", f"column {column.name!r} is not {system[1]}", "5.6")
        if not system and column.id < 0:
            reject("schema-mismatch", f"column id {column.id}", "7.5")


def encode_properties(properties: Properties) -> bytes:
    """The raw bytes of the section."""
    members: document.Json = {name: getattr(properties, name) for name, _ in MEMBERS}
    members["columns"] = [
        {"id": c.id, "name": c.name, "role": c.role, "type": c.type_json, "nullable": c.nullable}
        for c in properties.columns
    ]
    for name in ("key_min", "key_max", "partition"):
        members[name] = getattr(properties, name).hex()
    return document.write_json(members, None).encode()
