"""Claim documents (spec §13.10): a compactor is at work, or works on a bucket."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tablestore._native.hash import hash64
from tablestore.file.boundary import BAD
from tablestore.file.document import open_document, table_document
from tablestore.file.lease import read_holder
from tablestore.file.manifest import Place
from tablestore.file.snapshot import TIMESTAMP_MAX

FORMAT: Final = "tablestore/claim"
DIRECTORY: Final = "claim"
BUCKET: Final = "bucket"
COMPACTOR: Final = "compactor"
_NAME = re.compile(r"(bucket)-([0-9a-f]{16})\.json|(compactor)-([0-9a-f]{32})\.json")


@dataclass(frozen=True, slots=True)
class Claim:
    """holder: who, for people."""

    table: str
    holder: str
    timestamp_millis: int
    expires_millis: int


def bucket_path(place: Place) -> str:
    """The one name of the claim on a bucket. Two buckets of the same name share a claim, which costs only time."""
    number = hash64(place[1].to_bytes(4, "little") + place[0])
    return f"{DIRECTORY}/{BUCKET}-{number:016x}.json"


def compactor_path(compactor: str) -> str:
    """compactor: 32 hexadecimal digits, never given before."""
    return f"{DIRECTORY}/{COMPACTOR}-{compactor}.json"


def parse_name(name: str) -> tuple[str, str] | None:
    """BUCKET or COMPACTOR, and the digits of a file name; None for other names, which are ignored."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    form, digits = (part for part in match.groups() if part is not None)
    return form, digits


def encode(claim: Claim) -> bytes:
    """The document."""
    return table_document(
        FORMAT,
        claim.table,
        {
            "holder": claim.holder,
            "timestamp_millis": claim.timestamp_millis,
            "expires_millis": claim.expires_millis,
        },
    )


def decode(data: bytes, file: str, expected_table: str | None = None) -> Claim:
    """Check and decode a document. Raises FormatError."""
    members = open_document(data, file, FORMAT, expected_table, "13.10", BAD)
    return Claim(
        members.text("table"),
        read_holder(members),
        members.integer("timestamp_millis", 0, TIMESTAMP_MAX),
        members.integer("expires_millis", 0, TIMESTAMP_MAX),
    )
