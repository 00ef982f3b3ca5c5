"""Tag documents (spec §15.2): names for snapshots, which they keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tablestore.errors import SchemaError
from tablestore.file import layout, partition
from tablestore.file.boundary import BAD, SECTION
from tablestore.file.document import Members, open_document, table_document
from tablestore.file.layout import ID_MAX
from tablestore.file.snapshot import TIMESTAMP_MAX

FORMAT: Final = "tablestore/tag"
NAME_BYTES_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class Tag:
    """snapshot_digest: of the snapshot's document, hexadecimal."""

    table: str
    name: str
    snapshot: int
    snapshot_digest: str
    timestamp_millis: int


def path(name: str) -> str:
    """Path of the tag of that name. Raises SchemaError for a name that cannot be."""
    return layout.tag_path(partition.escape(check_name(name, "tag")))


def encode(tag: Tag) -> bytes:
    """The document."""
    return table_document(
        FORMAT,
        tag.table,
        {
            "name": tag.name,
            "snapshot": tag.snapshot,
            "snapshot_digest": tag.snapshot_digest,
            "timestamp_millis": tag.timestamp_millis,
        },
    )


def decode(data: bytes, file: str, escaped: str, expected_table: str | None = None) -> Tag:
    """Check and decode a document (spec §15.3). escaped: of the file's name."""
    members = open_document(data, file, FORMAT, expected_table, SECTION, BAD)
    return Tag(
        table=members.text("table"),
        name=read_name(members, escaped),
        snapshot=members.integer("snapshot", 1, ID_MAX),
        snapshot_digest=members.hexadecimal("snapshot_digest", 8),
        timestamp_millis=members.integer("timestamp_millis", 0, TIMESTAMP_MAX),
    )


# ---- names of tags and consumers


def fits(name: str) -> bool:
    """Whether a name has 1 to 255 bytes of UTF-8."""
    try:
        return 0 < len(name.encode()) <= NAME_BYTES_MAX
    except UnicodeEncodeError:
        return False


def check_name(name: str, what: str) -> str:
    """A name that a caller gives. Raises SchemaError if spec §15.2 does not allow it."""
    if not isinstance(name, str) or not fits(name):
        raise SchemaError(f"the name of a {what} is a text of 1 to {NAME_BYTES_MAX} bytes, not {name!r:.60}")
    return name


def read_name(members: Members, escaped: str) -> str:
    """The name in a document, which must be that of its file."""
    name = members.text("name")
    if not fits(name) or partition.escape(name) != escaped:
        raise members.fail(f"name {name[:60]!r} does not fit that of the file")
    return name
