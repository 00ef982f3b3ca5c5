# ruff: noqa: E501 - tables of cases, a line each
"""Vectors of spec chapter 9."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tablestore.conformance.cases.book import Book
from tablestore.conformance.corpus import Case
from tablestore.reference import manifest
from tablestore.reference.key import encode_tuple
from tablestore.reference.manifest import ADDED, MOVED, REMOVED, Change, Entry, Statistics
from tablestore.reference.sst_writer import Edits, Settings, encode_sst
from tablestore.reference.type import parse_type

FILE_ID = bytes.fromhex("000000000003000102030405060708ff")
TABLE = "00112233445566778899aabbccddeeff"
SETTINGS = Settings(FILE_ID, TABLE, file_kind=2, bits_per_key=0, bucket=-1)
FILES = [f"{number:032x}" for number in range(1, 10)]


def entry(**change: Any) -> Entry:
    """A file of partition "a", bucket 0, level 0 with an inherited sequence."""
    values: dict[str, Any] = {
        "partition": b"\1a\0", "bucket": 0, "file": FILES[0], "level": 0, "size": 5000, "digest": 2**64 - 1,
        "row_count": 10, "delete_count": 1, "key_min": b"\x80", "key_max": b"\x90", "sequence_min": 0,
        "sequence_max": 0, "ordinal": 0, "schema_id": 0, "statistics": b"",
    }  # fmt: skip
    return Entry(**(values | change))


def file_of(changes: list[Change], **edits: Any) -> bytes:
    settings = replace(SETTINGS, edits=Edits(**edits))
    return encode_sst(manifest.columns(), [manifest.row_of(change) for change in changes], settings)


def cases() -> list[Case]:
    book = Book("manifest")
    _files(book)
    _bad_entries(book)
    _directories(book)
    _live(book)
    _bad_sets(book)
    return book.cases


def _files(book: Book) -> None:
    statistics = manifest.encode_statistics(
        [Statistics(1, 3, 0, 2**63, 2**63 + 9), Statistics(2, 0, 10, 0, 0)]
    )
    changes = [
        Change(ADDED, entry(statistics=statistics)),
        Change(MOVED, entry(file=FILES[1], level=2, sequence_min=3, sequence_max=9)),
        Change(REMOVED, entry(bucket=3, file=FILES[2], level=3, sequence_min=1, sequence_max=1)),
    ]
    about = "A file added, one moved and one removed."
    book.valid("three-changes", "9.2 9.5", about, "read", data=file_of(changes).hex())
    empty = [Change(ADDED, entry(partition=b""))]
    book.valid("no-partition", "9.3", "A table without partitions.", "read", data=file_of(empty).hex())


def _bad_entries(book: Book) -> None:
    def refuse(name: str, section: str, about: str, code: str, data: bytes) -> None:
        book.invalid(name, section, about, "read", code, data=data.hex())

    faults: dict[str, tuple[str, dict[str, Any]]] = {
        "level-4": ("Level 4.", {"level": 4}),
        "level-negative": ("Level -1.", {"level": -1}),
        "bucket-negative": ("Bucket -1.", {"bucket": -1}),
        "rows-0": ("A file without rows.", {"row_count": 0, "delete_count": 0}),
        "size-159": ("A file that is too small for an SST.", {"size": 159}),
        "deletes-above-rows": ("More deletes than rows.", {"delete_count": 11}),
        "keys-inverted": ("A least key above the greatest.", {"key_min": b"\xa0"}),
        "key-too-long": ("A bound of 65 bytes.", {"key_max": b"\x90" * 65}),
        "sequence-inverted": ("A least sequence above the greatest.", {"sequence_min": 5, "sequence_max": 4}),
        "sequence-half": ("Only the greatest sequence is given.", {"sequence_min": 0, "sequence_max": 4}),
        "statistics-cut": ("Statistics of 28 bytes.", {"statistics": bytes(28)}),
        "statistics-order": ("A minimum above the maximum.", {"statistics": manifest.encode_statistics([Statistics(1, 1, 0, 9, 8)])}),
        "statistics-flags": ("A flag that does not exist.", {"statistics": manifest.encode_statistics([Statistics(1, 4, 0, 0, 0)])}),
        "statistics-absent": ("A maximum without statistics.", {"statistics": manifest.encode_statistics([Statistics(1, 0, 0, 0, 1)])}),
    }  # fmt: skip
    for name, (about, change) in faults.items():
        refuse(f"entry-{name}", "9.2 9.5 9.6", about, "bad-entry", file_of([Change(ADDED, entry(**change))]))
    refuse("entry-kind-1", "9.2", "An entry of kind -U.", "bad-entry", file_of([Change(1, entry())]))
    for name, file in (
        ("path", "../../etc/passwd"),
        ("empty", ""),
        ("upper-case", "A" * 32),
        ("newline", FILES[0] + "\n"),
        ("nul", "0" * 31 + "\0"),
    ):
        data = file_of([Change(ADDED, entry(file=file))])
        refuse(f"entry-name-{name}", "0.6", "A data file whose name is no file id.", "bad-name", data)
    twice = [Change(ADDED, entry()), Change(REMOVED, entry())]
    refuse("entry-twice", "7.7", "A file twice in one manifest.", "key-order", file_of(twice))
    data = encode_sst(
        manifest.columns(), [manifest.row_of(Change(ADDED, entry()))], replace(SETTINGS, file_kind=1)
    )
    refuse("data-file", "9.1", "A file of the kind data.", "wrong-file", data)
    renamed = [replace(c, name="place") if c.name == "file" else c for c in manifest.columns()]
    data = encode_sst(renamed, [manifest.row_of(Change(ADDED, entry()))], SETTINGS)
    refuse("column-name", "9.2", "A column with another name.", "schema-mismatch", data)
    fewer = [c for c in manifest.columns() if c.name != "statistics"]
    data = encode_sst(fewer, [manifest.row_of(Change(ADDED, entry()))[:-1]], SETTINGS)
    refuse("column-missing", "9.2", "A column is missing.", "schema-mismatch", data)


def _directories(book: Book) -> None:
    values: dict[str, tuple[str, object]] = {
        "string": ("string", "sales"), "null": ("string", None), "empty": ("string", ""), "slash": ("string", "a/b"),
        "equals": ("string", "a=b"), "percent": ("string", "100%"), "null-text": ("string", "%null"),
        "dot": ("string", "."), "dots": ("string", ".."), "dot-inside": ("string", "a.b"), "space": ("string", " a "),
        "nul": ("string", "a\0b"), "newline": ("string", "a\n"), "unicode": ("string", "Zürich 東京"),
        "case": ("string", "Sales"), "star": ("string", "*?:<>|\\"), "120-bytes": ("string", "x" * 120),
        "121-bytes": ("string", "x" * 121), "escapes-120-bytes": ("string", "/" * 40), "escapes-123-bytes": ("string", "/" * 41),
        "bool": ("bool", True), "int32": ("int32", -7), "uint64": ("uint64", 2**64 - 1), "decimal": ("decimal128(5,2)", -12_345),
        "date": ("date32", 19_723), "date-year-1": ("date32", -719_162), "date-year-0": ("date32", -719_163),
        "date-year-10000": ("date32", 2_932_897), "timestamp": ("timestamp(ms)", -1), "binary": ("binary", b"\0\xff"),
        "fixed-binary": ("fixed_binary(2)", b"\1\2"), "binary-empty": ("binary", b""),
    }  # fmt: skip
    for name, (type_, value) in values.items():
        partition = encode_tuple([parse_type(type_)], [value])
        about = f"The directory of a value of {type_}."
        given = {"names": ["p"], "types": [type_], "partition": partition.hex()}
        book.valid(f"directory-{name}", "9.3", about, "directories", **given)
    found = [str(case.output) for case in book.cases if case.operation == "directories"]
    if len(set(found)) != len(found) - 1:  # the two empty values are of different tables
        raise AssertionError("two partitions share a directory")
    types = ["int32", "string"]
    partition = encode_tuple([parse_type(type_) for type_ in types], [2024, None])
    given = {"names": ["year", "Ländercode"], "types": types, "partition": partition.hex()}
    book.valid("directory-two-columns", "9.3", "A directory for each column.", "directories", **given)
    given = {"names": ["n" * 200], "types": ["int32"], "partition": "0180000001"}
    book.valid("directory-long-name", "9.3", "A long name is cut, too.", "directories", **given)
    given = {"names": [], "types": [], "partition": ""}
    book.valid("directory-none", "9.3", "No partitions, no directories.", "directories", **given, output=[])
    about = "A partition that does not decode."
    given = {"names": ["p"], "types": ["int32"], "partition": "018000"}
    book.invalid("directory-bad-tuple", "9.3 3.7", about, "directories", "bad-key", **given)
    given = {"names": ["p"], "types": ["string"], "partition": "01ff00"}
    book.invalid("directory-bad-utf8", "3.7", about, "directories", "invalid-utf8", **given)


def change(
    kind: int, file: int, level: int = 0, key_min: str = "00", key_max: str = "10", **more: Any
) -> dict[str, Any]:
    return {"kind": kind, "file": FILES[file], "level": level, "key_min": key_min, "key_max": key_max, **more}


def _live(book: Book) -> None:
    def add(name: str, about: str, *manifests: tuple[int, list[dict[str, Any]]]) -> None:
        given = [{"sequence": sequence, "changes": changes} for sequence, changes in manifests]
        book.valid(f"live-{name}", "9.4 9.6", about, "live", manifests=given, buckets=4)

    add("append", "Two appends inherit their sequences.", (2, [change(ADDED, 0)]), (3, [change(ADDED, 1)]))
    add(
        "removed",
        "A file that was removed.",
        (2, [change(ADDED, 0), change(ADDED, 1)]),
        (3, [change(REMOVED, 0, sequence_min=2, sequence_max=2)]),
    )
    add("compacted", "A compaction keeps explicit ranges.", (2, [change(ADDED, 0)]), (3, [change(ADDED, 1)]), (
        4, [change(REMOVED, 0, sequence_min=2, sequence_max=2), change(REMOVED, 1, sequence_min=3, sequence_max=3),
            change(ADDED, 2, 3, sequence_min=2, sequence_max=3)]))  # fmt: skip
    add(
        "moved",
        "A file that moved to level 1.",
        (2, [change(ADDED, 0)]),
        (5, [change(MOVED, 0, 1, sequence_min=2, sequence_max=2)]),
    )
    add(
        "added-again",
        "A file that was removed may be added again.",
        (2, [change(ADDED, 0)]),
        (3, [change(REMOVED, 0, sequence_min=2, sequence_max=2)]),
        (4, [change(ADDED, 0)]),
    )
    add("level-0-overlaps", "Files of level 0 may overlap.", (2, [change(ADDED, 0), change(ADDED, 1)]))
    add(
        "level-1-disjoint",
        "Files of level 1 do not overlap.",
        (2, [change(ADDED, 0, 1), change(ADDED, 1, 1, "11", "20")]),
    )
    add(
        "other-buckets",
        "Files of other buckets may overlap.",
        (2, [change(ADDED, 0, 1), change(ADDED, 1, 1, bucket=1)]),
    )
    add(
        "other-partitions",
        "Files of other partitions may overlap.",
        (2, [change(ADDED, 0, 1), change(ADDED, 1, 1, partition="00")]),
    )
    full = "ab" * 64
    add(
        "touching-full-bounds",
        "Full bounds of 64 bytes may touch.",
        (2, [change(ADDED, 0, 1, "00", full), change(ADDED, 1, 1, full, "ff")]),
    )


def _bad_sets(book: Book) -> None:
    def refuse(name: str, about: str, *manifests: tuple[int, list[dict[str, Any]]]) -> None:
        given = [{"sequence": sequence, "changes": changes} for sequence, changes in manifests]
        book.invalid(f"live-{name}", "9.6", about, "live", "bad-entry", manifests=given, buckets=4)

    added = (2, [change(ADDED, 0)])
    refuse("added-twice", "A file that is added while it is live.", added, (3, [change(ADDED, 0)]))
    refuse("removed-unknown", "A file that is removed and was never added.", added, (3, [change(REMOVED, 1)]))
    removed = change(REMOVED, 0, sequence_min=2, sequence_max=2)
    refuse("removed-twice", "A file that is removed twice.", added, (3, [removed]), (4, [removed]))
    refuse("moved-unknown", "A file that moves and is not live.", (3, [change(MOVED, 1, 1)]))
    refuse(
        "moved-changed",
        "A move that changes the size.",
        added,
        (3, [change(MOVED, 0, 1, sequence_min=2, sequence_max=2, size=7)]),
    )
    refuse(
        "level-1-overlap",
        "Files of level 1 that overlap.",
        (2, [change(ADDED, 0, 1), change(ADDED, 1, 1, "08", "20")]),
    )
    refuse(
        "level-1-touch",
        "Files of level 1 that share a short bound.",
        (2, [change(ADDED, 0, 1), change(ADDED, 1, 1, "10", "20")]),
    )
    refuse("bucket-4-of-4", "A bucket that the table does not have.", (2, [change(ADDED, 0, bucket=4)]))
