"""Changes of a data file that a hostile writer could make, each with the codes that may answer it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tablestore.reference.block import encode_chunk
from tablestore.reference.directory import Directory
from tablestore.reference.properties import Properties
from tablestore.reference.sst_writer import Edits
from tablestore.reference.type import parse_type
from tests.damage import bombs, forge
from tests.damage.forge import (
    AT,
    KEY,
    NAME,
    PRICE,
    ROW_KIND,
    SEQUENCE,
    TAG_LISTS,
)

HEAD = 8  # bytes of a chunk's head; a node follows (spec §5.3)


def footer(**values: int) -> Edits:
    return Edits(footer=lambda numbers: {**numbers, **values})


def header(**values: int) -> Edits:
    return Edits(header=lambda numbers: {**numbers, **values})


def footer_plus(name: str, change: int) -> Edits:
    return Edits(footer=lambda numbers: {**numbers, name: (numbers[name] + change) % 2**32})


def directory(**values: Any) -> Edits:
    return Edits(directory=lambda found: replace(found, **values))


def entry(column: int, block: int, change: Callable[[Any], Any]) -> Edits:
    """A change of one chunk's place in the directory."""

    def edit(found: Directory) -> Directory:
        chunks = list(found.chunks)
        index = column * len(found.rows) + block
        chunks[index] = change(chunks[index])
        return replace(found, chunks=chunks)

    return Edits(directory=edit)


def properties(**values: Any) -> Edits:
    return Edits(properties=lambda found: replace(found, **values))


def text(change: Callable[[bytes], bytes]) -> Edits:
    return Edits(properties_raw=change)


def chunk(column: int, change: Callable[[bytes], bytes], block: int = 0) -> Edits:
    return Edits(chunk=lambda place, stored: change(stored) if place == (column, block) else stored)


def other_chunk(column: int, type_json: Any, values: list[object], head: int | None = None) -> Edits:
    """Block 0 of a column in another type's encoding, under the head of its own type."""

    def change(stored: bytes) -> bytes:
        made = encode_chunk(parse_type(type_json), values)
        return (stored[: HEAD if head is None else head] + made[HEAD:]) if head != 0 else made

    return chunk(column, change)


def byte(place: int, value: int) -> Callable[[bytes], bytes]:
    return lambda stored: stored[:place] + bytes([value]) + stored[place + 1 :]


def column_types(name: str, **values: Any) -> Edits:
    def edit(found: Properties) -> Properties:
        return replace(
            found, columns=tuple(replace(c, **values) if c.name == name else c for c in found.columns)
        )

    return Edits(properties=edit)


def disordered(found: Directory) -> Directory:
    return replace(found, first=found.first[::-1], last=found.last[::-1])


def swapped_chunks(found: Directory) -> Directory:
    """The two blocks of `name` trade their places; each keeps its own checksum."""
    chunks = list(found.chunks)
    left, right = NAME * 2, NAME * 2 + 1
    chunks[left], chunks[right] = chunks[right], chunks[left]
    return replace(found, chunks=chunks)


def bomb_chunk(stored: bytes) -> bytes:
    """A PLAIN node whose stream is 1 GiB of zeros."""
    frame = bombs.zeros(1 << 30)
    return stored[:HEAD] + struct.pack("<BBHI", 1, 1, 0, len(frame)) + frame


def string_bomb(stored: bytes) -> bytes:
    """A VAR node: four lengths of 256 MiB, one frame with all of it."""
    frame = bombs.zeros(1 << 30)
    lengths = struct.pack("<BBHI", 0, 0, 0, 4) + struct.pack("<I", 1 << 28)
    body = lengths + struct.pack("<I", 1 << 30) + frame
    return struct.pack("<BBHI", 2, 0, 0, 4) + struct.pack("<BBHI", 5, 1, 0, len(body)) + body


def nested_json(raw: bytes) -> bytes:
    deep = b'{"list":{"name":"element","nullable":true,"type":' * 40 + b'"int8"' + b"}}" * 40
    return raw.replace(b'"type":"string"', b'"type":' + deep, 1)


