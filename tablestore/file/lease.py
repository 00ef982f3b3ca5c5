"""Lease documents (spec §15.2, §15.5): somebody reads a snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tablestore.file.boundary import BAD, SECTION
from tablestore.file.document import Members, open_document, table_document
from tablestore.file.layout import ID_MAX
from tablestore.file.snapshot import TIMESTAMP_MAX

FORMAT: Final = "tablestore/lease"
HOLDER_BYTES_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class Lease:
    """holder: who reads, for people."""

    table: str
    snapshot: int
    holder: str
    timestamp_millis: int
    expires_millis: int


def encode(lease: Lease) -> bytes:
    """The document."""
    return table_document(
        FORMAT,
        lease.table,
        {
            "snapshot": lease.snapshot,
            "holder": lease.holder,
            "timestamp_millis": lease.timestamp_millis,
            "expires_millis": lease.expires_millis,
        },
    )


def decode(data: bytes, file: str, expected_table: str | None = None) -> Lease:
    """Check and decode a document (spec §15.3)."""
    members = open_document(data, file, FORMAT, expected_table, SECTION, BAD)
    return Lease(
        table=members.text("table"),
        snapshot=members.integer("snapshot", 1, ID_MAX),
        holder=read_holder(members),
        timestamp_millis=members.integer("timestamp_millis", 0, TIMESTAMP_MAX),
        expires_millis=members.integer("expires_millis", 0, TIMESTAMP_MAX),
    )


def read_holder(members: Members) -> str:
    """The text about who holds a lease or claim."""
    holder = members.text("holder")
    if len(holder.encode()) > HOLDER_BYTES_MAX:
        raise members.fail("the holder's text is too long")
    return holder
