"""Publishing snapshots (spec §11): build on the newest, put if absent, rebase on conflict, never guess an outcome."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from tablestore import counters
from tablestore.core import Core
from tablestore.errors import (
    CommitConflictError,
    CommitUnknownError,
    FormatError,
    PreparedGoneError,
    StorageError,
)
from tablestore.file import fileset, layout, manifest, snapshot
from tablestore.file.manifest import ADDED, MOVED, REMOVED, Change, Entry, Place, Written
from tablestore.file.snapshot import ManifestReference, Snapshot, SnapshotKind, Totals, WriterIdentity
from tablestore.lease import is_missing, of_newest
from tablestore.lsm.lineage import HINT_PATH, Version
from tablestore.storage import AlreadyExistsError, AttemptGoneError, NotFoundError, PublishUnknownError

ATTEMPTS_MAX = 10_000
MANIFESTS_MERGED_MIN = 16  # so many small manifests are merged into one
BACKOFF_SECONDS_MAX = 0.2


@dataclass(frozen=True)
class Proposal:
    """Changes to publish on a certain snapshot. written: data files made for this proposal alone; fence: a greater one
    than the parent's (spec §15.7); source: the snapshot to roll back to (spec §15.8)."""

    kind: SnapshotKind
    changes: Sequence[Change]
    written: Sequence[Entry] = ()
    fence: int = 0
    source: Snapshot | None = None


@dataclass(frozen=True)
class Outcome:
    """version: the snapshot that holds the commit. published is False if it was there before (same identity)."""

    version: Version
    published: bool
    changes: Sequence[Change] = ()
    retries: int = 0


@dataclass
class _Written:
    """Metadata files of one commit that later attempts may use again."""

    delta: dict[tuple[Change, ...], Written] = field(default_factory=dict)
    merged: dict[tuple[str, ...], Written | None] = field(default_factory=dict)

    def forget_below(self, fence: int) -> None:
        """Manifests that a cleaner may have deleted are written again."""
        gone = [written for written in self.all() if layout.base_of(written.reference.file) < fence]
        self.delta = {key: written for key, written in self.delta.items() if written not in gone}
        self.merged = {key: written for key, written in self.merged.items() if written not in gone}

    def all(self) -> list[Written]:
        """Every manifest written for the commit."""
        return [*self.delta.values(), *(written for written in self.merged.values() if written is not None)]