BOTH = ("count-mismatch", "limit-exceeded", "offset-out-of-range", "truncated", "size-mismatch")
CASES: dict[str, tuple[Edits, tuple[str, ...]]] = {
    # M5: versions and features
    "footer major 0": (footer(major=0), ("unsupported-version",)),
    "footer major 2": (footer(major=2), ("unsupported-version",)),
    "footer major 255": (footer(major=255), ("unsupported-version",)),
    "header major 2": (header(major=2), ("unsupported-version",)),
    "versions disagree": (header(minor=1), ("wrong-file",)),
    "required feature": (header(required_features=1), ("unknown-feature",)),
    "header zero": (header(zero_1=1), ("bad-zero",)),
    "header zero at the end": (header(zero_2=1), ("bad-zero",)),
    "footer zero": (footer(zero=1), ("bad-zero",)),
    "file kind 0": (header(file_kind=0), ("bad-value",)),
    "file kind manifest": (header(file_kind=2), ("wrong-file",)),
    "footer size": (footer(footer_size=111), ("size-mismatch",)),
    # M12, M13: offsets
    "directory at 0": (footer(directory_offset=0), ("offset-out-of-range",)),
    "directory past the end": (footer(directory_offset=1 << 40), ("offset-out-of-range",)),
    "directory at 2^63": (footer(directory_offset=1 << 63), ("offset-out-of-range",)),
    "directory at 2^64-1": (footer(directory_offset=2**64 - 1), ("offset-out-of-range",)),
    "properties at 2^64-1": (footer(properties_offset=2**64 - 1), ("offset-out-of-range",)),
    "filter at 2^64-1": (footer(filter_offset=2**64 - 1), ("offset-out-of-range",)),
    "filter of 2^64-1 bytes": (footer(filter_size=2**64 - 1), ("offset-out-of-range",)),
    "filter before the chunks": (footer(filter_offset=40), ("offset-out-of-range",)),
    "directory one byte longer": (footer_plus("directory_size", 1), ("offset-out-of-range", "size-mismatch")),
    "properties one byte longer": (
        footer_plus("properties_size", 1),
        ("offset-out-of-range", "size-mismatch"),
    ),
    # M14: chunks that do not tile
    "chunk offset plus 1": (entry(NAME, 0, lambda e: replace(e, offset=e.offset + 1)), ("chunk-overlap",)),
    "chunk offset past the end": (
        entry(NAME, 0, lambda e: replace(e, offset=2**63)),
        ("offset-out-of-range", "chunk-overlap"),
    ),
    "chunk offset 2^64-1": (entry(NAME, 0, lambda e: replace(e, offset=2**64 - 1)), ("offset-out-of-range",)),
    "chunk in the header": (entry(KEY, 0, lambda e: replace(e, offset=0)), ("chunk-overlap",)),
    "chunk size minus 1": (entry(NAME, 1, lambda e: replace(e, size=e.size - 1)), ("chunk-overlap",)),
    "chunk size 2^32-1": (
        entry(NAME, 1, lambda e: replace(e, size=2**32 - 1)),
        ("limit-exceeded", "chunk-overlap"),
    ),
    # M15, M17, M18: counts
    "2^32-1 blocks": (footer(block_count=2**32 - 1), ("limit-exceeded",)),
    "blocks at the limit": (footer(block_count=4_194_304), ("count-mismatch",)),
    "no blocks": (footer(block_count=0), ("count-mismatch",)),
    "one block more": (footer(block_count=3), ("count-mismatch",)),
    "65535 columns": (footer(column_count=65_535), ("limit-exceeded", "count-mismatch")),
    "no columns": (footer(column_count=0), ("count-mismatch",)),
    "2^64-1 rows": (footer(row_count=2**64 - 1), ("count-mismatch", "bad-entry")),
    "no rows": (footer(row_count=0), ("count-mismatch",)),
    "block of 0 rows": (directory(rows=[0, 8]), ("count-mismatch",)),
    "block of 65,537 rows": (directory(rows=[65_537, 4]), ("limit-exceeded",)),
    "block of 2^32-1 rows": (directory(rows=[2**32 - 1, 9]), ("limit-exceeded",)),
    "rows shifted": (directory(rows=[3, 5]), ("count-mismatch",)),
    "deletes beyond rows": (directory(deletes=[5, 0]), ("count-mismatch",)),
    "deletes do not add up": (directory(deletes=[0, 0]), ("count-mismatch",)),
    "deletes in the other block": (directory(deletes=[1, 0]), ("count-mismatch",)),
    "raw size 2^32-1": (entry(NAME, 0, lambda e: replace(e, raw_size=2**32 - 1)), ("limit-exceeded",)),
    "raw size plus 1": (entry(NAME, 0, lambda e: replace(e, raw_size=e.raw_size + 1)), ("count-mismatch",)),
    "raw size of a fixed column": (
        entry(AT, 0, lambda e: replace(e, raw_size=e.raw_size + 1)),
        ("count-mismatch",),
    ),
    "raw size of a list": (
        entry(TAG_LISTS, 0, lambda e: replace(e, raw_size=e.raw_size + 1)),
        ("count-mismatch",),
    ),
    "nulls beyond rows": (entry(NAME, 0, lambda e: replace(e, nulls=5)), ("count-mismatch",)),
    "nulls plus 1": (entry(NAME, 0, lambda e: replace(e, nulls=e.nulls + 1)), ("count-mismatch",)),
    "nulls of a list": (entry(TAG_LISTS, 0, lambda e: replace(e, nulls=0)), ("count-mismatch",)),
    "unknown flags": (entry(NAME, 0, lambda e: replace(e, flags=3)), ("bad-zero",)),
    "minimum above maximum": (
        entry(AT, 0, lambda e: replace(e, minimum=e.maximum, maximum=e.minimum)),
        ("bad-value",),
    ),
    "statistics without a flag": (entry(AT, 0, lambda e: replace(e, flags=0)), ("bad-value",)),
    # M8, M9: places
    "chunks swapped": (Edits(directory=swapped_chunks), ("checksum-mismatch",)),
    # M16, M27, M38: keys
    "bounds out of order": (Edits(directory=disordered), ("key-order",)),
    "first key of a block": (
        Edits(directory=lambda d: replace(d, first=[d.first[0], forge._key(6)])),
        ("key-order",),
    ),
    "last key of a block": (
        Edits(directory=lambda d: replace(d, last=[forge._key(3), d.last[1]])),
        ("key-order",),
    ),
    "bound of another size": (
        Edits(directory=lambda d: replace(d, first=[d.first[0][:7], d.first[1]])),
        ("key-order",),
    ),
    "least key of the file": (properties(key_min=forge._key(2)), ("key-order", "bad-entry")),
    "greatest key of the file": (properties(key_max=forge._key(7)), ("key-order", "bad-entry")),
    "keys out of order": (other_chunk(KEY, "int64", [1, 3, 2, 4]), ("key-order",)),
    "a key twice": (other_chunk(KEY, "int64", [1, 2, 2, 4]), ("key-order",)),
    "keys outside their bounds": (other_chunk(KEY, "int64", [0, 2, 3, 4]), ("key-order",)),
    # M28, M29: system columns
    "sequence outside its range": (other_chunk(SEQUENCE, "uint64", [9, 9, 9, 9]), ("sequence-range",)),
    "row kind 4": (other_chunk(ROW_KIND, "uint8", [0, 4, 0, 0]), ("bad-value",)),
    "row kind 255": (other_chunk(ROW_KIND, "uint8", [255, 0, 0, 0]), ("bad-value",)),
    "an unannounced delete": (other_chunk(ROW_KIND, "uint8", [3, 0, 0, 0]), ("count-mismatch",)),
    # M22, M30-M35: chunks and nodes
    "chunk kind": (chunk(NAME, byte(0, 9)), ("schema-mismatch",)),
    "chunk of another kind": (other_chunk(NAME, "int64", [1, 2, 3, 4], head=0), ("schema-mismatch",)),
    "chunk flags": (chunk(NAME, byte(1, 0x81)), ("bad-zero",)),
    "chunk width": (chunk(AT, byte(2, 8)), ("schema-mismatch",)),
    "chunk rows": (chunk(AT, byte(4, 3)), ("count-mismatch",)),
    "chunk of 2^32-1 rows": (chunk(AT, lambda c: c[:4] + b"\xff" * 4 + c[8:]), ("count-mismatch",)),
    "unknown encoding": (chunk(AT, byte(HEAD, 200)), ("bad-encoding",)),
    "unknown codec": (chunk(AT, byte(HEAD + 1, 7)), ("bad-codec",)),
    "parameter": (chunk(AT, byte(HEAD + 2, 9)), ("bad-parameter",)),
    "node longer than the chunk": (
        chunk(AT, lambda c: c[: HEAD + 4] + b"\xff" * 4 + c[HEAD + 8 :]),
        ("truncated",),
    ),
    "bytes after a node": (chunk(AT, lambda c: c + b"\0"), ("size-mismatch", "trailing-bytes")),
    "chunk cut short": (chunk(AT, lambda c: c[:-1]), ("truncated",)),
    "chunk of its head": (chunk(AT, lambda c: c[:HEAD]), ("truncated",)),
    "empty chunk": (chunk(AT, lambda c: b""), ("truncated",)),
    "null in a required column": (chunk(AT, byte(1, 1)), ("null-in-required",)),
    "null in a key": (chunk(KEY, byte(1, 1)), ("null-in-required",)),
    "text that is not UTF-8": (
        other_chunk(NAME, "binary", [b"a", b"\xff", b"c", b"d"], head=0),
        ("invalid-utf8",),
    ),
    "overlong text": (
        other_chunk(NAME, "binary", [b"\xc0\x80", b"a", b"c", b"d"], head=0),
        ("invalid-utf8",),
    ),
    "lone surrogate": (
        other_chunk(NAME, "binary", [b"\xed\xa0\x80", b"a", b"c", b"d"], head=0),
        ("invalid-utf8",),
    ),
    "half a character": (
        other_chunk(NAME, "binary", [b"\xc3", b"\xa9", b"c", b"d"], head=0),
        ("invalid-utf8",),
    ),
    "time of 24 hours": (other_chunk(AT, "int32", [86_400, 1, 2, 3]), ("bad-value",)),
    "negative time": (other_chunk(AT, "int32", [-1, 1, 2, 3]), ("bad-value",)),
    "decimal beyond its precision": (
        other_chunk(PRICE, "decimal128(38,2)", [10**9, 1, 2, 3], head=0),
        ("bad-value",),
    ),
    "list of another shape": (
        other_chunk(TAG_LISTS, "string", ["a", "b", "c", "d"], head=0),
        ("schema-mismatch",),
    ),
    "list elements of another type": (
        other_chunk(
            TAG_LISTS,
            {"list": {"name": "element", "type": "int64", "nullable": True}},
            [[1], [2], None, []],
            0,
        ),
        ("schema-mismatch",),
    ),
    # M18-M21: bombs
    "bomb in a fixed column": (chunk(AT, bomb_chunk), ("bad-codec", "limit-exceeded")),
    "bomb of text": (chunk(NAME, string_bomb), ("limit-exceeded",)),
    # M36: filter
    "filter of no blocks": (Edits(filter=lambda f: struct.pack("<II", 0, 8)), ("bad-filter",)),
    "filter of 2^32-1 blocks": (Edits(filter=lambda f: b"\xff" * 4 + f[4:]), ("bad-filter",)),
    "filter cut": (Edits(filter=lambda f: f[:-1]), ("bad-filter",)),
    "filter of 3 bytes": (Edits(filter=lambda f: f[:3]), ("bad-filter",)),
    "filter longer": (Edits(filter=lambda f: f + bytes(32)), ("bad-filter",)),
    "filter of zeros": (Edits(filter=lambda f: f[:8] + bytes(len(f) - 8)), ("bad-filter",)),
    "filter checksum without filter": (
        Edits(footer=lambda n: {**n, "filter_crc": 1} if not n["filter_size"] else {**n, "filter_crc": 0}),
        ("checksum-mismatch", "bad-zero"),
    ),
    # M39, M45: columns
    "column of another type": (
        column_types("at", type_json="int32", type=parse_type("int32")),
        ("schema-mismatch",),
    ),
    "required column nullable": (column_types("at", nullable=True), ("schema-mismatch",)),
    "key column nullable": (column_types("id", nullable=True), ("schema-mismatch",)),
    "column twice": (column_types("at", id=1), ("schema-mismatch",)),
    "negative column id": (column_types("at", id=-5), ("schema-mismatch",)),
    "role unknown": (column_types("at", role="index"), ("schema-mismatch",)),
    "role out of order": (column_types("at", role="key"), ("schema-mismatch",)),
    "another table": (properties(table="f" * 32), ("wrong-table",)),
    "another bucket": (properties(bucket=1), ("bad-entry",)),
    "another partition": (properties(partition=b"\0"), ("bad-entry",)),
    "another count of deletes": (properties(delete_count=2), ("count-mismatch", "bad-entry")),
    # M40, M61-M64: JSON of the properties
    "no JSON": (text(lambda raw: b"properties"), ("json-syntax",)),
    "empty text": (text(lambda raw: b""), ("json-syntax",)),
    "an array": (text(lambda raw: b"[]"), ("json-syntax",)),
    "an empty object": (text(lambda raw: b"{}"), ("json-missing",)),
    "two documents": (text(lambda raw: raw + raw), ("json-syntax",)),
    "a name twice": (text(lambda raw: raw[:-1] + b',"bucket":0}'), ("json-duplicate-key",)),
    "a float": (text(lambda raw: raw.replace(b'"bucket":0', b'"bucket":0.0')), ("json-type",)),
    "NaN": (text(lambda raw: raw.replace(b'"bucket":0', b'"bucket":NaN')), ("json-type", "json-syntax")),
    "an exponent": (text(lambda raw: raw.replace(b'"bucket":0', b'"bucket":1e999')), ("json-type",)),
    "true for a number": (text(lambda raw: raw.replace(b'"bucket":0', b'"bucket":true')), ("json-type",)),
    "5,000 digits": (
        text(lambda raw: raw.replace(b'"bucket":0', b'"bucket":' + b"9" * 5000)),
        ("limit-exceeded", "json-type"),
    ),
    "a negative count": (
        text(lambda raw: raw.replace(b'"delete_count":1', b'"delete_count":-1')),
        ("json-type", "count-mismatch", "bad-entry"),
    ),
    "a lone surrogate": (
        text(lambda raw: raw.replace(b'"created_by":"', b'"created_by":"\\ud800')),
        ("invalid-utf8",),
    ),
    "bytes that are no text": (
        text(lambda raw: raw.replace(b'"created_by":"', b'"created_by":"\xff')),
        ("invalid-utf8",),
    ),
    "a byte order mark": (text(lambda raw: b"\xef\xbb\xbf" + raw), ("json-syntax", "invalid-utf8")),
    "UTF-16": (text(lambda raw: raw.decode().encode("utf-16")), ("invalid-utf8", "json-syntax")),
    "10,000 levels": (text(lambda raw: b"[" * 10_000), ("limit-exceeded", "json-syntax")),
    "10,000 levels in a member": (
        text(lambda raw: raw[:-1] + b',"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
        ("limit-exceeded",),
    ),
    "a type of 40 levels": (text(nested_json), ("limit-exceeded",)),
    "a hexadecimal bound": (text(lambda raw: raw.replace(b'"key_min":"', b'"key_min":"zz')), ("json-type",)),
    # sections
    "directory one byte more": (Edits(directory_raw=lambda raw: raw + b"\0"), ("trailing-bytes",)),
    "directory one byte less": (Edits(directory_raw=lambda raw: raw[:-1]), ("truncated",)),
    "directory empty": (
        Edits(directory_raw=lambda raw: b""),
        ("truncated", "size-mismatch", "limit-exceeded"),
    ),
    "directory of 2^32-1 blocks": (
        Edits(directory_raw=lambda raw: b"\xff" * 4 + raw[4:]),
        ("count-mismatch",),
    ),
    "directory raw size plus 1": (footer_plus("directory_raw_size", 1), ("bad-codec", "size-mismatch")),
    "directory raw size 2^32-1": (footer(directory_raw_size=2**32 - 1), ("limit-exceeded",)),
    "properties raw size 2^32-1": (footer(properties_raw_size=2**32 - 1), ("limit-exceeded",)),
    "properties raw size 0": (footer(properties_raw_size=0), ("size-mismatch",)),
}
# Contents that differ from what the file says of them. A scan that decodes no keys, or no sequences, has no way to
# see it: verification does, and whoever does notice on the way says the same.
CONTENTS = frozenset(
    {
        "sequence outside its range", "an unannounced delete", "deletes in the other block", "keys out of order",
        "a key twice", "keys outside their bounds", "first key of a block", "last key of a block",
    }
)  # fmt: skip
