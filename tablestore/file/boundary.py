"""Boundary documents (spec §15.2, §15.4): from which snapshot on a table is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tablestore.file.document import Members, read_document, write_document
from tablestore.file.layout import ID_MAX
from tablestore.file.snapshot import TIMESTAMP_MAX

FORMAT: Final = "tablestore/boundary"
SECTION: Final = "15.3"
BAD: Final = "bad-retention"


@dataclass(frozen=True, slots=True)
class Boundary:
    """Snapshots before `id` are expired."""

    table: str
    id: int
    timestamp_millis: int


def encode(boundary: Boundary) -> bytes:
    """The document."""
    return write_document(
        {
            "format": FORMAT,
            "major": 1,
            "minor": 0,
            "table": boundary.table,
            "id": boundary.id,
            "timestamp_millis": boundary.timestamp_millis,
        }
    )


def decode(data: bytes, file: str, expected_id: int, expected_table: str | None = None) -> Boundary:
    """Check and decode a document (spec §15.3). expected_id: of the file's name."""
    members = open_document(data, file, FORMAT, expected_table)
    boundary_id = members.integer("id", 1, ID_MAX)
    if boundary_id != expected_id:
        raise members.fail(f"id {boundary_id} does not fit the name")
    return Boundary(members.text("table"), boundary_id, members.integer("timestamp_millis", 0, TIMESTAMP_MAX))


def open_document(data: bytes, file: str, form: str, expected_table: str | None) -> Members:
    """The members of a document of this chapter; format, version and table are checked."""
    members = Members(read_document(data, file), file, SECTION, BAD)
    members.check_format(form)
    table = members.hexadecimal("table", 16)
    if expected_table not in (None, table):
        raise members.fail(f"the document belongs to table {table}, not {expected_table}", "wrong-table")
    return members
