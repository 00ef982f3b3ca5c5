"""Which blocks may hold a key: all files of a bucket asked at once, by bounds, by filters, by directories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tablestore._native import bloom
from tablestore.file import keys
from tablestore.file.joint import JointDirectory
from tablestore.file.keys import Keys
from tablestore.file.manifest import Entry
from tablestore.file.schema import TableSchema
from tablestore.lsm.cache import FileCache
from tablestore.lsm.run import Run

Places = npt.NDArray[np.int64]


class BucketFiles:
    """The files of a bucket's sorted runs, newest run first, and their key bounds side by side."""

    def __init__(self, runs: Sequence[Run], schema: TableSchema) -> None:
        self.entries: list[Entry] = [entry for run in reversed(runs) for entry in reversed(run.files)]
        self._key_fields = schema.key_fields
        size = keys.word_size([field.type for field in schema.key_fields])
        self.key_min = keys.of_bounds([entry.key_min for entry in self.entries], size)
        self.key_max = keys.of_bounds([entry.key_max for entry in self.entries], size)
        self._opened: tuple[bytes, JointDirectory, bloom.Filters | None] | None = None

    def open(self, cache: FileCache, opened: Places) -> tuple[JointDirectory, bloom.Filters | None]:
        """Directories of some of the files, and their filters if all are in memory; those last asked for are kept."""
        known, name = self._opened, opened.tobytes()
        if known is None or known[0] != name:
            joint = JointDirectory([cache.open(self.entries[number]) for number in opened.tolist()])
            known = name, joint, None
        if known[2] is None and all(reader.filter_is_read for reader in known[1].readers):
            known = name, known[1], bloom.Filters([reader.filter() for reader in known[1].readers])
        self._opened = known
        return known[1], known[2]

    def read_filters(self, joint: JointDirectory, probes: Keys, low: Places, high: Places) -> bloom.Filters:
        """The filters that cost less to read than the key chunks that they may save."""
        sections = []
        sizes = np.zeros(len(joint.rows), np.int64)
        for field in self._key_fields:
            sizes += joint.column(field).size
        for number, reader in enumerate(joint.readers):
            saving = 0
            if not reader.filter_is_read:
                asked = np.arange(low[number], high[number], dtype=np.uint32)
                file = np.full(len(asked), number, np.uint32)
                block, count = probes.locate(joint.first, joint.last, joint.file_start, file, asked)
                saving = int(sizes[np.unique(block[count > 0])].sum())
            sections.append(reader.filter_for(saving))
        return bloom.Filters(sections)


@dataclass
class Candidates:
    """Pairs of a probe and a block that may hold it, by probe, newest file first.

    block: numbers in `joint`, the directories of the files that were opened. in_range, passed: for each file of the
    bucket the probes within its bounds, and those of them that its filter let through.
    """

    joint: JointDirectory
    probe: npt.NDArray[np.uint32]
    block: Places
    opened: Places
    in_range: Places
    passed: Places


def candidates(
    cache: FileCache, files: BucketFiles, probes: Keys, hashes: npt.NDArray[np.uint64]
) -> Candidates:
    """Where each of the probes (distinct, ascending) may be. Opens only the files whose bounds enclose a probe."""
    low, high = probes.within(files.key_min, files.key_max)
    in_range = np.maximum(high - low, 0)
    opened = np.flatnonzero(in_range)
    joint, filters = files.open(cache, opened)
    low, high = low[opened], high[opened]
    passed = np.zeros_like(in_range)
    if not len(opened):
        none = np.zeros(0, np.int64)
        return Candidates(joint, none.astype(np.uint32), none, opened, in_range, passed)
    if filters is None:
        filters = files.read_filters(joint, probes, low, high)
    probe, file = filters.candidates(hashes, low, high)
    passed[opened] = np.bincount(file, minlength=len(opened))
    block, count = probes.locate(joint.first, joint.last, joint.file_start, file, probe)
    if not np.all(count == 1):
        # several blocks whose bounds are alike, or none
        pair = np.repeat(np.arange(len(block)), count)
        before = np.cumsum(count) - count
        block = block[pair] + np.arange(len(pair)) - before[pair]
        probe = probe[pair]
    return Candidates(joint, probe, block, opened, in_range, passed)
