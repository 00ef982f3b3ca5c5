"""What a bucket shows of some keys (spec §14.3): looked up where they are few, merged where they are many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore.file import keys
from tablestore.file.key_reader import read_extent_keys
from tablestore.file.keys import Keys
from tablestore.file.vector import Vector
from tablestore.lsm.cache import FileCache
from tablestore.lsm.condition import Condition
from tablestore.lsm.lookup import Found, lookup
from tablestore.lsm.run import OpenRun, Run
from tablestore.lsm.window import Selection, cut, select
from tablestore.types import Field

DENSE_ROWS_MIN = 4096  # with fewer keys a merge does not pay
DENSE = 4  # a merge reads at most so many rows for each key that is wanted

Mask = npt.NDArray[np.bool_]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Probes:
    """Keys of one bucket, distinct and ascending, and the key columns that they were made from."""

    keys: Keys
    hashes: npt.NDArray[np.uint64]
    columns: Mapping[int, Vector]

    @property
    def length(self) -> int:
        """Number of keys."""
        return self.keys.length


class Columns(Protocol):
    """Where the values of an image's rows are: found one by one, or selected by a merge."""

    def column(self, field: Field) -> Vector:
        """The values of a column, in the order of the probes."""


@dataclass(frozen=True)
class Image:
    """The visible rows of some probes. probe: int64[m], ascending, which of them. rows: where their values are."""

    probes: Probes
    probe: Index
    rows: Columns

    def __len__(self) -> int:
        return len(self.probe)

    def column(self, field: Field) -> Vector:
        """Values of a column in the order of the probes; those of the key are known and not read."""
        known = self.probes.columns.get(field.id)
        if known is not None:
            return known if len(self.probe) == known.length else known.take(self.probe.astype(np.uint32))
        return self.rows.column(field)

    def restrict(self, mask: Mask) -> Image:
        """The rows for which `mask` (bool[m]) holds."""
        if mask.all():
            return self
        assert isinstance(self.rows, Found | Selection)
        return Image(self.probes, self.probe[mask], self.rows.restrict(mask))

    def matching(self, condition: Condition | None, fields: Sequence[Field]) -> Image:
        """The rows that fulfil a condition."""
        if condition is None or not len(self):
            return self
        used = [field for field in fields if field.name in condition.columns]
        columns = [self.column(field).to_arrow() for field in used]
        table = pa.table(columns, names=[field.name for field in used])
        if not used:
            table = pa.table({"__none": pa.nulls(len(self))})
        return self.restrict(condition.mask(table))


def read_image(cache: FileCache, place: tuple[bytes, int], runs: Sequence[Run], probes: Probes) -> Image:
    """The visible row of each probe that has one, in the runs of a bucket (spec §12.4)."""
    low, high = _range(probes.keys)
    met = [run for run in (_within(run, low, high) for run in runs) if run is not None]
    if probes.length >= DENSE_ROWS_MIN:
        opened = cache.open_runs(met)
        if sum(_rows_between(run, low, high) for run in opened) <= DENSE * probes.length:
            return _merged(cache, place, opened, probes, low, high)
    found = lookup(cache, met, probes.keys, probes.hashes)
    visible = np.flatnonzero((found.kind & 1) == 0)
    found = found.restrict(visible[np.argsort(found.probe[visible], kind="stable")])
    return Image(probes, found.probe, found)


def _range(probes: Keys) -> tuple[bytes, bytes | None]:
    """Bounds (spec §3.5) [low, high) of the keys; None = open."""
    low, last = probes.key(0)[: keys.BOUND_SIZE], probes.key(probes.length - 1)
    if len(last) < keys.BOUND_SIZE:
        return low, last + b"\0"
    above = int.from_bytes(last[: keys.BOUND_SIZE], "big") + 1
    return low, None if above >> (8 * keys.BOUND_SIZE) else above.to_bytes(keys.BOUND_SIZE, "big")


def _within(run: Run, low: bytes, high: bytes | None) -> Run | None:
    """The files of a run that may hold keys in [low, high)."""
    files = tuple(
        entry for entry in run.files if entry.key_max >= low and (high is None or entry.key_min < high)
    )
    return Run(run.level, files) if files else None


def _rows_between(run: OpenRun, low: bytes, high: bytes | None) -> int:
    """Rows of the blocks that may hold keys in [low, high)."""
    first = run.last.lower_bound(low)
    stop = len(run.block_rows) if high is None else run.first.lower_bound(high)
    return int(run.block_rows[first:stop].sum(dtype=np.int64))


def _merged(
    cache: FileCache,
    place: tuple[bytes, int],
    runs: Sequence[OpenRun],
    probes: Probes,
    low: bytes,
    high: bytes | None,
) -> Image:
    """Merge the whole key range of the probes and keep what they ask for."""
    schema = cache.schema
    nothing = np.zeros(0, np.int64)
    windows = cut(place, runs, 1 << 62, low, high)
    if not windows:
        return Image(probes, nothing, _nothing())
    selection = select(windows[0], schema.key_fields, schema.order_fields)
    visible = selection.keys
    if visible is None:
        visible, _ = read_extent_keys(selection.extent, schema.key_fields)
    if selection.rows is not None:
        visible = visible.take(selection.rows)
    row = visible.search(probes.keys)
    asked = np.flatnonzero(row >= 0)
    wanted = np.zeros(len(selection), bool)
    wanted[row[asked]] = True
    return Image(probes, asked, selection if wanted.all() else selection.restrict(wanted))


def _nothing() -> Found:
    empty = np.zeros(0, np.int64)
    return Found(empty, [], empty, empty, np.zeros(0, np.uint8))
