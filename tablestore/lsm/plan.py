"""From a snapshot to the files and windows a scan must read, and what it may leave out (spec §9.6, §12.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.file import keys, partition
from tablestore.file.fileset import FileSet
from tablestore.file.manifest import (
    BUCKET,
    KEY_MAX,
    KEY_MIN,
    PARTITION,
    Entry,
    KeyRange,
    escape,
    place_range,
)
from tablestore.file.schema import TableSchema
from tablestore.file.sst import STATISTICS_ENTRY
from tablestore.filter import Interval
from tablestore.lsm.condition import Condition, key_buckets, may_match, plain_column
from tablestore.lsm.run import Run, sorted_runs
from tablestore.types import Field


@dataclass(frozen=True)
class BucketPlan:
    """Runs of one bucket that a scan must read, oldest first."""

    place: tuple[bytes, int]
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Plan:
    """Files that are left after pruning; buckets are worked out one by one, when they are read.

    files_live, after_partition, after_bucket count files on the way; `files` are those after the key range too.
    """

    files: FileSet
    files_live: int
    after_partition: int
    after_bucket: int
    schema: TableSchema
    condition: Condition | None

    @cached_property
    def edges(self) -> npt.NDArray[np.int64]:
        """Rows of `files` at which each bucket begins, and their number."""
        return self.files.group_edges()

    def __len__(self) -> int:
        return len(self.edges) - 1

    def __iter__(self) -> Iterator[BucketPlan]:
        for start, stop in pairwise(self.edges.tolist()):
            entries = self.files.take(np.arange(start, stop)).entries()
            if self.condition is not None:
                entries = _drop_alone(entries, self.schema, self.condition)
            if entries:
                yield BucketPlan(entries[0].place, tuple(sorted_runs(entries)))


def plan_files(
    files: FileSet,
    live: int,
    schema: TableSchema,
    condition: Condition | None,
    low: bytes | None,
    high: bytes | None,
    only: frozenset[int] | None = None,
) -> Plan:
    """Prune by partition, bucket and key range [low, high). live: number of all live files, `files` or more; only:
    the buckets to read, None for all."""
    keep = np.ones(len(files), bool)
    if condition is not None and len(files):
        keep &= _partition_mask(files, schema, condition)
    after_partition = int(keep.sum()) if condition is not None else live
    buckets = _chosen_buckets(condition, schema, only)
    if buckets is not None and len(files):
        keep &= np.isin(files.column(BUCKET).typed("i4"), np.array(sorted(buckets), np.int32))
    after_bucket = int(keep.sum()) if condition is not None or only is not None else live
    chosen = files if keep.all() else files.take(np.flatnonzero(keep))
    if len(chosen) and (low is not None or high is not None):
        mask = _key_mask(chosen, low, high)
        chosen = chosen if mask.all() else chosen.take(np.flatnonzero(mask))
    return Plan(chosen, live, after_partition, after_bucket, schema, condition)


def _chosen_buckets(
    condition: Condition | None, schema: TableSchema, only: frozenset[int] | None
) -> frozenset[int] | None:
    found = key_buckets(condition, schema)
    return only if found is None else found if only is None else found & only


def entry_ranges(
    condition: Condition | None, schema: TableSchema, only: frozenset[int] | None = None
) -> list[KeyRange] | None:
    """Key ranges of the manifest entries that a scan needs, from conditions on the first partition column or, without
    partitions, from the buckets of the keys and those to read; None for all."""
    if not schema.partition_fields:
        buckets = _chosen_buckets(condition, schema, only)
        return None if buckets is None else [place_range(b"", bucket) for bucket in sorted(buckets)]
    if condition is None:
        return None
    field = schema.partition_fields[0]
    intervals = condition.intervals.get(field.name)
    if intervals is None or any(i.low is None or i.high is None for i in intervals):
        return None
    ranges: list[KeyRange] = []
    for interval in intervals:
        low, high = (escape(_tuple_of(field, value)) for value in (interval.low, interval.high))
        ranges.append((low, (int.from_bytes(high, "big") + 1).to_bytes(len(high), "big")))
    return ranges


def _tuple_of(field: Field, value: object) -> bytes:
    column = plain_column([value], field)
    return keys.encode_tuples([column], 1).key(0)


def _partition_mask(files: FileSet, schema: TableSchema, condition: Condition) -> npt.NDArray[np.bool_]:
    """Files whose partition values can fulfil the condition."""
    names = [field.name for field in schema.partition_fields]
    used = [name for name in names if name in condition.columns]
    if not used:
        return np.ones(len(files), bool)
    encoded = files.column(PARTITION).to_arrow().dictionary_encode()
    rows = [partition.decode(schema.partition_fields, raw) for raw in encoded.dictionary.to_pylist()]
    table = partition_table(schema.partition_fields, rows)
    matches = _partitions_fit(table, schema.partition_fields, condition)
    result: npt.NDArray[np.bool_] = matches[np.asarray(encoded.indices)]
    return result


def _partitions_fit(table: pa.Table, fields: Sequence[Field], condition: Condition) -> npt.NDArray[np.bool_]:
    """bool[partitions]: whether they can hold rows of interest; exact if the condition uses partition columns alone,
    but for what single values leave: Arrow's evaluation takes longer to load than the plan takes."""
    result = np.ones(table.num_rows, bool)
    for field in fields:
        intervals = condition.intervals.get(field.name)
        if intervals is None:
            continue
        with suppress(pa.ArrowNotImplementedError):  # such as decimals of negative scale: all of them may fit
            result &= _inside(table.column(field.name), field, intervals)
    if set(condition.columns) <= {field.name for field in fields} and not _fixed(condition):
        left = np.flatnonzero(result)
        result[left] = condition.mask(table.take(left))
    return result


