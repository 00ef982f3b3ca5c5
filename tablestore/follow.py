"""Following a table (spec §14.5): the changes of one snapshot after another, as they are published."""

from __future__ import annotations

import datetime
import math
import time
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tablestore import lease
from tablestore.changes import Changes, Step, changes_request, changes_schema, step_of, with_kinds
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
from tablestore.view import View

POLL_SECONDS_MIN = 0.005
POLL_SECONDS = 0.5
FULL = ("latest-full", "earliest")  # starting points that hand on the rows of a snapshot first


@dataclass(frozen=True)
class Limits:
    """poll_seconds: the longest pause between two looks; until: the last version; timeout: seconds without news."""

    poll_seconds: float = POLL_SECONDS
    until: int | None = None
    timeout: float | None = None


class Follower:
    """An iterator of Arrow record batches of changes that waits for new snapshots. Not for use by several threads.

    Rows and batches are the same for everybody who follows from the same place: batches end with their snapshot or
    after 65,536 rows. With a consumer, progress is saved when the next batch is asked for: a batch that was handed on
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
        self._leases = ExitStack()
        weakref.finalize(self, self._leases.close)
        self._before: Version | None = None
        self._view = view if progress is None else None
        self._begin(start)
        self._batches = self._run()

    def _begin(self, start: Mark) -> None:
        """Hold the snapshot that the first step starts from, or whose rows come first."""
        number = start.next if start.state else start.next - 1
        if self._view is not None:
            self._before = self._view.shown
            return
        assert self._progress is not None
        try:
            self._advance(self._core.lineage.read(number))
        except NotFoundError:
            raise self._progress.lapsed(start) from None
        self._check_kept(number)

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
        self._leases.close()

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _run(self) -> Generator[pa.RecordBatch, None, None]:
        with self._leases:
            if self._mark.state:
                assert self._scan is not None
                rows = _as_inserts(self._scan, self.schema, self._mark.next)
                self._scan = None  # with it goes the view that it reads, and its lease
                yield from self._hand_on(rows, Mark(self._mark.next + 1))
                del rows
            until = math.inf if self._limits.until is None else self._limits.until
            while self._mark.next <= until:
                after = self._wait(self._mark.next)
                if after is None:
                    break
                assert self._before is not None
                check_parent(self._before, after)
                step = step_of(self._core, self._before, after, self._request)
                done = Mark(after.id + 1)
                with self._guard(after):
                    if step is not None:
                        yield from self._hand_on(self._changes(step), done)
                self._mark = done
                self._advance(after)
            if self._progress is not None:
                self._progress.renew(self._mark)

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

    def _advance(self, version: Version) -> None:
        """Go on to a snapshot. Without a consumer a lease keeps it until the next."""
        self._before = version
        if self._progress is None:
            held = lease.acquire(self._core, version)
            before = self._leases.pop_all()
            self._leases.callback(held.release)
            before.close()
            self._view = None

    @contextmanager
    def _guard(self, after: Version) -> Iterator[None]:
        """The files of a step are there while it is read, or it is said that the snapshot has expired."""
        assert self._before is not None
        with ExitStack() as stack:
            stack.enter_context(lease.guard(self._core, self._before))
            if self._progress is None:
                stack.enter_context(lease.hold(self._core, after))
            else:
                stack.enter_context(lease.guard(self._core, after))
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
                self._check_kept(number)
                if self._progress is not None:
                    self._progress.renew(self._mark)
            lineage.NEWS.wait(seen, min(pause, deadline - now))
            pause = min(2 * pause, max(self._limits.poll_seconds, POLL_SECONDS_MIN))

    def _look(self, number: int) -> Version | None:
        """The snapshot, if it is there. It is checked to be above the boundary after it has been read: before that
        moves nobody can put another in its place (spec §15.4)."""
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
