"""Point lookups over a whole table: keys to buckets, buckets to versions, versions to rows in the order of the keys."""

from __future__ import annotations

import struct
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore._native import hash as hashing
from tablestore.file import keys
from tablestore.file import vector as vectors
from tablestore.file.fileset import FileSet
from tablestore.file.keys import Keys
from tablestore.file.manifest import BUCKET, Entry
from tablestore.file.sst_reader import SstReader
from tablestore.file.vector import Vector
from tablestore.lsm.blocks import Block
from tablestore.lsm.cache import FileCache
from tablestore.lsm.lookup import Found, Step, lookup
from tablestore.lsm.parallel import ordered_map
from tablestore.lsm.run import Run, sorted_runs
from tablestore.types import Field

_COUNT = struct.Struct("<I")
_BLOCK = struct.Struct("<8I")
_SALTS = (0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31)
_INTEGERS = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))


@dataclass(frozen=True)
class _Target:
    """One open file, newest run first in its list: what a lookup of a single key must know of it."""

    reader: SstReader
    key_min: bytes
    key_max: bytes
    first: list[bytes]
    section: memoryview | None


class PointReader:
    """Lookups in the live files of one snapshot; runs of buckets are worked out once."""

    def __init__(self, cache: FileCache, files: FileSet) -> None:
        self._cache = cache
        self._files = files
        self._runs: dict[int, list[list[Run]]] = {}
        self._targets: dict[int, list[list[_Target]]] = {}
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
        jobs: list[tuple[list[Run], npt.NDArray[np.int64]]] = []
        for bucket in np.unique(buckets).tolist():
            mine = np.flatnonzero(buckets == bucket)
            jobs.extend((runs, mine) for runs in self.runs(bucket))

        def look(job: tuple[list[Run], npt.NDArray[np.int64]]) -> tuple[pa.Table, npt.NDArray[np.int64]]:
            runs, mine = job
            chosen = probes if len(mine) == probes.length else probes.take(mine.astype(np.uint32))
            found = lookup(self._cache, runs, chosen, hashes[mine], trace=trace)
            found = found.restrict((found.kind & 1) == 0)
            asked = mine[found.probe]
            known = {
                field.id: column.take(distinct[asked])
                for field, column in zip(schema.key_fields, columns, strict=True)
            }
            return self._rows(found, known), asked

        parts = list(ordered_map(look, jobs, 1 if trace is not None else None))
        return _in_order(parts, encoded, probes, count, schema.arrow)

    def get_one(self, encoded: bytes) -> dict[str, Any] | None:
        """The row of one encoded key, or None. Needs a table without sequence fields."""
        hashed = hashing.hash64(encoded)
        bound = encoded[: keys.BOUND_SIZE]
        for targets in self._open_targets((hashed * self._cache.schema.buckets) >> 64):
            for target in targets:
                if not target.key_min <= bound <= target.key_max:
                    continue
                if target.section is not None and not _may_hold(target.section, hashed):
                    continue
                found = self._find(target, encoded, bound)
                if found is None:
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
            block = self._cache.blocks.get(target.reader, index, self._cache.schema.key_fields)
            row = block.find(encoded)
            if row >= 0:
                return block, row
            if target.first[index] < bound:
                return None
            index -= 1
        return None

    def _open_targets(self, bucket: int) -> list[list[_Target]]:
        """Files of a bucket number, newest run first, per partition."""
        known = self._targets.get(bucket)
        if known is None:
            known = [
                [self._target(entry) for run in reversed(runs) for entry in run.files]
                for runs in self.runs(bucket)
            ]
            self._targets[bucket] = known
        return known

    def _target(self, entry: Entry) -> _Target:
        reader = self._cache.open(entry)
        first = reader.directory.first
        section = reader.filter()
        return _Target(
            reader,
            entry.key_min,
            entry.key_max,
            [first.key(index) for index in range(first.length)],
            None if section is None else section.data,
        )

    def _rows(self, found: Found, known: dict[int, Vector]) -> pa.Table:
        """The versions as rows; `known` are the key columns, which were asked for and need no decoding."""
        schema = self._cache.schema
        columns = [known.get(field.id) or found.column(field) for field in schema.fields]
        return pa.Table.from_arrays([column.to_arrow() for column in columns], schema=schema.arrow)


def _may_hold(section: memoryview, hashed: int) -> bool:
    """Whether a filter section lets a key hash pass (spec §6.3)."""
    (blocks,) = _COUNT.unpack_from(section)
    words = _BLOCK.unpack_from(section, 8 + 32 * (((hashed & 0xFFFFFFFF) * blocks) >> 32))
    high = hashed >> 32
    return all(
        word >> (((high * salt) & 0xFFFFFFFF) >> 27) & 1 for word, salt in zip(words, _SALTS, strict=True)
    )


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
    schema: pa.Schema,
) -> pa.Table:
    """Rows of all buckets, one for each wanted key that was found, in the order of the wanted keys."""
    parts = [part for part in parts if part[0].num_rows]
    if not parts:
        return schema.empty_table()
    rows = pa.concat_tables([table for table, _ in parts]) if len(parts) > 1 else parts[0][0]
    row_of = np.full(probes.length, -1, np.int64)
    row_of[np.concatenate([probe for _, probe in parts])] = np.arange(rows.num_rows)
    place = row_of[probes.search(encoded)] if count > 1 else row_of
    order = place[place >= 0]
    if len(order) == rows.num_rows and np.array_equal(order, np.arange(len(order))):
        return rows
    return rows.take(pa.array(order))
