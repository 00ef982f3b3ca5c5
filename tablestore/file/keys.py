"""Encoded primary keys of many rows (spec §3), in one of two forms.

*Words*: the encoded key is of one fixed size of at most 8 bytes and is held as a uint64 with the order of the key.
*Bytes*: any keys, as offsets into one byte array. The form follows from the key columns alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from tablestore._native import gather, key, merge, search, sort
from tablestore._native import hash as hashing
from tablestore.file.vector import Bytes, Vector
from tablestore.types import HINT_OPAQUE, ColumnType

BOUND_SIZE = 64  # spec §3.5

Words = npt.NDArray[np.uint64]
Offsets = npt.NDArray[np.int64]
Rows = npt.NDArray[np.uint32]
Described = tuple[
    Literal["fixed", "opaque", "bits", "variable"], int, bool, Bytes, npt.NDArray[np.int32] | None
]


class Keys(ABC):
    """Encoded keys of `length` rows."""

    length: int

    @abstractmethod
    def hashes(self) -> Words:
        """key_hash of every key (spec §3.4): uint64[length]."""

    @abstractmethod
    def take(self, index: Rows) -> Keys:
        """Keys of the rows `index`, in memory of their own."""

    @abstractmethod
    def key(self, row: int) -> bytes:
        """The encoded key of one row."""

    @abstractmethod
    def bounds(self, rows: npt.NDArray[np.int64]) -> tuple[Rows, Bytes]:
        """Bounds (spec §3.5) of `rows`: cumulative ends uint32[m] and the bytes."""

    @abstractmethod
    def merge(self, run_end: npt.NDArray[np.int64], rank: Words | None) -> Rows:
        """Winners of sorted runs, oldest first, that end at `run_end`; see `_native.merge`."""

    @abstractmethod
    def sort(self, group: Rows | None, groups: int, rank: Words | None) -> tuple[Rows, npt.NDArray[np.int64]]:
        """Winners per (group, key), sorted by both, and where each group ends; see `_native.sort`."""

    @abstractmethod
    def order(self) -> npt.NDArray[np.int64]:
        """The rows in ascending order of their keys, equal keys as they stand."""

    @abstractmethod
    def search(self, probes: Keys) -> npt.NDArray[np.int64]:
        """For each probe the row of these sorted keys that equals it, or -1."""

    @abstractmethod
    def within(self, low: Keys, high: Keys) -> tuple[Offsets, Offsets]:
        """For each pair of bounds (spec §3.5) the rows [a, b) of these sorted keys that lie between, ends included."""

    @abstractmethod
    def locate(
        self, first: Keys, last: Keys, start: Offsets, file: Rows, row: Rows
    ) -> tuple[Offsets, Offsets]:
        """For each pair of a file and a row of these keys the first block that may hold it, and how many may.

        first, last: bounds of the blocks of all files; those of file f are [start[f], start[f + 1]), in key order.
        """

    @abstractmethod
    def find(self, start: Offsets, block: Rows, row: Rows, probes: Keys) -> Offsets:
        """For each pair of a block and a row of `probes` the row of these keys that equals it, or -1.

        The rows of block b are [start[b], start[b + 1]), ascending.
        """

    @abstractmethod
    def lower_bound(self, probe: bytes) -> int:
        """First row of these sorted keys that is not less than `probe`."""

    @abstractmethod
    def lower_bounds(self, probe: bytes, starts: Offsets, ends: Offsets) -> Offsets:
        """`lower_bound` of the probe in each stretch [start, end) of rows, which is sorted by itself."""

    @abstractmethod
    def upper_bound(self, bound: bytes) -> int:
        """First row of these sorted keys whose bound (spec §3.5) is greater than `bound`."""

    @abstractmethod
    def first_disorder(self, ends: npt.NDArray[np.int64] | None = None) -> int:
        """First row that is not greater than the row before it, or -1. ends: rows at which a new sequence begins."""

    @abstractmethod
    def first_mismatch(self, rows: npt.NDArray[np.int64], bounds: Keys, places: npt.NDArray[np.int64]) -> int:
        """First i for which the bound (spec §3.5) of `rows[i]` is not `bounds` at `places[i]`, or -1."""


class WordKeys(Keys):
    """Keys of `size` ≤ 8 bytes as words uint64[length]."""

    def __init__(self, words: Words, size: int) -> None:
        self.length = len(words)
        self.words = words
        self.size = size

    def hashes(self) -> Words:
        return hashing.hash_words(self.words, self.size)

    def take(self, index: Rows) -> WordKeys:
        return WordKeys(self.words[index], self.size)

    def key(self, row: int) -> bytes:
        return int(self.words[row]).to_bytes(self.size, "big")

    def bounds(self, rows: npt.NDArray[np.int64]) -> tuple[Rows, Bytes]:
        chosen = self.words[rows].astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - self.size :]
        ends = np.arange(1, len(rows) + 1, dtype=np.uint32) * np.uint32(self.size)
        return ends, np.ascontiguousarray(chosen).reshape(-1)

    def merge(self, run_end: npt.NDArray[np.int64], rank: Words | None) -> Rows:
        return merge.merge_words(self.words, run_end, rank)

    def sort(self, group: Rows | None, groups: int, rank: Words | None) -> tuple[Rows, npt.NDArray[np.int64]]:
        return sort.sort_words(self.words, group, groups, rank)

    def order(self) -> npt.NDArray[np.int64]:
        return np.argsort(self.words, kind="stable")

    def search(self, probes: Keys) -> npt.NDArray[np.int64]:
        assert isinstance(probes, WordKeys)
        return merge.search_words(self.words, probes.words)

    def within(self, low: Keys, high: Keys) -> tuple[Offsets, Offsets]:
        assert isinstance(low, WordKeys)
        assert isinstance(high, WordKeys)
        return np.searchsorted(self.words, low.words, "left"), np.searchsorted(
            self.words, high.words, "right"
        )

    def locate(
        self, first: Keys, last: Keys, start: Offsets, file: Rows, row: Rows
    ) -> tuple[Offsets, Offsets]:
        assert isinstance(first, WordKeys)
        assert isinstance(last, WordKeys)
        block = search.locate_words(first.words, last.words, start, file, row, self.words)
        return block, (block >= 0).astype(np.int64)

    def find(self, start: Offsets, block: Rows, row: Rows, probes: Keys) -> Offsets:
        assert isinstance(probes, WordKeys)
        return search.find_words(self.words, start, block, row, probes.words)

    def lower_bound(self, probe: bytes) -> int:
        if len(probe) > self.size:
            return self.upper_bound(probe[: self.size])
        return int(np.searchsorted(self.words, np.uint64(word_of(probe, self.size)), "left"))

    def lower_bounds(self, probe: bytes, starts: Offsets, ends: Offsets) -> Offsets:
        side: Literal["left", "right"] = "right" if len(probe) > self.size else "left"
        word, words = np.uint64(word_of(probe, self.size)), self.words
        pairs = zip(starts.tolist(), ends.tolist(), strict=True)
        return np.array([start + words[start:end].searchsorted(word, side) for start, end in pairs], np.int64)

    def upper_bound(self, bound: bytes) -> int:
        return int(np.searchsorted(self.words, np.uint64(word_of(bound, self.size)), "right"))

    def first_disorder(self, ends: npt.NDArray[np.int64] | None = None) -> int:
        return int(key.check_ascending_words(self.words, ends))

    def first_mismatch(self, rows: npt.NDArray[np.int64], bounds: Keys, places: npt.NDArray[np.int64]) -> int:
        assert isinstance(bounds, WordKeys)
        wrong = self.words[rows] != bounds.words[places]
        return int(np.argmax(wrong)) if wrong.any() else -1


class ByteKeys(Keys):
    """Keys of any size: `offsets` int64[length + 1] into `data`."""

    def __init__(self, offsets: Offsets, data: Bytes) -> None:
        self.length = len(offsets) - 1
        self.offsets = offsets
        self.data = data

    def hashes(self) -> Words:
        return hashing.hash_bytes(self.offsets, self.data)

    def take(self, index: Rows) -> ByteKeys:
        offsets, data = gather.take_variable(self.offsets.astype(np.int32), self.data, index)
        return ByteKeys(offsets.astype(np.int64), data)

    def key(self, row: int) -> bytes:
        return self.data[int(self.offsets[row]) : int(self.offsets[row + 1])].tobytes()

    def bounds(self, rows: npt.NDArray[np.int64]) -> tuple[Rows, Bytes]:
        return key.bytes_bounds(self.offsets, self.data, rows, BOUND_SIZE)

    def merge(self, run_end: npt.NDArray[np.int64], rank: Words | None) -> Rows:
        return merge.merge_bytes(self.offsets, self.data, run_end, rank)

    def sort(self, group: Rows | None, groups: int, rank: Words | None) -> tuple[Rows, npt.NDArray[np.int64]]:
        return sort.sort_bytes(self.offsets, self.data, group, groups, rank)

    def order(self) -> npt.NDArray[np.int64]:
        return np.array(sorted(range(self.length), key=self.key), np.int64)

    def search(self, probes: Keys) -> npt.NDArray[np.int64]:
        assert isinstance(probes, ByteKeys)
        return merge.search_bytes(self.offsets, self.data, probes.offsets, probes.data)

    def within(self, low: Keys, high: Keys) -> tuple[Offsets, Offsets]:
        assert isinstance(low, ByteKeys)
        assert isinstance(high, ByteKeys)
        ends = low.offsets, low.data, high.offsets, high.data
        return search.within_bytes(self.offsets, self.data, *ends, BOUND_SIZE)

    def locate(
        self, first: Keys, last: Keys, start: Offsets, file: Rows, row: Rows
    ) -> tuple[Offsets, Offsets]:
        assert isinstance(first, ByteKeys)
        assert isinstance(last, ByteKeys)
        ends = first.offsets, first.data, last.offsets, last.data
        return search.locate_bytes(*ends, start, file, row, self.offsets, self.data, BOUND_SIZE)

    def find(self, start: Offsets, block: Rows, row: Rows, probes: Keys) -> Offsets:
        assert isinstance(probes, ByteKeys)
        return search.find_bytes(self.offsets, self.data, start, block, row, probes.offsets, probes.data)

    def lower_bound(self, probe: bytes) -> int:
        start, end = np.zeros(1, np.int64), np.array([self.length], np.int64)
        return int(merge.lower_bounds_bytes(self.offsets, self.data, start, end, probe)[0])

    def lower_bounds(self, probe: bytes, starts: Offsets, ends: Offsets) -> Offsets:
        return merge.lower_bounds_bytes(self.offsets, self.data, starts, ends, probe)

    def upper_bound(self, bound: bytes) -> int:
        if len(bound) < BOUND_SIZE:
            return self.lower_bound(bound + b"\0")
        above = int.from_bytes(bound, "big") + 1
        if above >> (8 * len(bound)):
            return self.length
        return self.lower_bound(above.to_bytes(len(bound), "big"))

    def first_disorder(self, ends: npt.NDArray[np.int64] | None = None) -> int:
        return int(key.check_ascending_bytes(self.offsets, self.data, ends))

    def first_mismatch(self, rows: npt.NDArray[np.int64], bounds: Keys, places: npt.NDArray[np.int64]) -> int:
        stated = bounds.take(places.astype(np.uint32))
        assert isinstance(stated, ByteKeys)
        ends, data = self.bounds(rows)
        if np.array_equal(ends, stated.offsets[1:]) and np.array_equal(data, stated.data):
            return -1
        pairs = zip(rows.tolist(), places.tolist(), strict=True)
        wrong = (i for i, (row, place) in enumerate(pairs) if self.key(row)[:BOUND_SIZE] != bounds.key(place))
        return next(wrong, -1)


def word_of(encoded: bytes, size: int) -> int:
    """An encoded key or bound as the word that compares like it, for keys of `size` bytes."""
    return int.from_bytes(encoded[:size].ljust(size, b"\0"), "big")


def word_size(types: Sequence[ColumnType]) -> int | None:
    """Bytes of a key of these columns if it takes the words form, else None."""
    if any(kind.kind not in ("bits", "fixed") for kind in types):
        return None
    size = sum(1 if kind.kind == "bits" else kind.width for kind in types)
    return size if size <= 8 else None


def encode(columns: Sequence[Vector], length: int) -> Keys:
    """Encode the key columns, in primary key order (spec §3.2)."""
    described = [describe(column) for column in columns]
    if word_size([column.type for column in columns]) is not None:
        return WordKeys(*key.encode_words(described, length))
    return ByteKeys(*key.encode_bytes(described, length))


def encode_tuples(columns: Sequence[Vector], length: int) -> ByteKeys:
    """Encode nullable tuples (spec §3.3)."""
    validities = [column.validity for column in columns]
    return ByteKeys(*key.encode_tuple([describe(column) for column in columns], validities, length))


def of_bounds(bounds: Sequence[bytes], size: int | None) -> Keys:
    """Bounds (spec §3.5) as keys, in the words form for keys of `size` bytes."""
    if size is not None:
        return WordKeys(np.array([word_of(bound, size) for bound in bounds], np.uint64), size)
    offsets = np.zeros(len(bounds) + 1, np.int64)
    np.cumsum([len(bound) for bound in bounds], out=offsets[1:])
    return ByteKeys(offsets, np.frombuffer(b"".join(bounds), np.uint8))


def concat(parts: Sequence[Keys]) -> Keys:
    """All keys of `parts`, which are of one form, one after another."""
    if len(parts) == 1:
        return parts[0]
    words = [part for part in parts if isinstance(part, WordKeys)]
    if words:
        return WordKeys(np.concatenate([part.words for part in words]), words[0].size)
    texts = [part for part in parts if isinstance(part, ByteKeys)]
    offsets = np.zeros(sum(part.length for part in texts) + 1, np.int64)
    row = 0
    base = 0
    for part in texts:
        offsets[row + 1 : row + part.length + 1] = part.offsets[1:] + base
        row += part.length
        base += int(part.offsets[-1])
    return ByteKeys(offsets, np.concatenate([part.data for part in texts]))


def describe(column: Vector) -> Described:
    """The column as `_native.key` wants it."""
    kind = column.type
    if kind.kind == "variable":
        return "variable", 0, False, column.values, column.offsets
    if kind.kind == "bits":
        return "bits", 1, False, column.values, None
    return "opaque" if kind.hint == HINT_OPAQUE else "fixed", kind.width, kind.signed, column.values, None
