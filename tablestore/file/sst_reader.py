"""Reads SSTs (spec §7): one read of the tail opens a file; chunks are fetched in large ranges, checked, decoded in one call."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore._native import block, bloom, checksum
from tablestore.errors import ChecksumError, FormatError, LimitExceededError
from tablestore.file import nested, sst
from tablestore.file import vector as vectors
from tablestore.file.directory import Directory, decode_directory
from tablestore.file.properties import Properties, decode_properties
from tablestore.file.sst import Footer
from tablestore.file.vector import Vector
from tablestore.file.zstd import decompress
from tablestore.storage import Storage, StorageFile
from tablestore.types import Field

TAIL_SIZE = 65_536
COALESCE_GAP = 65_536  # bytes worth reading over rather than asking twice

U32 = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Expected:
    """What the referring entry says of a file; None = not known (a file without its table)."""

    file_id: str | None = None
    size: int | None = None
    digest: int | None = None
    table: str | None = None
    file_kind: int | None = None


class SstReader:
    """An open SST. Footer, directory and properties are checked on opening; chunks each time they are read."""

    def __init__(self, storage: Storage, path: str, expected: Expected | None = None) -> None:
        self.path = path
        self._file: StorageFile = storage.open(path)
        self._filter: npt.NDArray[np.uint8] | None = None
        self._lock = threading.Lock()
        try:
            self._open(expected or Expected())
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def __enter__(self) -> SstReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._file.size

    def _open(self, expected: Expected) -> None:
        size = self._file.size
        if expected.size is not None and size != expected.size:
            code = "truncated" if size < expected.size else "wrong-file"
            raise self._error(
                f"the file has {size} bytes, its entry says {expected.size}", code, size, "7.9", ChecksumError
            )
        if size < sst.HEADER_SIZE + sst.FOOTER_SIZE:
            raise self._error(f"{size} bytes are too few for an SST", "truncated", size, "7.2")
        tail_start = max(0, size - TAIL_SIZE)
        tail = self._file.read_at(tail_start, size - tail_start)
        header = tail[: sst.HEADER_SIZE] if tail_start == 0 else self._file.read_at(0, sst.HEADER_SIZE)
        footer_bytes = tail[-sst.FOOTER_SIZE :]
        self.file_kind, self.footer = sst.decode_footer(header, footer_bytes, size, self.path)
        self.file_id = self.footer.file_id
        self.digest = sst.digest_of(footer_bytes)
        if expected.digest is not None and self.digest != expected.digest:
            raise self._error(
                "the file is not the one its entry refers to",
                "wrong-file",
                size - sst.FOOTER_SIZE,
                "7.9",
                ChecksumError,
            )
        if expected.file_id is not None and self.file_id.hex() != expected.file_id:
            raise self._error("the file id is not that of its name", "wrong-file", 24, "7.9", ChecksumError)
        if expected.file_kind is not None and self.file_kind != expected.file_kind:
            raise self._error("the file is of another kind", "wrong-file", 20, "7.3", ChecksumError)
        self._check_sections(size)
        footer = self.footer
        properties = self._section(footer.properties_offset, footer.properties_size, footer.properties_raw_size,
                                   footer.properties_crc, sst.PROPERTIES_SECTION, tail, tail_start)  # fmt: skip
        self.properties: Properties = decode_properties(properties, self.path, footer.properties_offset)
        if len(self.properties.columns) != footer.column_count:
            raise self._error(
                "properties and footer disagree in columns", "count-mismatch", footer.properties_offset, "7.5"
            )
        if expected.table is not None and self.properties.table != expected.table:
            raise self._error(
                "the file belongs to another table", "wrong-table", footer.properties_offset, "7.9"
            )
        raw = self._section(footer.directory_offset, footer.directory_size, footer.directory_raw_size,
                            footer.directory_crc, sst.DIRECTORY_SECTION, tail, tail_start)  # fmt: skip
        self.directory: Directory = decode_directory(raw, footer, self.properties, self.path)
        self._ordinals = {column.field.id: ordinal for ordinal, column in enumerate(self.properties.columns)}

    def _check_sections(self, size: int) -> None:
        """Section bounds (spec §7.2, §7.9): filter, properties and directory follow each other up to the footer."""
        f: Footer = self.footer
        base = size - sst.FOOTER_SIZE
        if f.column_count > sst.COLUMNS_MAX or f.block_count > sst.BLOCKS_MAX:
            raise self._error(
                "too many columns or blocks", "limit-exceeded", base + 60, "0.5", LimitExceededError
            )
        if f.block_count == 0 or f.column_count == 0 or f.row_count == 0:
            raise self._error(
                "a file has at least one row, block and column", "count-mismatch", base + 60, "7.6"
            )
        ends = (
            f.filter_offset,
            f.filter_offset + f.filter_size,
            f.properties_offset + f.properties_size,
            f.directory_offset + f.directory_size,
        )
        starts = (sst.HEADER_SIZE, f.properties_offset, f.directory_offset, base)
        ordered = (
            f.filter_offset >= sst.HEADER_SIZE
            and ends[1] == starts[1]
            and ends[2] == starts[2]
            and ends[3] == base
        )
        if not ordered:
            raise self._error(
                "the sections do not follow each other up to the footer", "offset-out-of-range", base, "7.4"
            )
        if f.filter_size == 0 and f.filter_crc:
            raise self._error("a filter checksum without a filter", "bad-zero", base + 56, "7.4")
        for stored, raw, place in (
            (f.directory_size, f.directory_raw_size, 8),
            (f.properties_size, f.properties_raw_size, 24),
        ):
            if stored > raw:
                raise self._error(
                    "a section is larger than its raw size", "size-mismatch", base + place, "7.4"
                )
            if raw > sst.SECTION_RAW_MAX or raw > 1024 * stored + 65_536:
                raise self._error(
                    "a section's raw size is beyond the limit",
                    "limit-exceeded",
                    base + place + 4,
                    "0.5",
                    LimitExceededError,
                )

    def _section(
        self, offset: int, size: int, raw_size: int, crc: int, section: int, tail: bytes, tail_start: int
    ) -> bytes:
        if offset >= tail_start:
            stored = tail[offset - tail_start : offset - tail_start + size]
        else:
            stored = self._file.read_at(offset, size)
        if checksum.context_crc(self.file_id, sst.SECTION_COLUMN, section, stored) != crc:
            raise self._error(
                "the section's checksum is wrong", "checksum-mismatch", offset, "7.4", ChecksumError
            )
        if size == raw_size:
            return stored
        try:
            return decompress(stored, raw_size)
        except FormatError as error:
            raise error.located(self.path, offset) from None

    def _error(
        self, message: str, code: str, offset: int, section: str, kind: type[FormatError] = FormatError
    ) -> FormatError:
        return kind(message, code=code, file=self.path, offset=offset, section=section)

    def ordinal(self, field_id: int) -> int | None:
        """Place of a column in the file, or None if the file does not have it."""
        return self._ordinals.get(field_id)

    @cached_property
    def row_start(self) -> npt.NDArray[np.int64]:
        """First row of each block and, last, the row count: int64[B + 1]."""
        starts = np.zeros(self.footer.block_count + 1, np.int64)
        np.cumsum(self.directory.rows, out=starts[1:])
        return starts

    def filter(self) -> npt.NDArray[np.uint8] | None:
        """The Bloom filter section (spec §6), checked, or None if the file has none."""
        if self._filter is None and self.footer.filter_size:
            raw = self._file.read_at(self.footer.filter_offset, self.footer.filter_size)
            crc = checksum.context_crc(self.file_id, sst.SECTION_COLUMN, sst.FILTER_SECTION, raw)
            if crc != self.footer.filter_crc:
                raise self._error(
                    "the filter's checksum is wrong",
                    "checksum-mismatch",
                    self.footer.filter_offset,
                    "6.5",
                    ChecksumError,
                )
            section = np.frombuffer(raw, np.uint8)
            try:
                bloom.check(section)
            except FormatError as error:
                raise error.located(self.path, self.footer.filter_offset) from None
            self._filter = section
        return self._filter

    def chunk(self, ordinal: int, block_index: int) -> bytes:
        """Stored bytes of one chunk, checked."""
        offset = int(self.directory.offset[ordinal, block_index])
        size = int(self.directory.size[ordinal, block_index])
        stored = self._file.read_at(offset, size)
        if checksum.context_crc(self.file_id, ordinal, block_index, stored) != int(
            self.directory.crc[ordinal, block_index]
        ):
            raise self._error(
                "the chunk's checksum is wrong", "checksum-mismatch", offset, "7.6", ChecksumError
            )
        return stored

    def fetch(self, ordinal: int, blocks: npt.NDArray[np.int64], target: npt.NDArray[np.uint8]) -> None:
        """Read and check the chunks `blocks` (ascending) of one column, one after another, into `target`."""
        offset = self.directory.offset[ordinal, blocks]
        size = self.directory.size[ordinal, blocks]
        breaks = np.flatnonzero(offset[1:] != offset[:-1] + size[:-1]) + 1
        edges = [0, *breaks.tolist(), len(blocks)]
        places = np.zeros(len(blocks) + 1, np.int64)
        np.cumsum(size, out=places[1:])
        view = memoryview(target)  # type: ignore[arg-type]
        ranges = [
            (int(offset[first]), view[int(places[first]) : int(places[last])])
            for first, last in zip(edges, edges[1:], strict=False)
        ]
        self._file.read_ranges(ranges)
        ordinals = np.full(len(blocks), ordinal, np.uint32)
        bad = checksum.verify_chunks(
            target, places[:-1].astype(np.uint64), size, self.directory.crc[ordinal, blocks], ordinals,
            blocks.astype(np.uint32), self.file_id,
        )  # fmt: skip
        if bad >= 0:
            raise self._error(
                f"the checksum of column {self.properties.columns[ordinal].field.name!r}, block {int(blocks[bad])}, is wrong",
                "checksum-mismatch", int(offset[bad]), "7.6", ChecksumError,
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows [start, stop) of an open file."""

    reader: SstReader
    start: int
    stop: int

    def blocks(self) -> tuple[int, int]:
        """First and one past the last block that hold the rows."""
        starts = self.reader.row_start
        first = int(np.searchsorted(starts, self.start, "right")) - 1
        last = int(np.searchsorted(starts, self.stop, "left"))
        return first, last


