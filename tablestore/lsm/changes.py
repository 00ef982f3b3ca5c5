"""Differences of two snapshots (spec §14): candidate keys from the files that changed, then both images of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.file import keys
from tablestore.file import vector as vectors
from tablestore.file.fileset import FileSet
from tablestore.file.key_reader import read_keys
from tablestore.file.manifest import BUCKET, FIELDS, FILE, PARTITION, Entry, Manifest
from tablestore.lsm import window
from tablestore.lsm.cache import FileCache
from tablestore.lsm.condition import Condition, key_range
from tablestore.lsm.equality import rows_equal
from tablestore.lsm.image import Image, Probes, read_image
from tablestore.lsm.lookup import Found
from tablestore.lsm.plan import plan_files
from tablestore.lsm.run import Run, sorted_runs
from tablestore.lsm.scan import SCAN_MEMORY, window_rows
from tablestore.lsm.window import Window
from tablestore.types import Field

ENTRIES_AT_ONCE = 4096
INSERT, UPDATE_BEFORE, UPDATE_AFTER, DELETE = range(4)

Place = tuple[bytes, int]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ChangesRequest:
    """What to compare and return: columns in output order, and a condition on the rows of both images; of some
    buckets or (None) of all."""

    fields: tuple[Field, ...]
    condition: Condition | None
    memory: int = SCAN_MEMORY
    buckets: frozenset[int] | None = None


@dataclass(frozen=True)
class Difference:
    """Two sets of live files, and files whose keys are all that may differ between them (spec §14.6).

    after: None if it is `before` and the candidates: nothing but appends lies between the two.
    """

    before: FileSet
    after: FileSet | None
    candidates: FileSet


@dataclass(frozen=True)
class ChangedWindow:
    """A key range of one bucket: candidate rows, and the runs of both sides."""

    candidates: Window
    before: tuple[Run, ...]
    after: tuple[Run, ...]


@dataclass(frozen=True)
class Rows:
    """Changes of one window. kinds: uint8[n]; index: which rows of `before` followed by `after` they are."""

    before: Image
    after: Image
    kinds: npt.NDArray[np.uint8]
    index: npt.NDArray[np.uint32]
    decoded: dict[int, tuple[vectors.Vector, vectors.Vector]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.kinds)

    def column(self, column: Field) -> pa.Array:
        """Values of a column of all changes."""
        both = self.decoded.get(column.id) or (self.before.column(column), self.after.column(column))
        return vectors.concat(both).take(self.index).to_arrow()


def union(parts: Sequence[Manifest | FileSet]) -> FileSet:
    """The files that stand in any of the parts, sorted by (partition, bucket, file), each once."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return FileSet(0, lambda index: vectors.nulls(FIELDS[index].type, 0))
    encoded = keys.concat(
        [
            part.encoded
            if isinstance(part, Manifest)
            else keys.encode([part.column(index) for index in (PARTITION, BUCKET, FILE)], len(part))
            for part in parts
        ]
    )
    chosen = encoded.merge(np.cumsum([len(part) for part in parts]).astype(np.int64), None)
    return FileSet(
        len(chosen), lambda index: vectors.concat([part.column(index) for part in parts]).take(chosen)
    )


def in_one_only(before: FileSet, after: FileSet) -> FileSet:
    """The files that are live on one side and not on the other."""
    names = [files.column(FILE).to_arrow() for files in (before, after)]
    alone = [
        files.take(np.flatnonzero(~np.asarray(pc.is_in(own, value_set=other))))
        for files, own, other in ((before, names[0], names[1]), (after, names[1], names[0]))
    ]
    return union(alone)


def windows(cache: FileCache, difference: Difference, request: ChangesRequest) -> Iterator[ChangedWindow]:
    """Key ranges in which rows may differ, in the order of spec §14.4; each fits into the memory of the request."""
    condition = request.condition
    low, high = key_range(condition, cache.schema)
    candidates = difference.candidates
    chosen = plan_files(
        candidates, len(candidates), cache.schema, condition, low, high, request.buckets
    ).files
    old = PlacedFiles(difference.before)
    new = None if difference.after is None else PlacedFiles(difference.after)
    rows = window_rows(request.memory, 2 * (len(request.fields) + len(cache.schema.key_fields)))
    for batch in _batches(chosen):
        before = old.entries(batch)
        after = None if new is None else new.entries(batch)
        for place, entries in batch.items():
            here = before.get(place, [])
            there = [*here, *entries] if after is None else after.get(place, [])
            fewest = _fewest(entries, here, there)
            if not fewest:
                continue
            opened = cache.open_runs([Run(0, (entry,)) for entry in fewest])
            runs = [tuple(sorted_runs(side)) for side in (here, there)]
            for part in window.cut(place, opened, rows, low, high):
                yield ChangedWindow(part, runs[0], runs[1])


def _batches(files: FileSet) -> Iterator[dict[Place, list[Entry]]]:
    """The files by place, some thousands at a time: objects are dear, and so is a look at each place alone."""
    edges = files.group_edges().tolist()
    start = 0
    for stop, following in pairwise([*edges[1:], None]):
        if following is None or following - start > ENTRIES_AT_ONCE:
            yield _by_place(files.take(np.arange(start, stop)).entries())
            start = stop


