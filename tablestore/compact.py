"""python -m tablestore.compact PATH: compact a table, once or for as long as the process runs.

Any number of these may serve one table, with any number of writers: they share the work by claims (spec §13.10), and
never stop anybody. Writers of a table with compaction = manual wait at compaction.stop while one is there.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType

from tablestore import claims, maintenance, retention
from tablestore.core import Core, open_core
from tablestore.errors import TableStoreError
from tablestore.lsm.lineage import Version
from tablestore.lsm.parallel import workers
from tablestore.lsm.purge import purge_of
from tablestore.results import CompactResult
from tablestore.storage import open_storage

POLL_SECONDS = 0.2
POLL_SECONDS_MAX = 2.0
EXPIRE_SECONDS = 10.0
PROGRESS_SECONDS = 0.5


class Stopped(Exception):
    """A signal asked the process to end."""


class Compactor:
    """One process at work on one table: plans, shuffles the work, and shares it among `jobs` threads."""

    def __init__(self, core: Core, jobs: int, full: bool, stop: threading.Event) -> None:
        self._core = core
        self._jobs = jobs
        self._full = full
        self._stop = stop
        self._registered = claims.register(core)
        self._lock = threading.Lock()
        self.result = CompactResult(0)
        self.done = 0
        self.total = 0

    def close(self) -> None:
        """Tell the writers that nobody is here any more."""
        self._registered.release()

    def renew(self) -> None:
        """Tell the writers that somebody is still here."""
        self._registered.renew()

    def _proceed(self) -> None:
        self.renew()
        if self._stop.is_set():
            raise Stopped

    def round(self) -> int:
        """Plan and do what is to be done; compactions that were published. `total` says how many were planned."""
        core = self._core
        self.renew()
        purge = purge_of(core.schema, int(time.time() * 1000))
        base, work = maintenance.plan_newest(core, self._full, purge=purge)
        random.shuffle(work)
        self.done, self.total = 0, len(work)
        before = self.result.buckets
        errors: list[BaseException] = []
        threads = [
            threading.Thread(target=self._share, args=(base, work, errors))
            for _ in range(min(self._jobs, len(work)))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(PROGRESS_SECONDS)
                self._report()
        failures = [error for error in errors if not isinstance(error, Stopped)]
        if failures:
            raise failures[0]
        return self.result.buckets - before

    def _share(self, base: Version, work: list[maintenance.Work], errors: list[BaseException]) -> None:
        """One thread: takes what is next until nothing is left."""
        core = self._core
        purge = purge_of(core.schema, int(time.time() * 1000))
        try:
            while not self._stop.is_set():
                try:
                    item = work.pop()
                except IndexError:
                    return
                outcome = maintenance.compact_one(core, base, item, purge, self._proceed, claiming=True)
                with self._lock:
                    self.done += 1
                    if outcome is not None:
                        self.result = self.result.plus(outcome)
        except BaseException as error:
            errors.append(error)
            self._stop.set()

    def _report(self) -> None:
        if sys.stderr.isatty() and self.total:
            sys.stderr.write(f"\r{self.done} of {self.total} buckets ")
            sys.stderr.flush()


def expire(core: Core, keep_last: int) -> str:
    """Expire all but the newest snapshots; what to say about it."""
    found = retention.expire(core, keep_last, None)
    return f"expired up to version {found.boundary}" if found.snapshots else ""


def say(line: str) -> None:
    """One line of plain output, above the progress line of a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    print(line, flush=True)


def summary(result: CompactResult) -> str:
    """What was done, in one line."""
    return (
        f"version {result.version}: {result.buckets} compactions, {result.files_in} files in, "
        f"{result.files_out} out, {result.bytes_in} bytes in, {result.bytes_out} out"
    )


def serve(core: Core, options: argparse.Namespace, stop: threading.Event) -> None:
    """Compact until nothing is left, or with --follow until a signal comes."""
    compactor = Compactor(core, options.jobs, options.full, stop)
    pause, expired = POLL_SECONDS, 0.0
    try:
        while not stop.is_set():
            done = compactor.round()
            if done:
                say(summary(compactor.result))
                pause = POLL_SECONDS
            if options.keep_last and (time.monotonic() - expired >= EXPIRE_SECONDS or not options.follow):
                expired = time.monotonic()
                line = expire(core, options.keep_last)
                if line:
                    say(line)
            if not options.follow and not compactor.total:
                break
            if not done:
                seen = core.lineage.newest().id
                end = time.monotonic() + pause
                while time.monotonic() < end and not stop.wait(POLL_SECONDS):
                    compactor.renew()
                    if core.lineage.newest().id != seen:
                        break
                pause = min(pause * 1.5, POLL_SECONDS_MAX)
        if not compactor.result.buckets:
            say("nothing to compact")
    finally:
        compactor.close()


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tablestore.compact",
        description="Compact a table. Any number of processes may do so at once, beside any number of writers.",
        epilog="Exit status: 0 done or ended by a signal, 1 the table or the store failed, 2 wrong usage.",
    )
    parser.add_argument("path", help="directory of the table")
    parser.add_argument(
        "--follow", action="store_true", help="go on until a signal comes, for tables being written"
    )
    parser.add_argument(
        "--jobs", type=_positive, default=workers(), metavar="N", help="buckets at once (default: cores)"
    )
    parser.add_argument(
        "--full", action="store_true", help="merge every bucket into one run, without deletes"
    )
    parser.add_argument(
        "--keep-last", type=_positive, metavar="N", help="also expire all but the newest N snapshots"
    )
    return parser.parse_args(given)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def main(given: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    options = arguments(given)
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        core = open_core(open_storage(options.path))
        core.schema.check_writable()
        serve(core, options, stop)
    except TableStoreError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


if __name__ == "__main__":
    sys.exit(main())
