"""Point lookups in a bucket: bounds → filters → blocks → rows, for all keys and files at once, and the newest version.

Nothing is merged that is not asked for, and no block is read for a key that a newer file answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tablestore.file import column_reader
from tablestore.file import vector as vectors
from tablestore.file.joint import Extent, JointDirectory
from tablestore.file.key_reader import read_extent_keys
from tablestore.file.keys import Keys
from tablestore.file.sst_reader import SstReader
from tablestore.file.vector import Vector
from tablestore.lsm.cache import FileCache
from tablestore.lsm.candidates import BucketFiles, Candidates, candidates
from tablestore.lsm.run import Run
from tablestore.lsm.window import ranks
from tablestore.types import ROW_KIND, Field

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]
Index = npt.NDArray[np.uint32]

ROWS_DECODED_MAX = 1 << 21  # rows of the blocks of one column that are read at a time


@dataclass
class Step:
    """One file that a lookup looked at, for `inspect lookup --trace`."""

    file: str
    level: int
    probes: int
    in_range: int = 0
    passed_filter: int = 0
    blocks: tuple[int, ...] = ()
    found: int = 0


@dataclass
class Found:
    """Versions found in one bucket: probe, reader, row of the file, row kind; one version per probe at most.

    kind: only that of deletes is read; values may show any kind of a value.
    """

    probe: Places
    reader: Sequence[SstReader]
    reader_of: Places
    row: Places
    kind: npt.NDArray[np.uint8]
    joint: JointDirectory | None = None

    def __len__(self) -> int:
        return len(self.probe)

    def restrict(self, mask: Mask | Places) -> Found:
        """The versions for which `mask` holds; or those at some places, in their order."""
        return Found(
            self.probe[mask], self.reader, self.reader_of[mask], self.row[mask], self.kind[mask], self.joint
        )

    def column(self, column: Field) -> Vector:
        """The values of a column in these versions, in order."""
        if not len(self):
            return vectors.nulls(column.type, 0)
        parts = [column_reader.read(extent, column, index) for extent, index in self._batches]
        joined = vectors.concat(parts)
        return joined if self._order is None else joined.take(self._order)

    @cached_property
    def _rows(self) -> tuple[JointDirectory, Places, Places]:
        """Directories of the files, and of each version the block and the row, both counted through all files."""
        joint = self.joint or JointDirectory(self.reader)
        rows = joint.row_start[joint.file_start[self.reader_of]] + self.row
        return joint, np.searchsorted(joint.row_start, rows, "right") - 1, rows

    @cached_property
    def _batches(self) -> list[tuple[Extent, Index]]:
        """The blocks of all versions, each in one batch, and the versions among their rows."""
        joint, block, rows = self._rows
        batches = []
        for used in shares(np.unique(block), joint.rows):
            extent = joint.whole(used)
            inside = (block >= used[0]) & (block <= used[-1])
            own = np.searchsorted(used, block[inside])
            index = extent.row_start[own] + rows[inside] - joint.row_start[block[inside]]
            batches.append((extent, index.astype(np.uint32)))
        return batches

    @cached_property
    def _order(self) -> Index | None:
        """Where each version is in the concatenated batches; None if in order."""
        if len(self._batches) == 1:
            return None
        _, block, _ = self._rows
        edges = np.array([extent.block[-1] for extent, _ in self._batches])
        by_batch = np.argsort(np.searchsorted(edges, block), kind="stable")
        order = np.empty(len(block), np.uint32)
        order[by_batch] = np.arange(len(block), dtype=np.uint32)
        return order


def shares(block: Places, rows: npt.NDArray[np.uint32]) -> Iterator[Places]:
    """Ascending blocks in parts of at most ROWS_DECODED_MAX rows, or of one block."""
    ends = np.cumsum(rows[block], dtype=np.int64)
    start = 0
    while start < len(block):
        base = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, base + ROWS_DECODED_MAX, "right")))
        yield block[start:stop]
        start = stop


def lookup(
    cache: FileCache,
    runs: Sequence[Run],
    probes: Keys,
    hashes: npt.NDArray[np.uint64],
    *,
    trace: list[Step] | None = None,
    files: BucketFiles | None = None,
) -> Found:
    """The newest version of each probe in one bucket, deletes included.

    probes: distinct keys, ascending. Without sequence fields the newest run that holds a key decides; with them all
    runs are asked and the greatest tuple wins. files: those of `runs`, if they are at hand. trace: filled run by run.
    """
    order_fields = cache.schema.order_fields
    if trace is None:
        found = _search(cache, files or BucketFiles(runs, cache.schema), probes, hashes)
    else:
        found = _search_in_steps(cache, runs, probes, hashes, trace)
    if order_fields and len(found):
        found = found.restrict(_greatest(found, order_fields))
    return found


def _search(
    cache: FileCache,
    files: BucketFiles,
    probes: Keys,
    hashes: npt.NDArray[np.uint64],
    trace: list[Step] | None = None,
) -> Found:
    """The versions of the probes in some runs: the newest of each, with sequence fields all of them."""
    places = candidates(cache, files, probes, hashes)
    blocks = _Blocks(cache, places)
    if cache.schema.order_fields:
        blocks.search(probes, np.arange(len(places.block)))
        pairs = np.flatnonzero(blocks.row >= 0)
    else:
        pairs = _newest(blocks, probes)
    joint, block = places.joint, places.block[pairs]
    reader_of = joint.file_of[block].astype(np.int64)
    probe, row = places.probe[pairs].astype(np.int64), blocks.row[pairs]
    found = Found(probe, joint.readers, reader_of, row, np.zeros(len(pairs), np.uint8), joint)
    uncertain = joint.deletes[block] > 0
    if uncertain.any():
        found.kind[uncertain] = found.restrict(uncertain).column(ROW_KIND).typed("u1")
    if trace is not None:
        trace.extend(_steps(files, places, reader_of, probes.length))
    return found


class _Blocks:
    """Blocks that may hold probes; `row` becomes for each pair the row of the file that holds the probe."""

    def __init__(self, cache: FileCache, places: Candidates) -> None:
        self.places = places
        self.row = np.full(len(places.block), -1, np.int64)
        self._key_fields = cache.schema.key_fields

    def search(self, probes: Keys, pairs: Places) -> None:
        """Read the blocks of `pairs` and search them for their probes."""
        joint, places = self.places.joint, self.places
        block = places.block[pairs]
        for used in shares(np.unique(block), joint.rows):
            inside = np.flatnonzero((block >= used[0]) & (block <= used[-1]))
            extent = joint.whole(used)
            stored, _ = read_extent_keys(extent, self._key_fields)
            own = np.searchsorted(used, block[inside])
            place = stored.find(extent.row_start, own.astype(np.uint32), places.probe[pairs[inside]], probes)
            hit = np.flatnonzero(place >= 0)
            own = own[hit]
            first = joint.row_start[used[own]] - joint.row_start[joint.file_start[joint.file_of[used[own]]]]
            self.row[pairs[inside[hit]]] = place[hit] - extent.row_start[own] + first


def _newest(blocks: _Blocks, probes: Keys) -> Places:
    """The pair that holds the newest version of each probe, by probe.

    In rounds: the newest candidates of the open probes say which blocks are read, and these are searched for all open
    probes that may be there. More rounds are only for probes that a filter let through in vain.
    """
    places = blocks.places
    pairs = np.arange(len(places.block))
    read = np.zeros(len(places.joint.rows), bool)
    answered = np.zeros(probes.length, bool)
    newest: list[Places] = []
    while len(pairs):
        probe = places.probe[pairs]
        first = np.ones(len(pairs), bool)
        np.not_equal(probe[1:], probe[:-1], out=first[1:])
        known = blocks.row[pairs] >= 0
        done = first & known
        if done.any():
            newest.append(pairs[done])
            answered[probe[done]] = True
            pairs = pairs[~answered[probe]]
            continue
        read[:] = False
        read[places.block[pairs[first]]] = True
        asked = read[places.block[pairs]] & ~known
        blocks.search(probes, pairs[asked])
        pairs = pairs[~asked | (blocks.row[pairs] >= 0)]
    return np.sort(np.concatenate(newest)) if newest else pairs


def _search_in_steps(
    cache: FileCache, runs: Sequence[Run], probes: Keys, hashes: npt.NDArray[np.uint64], trace: list[Step]
) -> Found:
    """One run after another, newest first, each asked for the probes that are still open."""
    parts: list[Found] = []
    open_probes = np.arange(probes.length)
    for run in reversed(runs):
        if not len(open_probes):
            break
        asked = probes.take(open_probes.astype(np.uint32))
        found = _search(cache, BucketFiles([run], cache.schema), asked, hashes[open_probes], trace)
        found.probe = open_probes[found.probe]
        parts.append(found)
        if not cache.schema.order_fields:
            open_probes = np.setdiff1d(open_probes, found.probe, assume_unique=True)
    return _join(parts)


def _steps(files: BucketFiles, places: Candidates, reader_of: Places, probes: int) -> list[Step]:
    """What happened at each file of one run."""
    steps = [
        Step(entry.file, entry.level, probes, int(places.in_range[i]), int(places.passed[i]))
        for i, entry in enumerate(files.entries)
    ]
    searched = np.unique(places.block)
    for number, i in enumerate(places.opened.tolist()):
        mine = searched[places.joint.file_of[searched] == number]
        steps[i].blocks = tuple(places.joint.block_of[mine].tolist())
        steps[i].found = int(np.count_nonzero(reader_of == number))
    return steps


def _join(parts: Sequence[Found]) -> Found:
    """All versions of `parts`, one after another."""
    base = np.cumsum([0, *(len(part.reader) for part in parts)])
    readers = [reader for part in parts for reader in part.reader]
    reader_of = [part.reader_of + at for part, at in zip(parts, base, strict=False)]
    none = np.zeros(0, np.int64)
    return Found(
        np.concatenate([none, *(part.probe for part in parts)]),
        readers,
        np.concatenate([none, *reader_of]),
        np.concatenate([none, *(part.row for part in parts)]),
        np.concatenate([np.zeros(0, np.uint8), *(part.kind for part in parts)]),
    )


def _greatest(found: Found, order_fields: Sequence[Field]) -> Mask:
    """Per probe the version with the greatest sequence fields; among equal ones the newest run, which comes first."""
    order = ranks([found.column(column) for column in order_fields], len(found))
    position = np.arange(len(found))
    ordered: Any = np.lexsort((-position, order, found.probe))
    last = np.ones(len(found), bool)
    last[:-1] = found.probe[ordered][1:] != found.probe[ordered][:-1]
    mask = np.zeros(len(found), bool)
    mask[ordered[last]] = True
    return mask
