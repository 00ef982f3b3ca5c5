"""Snapshots, schemas and the hint: JSON attacks, and documents that were changed and sealed again."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import Any

import pytest

import tablestore as ts
from tablestore.reference.primitive import crc32c
from tests.damage import forge, outcome
from tests.damage.forge import HINT, HONEST, SCHEMA_FILE, SECOND, THIRD, VISIBLE, Forgery
from tests.damage.memory_store import MemoryStore

Change = Callable[[dict[str, Any]], dict[str, Any]]


def seal(text: bytes) -> bytes:
    """A text with the last member `checksum` put right."""
    covered = text[:-12]
    return covered + b'%08x"\n}\n' % crc32c(covered)


def insert(member: bytes) -> Callable[[bytes], bytes]:
    """One more member at the beginning, sealed."""
    return lambda text: seal(b"{\n  " + member + b",\n" + text[2:])


def swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """One text for another, sealed."""

    def change(text: bytes) -> bytes:
        assert old in text
        return seal(text.replace(old, new, 1))

    return change


# M61 – M64, M71: on any document
TEXTS: dict[str, tuple[Callable[[bytes], bytes], tuple[str, ...]]] = {
    "empty": (lambda text: b"", ("truncated",)),
    "white space": (lambda text: b" \n", ("truncated",)),
    "only its end": (lambda text: seal(text[-25:]), ("json-syntax",)),
    "garbage after the end": (lambda text: text + b"x", ("truncated",)),
    "white space after the end": (lambda text: text + b"\n", ("truncated",)),
    "two documents": (lambda text: seal(text + text), ("json-syntax",)),
    "white space first": (lambda text: seal(b" " + text), ("json-syntax",)),
    "byte order mark": (lambda text: seal(b"\xef\xbb\xbf" + text), ("json-syntax", "invalid-utf8")),
    "UTF-16": (lambda text: text.decode().encode("utf-16"), ("truncated",)),
    "bytes that are no text": (insert(b'"x": "\xff"'), ("invalid-utf8",)),
    "overlong text": (insert(b'"x": "\xc0\x80"'), ("invalid-utf8",)),
    "lone surrogate": (insert(b'"x": "\\ud800"'), ("invalid-utf8",)),
    "surrogates swapped": (insert(b'"x": "\\udc00\\ud800"'), ("invalid-utf8",)),
    "name twice": (insert(b'"id": 3'), ("json-duplicate-key",)),
    "name twice, spelled otherwise": (insert(b'"\\u0069d": 3'), ("json-duplicate-key",)),
    "name twice inside": (insert(b'"x": {"a": 1, "a": 1}'), ("json-duplicate-key",)),
    "NaN": (insert(b'"x": NaN'), ("json-type", "json-syntax")),
    "Infinity": (insert(b'"x": -Infinity'), ("json-type", "json-syntax")),
    "fraction": (insert(b'"x": 1.0'), ("json-type",)),
    "exponent": (insert(b'"x": 1e999'), ("json-type",)),
    "number too large": (insert(b'"x": 18446744073709551616'), ("limit-exceeded", "json-type")),
    "number too small": (insert(b'"x": -9223372036854775809'), ("limit-exceeded", "json-type")),
    "5,000 digits": (insert(b'"x": ' + b"9" * 5000), ("limit-exceeded", "json-type")),
    "leading zero": (insert(b'"x": 01'), ("json-syntax",)),
    "plus": (insert(b'"x": +1'), ("json-syntax",)),
    "comment": (insert(b'/* */ "x": 1'), ("json-syntax",)),
    "comma at the end": (insert(b'"x": [1,]'), ("json-syntax",)),
    "single quotes": (insert(b"'x': 1"), ("json-syntax",)),
    "control character": (insert(b'"x": "\x01"'), ("json-syntax",)),
    "unknown escape": (insert(b'"x": "\\x41"'), ("json-syntax",)),
    "33 levels": (insert(b'"x": ' + b"[" * 33 + b"]" * 33), ("limit-exceeded",)),
    "100,000 levels": (insert(b'"x": ' + b"[" * 100_000 + b"]" * 100_000), ("limit-exceeded",)),
    "100,000 objects deep": (
        insert(b'"x": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        ("limit-exceeded",),
    ),
    "17 MiB": (insert(b'"x": "' + b"a" * (17 << 20) + b'"'), ("limit-exceeded",)),
    "unclosed text": (insert(b'"x": "'), ("json-syntax",)),
    "no checksum member": (lambda text: text[:-25] + b"}\n", ("truncated",)),
    "checksum in capitals": (lambda text: text[:-12] + b'ABCDEF00"\n}\n', ("truncated", "checksum-mismatch")),
    "another major version": (swap(b'"major": 1', b'"major": 2'), ("unsupported-version",)),
    "major version 0": (swap(b'"major": 1', b'"major": 0'), ("unsupported-version",)),
    "major version as text": (swap(b'"major": 1', b'"major": "1"'), ("json-type",)),
    "another format": (
        swap(b'"format": "tablestore/', b'"format": "other/'),
        ("bad-magic", "bad-snapshot", "bad-schema"),
    ),
    "reader feature": (
        swap(b'"reader_features": []', b'"reader_features": ["deletion-vectors"]'),
        ("unknown-feature",),
    ),
    "features as text": (swap(b'"reader_features": []', b'"reader_features": "none"'), ("json-type",)),
    "negative id": (
        lambda text: seal(_id(text, b"-1")),
        ("bad-snapshot", "bad-schema", "wrong-table", "json-type"),
    ),
    "id as true": (lambda text: seal(_id(text, b"true")), ("json-type",)),
    "id 2^63": (
        lambda text: seal(_id(text, b"9223372036854775808")),
        ("bad-snapshot", "bad-schema", "wrong-table", "limit-exceeded", "json-type"),
    ),
    "table id of another form": (
        lambda text: seal(text.replace(b'"table": "', b'"table": "x', 1)),
        ("json-type", "bad-snapshot", "bad-schema", "wrong-table", "bad-name"),
    ),
}


def _id(text: bytes, value: bytes) -> bytes:
    """The document's own id, which is the first, replaced."""
    head, _, rest = text.partition(b'"id": ')
    return head + b'"id": ' + value + rest[rest.index(b",") :]