@dataclass(slots=True)
class _Chunks:
    """Chunks of one column in several files, to be decoded in one call; one list entry per piece."""

    piece: Piece
    blocks: npt.NDArray[np.int64]
    skip: U32
    take: U32


def read_column(pieces: Sequence[Piece], field: Field, wanted: npt.NDArray[np.bool_] | None = None) -> Vector:
    """The rows of `pieces`, one after another, of the column `field`.

    wanted: bool[chunks], over the blocks of all pieces in order: the rows of other chunks are left out.
    """
    plans = _plan(pieces, wanted)
    if not plans:
        return vectors.nulls(field.type, 0)
    present: list[Vector | list[_Chunks]] = []
    for plan in plans:
        if plan.piece.reader.ordinal(field.id) is None:
            present.append(vectors.nulls(field.type, int(plan.take.sum())))
        elif present and isinstance(present[-1], list):
            present[-1].append(plan)
        else:
            present.append([plan])
    parts = [part if isinstance(part, Vector) else _decode(part, field) for part in present]
    return vectors.concat(parts)


def _plan(pieces: Sequence[Piece], wanted: npt.NDArray[np.bool_] | None) -> list[_Chunks]:
    plans = []
    place = 0
    for piece in pieces:
        if piece.stop <= piece.start:
            continue
        first, last = piece.blocks()
        starts = piece.reader.row_start
        blocks = np.arange(first, last)
        skip = np.zeros(last - first, np.uint32)
        take = piece.reader.directory.rows[first:last].astype(np.uint32)
        skip[0] = piece.start - starts[first]
        take[-1] -= int(starts[last] - piece.stop)
        take[0] -= skip[0]
        if wanted is not None:
            chosen = wanted[place : place + len(blocks)]
            place += len(blocks)
            if not chosen.all():
                blocks, skip, take = blocks[chosen], skip[chosen], take[chosen]
        if len(blocks):
            plans.append(_Chunks(piece, blocks, skip, take))
    return plans


