"""The directory of an SST (spec §7.6): arrays over blocks, and over columns × blocks."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from tablestore.errors import FormatError, LimitExceededError
from tablestore.file import keys, sst
from tablestore.file.keys import ByteKeys, Keys, WordKeys
from tablestore.file.properties import Properties
from tablestore.file.sst import Footer


@dataclass(frozen=True)
class Directory:
    """Decoded directory. Arrays over chunks have the shape [columns, blocks]."""

    rows: npt.NDArray[np.uint32]
    deletes: npt.NDArray[np.uint32]
    first: Keys
    last: Keys
    offset: npt.NDArray[np.uint64]
    size: npt.NDArray[np.uint32]
    crc: npt.NDArray[np.uint32]
    raw_size: npt.NDArray[np.uint32]
    nulls: npt.NDArray[np.uint32]
    minimum: npt.NDArray[np.uint64]
    maximum: npt.NDArray[np.uint64]
    flags: npt.NDArray[np.uint8]


class _Cursor:
    """Takes arrays off the raw bytes; never reads past the end."""

    def __init__(self, raw: bytes, file: str, base: int) -> None:
        self.raw, self.at, self.file, self.base = raw, 0, file, base

    def array(self, dtype: str, count: int) -> npt.NDArray[Any]:
        size = count * np.dtype(dtype).itemsize
        if size > len(self.raw) - self.at:
            raise self.error("the directory ends early", "truncated")
        values = np.frombuffer(self.raw, dtype, count, self.at)
        self.at += size
        return values

    def error(self, message: str, code: str, kind: type[FormatError] = FormatError) -> FormatError:
        return kind(message, code=code, file=self.file, offset=self.base, section="7.6")


def decode_directory(raw: bytes, footer: Footer, properties: Properties, file: str) -> Directory:
    """Check and decode; every count, offset and length is validated here, once."""
    cursor = _Cursor(raw, file, footer.directory_offset)
    if len(raw) < 8:
        raise cursor.error("the directory ends early", "truncated")
    blocks, columns = struct.unpack_from("<II", raw)
    cursor.at = 8
    if (blocks, columns) != (footer.block_count, footer.column_count):
        raise cursor.error("directory and footer disagree in blocks or columns", "count-mismatch")
    rows = cursor.array("<u4", blocks)
    deletes = cursor.array("<u4", blocks)
    size_of_key = keys.word_size([c.field.type for c in properties.columns if c.role == "key"])
    first = _bounds(cursor, blocks, size_of_key)
    last = _bounds(cursor, blocks, size_of_key)
    count = blocks * columns
    shape = (columns, blocks)
    offset = cursor.array("<u8", count).reshape(shape)
    size, crc, raw_size, nulls = (cursor.array("<u4", count).reshape(shape) for _ in range(4))
    minimum, maximum = (cursor.array("<u8", count).reshape(shape) for _ in range(2))
    flags = cursor.array("u1", count).reshape(shape)
    if cursor.at != len(raw):
        raise cursor.error("bytes after the end of the directory", "trailing-bytes")
    directory = Directory(
        rows, deletes, first, last, offset, size, crc, raw_size, nulls, minimum, maximum, flags
    )
    _check_counts(cursor, directory, footer, properties)
    _check_tiling(cursor, offset, size, footer)
    _check_bounds(cursor, directory, properties)
    return directory


def _bounds(cursor: _Cursor, blocks: int, word_size: int | None) -> Keys:
    """Bounds of one end of every block, as keys."""
    ends = cursor.array("<u4", blocks)
    if np.any(ends[1:] < ends[:-1]) or np.any(np.diff(ends, prepend=np.uint32(0)) > keys.BOUND_SIZE):
        raise cursor.error("ends of key bounds are out of order", "key-order")
    data = cursor.array("u1", int(ends[-1]))
    if word_size is None:
        offsets = np.zeros(blocks + 1, np.int64)
        offsets[1:] = ends
        return ByteKeys(offsets, data)
    if not np.array_equal(ends, np.arange(1, blocks + 1, dtype=np.uint64) * np.uint64(word_size)):
        raise cursor.error("key bounds are not of the keys' size", "key-order")
    padded = np.zeros((blocks, 8), np.uint8)
    padded[:, 8 - word_size :] = data.reshape(blocks, word_size)
    return WordKeys(padded.reshape(-1).view(">u8").astype(np.uint64), word_size)


def _check_counts(cursor: _Cursor, d: Directory, footer: Footer, properties: Properties) -> None:
    if np.any(d.rows > sst.ROWS_MAX):
        raise cursor.error("a block has too many rows", "limit-exceeded", LimitExceededError)
    if np.any(d.rows == 0) or int(d.rows.sum(dtype=np.uint64)) != footer.row_count:
        raise cursor.error("rows of the blocks do not add up to the file's", "count-mismatch")
    if np.any(d.deletes > d.rows) or int(d.deletes.sum(dtype=np.uint64)) != properties.delete_count:
        raise cursor.error("deletes of the blocks do not add up to the file's", "count-mismatch")
    if np.any(d.nulls > d.rows):
        raise cursor.error("more nulls than rows", "count-mismatch")
    if np.any(d.size > sst.CHUNK_SIZE_MAX) or np.any(d.raw_size > sst.CHUNK_SIZE_MAX):
        raise cursor.error("a chunk is beyond the limit", "limit-exceeded", LimitExceededError)
    if np.any(d.flags & 0xFE):
        raise cursor.error("a flag that must be zero is not", "bad-zero")
    absent = d.flags == 0
    if np.any(d.minimum[absent]) or np.any(d.maximum[absent]) or np.any(d.minimum > d.maximum):
        raise cursor.error("statistics are out of order", "bad-value")


def _check_tiling(
    cursor: _Cursor, offset: npt.NDArray[np.uint64], size: npt.NDArray[np.uint32], footer: Footer
) -> None:
    """Sorted by offset, chunks tile [header, filter) exactly (spec §7.2)."""
    flat_offset = offset.reshape(-1)
    if np.any(flat_offset > np.uint64(footer.filter_offset)):
        raise cursor.error("a chunk's offset leads out of the file", "offset-out-of-range")
    order = np.argsort(flat_offset, kind="stable")
    starts = flat_offset[order].astype(np.int64)
    ends = starts + size.reshape(-1)[order].astype(np.int64)
    tiled = (
        starts[0] == sst.HEADER_SIZE
        and ends[-1] == footer.filter_offset
        and np.array_equal(starts[1:], ends[:-1])
    )
    if not tiled:
        raise cursor.error("chunks overlap or leave gaps", "chunk-overlap")


def _check_bounds(cursor: _Cursor, d: Directory, properties: Properties) -> None:
    """Bounds ascend through the file and agree with the properties (spec §7.7)."""
    first, last = d.first, d.last
    if isinstance(first, WordKeys) and isinstance(last, WordKeys):
        disorder = bool(np.any(first.words > last.words) or np.any(first.words[1:] <= last.words[:-1]))
    else:
        ends = [bound for block in range(len(d.rows)) for bound in (first.key(block), last.key(block))]
        disorder = any(low > high for low, high in pairwise(ends))
    if disorder:
        raise cursor.error("key bounds are out of order", "key-order")
    if first.key(0) != properties.key_min or last.key(last.length - 1) != properties.key_max:
        raise cursor.error("key bounds differ from the properties", "key-order")
