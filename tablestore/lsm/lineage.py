"""The chain of snapshots in a store: find the newest, read any, follow the hint without trusting it (spec §10.5)."""

from __future__ import annotations

from dataclasses import dataclass

from tablestore.errors import FormatError, SnapshotExpiredError, TableNotFoundError
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


class Lineage:
    """Snapshots of one table."""

    def __init__(self, storage: Storage, table: str | None = None) -> None:
        self._storage = storage
        self.table = table
        self._newest: Version | None = None

    def read(self, snapshot_id: int) -> Version:
        """One snapshot. Raises NotFoundError if it is absent, FormatError if it is corrupt."""
        path = layout.snapshot_path(snapshot_id)
        data = self._storage.read(path)
        decoded = snapshot.decode(data, path, snapshot_id, self.table)
        return Version(decoded, snapshot.digest(data))

    def at(self, snapshot_id: int) -> Version:
        """One snapshot that a user asked for. Raises SnapshotExpiredError if it does not exist."""
        try:
            return self.read(snapshot_id)
        except NotFoundError:
            raise SnapshotExpiredError(
                f"there is no snapshot {snapshot_id}; history() lists those there are"
            ) from None

    def newest(self) -> Version:
        """The newest snapshot; later calls look on from the one found before."""
        version = self._newest or self._start()
        steps = 0
        while True:
            following = version.id + 1
            if not self._storage.exists(layout.snapshot_path(following)):
                break
            steps += 1
            if steps == STEPS_MAX:  # far behind: the hint may lead further, by a shorter way
                version = max(version, self._start(), key=lambda found: found.id)
                continue
            after = self.read(following)
            check_parent(version, after)
            version = after
        self._newest = version
        return version

    def remember(self, version: Version) -> None:
        """A snapshot that this process has just published."""
        if self._newest is None or version.id > self._newest.id:
            self._newest = version

    def _start(self) -> Version:
        hint = self._hint()
        if hint is not None:
            try:
                return self.read(hint)
            except NotFoundError:
                pass
        ids = self.ids()
        if ids:
            return self.read(ids[-1])
        if hint is not None:
            raise FormatError(
                f"the hint names snapshot {hint}, but there are no snapshots",
                code="lineage",
                file=HINT_PATH,
                section="10.5",
            )
        raise TableNotFoundError(f"there is no table at {self._storage.root}; create_table makes one")

    def _hint(self) -> int | None:
        try:
            return layout.parse_hint(self._storage.read(HINT_PATH, 64))
        except (NotFoundError, FormatError):
            return None

    def ids(self) -> list[int]:
        """Ids of all snapshots, ascending."""
        try:
            names = self._storage.list("snapshot")
        except NotFoundError:
            return []
        parsed = (layout.parse_snapshot_name(name) for name in names)
        return sorted(number for number in parsed if number is not None)

    def versions(self) -> list[Version]:
        """All snapshots, oldest first, their chain checked."""
        found: list[Version] = []
        for number in self.ids():
            version = self.read(number)
            if found and found[-1].id == number - 1:
                check_parent(found[-1], version)
            found.append(version)
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