def _decode(plans: list[_Chunks], field: Field) -> Vector:
    """Fetch and decode the chunks of one column from the files of `plans`."""
    column = field.type
    sizes = [p.piece.reader.directory.size[p.piece.reader.ordinal(field.id), p.blocks] for p in plans]
    size = np.concatenate(sizes)
    places = np.zeros(len(size) + 1, np.uint64)
    np.cumsum(size, out=places[1:])
    buffer = np.empty(int(places[-1]), np.uint8)
    at = 0
    for plan, plan_size in zip(plans, sizes, strict=True):
        stop = at + int(plan_size.sum(dtype=np.int64))
        ordinal = plan.piece.reader.ordinal(field.id)
        assert ordinal is not None
        _check_type(plan.piece.reader, ordinal, field)
        plan.piece.reader.fetch(ordinal, plan.blocks, buffer[at:stop])
        at = stop
    rows = np.concatenate([p.piece.reader.directory.rows[p.blocks] for p in plans])
    skip = np.concatenate([p.skip for p in plans])
    take = np.concatenate([p.take for p in plans])
    nulls = np.concatenate(
        [p.piece.reader.directory.nulls[p.piece.reader.ordinal(field.id), p.blocks] for p in plans]
    )
    raw = np.concatenate(
        [p.piece.reader.directory.raw_size[p.piece.reader.ordinal(field.id), p.blocks] for p in plans]
    )
    length = int(take.sum(dtype=np.int64))
    offset = places[:-1]
    try:
        if column.kind in ("list", "struct"):
            return _decode_nested(buffer, offset, size, rows, skip, take, raw, nulls, field)
        if column.kind == "fixed":
            values, validity, found = block.decode_fixed(
                buffer,
                offset,
                size,
                rows,
                skip,
                take,
                column.width,
                field.nullable,
                column.check,
                column.limit,
            )
            vector = Vector(column, length, values, None, validity)
        elif column.kind == "bits":
            values, validity, found = block.decode_bits(
                buffer, offset, size, rows, skip, take, field.nullable
            )
            vector = Vector(column, length, values, None, validity)
        else:
            offsets, data, validity, found = block.decode_variable(
                buffer, offset, size, rows, skip, take, raw, field.nullable, column.utf8
            )
            vector = Vector(column, length, data, offsets, validity)
        _check_nulls(found, nulls)
    except FormatError as error:
        raise _located(error, plans, field) from None
    return vector


