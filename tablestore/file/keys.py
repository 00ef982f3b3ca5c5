"""Encoded primary keys of many rows (spec §3), in one of two forms.

*Words*: the encoded key is of one fixed size of at most 8 bytes and is held as a uint64 with the order of the key.
*Bytes*: any keys, as int64 offsets into one byte array. The form follows from the key columns alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tablestore._native import gather, key, merge, sort
from tablestore._native import hash as hashing
from tablestore.file.vector import Vector
from tablestore.types import ColumnType

BOUND_SIZE = 64  # spec §3.5

Words = npt.NDArray[np.uint64]
Offsets = npt.NDArray[np.int64]


@dataclass(slots=True)
class Keys:
    """Encoded keys of `length` rows. Words form: `words` uint64[length] and `size`; else `offsets` int64[length + 1], `data`."""

    length: int
    words: Words | None = None
    size: int = 0
    offsets: Offsets | None = None
    data: npt.NDArray[np.uint8] | None = None

    def hashes(self) -> Words:
        """key_hash of every key (spec §3.4): uint64[length]."""
        if self.words is not None:
            return hashing.hash_words(self.words, self.size)
        return hashing.hash_bytes(self.offsets, self.data)

    def take(self, index: npt.NDArray[np.uint32]) -> Keys:
        """Keys of the rows `index`."""
        if self.words is not None:
            return Keys(len(index), self.words[index], self.size)
        assert self.offsets is not None
        offsets, data = gather.take_variable(self.offsets.astype(np.int32), self.data, index)
        return Keys(len(index), offsets=offsets.astype(np.int64), data=data)

    def slice(self, start: int, stop: int) -> Keys:
        """Keys of rows [start, stop); shares memory."""
        if self.words is not None:
            return Keys(stop - start, self.words[start:stop], self.size)
        assert self.offsets is not None
        assert self.data is not None
        low, high = int(self.offsets[start]), int(self.offsets[stop])
        return Keys(stop - start, offsets=self.offsets[start : stop + 1] - low, data=self.data[low:high])

    def key(self, row: int) -> bytes:
        """The encoded key of one row."""
        if self.words is not None:
            return int(self.words[row]).to_bytes(self.size, "big")
        assert self.offsets is not None
        assert self.data is not None
        return self.data[int(self.offsets[row]) : int(self.offsets[row + 1])].tobytes()

    def bounds(self, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
        """Bounds (spec §3.5) of `rows`: cumulative ends uint32[m] and the bytes."""
        if self.words is not None:
            width = self.size
            chosen = self.words[rows].astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - width :]
            ends = np.arange(1, len(rows) + 1, dtype=np.uint32) * np.uint32(width)
            return ends, np.ascontiguousarray(chosen).reshape(-1)
        return key.bytes_bounds(self.offsets, self.data, rows, BOUND_SIZE)

    def merge(self, run_end: npt.NDArray[np.int64], rank: Words | None) -> npt.NDArray[np.uint32]:
        """Winners of sorted runs, oldest first, that end at `run_end`; see `_native.merge`."""
        if self.words is not None:
            return merge.merge_words(self.words, run_end, rank)
        return merge.merge_bytes(self.offsets, self.data, run_end, rank)

    def sort(
        self, group: npt.NDArray[np.uint32] | None, groups: int, rank: Words | None
    ) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """Winners per (group, key), sorted by both; see `_native.sort`."""
        if self.words is not None:
            return sort.sort_words(self.words, group, groups, rank)
        return sort.sort_bytes(self.offsets, self.data, group, groups, rank)

    def search(self, probes: Keys) -> npt.NDArray[np.int64]:
        """For each probe the row of these sorted keys that equals it, or -1."""
        if self.words is not None:
            return merge.search_words(self.words, probes.words)
        return merge.search_bytes(self.offsets, self.data, probes.offsets, probes.data)

    def lower_bound(self, probe: bytes) -> int:
        """First row of these sorted keys that is not less than `probe`."""
        if self.words is not None:
            return int(np.searchsorted(self.words, np.uint64(word_of(probe, self.size)), "left"))
        start = np.zeros(1, np.int64)
        end = np.array([self.length], np.int64)
        return int(merge.lower_bounds_bytes(self.offsets, self.data, start, end, probe)[0])

    def first_disorder(self) -> int:
        """First row that is not greater than the row before it, or -1."""
        if self.words is not None:
            return int(key.check_ascending_words(self.words))
        return int(key.check_ascending_bytes(self.offsets, self.data))


def word_of(encoded: bytes, size: int) -> int:
    """An encoded key or bound as the word that compares like it, for keys of `size` bytes."""
    return int.from_bytes(encoded[:size].ljust(size, b"\0"), "big")


def has_words(types: Sequence[ColumnType]) -> bool:
    """Whether keys of these columns take the words form."""
    sizes = [1 if t.kind == "bits" else t.width for t in types if t.kind in ("bits", "fixed")]
    return len(sizes) == len(types) and sum(sizes) <= 8


def encode(columns: Sequence[Vector], length: int) -> Keys:
    """Encode the key columns, in primary key order (spec §3.2)."""
    described = [describe(column) for column in columns]
    if has_words([column.type for column in columns]):
        words, size = key.encode_words(described, length)
        return Keys(length, words, size)
    offsets, data = key.encode_bytes(described, length)
    return Keys(length, offsets=offsets, data=data)


def encode_tuples(columns: Sequence[Vector], length: int) -> Keys:
    """Encode nullable tuples (spec §3.3), always in the bytes form."""
    validities = [column.validity for column in columns]
    offsets, data = key.encode_tuple([describe(column) for column in columns], validities, length)
    return Keys(length, offsets=offsets, data=data)


def concat(parts: Sequence[Keys]) -> Keys:
    """All keys of `parts`, which are of one form, one after another."""
    if len(parts) == 1:
        return parts[0]
    length = sum(part.length for part in parts)
    if parts[0].words is not None:
        return Keys(length, np.concatenate([part.words for part in parts]), parts[0].size)
    offsets = np.zeros(length + 1, np.int64)
    row = 0
    base = 0
    for part in parts:
        assert part.offsets is not None
        offsets[row + 1 : row + part.length + 1] = part.offsets[1:] + base
        row += part.length
        base += int(part.offsets[-1])
    return Keys(length, offsets=offsets, data=np.concatenate([part.data for part in parts]))


def describe(
    column: Vector,
) -> tuple[str, int, bool, npt.NDArray[np.uint8] | None, npt.NDArray[np.int32] | None]:
    """The column as `_native.key` wants it."""
    kind = column.type
    return (kind.kind, kind.width, kind.signed, column.values, column.offsets)
