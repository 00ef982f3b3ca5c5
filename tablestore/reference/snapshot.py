"""Spec chapter 10: snapshot documents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tablestore.reference import document
from tablestore.reference.cursor import reject
from tablestore.reference.document import COUNTER_MAX
from tablestore.reference.primitive import COMMITTERS_MAX, MANIFESTS_MAX, digest, hash64, identifier
from tablestore.reference.properties import from_hexadecimal
from tablestore.reference.schema import check_features, check_format

FORMAT = "tablestore/snapshot"
KINDS = ("create", "append", "compact", "overwrite", "purge", "rollback", "clean")
TIME_MAX = 253_402_300_799_999
BUCKET_MAX = 65_535
BOUND_BYTES_MAX = 64
WRITER_ID_BYTES_MAX = 255
NUMBERS = {
    "size": COUNTER_MAX, "sequence": COUNTER_MAX, "added": COUNTER_MAX, "removed": COUNTER_MAX,
    "bucket_min": BUCKET_MAX, "bucket_max": BUCKET_MAX,
}  # fmt: skip
TOTALS = ("files", "bytes", "rows", "deletes")
_NAME = re.compile(r"snapshot-([1-9][0-9]*)\.json")
_HINT = re.compile(rb"([1-9][0-9]*)\n")


@dataclass(frozen=True)
class ManifestReference:
    """A manifest in the list of a snapshot."""

    file: str
    digest: int
    partition_min: bytes
    partition_max: bytes
    size: int
    sequence: int
    added: int
    removed: int
    bucket_min: int
    bucket_max: int


@dataclass(frozen=True)
class Snapshot:
    """A checked snapshot. writer: (writer id, commit id) or None."""

    table: str
    id: int
    parent: int
    parent_digest: int
    schema_id: int
    kind: str
    commit: str
    timestamp_millis: int
    watermark: int | None
    manifests: tuple[ManifestReference, ...]
    delta: tuple[str, ...]
    writer: tuple[str, int] | None
    committers: dict[str, int]
    fence: int
    totals: dict[str, int]


def decode_snapshot(data: bytes, expected_id: int | None = None, table: str | None = None) -> Snapshot:
    """The snapshot in a document. expected_id: of the file's name; table: id of the table that it is in."""
    members = document.parse_envelope(data)
    check_format(members, FORMAT, "10.2", "bad-snapshot")
    found_table = document.member(members, "table", str, "10.2")
    identifier(found_table, "bad-snapshot", "table")
    id_, parent, schema_id, time = (
        document.counter(members, name, "10.2", "bad-snapshot")
        for name in ("id", "parent", "schema_id", "timestamp_millis")
    )
    parent_digest = digest(
        document.member(members, "parent_digest", str, "10.2"), "bad-snapshot", "parent_digest"
    )
    kind = document.member(members, "kind", str, "10.2")
    commit = document.member(members, "commit", str, "10.2")
    identifier(commit, "bad-snapshot", "commit")
    watermark = _optional_int(members, "watermark")
    references = document.members_of(members, "manifests", dict, "10.2")
    if len(references) > MANIFESTS_MAX:
        reject("limit-exceeded", f"{len(references)} manifests", "0.5")
    manifests = tuple(_reference(item) for item in references)
    delta = tuple(document.members_of(members, "delta", str, "10.2"))
    writer = _writer(members)
    committers = document.member(members, "committers", dict, "10.2")
    fence = document.counter(members, "fence", "10.2", "bad-snapshot")
    totals_json = document.member(members, "totals", dict, "10.2")
    totals = {name: document.counter(totals_json, name, "10.2", "bad-snapshot") for name in TOTALS}
    check_features(members, "10.2")
    snapshot = Snapshot(
        found_table, id_, parent, parent_digest, schema_id, kind, commit, time, watermark,
        manifests, delta, writer, _committers(committers), fence, totals,
    )  # fmt: skip
    _check(snapshot, expected_id, table)
    return snapshot