@pytest.mark.parametrize("path", [THIRD, SCHEMA_FILE])
@pytest.mark.parametrize("name", TEXTS)
def test_text(path: str, name: str) -> None:
    change, codes = TEXTS[name]
    files = forge.table_of(Forgery(text={path: change}))
    assert files[path] != HONEST[path]
    with outcome.MemoryWatch():
        outcome.check(files, path, codes)


def members(**values: Any) -> Change:
    return lambda found: {**found, **values}


def without(name: str) -> Change:
    return lambda found: {key: value for key, value in found.items() if key != name}


SNAPSHOTS: dict[str, tuple[Change, tuple[str, ...]]] = {
    # M65 – M67
    "another id": (members(id=4, parent=3), ("bad-snapshot",)),
    "parent of itself": (members(parent=3), ("bad-snapshot",)),
    "parent skipped": (members(parent=1), ("bad-snapshot",)),
    "parent digest": (members(parent_digest="f" * 16), ("lineage",)),
    "parent digest of another form": (members(parent_digest="f" * 15), ("json-type", "bad-snapshot")),
    "another table": (members(table="f" * 32), ("wrong-table",)),
    "schema that does not exist": (members(schema_id=7), ("missing-file",)),
    "negative schema": (members(schema_id=-1), ("bad-snapshot",)),
    "schema of a large number": (members(schema_id=2**64 - 1), ("missing-file", "bad-snapshot")),
    "unknown kind": (members(kind="merge"), ("bad-snapshot",)),
    "kind as a path": (members(kind="../../etc"), ("bad-snapshot",)),
    "commit id of another form": (members(commit="../x"), ("json-type", "bad-snapshot")),
    # M70
    "time before 1970": (members(timestamp_millis=-1), ("bad-snapshot",)),
    "time after 9999": (members(timestamp_millis=253402300800000), ("bad-snapshot",)),
    "time 2^64-1": (members(timestamp_millis=2**64 - 1), ("bad-snapshot",)),
    "watermark as text": (members(watermark="now"), ("json-type",)),
    # M57
    "manifest twice": (lambda found: {**found, "manifests": found["manifests"] * 2}, ("bad-snapshot",)),
    "manifests as an object": (members(manifests={}), ("json-type",)),
    "manifest as null": (members(manifests=[None]), ("json-type",)),
    "delta outside the list": (members(delta=["0" * 32]), ("bad-snapshot",)),
    "10,001 manifests": (
        lambda found: {**found, "manifests": many(found["manifests"][0], 10_001)},
        ("limit-exceeded",),
    ),
    # M71
    "100,001 committers": (members(committers={f"w{n}": 1 for n in range(100_001)}), ("limit-exceeded",)),
    "empty committer": (members(committers={"": 1}), ("bad-snapshot",)),
    "long committer": (members(committers={"w" * 256: 1}), ("bad-snapshot",)),
    "negative commit": (members(committers={"w": -1}), ("bad-snapshot",)),
    "commit 2^63": (members(committers={"w": 2**63}), ("bad-snapshot",)),
    "commit as text": (members(committers={"w": "1"}), ("json-type",)),
    "writer as text": (members(writer="w"), ("json-type",)),
    "writer without id": (members(writer={"commit_id": 1}), ("json-missing", "json-type")),
    "no totals": (members(totals={}), ("json-missing",)),
    "negative totals": (
        members(totals={"files": -1, "bytes": 0, "rows": 0, "deletes": 0}),
        ("bad-snapshot",),
    ),
}


