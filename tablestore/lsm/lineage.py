"""The chain of snapshots in a store: find the newest, read any, follow the hint without trusting it (spec §10.5), and
never look below the boundary (spec §15.4)."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from tablestore.errors import FormatError, SnapshotExpiredError, TableNotFoundError
from tablestore.file import boundary as boundaries
from tablestore.file import layout, snapshot
from tablestore.file.snapshot import Snapshot
from tablestore.storage import NotFoundError, Storage

HINT_PATH = "snapshot/LATEST"
STEPS_MAX = 16


@dataclass(frozen=True)
class Version:
    """A snapshot and the digest of its document."""

    snapshot: Snapshot
    digest: str

    @property
    def id(self) -> int:
        """Snapshot id."""
        return self.snapshot.id


class News:
    """Wakes who waits for commits of this process, to any table: they then look at theirs."""

    def __init__(self) -> None:
        self.count = 0
        self._told = threading.Condition()

    def tell(self) -> None:
        """There is a new snapshot."""
        with self._told:
            self.count += 1
            self._told.notify_all()

    def wait(self, seen: int, seconds: float) -> None:
        """Until `count` is no longer `seen`, or for some seconds."""
        with self._told:
            if self.count == seen:
                self._told.wait(seconds)


NEWS = News()


class Lineage:
    """Snapshots of one table."""

    def __init__(self, storage: Storage, table: str | None = None) -> None:
        self._storage = storage
        self.table = table
        self._newest: Version | None = None
        self._boundary = 0, ""

    def read(self, snapshot_id: int) -> Version:
        """One snapshot. Raises NotFoundError if it is absent, FormatError if it is corrupt."""
        path = layout.snapshot_path(snapshot_id)
        data = self._storage.read(path)
        decoded = snapshot.decode(data, path, snapshot_id, self.table)
        return Version(decoded, snapshot.digest(data))

    def digest(self, snapshot_id: int) -> str:
        """Digest of a snapshot's document. Raises as `read` does."""
        path = layout.snapshot_path(snapshot_id)
        newest = self._newest
        found = snapshot.digest(self._storage.read(path))
        if newest is not None and newest.id == snapshot_id and newest.digest == found:
            return found  # the very bytes that were decoded before
        return self.read(snapshot_id).digest

    def boundary(self) -> int:
        """The id from which on snapshots are kept, 0 if all are. Costs one look-up if it has not moved."""
        known, identity = self._boundary
        if known:
            with suppress(NotFoundError):
                # An expirer removes it before it lists pins or deletes anything (spec §15.6).
                if self._storage.status(layout.boundary_path(known)).identity == identity:
                    return known
        return self.list_boundary()

    def list_boundary(self) -> int:
        """The boundary by its directory: also one whose predecessors are still there."""
        while True:
            known = self._boundary[0]
            found = max(self._boundaries(), default=0)
            if found <= known:
                return known
            path = layout.boundary_path(found)
            try:
                identity = self._storage.status(path).identity
                boundaries.decode(self._storage.read(path), path, found, self.table)
            except NotFoundError:
                continue  # a greater one is there by now
            self._boundary = found, identity
            return found

    def _boundaries(self) -> list[int]:
        try:
            names = self._storage.list(layout.BOUNDARY_DIRECTORY)
        except NotFoundError:
            return []
        parsed = (layout.parse_boundary_name(name) for name in names)
        return [number for number in parsed if number is not None]

    def at(self, snapshot_id: int) -> Version:
        """One snapshot that a user asked for. Raises SnapshotExpiredError if it does not exist, or not any more."""
        try:
            found = self.read(snapshot_id)
        except NotFoundError:
            self.check_kept(snapshot_id)
            raise SnapshotExpiredError(
                f"there is no snapshot {snapshot_id}; history() lists those there are"
            ) from None
        self.check_kept(snapshot_id)
        return found

    def check_kept(self, snapshot_id: int) -> None:
        """Raises SnapshotExpiredError for a snapshot below the boundary."""
        kept = self.boundary()
        if snapshot_id < kept:
            raise SnapshotExpiredError(
                f"snapshot {snapshot_id} of {self._storage.root} has expired: "
                f"the table keeps those from {kept} on, and those with a tag"
            )

    def newest(self) -> Version:
        """The newest snapshot; later calls look on from the one found before."""
        version = self._newest or self._start()
        while True:
            try:
                version = self._follow(version)
            except FormatError:
                # A stalled writer may have published an expired id again: then this is not the chain (spec §11.6).
                if version.id >= self.boundary():
                    raise
            if version.id >= self.boundary():
                self._newest = version
                return version
            version = self._start()

    def _follow(self, version: Version) -> Version:
        """From a snapshot on to the last that has no successor."""
        steps = 0
        while True:
            following = version.id + 1
            if not self._storage.exists(layout.snapshot_path(following)):
                return version
            steps += 1
            if steps == STEPS_MAX:  # far behind: the hint may lead further, by a shorter way
                version = max(version, self._start(), key=lambda found: found.id)
                continue
            try:
                after = self.read(following)
            except NotFoundError:
                return version  # expired since the look-up
            check_parent(version, after)
            version = after

    def remember(self, version: Version) -> None:
        """A snapshot that this process has just published."""
        if self._newest is None or version.id > self._newest.id:
            self._newest = version
        NEWS.tell()

    def _start(self) -> Version:
        """A snapshot from the boundary on to begin with, the newest if there is no hint."""
        while True:
            kept = self.boundary()
            hint = self._hint()
            if hint is not None and hint >= kept:
                try:
                    return self.read(hint)
                except NotFoundError:
                    pass
            ids = [number for number in self.ids() if number >= kept]
            if ids:
                try:
                    return self.read(ids[-1])
                except NotFoundError:
                    if self.boundary() > kept:
                        continue
                    raise
            if self.boundary() == kept:
                raise self._no_snapshots(hint, kept)

    def _no_snapshots(self, hint: int | None, kept: int) -> FormatError | TableNotFoundError:
        if kept:
            hint, file = kept, layout.boundary_path(kept)
        else:
            file = HINT_PATH
        if hint is None:
            return TableNotFoundError(f"there is no table at {self._storage.root}; create_table makes one")
        return FormatError(
            f"{file} names snapshot {hint}, but there are no snapshots from there on",
            code="lineage",
            file=file,
            section="10.5",
        )

    def _hint(self) -> int | None:
        try:
            return layout.parse_hint(self._storage.read(HINT_PATH, 64))
        except (NotFoundError, FormatError):
            return None

    def ids(self) -> list[int]:
        """Ids of all snapshots that are there, ascending, expired ones included."""
        try:
            names = self._storage.list(layout.SNAPSHOT_DIRECTORY)
        except NotFoundError:
            return []
        parsed = (layout.parse_snapshot_name(name) for name in names)
        return sorted(number for number in parsed if number is not None)

    def versions(self) -> list[Version]:
        """All snapshots from the boundary on, oldest first, their chain checked."""
        while True:
            kept = self.boundary()
            found: list[Version] = []
            try:
                for number in self.ids():
                    if number >= kept:
                        found.append(self.read(number))
            except NotFoundError:
                if self.boundary() > kept:
                    continue
                raise
            for parent, child in pairwise(found):
                if parent.id + 1 == child.id:
                    check_parent(parent, child)
            return found


def check_parent(parent: Version, child: Version) -> None:
    """The digest chain of spec §10.4."""
    if child.snapshot.parent_digest != parent.digest:
        raise FormatError(
            f"the snapshot does not continue snapshot {parent.id}",
            code="lineage",
            file=layout.snapshot_path(child.id),
            section="10.4",
        )
