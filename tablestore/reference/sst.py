"""Spec chapter 7: fixed structures and the reader of an SST. Writing is in sst_writer.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tablestore.reference import bloom, key
from tablestore.reference.block import Chunk, decode_chunk
from tablestore.reference.cursor import Cursor, Field, reject
from tablestore.reference.directory import Directory, decode_directory
from tablestore.reference.primitive import (
    BLOCKS_MAX,
    COLUMNS_MAX,
    DIRECTORY,
    FILTER,
    PROPERTIES,
    SECTION,
    SECTION_RAW_MAX,
    context_crc,
    crc32c,
    hash64,
)
from tablestore.reference.properties import Properties, decode_properties
from tablestore.reference.stream import decompress
from tablestore.reference.type import rank

HEADER_MAGIC = bytes.fromhex("895453540d0a1a0a")
FOOTER_MAGIC = HEADER_MAGIC[::-1]
HEADER_BYTES, FOOTER_BYTES = 48, 112
HEADER_CRC_AT = 44
MAJOR, MINOR = 1, 0
FILE_KINDS = {"data": 1, "manifest": 2}
DELETE_KINDS = (1, 3)

Numbers = dict[str, int]
FOOTER_FIELDS = (
    ("directory_offset", 8), ("directory_size", 4), ("directory_raw_size", 4),
    ("properties_offset", 8), ("properties_size", 4), ("properties_raw_size", 4),
    ("filter_offset", 8), ("filter_size", 8),
    ("directory_crc", 4), ("properties_crc", 4), ("filter_crc", 4),
    ("block_count", 4), ("row_count", 8), ("column_count", 2), ("footer_size", 2), ("zero", 4),
)  # fmt: skip


@dataclass(frozen=True)
class Expected:
    """What an entry says of the file that it refers to; None is not known."""

    size: int | None = None
    digest: int | None = None
    file_id: bytes | None = None
    table: str | None = None
    file_kind: int | None = None


NOTHING = Expected()


@dataclass(frozen=True)
class Row:
    """A stored row: encoded key, explicit sequence, row kind, and all columns by name."""

    key: bytes
    sequence: int
    kind: int
    values: dict[str, object]


@dataclass
class Sst:
    """A file whose fixed structures and sections were checked; chunks are checked as they are read."""

    data: bytes
    header: Numbers
    footer: Numbers
    file_id: bytes
    properties: Properties
    directory: Directory
    filter_words: list[int] | None
    trace: list[Field] | None = field(default=None, repr=False)

    @property
    def digest(self) -> int:
        return hash64(self.data[-FOOTER_BYTES:])

    def may_contain(self, encoded: bytes) -> bool:
        """Whether the filter lets a key through (spec §6.3)."""
        return self.filter_words is None or bloom.may_contain(self.filter_words, hash64(encoded))

    def chunk(self, column: int, block: int) -> Chunk:
        """A decoded chunk, checked against its directory entry (spec §7.9)."""
        entry = self.directory.chunk(column, block)
        stored = self.data[entry.offset : entry.offset + entry.size]
        if context_crc(self.file_id, column, block, stored) != entry.crc:
            message = f"chunk ({column}, {block}) does not match its checksum"
            reject("checksum-mismatch", message, "7.6", entry.offset)
        described = self.properties.columns[column]
        cursor = Cursor(
            self.data,
            start=entry.offset,
            end=entry.offset + entry.size,
            path=f"chunk({described.name}, {block}).",
            trace=self.trace,
        )
        chunk = decode_chunk(
            cursor,
            described.type,
            described.nullable,
            self.directory.rows[block],
            row_kind=described.role == "row_kind",
        )
        if (chunk.nulls, chunk.raw_size) != (entry.nulls, entry.raw_size):
            message = f"chunk ({column}, {block}) has {chunk.nulls} nulls and {chunk.raw_size} raw bytes"
            reject("count-mismatch", message, "7.9", entry.offset)
        return chunk

    def _check_statistics(self, column: int, block: int, values: list[object]) -> None:
        entry = self.directory.chunk(column, block)
        if not entry.has_statistics:
            return
        type_ = self.properties.columns[column].type
        ranks = [rank(type_, value) for value in values if value is not None]
        known = [value for value in ranks if value is not None]
        if (
            len(known) != len(ranks)
            or not known
            or (min(known), max(known)) != (entry.minimum, entry.maximum)
        ):
            reject("bad-value", f"statistics of chunk ({column}, {block}) are wrong", "2.4", entry.offset)

    def rows(self) -> Iterator[Row]:
        """Every row in key order; everything that rows can contradict is checked (spec §7.7, §7.9)."""
        previous: bytes | None = None
        for block in range(len(self.directory.rows)):
            chunks = [self.chunk(column, block).values for column in range(len(self.properties.columns))]
            rows = self._block_rows(block, chunks)
            offset = self.directory.chunk(0, block).offset
            for row in rows:
                if previous is not None and row.key <= previous:
                    reject("key-order", f"keys of block {block} do not ascend", "7.7", offset)
                previous = row.key
            bounds = (self.directory.first[block], self.directory.last[block])
            if (key.bound(rows[0].key), key.bound(rows[-1].key)) != bounds:
                reject("key-order", f"the keys of block {block} differ from its bounds", "7.9", offset)
            deletes = sum(row.kind in DELETE_KINDS for row in rows)
            if deletes != self.directory.deletes[block]:
                reject("count-mismatch", f"block {block} has {deletes} deletes", "7.6", offset)
            for column, values in enumerate(chunks):
                self._check_statistics(column, block, values)
            if not all(self.may_contain(row.key) for row in rows):
                place = self.footer["filter_offset"]
                reject("bad-filter", "a key of the file is not in its filter", "6.4", place)
            yield from rows

    def _block_rows(self, block: int, chunks: list[list[object]]) -> list[Row]:
        columns = self.properties.columns
        keys = [index for index, column in enumerate(columns) if column.role == "key"]
        types = [columns[index].type for index in keys]
        low, high = self.properties.sequence_min, self.properties.sequence_max
        rows = []
        for number in range(self.directory.rows[block]):
            encoded = key.encode_key(types, [chunks[index][number] for index in keys])
            sequence, kind = chunks[len(keys)][number], chunks[len(keys) + 1][number]
            assert isinstance(sequence, int)
            assert isinstance(kind, int)
            if sequence and not low <= sequence <= high:
                offset = self.directory.chunk(len(keys), block).offset
                reject("sequence-range", f"sequence {sequence} outside {low} to {high}", "7.9", offset)
            values = {column.name: chunk[number] for column, chunk in zip(columns, chunks, strict=True)}
            rows.append(Row(encoded, sequence, kind, values))
        return rows


def decode_sst(data: bytes, expected: Expected = NOTHING, trace: list[Field] | None = None) -> Sst:
    """Open a file in the order of spec §7.9. `trace` receives each field; chunks follow as they are read."""
    if expected.size is not None and len(data) != expected.size:
        code = "truncated" if len(data) < expected.size else "wrong-file"
        reject(code, f"{len(data)} bytes, the entry says {expected.size}", "7.9", len(data))
    if len(data) < HEADER_BYTES + FOOTER_BYTES:
        reject("truncated", f"{len(data)} bytes are too few for an SST", "7.9", len(data))
    header, file_id, footer = _read_ends(data, trace)
    base = len(data) - FOOTER_BYTES
    found = Expected(len(data), hash64(data[base:]), file_id, None, header["file_kind"])
    for name in ("digest", "file_id", "file_kind"):
        wanted = getattr(expected, name)
        if wanted is not None and wanted != getattr(found, name):
            reject("wrong-file", f"the {name} differs from the entry's", "7.9", base)
    _check_sections(footer, base)
    filter_words = _read_filter(data, footer, file_id, trace)
    raw = _read_section(data, footer, file_id, "properties", PROPERTIES, trace)
    properties = decode_properties(raw, footer["properties_offset"])
    if len(properties.columns) != footer["column_count"]:
        reject(
            "count-mismatch", "properties and footer differ in columns", "7.5", footer["properties_offset"]
        )
    if expected.table is not None and properties.table != expected.table:
        reject(
            "wrong-table", f"the file belongs to table {properties.table}", "7.9", footer["properties_offset"]
        )
    raw = _read_section(data, footer, file_id, "directory", DIRECTORY, trace)
    directory = decode_directory(raw, footer, properties, trace)
    bloom.check_size(
        footer["filter_size"], footer["row_count"], properties.bits_per_key, footer["filter_offset"]
    )
    return Sst(data, header, footer, file_id, properties, directory, filter_words, trace)


def _read_ends(data: bytes, trace: list[Field] | None) -> tuple[Numbers, bytes, Numbers]:
    """Header and footer, checked against themselves and each other; also the file id."""
    base = len(data) - FOOTER_BYTES
    cursor = Cursor(data, start=base, path="footer.", trace=trace)
    if data[base + 104 :] != FOOTER_MAGIC:
        reject("bad-magic", "the file does not end in the footer's magic", "7.4", base + 104)
    footer = {name: cursor.unsigned(size, name, "7.4") for name, size in FOOTER_FIELDS}
    footer_file_id = cursor.take(16, "file_id", "7.4")
    footer_version = (cursor.unsigned(2, "major", "7.4"), cursor.unsigned(2, "minor", "7.4"))
    if footer_version[0] != MAJOR:
        reject("unsupported-version", f"major version {footer_version[0]}", "0.4", base + 96)
    if footer["footer_size"] != FOOTER_BYTES:
        reject("size-mismatch", f"a footer of {footer['footer_size']} bytes", "7.4", base + 74)
    if footer["zero"]:
        reject("bad-zero", "a field of the footer that must be zero is not", "7.4", base + 76)
    header, header_file_id = _read_header(data, trace)
    if (header_file_id, header["major"], header["minor"]) != (footer_file_id, *footer_version):
        reject("wrong-file", "header and footer differ in file id or version", "7.4", 24)
    stored = cursor.unsigned(4, "footer_crc", "7.4")
    cursor.take(8, "magic", "7.4")
    if crc32c(data[:HEADER_CRC_AT] + data[base : base + 100]) != stored:
        reject("checksum-mismatch", "the footer does not match its checksum", "7.4", base + 100)
    return header, footer_file_id, footer


def _read_header(data: bytes, trace: list[Field] | None) -> tuple[Numbers, bytes]:
    cursor = Cursor(data, end=HEADER_BYTES, path="header.", trace=trace)
    if cursor.take(8, "magic", "7.3") != HEADER_MAGIC:
        reject("bad-magic", "the file does not begin with the magic", "7.3", 0)
    header = {name: cursor.unsigned(2, name, "7.3") for name in ("major", "minor")}
    if header["major"] != MAJOR:
        reject("unsupported-version", f"major version {header['major']}", "0.4", 8)
    header["required_features"] = cursor.unsigned(4, "required_features", "7.3")
    if header["required_features"]:
        reject("unknown-feature", f"required features {header['required_features']:#x}", "0.4", 12)
    header["optional_features"] = cursor.unsigned(4, "optional_features", "7.3")
    header["file_kind"] = cursor.unsigned(1, "file_kind", "7.3")
    zeros = cursor.unsigned(3, "zero", "7.3")
    file_id = cursor.take(16, "file_id", "7.3")
    if zeros or cursor.unsigned(4, "zero", "7.3"):
        reject("bad-zero", "a field of the header that must be zero is not", "7.3", 21 if zeros else 40)
    if crc32c(data[:HEADER_CRC_AT]) != cursor.unsigned(4, "header_crc", "7.3"):
        reject("checksum-mismatch", "the header does not match its checksum", "7.3", 44)
    if header["file_kind"] not in FILE_KINDS.values():
        reject("bad-value", f"file kind {header['file_kind']}", "7.3", 20)
    return header, file_id


def _check_sections(footer: Numbers, base: int) -> None:
    """Counts, places and sizes of the sections; `base` is the offset of the footer."""
    if footer["column_count"] > COLUMNS_MAX or footer["block_count"] > BLOCKS_MAX:
        reject("limit-exceeded", "too many columns or blocks", "0.5", base + 60)
    if 0 in (footer["column_count"], footer["block_count"], footer["row_count"]):
        reject("count-mismatch", "a file without rows, blocks or columns", "7.6", base + 60)
    end = footer["filter_offset"]
    for name in ("filter", "properties", "directory"):
        if footer[f"{name}_offset"] != end:
            reject("offset-out-of-range", f"the {name} is not where the part before it ends", "7.2", base)
        end += footer[f"{name}_size"]
    if footer["filter_offset"] < HEADER_BYTES or end != base:
        reject("offset-out-of-range", "the sections do not end at the footer", "7.2", base)
    if footer["filter_size"] == 0 and footer["filter_crc"]:
        reject("bad-zero", "a checksum of a filter that is not there", "7.4", base + 56)
    for name, place in (("directory", 8), ("properties", 24)):
        stored, raw = footer[f"{name}_size"], footer[f"{name}_raw_size"]
        if stored > raw:
            reject("size-mismatch", f"the {name} is larger than its raw size", "7.4", base + place)
        if raw > SECTION_RAW_MAX or raw > 1024 * stored + 65_536:
            reject("limit-exceeded", f"a {name} of {raw} raw bytes", "0.5", base + place + 4)


def _check_section_crc(data: bytes, footer: Numbers, file_id: bytes, name: str, number: int) -> bytes:
    offset = footer[f"{name}_offset"]
    stored = data[offset : offset + footer[f"{name}_size"]]
    if context_crc(file_id, SECTION, number, stored) != footer[f"{name}_crc"]:
        reject("checksum-mismatch", f"the {name} does not match its checksum", "7.4", offset)
    return stored


def _read_filter(data: bytes, footer: Numbers, file_id: bytes, trace: list[Field] | None) -> list[int] | None:
    if footer["filter_size"] == 0:
        return None
    _check_section_crc(data, footer, file_id, "filter", FILTER)
    start = footer["filter_offset"]
    end = start + footer["filter_size"]
    return bloom.decode_filter(Cursor(data, start=start, end=end, path="filter.", trace=trace))


def _read_section(
    data: bytes, footer: Numbers, file_id: bytes, name: str, number: int, trace: list[Field] | None
) -> bytes:
    """The raw bytes of a section."""
    stored = _check_section_crc(data, footer, file_id, name, number)
    offset = footer[f"{name}_offset"]
    raw_size = footer[f"{name}_raw_size"]
    if len(stored) == raw_size and number == DIRECTORY:
        return stored  # decode_directory notes its fields one by one
    Cursor(data, start=offset, trace=trace).take(len(stored), name, "7.4")
    return stored if len(stored) == raw_size else decompress(stored, raw_size, offset)