def many(reference: dict[str, Any], count: int) -> list[dict[str, Any]]:
    return [{**reference, "file": f"{number:032x}"} for number in range(count)]


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_snapshot(name: str) -> None:
    change, codes = SNAPSHOTS[name]
    files = forge.table_of(Forgery(third=change))
    found = outcome.read({path: data for path, data in files.items() if path != HINT})
    chained = name == "parent digest"
    for one in found:
        assert isinstance(one.error, ts.FormatError) or (chained and one.error is None), repr(one.error)
        assert one.error is None or one.error.code in codes, str(one.error)
        assert one.seconds < outcome.SECONDS_MAX
    assert outcome.found_by_verify(files, codes)


REQUIRED = [name for name in json.loads(HONEST[THIRD]) if name not in ("checksum",)]


@pytest.mark.parametrize("name", REQUIRED)
def test_snapshot_without_a_member(name: str) -> None:
    outcome.check(
        forge.table_of(Forgery(third=without(name))), THIRD, ("json-missing", "json-type", "bad-magic")
    )


@pytest.mark.parametrize("name", [name for name in json.loads(HONEST[SCHEMA_FILE]) if name != "checksum"])
def test_schema_without_a_member(name: str) -> None:
    outcome.check(
        forge.table_of(Forgery(schema=without(name))), SCHEMA_FILE, ("json-missing", "json-type", "bad-magic")
    )


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [None, True, -1, "x", [], {}, [[]], 2**64 - 1], ids=repr)
def test_snapshot_member_of_any_type(name: str, value: Any) -> None:
    """Whatever a member holds, the answer is a typed error about this file, or the right rows."""
    files = forge.table_of(Forgery(third=members(**{name: value})))
    if (name, value) == ("manifests", []):
        assert forge.visible(forge.open_files(files)) == []
        return
    for found in outcome.read(files):
        assert found.error is None or isinstance(found.error, ts.FormatError), repr(found.error)


@pytest.mark.parametrize("name", [name for name in json.loads(HONEST[SCHEMA_FILE]) if name != "checksum"])
@pytest.mark.parametrize("value", [None, True, -1, "x", [], {}, [[]], 2**64 - 1, [0, 0]], ids=repr)
def test_schema_member_of_any_type(name: str, value: Any) -> None:
    files = forge.table_of(Forgery(schema=members(**{name: value})))
    for found in outcome.read(files):
        assert found.error is None or isinstance(found.error, ts.FormatError), repr(found.error)


def column(place: int, **values: Any) -> Change:
    def change(found: dict[str, Any]) -> dict[str, Any]:
        fields = [dict(item) for item in found["fields"]]
        fields[place].update(values)
        return {**found, "fields": fields}

    return change


def deep_type(levels: int) -> Any:
    found: Any = "int8"
    for _ in range(levels):
        found = {"list": {"name": "element", "type": found, "nullable": True}}
    return found


