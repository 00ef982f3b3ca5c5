"""Snapshot documents (spec chapter 10): one version of a table and everything that it contains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal, cast

import msgspec

from tablestore._native.hash import hash64
from tablestore.errors import LimitExceededError, SchemaError
from tablestore.file.document import COUNTER_MAX, Members, check_envelope, read_document, write_document
from tablestore.file.layout import ID_MAX, check_file_id

FORMAT: Final = "tablestore/snapshot"
NO_PARENT_DIGEST: Final = "0" * 16
KINDS: Final = ("create", "append", "compact", "overwrite", "purge", "rollback", "clean")
MANIFESTS_MAX: Final = 10_000  # spec §0.5
COMMITTERS_MAX: Final = 100_000  # spec §0.5
WRITER_BYTES_MAX: Final = 255
TIMESTAMP_MAX: Final = 253_402_300_799_999  # spec §10.3
_BOUND_BYTES_MAX: Final = 64  # spec §3.5
_BUCKET_MAX: Final = 65_535
_WATERMARK_MIN: Final = -(1 << 63)

SnapshotKind = Literal["create", "append", "compact", "overwrite", "purge", "rollback", "clean"]


@dataclass(frozen=True, slots=True)
class ManifestReference:
    """A manifest in the list of a snapshot. digest, partition_min and partition_max are hexadecimal."""

    file: str
    size: int
    digest: str
    sequence: int
    added: int
    removed: int
    partition_min: str
    partition_max: str
    bucket_min: int
    bucket_max: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the live files; rows counts stored rows, deletes included."""

    files: int = 0
    bytes: int = 0
    rows: int = 0
    deletes: int = 0


@dataclass(frozen=True, slots=True)
class WriterIdentity:
    """Who made a commit, and which of theirs it is (spec §11.5)."""

    id: str
    commit_id: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The members of spec §10.2."""

    table: str
    id: int
    parent: int
    parent_digest: str
    schema_id: int
    kind: SnapshotKind
    commit: str
    timestamp_millis: int
    watermark: int | None = None
    manifests: tuple[ManifestReference, ...] = ()
    delta: tuple[str, ...] = ()
    writer: WriterIdentity | None = None
    committers: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    fence: int = 0
    totals: Totals = field(default_factory=Totals)
    reader_features: tuple[str, ...] = ()
    writer_features: tuple[str, ...] = ()


def digest(data: bytes) -> str:
    """The digest of a document: of all its bytes (spec §1.3)."""
    return f"{hash64(data):016x}"


def check_identity(writer_id: str, commit_id: int) -> WriterIdentity:
    """The identity that a caller gives. Raises SchemaError if spec §10.3 does not allow it."""
    if not isinstance(writer_id, str) or not _fits_writer(writer_id):
        raise SchemaError(
            f"writer id {str(writer_id)[:60]!r} is empty, longer than {WRITER_BYTES_MAX} bytes or no text"
        )
    if type(commit_id) is not int or not 0 <= commit_id <= COUNTER_MAX:
        raise SchemaError(f"commit id {commit_id!r} is not an integer in 0 … 2^63-1")
    return WriterIdentity(writer_id, commit_id)


def encode(snapshot: Snapshot) -> bytes:
    """The document. Raises LimitExceededError if a reader would have to refuse it."""
    _check_limits(len(snapshot.manifests), len(snapshot.committers), None)
    members = {
        "format": FORMAT,
        "major": 1,
        "minor": 0,
        "table": snapshot.table,
        "id": snapshot.id,
        "parent": snapshot.parent,
        "parent_digest": snapshot.parent_digest,
        "schema_id": snapshot.schema_id,
        "kind": snapshot.kind,
        "commit": snapshot.commit,
        "timestamp_millis": snapshot.timestamp_millis,
        "watermark": snapshot.watermark,
        "manifests": snapshot.manifests,
        "delta": snapshot.delta,
        "writer": snapshot.writer,
        "committers": dict(snapshot.committers),
        "fence": snapshot.fence,
        "totals": asdict(snapshot.totals),
        "reader_features": snapshot.reader_features,
        "writer_features": snapshot.writer_features,
    }
    return write_document(members)


def decode(data: bytes, file: str, expected_id: int, expected_table: str | None = None) -> Snapshot:
    """Check and decode a document (spec §10.3). file: path for errors; expected_id: of the file's name."""
    members = Members(read_document(data, file), file, "10.3", "bad-snapshot")
    members.check_format(FORMAT)
    reader_features, writer_features = members.features()
    table = members.hexadecimal("table", 16)
    if expected_table not in (None, table):
        raise members.fail(f"the snapshot belongs to table {table}, not {expected_table}", "wrong-table")
    snapshot_id = members.integer("id", 1, ID_MAX)
    parent = members.integer("parent")
    if snapshot_id != expected_id or parent != snapshot_id - 1:
        raise members.fail(f"id {snapshot_id} or parent {parent} does not fit the name")
    parent_digest = members.hexadecimal("parent_digest", 8)
    if parent == 0 and parent_digest != NO_PARENT_DIGEST:
        raise members.fail("the first snapshot names the digest of a parent")
    kind = members.text("kind")
    if kind not in KINDS:
        raise members.fail(f"kind {kind[:60]!r} is not known")
    committers = members.object("committers")
    _check_limits(len(members.value("manifests", list)), len(committers), file)
    manifests = tuple(_reference(reference, snapshot_id) for reference in members.objects("manifests"))
    watermark = members.value("watermark", int, type(None))
    return Snapshot(
        table=table,
        id=snapshot_id,
        parent=parent,
        parent_digest=parent_digest,
        schema_id=members.integer("schema_id"),
        kind=cast(SnapshotKind, kind),
        commit=members.hexadecimal("commit", 16),
        timestamp_millis=members.integer("timestamp_millis", 0, TIMESTAMP_MAX),
        watermark=None if watermark is None else members.integer("watermark", _WATERMARK_MIN, COUNTER_MAX),
        manifests=manifests,
        delta=_delta(members, manifests),
        writer=_writer(members),
        committers=_committers(members, committers),
        fence=members.integer("fence", 0, snapshot_id),
        totals=_totals(members),
        reader_features=reader_features,
        writer_features=writer_features,
    )


