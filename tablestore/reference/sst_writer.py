"""Spec chapter 7: writing an SST from rows. `Edits` change parts before they are sealed, for faults."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tablestore.reference import bloom, key
from tablestore.reference.block import decode_chunk, encode_chunk
from tablestore.reference.cursor import Cursor
from tablestore.reference.directory import ChunkEntry, Directory, encode_directory
from tablestore.reference.primitive import DIRECTORY, FILTER, PROPERTIES, SECTION, context_crc, crc32c, hash64
from tablestore.reference.properties import SYSTEM, Column, Properties, encode_properties
from tablestore.reference.sst import (
    DELETE_KINDS,
    FILE_KINDS,
    FOOTER_BYTES,
    FOOTER_FIELDS,
    FOOTER_MAGIC,
    HEADER_CRC_AT,
    HEADER_MAGIC,
    MAJOR,
    MINOR,
    Numbers,
)
from tablestore.reference.stream import NONE, compress
from tablestore.reference.type import parse_type, rank

Place = tuple[int, int]


def _same_chunk(place: Place, chunk: bytes) -> bytes:
    return chunk


def _same_numbers(numbers: Numbers) -> Numbers:
    return numbers


def _same_bytes(data: bytes) -> bytes:
    return data


@dataclass(frozen=True)
class Edits:
    """Changes to parts of a file; checksums and places that depend on them are computed afterwards.

    chunk: (column, block) and stored bytes; properties, directory: their objects; *_raw: raw sections;
    footer, header: fields, without checksums.
    """

    chunk: Callable[[Place, bytes], bytes] = _same_chunk
    filter: Callable[[bytes], bytes] = _same_bytes
    properties: Callable[[Properties], Properties] = lambda properties: properties
    properties_raw: Callable[[bytes], bytes] = _same_bytes
    directory: Callable[[Directory], Directory] = lambda directory: directory
    directory_raw: Callable[[bytes], bytes] = _same_bytes
    footer: Callable[[Numbers], Numbers] = _same_numbers
    header: Callable[[Numbers], Numbers] = _same_numbers


@dataclass(frozen=True)
class Settings:
    """How a file is written. compressed: sections are zstd frames; codec: of streams in value columns."""

    file_id: bytes
    table: str
    file_kind: int = FILE_KINDS["data"]
    schema_id: int = 0
    level: int = 0
    bucket: int = 0
    partition: bytes = b""
    block_rows: int = 8192
    bits_per_key: int = 12
    codec: int = NONE
    compressed: bool = False
    created_by: str = "reference"
    edits: Edits = field(default_factory=Edits)


def column(id_: int, name: str, type_json: object, role: str = "value", nullable: bool = False) -> Column:
    return Column(id_, name, role, parse_type(type_json), nullable, type_json)


def system_columns() -> tuple[Column, Column]:
    """`_sequence` and `_row_kind` (spec §5.6)."""
    sequence, row_kind = (column(id_, name, type_, role) for role, (id_, name, type_) in SYSTEM.items())
    return sequence, row_kind


def encode_sst(columns: Sequence[Column], rows: Sequence[Sequence[object]], settings: Settings) -> bytes:
    """A file of rows that are sorted by key; values in the order of the columns (spec §7.5)."""
    edits = settings.edits
    step = settings.block_rows
    blocks = [rows[start : start + step] for start in range(0, len(rows), step)]
    keys = [_key_of(columns, row) for row in rows]
    data = bytearray(_header(settings))
    entries: list[ChunkEntry] = []
    for ordinal, described in enumerate(columns):
        for number, block in enumerate(blocks):
            values = [row[ordinal] for row in block]
            codec = settings.codec if described.role == "value" else NONE
            stored = edits.chunk((ordinal, number), encode_chunk(described.type, values, codec))
            crc = context_crc(settings.file_id, ordinal, number, stored)
            entries.append(_entry(described, values, len(data), len(stored), crc))
            data += stored
    section = b""
    if settings.bits_per_key:
        section = edits.filter(bloom.build([hash64(encoded) for encoded in keys], settings.bits_per_key))
    first = [key.bound(keys[start]) for start in range(0, len(rows), step)]
    last = [key.bound(keys[min(start + step, len(rows)) - 1]) for start in range(0, len(rows), step)]
    deletes = [sum(_kind_of(columns, row) in DELETE_KINDS for row in block) for block in blocks]
    properties = edits.properties(_properties(columns, rows, settings, first[0], last[-1], sum(deletes)))
    directory = edits.directory(Directory([len(block) for block in blocks], deletes, first, last, entries))
    return _seal(data, section, properties, directory, len(rows), len(columns), settings)


def _key_of(columns: Sequence[Column], row: Sequence[object]) -> bytes:
    parts = [(c.type, value) for c, value in zip(columns, row, strict=True) if c.role == "key"]
    return key.encode_key([type_ for type_, _ in parts], [value for _, value in parts])


def _kind_of(columns: Sequence[Column], row: Sequence[object]) -> object:
    return next(value for c, value in zip(columns, row, strict=True) if c.role == "row_kind")


def _sequence_of(columns: Sequence[Column], row: Sequence[object]) -> int:
    return next(int(str(value)) for c, value in zip(columns, row, strict=True) if c.role == "sequence")


def _entry(described: Column, values: Sequence[object], offset: int, size: int, crc: int) -> ChunkEntry:
    """The entry of a chunk that holds `values`, whatever an edit made of its bytes."""
    plain = decode_chunk(
        Cursor(encode_chunk(described.type, values)), described.type, described.nullable, len(values)
    )
    ranks = [rank(described.type, value) for value in plain.values if value is not None]
    known = [value for value in ranks if value is not None]
    if not known or len(known) != len(ranks):
        return ChunkEntry(offset, size, crc, plain.raw_size, plain.nulls, 0, 0, 0)
    return ChunkEntry(offset, size, crc, plain.raw_size, plain.nulls, min(known), max(known), 1)


def _properties(
    columns: Sequence[Column],
    rows: Sequence[Sequence[object]],
    settings: Settings,
    key_min: bytes,
    key_max: bytes,
    delete_count: int,
) -> Properties:
    explicit = [sequence for row in rows if (sequence := _sequence_of(columns, row))]
    return Properties(
        table=settings.table,
        schema_id=settings.schema_id,
        columns=tuple(columns),
        key_min=key_min,
        key_max=key_max,
        sequence_min=min(explicit, default=0),
        sequence_max=max(explicit, default=0),
        delete_count=delete_count,
        level=settings.level,
        bucket=settings.bucket,
        partition=settings.partition,
        bits_per_key=settings.bits_per_key,
        created_by=settings.created_by,
    )


def _header(settings: Settings) -> bytes:
    fields = settings.edits.header(
        {
            "major": MAJOR, "minor": MINOR, "required_features": 0, "optional_features": 0,
            "file_kind": settings.file_kind, "zero_1": 0, "zero_2": 0,
        }
    )  # fmt: skip
    head = HEADER_MAGIC + struct.pack(
        "<HHIIB",
        *(fields[name] for name in ("major", "minor", "required_features", "optional_features", "file_kind")),
    )
    head += fields["zero_1"].to_bytes(3, "little") + settings.file_id + fields["zero_2"].to_bytes(4, "little")
    return head + struct.pack("<I", crc32c(head))


def _seal(
    data: bytearray,
    section: bytes,
    properties: Properties,
    directory: Directory,
    row_count: int,
    column_count: int,
    settings: Settings,
) -> bytes:
    """Append filter, properties, directory and footer to header and chunks."""
    edits = settings.edits
    footer: Numbers = {name: 0 for name, _ in FOOTER_FIELDS}
    footer |= {"block_count": len(directory.rows), "row_count": row_count, "column_count": column_count}
    footer |= {"footer_size": FOOTER_BYTES, "filter_offset": len(data), "filter_size": len(section)}
    if section:
        footer["filter_crc"] = context_crc(settings.file_id, SECTION, FILTER, section)
    data += section
    raw_sections = (
        ("properties", PROPERTIES, edits.properties_raw(encode_properties(properties))),
        ("directory", DIRECTORY, edits.directory_raw(encode_directory(directory))),
    )
    for name, number, raw in raw_sections:
        frame = compress(raw)
        stored = frame if settings.compressed and len(frame) < len(raw) else raw
        footer[f"{name}_offset"] = len(data)
        footer[f"{name}_size"] = len(stored)
        footer[f"{name}_raw_size"] = len(raw)
        footer[f"{name}_crc"] = context_crc(settings.file_id, SECTION, number, stored)
        data += stored
    version = {"major": MAJOR, "minor": MINOR}
    footer = edits.footer({**footer, **version})
    body = b"".join(footer[name].to_bytes(size, "little") for name, size in FOOTER_FIELDS) + settings.file_id
    body += struct.pack("<HH", footer["major"], footer["minor"])
    crc = crc32c(bytes(data[:HEADER_CRC_AT]) + body)
    return bytes(data) + body + struct.pack("<I", crc) + FOOTER_MAGIC
