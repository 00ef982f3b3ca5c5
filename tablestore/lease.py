"""Leases: whoever reads a snapshot for longer than a moment says so, and expiry leaves its files alone (spec §15.5).

A lease is a small file. It is written before the boundary is read, and an expirer writes the boundary before it reads
the leases, so one of the two always sees the other. A thread of the process renews what is held for long.
"""

from __future__ import annotations

import os
import platform
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TypeVar

from tablestore.core import Core
from tablestore.errors import FormatError, SnapshotExpiredError, StorageError
from tablestore.file import layout
from tablestore.file import lease as leases
from tablestore.lsm.lineage import Version
from tablestore.storage import NotFoundError, Storage

T = TypeVar("T")

LEASE_MILLIS = 300_000  # a lease of a process that died holds files for so long
RENEW_SECONDS = 60.0


class Lease:
    """A snapshot that is kept from expiry until `release`. Without a file if the store cannot be written."""

    def __init__(self, storage: Storage, table: str, snapshot: int) -> None:
        self.snapshot = snapshot
        self._storage = storage
        self._table = table
        self._process = os.getpid()
        self._lock = threading.Lock()
        self.path: str | None = layout.lease_path(secrets.token_hex(16))
        try:
            self._write()
        except StorageError:
            self.path = None  # read-only: files may go while they are read, and then the error says why

    def _write(self) -> None:
        now = int(time.time() * 1000)
        document = leases.Lease(self._table, self.snapshot, _holder(), now, now + LEASE_MILLIS)
        if self.path is not None:
            self._storage.replace(self.path, leases.encode(document))

    def renew(self) -> None:
        """Moves the time at which it may be dropped, unless it was released or dropped."""
        with self._lock, suppress(StorageError):
            if self.path is not None and self._storage.exists(self.path):
                self._write()

    def release(self) -> None:
        """Lets go; any number of times. A child process leaves its parent's leases alone."""
        RENEWAL.forget(self)
        with self._lock:
            path, self.path = self.path, None
        if path is not None and self._process == os.getpid():
            with suppress(StorageError):
                self._storage.remove(path)


class _Renewal:
    """The leases of this process and the thread that renews them, started with the first."""

    def __init__(self) -> None:
        self._held: dict[int, Lease] = {}
        self._thread: threading.Thread | None = None

    def add(self, lease: Lease) -> None:
        self._held[id(lease)] = lease
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="tablestore-leases", daemon=True)
            self._thread.start()

    def forget(self, lease: Lease) -> None:
        self._held.pop(id(lease), None)

    def _run(self) -> None:
        while True:
            before = set(self._held)
            time.sleep(RENEW_SECONDS)
            for lease in list(self._held.values()):
                if id(lease) in before:
                    lease.renew()

    def after_fork(self) -> None:
        """A child has no such thread, and holds nothing of its parent's."""
        self._held = {}
        self._thread = None


RENEWAL = _Renewal()
os.register_at_fork(after_in_child=RENEWAL.after_fork)


def acquire(core: Core, version: Version, tag: str | None = None) -> Lease:
    """A lease on a snapshot, in force. Raises SnapshotExpiredError if the snapshot has expired.

    tag: path of the tag that led to it: while that is there the boundary does not matter (spec §15.5).
    """
    lease = Lease(core.storage, core.schema.table, version.id)
    try:
        if tag is None or not core.storage.exists(tag):
            core.lineage.check_kept(version.id)
    except BaseException:
        lease.release()
        raise
    RENEWAL.add(lease)
    return lease


@contextmanager
def hold(core: Core, version: Version) -> Iterator[Lease]:
    """A lease for the time of a `with` block, in which a file that is missing because the snapshot has expired is a
    SnapshotExpiredError."""
    lease = acquire(core, version)
    try:
        with guard(core, version):
            yield lease
    finally:
        lease.release()


def of_newest(core: Core, read: Callable[[Version], T], known: Version | None = None) -> T:
    """What a short read without a lease finds in the newest snapshot; if that expires meanwhile, in a newer one.

    known: a snapshot to try first, which was the newest a moment ago.
    """
    version = core.lineage.newest() if known is None else known
    while True:
        try:
            return read(version)
        except (FormatError, NotFoundError, SnapshotExpiredError) as error:
            if not is_gone(core, version, error):
                raise
        version = core.lineage.newest()


def is_gone(core: Core, version: Version, error: Exception) -> bool:
    """Whether an error says that something is missing which has expired (spec §15.4)."""
    told = is_missing(error) or isinstance(error, SnapshotExpiredError)
    return told and version.id < core.lineage.boundary()


@contextmanager
def guard(core: Core, version: Version, tag: str | None = None) -> Iterator[None]:
    """Says that a snapshot has expired where files are missing for that reason (spec §15.4)."""
    try:
        yield
    except (FormatError, NotFoundError) as error:
        reason = expired(core, version, error, tag)
        if reason is None:
            raise
        raise reason from error


def expired(
    core: Core, version: Version, error: Exception, tag: str | None = None
) -> SnapshotExpiredError | None:
    """What a reader says of a missing file; None if the snapshot has not expired: then the table is damaged."""
    if not is_missing(error) or not is_gone(core, version, error):
        return None
    if tag is not None and core.storage.exists(tag):
        return None
    return SnapshotExpiredError(
        f"snapshot {version.id} of {core.storage.root} expired while it was read; "
        "its lease could not be written or was not renewed in time"
    )


def is_missing(error: Exception) -> bool:
    """Whether an error says that a file of a snapshot does not exist."""
    return isinstance(error, NotFoundError) or (
        isinstance(error, FormatError) and error.code == "missing-file"
    )


@cache
def _host() -> str:
    return platform.node().encode()[:200].decode("utf-8", "ignore")


def _holder() -> str:
    return f"{_host()} {os.getpid()}"
