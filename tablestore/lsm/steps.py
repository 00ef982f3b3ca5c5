"""Changes of several appends of a bucket at once (spec §14.5): the versions of each key side by side, compared by
vectors. What a step costs by itself, a look-up of every key on both sides, is then paid once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore.file import column_reader
from tablestore.file import vector as vectors
from tablestore.file.key_reader import read_extent_keys
from tablestore.file.manifest import Entry
from tablestore.file.vector import Vector
from tablestore.lsm.cache import FileCache
from tablestore.lsm.changes import DELETE, INSERT, UPDATE_AFTER, UPDATE_BEFORE, ChangesRequest, Place
from tablestore.lsm.condition import key_range
from tablestore.lsm.equality import rows_equal
from tablestore.lsm.image import Image, Probes, read_image
from tablestore.lsm.run import Run
from tablestore.lsm.window import Window, cut
from tablestore.types import ROW_KIND, Field

BASE = -1  # the step of what was there before

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Appended:
    """Files of level 0 that appends brought to one bucket, oldest first, and the step of each, ascending from 0."""

    entries: tuple[Entry, ...]
    steps: tuple[int, ...]

    @property
    def rows(self) -> int:
        """Stored rows of all files."""
        return sum(entry.row_count for entry in self.entries)


@dataclass(frozen=True)
class StepRows:
    """Changes ordered by step and key. steps: int64[n]; kinds: uint8[n]; columns in the order of the request."""

    steps: Numbers
    kinds: npt.NDArray[np.uint8]
    columns: list[pa.Array]


@dataclass(frozen=True)
class _Versions:
    """Rows that a key may show, those of the base first, then those of the files, oldest first: their keys' numbers,
    steps, and values by column."""

    key: Numbers
    step: Numbers
    present: Mask
    column: Callable[[Field], Vector]


def append_rows(
    cache: FileCache, place: Place, base: Sequence[Run], appended: Appended, request: ChangesRequest
) -> StepRows | None:
    """The changes of every step to the one before it, the first to the runs `base`; None if no file is of interest.

    Only for tables without sequence fields: there the newest row of a key is the one that shows.
    """
    opened = cache.open_runs([Run(0, (entry,)) for entry in appended.entries])
    windows = cut(place, opened, 1 << 62, *key_range(request.condition, cache.schema))
    if not windows:
        return None
    part = windows[0]
    step_of = dict(zip((entry.file for entry in appended.entries), appended.steps, strict=True))
    steps = np.array([step_of[piece.run.run.files[0].file] for piece in part.slices], np.int64)
    versions = _versions(cache, place, base, part, np.repeat(steps, np.diff(part.ends, prepend=0)))
    if request.condition is not None:
        used = [field for field in cache.schema.fields if field.name in request.condition.columns]
        columns = {field.name: versions.column(field) for field in used}
        versions.present[:] &= request.condition.mask_of(columns, len(versions.key))
    keys = {field.id for field in cache.schema.key_fields}
    return _changes(versions, request.fields, [field for field in request.fields if field.id not in keys])


def _versions(cache: FileCache, place: Place, base: Sequence[Run], part: Window, steps: Numbers) -> _Versions:
    """Rows of the files and, looked up, what the base shows of their keys."""
    fields, extent = cache.schema.key_fields, part.extent
    encoded, columns = read_extent_keys(extent, fields)
    named = {field.id: column for field, column in zip(fields, columns, strict=True)}
    if len(part.slices) == 1:
        number, probes = np.arange(part.rows), Probes(encoded, encoded.hashes(), named)
    else:
        chosen = encoded.merge(part.ends, None)
        distinct = encoded.take(chosen)
        number = distinct.search(encoded)
        probes = Probes(
            distinct, distinct.hashes(), {id_: column.take(chosen) for id_, column in named.items()}
        )
    image = read_image(cache, place, base, probes)
    present = np.ones(len(image) + part.rows, bool)
    if extent.has_deletes:
        present[len(image) :] = (column_reader.read(extent, ROW_KIND).typed("u1") & 1) == 0
    return _Versions(
        np.concatenate([image.probe, number]),
        np.concatenate([np.full(len(image), BASE), steps]),
        present,
        _Columns(image, part, named),
    )


class _Columns:
    """Values of a column, of the base's rows and then the files'; each is decoded once."""

    def __init__(self, image: Image, part: Window, keys: dict[int, Vector]) -> None:
        self._image = image
        self._part = part
        self._keys = keys
        self._known: dict[int, Vector] = {}

    def __call__(self, field: Field) -> Vector:
        found = self._known.get(field.id)
        if found is None:
            own = self._keys.get(field.id)
            if own is None:
                own = column_reader.read(self._part.extent, field)
            found = vectors.concat([self._image.column(field), own]) if len(self._image) else own
            self._known[field.id] = found
        return found


def _changes(versions: _Versions, fields: Sequence[Field], compared: Sequence[Field]) -> StepRows:
    """Compare the last row of each key and step with that before it (spec §14.3)."""
    order = np.argsort(versions.key, kind="stable")  # of a key they stand in the order of their steps
    key, step = versions.key[order], versions.step[order]
    follows = key[1:] == key[:-1]
    last = np.append(~(follows & (step[1:] == step[:-1])), True)
    row, key, step = order[last], key[last], step[last]
    shown = versions.present[row]
    had_before = np.zeros(len(row), bool)
    had_before[1:] = (key[1:] == key[:-1]) & shown[:-1]
    before = np.roll(row, 1)
    counts = step != BASE
    both = np.flatnonzero(counts & had_before & shown)
    if len(both):
        equal = np.ones(len(both), bool)
        chosen = before[both].astype(np.uint32), row[both].astype(np.uint32)
        for field in compared:
            column = versions.column(field)
            equal &= rows_equal(column.take(chosen[0]), column.take(chosen[1]))
        counts[both[equal]] = False
    changed = np.flatnonzero(counts & (had_before | shown))
    changed = changed[np.argsort(step[changed], kind="stable")]
    gone, come = had_before[changed], shown[changed]
    first = np.cumsum(gone.astype(np.int64) + come) - come - gone
    size = int(gone.sum() + come.sum())
    steps, kinds = np.empty(size, np.int64), np.empty(size, np.uint8)
    index = np.empty(size, np.uint32)
    old, new = first[gone], (first + gone)[come]
    steps[old], steps[new] = step[changed][gone], step[changed][come]
    index[old], index[new] = before[changed][gone], row[changed][come]
    kinds[old] = np.where(come[gone], UPDATE_BEFORE, DELETE)
    kinds[new] = np.where(gone[come], UPDATE_AFTER, INSERT)
    return StepRows(steps, kinds, [versions.column(field).take(index).to_arrow() for field in fields])
