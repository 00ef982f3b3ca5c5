"""Point lookups: hash → bucket → runs, newest first → filter → block → row. Nothing is merged that is not asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from tablestore._native import bloom
from tablestore.file import column_reader
from tablestore.file import vector as vectors
from tablestore.file.column_reader import Piece
from tablestore.file.key_reader import read_keys
from tablestore.file.keys import Keys, WordKeys
from tablestore.file.sst_reader import SstReader
from tablestore.file.vector import Vector
from tablestore.lsm.cache import FileCache
from tablestore.lsm.run import Run
from tablestore.lsm.window import ranks
from tablestore.types import ROW_KIND, Field

Mask = npt.NDArray[np.bool_]

ROWS_DECODED_MAX = 1 << 21  # rows of one column that are decoded at a time


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
    """Versions found in one bucket: probe, reader, row of the file, row kind; one version per probe at most."""

    probe: npt.NDArray[np.int64]
    reader: list[SstReader]
    reader_of: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    kind: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.probe)

    def restrict(self, mask: Mask | npt.NDArray[np.int64]) -> Found:
        """The versions for which `mask` holds; or those at some positions, in their order."""
        return Found(self.probe[mask], self.reader, self.reader_of[mask], self.row[mask], self.kind[mask])

    def column(self, column: Field) -> Vector:
        """The values of a column in these versions, in order."""
        if not len(self):
            return vectors.nulls(column.type, 0)
        parts = [
            column_reader.read_column(batch.pieces, column, batch.blocks).take(batch.index)
            for batch in self._batches
        ]
        joined = vectors.concat(parts)
        return joined if self._order is None else joined.take(self._order)

    @cached_property
    def _batches(self) -> list[_Batch]:
        """The versions' blocks, each decoded once, in batches that are decoded in one call."""
        batches: list[_Batch] = []
        touched = _Touched()
        for number in range(len(self.reader)):
            touched.add(self.reader[number], self.row[self.reader_of == number])
            if touched.rows >= ROWS_DECODED_MAX:
                batches.extend(touched.batches())
                touched = _Touched()
        return batches + touched.batches()

    @cached_property
    def _order(self) -> npt.NDArray[np.uint32] | None:
        """Where each version is in the concatenated batches, which go by reader and row; None if in order."""
        by_place = np.lexsort((self.row, self.reader_of))
        if np.array_equal(by_place, np.arange(len(by_place))):
            return None
        order = np.empty(len(by_place), np.uint32)
        order[by_place] = np.arange(len(by_place), dtype=np.uint32)
        return order


@dataclass
class _Batch:
    """Blocks of some files to be decoded together, and the rows of interest among theirs."""

    pieces: list[Piece]
    blocks: Mask
    index: npt.NDArray[np.uint32]


