"""A small table whose every part can be forged: parts are changed, then sealed again with right checksums and digests.

All bytes are written by the reference implementation, so that the code under test never checks its own work.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

import tablestore as ts
from tablestore.reference import document, manifest
from tablestore.reference.manifest import Change
from tablestore.reference.primitive import DIRECTORY, PROPERTIES, SECTION, context_crc, crc32c, hash64
from tablestore.reference.sst import FOOTER_FIELDS, HEADER_CRC_AT, decode_sst
from tablestore.reference.sst_writer import Edits, Settings, column, encode_sst, system_columns
from tests.damage.memory_store import Files, MemoryStore

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("at", pa.time32("s"), nullable=False),
        pa.field("price", pa.decimal128(9, 2)),
        pa.field("tags", pa.list_(pa.field("element", pa.string()))),
    ]
)
TAGS = {"list": {"name": "element", "type": "string", "nullable": True}}
COLUMNS = (
    column(0, "id", "int64", "key"),
    *system_columns(),
    column(1, "name", "string", nullable=True),
    column(2, "at", "time32(s)"),
    column(3, "price", "decimal128(9,2)", nullable=True),
    column(4, "tags", TAGS, nullable=True),
)
KEY, SEQUENCE, ROW_KIND, NAME, AT, PRICE, TAG_LISTS = range(7)
Row = list[object]
ROWS: tuple[Row, ...] = tuple(
    [number, 0, 3 if number == 5 else 0, None if number == 2 else f"name {number}", 60 * number,
     None if number == 4 else 100 * number + 7, [f"t{number}", None] if number % 2 else None]
    for number in range(1, 9)
)  # fmt: skip
VISIBLE = [row for row in ROWS if row[ROW_KIND] == 0]
TABLE_ID = "00112233445566778899aabbccddeeff"


def file_id(name: str) -> str:
    """A file id that follows from a name."""
    return "000000000001" + hashlib.sha256(name.encode()).hexdigest()[:20]


DATA_ID, MANIFEST_ID = file_id("data"), file_id("manifest")
DATA = f"bucket-0/{DATA_ID}.sst"
MANIFEST = f"manifest/manifest-{MANIFEST_ID}.sst"
SCHEMA_FILE = "schema/schema-0.json"
FIRST, SECOND, THIRD = (f"snapshot/snapshot-{number}.json" for number in (1, 2, 3))
HINT = "snapshot/LATEST"


def data_file(edits: Edits | None = None, rows: Sequence[Row] = ROWS, **settings: Any) -> bytes:
    """The bytes of the data file, with changes."""
    chosen = {"block_rows": 4, "compressed": True, **settings}
    return encode_sst(
        COLUMNS,
        rows,
        Settings(bytes.fromhex(DATA_ID), TABLE_ID, edits=edits or Edits(), **chosen),
    )


def manifest_file(changes: Sequence[Change], name: str = MANIFEST_ID, edits: Edits | None = None) -> bytes:
    """The bytes of a manifest."""
    ordered = sorted(changes, key=lambda change: change.entry.key)
    settings = Settings(
        bytes.fromhex(name), TABLE_ID, file_kind=2, bucket=-1, bits_per_key=0, edits=edits or Edits()
    )
    return encode_sst(manifest.columns(), [manifest.row_of(change) for change in ordered], settings)


def reseal(data: bytes, stored: dict[str, bytes], claims: dict[str, int]) -> bytes:
    """The data file with other stored bytes of properties and directory; claims: their raw sizes."""
    found = decode_sst(data)
    numbers = dict(found.footer)
    body = data[: numbers["properties_offset"]]
    for name, number in (("properties", PROPERTIES), ("directory", DIRECTORY)):
        numbers[f"{name}_offset"] = len(body)
        numbers[f"{name}_size"] = len(stored[name])
        numbers[f"{name}_raw_size"] = claims.get(name, numbers[f"{name}_raw_size"])
        numbers[f"{name}_crc"] = context_crc(found.file_id, SECTION, number, stored[name])
        body += stored[name]
    tail = b"".join(numbers[name].to_bytes(size, "little") for name, size in FOOTER_FIELDS)
    tail += found.file_id + data[-16:-12]
    return body + tail + struct.pack("<I", crc32c(body[:HEADER_CRC_AT] + tail)) + data[-8:]


def sst_digest(data: bytes) -> int:
    """The digest of an SST (spec §7.4)."""
    return hash64(data[-112:])


def honest_change(data: bytes) -> Change:
    """The entry of the data file."""
    entry = manifest.Entry(
        partition=b"", bucket=0, file=DATA_ID, level=0, size=len(data), digest=sst_digest(data), row_count=len(ROWS),
        delete_count=1, key_min=_key(1), key_max=_key(8), sequence_min=0, sequence_max=0, ordinal=0, schema_id=0,
        statistics=b"",
    )  # fmt: skip
    return Change(manifest.ADDED, entry)


def _key(number: int) -> bytes:
    return (number + 2**63).to_bytes(8, "big")


def reference_of(data: bytes, changes: Sequence[Change], name: str = MANIFEST_ID) -> dict[str, object]:
    """What a snapshot says of a manifest (spec §10.2)."""
    removed = sum(change.kind == manifest.REMOVED for change in changes)
    buckets = [change.entry.bucket for change in changes]
    partitions = sorted(change.entry.partition for change in changes)
    return {
        "file": name, "size": len(data), "digest": f"{sst_digest(data):016x}", "sequence": 2,
        "added": len(changes) - removed, "removed": removed, "partition_min": partitions[0][:64].hex(),
        "partition_max": partitions[-1][:64].hex(), "bucket_min": min(buckets), "bucket_max": max(buckets),
    }  # fmt: skip


def _schema_members() -> dict[str, object]:
    fields = [
        {"id": c.id, "name": c.name, "type": c.type_json, "nullable": c.nullable}
        for c in COLUMNS
        if c.id >= 0
    ]
    return {
        "format": "tablestore/schema", "major": 1, "minor": 0, "table": TABLE_ID, "id": 0, "fields": fields,
        "last_field_id": 4, "primary_key": [0], "partition_by": [], "buckets": 1, "merge_engine": "deduplicate",
        "sequence_fields": [], "options": {"compaction": "manual", "durability": "none"},
        "reader_features": [], "writer_features": [],
    }  # fmt: skip


def _snapshot_members(
    number: int, references: list[dict[str, object]], totals: dict[str, int]
) -> dict[str, object]:
    return {
        "format": "tablestore/snapshot", "major": 1, "minor": 0, "table": TABLE_ID, "id": number,
        "parent": number - 1, "parent_digest": "0" * 16, "schema_id": 0,
        "kind": "create" if number == 1 else "append", "commit": f"{number:032x}",
        "timestamp_millis": 1_700_000_000_000 + number, "watermark": None, "manifests": references,
        "delta": [reference["file"] for reference in references] if number == 2 else [], "writer": None,
        "committers": {"job": 7}, "fence": 0, "totals": totals, "reader_features": [], "writer_features": [],
    }  # fmt: skip


@dataclass(frozen=True)
class Forgery:
    """What to change on the way from rows to a table. Everything after a change is sealed to fit it.

    data, manifest_bytes: the files' bytes; changes: rows of the manifest; schema, second, third: members of documents;
    text: last of all, the bytes of any file by its path, where nothing is sealed any more.
    """

    edits: Edits = field(default_factory=Edits)
    rows: Sequence[Row] = ROWS
    settings: dict[str, Any] = field(default_factory=dict)
    data: Callable[[bytes], bytes] = lambda data: data
    changes: Callable[[list[Change]], list[Change]] = lambda changes: changes
    manifest_edits: Edits = field(default_factory=Edits)
    manifest_bytes: Callable[[bytes], bytes] = lambda data: data
    references: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = lambda references: references
    schema: Callable[[dict[str, Any]], dict[str, Any]] = lambda members: members
    first: Callable[[dict[str, Any]], dict[str, Any]] = lambda members: members
    second: Callable[[dict[str, Any]], dict[str, Any]] = lambda members: members
    third: Callable[[dict[str, Any]], dict[str, Any]] = lambda members: members
    text: dict[str, Callable[[bytes], bytes]] = field(default_factory=dict)
    more: Files = field(default_factory=dict)


def table_of(forgery: Forgery) -> Files:
    """The files of the table: three snapshots, one manifest, one data file, one schema, the hint."""
    data = forgery.data(data_file(forgery.edits, forgery.rows, **forgery.settings))
    changes = forgery.changes([honest_change(data)])
    listed = manifest_file(changes, edits=forgery.manifest_edits) if changes else b""
    listed = forgery.manifest_bytes(listed)
    references = forgery.references([reference_of(listed, changes)]) if changes else []
    live = [change.entry for change in changes if change.kind == manifest.ADDED]
    totals = {
        "files": len(live), "bytes": sum(e.size for e in live), "rows": sum(e.row_count for e in live),
        "deletes": sum(e.delete_count for e in live),
    }  # fmt: skip
    files: Files = {
        DATA: data,
        MANIFEST: listed,
        SCHEMA_FILE: document.write_envelope(forgery.schema(_schema_members())),
        HINT: b"3\n",
    }
    nothing = {"files": 0, "bytes": 0, "rows": 0, "deletes": 0}
    parent = b""
    for path, change, members in (
        (FIRST, forgery.first, _snapshot_members(1, [], nothing)),
        (SECOND, forgery.second, _snapshot_members(2, references, totals)),
        (THIRD, forgery.third, _snapshot_members(3, references, totals)),
    ):
        if parent:
            members["parent_digest"] = f"{hash64(parent):016x}"
        parent = document.write_envelope(change(members))
        files[path] = parent
    files.update(forgery.more)
    for path, edit in forgery.text.items():
        files[path] = edit(files[path])
    return files


HONEST = table_of(Forgery())


def visible(table: ts.View) -> list[Row]:
    """The rows of a table in the form of ROWS, by a scan."""
    return [_row(row) for row in table.scan().to_arrow().to_pylist()]


def _row(row: dict[str, Any]) -> Row:
    price = None if row["price"] is None else int(row["price"].scaleb(2))
    at = row["at"].hour * 3600 + row["at"].minute * 60 + row["at"].second
    return [row["id"], 0, 0, row["name"], at, price, row["tags"]]


def looked_up(table: ts.View) -> list[Row]:
    """The same rows by their keys."""
    return [_row(row) for row in table.get(list(range(12))).to_pylist()]


def open_files(files: Files) -> ts.Table:
    """The table in a dict of files."""
    return ts.open_table(MemoryStore(files))


def with_entry(**values: Any) -> Callable[[list[Change]], list[Change]]:
    """A change of the one entry of the manifest."""
    return lambda changes: [replace(c, entry=replace(c.entry, **values)) for c in changes]


def decode_data(data: bytes) -> Any:
    """The data file as the reference sees it."""
    return decode_sst(data)
