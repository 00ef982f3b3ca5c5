"""The worker of a source's enumerator (spec §16.10): says where reading starts and ends, and keeps the snapshots that
are still needed under the name of a consumer."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import pyarrow as pa

from tablestore import progress
from tablestore.core import Core
from tablestore.errors import (
    CommitConflictError,
    ConnectorError,
    FormatError,
    SchemaError,
    SnapshotExpiredError,
)
from tablestore.file import layout
from tablestore.file.snapshot import TIMESTAMP_MAX
from tablestore.flink.protocol import Connection, Value, integer_of, text_of
from tablestore.flink.role import Reply
from tablestore.lsm.lineage import Version
from tablestore.progress import Mark, Progress
from tablestore.table import Table

ANONYMOUS: Final = "flink-"  # and the id of the source: a consumer that the job has made for itself
ANONYMOUS_MILLIS: Final = 86_400_000
ATTEMPTS_MAX: Final = 100
CONFLICTS_MAX: Final = 5


class PlannerRole:
    """Serves `start` or `resume` once, then `keep`, and `finish`."""

    def __init__(self, table: Table, hello: Mapping[str, bytes], connection: Connection) -> None:
        self._core = table._core
        self._table = table
        self._pin: Pin | None = None

    def batch(self, payload: pa.Buffer) -> None:
        raise FormatError("a planner takes no rows", code="bad-message", file="BATCH", section="16.10")

    def request(self, op: str, values: Mapping[str, bytes], payload: pa.Buffer | None) -> Reply:
        if op == "start":
            return self._start(values)
        if op == "resume":
            self._check_reached(mark_of(values))
            self._pin = pin_of(self._core, values)
            self._pin.take_up(mark_of(values))
            return self._reply(mark_of(values))
        if self._pin is None:
            raise FormatError("a planner begins with start or resume", code="bad-message", section="16.10")
        if op == "keep":
            self._check_there()
            self._pin.keep(mark_of(values))
            return self._reply(mark_of(values))
        if op == "finish":
            self._pin.finish(mark_of(values))
            return Reply()
        raise FormatError(f"a planner has no operation {op[:60]!r}", code="bad-message", section="16.10")

    def _start(self, values: Mapping[str, bytes]) -> Reply:
        """Find where to start and make sure that it stays; a later place if that expires meanwhile and may move."""
        self._pin = pin_of(self._core, values)
        mode = text_of(values, "mode")
        for _ in range(ATTEMPTS_MAX):
            newest = self._core.lineage.newest()
            mark = self._pin.resume() if mode == "consumer-id" else None
            if mark is None:
                mark = start_of(self._table, mode, values, newest)
            try:
                self._pin.start(mark)
            except SnapshotExpiredError:
                if mode in ("consumer-id", "from-snapshot"):
                    raise
                continue
            return self._reply(mark, end=newest.id)
        raise ConnectorError(
            "snapshots expire faster than reading can start: expire later", code="", retry=True
        )

    def _check_reached(self, mark: Mark) -> None:
        """Raises ConnectorError if the table has never had what a job has read of it: its own workers may have made it
        anew."""
        newest = self._core.lineage.newest().id
        if mark.next > newest + (not mark.state):
            raise self._replaced(f"the job has read it up to snapshot {mark.next - 1}, it ends at {newest}")

    def _check_there(self) -> None:
        """Raises ConnectorError if the newest snapshot is gone, which never expires."""
        while True:
            newest = self._core.lineage.newest().id
            if self._core.storage.exists(layout.snapshot_path(newest)):
                return
            if self._core.lineage.newest().id == newest:
                raise self._replaced(f"its newest snapshot {newest} is gone")

    def _replaced(self, reason: str) -> ConnectorError:
        return ConnectorError(
            f"the table at {self._core.storage.root} was deleted or replaced while the job reads it: {reason}. Put it "
            "back, or start the job anew, without its state",
            code="",
        )

    def _reply(self, mark: Mark, **more: Value) -> Reply:
        newest = self._core.lineage.newest()
        return Reply(
            {
                "next": mark.next,
                "state": "true" if mark.state else "false",
                "newest": newest.id,
                "buckets": self._core.schema.buckets,
                **more,
            }
        )

    def close(self) -> None:
        """The consumer stays: the job may go on from a checkpoint."""


def mark_of(values: Mapping[str, bytes]) -> Mark:
    """The least position of all buckets, in whole snapshots."""
    return Mark(integer_of(values, "next"), state=text_of(values, "state") == "true")


def start_of(table: Table, mode: str, values: Mapping[str, bytes], newest: Version) -> Mark:
    """Where a job without state starts. Raises SnapshotExpiredError, FormatError."""
    if mode in ("latest-full", "consumer-id"):
        return Mark(newest.id, state=True)
    if mode == "latest":
        return Mark(newest.id + 1)
    lineage = table._core.lineage
    if mode == "earliest":
        kept = lineage.boundary()
        return Mark(min(number for number in lineage.ids() if number >= kept), state=True)
    if mode == "from-snapshot":
        number = integer_of(values, "snapshot")
        if number > newest.id:
            raise SchemaError(f"'scan.startup.snapshot' is {number}, but the newest snapshot is {newest.id}")
        return Mark(lineage.at(number).id + 1)
    if mode == "from-timestamp":
        return Mark(_at_time(table, integer_of(values, "timestamp")) + 1)
    raise FormatError(f"there is no start mode {mode[:60]!r}", code="bad-message", section="16.10")


def _at_time(table: Table, millis: int) -> int:
    """The newest snapshot not later than a time; the first of the table if that was made after it."""
    moment = datetime.datetime.fromtimestamp(millis / 1000, datetime.UTC)
    try:
        return table.at(timestamp=moment).version
    except SnapshotExpiredError:
        if not table._core.lineage.boundary():
            return 1
        raise


class Pin:
    """The consumer under whose name a source keeps its snapshots. Without a name of the user's it is dropped at the
    end of a bounded source, and in any case some time after the job was last heard of."""

    def __init__(self, core: Core, name: str, expires_millis: int | None) -> None:
        self._core = core
        self._name = name
        if expires_millis is None:
            far = TIMESTAMP_MAX - int(time.time() * 1000) - ANONYMOUS_MILLIS
            expires_millis = ANONYMOUS_MILLIS if self._is_anonymous else far
        self._progress = Progress(core, name, expires_millis)
        self._mark: Mark | None = None

    @property
    def _is_anonymous(self) -> bool:
        return self._name.startswith(ANONYMOUS)

    def resume(self) -> Mark | None:
        """Where the consumer stopped, in whole snapshots; None for a new one. Raises SnapshotExpiredError."""
        found = self._progress.resume()
        if found is None:
            return None
        return Mark(found.next if found.state else max(2, found.next), state=found.state)

    def start(self, mark: Mark) -> None:
        """Keep everything from a place on. Raises SnapshotExpiredError if it is gone."""
        self._go(mark)
        if _kept_from(mark) < self._core.lineage.boundary():
            raise self._progress.lapsed(mark)

    def take_up(self, mark: Mark) -> None:
        """Keep what there still is from a place on: whoever needs what is gone says so when it looks for it."""
        for _ in range(ATTEMPTS_MAX):
            boundary = self._core.lineage.boundary()
            self._go(mark if _kept_from(mark) >= boundary else Mark(boundary, state=True))
            if self._core.lineage.boundary() == boundary:
                return

    def _go(self, mark: Mark) -> None:
        """To a place before or behind that of the consumer's document, which may be there from before."""
        for attempt in range(CONFLICTS_MAX):  # with a planner of the same job that is on its way out
            try:
                with suppress(SnapshotExpiredError):
                    self._progress.resume()
                self._progress.save(mark)
                break
            except CommitConflictError:
                if attempt + 1 == CONFLICTS_MAX:
                    raise
        self._mark = mark

    def keep(self, mark: Mark) -> None:
        """Move on, or say that the job is still there."""
        if self._mark is not None and (mark.next, not mark.state) > (self._mark.next, not self._mark.state):
            self._mark = mark
        assert self._mark is not None
        try:
            self._progress.renew(self._mark)
        except CommitConflictError as error:
            raise ConnectorError(
                f"consumer {self._name!r} of {self._core.storage.root} was taken over by another job, or dropped: give "
                "each job a 'consumer-id' of its own",
                code="",
            ) from error

    def finish(self, mark: Mark) -> None:
        """All rows of a bounded source have been handed on, and nobody comes back for them."""
        if self._is_anonymous:
            with suppress(SnapshotExpiredError):
                progress.drop(self._core, self._name)
        else:
            self.keep(mark)


def pin_of(core: Core, values: Mapping[str, bytes]) -> Pin:
    """The consumer that a request names."""
    expires = integer_of(values, "expires-millis") if "expires-millis" in values else None
    return Pin(core, text_of(values, "consumer"), expires)


def _kept_from(mark: Mark) -> int:
    """The least snapshot that a consumer at `mark` keeps (spec §15.5)."""
    return mark.next if mark.state else max(1, mark.next - 1)