@dataclass
class _Touched:
    """Blocks that hold rows of interest, collected file by file."""

    files: list[tuple[SstReader, npt.NDArray[np.int64]]] = field(default_factory=list)
    rows: int = 0

    def add(self, reader: SstReader, rows: npt.NDArray[np.int64]) -> None:
        """Rows of one file, any order."""
        if len(rows):
            ordered = np.sort(rows)
            owner = np.unique(np.searchsorted(reader.row_start, ordered, "right") - 1)
            self.files.append((reader, ordered))
            self.rows += int(reader.directory.rows[owner].sum(dtype=np.int64))

    def batches(self) -> list[_Batch]:
        """One batch of all files; a file whose blocks are too many by itself is cut."""
        if len(self.files) == 1 and self.rows > ROWS_DECODED_MAX:
            reader, rows = self.files[0]
            owner = np.searchsorted(reader.row_start, rows, "right") - 1
            _, starts = np.unique(owner, return_index=True)
            share = max(1, ROWS_DECODED_MAX // int(reader.directory.rows.max()))
            edges = [*starts[::share].tolist(), len(rows)]
            return [_batch([(reader, rows[low:high])]) for low, high in pairwise(edges)]
        return [_batch(self.files)] if self.files else []


def _batch(files: Sequence[tuple[SstReader, npt.NDArray[np.int64]]]) -> _Batch:
    pieces, masks, indexes = [], [], []
    base = 0
    for reader, rows in files:
        starts = reader.row_start
        owner = np.searchsorted(starts, rows, "right") - 1
        blocks = np.zeros(len(starts) - 1, bool)
        blocks[owner] = True
        kept = np.where(blocks, np.diff(starts), 0)
        before = np.cumsum(kept) - kept
        indexes.append(base + before[owner] + rows - starts[owner])
        base += int(kept.sum())
        pieces.append(Piece(reader, 0, int(reader.footer.row_count)))
        masks.append(blocks)
    return _Batch(pieces, np.concatenate(masks), np.concatenate(indexes).astype(np.uint32))


def lookup(
    cache: FileCache,
    runs: Sequence[Run],
    probes: Keys,
    hashes: npt.NDArray[np.uint64],
    *,
    trace: list[Step] | None = None,
) -> Found:
    """The newest version of each probe in one bucket, deletes included.

    probes: distinct keys, ascending. Without sequence fields the first run that holds a key decides; with them all
    runs are asked and the greatest tuple wins.
    """
    schema = cache.schema
    open_probes = np.arange(probes.length)
    hits: list[tuple[npt.NDArray[np.int64], SstReader, npt.NDArray[np.int64]]] = []
    for run in reversed(runs):
        if not len(open_probes):
            break
        answered: list[npt.NDArray[np.int64]] = []
        for entry in reversed(run.files):
            candidates = _in_range(probes, open_probes, entry.key_min, entry.key_max)
            step = Step(entry.file, entry.level, len(open_probes), len(candidates))
            if len(candidates):
                reader = cache.open(entry)
                found, rows = _search_file(reader, schema.key_fields, probes, hashes, candidates, step)
                if len(found):
                    hits.append((found, reader, rows))
                    answered.append(found)
            if trace is not None:
                trace.append(step)
        if answered and not schema.order_fields:
            open_probes = np.setdiff1d(open_probes, np.concatenate(answered), assume_unique=True)
    found_all = _collect(hits)
    if schema.order_fields and len(hits) > 1:
        found_all = found_all.restrict(_greatest(found_all, schema.order_fields))
    return found_all


def _in_range(
    probes: Keys, chosen: npt.NDArray[np.int64], key_min: bytes, key_max: bytes
) -> npt.NDArray[np.int64]:
    """Probes between two bounds (spec §3.5)."""
    low, high = probes.lower_bound(key_min), probes.upper_bound(key_max)
    return chosen[(chosen >= low) & (chosen < high)]


def _search_file(
    reader: SstReader,
    key_fields: Sequence[Field],
    probes: Keys,
    hashes: npt.NDArray[np.uint64],
    candidates: npt.NDArray[np.int64],
    step: Step,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Probes found in a file and their rows."""
    section = reader.filter()
    if section is not None:
        candidates = candidates[bloom.probe(section, hashes[candidates]).astype(bool)]
    step.passed_filter = len(candidates)
    empty = np.zeros(0, np.int64)
    if not len(candidates):
        return empty, empty
    chosen = probes.take(candidates.astype(np.uint32))
    blocks = _candidate_blocks(reader, chosen)
    step.blocks = tuple(np.flatnonzero(blocks).tolist())
    if not blocks.any():
        return empty, empty
    whole = [Piece(reader, 0, int(reader.footer.row_count))]
    stored, _ = read_keys(whole, key_fields, blocks)
    place = stored.search(chosen)
    hit = np.flatnonzero(place >= 0)
    step.found = len(hit)
    return candidates[hit], _absolute(reader, blocks, place[hit])


def _candidate_blocks(reader: SstReader, probes: Keys) -> Mask:
    """bool[B]: blocks whose key bounds enclose a probe."""
    directory = reader.directory
    mask = np.zeros(len(directory.rows), bool)
    first, last = directory.first, directory.last
    if isinstance(probes, WordKeys) and isinstance(first, WordKeys) and isinstance(last, WordKeys):
        block = np.searchsorted(last.words, probes.words, "left")
        inside = block < len(mask)
        block = block[inside]
        mask[block[first.words[block] <= probes.words[inside]]] = True
        return mask
    for index in range(len(mask)):
        mask[index] = probes.lower_bound(first.key(index)) < probes.upper_bound(last.key(index))
    return mask


def _absolute(reader: SstReader, blocks: Mask, place: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Rows of the file from rows of the chosen blocks."""
    chosen = np.flatnonzero(blocks)
    ends = np.cumsum(reader.directory.rows[chosen].astype(np.int64))
    owner = np.searchsorted(ends, place, "right")
    before = ends[owner] - reader.directory.rows[chosen[owner]]
    rows: npt.NDArray[np.int64] = place - before + reader.row_start[chosen[owner]]
    return rows


def _collect(
    hits: Iterable[tuple[npt.NDArray[np.int64], SstReader, npt.NDArray[np.int64]]],
) -> Found:
    """All hits, newest run first, with their row kinds."""
    items = list(hits)
    empty = np.zeros(0, np.int64)
    probe = np.concatenate([found for found, _, _ in items]) if items else empty
    row = np.concatenate([rows for _, _, rows in items]) if items else empty
    reader_of = np.repeat(np.arange(len(items)), [len(found) for found, _, _ in items])
    found = Found(probe, [reader for _, reader, _ in items], reader_of, row, np.zeros(len(probe), np.uint8))
    if any(reader.properties.delete_count for reader in found.reader):
        found.kind = found.column(ROW_KIND).typed("u1")
    return found


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