class Transaction:
    """One commit. `build` is called with the newest snapshot on every attempt and says what to publish on it;
    it raises CommitConflictError if that has become impossible, and returns None if nothing is to be published."""

    def __init__(
        self,
        core: Core,
        build: Callable[[Version], Proposal | None],
        identity: WriterIdentity | None = None,
        watermark: int | None = None,
    ) -> None:
        self._core = core
        self._build = build
        self._identity = identity
        self._watermark = watermark
        self._written = _Written()

    def commit(self) -> Outcome:
        """Publish. Raises CommitConflictError (nothing visible), CommitUnknownError, StorageError."""
        core = self._core
        core.schema.check_writable()
        begun = time.monotonic()
        for attempt in range(ATTEMPTS_MAX):
            base = core.lineage.newest()
            if self._identity is not None:
                done = base.snapshot.committers.get(self._identity.id, -1)
                if done >= self._identity.commit_id:
                    counters.COMMITS_REPEATED.add()
                    return Outcome(base, False, retries=attempt)
            try:
                proposal = self._build(base)
                if proposal is None:
                    return Outcome(base, False, retries=attempt)
                self._check_fence(base.snapshot.fence, proposal)
                document, used = self._document(base, proposal)
            except (FormatError, NotFoundError) as error:
                if is_missing(error) and core.lineage.newest().id != base.id:
                    continue  # expired, or cleaned since: build on the newest, whose fence decides
                raise
            core.storage.sync_directories(core.schema.options.durable)
            data = snapshot.encode(document)
            if self._publish(document, data):
                version = Version(document, snapshot.digest(data))
                self._after(base, version, proposal, used)
                _count(proposal, attempt, time.monotonic() - begun)
                return Outcome(version, True, tuple(proposal.changes), attempt)
            self._remove_entries(proposal.written)
            time.sleep(random.uniform(0, min(BACKOFF_SECONDS_MAX, 0.001 * (attempt + 1))))
        raise CommitConflictError(f"lost {ATTEMPTS_MAX} races against other commits; try again")

    def _check_fence(self, fence: int, proposal: Proposal) -> None:
        try:
            check_fence(fence, [change.entry for change in proposal.changes if change.kind == ADDED])
        except CommitConflictError:
            self._remove_entries(proposal.written)
            raise
        self._written.forget_below(fence)

    def _document(self, base: Version, proposal: Proposal) -> tuple[Snapshot, set[str]]:
        """The snapshot to publish, and the metadata files that it refers to and this commit wrote."""
        core = self._core
        parent = base.snapshot
        if proposal.source is not None:
            return self._rollback(base, proposal.source), set()
        references = list(self._merged_list(parent))
        delta: tuple[str, ...] = ()
        if proposal.changes:
            written = self._delta(base, tuple(proposal.changes)).at(parent.id + 1)
            references.append(written.reference)
            delta = (written.reference.file,)
        committers = dict(parent.committers)
        if self._identity is not None:
            committers[self._identity.id] = self._identity.commit_id
        document = replace(
            parent,
            id=parent.id + 1,
            parent=parent.id,
            parent_digest=base.digest,
            schema_id=core.schema.id,
            kind=proposal.kind,
            commit=layout.new_id(),
            timestamp_millis=max(int(time.time() * 1000), parent.timestamp_millis + 1),
            watermark=parent.watermark if self._watermark is None else self._watermark,
            manifests=tuple(references),
            delta=delta,
            writer=self._identity,
            committers=committers,
            fence=max(parent.fence, proposal.fence),
            totals=_totals(parent.totals, proposal.changes),
        )
        used = {*delta, *(reference.file for reference in references)}
        return document, used

    def _rollback(self, base: Version, source: Snapshot) -> Snapshot:
        """The older snapshot's contents with the lineage of the newest (spec §15.8)."""
        parent = base.snapshot
        return replace(
            source,
            id=parent.id + 1,
            parent=parent.id,
            parent_digest=base.digest,
            kind="rollback",
            commit=layout.new_id(),
            timestamp_millis=max(int(time.time() * 1000), parent.timestamp_millis + 1),
            delta=(),
            writer=None,
            committers=parent.committers,
            fence=parent.fence,
        )

    def _delta(self, base: Version, changes: tuple[Change, ...]) -> Written:
        written = self._written.delta.get(changes)
        if written is None:
            core = self._core
            durable = core.schema.options.durable
            written = manifest.write(core.storage, core.schema.table, base.id, changes, 0, durable)
            self._written.delta[changes] = written
        return written

    def _merged_list(self, parent: Snapshot) -> Sequence[ManifestReference]:
        """The parent's manifests; a long tail of small ones is merged into one (spec §9.7)."""
        references = parent.manifests
        start = _merge_start([reference.added + reference.removed for reference in references])
        if start is None:
            return references
        part = references[start:]
        name = tuple(reference.file for reference in part)
        if name not in self._written.merged:
            core = self._core
            self._written.merged[name] = fileset.merge(
                core.storage,
                core.schema.table,
                parent.id,
                [core.manifest(reference) for reference in part],
                max(reference.sequence for reference in part),
                start == 0,
                core.schema.options.durable,
            )
        merged = self._written.merged[name]
        return [*references[:start], *([merged.reference] if merged is not None else [])]

    def _publish(self, document: Snapshot, data: bytes) -> bool:
        """Put the document in place; False if another commit has taken the id."""
        core = self._core
        path = layout.snapshot_path(document.id)
        try:
            core.storage.publish(path, data, core.schema.options.durable)
        except (AlreadyExistsError, AttemptGoneError) as error:
            return self._is_own(document, error)
        except PublishUnknownError as error:
            if not self._may_be_own(document):
                return False
            raise self._unknown(document, error) from error
        return True

    def _is_own(self, document: Snapshot, error: Exception) -> bool:
        """Whether the snapshot that is in the way is this very one: an answer was lost and the call repeated."""
        lineage = self._core.lineage
        try:
            return lineage.read(document.id).snapshot.commit == document.commit
        except NotFoundError as reason:
            if isinstance(error, AttemptGoneError):
                return False  # the id was taken when the cleaner came, and has expired since
            raise self._unknown(document, error) from reason
        except (StorageError, FormatError) as reason:
            raise self._unknown(document, error) from reason

    def _may_be_own(self, document: Snapshot) -> bool:
        """False only with proof that another commit holds the id (spec §11.4)."""
        with suppress(StorageError, FormatError):
            return self._core.lineage.read(document.id).snapshot.commit == document.commit
        return True

    def _unknown(self, document: Snapshot, error: object) -> CommitUnknownError:
        return CommitUnknownError(
            f"snapshot {document.id} (commit {document.commit}) may or may not be durable: {error}; "
            "open the table again and look, or repeat the commit under the same writer and commit id"
        )

    def _after(self, base: Version, version: Version, proposal: Proposal, used: set[str]) -> None:
        """Steps after the acknowledgement (spec §11.3, §11.6)."""
        core = self._core
        if self._may_be_recreated(version):
            self._settle(version, proposal)
            return
        if not self._continues(base, version):
            raise CommitUnknownError(
                f"snapshot {version.id} was published, but its parent is gone: the table has moved on without it"
            )
        core.lineage.remember(version)
        core.live.follow(base.id, version.id, None if proposal.source is not None else proposal.changes)
        core.storage.write_hint(HINT_PATH, layout.format_hint(version.id))
        for written in self._written.all():
            if written.reference.file in used:
                sequence = written.reference.sequence or version.id
                core.keep(written.reference.file, written.contents.at(sequence))
            else:
                self._remove(layout.manifest_path(written.reference.file))

    def _may_be_recreated(self, version: Version) -> bool:
        """Whether the id has expired: before it was published, or since (spec §11.6)."""
        try:
            return self._core.lineage.boundary() > version.id
        except (StorageError, FormatError) as error:
            raise self._unknown(version.snapshot, error) from error

    def _settle(self, version: Version, proposal: Proposal) -> None:
        """Returns if the newest snapshot proves that an expired commit is in its line; raises CommitConflictError if it
        proves that it is not, CommitUnknownError if it proves nothing (spec §11.6)."""
        core = self._core
        try:
            newest = core.lineage.newest().snapshot
            if proposal.kind == "clean":
                if newest.fence >= proposal.fence:
                    return  # fences never decrease: whoever put it up, it is there
                raise CommitConflictError(
                    "the snapshot with the fence is not in the table's line: clean again"
                )
            if self._identity is not None:
                if newest.committers.get(self._identity.id, -1) >= self._identity.commit_id:
                    return
                self._remove(layout.snapshot_path(version.id))
                raise PreparedGoneError(
                    f"snapshot {version.id} had expired before this commit published it once more; "
                    "nothing of the commit is visible: write again, for a Flink job by restoring it from an earlier "
                    "checkpoint or savepoint"
                )
            own = {change.entry.file for change in proposal.changes if change.kind == ADDED}
            places = {change.entry.place for change in proposal.changes}
            live = of_newest(core, lambda newest: _files_of(core, newest, places))
        except (StorageError, FormatError) as error:
            raise self._unknown(version.snapshot, error) from error
        if not own & live:
            raise self._unknown(
                version.snapshot, "the snapshot has expired, before it was published or since"
            )

    def _continues(self, base: Version, version: Version) -> bool:
        """Whether the published snapshot is in the table's line; a store that cannot answer proves nothing."""
        lineage = self._core.lineage
        with suppress(StorageError, FormatError):
            try:
                return lineage.digest(base.id) == base.digest
            except NotFoundError:
                return base.id < lineage.boundary()
        return True

    def discard(self, entries: Sequence[Entry]) -> None:
        """Delete data files and metadata of a commit that has provably not been published."""
        self._remove_entries(entries)
        for written in self._written.all():
            self._remove(layout.manifest_path(written.reference.file))

    def _remove_entries(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._remove(self._core.cache.path_of(entry.place, entry.file))

    def _remove(self, path: str) -> None:
        with suppress(StorageError):
            self._core.storage.remove(path)


def _count(proposal: Proposal, retries: int, seconds: float) -> None:
    """Count a published proposal."""
    new = [change.entry for change in proposal.changes if change.kind == ADDED]
    size = sum(entry.size for entry in new)
    counters.COMMIT_RETRIES.add(retries)
    if proposal.kind in ("compact", "purge"):
        gone = sum(change.entry.size for change in proposal.changes if change.kind == REMOVED)
        counters.COMPACTIONS.add()
        counters.COMPACTION_BYTES_READ.add(gone)
        counters.COMPACTION_BYTES_WRITTEN.add(size)
        return
    counters.COMMITS.add()
    counters.COMMIT_SECONDS.add(seconds)
    counters.FILES_WRITTEN.add(len(new))
    counters.ROWS_WRITTEN.add(sum(entry.row_count for entry in new))
    counters.BYTES_WRITTEN.add(size)


def _files_of(core: Core, version: Version, places: Iterable[Place]) -> set[str]:
    return {entry.file for place in places for entry in core.place_entries(version.snapshot, place)}


def check_fence(fence: int, entries: Iterable[Entry]) -> None:
    """Raises CommitConflictError for new files that a cleaner may have taken for garbage (spec §15.7)."""
    for entry in entries:
        base = layout.base_of(entry.file)
        if base < fence:
            raise CommitConflictError(
                f"the table was cleaned since the commit began: its file {entry.file} was written after snapshot "
                f"{base}, the fence is {fence}. Nothing of it is visible: write again, "
                "and clean with an age limit longer than commits take"
            )


def _merge_start(sizes: Sequence[int]) -> int | None:
    """Where the tail of manifests begins that is worth merging, or None.

    The tail grows from the newest, whatever its size, back while the next is at most as large as all newer ones
    together (a few entries always count as small), so that every entry is rewritten about log(table) times.
    """
    start = len(sizes)
    total = 0
    while start > 0 and (start == len(sizes) or sizes[start - 1] <= max(total, MANIFESTS_MERGED_MIN)):
        start -= 1
        total += sizes[start]
    return start if len(sizes) - start >= MANIFESTS_MERGED_MIN else None


def _totals(before: Totals, changes: Sequence[Change]) -> Totals:
    """Totals after `changes` (spec §10.2)."""
    files, size, rows, deletes = before.files, before.bytes, before.rows, before.deletes
    for change in changes:
        if change.kind == MOVED:
            continue
        sign = -1 if change.kind == REMOVED else 1
        files += sign
        size += sign * change.entry.size
        rows += sign * change.entry.row_count
        deletes += sign * change.entry.delete_count
    return Totals(files, size, rows, deletes)


def added(entries: Sequence[Entry]) -> list[Change]:
    """Changes that add `entries`."""
    return [Change(ADDED, entry) for entry in entries]


def removed(entries: Sequence[Entry]) -> list[Change]:
    """Changes that remove `entries`."""
    return [Change(REMOVED, entry) for entry in entries]
