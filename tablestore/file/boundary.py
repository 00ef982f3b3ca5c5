"""Boundary documents (spec §15.2, §15.4): from which snapshot on a table is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tablestore.file.document import open_document, table_document
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
    return table_document(
        FORMAT,
        boundary.table,
        {
            "id": boundary.id,
            "timestamp_millis": boundary.timestamp_millis,
        },
    )


def decode(data: bytes, file: str, expected_id: int, expected_table: str | None = None) -> Boundary:
    """Check and decode a document (spec §15.3). expected_id: of the file's name."""
    members = open_document(data, file, FORMAT, expected_table, SECTION, BAD)
    boundary_id = members.integer("id", 1, ID_MAX)
    if boundary_id != expected_id:
        raise members.fail(f"id {boundary_id} does not fit the name")
    return Boundary(members.text("table"), boundary_id, members.integer("timestamp_millis", 0, TIMESTAMP_MAX))