def id_of_name(name: str) -> int | None:
    """The id in a file name of the pattern of spec §0.6, else None."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None


def id_of_hint(data: bytes) -> int | None:
    """The id in a well-formed hint (spec §10.5), else None."""
    match = _HINT.fullmatch(data)
    return int(match[1]) if match and len(data) <= 21 else None


def check_lineage(parent: bytes, child: Snapshot) -> None:
    """The parent's document has the digest that its child names (spec §10.4)."""
    if hash64(parent) != child.parent_digest:
        reject("lineage", f"snapshot {child.parent} is not the parent of snapshot {child.id}", "10.4")


def _optional_int(members: document.Json, name: str) -> int | None:
    if name in members and members[name] is None:
        return None
    return document.member(members, name, int, "10.2")


def _writer(members: document.Json) -> tuple[str, int] | None:
    if "writer" in members and members["writer"] is None:
        return None
    writer = document.member(members, "writer", dict, "10.2")
    return document.member(writer, "id", str, "10.2"), document.member(writer, "commit_id", int, "10.2")


def _reference(item: document.Json) -> ManifestReference:
    file = document.member(item, "file", str, "10.2")
    numbers: dict[str, Any] = {
        name: document.counter(item, name, "10.2", "bad-snapshot", NUMBERS[name]) for name in NUMBERS
    }
    binary: dict[str, Any] = {
        name: from_hexadecimal(document.member(item, name, str, "10.2"), name, "10.2", "bad-snapshot")
        for name in ("partition_min", "partition_max")
    }
    number = digest(document.member(item, "digest", str, "10.2"), "bad-snapshot", "digest")
    if re.fullmatch(r"[0-9a-f]{32}", file) is None:
        reject("bad-name", f"a manifest named {file!r}", "0.6")
    return ManifestReference(file, number, **binary, **numbers)


def _committers(found: document.Json) -> dict[str, int]:
    if len(found) > COMMITTERS_MAX:
        reject("limit-exceeded", f"{len(found)} committers", "0.5")
    return {writer: document.member(found, writer, int, "10.2") for writer in found}


def _check(snapshot: Snapshot, expected_id: int | None, table: str | None) -> None:
    """The rules of spec §10.3 on members that were read."""
    if table is not None and snapshot.table != table:
        reject("wrong-table", f"a snapshot of table {snapshot.table}", "10.3")
    if snapshot.id < 1 or (expected_id is not None and snapshot.id != expected_id):
        reject("bad-snapshot", f"snapshot id {snapshot.id}", "10.3")
    if snapshot.parent != snapshot.id - 1 or (snapshot.parent == 0 and snapshot.parent_digest):
        reject("bad-snapshot", f"parent {snapshot.parent} of snapshot {snapshot.id}", "10.3")
    if snapshot.fence > snapshot.id:
        reject("bad-snapshot", f"fence {snapshot.fence} of snapshot {snapshot.id}", "10.3")
    if snapshot.kind not in KINDS or snapshot.schema_id < 0:
        reject("bad-snapshot", f"kind {snapshot.kind!r}, schema {snapshot.schema_id}", "10.3")
    files = [reference.file for reference in snapshot.manifests]
    if len(set(files)) != len(files) or not set(snapshot.delta) <= set(files):
        reject("bad-snapshot", "a manifest is repeated, or the delta is not in the list", "10.3")
    for reference in snapshot.manifests:
        if reference.sequence > snapshot.id:
            reject("bad-snapshot", f"a manifest of sequence {reference.sequence}", "10.3")
        if max(len(reference.partition_min), len(reference.partition_max)) > BOUND_BYTES_MAX:
            reject("bad-snapshot", "a bound of a partition is longer than 64 bytes", "10.3")
    commits = [*snapshot.committers.items(), *([snapshot.writer] if snapshot.writer else [])]
    for writer, commit_id in commits:
        if not 1 <= len(writer.encode()) <= WRITER_ID_BYTES_MAX or not 0 <= commit_id <= COUNTER_MAX:
            reject("bad-snapshot", f"writer {writer[:300]!r} with commit id {commit_id}", "10.3")
    if not 0 <= snapshot.timestamp_millis <= TIME_MAX:
        reject("bad-snapshot", f"time {snapshot.timestamp_millis}", "10.3")
    if snapshot.watermark is not None and snapshot.watermark > COUNTER_MAX:
        reject("bad-snapshot", f"watermark {snapshot.watermark}", "10.3")
