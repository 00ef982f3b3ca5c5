"""Sorted runs of a bucket (spec §12.2), and open runs that can be read by row position."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tablestore.file import keys
from tablestore.file.column_reader import Piece
from tablestore.file.key_reader import read_keys
from tablestore.file.keys import Keys
from tablestore.file.manifest import Entry
from tablestore.file.sst_reader import SstReader
from tablestore.types import Field


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
        self._key_fields = key_fields
        self.file_start = np.zeros(len(readers) + 1, np.int64)
        np.cumsum([reader.footer.row_count for reader in readers], out=self.file_start[1:])
        self.rows = int(self.file_start[-1])

    @cached_property
    def block_start(self) -> npt.NDArray[np.int64]:
        """First row of each block of all files: int64[B]."""
        parts = [
            reader.row_start[:-1] + base for reader, base in zip(self.readers, self.file_start, strict=False)
        ]
        return np.concatenate(parts)

    @cached_property
    def block_rows(self) -> npt.NDArray[np.uint32]:
        """Rows of each block: uint32[B]."""
        return np.concatenate([reader.directory.rows for reader in self.readers])

    @cached_property
    def first(self) -> Keys:
        """Bounds of the first keys of all blocks."""
        return keys.concat([reader.directory.first for reader in self.readers])

    @cached_property
    def last(self) -> Keys:
        """Bounds of the last keys of all blocks."""
        return keys.concat([reader.directory.last for reader in self.readers])

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

    def position(self, probe: bytes) -> int:
        """First row whose key is not less than `probe`, a bound of at most 64 bytes."""
        block = self.first.lower_bound(probe) - 1
        if block < 0:
            return 0
        start = int(self.block_start[block])
        stop = start + int(self.block_rows[block])
        if self.last.key(block) < probe:
            return stop
        encoded, _ = read_keys(self.pieces(start, stop), self._key_fields)
        return start + encoded.lower_bound(probe)
