"""Files decoded into memory, for whoever looks keys up again and again: a lookup then reads and decodes nothing.

Files never change, so what is decoded stays right: after a commit only the new files are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore._native import hash as hashing
from tablestore._native import resident as native
from tablestore.file import column_reader
from tablestore.file.fileset import FileSet
from tablestore.file.joint import JointDirectory
from tablestore.file.key_reader import read_extent_keys
from tablestore.file.keys import ByteKeys, Keys, WordKeys
from tablestore.file.manifest import BUCKET, Entry
from tablestore.file.vector import Vector
from tablestore.lsm.cache import FileCache
from tablestore.lsm.parallel import ordered_map
from tablestore.lsm.run import sorted_runs
from tablestore.types import ROW_KIND, Field

OVERHEAD_ROW = 16  # bytes of a row besides its values: the key as it is searched, validity, marks of deletes

Files = npt.NDArray[np.int32]
Rows = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class ResidentFile:
    """One decoded file. section: its filter. deleted: uint8[n], or None if nothing is deleted. columns: by field id."""

    keys: Keys
    section: npt.NDArray[np.uint8] | None
    deleted: npt.NDArray[np.uint8] | None
    columns: dict[int, Vector]


class Resident:
    """All files of one snapshot: keys to rows, rows to values."""

    def __init__(
        self, files: Sequence[ResidentFile], place: Sequence[int], start: npt.NDArray[np.int64]
    ) -> None:
        """files: by bucket and place (partition and bucket), newest first in each place. start: int64[buckets + 1]."""
        self._files = files
        self._columns: dict[int, native.Columns] = {}
        self._buckets = len(start) - 1
        self._newest = native.Newest(
            [
                (_searched(file.keys), file.section, file.deleted, number)
                for file, number in zip(files, place, strict=True)
            ],
            start,
        )

    def find(self, probes: Keys) -> tuple[Files, Rows]:
        """For each probe the file and the row of it that hold its newest version; file -1 if it is not there."""
        hashes = probes.hashes()
        buckets = hashing.buckets(hashes, self._buckets)
        if isinstance(probes, WordKeys):
            return self._newest.find_words(probes.words, hashes, buckets)
        assert isinstance(probes, ByteKeys)
        return self._newest.find_bytes(probes.offsets, probes.data, hashes, buckets)

    def column(self, field: Field, file: Files, row: Rows) -> Vector:
        """The values of a column in some rows of some files, in order."""
        if field.type.nested:
            return self._nested(field, file, row)
        known = self._columns.get(field.id)
        if known is None:
            known = self._columns[field.id] = self._joined(field)
        values, offsets, validity = known.take(file, row)
        if offsets is None:
            return Vector(field.type, len(file), values, validity=validity)
        return Vector(field.type, len(file), values, offsets, validity)

    def _joined(self, field: Field) -> native.Columns:
        parts = []
        for file in self._files:
            column = file.columns[field.id]
            offsets = column.offsets if field.type.kind == "variable" else None
            parts.append((column.values, offsets, column.validity, column.length))
        return native.Columns(field.type.kind, field.type.width if field.type.kind == "fixed" else 0, parts)

    def _nested(self, field: Field, file: Files, row: Rows) -> Vector:
        """File by file: Arrow takes from whole columns."""
        if not len(file):
            return Vector(field.type, 0, nested=pa.array([], field.type.arrow))
        order = np.argsort(file, kind="stable")
        used, first = np.unique(file[order], return_index=True)
        parts = [
            self._files[number].columns[field.id].take(row[chosen])
            for number, chosen in zip(used.tolist(), np.split(order, first[1:]), strict=True)
        ]
        joined = pa.concat_arrays([part.to_arrow() for part in parts])
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return Vector(field.type, len(order), nested=joined.take(pa.array(back)))


class ResidentFiles:
    """Decoded files of the snapshots of one table, as far as they fit into the memory that is given to them."""

    def __init__(self, cache: FileCache, fields: Sequence[Field], memory: int) -> None:
        """fields: columns that will be asked for. memory: bytes of all files of one snapshot."""
        self._cache = cache
        self._fields = fields
        self._memory = memory
        self._files: dict[str, ResidentFile] = {}

    def at(self, files: FileSet) -> Resident | None:
        """The live files of a snapshot, decoded; None if they are too large, or if more than the newest version of
        a key decides (spec §5.8), which is not what `Resident` looks for."""
        if self._cache.schema.order_fields:
            return None
        entries, place, start = self._ordered(files)
        if sum(self._size(entry) for entry in entries) > self._memory:
            self._files = {}
            return None
        known = self._files
        missing = [entry for entry in entries if entry.file not in known]
        loaded = dict(zip((entry.file for entry in missing), ordered_map(self._load, missing), strict=True))
        self._files = {
            entry.file: known.get(entry.file) or loaded[entry.file] for entry in entries
        }  # others go
        return Resident(list(self._files.values()), place, start)

    def _ordered(self, files: FileSet) -> tuple[list[Entry], list[int], npt.NDArray[np.int64]]:
        """Live files by bucket and place, newest first in each place; the place of each; where each bucket begins."""
        buckets = self._cache.schema.buckets
        number = files.column(BUCKET).typed("i4")
        groups = sorted(files.groups(), key=lambda group: int(number[group[0]]))
        counts = np.zeros(buckets + 1, np.int64)
        entries: list[Entry] = []
        place: list[int] = []
        for ordinal, (first, last) in enumerate(groups):
            runs = sorted_runs(files.take(np.arange(first, last)).entries())
            entries += [entry for run in reversed(runs) for entry in run.files]
            place += [ordinal] * (last - first)
            counts[int(number[first]) + 1] += last - first
        return entries, place, np.cumsum(counts)

    def _size(self, entry: Entry) -> int:
        """Bytes that a file takes when it is decoded, about."""
        reader = self._cache.open(entry)
        raw = reader.directory.raw_size
        size = entry.row_count * OVERHEAD_ROW + reader.footer.filter_size
        for field in {field.id: field for field in (*self._cache.schema.key_fields, *self._fields)}.values():
            ordinal = reader.ordinal(field.id)
            if ordinal is not None:
                size += int(raw[ordinal].sum(dtype=np.int64))
                size += 4 * entry.row_count if field.type.kind == "variable" else 0
        return size

    def _load(self, entry: Entry) -> ResidentFile:
        reader = self._cache.open(entry)
        joint = JointDirectory([reader])
        extent = joint.whole(np.arange(len(joint.rows), dtype=np.int64))
        encoded, _ = read_extent_keys(extent, self._cache.schema.key_fields)
        deleted = None
        if joint.deletes.any():
            deleted = column_reader.read(extent, ROW_KIND).typed("u1") & np.uint8(1)
        columns = {field.id: column_reader.read(extent, field) for field in self._fields}
        return ResidentFile(encoded, reader.filter(), deleted, columns)


def _searched(keys: Keys) -> npt.NDArray[np.uint64] | tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Keys as `_native.resident` wants them."""
    if isinstance(keys, WordKeys):
        return keys.words
    assert isinstance(keys, ByteKeys)
    return keys.offsets, keys.data
