"""Automatic compaction beside the writer: small compactions are done at once, large ones by threads of their own, and
writers wait only for buckets that have too many runs."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Sequence
from weakref import ref

from tablestore import claims, lease, maintenance
from tablestore.core import Core
from tablestore.errors import TableStoreError
from tablestore.file.manifest import Entry, Place
from tablestore.lsm.lineage import Version
from tablestore.lsm.parallel import workers
from tablestore.lsm.purge import purge_of
from tablestore.options import duration_millis
from tablestore.results import CompactResult
from tablestore.transaction import Outcome

LOG = logging.getLogger("tablestore")
POLL_SECONDS = 0.02
POLL_SECONDS_MAX = 0.5
ROUNDS_MAX = 64  # compactions of one bucket before another has its turn


class _Stopped(TableStoreError):
    """The process ends: what a compaction has written is taken away, another process will plan it again."""


class Background:
    """The buckets of one table that wait for compaction, and the threads of this process that do it.

    Threads start when there is work and end when there is none; when the main thread ends they stop at the next window.
    """

    def __init__(self, core: Core) -> None:
        self._core = ref(core)  # no cycle: a table that nobody holds closes its files at once
        self._forget()

    def _forget(self) -> None:
        self._process = os.getpid()
        self._waiting: dict[Place, None] = {}
        self._working: set[Place] = set()
        self._threads = 0
        self._changed = threading.Condition()

    def _own(self) -> None:
        """A child process has no threads of its parent's."""
        if self._process != os.getpid():
            self._forget()

    def add(self, places: Iterable[Place]) -> None:
        """Have buckets compacted."""
        self._own()
        core = self._core()
        with self._changed:
            self._waiting.update(dict.fromkeys(places))
            while self._threads < min(workers(), len(self._waiting) + len(self._working)):
                self._threads += 1
                threading.Thread(target=self._run, args=(core,), name="tablestore-compaction").start()

    def busy(self, place: Place) -> bool:
        """Whether the bucket waits or is worked on."""
        self._own()
        with self._changed:
            return place in self._waiting or place in self._working

    def wait(self, place: Place | None = None, timeout: float | None = None) -> bool:
        """Until the bucket, or None = every bucket, is done; False after `timeout` seconds."""
        self._own()
        with self._changed:
            return self._changed.wait_for(lambda: self._done(place), timeout)

    def _done(self, place: Place | None) -> bool:
        if place is None:
            return not (self._waiting or self._working)
        return place not in self._waiting and place not in self._working

    def _next(self) -> Place | None:
        with self._changed:
            place = next((place for place in self._waiting if place not in self._working), None)
            if place is None or not threading.main_thread().is_alive():
                self._threads -= 1
                if not threading.main_thread().is_alive():
                    self._waiting.clear()
                self._changed.notify_all()
                return None
            del self._waiting[place]
            self._working.add(place)
            return place

    def _run(self, core: Core) -> None:
        while (place := self._next()) is not None:
            try:
                compact_place(core, place)
            except _Stopped:
                pass
            except Exception as error:
                LOG.warning("compaction of bucket %d of %s: %s", place[1], core.storage.root, error)
            finally:
                with self._changed:
                    self._working.discard(place)
                    self._changed.notify_all()


def background_of(core: Core) -> Background:
    """The background compaction of an open table."""
    if core.background is None:
        core.background = Background(core)
    found: Background = core.background
    return found


def _proceed() -> None:
    if not threading.main_thread().is_alive():
        raise _Stopped("the process ends")


def compact_place(core: Core, place: Place) -> None:
    """Compact one bucket until nothing is left to pick, or another has claimed it."""
    purge = purge_of(core.schema, int(time.time() * 1000))
    for _ in range(ROUNDS_MAX):
        base, work = maintenance.plan_newest(core, only={place}, purge=purge)
        if not work:
            return
        if maintenance.compact_one(core, base, work[0], purge, _proceed, claiming=True) is None:
            return


def after_commit(core: Core, outcome: Outcome) -> None:
    """Automatic compaction of the buckets that a commit touched. A failure does not fail the commit, which is in."""
    if core.schema.options.compaction != "auto" or not outcome.published:
        return
    try:
        places = {change.entry.place for change in outcome.changes}
        known: Version | None = outcome.version
        for _ in range(ROUNDS_MAX):
            base, work = maintenance.plan_newest(core, only=places, known=known)
            places = {small.place for small in work if _compact_small(core, base, small)}
            if not places:
                break
            known = None
    except TableStoreError as error:
        LOG.warning("compaction after version %d of %s: %s", outcome.version.id, core.storage.root, error)


def _compact_small(core: Core, base: Version, work: maintenance.Work) -> bool:
    """Do a small compaction now, and have a large one done; True if the bucket has to be looked at again."""
    background = background_of(core)
    if work.size > maintenance.SMALL_BYTES or background.busy(work.place):
        background.add([work.place])
        return False
    purge = purge_of(core.schema, int(time.time() * 1000))
    return maintenance.compact_one(core, base, work, purge) is not None


def compact(core: Core, full: bool = False) -> CompactResult:
    """Compact now, after what is under way."""
    background_of(core).wait()
    return maintenance.run(core, full=full)


def before_publish(core: Core, entries: Sequence[Entry]) -> None:
    """Back-pressure: a writer does not add to buckets that have `compaction.stop` runs (spec §13.11).

    With automatic compaction it sees to it that they have fewer. Otherwise it waits, while a compactor serves the
    table, up to `stall-timeout`; then it goes on all the same.
    """
    options = core.schema.options
    for place in sorted({entry.place for entry in entries}):
        if not _stalled(core, place):
            continue
        if options.compaction == "auto":
            background = background_of(core)
            background.wait(place)
            if _stalled(core, place):
                background.add([place])
                background.wait(place)
        _wait_for_others(core, place)


def _stalled(core: Core, place: Place) -> bool:
    """Whether the bucket has too many runs for more."""
    runs = lease.of_newest(core, lambda newest: core.run_count(newest.snapshot, place))
    return runs >= core.schema.options.compaction_stop


def _wait_for_others(core: Core, place: Place) -> None:
    """While the bucket has too many runs and another process is there to compact it, for a limited time."""
    options = core.schema.options
    end = time.monotonic() + duration_millis(options.stall_timeout) / 1000
    pause = POLL_SECONDS
    while _stalled(core, place):
        alone = options.compaction == "auto"
        if not (claims.is_claimed(core, place) if alone else claims.compactor_is_alive(core)):
            return
        if time.monotonic() >= end:
            LOG.warning(
                "bucket %d of %s has too many sorted runs; whoever compacts it has not kept up for %s",
                place[1],
                core.storage.root,
                options.stall_timeout,
            )
            return
        time.sleep(pause)
        pause = min(pause * 1.5, POLL_SECONDS_MAX)
