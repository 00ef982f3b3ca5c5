# ruff: noqa: E501, RUF001 - tables of cases, a line each; characters that only look right on purpose
"""Vectors of spec chapter 10."""

from __future__ import annotations

from typing import Any

from tablestore.conformance.cases.book import Book, with_byte
from tablestore.conformance.corpus import Case
from tablestore.reference.document import Json, write_envelope
from tablestore.reference.primitive import hash64

TABLE = "00112233445566778899aabbccddeeff"
COMMIT = "ffeeddccbbaa99887766554433221100"
MANIFEST_1 = "0000000000010a0b0c0d0e0f10111213"
MANIFEST_2 = "0000000000020a0b0c0d0e0f10111213"


def reference(file: str, sequence: int) -> Json:
    return {
        "file": file,
        "size": 2048,
        "digest": "0123456789abcdef",
        "sequence": sequence,
        "added": 2,
        "removed": 0,
        "partition_min": "016100",
        "partition_max": "017a00",
        "bucket_min": 0,
        "bucket_max": 3,
    }


def members(**change: object) -> Json:
    """The third snapshot of a table, with two manifests."""
    found: Json = {
        "format": "tablestore/snapshot",
        "major": 1,
        "minor": 0,
        "table": TABLE,
        "id": 3,
        "parent": 2,
        "parent_digest": "fedcba9876543210",
        "schema_id": 0,
        "kind": "append",
        "commit": COMMIT,
        "timestamp_millis": 1_700_000_000_000,
        "watermark": None,
        "manifests": [reference(MANIFEST_1, 2), reference(MANIFEST_2, 3)],
        "delta": [MANIFEST_2],
        "writer": {"id": "job-7", "commit_id": 17},
        "committers": {"job-7": 17, "job-8": 0},
        "fence": 0,
        "totals": {"files": 4, "bytes": 8192, "rows": 100, "deletes": 3},
        "reader_features": [],
        "writer_features": [],
    }
    return found | change


def first(**change: object) -> Json:
    """The snapshot that creates a table."""
    empty = {"files": 0, "bytes": 0, "rows": 0, "deletes": 0}
    lists: Json = {"manifests": [], "delta": [], "committers": {}, "writer": None}
    parent = {"id": 1, "parent": 0, "parent_digest": "0" * 16, "kind": "create"}
    return members(**lists, **parent, totals=empty) | change


def cases() -> list[Case]:
    book = Book("snapshot")
    _valid(book)
    _names(book)
    _bad_members(book)
    _bad_references(book)
    _bad_documents(book)
    return book.cases


def _valid(book: Book) -> None:
    def add(name: str, about: str, found: Json) -> None:
        given: dict[str, Any] = {"id": found["id"], "table": TABLE}
        book.valid(name, "10.2 10.3", about, "read", data=write_envelope(found).hex(), **given)

    add("create", "The first snapshot.", first())
    add("append", "An append by a writer with an identity.", members())
    add("compact", "A compaction without identity.", members(kind="compact", writer=None))
    add("purge", "A compaction that dropped rows by their age.", members(kind="purge", writer=None))
    add(
        "rollback",
        "The list of an older snapshot.",
        members(kind="rollback", manifests=[reference(MANIFEST_1, 2)], delta=[], writer=None),
    )
    add("clean", "A fence and nothing else.", members(kind="clean", delta=[], writer=None, fence=2))
    add("fence-own-id", "The greatest fence.", members(fence=3))
    add("no-delta", "A commit that changes no files.", members(delta=[]))
    add("watermark", "A watermark before the epoch.", members(watermark=-1))
    add(
        "commit-id-greatest",
        "The greatest commit id.",
        members(writer={"id": "a", "commit_id": 2**63 - 1}, committers={"a": 2**63 - 1}),
    )
    add("writer-unicode", "Writer ids of any text.", members(committers={'задание/7 "x"': 1, "é" * 127: 2}))
    add(
        "last-millisecond",
        "The last millisecond of the year 9999.",
        members(timestamp_millis=253_402_300_799_999),
    )
    parent = write_envelope(first())
    child = members(id=2, parent=1, parent_digest=f"{hash64(parent):016x}", manifests=[], delta=[])
    given = {"parent": parent.hex(), "child": write_envelope(child).hex()}
    book.valid("lineage", "10.4", "A child names the digest of its parent.", "lineage", **given, output=True)
    other = write_envelope(first(commit=COMMIT[::-1]))
    about = "The parent is another snapshot of the same id."
    book.invalid(
        "lineage-other-parent", "10.4", about, "lineage", "lineage", parent=other.hex(), child=given["child"]
    )


