"""Windows: key ranges of a bucket, small enough to be merged in memory, and the merge of one window.

A merge first decodes keys only and selects the winning rows (spec §12); columns are decoded and gathered afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tablestore.file import column_reader, keys
from tablestore.file.column_reader import Piece
from tablestore.file.key_reader import read_keys
from tablestore.file.keys import Keys, WordKeys
from tablestore.file.vector import Vector
from tablestore.lsm.run import OpenRun
from tablestore.types import ROW_KIND, Field

SPARSE = 8  # with fewer than 1/SPARSE of the rows wanted, blocks without wanted rows are looked for


@dataclass(frozen=True)
class Slice:
    """Rows [start, stop) of an open run."""

    run: OpenRun
    start: int
    stop: int

    def pieces(self) -> list[Piece]:
        """The rows as pieces of files."""
        return self.run.pieces(self.start, self.stop)


@dataclass(frozen=True)
class Window:
    """A key range of one bucket: the rows of each run that fall into it, oldest run first."""

    place: tuple[bytes, int]
    slices: tuple[Slice, ...]

    @property
    def rows(self) -> int:
        """Stored rows."""
        return sum(part.stop - part.start for part in self.slices)


def cut(
    place: tuple[bytes, int],
    runs: Sequence[OpenRun],
    rows_max: int,
    low: bytes | None = None,
    high: bytes | None = None,
) -> list[Window]:
    """Cut a bucket at block bounds into windows of about `rows_max` rows, within [low, high) if given (bounds)."""
    starts = [run.position(low) if low else 0 for run in runs]
    stops = [run.position(high) if high else run.rows for run in runs]
    windows = []
    previous = starts
    for probe in _cuts(runs, starts, stops, rows_max):
        position = [
            min(max(run.position(probe), start), stop)
            for run, start, stop in zip(runs, previous, stops, strict=True)
        ]
        windows.append(_window(place, runs, previous, position))
        previous = position
    windows.append(_window(place, runs, previous, stops))
    return [window for window in windows if window.slices]


def _window(
    place: tuple[bytes, int], runs: Sequence[OpenRun], starts: Sequence[int], stops: Sequence[int]
) -> Window:
    slices = (
        Slice(run, start, stop) for run, start, stop in zip(runs, starts, stops, strict=True) if stop > start
    )
    return Window(place, tuple(slices))


def _cuts(runs: Sequence[OpenRun], starts: Sequence[int], stops: Sequence[int], rows_max: int) -> list[bytes]:
    """Bounds at which about `rows_max` rows of all runs have gone by."""
    total = sum(stop - start for start, stop in zip(starts, stops, strict=True))
    if total <= rows_max:
        return []
    blocks = []
    for run, start, stop in zip(runs, starts, stops, strict=True):
        for index in range(len(run.block_start)):
            if start < run.block_start[index] < stop:
                blocks.append((run.first.key(index), int(run.block_rows[index])))
    blocks.sort()
    pieces = -(-total // rows_max)
    share = total / pieces
    cuts: list[bytes] = []
    passed = 0
    for bound, rows in blocks:
        if passed >= share * (len(cuts) + 1) and (not cuts or bound > cuts[-1]):
            cuts.append(bound)
        passed += rows
    return cuts


@dataclass
class Selection:
    """The rows of a window that are visible.

    rows: uint32[m] positions in the concatenation of `pieces`, restricted to `wanted` blocks; None = all, in order.
    keys and key_columns are those of the concatenation if the merge needed them.
    """

    pieces: list[Piece]
    wanted: npt.NDArray[np.bool_] | None
    rows: npt.NDArray[np.uint32] | None
    length: int
    keys: Keys | None = None
    key_columns: dict[int, Vector] | None = None

    def column(self, field: Field) -> Vector:
        """The visible rows of a column."""
        decoded = (self.key_columns or {}).get(field.id)
        if decoded is not None:
            return decoded if self.rows is None else decoded.take(self.rows)
        if self.rows is None:
            return column_reader.read_column(self.pieces, field, self.wanted)
        if len(self.rows) * SPARSE < self.length:
            blocks, rows = self._occupied
            return column_reader.read_column(self.pieces, field, blocks).take(rows)
        return column_reader.read_column(self.pieces, field, self.wanted).take(self.rows)

    @cached_property
    def _occupied(self) -> tuple[npt.NDArray[np.bool_] | None, npt.NDArray[np.uint32]]:
        """Blocks that hold a visible row, and the visible rows counted in these blocks alone."""
        assert self.rows is not None
        sizes = block_rows(self.pieces)
        chosen = np.ones(len(sizes), bool) if self.wanted is None else self.wanted
        present = np.flatnonzero(chosen)
        starts = np.zeros(len(present), np.int64)
        np.cumsum(sizes[present][:-1], out=starts[1:])
        visible = np.zeros(self.length, bool)
        visible[self.rows] = True
        used = np.logical_or.reduceat(visible, starts)
        if used.all():
            return self.wanted, self.rows
        shift = np.cumsum(np.where(used, 0, sizes[present]))
        mask = np.zeros(len(sizes), bool)
        mask[present[used]] = True
        before = np.repeat(shift.astype(np.uint32), sizes[present])
        return mask, self.rows - before[self.rows]

    def restrict(self, mask: npt.NDArray[np.bool_]) -> Selection:
        """The rows for which `mask` (bool over the visible rows) holds."""
        kept = np.flatnonzero(mask) if self.rows is None else self.rows[mask]
        return Selection(
            self.pieces, self.wanted, kept.astype(np.uint32), self.length, self.keys, self.key_columns
        )

    def __len__(self) -> int:
        return self.length if self.rows is None else len(self.rows)


def block_rows(pieces: Sequence[Piece]) -> npt.NDArray[np.int64]:
    """Rows that `pieces` take of each of their blocks, in the order in which `read_column` counts blocks."""
    sizes = []
    for piece in pieces:
        if piece.stop > piece.start:
            first, last = piece.blocks()
            edges = np.clip(piece.reader.row_start[first : last + 1], piece.start, piece.stop)
            sizes.append(np.diff(edges))
    return np.concatenate(sizes) if sizes else np.zeros(0, np.int64)


def select(
    window: Window,
    key_fields: Sequence[Field],
    sequence_fields: Sequence[Field],
    *,
    wanted: npt.NDArray[np.bool_] | None = None,
    keep_deletes: bool = False,
) -> Selection:
    """Merge a window (spec §12.4): per key the greatest version, without deletes unless `keep_deletes`."""
    pieces = [piece for part in window.slices for piece in part.pieces()]
    sizes = block_rows(pieces)
    length = int(sizes.sum() if wanted is None else sizes[wanted].sum())
    if len(window.slices) == 1:
        if keep_deletes or not _has_deletes(pieces):
            return Selection(pieces, wanted, None, length)
        kinds = column_reader.read_column(pieces, ROW_KIND, wanted).typed("u1")
        rows = np.flatnonzero((kinds & 1) == 0).astype(np.uint32)
        return Selection(pieces, wanted, rows, length)
    encoded, columns = read_keys(pieces, key_fields, wanted)
    run_end = _run_ends(window, wanted)
    rank = None
    if sequence_fields:
        order = [column_reader.read_column(pieces, field, wanted) for field in sequence_fields]
        rank = ranks(order, length)
    winners = encoded.merge(run_end, rank)
    if not keep_deletes and _has_deletes(pieces):
        kinds = column_reader.read_column(pieces, ROW_KIND, wanted).typed("u1")
        winners = winners[(kinds[winners] & 1) == 0]
    decoded = {field.id: column for field, column in zip(key_fields, columns, strict=True)}
    return Selection(pieces, wanted, winners, length, encoded, decoded)


def _run_ends(window: Window, wanted: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.int64]:
    """Cumulative rows after each slice, counting wanted blocks only."""
    ends = []
    total = 0
    place = 0
    for part in window.slices:
        sizes = block_rows(part.pieces())
        if wanted is None:
            total += int(sizes.sum())
        else:
            total += int(sizes[wanted[place : place + len(sizes)]].sum())
            place += len(sizes)
        ends.append(total)
    return np.array(ends, np.int64)


def _has_deletes(pieces: Sequence[Piece]) -> bool:
    return any(piece.reader.properties.delete_count for piece in pieces)


def ranks(columns: Sequence[Vector], length: int) -> npt.NDArray[np.uint64]:
    """Order of rows by their sequence fields (spec §12.3): uint64[length], equal for equal tuples, null lowest."""
    if len(columns) == 1 and columns[0].validity is None:
        encoded = keys.encode(columns, length)
        if isinstance(encoded, WordKeys):
            return encoded.words
    tuples = keys.encode_tuples(columns, length)
    order, _ = tuples.sort(None, 1, None)
    return tuples.take(order).search(tuples).astype(np.uint64)
