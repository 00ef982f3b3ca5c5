"""The properties of an SST (spec §7.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tablestore import types
from tablestore.errors import FormatError
from tablestore.file import document
from tablestore.file.sst import FileColumn
from tablestore.types import Field

_SYSTEM = {field.id: field for field in (types.SEQUENCE, types.ROW_KIND)}
_HEXADECIMAL = re.compile("(?:[0-9a-f]{2})*")
ROLES = ("key", "sequence", "row_kind", "value")


@dataclass(frozen=True)
class Properties:
    """Members of the properties document; bounds and partition are bytes."""

    table: str
    schema_id: int
    columns: tuple[FileColumn, ...]
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


_COLUMN_CACHE: dict[str, tuple[FileColumn, ...]] = {}


def decode_properties(raw: bytes, file: str, offset: int) -> Properties:
    """Check and decode; errors name `file` and count offsets from the section's start at `offset`."""

    def fail(message: str, code: str = "json-type") -> FormatError:
        return FormatError(message, code=code, file=file, offset=offset, section="7.5")

    try:
        members = document.parse_strict_json(raw, file)
    except FormatError as error:
        error.offset = offset
        error.section = "7.5"
        raise

    def text(name: str) -> str:
        value = members.get(name)
        if not isinstance(value, str):
            raise fail(f"member {name!r} is not text", "json-type" if name in members else "json-missing")
        return value

    def number(name: str) -> int:
        value = members.get(name)
        if type(value) is not int:
            raise fail(
                f"member {name!r} is not an integer", "json-type" if name in members else "json-missing"
            )
        return value

    def hexadecimal(name: str) -> bytes:
        digits = text(name)
        if _HEXADECIMAL.fullmatch(digits) is None:
            raise fail(f"member {name!r} is not hexadecimal")
        return bytes.fromhex(digits)

    described = members.get("columns")
    if not isinstance(described, list):
        raise fail(
            "member 'columns' is not an array", "json-type" if "columns" in members else "json-missing"
        )
    return Properties(
        text("table"), number("schema_id"), _columns(described, fail), hexadecimal("key_min"), hexadecimal("key_max"),
        number("sequence_min"), number("sequence_max"), number("delete_count"), number("level"), number("bucket"),
        hexadecimal("partition"), number("bits_per_key"), text("created_by"),
    )  # fmt: skip


def _columns(described: list[Any], fail: Any) -> tuple[FileColumn, ...]:
    cached = _COLUMN_CACHE.get(repr(described))
    if cached is not None:
        return cached
    columns = []
    for item in described:
        if not isinstance(item, dict):
            raise fail("a column is not an object")
        shape = (("id", int), ("name", str), ("role", str), ("nullable", bool))
        if not item.keys() >= {"id", "name", "role", "type", "nullable"}:
            raise fail("a column's description is not complete", "json-missing")
        if any(type(item[name]) is not kind for name, kind in shape):
            raise fail("a column's description has a member of a wrong type")
        if item["role"] not in ROLES:
            raise fail(f"role {item['role']!r} is unknown", "schema-mismatch")
        field = Field(item["id"], item["name"], types.from_json(item["type"]), item["nullable"])
        columns.append(
            FileColumn(_SYSTEM.get(field.id, field) if item["role"] in ROLES[1:3] else field, item["role"])
        )
        if (
            columns[-1].field.name != item["name"]
            or columns[-1].field.type.name != field.type.name
            or (columns[-1].field.nullable != item["nullable"])
        ):
            raise fail(f"column {item['name']!r} is not the system column it stands for", "schema-mismatch")
    _check_roles(columns, fail)
    if len(_COLUMN_CACHE) > 1000:
        _COLUMN_CACHE.clear()
    _COLUMN_CACHE[repr(described)] = tuple(columns)
    return tuple(columns)


def _check_roles(columns: list[FileColumn], fail: Any) -> None:
    """Keys, then _sequence, then _row_kind, then values; ids distinct; keys not nullable (spec §7.5, §5.6)."""
    roles = [column.role for column in columns]
    order = [ROLES.index(role) for role in roles]
    if (
        order != sorted(order)
        or "key" not in roles
        or roles.count("sequence") != 1
        or roles.count("row_kind") != 1
    ):
        raise fail("columns are not keys, sequence, row kind, values", "schema-mismatch")
    if len({column.field.id for column in columns}) != len(columns):
        raise fail("a column id is repeated", "schema-mismatch")
    for column in columns:
        field = column.field
        if column.role == "key" and (field.nullable or not field.type.key_allowed):
            raise fail(f"column {field.name!r} cannot be a key", "schema-mismatch")
        if field.id < 0 and field is not {"sequence": types.SEQUENCE, "row_kind": types.ROW_KIND}.get(
            column.role
        ):
            raise fail("a column id is negative", "schema-mismatch")
