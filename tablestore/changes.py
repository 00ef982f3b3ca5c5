"""Changes between two snapshots (spec §14): its steps, the files that they touch, rows as Arrow streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore import lease
from tablestore.core import FILES_READ_WHOLE_MAX, Core, check_features
from tablestore.errors import FormatError, SchemaError
from tablestore.file.fileset import FileSet
from tablestore.file.manifest import PARTITION, ROW_COUNT, KeyRange, Manifest, escape
from tablestore.file.snapshot import Snapshot
from tablestore.ingest import ROW_KIND_COLUMN, ROW_KINDS
from tablestore.lsm import changes
from tablestore.lsm.changes import ChangedWindow, ChangesRequest, Difference
from tablestore.lsm.condition import compile_condition
from tablestore.lsm.lineage import Version, check_parent
from tablestore.lsm.output import RowStream
from tablestore.lsm.parallel import ordered_map
from tablestore.lsm.plan import entry_ranges
from tablestore.lsm.scan import projection
from tablestore.storage import NotFoundError
from tablestore.view import View

VERSION_COLUMN = "_version"
STEPS_FEW = 4  # so many deltas are read rather than all live files of both sides
ROWS_PER_STEP = 20_000  # reading so many keys costs about what reading one snapshot and its delta does
PLACES_MAX = 256  # partitions for which a large table's manifests are read in part

_WITHOUT_CHANGES = frozenset({"create", "compact", "clean"})
_TOLD_BY_DELTA = frozenset({"append", "overwrite", "purge"})


@dataclass(frozen=True)
class Step:
    """A difference to read: `_version` of its rows, how the files on both sides are found, and how else if files of
    snapshots in between are gone. hold: keeps both sides from expiry while it is open."""

    version: int
    find: Callable[[], Difference]
    otherwise: Callable[[], Difference] | None = None
    hold: Callable[[], AbstractContextManager[object]] = nullcontext


class Changes(RowStream):
    """A lazy read of the changes between two snapshots. Nothing is opened before rows or a count are asked for.

    Rows have `_row_kind` ("+I", "-U", "+U", "-D"), `_version` and the columns asked for, ordered by step, partition,
    bucket and key.
    """

    def __init__(
        self,
        core: Core,
        steps: Callable[[], Iterator[Step]],
        request: ChangesRequest,
    ) -> None:
        self._core = core
        self._steps = steps
        self._request = request

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the rows."""
        return changes_schema(self._request)

    def count(self) -> int:
        """Number of change rows; an update counts twice."""
        return sum(sum(self._counts(step)) for step in self._steps())

    def _counts(self, step: Step) -> list[int]:
        def all_of(difference: Difference) -> list[int]:
            return list(ordered_map(lambda part: len(self._compare(part)), self._windows(difference)))

        with step.hold():
            try:
                return all_of(step.find())
            except (FormatError, NotFoundError) as error:
                if step.otherwise is None or not lease.is_missing(error):
                    raise
            return all_of(step.otherwise())

    def tables(self) -> Iterator[pa.Table]:
        """Changes window by window; none is empty."""
        for step in self._steps():
            with step.hold():
                yield from self._tables(step)

    def _tables(self, step: Step) -> Iterator[pa.Table]:
        done = 0
        try:
            for table in self._read(step.version, step.find()):
                done += table.num_rows
                yield table
            return
        except (FormatError, NotFoundError) as error:
            # Snapshots in between may expire (spec §14.7); however changes are found, their order is one (spec §14.4).
            if step.otherwise is None or not lease.is_missing(error):
                raise
        for table in self._read(step.version, step.otherwise()):
            if table.num_rows > done:
                yield table.slice(done)
            done = max(0, done - table.num_rows)

    def _read(self, version: int, difference: Difference) -> Iterator[pa.Table]:
        def read(part: ChangedWindow) -> pa.Table:
            rows = self._compare(part)
            columns = [rows.column(field) for field in self._request.fields]
            return with_kinds(self.schema, rows.kinds, version, columns)

        for table in ordered_map(read, self._windows(difference)):
            if table.num_rows:
                yield table

    def _windows(self, difference: Difference) -> Iterator[ChangedWindow]:
        return changes.windows(self._core.cache, difference, self._request)

    def _compare(self, part: ChangedWindow) -> changes.Rows:
        return changes.compare(self._core.cache, part, self._request)


def changes_between(
    core: Core, since: View, until: View, columns: Sequence[str] | None, condition: Any, net: bool
) -> Changes:
    """The changes from one view to another; the result keeps both, and they keep their snapshots."""
    first, last = since.shown, until.shown
    if first.id > last.id:
        raise SchemaError(f"changes go forward: since is version {first.id}, until {last.id}")
    request = changes_request(core, columns, condition)

    def steps() -> Iterator[Step]:
        if not net:
            return single_steps(core, since, until, request)
        return net_step(core, since, until, request)

    return Changes(core, steps, request)


def changes_request(core: Core, columns: Sequence[str] | None, condition: Any) -> ChangesRequest:
    """Columns and filter as `scan` takes them."""
    return ChangesRequest(projection(core.schema, columns), compile_condition(condition, core.schema))