@dataclass(frozen=True, slots=True)
class Outline:
    """What the deletion of a snapshot must know of it; quicker to read than the whole."""

    table: str
    id: int
    parent_digest: str
    kind: SnapshotKind
    manifests: tuple[ManifestReference, ...]
    delta: tuple[str, ...]
    digest: str = ""


def outline(data: bytes, file: str, expected_id: int, expected_table: str) -> Outline:
    """The outline of a document whose checksum is right; names and numbers that are used are checked as in `decode`."""
    check_envelope(data, file)
    try:
        found = msgspec.json.decode(data, type=Outline)
    except (msgspec.ValidationError, msgspec.DecodeError):
        decode(data, file, expected_id, expected_table)  # says what is wrong
        raise
    if (found.id, found.table) != (expected_id, expected_table) or found.kind not in KINDS:
        decode(data, file, expected_id, expected_table)
    for reference in found.manifests:
        check_file_id(reference.file, file)
    return replace(found, digest=digest(data))


def read_id(data: bytes, file: str) -> int:
    """The id in a document whose name does not say it. Raises FormatError."""
    members = Members(read_document(data, file), file, "10.3", "bad-snapshot")
    return members.integer("id", 1, ID_MAX)


def _reference(members: Members, snapshot_id: int) -> ManifestReference:
    file = check_file_id(members.text("file"), members.file)
    sequence = members.integer("sequence")
    if sequence > snapshot_id:
        raise members.fail(f"manifest {file} has the sequence {sequence}, beyond the snapshot's id")
    return ManifestReference(
        file=file,
        size=members.integer("size"),
        digest=members.hexadecimal("digest", 8),
        sequence=sequence,
        added=members.integer("added"),
        removed=members.integer("removed"),
        partition_min=members.hexadecimal("partition_min", most=_BOUND_BYTES_MAX),
        partition_max=members.hexadecimal("partition_max", most=_BOUND_BYTES_MAX),
        bucket_min=members.integer("bucket_min", 0, _BUCKET_MAX),
        bucket_max=members.integer("bucket_max", 0, _BUCKET_MAX),
    )


def _delta(members: Members, manifests: tuple[ManifestReference, ...]) -> tuple[str, ...]:
    listed = {reference.file for reference in manifests}
    if len(listed) != len(manifests):
        raise members.fail("a manifest is listed twice")
    delta = tuple(members.array("delta", str))
    for file in delta:
        if file not in listed:
            raise members.fail(f"delta {file[:60]!r} is not in the list of manifests")
    return delta


def _writer(members: Members) -> WriterIdentity | None:
    value = members.value("writer", dict, type(None))
    if value is None:
        return None
    identity = Members(value, members.file, members.section, "bad-snapshot")
    writer_id = identity.text("id")
    if not _fits_writer(writer_id):
        raise members.fail("the writer's id is empty or too long")
    return WriterIdentity(writer_id, identity.integer("commit_id"))


def _committers(members: Members, committers: dict[str, Any]) -> Mapping[str, int]:
    for writer_id, commit_id in committers.items():
        if type(commit_id) is not int:
            raise members.fail(f"the commit id of {writer_id[:60]!r} is no integer", "json-type")
        if not _fits_writer(writer_id) or not 0 <= commit_id <= COUNTER_MAX:
            raise members.fail(f"writer {writer_id[:60]!r} or its commit id {commit_id} is out of range")
    return MappingProxyType(committers)


def _totals(members: Members) -> Totals:
    totals = Members(members.object("totals"), members.file, members.section, "bad-snapshot")
    return Totals(*(totals.integer(name) for name in ("files", "bytes", "rows", "deletes")))


def _fits_writer(writer_id: str) -> bool:
    try:
        return 0 < len(writer_id.encode()) <= WRITER_BYTES_MAX
    except UnicodeEncodeError:
        return False


def _check_limits(manifests: int, committers: int, file: str | None) -> None:
    for name, count, limit in (
        ("manifests", manifests, MANIFESTS_MAX),
        ("committers", committers, COMMITTERS_MAX),
    ):
        if count > limit:
            raise LimitExceededError(
                f"{count} {name}, the limit is {limit}", code="limit-exceeded", file=file, section="0.5"
            )
