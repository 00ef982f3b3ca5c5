"""Spec §7.6: the directory of an SST."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tablestore.reference.cursor import Cursor, Field, reject
from tablestore.reference.key import BOUND_BYTES
from tablestore.reference.primitive import BLOCK_ROWS_MAX, CHUNK_BYTES_MAX, CHUNK_RAW_MAX
from tablestore.reference.properties import Properties

HEADER_BYTES = 48
# Arrays over chunks in their order: name and bytes of an item.
CHUNK_ARRAYS = (
    ("offset", 8), ("size", 4), ("crc", 4), ("raw_size", 4), ("nulls", 4),
    ("minimum", 8), ("maximum", 8), ("flags", 1),
)  # fmt: skip


@dataclass(frozen=True)
class ChunkEntry:
    """What the directory says of a chunk. minimum, maximum: ranks (spec §2.4)."""

    offset: int
    size: int
    crc: int
    raw_size: int
    nulls: int
    minimum: int
    maximum: int
    flags: int

    @property
    def has_statistics(self) -> bool:
        return self.flags == 1


@dataclass(frozen=True)
class Directory:
    """rows, deletes, first, last: one item per block; chunks: column by column (c·B + b)."""

    rows: list[int]
    deletes: list[int]
    first: list[bytes]
    last: list[bytes]
    chunks: list[ChunkEntry]

    def chunk(self, column: int, block: int) -> ChunkEntry:
        return self.chunks[column * len(self.rows) + block]


def decode_directory(
    raw: bytes, footer: dict[str, int], properties: Properties, trace: list[Field] | None = None
) -> Directory:
    """Decode the raw bytes and check them against footer and properties.

    Offsets of errors are the section's place in the file; those of the trace count from the start of `raw`.
    """
    at = footer["directory_offset"]
    is_plain = footer["directory_size"] == len(raw)
    source = "" if is_plain else "directory"
    cursor = Cursor(raw, base=at if is_plain else 0, path="directory.", trace=trace, source=source)
    counts = tuple(cursor.unsigned(4, name, "7.6") for name in ("block_count", "column_count"))
    if counts != (footer["block_count"], footer["column_count"]):
        reject("count-mismatch", "directory and footer differ in blocks or columns", "7.6", at)
    blocks, columns = counts
    rows = cursor.array(blocks, 4, "rows", "7.6")
    deletes = cursor.array(blocks, 4, "deletes", "7.6")
    first = _read_bounds(cursor, blocks, "first", at)
    last = _read_bounds(cursor, blocks, "last", at)
    arrays = [cursor.array(blocks * columns, size, name, "7.6") for name, size in CHUNK_ARRAYS]
    if cursor.remaining:
        reject("trailing-bytes", f"{cursor.remaining} bytes after the directory", "7.6", at)
    directory = Directory(
        rows, deletes, first, last, [ChunkEntry(*items) for items in zip(*arrays, strict=True)]
    )
    _check_counts(directory, footer["row_count"], properties.delete_count, at)
    _check_tiling(directory.chunks, footer["filter_offset"], at)
    _check_bounds(directory, properties, at)
    return directory


def _read_bounds(cursor: Cursor, blocks: int, name: str, at: int) -> list[bytes]:
    ends = [0, *cursor.array(blocks, 4, f"{name}_end", "7.6")]
    if any(not 0 <= right - left <= BOUND_BYTES for left, right in pairwise(ends)):
        reject("key-order", f"ends of {name} bounds are out of order", "7.6", at)
    data = cursor.take(ends[-1], name, "7.6")
    return [data[left:right] for left, right in pairwise(ends)]


def _check_counts(directory: Directory, row_count: int, delete_count: int, at: int) -> None:
    if max(directory.rows) > BLOCK_ROWS_MAX:
        reject("limit-exceeded", f"a block of {max(directory.rows)} rows", "0.5", at)
    if 0 in directory.rows or sum(directory.rows) != row_count:
        reject("count-mismatch", "rows of the blocks do not add up to the file's", "7.6", at)
    pairs = zip(directory.rows, directory.deletes, strict=True)
    if any(deletes > rows for rows, deletes in pairs) or sum(directory.deletes) != delete_count:
        reject("count-mismatch", "deletes of the blocks do not add up to the file's", "7.6", at)
    for index, entry in enumerate(directory.chunks):
        if entry.nulls > directory.rows[index % len(directory.rows)]:
            reject("count-mismatch", "a chunk has more nulls than rows", "7.6", at)
    if any(entry.size > CHUNK_BYTES_MAX or entry.raw_size > CHUNK_RAW_MAX for entry in directory.chunks):
        reject("limit-exceeded", "a chunk is larger than the limit", "0.5", at)
    if any(entry.flags > 1 for entry in directory.chunks):
        reject("bad-zero", "a flag that must be zero is not", "7.6", at)
    for entry in directory.chunks:
        if entry.minimum > entry.maximum or (not entry.has_statistics and entry.maximum):
            reject("bad-value", "minimum and maximum are out of order", "7.6", at)


def _check_tiling(chunks: Sequence[ChunkEntry], end: int, at: int) -> None:
    """Chunks tile the file from the header to the filter (spec §7.2)."""
    if any(entry.offset > end for entry in chunks):
        reject("offset-out-of-range", "a chunk lies outside the region of chunks", "7.2", at)
    position = HEADER_BYTES
    for entry in sorted(chunks, key=lambda entry: (entry.offset, entry.size)):
        if entry.offset != position:
            reject("chunk-overlap", f"a chunk at {entry.offset} instead of {position}", "7.2", at)
        position += entry.size
    if position != end:
        reject("chunk-overlap", f"chunks end at {position}, the region at {end}", "7.2", at)


def _check_bounds(directory: Directory, properties: Properties, at: int) -> None:
    bounds = [bound for pair in zip(directory.first, directory.last, strict=True) for bound in pair]
    if any(left > right for left, right in pairwise(bounds)):
        reject("key-order", "bounds of blocks descend", "7.7", at)
    if (bounds[0], bounds[-1]) != (properties.key_min, properties.key_max):
        reject("key-order", "bounds of the blocks differ from the properties", "7.5", at)


def encode_directory(directory: Directory) -> bytes:
    """The raw bytes of the section."""
    blocks = len(directory.rows)
    parts = [
        struct.pack("<II", blocks, len(directory.chunks) // blocks),
        struct.pack(f"<{blocks}I", *directory.rows),
        struct.pack(f"<{blocks}I", *directory.deletes),
    ]
    for bounds in (directory.first, directory.last):
        end = 0
        ends = []
        for bound in bounds:
            end += len(bound)
            ends.append(end)
        parts += [struct.pack(f"<{blocks}I", *ends), b"".join(bounds)]
    for name, size in CHUNK_ARRAYS:
        parts += [getattr(entry, name).to_bytes(size, "little") for entry in directory.chunks]
    return b"".join(parts)
