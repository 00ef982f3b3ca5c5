"""Directories of several open files side by side, so that chunks of all of them are planned, read and decoded at once.

Blocks are numbered through all files in the order in which the files are given; a file may stand there more than once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tablestore.errors import FormatError
from tablestore.file import keys
from tablestore.file.keys import Keys
from tablestore.file.sst_reader import SstReader
from tablestore.types import Field

U32 = npt.NDArray[np.uint32]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class JointColumn:
    """What the directories say of the chunks of one column: arrays over all blocks.

    present: whether the block's file has the column; None if all have. The other members are zero where it has not.
    """

    ordinal: U32
    offset: npt.NDArray[np.uint64]
    size: U32
    crc: U32
    raw_size: U32
    nulls: U32
    present: Mask | None


class JointDirectory:
    """See the module. Everything is worked out when it is first asked for, and kept."""

    def __init__(self, readers: Sequence[SstReader]) -> None:
        self.readers = tuple(readers)
        self._columns: dict[Field, JointColumn] = {}

    @cached_property
    def rows(self) -> U32:
        """Rows of each block: uint32[B]."""
        return _joined([reader.directory.rows for reader in self.readers], np.uint32)

    @cached_property
    def deletes(self) -> U32:
        """Rows of a delete kind in each block: uint32[B]."""
        return _joined([reader.directory.deletes for reader in self.readers], np.uint32)

    @cached_property
    def row_start(self) -> Rows:
        """First row of each block, counted through all files, and the row count: int64[B + 1]."""
        starts = np.zeros(len(self.rows) + 1, np.int64)
        np.cumsum(self.rows, out=starts[1:])
        return starts

    @cached_property
    def file_start(self) -> Rows:
        """First block of each file and, last, the block count: int64[F + 1]."""
        starts = np.zeros(len(self.readers) + 1, np.int64)
        np.cumsum([reader.footer.block_count for reader in self.readers], out=starts[1:])
        return starts

    @cached_property
    def file_of(self) -> U32:
        """File of each block: uint32[B]."""
        return np.repeat(np.arange(len(self.readers), dtype=np.uint32), np.diff(self.file_start))

    @cached_property
    def block_of(self) -> U32:
        """Number of each block in its file: uint32[B]."""
        starts = np.repeat(self.file_start[:-1], np.diff(self.file_start))
        return (np.arange(len(starts)) - starts).astype(np.uint32)

    @cached_property
    def first(self) -> Keys:
        """Bounds of the first keys of all blocks."""
        return keys.concat([reader.directory.first for reader in self.readers])

    @cached_property
    def last(self) -> Keys:
        """Bounds of the last keys of all blocks."""
        return keys.concat([reader.directory.last for reader in self.readers])

    @cached_property
    def file_ids(self) -> npt.NDArray[np.uint8]:
        """The ids of all files: uint8[16 × F]."""
        return np.frombuffer(b"".join(reader.file_id for reader in self.readers), np.uint8)

    @cached_property
    def sources(self) -> list[Any]:
        """What `storage.batch.read_batch` reads of each file."""
        return [reader.source for reader in self.readers]

    def column(self, field: Field) -> JointColumn:
        """The chunks of a column. Raises FormatError, schema-mismatch where a file has another type."""
        known = self._columns.get(field)
        if known is None:
            known = self._columns[field] = self._join(field)
        return known

    def _join(self, field: Field) -> JointColumn:
        ordinals = [reader.ordinal(field.id) for reader in self.readers]
        counts = np.diff(self.file_start)
        for reader, ordinal in zip(self.readers, ordinals, strict=True):
            if ordinal is not None:
                _check_type(reader, ordinal, field)
        places = list(zip((reader.directory for reader in self.readers), ordinals, counts, strict=True))

        def joined(name: str, dtype: Any) -> npt.NDArray[Any]:
            rows = (
                np.zeros(count, dtype) if ordinal is None else getattr(directory, name)[ordinal]
                for directory, ordinal, count in places
            )
            return _joined(list(rows), dtype)

        lacking = None in ordinals
        return JointColumn(
            np.repeat(np.array([ordinal or 0 for ordinal in ordinals], np.uint32), counts),
            joined("offset", np.uint64),
            joined("size", np.uint32),
            joined("crc", np.uint32),
            joined("raw_size", np.uint32),
            joined("nulls", np.uint32),
            np.repeat(np.array([ordinal is not None for ordinal in ordinals]), counts) if lacking else None,
        )

    def statistics(self, field: Field, block: Rows) -> tuple[Any, Any, Mask]:
        """Least and greatest rank (uint64) of a column in blocks, and where they are known (spec §7.6)."""
        low, high = np.zeros(len(block), np.uint64), np.zeros(len(block), np.uint64)
        known = np.zeros(len(block), bool)
        edges = np.searchsorted(block, self.file_start)
        for reader, start, stop, base in zip(
            self.readers, edges[:-1], edges[1:], self.file_start[:-1], strict=True
        ):
            ordinal = reader.ordinal(field.id)
            if start == stop or ordinal is None:
                continue
            chosen, directory = block[start:stop] - base, reader.directory
            low[start:stop] = directory.minimum[ordinal, chosen]
            high[start:stop] = directory.maximum[ordinal, chosen]
            known[start:stop] = directory.flags[ordinal, chosen] & 1 == 1
        return low, high, known

    def whole(self, block: Rows) -> Extent:
        """All rows of blocks, which ascend."""
        take = self.rows[block]
        return Extent(self, block, np.zeros(len(block), np.uint32), take)

    def spans(self, starts: Rows, stops: Rows) -> Extent:
        """Rows [start, stop) of each span; rows are counted through all files, spans ascend and may be empty."""
        kept = stops > starts
        starts, stops = starts[kept], stops[kept]
        first = np.searchsorted(self.row_start, starts, "right") - 1
        last = np.searchsorted(self.row_start, stops, "left")
        counts = last - first
        ends = np.cumsum(counts)
        block = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(first - (ends - counts), counts)
        skip = np.zeros(len(block), np.uint32)
        take = self.rows[block]
        skip[ends - counts] = starts - self.row_start[first]
        take[ends - 1] -= (self.row_start[last] - stops).astype(np.uint32)
        take[ends - counts] -= skip[ends - counts]
        return Extent(self, block, skip, take)


@dataclass(frozen=True)
class Extent:
    """Rows [skip, skip + take) of blocks of a joint directory, one block after another; blocks ascend."""

    joint: JointDirectory
    block: Rows
    skip: U32
    take: U32

    @cached_property
    def length(self) -> int:
        """Rows."""
        return int(self.take.sum(dtype=np.int64))

    @cached_property
    def row_start(self) -> Rows:
        """Where the rows of each block begin among those of the extent, and their number: int64[k + 1]."""
        starts = np.zeros(len(self.block) + 1, np.int64)
        np.cumsum(self.take, out=starts[1:])
        return starts

    @cached_property
    def has_deletes(self) -> bool:
        """Whether a block holds a row of a delete kind."""
        return bool(self.joint.deletes[self.block].any())

    def only(self, mask: Mask) -> Extent:
        """The blocks for which `mask` (bool[k]) holds."""
        if mask.all():
            return self
        return Extent(self.joint, self.block[mask], self.skip[mask], self.take[mask])

    def place(self, index: int) -> tuple[SstReader, int]:
        """File and block number in it of the extent's block `index`."""
        number = int(self.block[index])
        return self.joint.readers[int(self.joint.file_of[number])], int(self.joint.block_of[number])


def _joined(parts: list[npt.NDArray[Any]], dtype: Any) -> npt.NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)


def _check_type(reader: SstReader, ordinal: int, field: Field) -> None:
    stored = reader.properties.columns[ordinal].field
    if stored.type != field.type or (stored.nullable and not field.nullable):
        raise FormatError(
            f"column {field.name!r} is {stored.type.name} in the file, the schema wants {field.type.name}",
            code="schema-mismatch",
            file=reader.path,
            offset=reader.footer.properties_offset,
            section="7.9",
        )
