"""Sorted runs of a bucket (spec §12.2), and open runs that can be read by row position."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tablestore.file.column_reader import Piece
from tablestore.file.joint import JointDirectory
from tablestore.file.key_reader import read_extent_keys
from tablestore.file.keys import Keys
from tablestore.file.manifest import Entry
from tablestore.file.sst_reader import SstReader
from tablestore.types import Field

BLOCKS_AT_ONCE = 128  # whose keys are read at a time to find where probes fall into them


@dataclass(frozen=True)
class Run:
    """Files of one bucket with disjoint key ranges, in key order."""

    level: int
    files: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.files)

    @property
    def rows(self) -> int:
        """Stored rows of all files."""
        return sum(entry.row_count for entry in self.files)

    @property
    def deletes(self) -> int:
        """Stored rows with a delete kind."""
        return sum(entry.delete_count for entry in self.files)


def sorted_runs(entries: Iterable[Entry]) -> list[Run]:
    """The runs of one bucket, oldest first: levels 3, 2, 1, then level 0 by (sequence, ordinal)."""
    levels: dict[int, list[Entry]] = {}
    for entry in entries:
        levels.setdefault(entry.level, []).append(entry)
    runs = [
        Run(level, tuple(sorted(levels[level], key=lambda entry: (entry.key_min, entry.key_max))))
        for level in (3, 2, 1)
        if level in levels
    ]
    newest = sorted(levels.get(0, []), key=lambda entry: (entry.sequence_max, entry.ordinal, entry.file))
    return runs + [Run(0, (entry,)) for entry in newest]


class OpenRun:
    """A run whose files are open. Rows are numbered through all files in key order."""

    def __init__(self, run: Run, readers: Sequence[SstReader], key_fields: Sequence[Field]) -> None:
        self.run = run
        self.readers = readers
        self.key_fields = key_fields
        self.joint = JointDirectory(readers)
        self.file_start = np.zeros(len(readers) + 1, np.int64)
        np.cumsum([reader.footer.row_count for reader in readers], out=self.file_start[1:])
        self.rows = int(self.file_start[-1])

    @cached_property
    def block_start(self) -> npt.NDArray[np.int64]:
        """First row of each block of all files: int64[B]."""
        return self.joint.row_start[:-1]

    @property
    def block_rows(self) -> npt.NDArray[np.uint32]:
        """Rows of each block: uint32[B]."""
        return self.joint.rows

    @property
    def first(self) -> Keys:
        """Bounds of the first keys of all blocks."""
        return self.joint.first

    @property
    def last(self) -> Keys:
        """Bounds of the last keys of all blocks."""
        return self.joint.last

    def pieces(self, start: int, stop: int) -> list[Piece]:
        """Rows [start, stop) as pieces of files."""
        if stop <= start:
            return []
        first = int(np.searchsorted(self.file_start, start, "right")) - 1
        last = int(np.searchsorted(self.file_start, stop, "left"))
        return [
            Piece(
                self.readers[index],
                max(0, start - int(self.file_start[index])),
                min(int(self.file_start[index + 1]), stop) - int(self.file_start[index]),
            )
            for index in range(first, last)
        ]


class OpenBucket:
    """Open runs of one bucket, oldest first; rows and blocks are numbered through all of them.

    planned: what was last asked of `window.cut`, and its answer.
    """

    def __init__(self, runs: Sequence[OpenRun]) -> None:
        self.runs = runs
        self.planned: tuple[object, tuple[Any, ...]] | None = None
        self.joint = JointDirectory([reader for run in runs for reader in run.readers])
        files = np.cumsum([0, *(len(run.readers) for run in runs)])
        self.block_start = self.joint.file_start[files]
        self.row_start = self.joint.row_start[self.block_start]

    def positions(self, probes: Sequence[bytes]) -> npt.NDArray[np.int64]:
        """int64[P, R]: in each run the first row whose key is not less than each probe, a bound of at most 64 bytes.

        Reads the keys of the blocks that a probe falls into, those of many probes at a time.
        """
        found = np.zeros((len(probes), len(self.runs)), np.int64)
        group = max(1, BLOCKS_AT_ONCE // max(1, len(self.runs)))
        for start in range(0, len(probes), group):
            found[start : start + group] = self._positions(probes[start : start + group])
        return found

    def _positions(self, probes: Sequence[bytes]) -> npt.NDArray[np.int64]:
        first, last, starts = self.joint.first, self.joint.last, self.block_start
        found = np.empty((len(probes), len(self.runs)), np.int64)
        inside = np.zeros((len(probes), len(self.runs)), bool)
        block = np.empty((len(probes), len(self.runs)), np.int64)
        for number, probe in enumerate(probes):
            before = first.lower_bounds(probe, starts[:-1], starts[1:])
            block[number] = before - 1
            found[number] = self.joint.row_start[before]
            some = np.flatnonzero(before > starts[:-1])
            reach = last.lower_bounds(probe, before[some] - 1, before[some])
            inside[number, some] = reach < before[some]
        # np.unique would load numpy.ma: a tenth of a worker's start
        met = np.zeros(len(self.joint.rows), bool)
        met[block[inside]] = True
        asked = np.flatnonzero(met)
        if not len(asked):
            return found
        extent = self.joint.whole(asked)
        encoded, _ = read_extent_keys(extent, self.runs[0].key_fields)
        for number, probe in enumerate(probes):
            chosen = block[number, inside[number]]
            place = np.searchsorted(asked, chosen)
            rows = encoded.lower_bounds(probe, extent.row_start[place], extent.row_start[place + 1])
            found[number, inside[number]] = self.joint.row_start[chosen] + rows - extent.row_start[place]
        return found
