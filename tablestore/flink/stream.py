"""The rows of one bucket as a stream that can be resumed at any row (spec §16.10): the state of a snapshot, and then
the changes of one snapshot after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore import lease
from tablestore.core import Core
from tablestore.errors import FormatError
from tablestore.file.fileset import FileSet
from tablestore.file.manifest import KeyRange
from tablestore.flink.batch import Rows
from tablestore.flink.chunks import Chunk, Chunks, Snapshots
from tablestore.lsm.changes import UPDATE_BEFORE, ChangesRequest
from tablestore.lsm.lineage import Version
from tablestore.lsm.scan import Scan, ScanRequest
from tablestore.lsm.steps import StepRows

BATCH_ROWS = 32_768
BATCH_BYTES = 8 << 20


@dataclass(frozen=True)
class Position:
    """What comes next of a bucket: rows from `rows` on of the changes of snapshot `next`, or with `state` of its
    rows."""

    next: int
    rows: int = 0
    state: bool = False


@dataclass(frozen=True)
class Split:
    """A bucket and where it is. end: the last snapshot, None for none."""

    bucket: int
    position: Position
    end: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing comes any more."""
        return self.end is not None and not self.position.state and self.position.next > self.end

    @property
    def order(self) -> tuple[int, bool, int]:
        """Splits are read in this order: who is behind comes first, so that all ask for the same chunk."""
        return self.position.next, not self.position.state, self.bucket


@dataclass(frozen=True)
class Segment:
    """Rows of a portion, up to `end`, that belong to one snapshot, published at `millis`."""

    version: int
    end: int
    millis: int


@dataclass(frozen=True)
class Portion:
    """Some rows of a split, None if it only moved on, and the split after them."""

    split: Split
    rows: Rows | None = None
    segments: tuple[Segment, ...] = ()


class BucketReader:
    """Reads the splits of one subtask: all with the same columns, filter and changelog mode.

    limit: rows of the state of a bucket after which its split is over.
    """

    def __init__(
        self,
        core: Core,
        snapshots: Snapshots,
        request: ChangesRequest,
        upsert: bool,
        limit: int | None = None,
    ) -> None:
        self._core = core
        self._snapshots = snapshots
        self._request = request
        self._upsert = upsert
        self._limit = limit
        self._buckets: frozenset[int] = frozenset()
        self._chunks = Chunks(core, snapshots, request)

    def portions(self, split: Split, others: Sequence[Split]) -> Iterator[Portion]:
        """The next rows of a split: of its state, or as many steps as are read at once; nothing if it has to wait.

        others: the splits that this reader has besides; the first step that is read ends where the next of them is.
        """
        buckets = frozenset((split.bucket, *(other.bucket for other in others)))
        if buckets != self._buckets:
            self._buckets = buckets
            self._chunks = Chunks(self._core, self._snapshots, replace(self._request, buckets=buckets))
        if split.position.state:
            return self._state(split)
        stops = [other.position.next - 1 for other in others if other.position.next > split.position.next]
        chunk = self._chunks.take(
            split.position.next, min([*stops, *filter(None, [split.end])], default=None)
        )
        return iter(()) if chunk is None else self._steps(chunk, split)

    # ---- state

    def _state(self, split: Split) -> Iterator[Portion]:
        """All rows of the snapshot from the position on, at most so many as the limit says."""
        core, request, at = self._core, self._request, split.position
        version = self._snapshots.read(at.next)
        fields = request.fields or core.schema.key_fields[:1]  # a scan without columns has no tables
        wanted = ScanRequest(
            fields, request.condition, self._limit, request.memory, frozenset((split.bucket,))
        )
        for table in Scan(_Pinned(core, version), core.schema, core.cache, wanted).tables_after(at.rows):
            columns = [column.combine_chunks() for column in table.columns[: len(request.fields)]]
            left = table.num_rows if self._limit is None else min(table.num_rows, self._limit - at.rows)
            for first, last in cuts(columns, left):
                at = replace(at, rows=at.rows + last - first)
                segment = Segment(version.id, last - first, version.snapshot.timestamp_millis)
                rows = Rows(batch_of(request, columns, first, last))
                yield Portion(replace(split, position=at), rows, (segment,))
            if at.rows == self._limit:
                break
        yield Portion(replace(split, position=Position(version.id + 1)))

    # ---- changes

    def _steps(self, chunk: Chunk, split: Split) -> Iterator[Portion]:
        """All rows of a chunk from the position on, which lies in its first step."""
        skip, passed = split.position.rows, 0
        for part in self._chunks.rows(chunk, split.bucket):
            if self._upsert:
                part = _only(part, part.kinds != UPDATE_BEFORE)
            starts = np.searchsorted(part.steps, np.arange(len(chunk.versions) + 1))
            dropped = min(skip, int(starts[1]))
            skip -= dropped
            for first, last in cuts(part.columns, len(part.kinds), dropped):
                step = int(part.steps[last - 1])
                rows = last - int(starts[step]) + (0 if step else passed)
                position = Position(chunk.versions[step].id, rows)
                yield Portion(
                    replace(split, position=position),
                    Rows(batch_of(self._request, part.columns, first, last), part.kinds[first:last]),
                    _segments(chunk, part, starts, first, last),
                )
            passed += int(starts[1])
        if skip:
            raise FormatError(
                f"bucket {split.bucket} is to go on behind row {split.position.rows} of snapshot "
                f"{split.position.next}, which has fewer: the job was started with another table or query",
                code="bad-message",
                section="16.10",
            )
        yield Portion(replace(split, position=Position(chunk.last + 1)))