def _names(book: Book) -> None:
    names: dict[str, tuple[str, int | None]] = {
        "plain": ("snapshot-1.json", 1),
        "long": ("snapshot-123456789.json", 123_456_789),
        "leading-zero": ("snapshot-01.json", None),
        "zero": ("snapshot-0.json", None),
        "space": ("snapshot- 1.json", None),
        "sign": ("snapshot-+1.json", None),
        "other-digits": ("snapshot-١.json", None),
        "temporary": (".snapshot-1.json", None),
        "suffix": ("snapshot-1.json.tmp", None),
        "newline": ("snapshot-1.json\n", None),
        "upper-case": ("Snapshot-1.json", None),
        "path": ("../snapshot-1.json", None),
    }
    for name, (text, output) in names.items():
        about = "A file name in `snapshot/` is a snapshot's or is ignored."
        book.valid(f"name-{name}", "0.6 10.5", about, "name", file=text, output=output)
    hints: dict[str, tuple[bytes, int | None]] = {
        "plain": (b"42\n", 42),
        "no-newline": (b"42", None),
        "two-lines": (b"42\n43\n", None),
        "empty": (b"", None),
        "text": (b"latest\n", None),
        "negative": (b"-1\n", None),
        "zero": (b"0\n", None),
        "leading-zero": (b"07\n", None),
        "30-digits": (b"1" + b"0" * 30 + b"\n", None),
        "carriage-return": (b"42\r\n", None),
        "other-digits": ("١\n".encode(), None),
        "not-utf8": (b"\xff\n", None),
    }
    for name, (data, output) in hints.items():
        about = "A hint is well-formed or ignored."
        book.valid(f"hint-{name}", "10.5", about, "hint", data=data.hex(), output=output)


def _refuse(book: Book, name: str, about: str, code: str, data: bytes, section: str = "10.3") -> None:
    book.invalid(name, section, about, "read", code, data=data.hex(), id=3, table=TABLE)


def _bad_members(book: Book) -> None:
    faults: dict[str, tuple[str, str, dict[str, object]]] = {
        "format": ("The document is no snapshot.", "bad-snapshot", {"format": "tablestore/schema"}),
        "major-2": ("Major version 2.", "unsupported-version", {"major": 2}),
        "reader-feature": ("A reader feature.", "unknown-feature", {"reader_features": ["branches"]}),
        "table-other": ("A snapshot of another table.", "wrong-table", {"table": "0" * 32}),
        "id-other": ("The id is not that of the file's name.", "bad-snapshot", {"id": 4, "parent": 3}),
        "id-0": ("Snapshot 0.", "bad-snapshot", {"id": 0, "parent": -1}),
        "id-negative": ("Snapshot -1.", "bad-snapshot", {"id": -1, "parent": -2}),
        "id-2-64": ("Snapshot 2^64.", "limit-exceeded", {"id": 2**64}),
        "id-string": ("An id that is a string.", "json-type", {"id": "3"}),
        "id-bool": ("An id that is true.", "json-type", {"id": True}),
        "parent-gap": ("A parent that is not id - 1.", "bad-snapshot", {"parent": 1}),
        "parent-self": ("A snapshot that is its own parent.", "bad-snapshot", {"parent": 3}),
        "parent-digest-short": ("A digest of 15 digits.", "bad-snapshot", {"parent_digest": "0" * 15}),
        "parent-digest-upper-case": ("A digest in upper case.", "bad-snapshot", {"parent_digest": "FEDCBA9876543210"}),
        "kind": ("An unknown kind.", "bad-snapshot", {"kind": "merge"}),
        "fence-negative": ("A negative fence.", "bad-snapshot", {"fence": -1}),
        "fence-above-id": ("A fence above the snapshot's id.", "bad-snapshot", {"fence": 4}),
        "fence-string": ("A fence that is a string.", "json-type", {"fence": "0"}),
        "schema-negative": ("A negative schema id.", "bad-snapshot", {"schema_id": -1}),
        "commit": ("A commit id that is no identifier.", "bad-snapshot", {"commit": "17"}),
        "time-negative": ("A time before the epoch.", "bad-snapshot", {"timestamp_millis": -1}),
        "time-year-10000": ("A time after the year 9999.", "bad-snapshot", {"timestamp_millis": 253_402_300_800_000}),
        "watermark-string": ("A watermark that is a string.", "json-type", {"watermark": "now"}),
        "delta-unknown": ("A delta that is not in the list.", "bad-snapshot", {"delta": ["f" * 32]}),
        "writer-empty": ("An empty writer id.", "bad-snapshot", {"committers": {"": 1}}),
        "writer-256-bytes": ("A writer id of 256 bytes.", "bad-snapshot", {"committers": {"é" * 128: 1}}),
        "writer-of-commit": ("The commit's writer id is empty.", "bad-snapshot", {"writer": {"id": "", "commit_id": 1}}),
        "commit-id-negative": ("A negative commit id.", "bad-snapshot", {"committers": {"a": -1}}),
        "commit-id-2-63": ("A commit id of 2^63.", "bad-snapshot", {"committers": {"a": 2**63}}),
        "commit-id-string": ("A commit id that is a string.", "json-type", {"committers": {"a": "1"}}),
        "writer-array": ("A writer that is an array.", "json-type", {"writer": ["job-7", 17]}),
        "totals-negative": ("A negative total.", "bad-snapshot", {"totals": {"files": -1, "bytes": 0, "rows": 0, "deletes": 0}}),
        "totals-missing": ("Totals without rows.", "json-missing", {"totals": {"files": 1, "bytes": 0, "deletes": 0}}),
        "minor-negative": ("A negative minor version.", "bad-snapshot", {"minor": -1}),
        "watermark-2-63": ("A watermark of 2^63.", "bad-snapshot", {"watermark": 2**63}),
        "totals-2-63": ("A total of 2^63.", "bad-snapshot", {"totals": {"files": 1, "bytes": 2**63, "rows": 0, "deletes": 0}}),
        "manifests-object": ("Manifests in an object.", "json-type", {"manifests": {}}),
    }  # fmt: skip
    for name, (about, code, change) in faults.items():
        section = "0.4" if code in ("unsupported-version", "unknown-feature") else "10.3"
        _refuse(book, name, about, code, write_envelope(members(**change)), section)
    for name in ("parent", "commit", "manifests", "committers", "totals", "watermark", "writer", "fence"):
        rest = {key: value for key, value in members().items() if key != name}
        _refuse(book, f"missing-{name}", f"Without {name}.", "json-missing", write_envelope(rest), "10.2")


