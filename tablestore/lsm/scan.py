"""Merge-on-read scans: lazy, in windows, on both cores, streaming Arrow batches in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore.errors import SchemaError
from tablestore.file import keys
from tablestore.file.fileset import FileSet
from tablestore.file.joint import Extent
from tablestore.file.keys import Keys, WordKeys
from tablestore.file.manifest import KeyRange
from tablestore.file.schema import TableSchema
from tablestore.lsm.cache import FileCache
from tablestore.lsm.condition import Condition, key_range, matching_blocks
from tablestore.lsm.explain import Explanation, explain
from tablestore.lsm.output import RowStream
from tablestore.lsm.parallel import ordered_map, workers
from tablestore.lsm.plan import Plan, entry_ranges, plan_files
from tablestore.lsm.window import Selection, Window, cut, select
from tablestore.types import Field

SCAN_MEMORY = 256 << 20
WINDOW_ROWS_MIN = 65_536
WINDOW_ROWS_MAX = 1 << 20
# Of a value while a window is merged and gathered; finished windows wait for the reader beside those at work.
BYTES_PER_VALUE = 56


@dataclass(frozen=True)
class ScanRequest:
    """What to read: columns in output order, a condition, at most `limit` rows, of some buckets or (None) of all."""

    fields: tuple[Field, ...]
    condition: Condition | None
    limit: int | None
    memory: int = SCAN_MEMORY
    buckets: frozenset[int] | None = None


class Source(Protocol):
    """The snapshot that a scan reads."""

    def hold(self) -> AbstractContextManager[int]:
        """Keeps the snapshot's files for the time of a `with` block, which gets its id. Of an open table it may be a
        newer one than the time before."""

    def files(self, ranges: Sequence[KeyRange] | None) -> tuple[FileSet, int]:
        """Live files of entries in some key ranges, and the number of all."""


class Scan(RowStream):
    """A lazy read of one snapshot. Nothing is opened before rows, a count or an explanation are asked for.

    The snapshot is held while rows are read (spec §15.5). Rows come partition by partition,
    bucket by bucket, in key order within a bucket.
    """

    def __init__(self, source: Source, schema: TableSchema, cache: FileCache, request: ScanRequest) -> None:
        self._source = source
        self._planned: tuple[int, Plan] | None = None
        self._schema = schema
        self._cache = cache
        self._request = request

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the rows."""
        return pa.schema([field.arrow for field in self._request.fields])

    def tables(self) -> Iterator[pa.Table]:
        """Rows window by window; none is empty."""
        with self._source.hold() as version:
            yield from self._tables(version)

    def tables_after(self, skip: int) -> Iterator[pa.Table]:
        """The rows after the first `skip`, of which no more than keys and columns of the filter are read."""
        with self._source.hold() as version:
            passed, skip = self._passed(version, skip) if skip else (0, 0)
            for table in ordered_map(self._read, islice(self._windows(version), passed, None)):
                if table.num_rows > skip:
                    yield table.slice(skip)
                skip = max(0, skip - table.num_rows)

    def _passed(self, version: int, skip: int) -> tuple[int, int]:
        """How many windows have no rows but the first `skip`, and how many of these come after them."""
        passed = 0
        for found in ordered_map(lambda window: len(self._filtered(window)), self._windows(version)):
            if found > skip:
                break
            passed, skip = passed + 1, skip - found
        return passed, skip

    def to_arrow(self) -> pa.Table:
        """All rows as one pyarrow Table."""
        return super().to_arrow() if self._request.fields else _rows_without_columns(self.count())

    def count(self) -> int:
        """Number of rows; reads keys, and columns of the filter, only."""
        limit = self._request.limit
        total = 0
        with self._source.hold() as version:
            for found in ordered_map(lambda window: len(self._filtered(window)), self._windows(version)):
                total += found
                if limit is not None and total >= limit:
                    return limit
        return total

    def explain(self) -> Explanation:
        """What the scan will read and what it leaves out, without reading rows."""
        with self._source.hold() as version:
            plan = self._plan(version)
            return explain(plan, self._request.fields, self._cache, lambda: self._windows(version))

    def _plan(self, version: int) -> Plan:
        planned = self._planned
        if planned is None or planned[0] != version:
            condition = self._request.condition
            only = self._request.buckets
            files, live = self._source.files(entry_ranges(condition, self._schema, only))
            found = plan_files(
                files, live, self._schema, condition, *key_range(condition, self._schema), only
            )
            planned = self._planned = version, found
        return planned[1]

    def _windows(self, version: int) -> Iterator[Window]:
        """Windows of all buckets, cut so that `workers` of them fit into the budget."""
        low, high = key_range(self._request.condition, self._schema)
        rows = window_rows(self._request.memory, len(self._request.fields) + len(self._schema.key_fields))
        buckets = self._plan(version)
        for plan in buckets:
            bucket = self._cache.open_bucket(plan.runs)
            share = -(-sum(run.rows for run in bucket.runs) // workers())
            few = len(buckets) < workers()
            yield from cut(
                plan.place, bucket, min(rows, max(WINDOW_ROWS_MIN, share)) if few else rows, low, high
            )

    def _tables(self, version: int) -> Iterator[pa.Table]:
        remaining = self._request.limit
        if remaining == 0:
            return
        for table in ordered_map(self._read, self._windows(version)):
            if remaining is not None and table.num_rows >= remaining:
                yield table.slice(0, remaining)
                return
            if table.num_rows:
                yield table
            if remaining is not None:
                remaining -= table.num_rows

    def _read(self, window: Window) -> pa.Table:
        selection = self._filtered(window)
        columns = [selection.column(field).to_arrow() for field in self._request.fields]
        if not columns:
            return _rows_without_columns(len(selection))
        return pa.Table.from_arrays(columns, schema=self.schema)

    def _filtered(self, window: Window) -> Selection:
        """The window's visible rows that fulfil the condition."""
        condition = self._request.condition
        selection = select(
            window, self._schema.key_fields, self._schema.order_fields, wanted=self._wanted(window)
        )
        if condition is None or len(selection) == 0:
            return selection
        used = [field for field in self._schema.fields if field.name in condition.columns]
        columns = {field.name: selection.column(field) for field in used}
        mask = condition.mask_of(columns, len(selection))
        return selection.restrict(mask, {field.id: columns[field.name] for field in used})

    def _wanted(self, window: Window) -> npt.NDArray[np.bool_] | None:
        """Blocks to read: all but those that no other run overlaps and whose statistics rule out every row."""
        condition = self._request.condition
        if condition is None or not condition.intervals:
            return None
        fields = {field.name: field for field in self._schema.fields}
        wanted = matching_blocks(condition, fields, window.extent)
        if not wanted.all() and len(window.slices) > 1:
            wanted |= overlapped(window.extent)
        return None if wanted.all() else wanted


def _rows_without_columns(count: int) -> pa.Table:
    return pa.table({"none": pa.nulls(count)}).select([])


def overlapped(extent: Extent) -> npt.NDArray[np.bool_]:
    """bool[blocks]: whether another block may hold keys of the block's range; those of one run never do."""
    first, last = extent.joint.first, extent.joint.last
    chosen = extent.block.astype(np.uint32)
    low, high = ordinals(first.take(chosen), last.take(chosen))
    begun = np.searchsorted(np.sort(low), high, "right")
    over = np.searchsorted(np.sort(high), low, "left")
    return begun - over > 1


def ordinals(
    first: Keys, last: Keys
) -> tuple[npt.NDArray[np.int64 | np.uint64], npt.NDArray[np.int64 | np.uint64]]:
    """Numbers that compare like the keys."""
    if isinstance(first, WordKeys) and isinstance(last, WordKeys):
        return first.words, last.words
    both = keys.concat([first, last])
    distinct, _ = both.sort(None, 1, None)
    place = both.take(distinct).search(both)
    return place[: first.length], place[first.length :]


def window_rows(memory: int, columns: int) -> int:
    """Rows of a window such that every worker can hold one within `memory` bytes."""
    rows = memory // (workers() * BYTES_PER_VALUE * max(1, columns))
    return max(WINDOW_ROWS_MIN, min(WINDOW_ROWS_MAX, rows))


def projection(schema: TableSchema, columns: Sequence[str] | None) -> tuple[Field, ...]:
    """The fields named by `columns`, in that order; all for None."""
    if columns is None:
        return schema.fields
    if isinstance(columns, str):
        raise SchemaError("columns is a list of names, not a text")
    by_name = {field.name: field for field in schema.fields}
    unknown = [name for name in columns if name not in by_name]
    if unknown:
        raise SchemaError(f"no column {unknown[0]!r}; the table has {', '.join(by_name)}")
    return tuple(by_name[name] for name in columns)