def _check_nulls(found: U32, expected: U32) -> None:
    wrong = np.flatnonzero(found != expected)
    if len(wrong):
        error = FormatError("nulls differ from the directory", code="count-mismatch", offset=0, section="7.9")
        error.chunk = int(wrong[0])  # type: ignore[attr-defined]
        raise error


def _decode_nested(
    buffer: npt.NDArray[np.uint8],
    offset: Any,
    size: U32,
    rows: U32,
    skip: U32,
    take: U32,
    raw: U32,
    nulls: U32,
    field: Field,
) -> Vector:
    parts = []
    for index in range(len(size)):
        chunk = buffer[int(offset[index]) : int(offset[index]) + int(size[index])]
        try:
            array, raw_size = nested.decode_chunk(chunk, field.type, int(rows[index]), field.nullable)
            if raw_size != int(raw[index]) or array.null_count != int(nulls[index]):
                raise FormatError(
                    "raw size or nulls differ from the directory",
                    code="count-mismatch",
                    offset=0,
                    section="7.9",
                )
        except FormatError as error:
            error.chunk = index  # type: ignore[attr-defined]
            raise
        parts.append(array.slice(int(skip[index]), int(take[index])))
    joined = parts[0] if len(parts) == 1 else pa.concat_arrays(parts)
    return Vector(field.type, len(joined), nested=joined)


def _check_type(reader: SstReader, ordinal: int, field: Field) -> None:
    stored = reader.properties.columns[ordinal].field
    if stored.type != field.type or (stored.nullable and not field.nullable):
        raise FormatError(
            f"column {field.name!r} is {stored.type.name or stored.type.kind} in the file, the schema wants {field.type.name or field.type.kind}",
            code="schema-mismatch", file=reader.path, offset=reader.footer.properties_offset, section="7.9",
        )  # fmt: skip


def _located(error: FormatError, plans: list[_Chunks], field: Field) -> FormatError:
    """Name the file and absolute offset of a chunk's error."""
    index = int(getattr(error, "chunk", 0))
    for plan in plans:
        if index < len(plan.blocks):
            reader = plan.piece.reader
            ordinal = reader.ordinal(field.id)
            base = int(reader.directory.offset[ordinal, plan.blocks[index]])
            return error.located(reader.path, base)
        index -= len(plan.blocks)
    return error
