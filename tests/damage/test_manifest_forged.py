"""Manifests and references that were changed and sealed again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import tablestore as ts
from tablestore.reference.manifest import ADDED, MOVED, REMOVED, Change
from tablestore.reference.sst_writer import Edits
from tests.damage import forge, outcome
from tests.damage.forge import DATA, HONEST, MANIFEST, SECOND, THIRD, Forgery, with_entry
from tests.damage.memory_store import MemoryStore

OTHER_ID = forge.file_id("other")
UNSAFE_NAMES = (
    "", ".", "..", "../x", "/etc/passwd", "a/../../x", "..\\x", "C:\\x", "file:///etc/passwd", "s3://other/x",
    "x" * 300, "\0", "a\n", "%2e%2e%2f", "\uff0e\uff0e\uff0f", "\u202e" * 32, "0" * 31, "0" * 33,
    "A" * 32, "g" * 32, "\u0660" * 32,
    forge.DATA_ID + "\n", forge.DATA_ID.upper() if forge.DATA_ID.upper() != forge.DATA_ID else "F" * 32,
    "../../" + "0" * 26, "0" * 28 + ".sst",
)  # fmt: skip


def also(**values: Any) -> Callable[[list[Change]], list[Change]]:
    """The honest entry and one more that differs."""
    return lambda changes: [*changes, replace(changes[0], entry=replace(changes[0].entry, **values))]


def kind(number: int) -> Callable[[list[Change]], list[Change]]:
    return lambda changes: [replace(change, kind=number) for change in changes]


ENTRIES: dict[str, tuple[Callable[[list[Change]], list[Change]], tuple[str, ...], str]] = {
    # M50, M51: places
    "level 4": (with_entry(level=4), ("bad-entry",), MANIFEST),
    "level 127": (with_entry(level=127), ("bad-entry",), MANIFEST),
    "level -1": (with_entry(level=-1), ("bad-entry",), MANIFEST),
    "bucket -1": (with_entry(bucket=-1), ("bad-entry", "bad-snapshot"), MANIFEST),
    # M54: what an entry says of its file
    "size 0": (with_entry(size=0), ("bad-entry",), MANIFEST),
    "size 159": (with_entry(size=159), ("bad-entry",), MANIFEST),
    "size 2^63": (with_entry(size=2**63), ("truncated", "wrong-file", "bad-snapshot"), DATA),
    "size 2^64-1": (with_entry(size=2**64 - 1), ("truncated", "wrong-file", "bad-snapshot"), DATA),
    "digest": (with_entry(digest=1), ("wrong-file",), DATA),
    "no rows": (with_entry(row_count=0), ("bad-entry",), MANIFEST),
    "more rows": (with_entry(row_count=9), ("bad-entry",), DATA),
    "2^64-1 rows": (with_entry(row_count=2**64 - 1), ("bad-entry", "bad-snapshot"), DATA),
    "more deletes than rows": (with_entry(delete_count=9), ("bad-entry",), MANIFEST),
    "other deletes": (with_entry(delete_count=0), ("bad-entry",), DATA),
    "another least key": (with_entry(key_min=forge._key(0)), ("bad-entry",), DATA),
    "another greatest key": (with_entry(key_max=forge._key(9)), ("bad-entry",), DATA),
    # M59: sequences
    "sequences inverted": (
        with_entry(sequence_min=2, sequence_max=1),
        ("sequence-range", "bad-entry"),
        MANIFEST,
    ),
    "half of a range": (
        with_entry(sequence_min=0, sequence_max=1),
        ("sequence-range", "bad-entry"),
        MANIFEST,
    ),
    # M49: kinds
    "row kind -U": (kind(1), ("bad-entry",), MANIFEST),
    # M52: partitions
    "partition in a table without": (with_entry(partition=b"\1abc\0"), ("bad-key", "bad-entry"), MANIFEST),
    "partition of one byte": (with_entry(partition=b"\7"), ("bad-key", "bad-entry"), MANIFEST),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_entry(name: str) -> None:
    changes, codes, path = ENTRIES[name]
    files = forge.table_of(Forgery(changes=changes))
    for found in outcome.read(files):
        assert found.error is None or isinstance(found.error, ts.FormatError), repr(found.error)
        assert found.error is not None, "a read did not notice"
        assert not codes or found.error.code in codes, str(found.error)
        assert found.seconds < outcome.SECONDS_MAX
    assert outcome.found_by_verify(files) & {path, THIRD}


@pytest.mark.parametrize("name", UNSAFE_NAMES, ids=range(len(UNSAFE_NAMES)))
def test_unsafe_file_names(name: str) -> None:
    """M46: no name from a manifest becomes a path unless it is a file id."""
    files = forge.table_of(Forgery(changes=with_entry(file=name)))
    outcome.check(files, MANIFEST, ("bad-name",))


@pytest.mark.parametrize("name", UNSAFE_NAMES, ids=range(len(UNSAFE_NAMES)))
def test_unsafe_manifest_names(name: str) -> None:
    files = forge.table_of(Forgery(references=lambda found: [{**found[0], "file": name}]))
    outcome.check(files, THIRD, ("bad-name",))


IN_ALL: dict[str, tuple[Callable[[list[Change]], list[Change]], tuple[str, ...]]] = {
    "bucket beyond the table's": (with_entry(bucket=1), ("bad-entry", "missing-file")),
    "bucket 2^31-1": (with_entry(bucket=2**31 - 1), ("bad-entry", "bad-snapshot")),
    "removed and never added": (kind(REMOVED), ("bad-entry", "count-mismatch")),
    "moved and never added": (kind(MOVED), ("bad-entry", "count-mismatch")),
    "file missing": (with_entry(file=OTHER_ID), ("missing-file",)),
    "empty keys": (with_entry(key_min=b"", key_max=b""), ("bad-entry",)),
    "statistics cut": (with_entry(statistics=b"\0" * 28), ("bad-entry",)),
    "schema that does not exist": (with_entry(schema_id=9), ("bad-entry", "missing-file", "schema-mismatch")),
}


@pytest.mark.parametrize("name", IN_ALL)
def test_found_by_verification(name: str) -> None:
    """Entries that only make no sense together, or with the schema (spec §9.6)."""
    changes, codes = IN_ALL[name]
    files = forge.table_of(Forgery(changes=changes))
    assert outcome.found_by_verify(files, codes)
    for read in outcome.READS.values():
        with contextlib.suppress(ts.FormatError):
            read(forge.open_files(files))


def test_overlap_in_a_level() -> None:
    files = forge.table_of(
        Forgery(
            changes=lambda changes: [
                replace(changes[0], entry=replace(changes[0].entry, level=2)),
                replace(changes[0], entry=replace(changes[0].entry, level=2, file=OTHER_ID)),
            ],
            more={f"bucket-0/{OTHER_ID}.sst": HONEST[DATA]},
        )
    )
    assert outcome.found_by_verify(files, ("bad-entry",))


def test_entry_twice() -> None:
    """M49: equal keys in one manifest are not in order."""
    files = forge.table_of(Forgery(changes=lambda changes: changes * 2))
    outcome.check(files, MANIFEST, ("key-order",))


def test_file_added_in_two_manifests() -> None:
    second_id = forge.file_id("second manifest")
    change = forge.honest_change(HONEST[DATA])
    second = forge.manifest_file([change], second_id)
    files = forge.table_of(
        Forgery(
            references=lambda found: [*found, forge.reference_of(second, [change], second_id)],
            more={f"manifest/manifest-{second_id}.sst": second},
        )
    )
    assert outcome.found_by_verify(files, ("bad-entry",))


REFERENCES: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "size": ({"size": 160}, ("wrong-file", "truncated"), MANIFEST),
    "size 2^63": ({"size": 2**63}, ("bad-snapshot",), THIRD),
    "digest": ({"digest": "0" * 16}, ("wrong-file",), MANIFEST),
    "digest of another form": ({"digest": "ABC"}, ("json-type", "bad-snapshot"), THIRD),
    "digest of 17 digits": ({"digest": "0" * 17}, ("json-type", "bad-snapshot"), THIRD),
    "sequence beyond the snapshot": ({"sequence": 99}, ("bad-snapshot",), THIRD),
    "negative sequence": ({"sequence": -1}, ("bad-snapshot",), THIRD),
    "negative size": ({"size": -1}, ("bad-snapshot",), THIRD),
    "size as text": ({"size": "160"}, ("json-type",), THIRD),
    "missing manifest": ({"file": OTHER_ID}, ("missing-file", "bad-snapshot"), THIRD),
    "a data file for a manifest": ({"file": forge.DATA_ID}, ("missing-file", "bad-snapshot"), THIRD),
    "partition bound": ({"partition_min": "zz"}, ("json-type", "bad-snapshot"), THIRD),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_reference(name: str) -> None:
    values, codes, path = REFERENCES[name]
    files = forge.table_of(Forgery(references=lambda found: [{**found[0], **values}]))
    found = outcome.read(files)
    for one in found:
        assert isinstance(one.error, ts.FormatError), repr(one.error)
        assert one.error.code in codes, str(one.error)
    assert outcome.found_by_verify(files, codes) or path == THIRD


COUNTS = ({"added": 2}, {"removed": 1}, {"bucket_max": 1}, {"partition_max": "00"})


@pytest.mark.parametrize("values", COUNTS, ids=str)
def test_reference_that_lies(values: dict[str, Any]) -> None:
    files = forge.table_of(Forgery(references=lambda found: [{**found[0], **values}]))
    assert outcome.found_by_verify(files, ("bad-entry",)) == {MANIFEST}


def test_manifest_of_another_table() -> None:
    """M56: the table id is in every file."""
    edits = Edits(properties=lambda found: replace(found, table="f" * 32))
    outcome.check(forge.table_of(Forgery(manifest_edits=edits)), MANIFEST, ("wrong-table",))


def test_manifest_that_is_a_data_file() -> None:
    edits = Edits(header=lambda numbers: {**numbers, "file_kind": 1})
    outcome.check(forge.table_of(Forgery(manifest_edits=edits)), MANIFEST, ("wrong-file",))


def test_data_file_that_is_a_manifest() -> None:
    files = forge.table_of(
        Forgery(data=lambda _: forge.manifest_file([forge.honest_change(HONEST[DATA])], forge.DATA_ID))
    )
    outcome.check(files, DATA, ("wrong-file", "bad-entry"))


def test_manifest_with_other_columns() -> None:
    def edit(found: Any) -> Any:
        renamed = tuple(replace(c, name="level2") if c.name == "level" else c for c in found.columns)
        return replace(found, columns=renamed)

    outcome.check(
        forge.table_of(Forgery(manifest_edits=Edits(properties=edit))), MANIFEST, ("schema-mismatch",)
    )


def test_manifests_swapped_in_two_tables() -> None:
    """M56: a manifest of the same name and size from another table."""
    other = forge.manifest_file([replace(forge.honest_change(HONEST[DATA]), kind=ADDED)], forge.MANIFEST_ID)
    assert other == HONEST[MANIFEST]
    changed = forge.manifest_file([replace(forge.honest_change(HONEST[DATA]), kind=MOVED)], forge.MANIFEST_ID)
    outcome.check({**HONEST, MANIFEST: changed}, MANIFEST, ("wrong-file", "truncated"))


def test_manifest_missing() -> None:
    files = {path: data for path, data in HONEST.items() if path != MANIFEST}
    outcome.check(files, MANIFEST, ("missing-file",))


def test_data_file_missing() -> None:
    files = {path: data for path, data in HONEST.items() if path != DATA}
    outcome.check(files, DATA, ("missing-file",))


@pytest.mark.parametrize("wrong", [{"files": 2}, {"rows": 9}, {"bytes": 1}, {"deletes": 0}], ids=str)
def test_totals(wrong: dict[str, int]) -> None:
    """Totals do not decide what is read; verification compares them."""
    change = {"third": lambda members: {**members, "totals": {**members["totals"], **wrong}}}
    files = forge.table_of(Forgery(**change))
    assert outcome.found_by_verify(files, ("count-mismatch",)) == {THIRD}
    assert forge.visible(forge.open_files(files)) == forge.VISIBLE


def test_orphans_are_no_fault() -> None:
    stray = forge.file_id("stray")
    files = {**HONEST, f"bucket-0/{stray}.sst": b"never finished", f"manifest/manifest-{stray}.sst": b""}
    table = ts.open_table(MemoryStore(files))
    found = table.verify(deep=True)
    assert found.ok
    assert len(found.orphans) == 2
    assert forge.visible(table) == forge.VISIBLE
    assert SECOND in files