def _segments(
    chunk: Chunk, part: StepRows, starts: npt.NDArray[np.int64], first: int, last: int
) -> tuple[Segment, ...]:
    steps = range(int(part.steps[first]), int(part.steps[last - 1]) + 1)
    ends = [(chunk.versions[step], min(last, int(starts[step + 1])) - first) for step in steps]
    rows = np.diff([0, *(end for _, end in ends)])
    return tuple(
        Segment(version.id, end, version.snapshot.timestamp_millis)
        for (version, end), count in zip(ends, rows.tolist(), strict=True)
        if count
    )


def _only(part: StepRows, mask: npt.NDArray[np.bool_]) -> StepRows:
    if mask.all():
        return part
    chosen = pa.array(np.flatnonzero(mask))
    return StepRows(part.steps[mask], part.kinds[mask], [column.take(chosen) for column in part.columns])


def cuts(columns: Sequence[pa.Array], stop: int, start: int = 0) -> Iterator[tuple[int, int]]:
    """Ranges of the rows [start, stop) of at most BATCH_ROWS rows and, but for single rows, BATCH_BYTES bytes."""
    first = start
    while first < stop:
        last = min(stop, first + BATCH_ROWS)
        while last - first > 1 and _bytes(columns, first, last) > BATCH_BYTES:
            last = first + (last - first) // 2
        yield first, last
        first = last


def _bytes(columns: Sequence[pa.Array], first: int, last: int) -> int:
    return sum(column.slice(first, last - first).nbytes for column in columns)


def batch_of(request: ChangesRequest, columns: Sequence[pa.Array], first: int, last: int) -> pa.RecordBatch:
    """Rows [first, last) of the columns of a request, of which there may be none."""
    count = last - first
    if not request.fields:
        return pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), count, [None]))
    schema = pa.schema([field.arrow for field in request.fields])
    return pa.RecordBatch.from_arrays([column.slice(first, count) for column in columns], schema=schema)


class _Pinned:
    """A snapshot that the job's consumer keeps, as the source of a scan."""

    def __init__(self, core: Core, version: Version) -> None:
        self._core = core
        self._version = version

    @contextmanager
    def hold(self) -> Iterator[int]:
        with lease.guard(self._core, self._version):
            yield self._version.id

    def files(self, ranges: Sequence[KeyRange] | None) -> tuple[FileSet, int]:
        return self._core.files(self._version.snapshot, ranges), self._version.snapshot.totals.files
