"""Writes SSTs (spec §7): takes sorted rows in large pieces, encodes them column by column, keeps the encoded parts."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

from tablestore._native import block, bloom, checksum
from tablestore.file import document, nested, sst
from tablestore.file.keys import Keys
from tablestore.file.sst import FileColumn, Footer
from tablestore.file.vector import Vector
from tablestore.storage import Storage
from tablestore.version import __version__

SECTION_ZSTD_MIN = 512  # below this a frame costs more than it saves


@dataclass(frozen=True)
class WriterSettings:
    """How files are written: all in rows, bytes or zstd levels (0 = no compression)."""

    block_rows: int = 8192
    block_bytes: int = 1 << 20
    level: int = 1
    bits_per_key: int = 12


@dataclass(frozen=True)
class WrittenFile:
    """What a manifest needs to know of a new file (spec §9.2)."""

    file_id: str
    size: int
    digest: int
    row_count: int
    delete_count: int
    key_min: bytes
    key_max: bytes
    sequence_min: int
    sequence_max: int
    statistics: bytes


@dataclass
class _ColumnParts:
    """Encoded chunks of one column so far: one array per member and append."""

    offset: list[npt.NDArray[np.uint64]] = field(default_factory=list)
    size: list[npt.NDArray[np.uint32]] = field(default_factory=list)
    crc: list[npt.NDArray[np.uint32]] = field(default_factory=list)
    raw_size: list[npt.NDArray[np.uint32]] = field(default_factory=list)
    nulls: list[npt.NDArray[np.uint32]] = field(default_factory=list)
    minimum: list[npt.NDArray[np.uint64]] = field(default_factory=list)
    maximum: list[npt.NDArray[np.uint64]] = field(default_factory=list)
    flags: list[npt.NDArray[np.uint8]] = field(default_factory=list)


class SstWriter:
    """One file in the making. `append` sorted pieces, then `finish` writes it in one go."""

    def __init__(
        self, file_id: str, file_kind: int, columns: Sequence[FileColumn], settings: WriterSettings
    ) -> None:
        self.file_id = file_id
        self.columns = columns
        self._settings = settings
        self._id_bytes = bytes.fromhex(file_id)
        self._header = sst.encode_header(file_kind, self._id_bytes)
        self._parts: list[Any] = [self._header]
        self._chunks = [_ColumnParts() for _ in columns]
        self._rows: list[npt.NDArray[np.uint32]] = []
        self._deletes: list[npt.NDArray[np.uint32]] = []
        self._firsts: list[tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]] = []
        self._lasts: list[tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]] = []
        self._hashes: list[npt.NDArray[np.uint64]] = []
        self._sequences: list[tuple[int, int]] = []
        self.size = sst.HEADER_SIZE
        self.block_count = 0
        self.row_count = 0

    def append(self, vectors: Sequence[Vector], keys: Keys) -> None:
        """Add rows that sort after all rows before; `vectors` are in file column order."""
        length = keys.length
        if length == 0:
            return
        block_end = _cut_blocks(vectors, length, self._settings)
        starts = np.concatenate([np.zeros(1, np.int64), block_end[:-1]])
        self._rows.append((block_end - starts).astype(np.uint32))
        self._firsts.append(keys.bounds(starts))
        self._lasts.append(keys.bounds(block_end - 1))
        if self._settings.bits_per_key:
            self._hashes.append(keys.hashes())
        for ordinal, (column, vector) in enumerate(zip(self.columns, vectors, strict=True)):
            self._append_column(ordinal, column, vector, block_end)
            if column.role == "row_kind":
                kinds = vector.typed("u1") & 1
                self._deletes.append(np.add.reduceat(kinds, starts, dtype=np.uint32))
            elif column.role == "sequence":
                sequence = vector.typed("u8")
                explicit = sequence[sequence != 0]
                if len(explicit):
                    self._sequences.append((int(explicit.min()), int(explicit.max())))
        self.block_count += len(block_end)
        self.row_count += length

    def _append_column(
        self, ordinal: int, column: FileColumn, vector: Vector, block_end: npt.NDArray[np.int64]
    ) -> None:
        data, size, raw_size, nulls, minimum, maximum, flags = encode_chunks(
            vector, block_end, self._settings.level, column.role == "key"
        )
        count = len(block_end)
        starts = np.zeros(count, np.uint64)
        np.cumsum(size[:-1], out=starts[1:])
        columns = np.full(count, ordinal, np.uint32)
        blocks = np.arange(self.block_count, self.block_count + count, dtype=np.uint32)
        parts = self._chunks[ordinal]
        parts.offset.append(starts + np.uint64(self.size))
        parts.size.append(size)
        parts.crc.append(checksum.chunk_crcs(data, starts, size, columns, blocks, self._id_bytes))
        parts.raw_size.append(raw_size)
        parts.nulls.append(nulls)
        parts.minimum.append(minimum)
        parts.maximum.append(maximum)
        parts.flags.append(flags)
        self._parts.append(data)
        self.size += len(data)

    def finish(self, storage: Storage, path: str, properties: dict[str, Any], durable: bool) -> WrittenFile:
        """Write the file at `path`. `properties` gives table, schema_id, level, bucket and partition (spec §7.5)."""
        filter_offset = self.size
        filter_crc = 0
        filter_size = 0
        if self._settings.bits_per_key:
            section = bloom.build(np.concatenate(self._hashes), self._settings.bits_per_key)
            filter_crc = self._section_crc(sst.FILTER_SECTION, section)
            filter_size = len(section)
            self._parts.append(section)
        key_min = _bound(self._firsts[0], 0)
        key_max = _bound(self._lasts[-1], -1)
        sequence_min = min((low for low, _ in self._sequences), default=0)
        sequence_max = max((high for _, high in self._sequences), default=0)
        delete_count = int(sum(int(part.sum()) for part in self._deletes))
        written = {
            "table": properties["table"],
            "schema_id": properties["schema_id"],
            "columns": sst.describe_columns(self.columns),
            "key_min": key_min.hex(),
            "key_max": key_max.hex(),
            "sequence_min": sequence_min,
            "sequence_max": sequence_max,
            "delete_count": delete_count,
            "level": properties["level"],
            "bucket": properties["bucket"],
            "partition": properties["partition"],
            "bits_per_key": self._settings.bits_per_key,
            "created_by": f"tablestore {__version__}",
        }
        footer_properties = self._append_section(
            document.compact_json(written), sst.PROPERTIES_SECTION, filter_size
        )
        footer_directory = self._append_section(self._directory(), sst.DIRECTORY_SECTION, filter_size)
        footer = sst.encode_footer(
            Footer(
                *footer_directory[:3],
                *footer_properties[:3],
                filter_offset=filter_offset,
                filter_size=filter_size,
                directory_crc=footer_directory[3],
                properties_crc=footer_properties[3],
                filter_crc=filter_crc,
                block_count=self.block_count,
                row_count=self.row_count,
                column_count=len(self.columns),
                file_id=self._id_bytes,
            ),
            self._header,
        )
        self._parts.append(footer)
        storage.create(path, self._parts, durable)
        size = sum(len(part) for part in self._parts)
        return WrittenFile(
            self.file_id, size, sst.digest_of(footer), self.row_count, delete_count, key_min, key_max,
            sequence_min, sequence_max, self._statistics(),
        )  # fmt: skip

    def _append_section(self, raw: bytes, section: int, filter_size: int) -> tuple[int, int, int, int]:
        """Compress and append a section; returns offset, size, raw size and checksum."""
        stored = raw
        if len(raw) >= SECTION_ZSTD_MIN and self._settings.level:
            packed = zstandard.ZstdCompressor(level=self._settings.level).compress(raw)
            stored = packed if len(packed) < len(raw) else raw
        offset = sum(len(part) for part in self._parts)
        self._parts.append(stored)
        return offset, len(stored), len(raw), self._section_crc(section, stored)

    def _section_crc(self, section: int, stored: Any) -> int:
        return int(checksum.context_crc(self._id_bytes, sst.SECTION_COLUMN, section, stored))

    def _directory(self) -> bytes:
        """The directory's raw bytes (spec §7.6)."""
        parts: list[bytes] = [struct.pack("<II", self.block_count, len(self.columns))]
        parts.append(np.concatenate(self._rows).tobytes())
        parts.append(np.concatenate(self._deletes).astype(np.uint32).tobytes())
        for bounds in (self._firsts, self._lasts):
            base = 0
            ends = []
            for end, data in bounds:
                ends.append(end + np.uint32(base))
                base += len(data)
            parts.append(np.concatenate(ends).astype(np.uint32).tobytes())
            parts.extend(data.tobytes() for _, data in bounds)
        for member in ("offset", "size", "crc", "raw_size", "nulls", "minimum", "maximum", "flags"):
            parts.extend(array.tobytes() for chunks in self._chunks for array in getattr(chunks, member))
        return b"".join(parts)

    def _statistics(self) -> bytes:
        """Statistics of the value columns (spec §9.5)."""
        entries = []
        for column, chunks in zip(self.columns, self._chunks, strict=True):
            if column.role not in ("key", "value"):
                continue
            nulls = np.concatenate(chunks.nulls)
            present = np.concatenate(chunks.flags) & 1
            rows = np.concatenate(self._rows)
            known = bool(np.all(present | (nulls == rows))) and bool(np.any(present))
            flags = (1 | (2 if column.field.type.exact_rank else 0)) if known else 0
            chosen = present.astype(bool)
            low = int(np.concatenate(chunks.minimum)[chosen].min()) if known else 0
            high = int(np.concatenate(chunks.maximum)[chosen].max()) if known else 0
            entries.append(struct.pack("<IBQQQ", column.field.id, flags, int(nulls.sum()), low, high))
        return b"".join(entries)


