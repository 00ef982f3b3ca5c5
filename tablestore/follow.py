"""Following a table (spec §14.5): the changes of one snapshot after another, as they are published."""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from tablestore import lease
from tablestore.changes import (
    Changes,
    Step,
    changes_request,
    changes_schema,
    net_step_of,
    step_of,
    with_kinds,
)
from tablestore.core import Core
from tablestore.errors import SchemaError, SnapshotExpiredError
from tablestore.file import layout
from tablestore.lsm import lineage
from tablestore.lsm.changes import ChangesRequest
from tablestore.lsm.lineage import Version, check_parent
from tablestore.lsm.output import BATCH_ROWS
from tablestore.lsm.scan import Scan
from tablestore.progress import Mark, Progress, at_position
from tablestore.storage import NotFoundError
from tablestore.view import View, newest_view

POLL_SECONDS_MIN = 0.005
POLL_SECONDS = 0.5
FULL = ("latest-full", "earliest")  # starting points that hand on the rows of a snapshot first


@dataclass(frozen=True)
class Limits:
    """poll_seconds: the longest pause between two looks; until: the last version; timeout: seconds without news; net:
    all snapshots that are there at a look make one step."""

    poll_seconds: float = POLL_SECONDS
    until: int | None = None
    timeout: float | None = None
    net: bool = False


