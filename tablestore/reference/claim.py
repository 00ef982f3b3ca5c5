"""Spec §13.10: claims of those who compact."""

from __future__ import annotations

import re

from tablestore.reference import document
from tablestore.reference.cursor import reject
from tablestore.reference.document import Json
from tablestore.reference.primitive import hash64, identifier
from tablestore.reference.retention import CODE
from tablestore.reference.schema import check_format
from tablestore.reference.snapshot import TIME_MAX

SECTION = "13.10"
HOLDER_BYTES_MAX = 255
_NAME = re.compile(r"(bucket)-([0-9a-f]{16})\.json|(compactor)-([0-9a-f]{32})\.json")


def parse_name(file: str) -> list[str] | None:
    """What is claimed and the digits of a file name that is not ignored."""
    match = _NAME.fullmatch(file)
    return [part for part in match.groups() if part] if match else None


def bucket_name(partition: bytes, bucket: int) -> str:
    """The file name of the claim on a bucket; partition: the encoded tuple (spec §3.3)."""
    return f"bucket-{hash64(bucket.to_bytes(4, 'little') + partition):016x}.json"


def decode(data: bytes, table: str | None = None) -> Json:
    """The members of a claim. table: id of its table."""
    members = document.parse_envelope(data)
    check_format(members, "tablestore/claim", SECTION, CODE)
    found_table = document.member(members, "table", str, SECTION)
    identifier(found_table, CODE, "table")
    if table is not None and found_table != table:
        reject("wrong-table", f"a claim of table {found_table}", SECTION)
    holder = document.member(members, "holder", str, SECTION)
    if len(holder.encode()) > HOLDER_BYTES_MAX:
        reject(CODE, "the holder's text is too long", SECTION)
    found: Json = {"table": found_table, "holder": holder}
    for name in ("timestamp_millis", "expires_millis"):
        found[name] = document.counter(members, name, SECTION, CODE, TIME_MAX)
    return found