def _fixed(condition: Condition) -> bool:
    """Whether every column of the condition must have one of some values."""
    found = (condition.intervals.get(name) for name in condition.columns)
    return all(
        some is not None and all(i.low is not None and i.low == i.high for i in some) for some in found
    )


def _inside(column: pa.ChunkedArray, field: Field, intervals: Sequence[Interval]) -> npt.NDArray[np.bool_]:
    """bool[partitions]: whether the value lies in one of the intervals."""
    inside = np.zeros(len(column), bool)
    for interval in intervals:
        fits = pc.is_valid(column)
        if interval.low is not None:
            fits = pc.and_(fits, pc.greater_equal(column, _scalar(interval.low, field)))
        if interval.high is not None:
            fits = pc.and_(fits, pc.less_equal(column, _scalar(interval.high, field)))
        inside |= np.asarray(pc.fill_null(fits, False))
    return inside


def _scalar(value: Any, field: Field) -> pa.Scalar:
    return plain_column([value], field).to_arrow()[0]


def partition_table(fields: Sequence[Field], rows: Sequence[Sequence[partition.Value]]) -> pa.Table:
    """Physical partition values (spec §9.3) as an Arrow table of the partition columns."""
    columns = [partition_column(field, [row[index] for row in rows]) for index, field in enumerate(fields)]
    return pa.table(columns, names=[field.name for field in fields])


def partition_column(field: Field, values: Sequence[partition.Value]) -> pa.Array:
    """Physical values of one partition column as an Arrow array of its type."""
    kind = field.type
    if kind.kind != "fixed" or isinstance(next((v for v in values if v is not None), None), bytes):
        return pa.array(values, kind.arrow)
    raw = b"".join(int(value or 0).to_bytes(kind.width, "little", signed=kind.signed) for value in values)
    present = np.packbits(np.array([value is not None for value in values], bool), bitorder="little")
    return pa.Array.from_buffers(kind.arrow, len(values), [pa.py_buffer(present), pa.py_buffer(raw)])


def _key_mask(files: FileSet, low: bytes | None, high: bytes | None) -> npt.NDArray[np.bool_]:
    mask = np.ones(len(files), bool)
    if low is not None:
        mask &= np.asarray(pc.greater_equal(files.column(KEY_MAX).to_arrow(), pa.scalar(low, pa.binary())))
    if high is not None:
        mask &= np.asarray(pc.less(files.column(KEY_MIN).to_arrow(), pa.scalar(high, pa.binary())))
    return mask


def _drop_alone(entries: list[Entry], schema: TableSchema, condition: Condition) -> list[Entry]:
    """Leave out files whose statistics rule out every row, if no other file overlaps them (spec §12.4)."""
    usable = {name: field for name, field in _fields(schema).items() if name in condition.intervals}
    if not usable:
        return entries
    ordered = sorted(entries, key=lambda entry: entry.key_min)
    kept = []
    reach = b""
    for index, entry in enumerate(ordered):
        overlaps_before = index > 0 and entry.key_min <= reach
        overlaps_after = index + 1 < len(ordered) and ordered[index + 1].key_min <= entry.key_max
        reach = max(reach, entry.key_max)
        if overlaps_before or overlaps_after or _entry_matches(entry, usable, condition):
            kept.append(entry)
    return kept


def _fields(schema: TableSchema) -> dict[str, Field]:
    return {field.name: field for field in schema.fields}


def _entry_matches(entry: Entry, fields: dict[str, Field], condition: Condition) -> bool:
    stated = statistics_of(entry)
    for name, field in fields.items():
        if field.id not in stated:
            continue
        flags, _, low, high = stated[field.id]
        bounds = np.array([low], np.uint64), np.array([high], np.uint64), np.array([bool(flags & 1)])
        if not may_match(condition.intervals[name], field, *bounds)[0]:
            return False
    return True


def statistics_of(entry: Entry) -> dict[int, tuple[int, int, int, int]]:
    """Field id → (flags, nulls, least rank, greatest rank), spec §9.5."""
    stored = np.frombuffer(entry.statistics, STATISTICS_ENTRY).tolist()
    return {item[0]: item[1:] for item in stored}