class Follower:
    """An iterator of Arrow record batches of changes that waits for new snapshots. Not for use by several threads.

    Rows and batches are the same for everybody who follows from the same place: batches end with their step or after
    65,536 rows. With a consumer, progress is saved when the next batch is asked for: a batch that was handed on
    and not asked beyond comes again after a restart.
    """

    def __init__(
        self,
        core: Core,
        start: Mark,
        request: ChangesRequest,
        view: View | None,
        scan: Scan | None,
        limits: Limits,
        progress: Progress | None = None,
    ) -> None:
        """start: what comes first; with `state` the rows of `scan`. view: the snapshot that comes before, which it
        keeps; a consumer does that otherwise."""
        self._core = core
        self._request = request
        self._scan = scan
        self._limits = limits
        self._progress = progress
        self._mark = start
        self._before: Version | None = None
        self._view = view if progress is None else None
        self._begin(start)
        self._batches = self._run()

    def _begin(self, start: Mark) -> None:
        """Find the snapshot that the first step starts from, or whose rows come first."""
        number = start.next if start.state else start.next - 1
        self._before = self._read(number) if self._view is None else self._view.shown

    def _read(self, number: int) -> Version:
        """A snapshot that the consumer keeps."""
        assert self._progress is not None
        try:
            found = self._core.lineage.read(number)
        except NotFoundError:
            raise self._progress.lapsed(self._mark) from None
        self._check_kept(number)
        return found

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the batches: `_row_kind`, `_version`, columns."""
        return changes_schema(self._request)

    @property
    def version(self) -> int:
        """The newest snapshot all of whose changes were asked beyond."""
        return self._mark.next - 1

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        return next(self._batches)

    def close(self) -> None:
        """Stop. The last batch counts as not asked beyond."""
        self._batches.close()
        self._scan = self._view = None

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _run(self) -> Generator[pa.RecordBatch, None, None]:
        try:
            if self._mark.state:
                assert self._scan is not None
                rows = _as_inserts(self._scan, self.schema, self._mark.next)
                self._scan = None  # with it goes the view that it reads
                yield from self._hand_on(rows, Mark(self._mark.next + 1))
                del rows
            until = math.inf if self._limits.until is None else self._limits.until
            while self._mark.next <= until:
                found = self._wait(self._mark.next)
                if found is None:
                    break
                after, view = self._end_of_step(found)
                step = self._step(after)
                done = Mark(after.id + 1)
                with self._guard(after):
                    if step is not None:
                        yield from self._hand_on(self._changes(step), done)
                self._mark = done
                self._before, self._view = after, view
            if self._progress is not None:
                self._progress.renew(self._mark)
        finally:
            self._view = None

    def _end_of_step(self, found: Version) -> tuple[Version, View | None]:
        """Where the step ends that begins with `mark.next`. Without a consumer a view keeps the snapshot.

        found: the snapshot `next`, or a later one if it is going to be a net step without a consumer.
        """
        limit = self._limits.until
        if self._progress is not None:
            return self._last_of_consumer(found, limit), None
        view = newest_view(self._core) if self._limits.net else View(self._core, found)
        if limit is not None and view.version > limit:
            view = View(self._core, self._core.lineage.at(limit))
        return view.shown, view

    def _last_of_consumer(self, first: Version, limit: int | None) -> Version:
        """A consumer says where a net step ends before rows of it are handed on: whoever goes on must get the same rows
        (spec §14.5). A step that was begun ends where it was to end."""
        mark = self._mark
        if mark.until:
            return first if mark.until == first.id else self._read(mark.until)
        if not self._limits.net or mark.position:
            return first
        last = self._core.lineage.newest()
        if limit is not None and last.id > limit:
            last = self._read(limit)
        self._save(replace(mark, until=last.id))
        return last

    def _step(self, after: Version) -> Step | None:
        before = self._before
        assert before is not None
        if after.id > before.id + 1:
            return net_step_of(self._core, before, after, self._request)
        check_parent(before, after)
        return step_of(self._core, before, after, self._request)

    def _changes(self, step: Step) -> Iterator[pa.Table]:
        return Changes(self._core, lambda: iter((step,)), self._request).tables()

    def _hand_on(self, tables: Iterable[pa.Table], done: Mark) -> Iterator[pa.RecordBatch]:
        """Batches from the mark on. Each is counted when the next is asked for, the last one as `done`."""
        waiting: pa.RecordBatch | None = None
        for batch in _batches(tables, self._mark.position):
            if waiting is not None:
                yield waiting
                self._save(at_position(self._mark, waiting.num_rows))
            waiting = batch
        if waiting is not None:
            yield waiting
            self._save(done)
        self._mark = done

    def _save(self, mark: Mark) -> None:
        self._mark = mark
        if self._progress is not None:
            self._progress.save(mark)

    @contextmanager
    def _guard(self, after: Version) -> Iterator[None]:
        """Files of a step that are missing because a snapshot has expired are a SnapshotExpiredError."""
        assert self._before is not None
        with lease.guard(self._core, self._before), lease.guard(self._core, after):
            yield

    def _wait(self, number: int) -> Version | None:
        """The snapshot `number`, once it is there; None if there is no news for too long."""
        timeout = self._limits.timeout
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        pause = POLL_SECONDS_MIN
        while True:
            seen = lineage.NEWS.count
            found = self._look(number)
            if found is not None:
                return found
            now = time.monotonic()
            if now >= deadline:
                return None
            if pause >= self._limits.poll_seconds:
                if self._progress is not None:
                    self._check_kept(number)
                    self._progress.renew(self._mark)
                elif not self._limits.net:
                    self._check_kept(number)
            lineage.NEWS.wait(seen, min(pause, deadline - now))
            pause = min(2 * pause, max(self._limits.poll_seconds, POLL_SECONDS_MIN))

    def _look(self, number: int) -> Version | None:
        """The snapshot, or for a net step without a consumer a later one, if it is there. It is checked to be above the
        boundary after it has been read: before that moves nobody can put another in its place (spec §15.4)."""
        if self._limits.net and self._progress is None:
            newest = self._core.lineage.newest()
            return newest if newest.id >= number else None
        if not self._core.storage.exists(layout.snapshot_path(number)):
            return None
        try:
            found = self._core.lineage.read(number)
        except NotFoundError:
            found = None
        self._check_kept(number)
        return found

    def _check_kept(self, number: int) -> None:
        """Raises SnapshotExpiredError for a snapshot below the boundary that no consumer keeps (spec §15.4)."""
        if number >= self._core.lineage.boundary():
            return
        if self._progress is None:
            self._core.lineage.check_kept(number)
        elif not self._core.storage.exists(self._progress.path):
            raise self._progress.lapsed(self._mark)


def _batches(tables: Iterable[pa.Table], skip: int) -> Iterator[pa.RecordBatch]:
    """The rows after the first `skip`, cut after every 65,536 whatever the tables' sizes are."""
    rest: list[pa.Table] = []
    rows = 0
    for table in tables:
        dropped = min(skip, table.num_rows)
        skip -= dropped
        rest.append(table.slice(dropped))
        rows += rest[-1].num_rows
        while rows >= BATCH_ROWS:
            joined = pa.concat_tables(rest)
            yield _one_batch(joined.slice(0, BATCH_ROWS))
            rest = [joined.slice(BATCH_ROWS)]
            rows -= BATCH_ROWS
    if rows:
        yield _one_batch(pa.concat_tables(rest))


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]