class PlacedFiles:
    """The live files of one snapshot, found by place."""

    def __init__(self, files: FileSet) -> None:
        self._files = files
        self._edges = files.group_edges()
        first = self._edges[:-1].astype(np.uint32)
        self._partitions = files.column(PARTITION).take(first).to_arrow()
        self._buckets = files.column(BUCKET).take(first).typed("i4")

    def entries(self, places: Collection[Place]) -> dict[Place, list[Entry]]:
        """The files of some places."""
        partitions = pa.array({partition for partition, _ in places}, self._partitions.type)
        near = np.asarray(pc.is_in(self._partitions, value_set=partitions))
        near &= np.isin(self._buckets, np.array(list({bucket for _, bucket in places}), np.int32))
        groups = np.flatnonzero(near)
        found = zip(
            self._partitions.take(pa.array(groups)).to_pylist(), self._buckets[groups].tolist(), strict=True
        )
        rows = [
            np.arange(self._edges[group], self._edges[group + 1])
            for group, place in zip(groups.tolist(), found, strict=True)
            if place in places
        ]
        return _by_place(self._files.take(np.concatenate(rows)).entries()) if rows else {}


def _by_place(entries: Iterable[Entry]) -> dict[Place, list[Entry]]:
    found: dict[Place, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.place, []).append(entry)
    return found


def _fewest(candidates: list[Entry], before: list[Entry], after: list[Entry]) -> list[Entry]:
    """The candidates, or the files of the place that are live on one side only, whichever have fewer rows."""
    both = {entry.file for entry in before} & {entry.file for entry in after}
    alone = [entry for entry in [*before, *after] if entry.file not in both]
    if sum(entry.row_count for entry in alone) <= sum(entry.row_count for entry in candidates):
        return alone
    return candidates


def compare(cache: FileCache, part: ChangedWindow, request: ChangesRequest) -> Rows:
    """The changes of one window (spec §14.3)."""
    place = part.candidates.place
    probes = _probes(cache, part.candidates)
    fields, condition = cache.schema.fields, request.condition
    before = read_image(cache, place, part.before, probes)
    after = read_image(cache, place, part.after, probes)
    before, after = _without_shared(before, after, probes.length)
    return difference_of(
        before.matching(condition, fields), after.matching(condition, fields), probes.length, request.fields
    )


def _probes(cache: FileCache, candidates: Window) -> Probes:
    """The keys of all rows of a window, each once."""
    fields = cache.schema.key_fields
    pieces = [piece for part in candidates.slices for piece in part.pieces()]
    encoded, columns = read_keys(pieces, fields)
    if len(candidates.slices) > 1:
        ends = np.cumsum([part.stop - part.start for part in candidates.slices]).astype(np.int64)
        chosen = encoded.merge(ends, None)
        encoded = encoded.take(chosen)
        columns = [column.take(chosen) for column in columns]
    named = {column.id: values for column, values in zip(fields, columns, strict=True)}
    return Probes(encoded, encoded.hashes(), named)


def _without_shared(before: Image, after: Image, count: int) -> tuple[Image, Image]:
    """Both images without the keys that show the same row of the same file: nothing of it need be read."""
    if not (isinstance(before.rows, Found) and isinstance(after.rows, Found)):
        return before, after
    numbers: dict[bytes, int] = {}
    spots = np.full((2, 2, count), -1, np.int64)
    for side, image in enumerate((before, after)):
        rows = image.rows
        assert isinstance(rows, Found)
        files = [numbers.setdefault(reader.file_id, len(numbers)) for reader in rows.reader]
        spots[side, 0, image.probe] = np.array(files, np.int64)[rows.reader_of]
        spots[side, 1, image.probe] = rows.row
    same = (spots[0] == spots[1]).all(axis=0)
    return before.restrict(~same[before.probe]), after.restrict(~same[after.probe])


def difference_of(before: Image, after: Image, count: int, fields: Sequence[Field]) -> Rows:
    """Compare two images of `count` probes in some columns (spec §14.3) and order the changes (spec §14.4)."""
    row_before, row_after = (_row_of(image, count) for image in (before, after))
    emit_before, emit_after = row_before >= 0, row_after >= 0
    both = np.flatnonzero(emit_before & emit_after)
    decoded = {}
    if len(both):
        chosen = row_before[both].astype(np.uint32), row_after[both].astype(np.uint32)
        equal = np.ones(len(both), bool)
        for column in fields:
            if column.id in before.probes.columns:
                continue
            pair = before.column(column), after.column(column)
            decoded[column.id] = pair
            equal &= rows_equal(_take(pair[0], chosen[0]), _take(pair[1], chosen[1]))
        emit_before[both[equal]] = emit_after[both[equal]] = False
    updates = emit_before & emit_after
    first = np.cumsum(emit_before.astype(np.int64) + emit_after) - emit_after - emit_before
    size = int(emit_before.sum() + emit_after.sum())
    kinds, index = np.empty(size, np.uint8), np.empty(size, np.uint32)
    old, new = first[emit_before], (first + emit_before)[emit_after]
    index[old], index[new] = row_before[emit_before], row_after[emit_after] + len(before)
    kinds[old] = np.where(updates[emit_before], UPDATE_BEFORE, DELETE)
    kinds[new] = np.where(updates[emit_after], UPDATE_AFTER, INSERT)
    return Rows(before, after, kinds, index, decoded)


def _row_of(image: Image, count: int) -> npt.NDArray[np.int64]:
    """Per probe its row of the image, or -1."""
    rows = np.full(count, -1, np.int64)
    rows[image.probe] = np.arange(len(image))
    return rows


def _take(column: vectors.Vector, rows: npt.NDArray[np.uint32]) -> vectors.Vector:
    if len(rows) == column.length:  # ascending and distinct: all of them
        return column
    return column.take(rows)
