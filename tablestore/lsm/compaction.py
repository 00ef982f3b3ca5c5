"""Compaction (spec §13): pick runs by size, merge them in windows, write the result to a deeper level."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tablestore.errors import StorageError
from tablestore.file import column_reader, keys, layout, sst
from tablestore.file.manifest import ADDED, LEVEL_MAX, REMOVED, Change, Entry
from tablestore.file.sst_writer import SstWriter
from tablestore.file.vector import Vector
from tablestore.lsm import memtable, window
from tablestore.lsm.cache import FileCache
from tablestore.lsm.purge import Purge
from tablestore.lsm.run import Run
from tablestore.lsm.scan import SCAN_MEMORY, window_rows
from tablestore.lsm.window import Selection, Window
from tablestore.options import TableOptions
from tablestore.types import SEQUENCE

Place = tuple[bytes, int]


@dataclass(frozen=True)
class Pick:
    """Runs `start:` to `stop` (oldest first) of a bucket, to be merged into `level`."""

    start: int
    stop: int
    level: int


def pick(runs: Sequence[Run], options: TableOptions) -> Pick | None:
    """The runs to merge next (spec §13.4), or None while there is nothing to do."""
    count = len(runs)
    if count < options.compaction_trigger:
        return None
    newest_first = [run.size for run in reversed(runs)]
    oldest = newest_first[-1]
    if sum(newest_first[:-1]) * 100 > options.max_space_amplification_percent * oldest:
        return Pick(0, count, LEVEL_MAX)
    chosen = _extend(newest_first, 1, options.size_ratio_percent)
    if chosen < 2:
        forced = max(2, count - options.compaction_trigger + 1)
        chosen = _extend(newest_first, forced, options.size_ratio_percent)
    return _placed(runs, chosen, options.target_file_bytes)


def pick_full(runs: Sequence[Run], deletes_stay: bool = False) -> Pick | None:
    """All runs into the last level, unless the bucket is one such run, without deletes that can go, already."""
    done = len(runs) == 1 and runs[0].level == LEVEL_MAX and (runs[0].deletes == 0 or deletes_stay)
    if not runs or done:
        return None
    return Pick(0, len(runs), LEVEL_MAX)


def _extend(newest_first: Sequence[int], chosen: int, ratio: int) -> int:
    """Add runs while the next is not larger than what is chosen."""
    total = sum(newest_first[:chosen])
    while chosen < len(newest_first) and total * (100 + ratio) >= newest_first[chosen] * 100:
        total += newest_first[chosen]
        chosen += 1
    return chosen


def _placed(runs: Sequence[Run], chosen: int, file_size: int) -> Pick:
    """The newest `chosen` runs and a legal output level; older runs of level 0 and 1 join where there is none."""
    start = len(runs) - chosen
    picked = runs[start:]
    small = all(run.level == 0 for run in picked) and sum(run.size for run in picked) <= file_size
    if start > 0 and runs[start - 1].level <= 1 and small:
        return Pick(start, len(runs), 0)
    while start > 0 and runs[start - 1].level <= 1:
        start -= 1
    return Pick(start, len(runs), LEVEL_MAX if start == 0 else runs[start - 1].level - 1)


@dataclass(frozen=True)
class Compacted:
    """Result of one compaction: changes for a delta, and what went in and came out."""

    place: Place
    inputs: tuple[Entry, ...]
    outputs: tuple[Entry, ...]
    rows_in: int
    rows_out: int
    purged: int = 0

    def changes(self) -> list[Change]:
        """Removed and added entries."""
        return [Change(REMOVED, entry) for entry in self.inputs] + [
            Change(ADDED, entry) for entry in self.outputs
        ]


def pick_purge(runs: Sequence[Run], purge: Purge | None, full: bool = False) -> Pick | None:
    """All runs, if a file has nothing but rows past their time; full: if one may have any (spec §13.9)."""
    past = None if purge is None else purge.some_past if full else purge.all_past
    if past is None or not any(past(entry) for run in runs for entry in run.files):
        return None
    return Pick(0, len(runs), LEVEL_MAX)


def compact(
    cache: FileCache,
    place: Place,
    runs: Sequence[Run],
    chosen: Pick,
    base: int,
    purge: Purge | None = None,
    proceed: Callable[[], None] | None = None,
) -> Compacted:
    """Merge the chosen runs and write the output files. Nothing is published.

    purge: rows to leave out if nothing older stays in the bucket. proceed: called from time to time; what it raises
    ends the compaction.
    """
    merged = runs[chosen.start : chosen.stop]
    inputs = tuple(entry for run in merged for entry in run.files)
    oldest = chosen.start == 0
    opened = cache.open_runs(merged)
    output = _Output(cache, place, chosen.level, base, inputs, oldest)
    output.purge = purge if oldest else None
    rows_in = sum(entry.row_count for entry in inputs)
    rows_of_file = rows_in * cache.schema.options.target_file_bytes // sum(entry.size for entry in inputs)
    rows = min(window_rows(SCAN_MEMORY, len(cache.schema.fields) + 2), max(1, rows_of_file))
    try:
        for part in window.cut(place, opened, rows):
            if proceed is not None:
                proceed()
            output.append(part)
        return Compacted(place, inputs, tuple(output.close()), rows_in, output.rows, output.purged)
    except BaseException:
        output.discard()
        raise


class _Output:
    """Output files of one compaction; a new file begins when one has reached the target size."""

    def __init__(
        self, cache: FileCache, place: Place, level: int, base: int, inputs: Sequence[Entry], oldest: bool
    ) -> None:
        self._cache = cache
        self._place = place
        self._level = level
        self._base = base
        self._oldest = oldest
        self._sequences = {entry.file: entry.sequence_max for entry in inputs}
        self._range = min(e.sequence_min for e in inputs), max(e.sequence_max for e in inputs)
        newest = [e.ordinal for e in inputs if e.sequence_max == self._range[1]]
        self._ordinal = 0 if level else max(newest)
        self._columns = memtable.data_columns(cache.schema)
        self._settings = memtable.settings(cache.schema, level)
        self._writer: SstWriter | None = None
        self._entries: list[Entry] = []
        self.rows = 0
        self.purge: Purge | None = None
        self.purged = 0

    def append(self, part: Window) -> None:
        """Merge one window and write its rows."""
        schema = self._cache.schema
        # With sequence fields a late row may still come (spec §12.3), and only the delete can tell that it is late.
        keep_deletes = not self._oldest or bool(schema.order_fields)
        selection = window.select(part, schema.key_fields, schema.order_fields, keep_deletes=keep_deletes)
        if self.purge is not None and len(selection):
            kept = self.purge.kept(selection.column(self.purge.field))
            self.purged += len(kept) - int(kept.sum())
            if not kept.all():
                selection = selection.restrict(kept)
        count = len(selection)
        if count == 0:
            return
        columns = [
            self._sequence_column(selection) if column.role == "sequence" else selection.column(column.field)
            for column in self._columns
        ]
        encoded = keys.encode(columns[: len(schema.primary_key)], count)
        if self._writer is None:
            file_id = layout.new_file_id(self._base)
            self._writer = SstWriter(file_id, sst.DATA_FILE, self._columns, self._settings)
        self._writer.append(columns, encoded)
        self.rows += count
        if self._level and self._writer.size >= schema.options.target_file_bytes:
            self._finish()

    def _sequence_column(self, selection: Selection) -> Vector:
        """Explicit commit sequences of the rows; 0 where nothing older exists (spec §13.3)."""
        if self._oldest:
            return Vector(SEQUENCE.type, len(selection), np.zeros(len(selection) * 8, np.uint8))
        extent = selection.extent
        stored = column_reader.read(extent, SEQUENCE).typed("u8")
        sequences = [self._sequences[reader.file_id.hex()] for reader in extent.joint.readers]
        inherited = np.array(sequences, np.uint64)[extent.joint.file_of[extent.block]]
        resolved: npt.NDArray[np.uint64] = np.where(stored == 0, np.repeat(inherited, extent.take), stored)
        chosen = resolved if selection.rows is None else resolved[selection.rows]
        return Vector(SEQUENCE.type, len(chosen), np.ascontiguousarray(chosen).view(np.uint8))

    def _finish(self) -> None:
        assert self._writer is not None
        written = memtable.finish(self._cache, self._writer, self._place, self._level)
        low, high = self._range
        schema_id = self._cache.schema.id
        entry = memtable.entry_of(written, self._place, self._level, schema_id, low, high, self._ordinal)
        self._entries.append(entry)
        self._writer = None

    def discard(self) -> None:
        """Delete what was written: nobody has heard of it."""
        for entry in self._entries:
            with suppress(StorageError):
                self._cache.storage.remove(self._cache.path_of(entry.place, entry.file))

    def close(self) -> list[Entry]:
        """Write the last file; all entries in key order."""
        if self._writer is not None:
            self._finish()
        return self._entries


def still_legal(chosen_inputs: Sequence[Entry], outputs: Sequence[Entry], runs: Sequence[Run]) -> bool:
    """Whether a compaction may still be published on the bucket's newest runs (spec §11.6, §13.3)."""
    live = {entry.file: entry.level for run in runs for entry in run.files}
    if any(live.get(entry.file) != entry.level for entry in chosen_inputs):
        return False
    files = {entry.file for entry in chosen_inputs}
    touched = [index for index, run in enumerate(runs) if any(entry.file in files for entry in run.files)]
    if touched != list(range(touched[0], touched[-1] + 1)):
        return False
    whole = all(entry.file in files for index in touched for entry in runs[index].files)
    level = outputs[0].level if outputs else LEVEL_MAX
    if level == 0:
        return whole and all(runs[index].level == 0 for index in touched)
    older = all(run.level > level for run in runs[: touched[0]])
    newer = all(run.level < level for run in runs[touched[-1] + 1 :])
    return whole and older and newer
