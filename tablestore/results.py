"""What mutators return: frozen, with the new version and counts."""

from __future__ import annotations

from dataclasses import dataclass, field

from tablestore.file.manifest import ADDED, REMOVED
from tablestore.transaction import Outcome


@dataclass(frozen=True)
class CommitResult:
    """version: the snapshot that holds the commit. rows and deletes count what was given, files and bytes what was
    written. published is False if the commit was in the table before, or there was nothing to do; retries counts
    races lost on the way."""

    version: int
    rows: int
    deletes: int
    files: int
    bytes: int
    published: bool
    retries: int

    @classmethod
    def of(cls, outcome: Outcome, rows: int, deletes: int) -> CommitResult:
        """The result of a commit."""
        written = [change.entry for change in outcome.changes if change.kind == ADDED]
        return cls(
            version=outcome.version.id,
            rows=rows,
            deletes=deletes,
            files=len(written),
            bytes=sum(entry.size for entry in written),
            published=outcome.published,
            retries=outcome.retries,
        )


@dataclass(frozen=True)
class CompactResult:
    """version: newest snapshot. Counts of files, stored rows and bytes that went into compactions and came out."""

    version: int
    buckets: int = 0
    files_in: int = 0
    files_out: int = 0
    rows_in: int = 0
    rows_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    lost: int = 0

    def plus(self, outcome: Outcome) -> CompactResult:
        """With one published compaction counted."""
        gone = [change.entry for change in outcome.changes if change.kind == REMOVED]
        new = [change.entry for change in outcome.changes if change.kind == ADDED]
        return CompactResult(
            version=max(self.version, outcome.version.id),
            buckets=self.buckets + 1,
            files_in=self.files_in + len(gone),
            files_out=self.files_out + len(new),
            rows_in=self.rows_in + sum(entry.row_count for entry in gone),
            rows_out=self.rows_out + sum(entry.row_count for entry in new),
            bytes_in=self.bytes_in + sum(entry.size for entry in gone),
            bytes_out=self.bytes_out + sum(entry.size for entry in new),
            lost=self.lost,
        )


@dataclass(frozen=True)
class Finding:
    """One fault that `verify` found. offset: byte in the file, or None."""

    code: str
    file: str
    offset: int | None
    section: str | None
    message: str


@dataclass(frozen=True)
class VerifyResult:
    """version: the snapshot that was verified. ok: no findings. orphans: files that nothing refers to (no fault)."""

    version: int
    files: int
    manifests: int
    snapshots: int
    rows: int
    bytes: int
    deep: bool
    findings: tuple[Finding, ...] = ()
    orphans: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


@dataclass(frozen=True)
class ExpireResult:
    """version: the newest snapshot. boundary: snapshots before it are expired. Counts of what was deleted: snapshots,
    data files, manifests, and the bytes of both; pinned: expired snapshots that a tag, lease or consumer keeps."""

    version: int
    boundary: int
    snapshots: int = 0
    files: int = 0
    manifests: int = 0
    bytes: int = 0
    pinned: int = 0


@dataclass(frozen=True)
class OrphanResult:
    """version: the newest snapshot. Counts and bytes of the files that nothing refers to: deleted, or with dry_run only
    found. paths: their names in the table, sorted."""

    version: int
    dry_run: bool
    files: int
    manifests: int
    temporaries: int
    bytes: int
    paths: tuple[str, ...]


@dataclass(frozen=True)
class TagResult:
    """version: the snapshot that the tag names, or named."""

    name: str
    version: int


@dataclass(frozen=True)
class ConsumerResult:
    """next, position: how far the consumer had come: `position` rows of what snapshot `next` brings were handed on."""

    name: str
    next: int
    position: int


@dataclass(frozen=True)
class RollbackResult:
    """version: the new snapshot, which shows what snapshot `to` shows; published is False if it was the newest."""

    version: int
    to: int
    published: bool
    retries: int