BAD = ("bad-schema",)
SCHEMAS: dict[str, tuple[Change, tuple[str, ...]]] = {
    # M68
    "another id": (members(id=1), ("bad-schema", "wrong-table")),
    "another table": (members(table="f" * 32), ("wrong-table",)),
    "no fields": (members(fields=[]), BAD),
    "field id twice": (column(1, id=0), BAD),
    "negative field id": (column(1, id=-1), BAD),
    "field id beyond the last": (column(1, id=99), BAD),
    "empty name": (column(1, name=""), BAD),
    "name of 256 bytes": (column(1, name="x" * 256), BAD),
    "name twice": (column(1, name="id"), BAD),
    "names equal but for case": (column(1, name="ID"), BAD),
    "name with a control character": (column(1, name="a\u0007"), BAD),
    "name _sequence": (column(1, name="_sequence"), BAD),
    "name _row_kind": (column(1, name="_row_kind"), BAD),
    "unknown type": (column(1, type="varchar"), ("bad-schema", "schema-mismatch")),
    "type that names code": (column(1, type="os.system"), ("bad-schema", "schema-mismatch")),
    "type as a number": (column(1, type=5), ("bad-schema", "schema-mismatch", "json-type")),
    "struct of nothing": (column(1, type={"struct": []}), ("bad-schema", "schema-mismatch", "json-type")),
    "decimal of 39 digits": (column(1, type="decimal128(39,0)"), ("bad-schema", "schema-mismatch")),
    "binary of 0 bytes": (column(1, type="fixed_binary(0)"), ("bad-schema", "schema-mismatch")),
    "type of 40 levels": (column(1, type=deep_type(40)), ("limit-exceeded",)),
    "key column missing": (members(primary_key=[77]), BAD),
    "no key": (members(primary_key=[]), BAD),
    "key twice": (members(primary_key=[0, 0]), BAD),
    "key nullable": (column(0, nullable=True), BAD),
    "key of a nested type": (members(primary_key=[4]), BAD),
    "partition missing": (members(partition_by=[77]), BAD),
    "partition of a nested type": (members(partition_by=[4]), BAD),
    "sequence field is the key": (members(sequence_fields=[0]), BAD),
    "sequence field nested": (members(sequence_fields=[4]), BAD),
    "no buckets": (members(buckets=0), BAD),
    "65,537 buckets": (members(buckets=65_537), BAD),
    "merge engine": (members(merge_engine="aggregate"), BAD),
    "merge engine that names code": (members(merge_engine="os.system"), BAD),
    "option of another type": (members(options={"block-rows": 5}), ("json-type", "bad-schema")),
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema(name: str) -> None:
    change, codes = SCHEMAS[name]
    outcome.check(forge.table_of(Forgery(schema=change)), SCHEMA_FILE, codes)


@pytest.mark.parametrize(
    "options",
    [
        {"block-rows": "-5"},
        {"compression": "/tmp/codec.so"},
        {"compaction": "os.system"},
        {"unheard-of": "1"},
    ],
    ids=str,
)
def test_options_do_not_change_what_is_read(options: dict[str, str]) -> None:
    """M69: a reader ignores them; a writer refuses what it would have to obey and cannot."""
    files = forge.table_of(Forgery(schema=members(options=options)))
    table = forge.open_files(files)
    assert forge.visible(table) == VISIBLE
    row = {"id": 100, "name": None, "at": datetime.time(1), "price": None, "tags": None}
    if "unheard-of" in options:
        assert table.upsert([row]).published
    else:
        with pytest.raises(ts.SchemaError):
            table.upsert([row])


def test_writer_feature_stops_writers_only() -> None:
    files = forge.table_of(Forgery(schema=members(writer_features=["secondary-indexes"])))
    table = forge.open_files(files)
    assert forge.visible(table) == VISIBLE
    with pytest.raises((ts.UnsupportedVersionError, ts.SchemaError), match="secondary-indexes"):
        table.delete([1])
    assert table.version == 3


HINTS = (
    b"", b"\n", b"three\n", b"-1\n", b"3", b"03\n", b" 3\n", b"3 \n", b"3\n\n", b"1" * 30 + b"\n", b"1" * 63,
    b"0\n", b"99\n", b"2\n", b"\xd9\xa3\n", b"\0" * 8, b"3\r\n", b"../../x\n", b"9" * 100_000,
)  # fmt: skip


@pytest.mark.parametrize("hint", HINTS, ids=range(len(HINTS)))
def test_hint_never_decides(hint: bytes) -> None:
    """M72."""
    assert forge.visible(forge.open_files({**HONEST, HINT: hint})) == VISIBLE


def test_no_hint() -> None:
    assert forge.visible(forge.open_files({p: d for p, d in HONEST.items() if p != HINT})) == VISIBLE


def test_hint_without_snapshots() -> None:
    with pytest.raises(ts.FormatError) as caught:
        forge.open_files({HINT: b"7\n"})
    assert caught.value.code == "lineage"


NAMES = (
    "snapshot-01.json", "snapshot- 4.json", "snapshot-\u0664.json", "snapshot-4.tmp", "snapshot-4", "Snapshot-4.json",
    "snapshot-18446744073709551616.json", "snapshot--4.json", ".snapshot-4.json",
    "snapshot-4.json.bak", "snapshot-0.json",
    "snapshot-4.json\n",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_no_snapshots(name: str) -> None:
    """M73: such files are ignored."""
    files = {path: data for path, data in HONEST.items() if path != HINT}
    files[f"snapshot/{name}"] = HONEST[THIRD]
    table = ts.open_table(MemoryStore(files))
    assert table.version == 3
    assert forge.visible(table) == VISIBLE


def test_gap_in_the_chain() -> None:
    """An expired snapshot is absent; what is left is read."""
    files = {path: data for path, data in HONEST.items() if path != SECOND}
    table = forge.open_files(files)
    assert forge.visible(table) == VISIBLE
    with pytest.raises(ts.SnapshotExpiredError):
        table.at(version=2)


def test_text_of_errors_is_safe() -> None:
    """M76: what a file says is escaped and cut."""
    nasty = "\x1b[31m" + "x" * 5000
    files = forge.table_of(Forgery(third=members(reader_features=[nasty])))
    with pytest.raises(ts.UnsupportedVersionError) as caught:
        forge.visible(forge.open_files(files))
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 1000