def _as_inserts(scan: Scan, schema: pa.Schema, version: int) -> Iterator[pa.Table]:
    """The rows of a snapshot as `+I`."""
    columns = len(schema) - 2  # the scan may have one more, so that it has one at all
    for batch in scan.to_batches():
        kinds = np.zeros(batch.num_rows, np.uint8)
        yield with_kinds(schema, kinds, version, batch.columns[:columns])


def follow(
    core: Core,
    view_at: Callable[[int | str | datetime.datetime | None], View],
    since: int | str | datetime.datetime,
    columns: Sequence[str] | None,
    condition: Any,
    limits: Limits,
    consumer: tuple[str, datetime.timedelta] | None,
) -> Follower:
    """A follower from a starting point or, if the consumer (name, time for which it is waited for) has stopped
    somewhere, from there. view_at: as `Table._moment`."""
    _check(limits)
    request = changes_request(core, columns, condition)
    progress = None
    view = None
    mark = None
    if consumer is not None:
        progress = Progress(core, consumer[0], max(1, round(consumer[1].total_seconds() * 1000)))
        mark = progress.resume()
    while mark is None:
        view = _starting_view(core, view_at, since)
        full = since in FULL
        start = Mark(view.version, state=True) if full else Mark(view.version + 1)
        try:
            if progress is not None:
                progress.save(start)
        except SnapshotExpiredError:
            if not isinstance(since, str):
                raise
            continue  # the table has moved on: so does the start
        mark = start
    if mark.next == 1 and not mark.state:
        mark = Mark(2)  # the first snapshot of a table is empty
    scan = None
    if mark.state:
        names = [field.name for field in request.fields] or [core.schema.key_fields[0].name]
        if view is None:
            assert progress is not None
            view = _kept_view(core, progress, mark)
        scan = view.scan(names, condition)
    return Follower(core, mark, request, view, scan, limits, progress)


def _kept_view(core: Core, progress: Progress, mark: Mark) -> View:
    """The snapshot whose rows a consumer is being given."""
    try:
        return View(core, core.lineage.read(mark.next), progress.path)
    except NotFoundError:
        raise progress.lapsed(mark) from None


def _check(limits: Limits) -> None:
    if not limits.poll_seconds > 0:
        raise SchemaError(f"poll_seconds is a time above 0, not {limits.poll_seconds!r}")
    if limits.until is not None and type(limits.until) is not int:
        raise SchemaError(f"until is a version, not {limits.until!r}")


def _starting_view(
    core: Core,
    view_at: Callable[[int | str | datetime.datetime | None], View],
    since: int | str | datetime.datetime,
) -> View:
    if since in ("latest", "latest-full"):
        return view_at(None)
    if since == "earliest":
        return _earliest(core, view_at)
    if isinstance(since, str):
        raise SchemaError(
            f'since is "latest", "latest-full", "earliest", a version or a datetime, not {since!r}'
        )
    return view_at(since)


def _earliest(core: Core, view_at: Callable[[int | str | datetime.datetime | None], View]) -> View:
    """The oldest snapshot that is kept; a later one if that expires meanwhile."""
    while True:
        kept = core.lineage.boundary()
        try:
            return view_at(min((number for number in core.lineage.ids() if number >= kept), default=kept))
        except SnapshotExpiredError:
            if core.lineage.boundary() == kept:
                raise