def encode_chunks(vector: Vector, block_end: npt.NDArray[np.int64], level: int, is_key: bool) -> Any:
    """Encode one column cut at `block_end`; returns `_native.block`'s Encoded tuple."""
    kind = vector.type.kind
    if kind == "fixed":
        return block.encode_fixed(
            vector.values, vector.type.width, vector.validity, block_end, vector.type.hint, level, is_key
        )
    if kind == "bits":
        return block.encode_bits(vector.values, vector.validity, block_end, level)
    if kind == "variable":
        return block.encode_variable(vector.offsets, vector.values, vector.validity, block_end, level, is_key)
    return nested.encode_chunks(vector, block_end, level)


def _cut_blocks(vectors: Sequence[Vector], length: int, settings: WriterSettings) -> npt.NDArray[np.int64]:
    """Cumulative ends of blocks: `block_rows` rows, fewer where rows are wide (spec §5.2)."""
    rows = settings.block_rows
    row_bytes = sum(vector.nbytes for vector in vectors) / length
    if row_bytes * rows * 2 <= settings.block_bytes:
        ends = np.arange(rows, length + rows, rows, dtype=np.int64)
        ends[-1] = length
        return ends
    total = np.zeros(length, np.int64)
    for vector in vectors:
        if len(vector.offsets):
            total += np.diff(vector.offsets)
        else:
            total += vector.nbytes // length + 1
    running = np.cumsum(total)
    cuts: list[int] = []
    start = 0
    while start < length:
        before = int(running[start - 1]) if start else 0
        stop = int(np.searchsorted(running, before + settings.block_bytes, "left")) + 1
        start = min(max(stop, start + 1), start + rows, length)
        cuts.append(start)
    return np.array(cuts, np.int64)


def _bound(bounds: tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]], index: int) -> bytes:
    ends, data = bounds
    index %= len(ends)
    start = int(ends[index - 1]) if index else 0
    return data[start : int(ends[index])].tobytes()