def _bad_references(book: Book) -> None:
    def listed(**change: object) -> bytes:
        return write_envelope(
            members(manifests=[reference(MANIFEST_1, 2) | change, reference(MANIFEST_2, 3)])
        )

    hostile = {
        "parent": "../" + "0" * 29, "absolute": "/etc/passwd", "url": "s3://other/manifest", "empty": "", "dot": ".",
        "dots": "..", "backslash": "..\\x", "encoded": "%2e%2e%2f", "wide-dots": "．．／x", "long": "0" * 300,
        "nul": "0" * 31 + "\0", "newline": "0" * 32 + "\n", "upper-case": "A" * 32, "right-to-left": "\u202e" + "0" * 31,
        "suffix": "0" * 32 + ".sst", "other-digits": "٠" * 32,
    }  # fmt: skip
    for name, file in hostile.items():
        about = "A manifest whose name is no file id."
        _refuse(book, f"reference-name-{name}", about, "bad-name", listed(file=file), "0.6")
    faults: dict[str, tuple[str, str, dict[str, object]]] = {
        "repeated": ("A manifest twice.", "bad-snapshot", {"file": MANIFEST_2}),
        "sequence-above-id": ("A sequence above the snapshot's id.", "bad-snapshot", {"sequence": 4}),
        "sequence-negative": ("A sequence of -1.", "bad-snapshot", {"sequence": -1}),
        "size-negative": ("A negative size.", "bad-snapshot", {"size": -1}),
        "added-negative": ("A negative number of entries.", "bad-snapshot", {"added": -1}),
        "digest-short": ("A digest of 8 digits.", "bad-snapshot", {"digest": "01234567"}),
        "digest-number": ("A digest that is a number.", "json-type", {"digest": 1}),
        "partition": ("A bound that is not hexadecimal.", "bad-snapshot", {"partition_min": "x"}),
        "bucket-65536": ("A bucket of 65,536.", "bad-snapshot", {"bucket_max": 65_536}),
        "bound-65-bytes": ("A bound of 65 bytes.", "bad-snapshot", {"partition_max": "00" * 65}),
        "bucket-string": ("A bucket that is a string.", "json-type", {"bucket_max": "3"}),
    }
    for name, (about, code, change) in faults.items():
        _refuse(book, f"reference-{name}", about, code, listed(**change))


def _bad_documents(book: Book) -> None:
    good = write_envelope(members())
    _refuse(book, "empty", "An empty file.", "truncated", b"", "1.5")
    _refuse(book, "cut", "The end is missing.", "truncated", good[:-1], "1.5")
    _refuse(
        book,
        "bit-flip",
        "One bit differs.",
        "checksum-mismatch",
        with_byte(good, 200, good[200] ^ 0x20),
        "1.5",
    )
    _refuse(book, "zeros", "Nothing but zeros, as after a crash.", "truncated", bytes(len(good)), "1.5")
