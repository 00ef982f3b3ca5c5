"""Snapshot documents (spec chapter 10)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tablestore.errors import FormatError, LimitExceededError, SchemaError
from tablestore.file import snapshot
from tablestore.file.document import read_document, write_document
from tablestore.file.snapshot import ManifestReference, Snapshot, Totals, WriterIdentity

TABLE = "0123456789abcdef" * 2
FILES = ["000000000001" + f"{index:020x}" for index in range(3)]


def reference(index: int, **changes: Any) -> ManifestReference:
    made = ManifestReference(FILES[index], 900, "ab" * 8, 1 + index, 2, 1, "01", "01ff", 0, 65_535)
    return replace(made, **changes)


def example(**changes: Any) -> Snapshot:
    made = Snapshot(
        table=TABLE,
        id=7,
        parent=6,
        parent_digest="cd" * 8,
        schema_id=0,
        kind="append",
        commit="ef" * 16,
        timestamp_millis=1_700_000_000_000,
        watermark=-5,
        manifests=tuple(reference(index) for index in range(3)),
        delta=(FILES[2],),
        writer=WriterIdentity("job-7 é", 17),
        committers={"job-7 é": 17, "other": 0},
        totals=Totals(1, 2, 3, 4),
    )
    return replace(made, **changes)


def members_of(made: Snapshot) -> dict[str, Any]:
    return read_document(snapshot.encode(made), "f")


def test_a_snapshot_comes_back() -> None:
    for made in (
        example(),
        example(writer=None, watermark=None, manifests=(), delta=(), committers={}),
        example(
            id=1, parent=0, parent_digest=snapshot.NO_PARENT_DIGEST, kind="create", manifests=(), delta=()
        ),
    ):
        data = snapshot.encode(made)
        assert snapshot.decode(data, "f", made.id, TABLE) == made
        assert snapshot.encode(snapshot.decode(data, "f", made.id)) == data


def test_members_are_in_the_order_of_the_spec() -> None:
    members = members_of(example())
    assert list(members) == [
        "format", "major", "minor", "table", "id", "parent", "parent_digest", "schema_id", "kind", "commit",
        "timestamp_millis", "watermark", "manifests", "delta", "writer", "committers", "fence", "totals",
        "reader_features", "writer_features",
    ]  # fmt: skip
    assert list(members["manifests"][0]) == [
        "file", "size", "digest", "sequence", "added", "removed", "partition_min", "partition_max", "bucket_min",
        "bucket_max",
    ]  # fmt: skip


def test_the_digest_is_of_all_bytes() -> None:
    assert snapshot.digest(b"") == "ef46db3751d8e999"
    assert snapshot.digest(snapshot.encode(example())) != snapshot.digest(
        snapshot.encode(example(schema_id=1))
    )


def _first(**changes: Any) -> dict[str, Any]:
    first = members_of(example())["manifests"][0]
    return {"manifests": [{**first, **changes}], "delta": []}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"format": "tablestore/schema"}, "bad-snapshot"),
        ({"major": 2}, "unsupported-version"),
        ({"minor": 3}, None),
        ({"table": "f" * 32}, "wrong-table"),
        ({"table": "x"}, "bad-snapshot"),
        ({"id": 8, "parent": 7}, "bad-snapshot"),
        ({"id": 0}, "bad-snapshot"),
        ({"id": -1}, "bad-snapshot"),
        ({"id": 1 << 63}, "bad-snapshot"),
        ({"id": True}, "json-type"),
        ({"parent": 7}, "bad-snapshot"),
        ({"parent": 5}, "bad-snapshot"),
        ({"parent_digest": "CD" * 8}, "bad-snapshot"),
        ({"parent_digest": "cd" * 7}, "bad-snapshot"),
        ({"schema_id": -1}, "bad-snapshot"),
        ({"kind": "merge"}, "bad-snapshot"),
        ({"kind": None}, "json-type"),
        ({"commit": "ef" * 15}, "bad-snapshot"),
        ({"timestamp_millis": -1}, "bad-snapshot"),
        ({"timestamp_millis": 253_402_300_800_000}, "bad-snapshot"),
        ({"timestamp_millis": 253_402_300_799_999}, None),
        ({"watermark": (1 << 63) - 1}, None),
        ({"watermark": 1 << 63}, "bad-snapshot"),
        ({"watermark": "1"}, "json-type"),
        ({"manifests": {}}, "json-type"),
        ({"manifests": [5], "delta": []}, "json-type"),
        ({"manifests": [], "delta": [FILES[0]]}, "bad-snapshot"),
        ({"delta": ["nope"]}, "bad-snapshot"),
        ({"delta": [5]}, "json-type"),
        (_first(file="../../../../outside/evil"), "bad-name"),
        (_first(file=FILES[0].upper().replace("0", "A")), "bad-name"),
        (_first(file=FILES[0] + "\n"), "bad-name"),
        (_first(size=-1), "bad-snapshot"),
        (_first(size=1.5), "json-type"),
        (_first(digest="zz" * 8), "bad-snapshot"),
        (_first(sequence=8), "bad-snapshot"),
        (_first(sequence=7), None),
        (_first(added=-1), "bad-snapshot"),
        (_first(partition_min="0"), "bad-snapshot"),
        (_first(partition_max="00" * 65), "bad-snapshot"),
        (_first(partition_max="00" * 64), None),
        (_first(bucket_max=65_536), "bad-snapshot"),
        (_first(bucket_min=-1), "bad-snapshot"),
        ({"writer": {"id": "", "commit_id": 1}}, "bad-snapshot"),
        ({"writer": {"id": "é" * 128, "commit_id": 1}}, "bad-snapshot"),
        ({"writer": {"id": "x", "commit_id": -1}}, "bad-snapshot"),
        ({"writer": {"id": "x", "commit_id": 1 << 63}}, "bad-snapshot"),
        ({"writer": {"id": "x"}}, "json-missing"),
        ({"writer": []}, "json-type"),
        ({"committers": {"": 1}}, "bad-snapshot"),
        ({"committers": {"x": -1}}, "bad-snapshot"),
        ({"committers": {"x": 1 << 63}}, "bad-snapshot"),
        ({"committers": {"x": "1"}}, "json-type"),
        ({"committers": {"x": True}}, "json-type"),
        ({"committers": []}, "json-type"),
        ({"fence": -1}, "bad-snapshot"),
        ({"fence": 8}, "bad-snapshot"),
        ({"fence": 7}, None),
        ({"fence": None}, "json-type"),
        ({"totals": {"files": 1, "bytes": 2, "rows": 3}}, "json-missing"),
        ({"totals": {"files": -1, "bytes": 2, "rows": 3, "deletes": 0}}, "bad-snapshot"),
        ({"reader_features": ["encryption"]}, "unknown-feature"),
        ({"writer_features": ["x"]}, None),
        ({"more": None}, None),
    ],
)
def test_stored_snapshots_are_checked(changes: dict[str, Any], code: str | None) -> None:
    data = write_document({**members_of(example()), **changes})
    path = "snapshot/snapshot-7.json"
    if code is None:
        snapshot.decode(data, path, 7, TABLE)
        return
    with pytest.raises(FormatError) as caught:
        snapshot.decode(data, path, 7, TABLE)
    assert (caught.value.code, caught.value.file) == (code, path)


@pytest.mark.parametrize("name", list(members_of(example())))
def test_every_member_is_required(name: str) -> None:
    members = members_of(example())
    del members[name]
    with pytest.raises(FormatError) as caught:
        snapshot.decode(write_document(members), "f", 7)
    assert caught.value.code == "json-missing"


def test_a_manifest_may_be_listed_only_once() -> None:
    members = members_of(example())
    members["manifests"].append(members["manifests"][0])
    with pytest.raises(FormatError) as caught:
        snapshot.decode(write_document(members), "f", 7)
    assert caught.value.code == "bad-snapshot"


def test_the_first_snapshot_has_no_parent() -> None:
    made = example(id=1, parent=0, manifests=(), delta=())
    with pytest.raises(FormatError, match="first"):
        snapshot.decode(snapshot.encode(made), "f", 1)


def test_limits_hold_for_writers_and_readers() -> None:
    committers = {f"writer-{index}": 1 for index in range(100_001)}
    with pytest.raises(LimitExceededError):
        snapshot.encode(example(committers=committers))
    for changes in ({"committers": committers}, {"manifests": [1] * 10_001}):
        with pytest.raises(LimitExceededError):
            snapshot.decode(write_document({**members_of(example()), **changes}), "f", 7)


@pytest.mark.parametrize(
    ("writer_id", "commit_id"),
    [
        ("", 1),
        ("é" * 128, 1),
        ("\ud800", 1),
        (5, 1),
        ("x", -1),
        ("x", 1 << 63),
        ("x", True),
        ("x", 1.0),
        ("x", "1"),
    ],
)
def test_identities_that_could_not_be_stored_are_refused(writer_id: Any, commit_id: Any) -> None:
    with pytest.raises(SchemaError):
        snapshot.check_identity(writer_id, commit_id)


def test_identities() -> None:
    assert snapshot.check_identity("x" * 255, (1 << 63) - 1) == WriterIdentity("x" * 255, (1 << 63) - 1)