def changes_schema(request: ChangesRequest) -> pa.Schema:
    """Columns of changes (spec §14.2)."""
    kind = pa.field(ROW_KIND_COLUMN, pa.string(), nullable=False)
    version = pa.field(VERSION_COLUMN, pa.int64(), nullable=False)
    return pa.schema([kind, version, *(field.arrow for field in request.fields)])


def with_kinds(schema: pa.Schema, kinds: np.ndarray, version: int, columns: Sequence[Any]) -> pa.Table:
    """Rows of changes: kinds uint8[n] or one for all, the version, then `columns`."""
    count = len(kinds)
    versions = pa.array(np.full(count, version, np.int64))
    return pa.Table.from_arrays(
        [pa.array(ROW_KINDS, pa.string()).take(pa.array(kinds)), versions, *columns], schema=schema
    )


def net_step(core: Core, since: View, until: View, request: ChangesRequest) -> Iterator[Step]:
    """The net difference of two snapshots (spec §14.5)."""
    first, last = since.shown, until.shown

    @contextmanager
    def hold() -> Iterator[None]:
        with since.guard(), until.guard():
            yield

    if first.id < last.id:
        yield replace(net_step_of(core, first, last, request), hold=hold)


def net_step_of(core: Core, before: Version, after: Version, request: ChangesRequest) -> Step:
    """The net difference of two snapshots, which somebody else keeps."""
    return Step(
        after.id,
        lambda: net_difference(core, before, after, request),
        lambda: _whole_difference(core, before, after, request),
    )


def single_steps(core: Core, since: View, until: View, request: ChangesRequest) -> Iterator[Step]:
    """The difference of each snapshot after `since` to the one before it (spec §14.5)."""
    before = since
    while before.version < until.version:
        number = before.version + 1
        after = until if number == until.version else View(core, core.lineage.at(number))
        check_parent(before.shown, after.shown)
        found = step_of(core, before.shown, after.shown, request)
        if found is not None:
            with before.guard(), after.guard():
                yield found
        before = after


def step_of(core: Core, before: Version, after: Version, request: ChangesRequest) -> Step | None:
    """The step from one snapshot to the next; None if it cannot have changes."""
    if after.snapshot.kind in _WITHOUT_CHANGES:
        return None
    return Step(after.id, lambda: _difference(core, before, after, [after], request))


def net_difference(core: Core, since: Version, until: Version, request: ChangesRequest) -> Difference:
    """Both sides and the candidates of a net difference: from the deltas in between or, where that is cheaper or the
    only way, the files that are live on one side only (spec §14.6)."""
    if until.id - since.id > STEPS_FEW and not _is_large(since.snapshot, until.snapshot):
        found = _whole_difference(core, since, until, request)
        rows = pc.sum(found.candidates.column(ROW_COUNT).to_arrow()).as_py() or 0
        if rows <= ROWS_PER_STEP * (until.id - since.id):
            return found
    try:
        between = [core.lineage.read(number) for number in range(since.id + 1, until.id)]
    except NotFoundError:
        return _whole_difference(core, since, until, request)
    if between and between[0].id < core.lineage.boundary():
        return _whole_difference(
            core, since, until, request
        )  # what is left of them may not be used (spec §15.4)
    return _difference(core, since, until, [*between, until], request)


def _is_large(*snapshots: Snapshot) -> bool:
    return any(snapshot.totals.files > FILES_READ_WHOLE_MAX for snapshot in snapshots)


def _whole_difference(core: Core, since: Version, until: Version, request: ChangesRequest) -> Difference:
    ranges = entry_ranges(request.condition, core.schema, request.buckets)
    before, after = (core.files(version.snapshot, ranges) for version in (since, until))
    return Difference(before, after, changes.in_one_only(before, after))


def _difference(
    core: Core, since: Version, until: Version, steps: Sequence[Version], request: ChangesRequest
) -> Difference:
    """Both sides, and as candidates what the snapshots `steps`, all those after `since`, brought."""
    parts: list[Manifest | FileSet] = []
    only_appends = True
    before = since
    for after in steps:
        check_parent(before, after)
        check_features(after.snapshot)
        only_appends &= after.snapshot.kind == "append"
        if after.snapshot.kind in _TOLD_BY_DELTA:
            delta = set(after.snapshot.delta)
            parts.extend(core.manifest(r) for r in after.snapshot.manifests if r.file in delta)
        elif after.snapshot.kind not in _WITHOUT_CHANGES:
            parts.append(changes.in_one_only(core.files(before.snapshot), core.files(after.snapshot)))
        before = after
    candidates = changes.union(parts)
    ranges = entry_ranges(request.condition, core.schema, request.buckets)
    if ranges is None and _is_large(since.snapshot, until.snapshot):
        ranges = _ranges_of(candidates)
    files = core.files(since.snapshot, ranges)
    return Difference(files, None if only_appends else core.files(until.snapshot, ranges), candidates)


def _ranges_of(files: FileSet) -> list[KeyRange] | None:
    """Keys of the manifest entries of the files' partitions; None if they are many."""
    partitions = pc.unique(files.column(PARTITION).to_arrow()).to_pylist()
    if len(partitions) > PLACES_MAX:
        return None
    prefixes = [escape(partition) + b"\x00" for partition in partitions]
    return [(prefix, prefix[:-1] + b"\x01") for prefix in prefixes]
