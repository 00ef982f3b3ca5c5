"""Windows: key ranges of a bucket, small enough to be merged in memory, and the merge of one window.

A merge first decodes keys only and selects the winning rows (spec §12); columns are decoded and gathered afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tablestore.file import column_reader, keys
from tablestore.file.column_reader import Piece
from tablestore.file.joint import Extent
from tablestore.file.key_reader import read_extent_keys
from tablestore.file.keys import Keys, WordKeys
from tablestore.file.vector import Vector
from tablestore.lsm.run import OpenBucket, OpenRun
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
    """A key range of one bucket: the rows of each run that fall into it, oldest run first.

    extent: the rows of all slices, one slice after another.
    """

    place: tuple[bytes, int]
    slices: tuple[Slice, ...]
    extent: Extent

    @property
    def rows(self) -> int:
        """Stored rows."""
        return self.extent.length

    @cached_property
    def ends(self) -> npt.NDArray[np.int64]:
        """Rows of the extent at which each slice ends."""
        return np.cumsum([part.stop - part.start for part in self.slices]).astype(np.int64)


def cut(
    place: tuple[bytes, int],
    runs: OpenBucket | Sequence[OpenRun],
    rows_max: int,
    low: bytes | None = None,
    high: bytes | None = None,
) -> Sequence[Window]:
    """Cut a bucket at block bounds into windows of about `rows_max` rows, within [low, high) if given (bounds)."""
    bucket = runs if isinstance(runs, OpenBucket) else OpenBucket(runs)
    if not bucket.runs:
        return []
    asked = place, rows_max, low, high
    known = bucket.planned
    if known is None or known[0] != asked:
        known = bucket.planned = asked, tuple(_cut(place, bucket, rows_max, low, high))
    windows: tuple[Window, ...] = known[1]
    return windows


def _cut(
    place: tuple[bytes, int], bucket: OpenBucket, rows_max: int, low: bytes | None, high: bytes | None
) -> Iterator[Window]:
    starts, stops = bucket.row_start[:-1], bucket.row_start[1:]
    if low:
        starts = bucket.positions([low])[0]
    if high:
        stops = bucket.positions([high])[0]
    inner = bucket.positions(_cuts(bucket, starts, stops, rows_max))
    edges = np.maximum.accumulate(
        np.vstack([starts, np.clip(inner, starts, np.maximum(starts, stops)), stops])
    )
    windows = (_window(place, bucket, edges[i], edges[i + 1]) for i in range(len(edges) - 1))
    yield from (window for window in windows if window.slices)


def _window(
    place: tuple[bytes, int],
    bucket: OpenBucket,
    starts: npt.NDArray[np.int64],
    stops: npt.NDArray[np.int64],
) -> Window:
    bases = bucket.row_start
    slices = (
        Slice(bucket.runs[number], int(starts[number] - bases[number]), int(stops[number] - bases[number]))
        for number in np.flatnonzero(stops > starts).tolist()
    )
    return Window(place, tuple(slices), bucket.joint.spans(starts, stops))


def _cuts(
    bucket: OpenBucket, starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64], rows_max: int
) -> list[bytes]:
    """Bounds at which about `rows_max` rows of all runs have gone by."""
    total = int((stops - starts).clip(0).sum())
    if total <= rows_max:
        return []
    counts = np.diff(bucket.block_start)
    begin = bucket.joint.row_start[:-1]
    inside = np.flatnonzero((begin > np.repeat(starts, counts)) & (begin < np.repeat(stops, counts)))
    bounds = bucket.joint.first.take(inside.astype(np.uint32))
    order = bounds.order()
    rows = bucket.joint.rows[inside[order]].astype(np.int64)
    passed = np.cumsum(rows) - rows
    share = total / -(-total // rows_max)
    cuts: list[bytes] = []
    place = 0
    while True:
        place = max(place, int(np.searchsorted(passed, share * (len(cuts) + 1), "left")))
        while place < len(order) and cuts and bounds.key(int(order[place])) <= cuts[-1]:
            place += 1
        if place >= len(order):
            return cuts
        cuts.append(bounds.key(int(order[place])))


@dataclass
class Selection:
    """The rows of a window that are visible.

    rows: uint32[m] positions among the rows of `extent`; None = all, in order. keys and key_columns are those of all
    rows of the extent if the merge needed them. read: columns of visible rows that were decoded before, and the rows
    among these that are still visible.
    """

    extent: Extent
    rows: npt.NDArray[np.uint32] | None
    keys: Keys | None = None
    key_columns: dict[int, Vector] | None = None
    read: dict[int, tuple[Vector, npt.NDArray[np.uint32]]] = field(default_factory=dict)

    @property
    def pieces(self) -> list[Piece]:
        """The extent as pieces of files."""
        return column_reader.pieces_of(self.extent)

    def column(self, wanted: Field) -> Vector:
        """The visible rows of a column."""
        if wanted.id in self.read:
            vector, kept = self.read[wanted.id]
            return vector.take(kept)
        decoded = (self.key_columns or {}).get(wanted.id)
        if decoded is not None:
            return decoded if self.rows is None else decoded.take(self.rows)
        if self.rows is not None and len(self.rows) * SPARSE < self.extent.length:
            extent, rows = self._occupied
            return column_reader.read(extent, wanted, rows)
        return column_reader.read(self.extent, wanted, self.rows)

    @cached_property
    def _occupied(self) -> tuple[Extent, npt.NDArray[np.uint32]]:
        """The blocks that hold a visible row, and the visible rows counted in these blocks alone."""
        assert self.rows is not None
        starts = self.extent.row_start
        visible = np.zeros(self.extent.length, bool)
        visible[self.rows] = True
        used = np.logical_or.reduceat(visible, starts[:-1])
        if used.all():
            return self.extent, self.rows
        sizes = np.diff(starts)
        shift = np.cumsum(np.where(used, 0, sizes)).astype(np.uint32)
        return self.extent.only(used), self.rows - np.repeat(shift, sizes)[self.rows]

    def restrict(self, mask: npt.NDArray[np.bool_], read: Mapping[int, Vector] | None = None) -> Selection:
        """The rows for which `mask` (bool over the visible rows) holds; read: columns of the visible rows."""
        kept = np.flatnonzero(mask).astype(np.uint32)
        rows = kept if self.rows is None else self.rows[kept]
        known = {name: (vector, kept) for name, vector in (read or {}).items()}
        for name, (vector, before) in self.read.items():
            known.setdefault(name, (vector, before[kept]))
        return Selection(self.extent, rows, self.keys, self.key_columns, known)

    def __len__(self) -> int:
        return self.extent.length if self.rows is None else len(self.rows)


def select(
    window: Window,
    key_fields: Sequence[Field],
    sequence_fields: Sequence[Field],
    *,
    wanted: npt.NDArray[np.bool_] | None = None,
    keep_deletes: bool = False,
) -> Selection:
    """Merge a window (spec §12.4): per key the greatest version, without deletes unless `keep_deletes`.

    wanted: bool over the blocks of the window's extent; the rows of other blocks take no part.
    """
    extent = window.extent if wanted is None else window.extent.only(wanted)
    if len(window.slices) == 1 or not len(extent.block):
        if keep_deletes or not extent.has_deletes:
            return Selection(extent, None)
        kinds = column_reader.read(extent, ROW_KIND).typed("u1")
        return Selection(extent, np.flatnonzero((kinds & 1) == 0).astype(np.uint32))
    encoded, columns = read_extent_keys(extent, key_fields)
    rank = None
    if sequence_fields:
        rank = ranks([column_reader.read(extent, order) for order in sequence_fields], extent.length)
    winners = encoded.merge(_run_ends(window, extent, wanted), rank)
    if not keep_deletes and extent.has_deletes:
        kinds = column_reader.read(extent, ROW_KIND).typed("u1")
        winners = winners[(kinds[winners] & 1) == 0]
    decoded = {key.id: column for key, column in zip(key_fields, columns, strict=True)}
    return Selection(extent, winners, encoded, decoded)


def _run_ends(window: Window, extent: Extent, wanted: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.int64]:
    """Cumulative rows after each slice, counting wanted blocks only."""
    if wanted is None:
        return window.ends
    blocks = np.searchsorted(window.extent.row_start, window.ends)
    left = np.zeros(len(wanted) + 1, np.int64)
    np.cumsum(wanted, out=left[1:])
    return extent.row_start[left[blocks]]


def ranks(columns: Sequence[Vector], length: int) -> npt.NDArray[np.uint64]:
    """Order of rows by their sequence fields (spec §12.3): uint64[length], equal for equal tuples, null lowest."""
    if len(columns) == 1 and columns[0].validity is None:
        encoded = keys.encode(columns, length)
        if isinstance(encoded, WordKeys):
            return encoded.words
    tuples = keys.encode_tuples(columns, length)
    order, _ = tuples.sort(None, 1, None)
    return tuples.take(order).search(tuples).astype(np.uint64)
