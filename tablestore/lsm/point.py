"""Point lookups over a whole table: keys to buckets, buckets to versions, versions to rows in the order of the keys."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore._native import bloom
from tablestore._native import hash as hashing
from tablestore.file import keys
from tablestore.file import vector as vectors
from tablestore.file.fileset import FileSet
from tablestore.file.joint import JointDirectory
from tablestore.file.keys import Keys
from tablestore.file.manifest import BUCKET, Entry
from tablestore.file.vector import Vector
from tablestore.lsm.blocks import Block
from tablestore.lsm.cache import FileCache
from tablestore.lsm.candidates import BucketFiles
from tablestore.lsm.lookup import Found, Step, lookup
from tablestore.lsm.parallel import ordered_map
from tablestore.lsm.run import Run, sorted_runs
from tablestore.types import Field

_INTEGERS = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))


@dataclass(frozen=True)
class _Target:
    """One open file: what a lookup of a single key must know of it."""

    joint: JointDirectory
    key_min: bytes
    key_max: bytes
    first: list[bytes]


@dataclass(frozen=True)
class _Targets:
    """The files of one bucket, newest run first, and their filters (spec §6.3)."""

    files: list[_Target]
    filters: bloom.Filters


class PointReader:
    """Lookups in the live files of one snapshot; runs of buckets are worked out once."""

    def __init__(self, cache: FileCache, files: FileSet) -> None:
        self._cache = cache
        self._files = files
        self._runs: dict[int, list[list[Run]]] = {}
        self._targets: dict[int, list[_Targets]] = {}
        self._bucket_files: dict[int, list[BucketFiles]] = {}
        self._groups: dict[int, list[tuple[int, int]]] = {}
        bucket = files.column(BUCKET).typed("i4")
        for start, stop in files.groups():
            self._groups.setdefault(int(bucket[start]), []).append((start, stop))

    def runs(self, bucket: int) -> list[list[Run]]:
        """Sorted runs of a bucket number in every partition that has it."""
        known = self._runs.get(bucket)
        if known is None:
            known = [
                sorted_runs(self._files.take(np.arange(start, stop)).entries())
                for start, stop in self._groups.get(bucket, [])
            ]
            self._runs[bucket] = known
        return known

    def get(self, wanted: pa.Table, trace: list[Step] | None = None) -> pa.Table:
        """Rows of the keys in `wanted` (primary key columns) that exist, in the order of the keys."""
        return self.find(wanted, self._cache.schema.fields, trace)[0]

    def find(
        self, wanted: pa.Table, fields: Sequence[Field], trace: list[Step] | None = None
    ) -> tuple[pa.Table, npt.NDArray[np.int64]]:
        """Like `get` for some columns, with the place of each row's key in `wanted`."""
        schema = self._cache.schema
        count = wanted.num_rows
        columns = [
            vectors.from_arrow(wanted.column(i).combine_chunks(), field.type)
            for i, field in enumerate(schema.key_fields)
        ]
        encoded = keys.encode(columns, count)
        distinct, _ = encoded.sort(None, 1, None)
        probes = encoded.take(distinct)
        hashes = probes.hashes()
        buckets = hashing.buckets(hashes, schema.buckets)
        jobs: list[tuple[list[Run], BucketFiles, npt.NDArray[np.int64]]] = []
        for bucket in np.unique(buckets).tolist():
            mine = np.flatnonzero(buckets == bucket)
            places = zip(self.runs(bucket), self._files_of(bucket), strict=True)
            jobs.extend((runs, files, mine) for runs, files in places)

        def look(
            job: tuple[list[Run], BucketFiles, npt.NDArray[np.int64]],
        ) -> tuple[pa.Table, npt.NDArray[np.int64]]:
            runs, files, mine = job
            chosen = probes if len(mine) == probes.length else probes.take(mine.astype(np.uint32))
            found = lookup(self._cache, runs, chosen, hashes[mine], trace=trace, files=files)
            found = found.restrict((found.kind & 1) == 0)
            asked = mine[found.probe]
            known = {
                field.id: column.take(distinct[asked])
                for field, column in zip(schema.key_fields, columns, strict=True)
            }
            return _rows(found, fields, known), asked

        parts = list(ordered_map(look, jobs, 1 if trace is not None else None))
        empty = pa.schema([field.arrow for field in fields]).empty_table()
        return _in_order(parts, encoded, probes, count, empty)

    def _files_of(self, bucket: int) -> list[BucketFiles]:
        known = self._bucket_files.get(bucket)
        if known is None:
            known = [BucketFiles(runs, self._cache.schema) for runs in self.runs(bucket)]
            self._bucket_files[bucket] = known
        return known

    def get_one(self, encoded: bytes) -> dict[str, Any] | None:
        """The row of one encoded key, or None. Needs a table without sequence fields."""
        hashed = hashing.hash64(encoded)
        bound = encoded[: keys.BOUND_SIZE]
        for targets in self._open_targets((hashed * self._cache.schema.buckets) >> 64):
            number = targets.filters.next(hashed)
            while number >= 0:
                target = targets.files[number]
                found = None
                if target.key_min <= bound <= target.key_max:
                    found = self._find(target, encoded, bound)
                if found is None:
                    number = targets.filters.next(hashed, number + 1)
                    continue
                block, row = found
                if block.is_delete(row):
                    break
                return {field.name: block.value(field, row) for field in self._cache.schema.fields}
        return None

    def _find(self, target: _Target, encoded: bytes, bound: bytes) -> tuple[Block, int] | None:
        """The block and row that hold a key. Neighbouring blocks are asked while their bounds are alike."""
        index = bisect_right(target.first, bound) - 1
        while index >= 0:
            block = self._cache.blocks.get(target.joint, index, self._cache.schema.key_fields)
            row = block.find(encoded)
            if row >= 0:
                return block, row
            if target.first[index] < bound:
                return None
            index -= 1
        return None

    def _open_targets(self, bucket: int) -> list[_Targets]:
        """Files of a bucket number, per partition."""
        known = self._targets.get(bucket)
        if known is None:
            known = [
                self._targets_of([entry for run in reversed(runs) for entry in run.files])
                for runs in self.runs(bucket)
            ]
            self._targets[bucket] = known
        return known

    def _targets_of(self, entries: list[Entry]) -> _Targets:
        files = []
        for entry in entries:
            reader = self._cache.open(entry)
            first = reader.directory.first
            bounds = [first.key(index) for index in range(first.length)]
            files.append(_Target(JointDirectory([reader]), entry.key_min, entry.key_max, bounds))
        return _Targets(files, bloom.Filters([target.joint.readers[0].filter() for target in files]))


