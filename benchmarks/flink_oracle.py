"""What `tsgen` generates and what `tscount` must have summed, recomputed with NumPy.

The arithmetic is that of `GeneratedRows` and `RowHash` in the connector's tests; the two share no code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
COLUMNS = ("id", "name", "age", "salary", "department")
DEPARTMENTS = ("Engineering", "Marketing", "Sales", "Finance", "Support", "Research", "Legal", "Operations")
GOLDEN = 0x9E3779B97F4A7C15
STRIDE = 2_654_435_761
MODULUS = 1 << 64
TEXT_DIGITS = 11


def unsigned(value: int) -> np.uint64:
    """A Java long as 64 bits."""
    return np.uint64(value % MODULUS)


def mix(value: U64) -> U64:
    """The finalizer of MurmurHash3."""
    shift = np.uint64(33)
    z: U64 = (value ^ (value >> shift)) * unsigned(0xFF51AFD7ED558CCD)
    z = (z ^ (z >> shift)) * unsigned(0xC4CEB9FE1A85EC53)
    return z ^ (z >> shift)


@dataclass(frozen=True)
class Stream:
    """The options of one `tsgen` table."""

    rows: int
    keys: int
    splits: int = 4
    seed: int = 1
    once: bool = False

    def options(self) -> dict[str, str]:
        """As they stand in the DDL."""
        values = {"rows": self.rows, "keys": self.keys, "splits": self.splits, "seed": self.seed}
        return {name: str(value) for name, value in values.items()} | {"once": str(self.once).lower()}

    def of_split(self, split: int) -> tuple[U64, U64]:
        """Key and step of every row of a split, in order."""
        keys_of_split = unsigned(self.keys // self.splits)
        step: U64 = np.arange(self.rows // self.splits, dtype=np.uint64)
        if self.once:
            place = (step % keys_of_split) * unsigned(STRIDE) % keys_of_split
        else:
            drawn = mix(step + unsigned(self.seed * GOLDEN + split))
            place = ((drawn >> np.uint64(32)) * keys_of_split) >> np.uint64(32)
        return place * unsigned(self.splits) + unsigned(split), step


@dataclass(frozen=True)
class Content:
    """What a table or stream holds: how many rows, and their hashes added up."""

    rows: int
    checksum: int


def row_hashes(stream: Stream, key: U64, step: U64, columns: Sequence[str] = COLUMNS) -> U64:
    """The hash of every row, given its key and step."""
    bits = mix(key * unsigned(GOLDEN) + step + unsigned(stream.seed))
    found: U64 = np.zeros(len(key), dtype=np.uint64)
    for column in columns:
        found = mix(found * np.uint64(31) + _value(column, key, bits))
    return found


def _value(column: str, key: U64, bits: U64) -> U64:
    if column == "id":
        return key
    if column == "name":
        return _text_hash("n", bits >> np.uint64(41))
    if column == "age":
        return np.uint64(18) + (bits & np.uint64(63))
    if column == "salary":
        cents = np.uint64(3_000_000) + ((bits >> np.uint64(9)) & np.uint64(0x7FFFFF))
        return (cents.astype(np.float64) / 100.0).view(np.uint64)
    assert column == "department", column
    known = np.array([_bytes_hash(name.encode()) for name in DEPARTMENTS], dtype=np.uint64)
    return known[((bits >> np.uint64(6)) & np.uint64(7)).astype(np.int64)]


def _bytes_hash(text: bytes) -> int:
    return sum(byte * pow(31, place, MODULUS) for place, byte in enumerate(text)) % MODULUS


def _text_hash(first: str, number: U64) -> U64:
    """The hash of `first` and eleven digits."""
    found: U64 = np.full(len(number), ord(first), dtype=np.uint64)
    rest = number
    for place in range(TEXT_DIGITS, 0, -1):
        digit = rest % np.uint64(10) + np.uint64(ord("0"))
        found = found + digit * unsigned(31**place)
        rest = rest // np.uint64(10)
    return found


def final_content(streams: Sequence[Stream], columns: Sequence[str] = COLUMNS) -> Content:
    """The table after the streams were upserted one after the other."""
    keys = max(stream.keys for stream in streams)
    hashes: U64 = np.zeros(keys, dtype=np.uint64)
    present = np.zeros(keys, dtype=bool)
    for stream in streams:
        for split in range(stream.splits):
            key, step = stream.of_split(split)
            last: npt.NDArray[np.int64] = np.full(stream.keys, -1, dtype=np.int64)
            np.maximum.at(last, key.astype(np.int64), step.astype(np.int64))
            touched = np.flatnonzero(last >= 0)
            winners = touched.astype(np.uint64), last[touched].astype(np.uint64)
            hashes[touched] = row_hashes(stream, *winners, columns)
            present[touched] = True
    return Content(int(present.sum()), int(hashes.sum(dtype=np.uint64)))


def changed_keys(stream: Stream) -> int:
    """How many different keys a stream upserts."""
    return sum(len(np.unique(stream.of_split(split)[0])) for split in range(stream.splits))


def difference(before: Content, after: Content) -> Content:
    """What the changelog from one state to another one folds to."""
    return Content(after.rows - before.rows, (after.checksum - before.checksum) % MODULUS)


def joined_content(probe: Stream, dimension: Stream) -> Content:
    """The rows that a lookup of every probe's key finds; the dimension must have every key."""
    hashes: U64 = np.zeros(dimension.keys, dtype=np.uint64)
    for split in range(dimension.splits):
        key, step = dimension.of_split(split)
        hashes[key.astype(np.int64)] = row_hashes(dimension, key, step)
    checksum = 0
    for split in range(probe.splits):
        key, _ = probe.of_split(split)
        checksum += int(hashes[key.astype(np.int64)].sum(dtype=np.uint64))
    return Content(probe.rows, checksum % MODULUS)
