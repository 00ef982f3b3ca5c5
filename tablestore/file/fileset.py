"""Sets of live files (spec §9.6): manifests merged with the kernels that merge data, columns decoded when needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore.errors import FormatError
from tablestore.file import keys, manifest
from tablestore.file import vector as vectors
from tablestore.file.manifest import (
    ADDED,
    BUCKET,
    FIELDS,
    LEVEL,
    LEVEL_MAX,
    MOVED,
    PARTITION,
    REMOVED,
    Entry,
    Manifest,
    Written,
)
from tablestore.file.vector import Vector
from tablestore.storage import Storage


class FileSet:
    """Live files, sorted by (partition, bucket, file). Thread-safe."""

    def __init__(self, length: int, read: Callable[[int], Vector]) -> None:
        self.length = length
        self._read = read
        self._columns: dict[int, Vector] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self.length

    def column(self, index: int) -> Vector:
        """One column, by its place in `manifest.FIELDS`."""
        with self._lock:
            found = self._columns.get(index)
        if found is None:
            found = self._read(index)
            with self._lock:
                self._columns[index] = found
        return found

    def to_arrow(self) -> pa.Table:
        """All columns as an Arrow table."""
        return pa.table(
            [self.column(index).to_arrow() for index in range(len(FIELDS))],
            names=[field.name for field in FIELDS],
        )

    def take(self, rows: npt.NDArray[Any]) -> FileSet:
        """The files `rows`."""
        index = np.ascontiguousarray(rows, np.uint32)
        return FileSet(len(index), lambda column: self.column(column).take(index))

    def entries(self) -> list[Entry]:
        """All files as objects; meant for a bucket or two, not for a whole table."""
        values = [self.column(index).to_arrow().to_pylist() for index in range(len(FIELDS))]
        return [Entry(*row) for row in zip(*values, strict=True)]

    def group_edges(self) -> npt.NDArray[np.int64]:
        """Where (partition, bucket) changes, with 0 and the length: int64[groups + 1]."""
        if self.length == 0:
            return np.zeros(1, np.int64)
        bucket = self.column(BUCKET).typed("i4")
        codes = np.asarray(self.column(PARTITION).to_arrow().dictionary_encode().indices)
        inner = np.flatnonzero((bucket[1:] != bucket[:-1]) | (codes[1:] != codes[:-1])) + 1
        return np.concatenate([[0], inner, [self.length]]).astype(np.int64)

    def run_counts(self) -> npt.NDArray[np.int64]:
        """Sorted runs (spec §12.2) of each group: its files of level 0, and its other levels."""
        if self.length == 0:
            return np.zeros(0, np.int64)
        starts = self.group_edges()[:-1]
        level = self.column(LEVEL).typed("i1")
        counts = np.add.reduceat(level == 0, starts, dtype=np.int64)
        for deeper in range(1, LEVEL_MAX + 1):
            counts += np.logical_or.reduceat(level == deeper, starts)
        return counts

    def groups(self) -> list[tuple[int, int]]:
        """Row ranges of equal (partition, bucket), in order."""
        edges = self.group_edges().tolist()
        return list(pairwise(edges))


def live(parts: Sequence[Manifest], strict: bool = False) -> FileSet:
    """Merge manifests, oldest first. strict: also check that changes fit together (spec §9.6)."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return FileSet(0, lambda index: vectors.nulls(FIELDS[index].type, 0))
    kinds = np.concatenate([part.kinds for part in parts])
    if len(parts) == 1 and not strict and not kinds.any():
        return FileSet(len(kinds), parts[0].column)
    encoded = keys.concat([part.encoded for part in parts])
    run_end = np.cumsum([len(part) for part in parts]).astype(np.int64)
    if strict:
        _check_history(encoded, kinds)
    winners = encoded.merge(run_end, None)
    winners = winners[kinds[winners] != REMOVED]
    return FileSet(len(winners), lambda index: _joined(parts, index).take(winners))


def live_rows(parts: Sequence[Manifest], rows: Sequence[npt.NDArray[np.uint32]]) -> FileSet:
    """Live files among chosen rows of each manifest, which hold all changes of the files that they name."""
    return live([part.take(chosen) for part, chosen in zip(parts, rows, strict=True) if len(chosen)])


def _joined(parts: Sequence[Manifest], index: int) -> Vector:
    return vectors.concat([part.column(index) for part in parts])


def _check_history(encoded: keys.Keys, kinds: npt.NDArray[np.uint8]) -> None:
    """Only a file that is not live is added, only a live one is moved or removed (spec §9.6)."""
    live_names: set[bytes] = set()
    for row in range(encoded.length):
        name = encoded.key(row)
        kind = int(kinds[row])
        if (kind == ADDED) == (name in live_names):
            raise FormatError(
                f"file {name[-32:].decode('utf-8', 'replace')} is added, moved or removed out of turn",
                code="bad-entry",
                section="9.6",
            )
        (live_names.discard if kind == REMOVED else live_names.add)(name)


def merge(
    storage: Storage,
    table: str,
    base: int,
    parts: Sequence[Manifest],
    newest: int,
    at_start: bool,
    durable: bool,
) -> Written | None:
    """Merge a contiguous part of a snapshot's list into one manifest (spec §9.7); None if nothing remains.

    newest: the greatest sequence of the parts' references. at_start: the part begins the list.
    """
    encoded = keys.concat([part.encoded for part in parts])
    run_end = np.cumsum([len(part) for part in parts]).astype(np.int64)
    kinds = np.concatenate([part.kinds for part in parts])
    winners = encoded.merge(run_end, None)
    # The oldest change of each file says whether it was live before the part: then it moves, or stays removed.
    backwards = np.arange(encoded.length, 0, -1, dtype=np.uint64)
    is_new = kinds[encoded.merge(run_end, backwards)] == ADDED
    chosen = kinds[winners]
    keep = ~((chosen == REMOVED) & (is_new | at_start))
    result = np.where(chosen == REMOVED, REMOVED, np.where(is_new, ADDED, MOVED))[keep].astype(np.uint8)
    winners = winners[keep]
    if not len(winners):
        return None
    columns = [_joined(parts, index).take(winners) for index in range(len(FIELDS))]
    return manifest.write_columns(storage, table, base, columns, result, newest, durable)
