"""Vectors of claims (spec §13.10), part of the noun compaction."""

from __future__ import annotations

from typing import Any

from tablestore.conformance.cases.book import Book, with_byte
from tablestore.reference.document import write_envelope

TABLE = "00112233445566778899aabbccddeeff"
TIME = 1_700_000_000_000
ID = "0123456789abcdef0123456789abcdef"
SECTION = "13.10"


def _members(**change: object) -> dict[str, Any]:
    return {
        "format": "tablestore/claim",
        "major": 1,
        "minor": 0,
        "table": TABLE,
        "holder": "process 4711",
        "timestamp_millis": TIME,
        "expires_millis": TIME + 60_000,
    } | change


def add_claims(book: Book) -> None:
    """Documents, their faults, and the names of files."""
    read: dict[str, tuple[str, dict[str, object]]] = {
        "claim": ("A claim.", {}),
        "claim-no-holder": ("A claim without a text about its holder.", {"holder": ""}),
        "claim-holder-255-bytes": ("The longest text about a holder.", {"holder": "é" * 127 + "x"}),
        "claim-over": ("A claim that ended before it began is no fault.", {"expires_millis": 0}),
    }
    for name, (about, change) in read.items():
        data = write_envelope(_members(**change)).hex()
        book.valid(name, SECTION, about, "read_claim", data=data, table=TABLE)
    _faults(book)
    _names(book)


def _faults(book: Book) -> None:
    def refuse(name: str, about: str, code: str, data: bytes, section: str = SECTION) -> None:
        book.invalid(f"claim-{name}", section, about, "read_claim", code, data=data.hex(), table=TABLE)

    faults: dict[str, tuple[str, str, dict[str, object]]] = {
        "format": ("The document is a lease.", "bad-retention", {"format": "tablestore/lease"}),
        "major-2": ("Major version 2.", "unsupported-version", {"major": 2}),
        "table": ("The claim of another table.", "wrong-table", {"table": "0" * 32}),
        "table-upper-case": ("A table id in capitals.", "bad-retention", {"table": TABLE.upper()}),
        "holder": ("A text of 256 bytes about the holder.", "bad-retention", {"holder": "é" * 128}),
        "holder-number": ("A holder that is a number.", "json-type", {"holder": 4711}),
        "time": ("A time before the epoch.", "bad-retention", {"timestamp_millis": -1}),
        "expires": ("A time after the year 9999.", "bad-retention", {"expires_millis": 253_402_300_800_000}),
        "expires-string": ("A time that is a string.", "json-type", {"expires_millis": str(TIME)}),
    }
    for name, (about, code, change) in faults.items():
        section = "0.4" if code == "unsupported-version" else SECTION
        refuse(name, about, code, write_envelope(_members(**change)), section)
    good = _members()
    for missing in [*good][4:]:
        rest = {key: value for key, value in good.items() if key != missing}
        name = f"without-{missing.replace('_', '-')}"
        refuse(name, f"Without {missing}.", "json-missing", write_envelope(rest))
    data = write_envelope(good)
    refuse("cut", "The end is missing.", "truncated", data[:-1], "1.5")
    refuse("bit-flip", "One bit differs.", "checksum-mismatch", with_byte(data, 60, data[60] ^ 1), "1.5")


def _names(book: Book) -> None:
    names: dict[str, tuple[str, list[str] | None]] = {
        "bucket": (f"bucket-{ID[:16]}.json", ["bucket", ID[:16]]),
        "compactor": (f"compactor-{ID}.json", ["compactor", ID]),
        "bucket-upper-case": (f"bucket-{ID[:16].upper()}.json", None),
        "bucket-17-digits": (f"bucket-{ID[:17]}.json", None),
        "compactor-short": (f"compactor-{ID[1:]}.json", None),
        "newline": (f"compactor-{ID}.json\n", None),
        "temporary": (".0123456789abcdef01234567", None),
        "other": (f"writer-{ID}.json", None),
    }
    for name, (file, output) in names.items():
        about = "A file name is one of the two patterns or is ignored."
        book.valid(f"claim-name-{name}", "0.6 13.10", about, "claim_name", file=file, output=output)
    buckets: dict[str, tuple[str, bytes, int]] = {
        "plain": ("The first bucket of a table without partitions.", b"", 0),
        "great": ("A bucket number of two bytes.", b"", 258),
        "partitioned": ("A bucket of a partition: a tuple of one string.", b"\x01ab\x00", 3),
    }
    for name, (about, partition, bucket) in buckets.items():
        book.valid(
            f"claim-bucket-{name}", SECTION, about, "claim_bucket", partition=partition.hex(), bucket=bucket
        )
