"""Writes SSTs (spec §7): takes sorted rows in large pieces, encodes them column by column, keeps the encoded parts."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, fields
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
JOINED_MAX = 65_536  # bytes of an append up to which one copy costs less than a call per column
_RANK_MAX = np.uint64(0xFFFFFFFFFFFFFFFF)


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


@dataclass(frozen=True)
class _Chunks:
    """Encoded chunks of one append: arrays of the shape [columns, blocks], as the directory has them (spec §7.6)."""

    offset: npt.NDArray[np.uint64]
    size: npt.NDArray[np.uint32]
    crc: npt.NDArray[np.uint32]
    raw_size: npt.NDArray[np.uint32]
    nulls: npt.NDArray[np.uint32]
    minimum: npt.NDArray[np.uint64]
    maximum: npt.NDArray[np.uint64]
    flags: npt.NDArray[np.uint8]


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
        self._chunks: list[_Chunks] = []
        self._rows: list[npt.NDArray[np.uint32]] = []
        self._deletes: list[npt.NDArray[np.uint32]] = []
        self._firsts: list[tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]] = []
        self._lasts: list[tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]] = []
        self._hashes: list[npt.NDArray[np.uint64]] = []
        self._sequences: list[tuple[int, int]] = []
        self.size = sst.HEADER_SIZE  # of everything in `_parts`
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
        encoded = [
            encode_chunks(vector, block_end, self._settings.level, column.role == "key")
            for column, vector in zip(self.columns, vectors, strict=True)
        ]
        self._chunks.append(self._append_chunks(encoded, len(block_end)))
        for column, vector in zip(self.columns, vectors, strict=True):
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

    def _append_chunks(self, encoded: Sequence[Any], count: int) -> _Chunks:
        """Place the chunks of all columns, `count` blocks each, one column after another."""
        columns = len(encoded)
        shape = columns, count
        size, raw_size, nulls, minimum, maximum, flags = (
            np.concatenate([member[index] for member in encoded]) for index in range(1, 7)
        )
        offset = np.zeros(columns * count, np.uint64)
        np.cumsum(size[:-1], out=offset[1:])
        column = np.repeat(np.arange(columns, dtype=np.uint32), count)
        block = np.tile(np.arange(self.block_count, self.block_count + count, dtype=np.uint32), columns)
        data = [member[0] for member in encoded]
        total = sum(len(part) for part in data)
        if total <= JOINED_MAX:
            data = [np.concatenate(data)]
            crc = checksum.chunk_crcs(data[0], offset, size, column, block, self._id_bytes)
        else:
            crc = np.concatenate(
                [self._crcs(ordinal, member, count) for ordinal, member in enumerate(encoded)]
            )
        offset += np.uint64(self.size)
        self._parts.extend(data)
        self.size += total
        members: list[npt.NDArray[Any]] = [offset, size, crc, raw_size, nulls, minimum, maximum, flags]
        return _Chunks(*(member.reshape(shape) for member in members))

    def _crcs(self, ordinal: int, encoded: Any, count: int) -> npt.NDArray[np.uint32]:
        """Checksums of the chunks of one column, without a copy of its bytes."""
        data, size = encoded[0], encoded[1]
        starts = np.zeros(count, np.uint64)
        np.cumsum(size[:-1], out=starts[1:])
        blocks = np.arange(self.block_count, self.block_count + count, dtype=np.uint32)
        return checksum.chunk_crcs(
            data, starts, size, np.full(count, ordinal, np.uint32), blocks, self._id_bytes
        )

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
            self.size += filter_size
        key_min = _bound(self._firsts[0], 0)
        key_max = _bound(self._lasts[-1], -1)
        sequence_min = min((low for low, _ in self._sequences), default=0)
        sequence_max = max((high for _, high in self._sequences), default=0)
        delete_count = sum(int(part.sum()) for part in self._deletes)
        written = {
            "table": properties["table"],
            "schema_id": properties["schema_id"],
            "columns": document.raw_json(sst.described_json(self.columns)),
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
        chunks = self._all_chunks()
        footer_properties = self._append_section(document.compact_json(written), sst.PROPERTIES_SECTION)
        footer_directory = self._append_section(self._directory(chunks), sst.DIRECTORY_SECTION)
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
        return WrittenFile(
            self.file_id, self.size + len(footer), sst.digest_of(footer), self.row_count, delete_count, key_min,
            key_max, sequence_min, sequence_max, self._statistics(chunks),
        )  # fmt: skip

    def _append_section(self, raw: bytes, section: int) -> tuple[int, int, int, int]:
        """Compress and append a section; returns offset, size, raw size and checksum."""
        stored = raw
        if len(raw) >= SECTION_ZSTD_MIN and self._settings.level:
            packed = zstandard.ZstdCompressor(level=self._settings.level).compress(raw)
            stored = packed if len(packed) < len(raw) else raw
        offset = self.size
        self._parts.append(stored)
        self.size += len(stored)
        return offset, len(stored), len(raw), self._section_crc(section, stored)

    def _section_crc(self, section: int, stored: Any) -> int:
        return int(checksum.context_crc(self._id_bytes, sst.SECTION_COLUMN, section, stored))

    def _all_chunks(self) -> _Chunks:
        """The chunks of all appends side by side."""
        if len(self._chunks) == 1:
            return self._chunks[0]
        names = [member.name for member in fields(_Chunks)]
        return _Chunks(
            *(np.concatenate([getattr(part, name) for part in self._chunks], axis=1) for name in names)
        )

    def _directory(self, chunks: _Chunks) -> bytes:
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
        parts.extend(getattr(chunks, member.name).tobytes() for member in fields(_Chunks))
        return b"".join(parts)

    def _statistics(self, chunks: _Chunks) -> bytes:
        """Statistics of the key and value columns (spec §9.5)."""
        chosen = [index for index, column in enumerate(self.columns) if column.role in ("key", "value")]
        present = (chunks.flags[chosen] & 1).astype(bool)
        nulls = chunks.nulls[chosen]
        known = (present | (nulls == np.concatenate(self._rows))).all(axis=1) & present.any(axis=1)
        exact = np.array([self.columns[index].field.type.exact_rank for index in chosen])
        entries = np.zeros(len(chosen), sst.STATISTICS_ENTRY)
        entries["field"] = [self.columns[index].field.id for index in chosen]
        entries["flags"] = np.where(known, 1 + 2 * exact, 0)
        entries["nulls"] = nulls.sum(axis=1, dtype=np.uint64)
        low = np.where(present, chunks.minimum[chosen], _RANK_MAX).min(axis=1)
        high = np.where(present, chunks.maximum[chosen], np.uint64(0)).max(axis=1)
        entries["minimum"] = np.where(known, low, np.uint64(0))
        entries["maximum"] = np.where(known, high, np.uint64(0))
        return entries.tobytes()


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