def _rows(found: Found, fields: Sequence[Field], known: dict[int, Vector]) -> pa.Table:
    """The versions as rows; `known` are the key columns, which were asked for and need no decoding."""
    columns = [known.get(field.id) or found.column(field) for field in fields]
    schema = pa.schema([field.arrow for field in fields])
    return pa.Table.from_arrays([column.to_arrow() for column in columns], schema=schema)


def encode_one(value: Any, field: Field) -> bytes | None:
    """The encoded key of one value of a single key column; None where only the general way knows what to do."""
    kind = field.type
    if kind.name in _INTEGERS:
        least = -(1 << (8 * kind.width - 1)) if kind.signed else 0
        if type(value) is int and 0 <= value - least < 1 << (8 * kind.width):
            return (value - least).to_bytes(kind.width, "big")
    elif kind.name == "string" and type(value) is str:
        try:
            return value.encode()
        except UnicodeEncodeError:
            return None
    return None


def _in_order(
    parts: list[tuple[pa.Table, npt.NDArray[np.int64]]],
    encoded: Keys,
    probes: Keys,
    count: int,
    empty: pa.Table,
) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """Rows of all buckets, one for each wanted key that was found, in the order of the wanted keys, and its place."""
    parts = [part for part in parts if part[0].num_rows]
    if not parts:
        return empty, np.zeros(0, np.int64)
    rows = pa.concat_tables([table for table, _ in parts]) if len(parts) > 1 else parts[0][0]
    row_of = np.full(probes.length, -1, np.int64)
    row_of[np.concatenate([probe for _, probe in parts])] = np.arange(rows.num_rows)
    row = row_of[probes.search(encoded)] if count > 1 else row_of
    place = np.flatnonzero(row >= 0)
    order = row[place]
    if len(order) == rows.num_rows and np.array_equal(order, np.arange(len(order))):
        return rows, place
    return rows.take(pa.array(order)), place
