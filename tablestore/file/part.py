"""Parts of a commit as documents (spec §16.9): data files and deletes by key that wait for their snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np

from tablestore._native.hash import buckets as buckets_of
from tablestore.errors import FormatError
from tablestore.file import keys, layout, partition, sst
from tablestore.file.document import HEXADECIMAL, Members, open_document, table_document
from tablestore.file.keys import BOUND_SIZE, Keys
from tablestore.file.manifest import Entry
from tablestore.file.schema import TableSchema

FORMAT: Final = "tablestore/part"
NAME: Final = "part"
BAD: Final = "bad-part"
SECTION: Final = "16.9"
FILES_MAX: Final = 4_000  # of one document: then it stays far below the limit of spec §0.5
BYTES_MAX: Final = 8 << 20
KEY_BYTES_MAX: Final = 65_536  # spec §0.5
_ORDINAL_MAX: Final = (1 << 32) - 1
_FILE_BYTES_MIN: Final = sst.HEADER_SIZE + sst.FOOTER_SIZE
_FILE_BYTES: Final = 700  # of a file in a document, besides what varies


@dataclass(frozen=True)
class KeyDeletes:
    """Keys to be deleted, known without their rows: distinct and ascending, of one bucket."""

    bucket: int
    keys: Keys
    ordinal: int


@dataclass(frozen=True)
class Part:
    """What one commit, or one writer's share of it, publishes: level 0 files without a sequence, deletes by key, and
    the ordinal after all of these (spec §12.2)."""

    entries: tuple[Entry, ...] = ()
    key_deletes: tuple[KeyDeletes, ...] = ()
    ordinals: int = 0

    @property
    def empty(self) -> bool:
        """Whether there is nothing to publish."""
        return not (self.entries or self.key_deletes)

    @property
    def rows(self) -> int:
        """Rows in the files, deletes included."""
        return sum(entry.row_count for entry in self.entries)


def encode(part: Part, schema: TableSchema) -> list[bytes]:
    """The documents of a part: none if it is empty, several if it is large. Decoded and joined in order they are the
    part again, with other ordinals in the same order."""
    return [_document(piece, schema) for piece in _pieces(part)]


def _pieces(part: Part) -> Iterator[Part]:
    """The part cut between ordinals, or between files and deletes of one ordinal, into pieces of limited size."""
    items: list[Entry | KeyDeletes] = sorted(
        [*part.entries, *part.key_deletes], key=lambda item: item.ordinal
    )
    start, size = 0, 0
    for index, item in enumerate(items):
        more = _size(item)
        if index > start and (index - start >= FILES_MAX or size + more > BYTES_MAX):
            yield _piece(items[start:index])
            start, size = index, 0
        size += more
    if items:
        yield _piece(items[start:])


def _size(item: Entry | KeyDeletes) -> int:
    if isinstance(item, Entry):
        return _FILE_BYTES + 2 * (len(item.partition) + len(item.statistics))
    return sum(2 * len(item.keys.key(row)) + 16 for row in range(item.keys.length))


def _piece(items: Sequence[Entry | KeyDeletes]) -> Part:
    first = items[0].ordinal
    entries = tuple(replace(item, ordinal=item.ordinal - first) for item in items if isinstance(item, Entry))
    deletes = tuple(
        replace(item, ordinal=item.ordinal - first) for item in items if isinstance(item, KeyDeletes)
    )
    return Part(entries, deletes, items[-1].ordinal - first + 1)


def _document(part: Part, schema: TableSchema) -> bytes:
    return table_document(
        FORMAT,
        schema.table,
        {
            "schema_id": schema.id,
            "ordinals": part.ordinals,
            "files": [_file(entry) for entry in part.entries],
            "key_deletes": [
                {
                    "bucket": item.bucket,
                    "ordinal": item.ordinal,
                    "keys": [item.keys.key(row).hex() for row in range(item.keys.length)],
                }
                for item in part.key_deletes
            ],
        },
    )


def _file(entry: Entry) -> dict[str, Any]:
    return {
        "partition": entry.partition.hex(),
        "bucket": entry.bucket,
        "file": entry.file,
        "size": entry.size,
        "digest": f"{entry.digest:016x}",
        "row_count": entry.row_count,
        "delete_count": entry.delete_count,
        "key_min": entry.key_min.hex(),
        "key_max": entry.key_max.hex(),
        "ordinal": entry.ordinal,
        "statistics": entry.statistics.hex(),
    }


def decode(data: bytes, schema: TableSchema) -> Part:
    """Check and decode a document (spec §16.9). Raises FormatError."""
    members = open_document(data, NAME, FORMAT, schema.table, SECTION, BAD)
    schema_id = members.integer("schema_id")
    if schema_id != schema.id:
        raise members.fail(
            f"it was written under schema {schema_id}, the table has {schema.id}", "schema-mismatch"
        )
    ordinals = members.integer("ordinals", 0, _ORDINAL_MAX)
    entries = tuple(_entry(file, schema, ordinals) for file in members.objects("files"))
    if len({entry.file for entry in entries}) != len(entries):
        raise members.fail("a file is there twice")
    deletes = tuple(_key_deletes(item, schema, ordinals) for item in members.objects("key_deletes"))
    return Part(entries, deletes, ordinals)


def _entry(members: Members, schema: TableSchema, ordinals: int) -> Entry:
    part_of = bytes.fromhex(members.hexadecimal("partition"))
    try:
        partition.decode(schema.partition_fields, part_of)
    except FormatError as error:
        raise members.fail(f"the partition of a file: {error.message}", error.code) from None
    bucket = members.integer("bucket", 0, schema.buckets - 1)
    rows = members.integer("row_count", 1)
    key_min, key_max = (
        bytes.fromhex(members.hexadecimal(name, most=BOUND_SIZE)) for name in ("key_min", "key_max")
    )
    if key_min > key_max:
        raise members.fail("the key bounds of a file are inverted")
    return Entry(
        partition=part_of,
        bucket=bucket,
        file=layout.check_file_id(members.text("file"), NAME),
        level=0,
        size=members.integer("size", _FILE_BYTES_MIN),
        digest=int(members.hexadecimal("digest", 8), 16),
        row_count=rows,
        delete_count=members.integer("delete_count", 0, rows),
        key_min=key_min,
        key_max=key_max,
        sequence_min=0,
        sequence_max=0,
        ordinal=_ordinal(members, ordinals),
        schema_id=schema.id,
        statistics=_statistics(members),
    )


def _ordinal(members: Members, ordinals: int) -> int:
    ordinal = members.integer("ordinal", 0, _ORDINAL_MAX)
    if ordinal >= ordinals:
        raise members.fail(f"ordinal {ordinal} is not below {ordinals}")
    return ordinal


def _statistics(members: Members) -> bytes:
    data = bytes.fromhex(members.hexadecimal("statistics"))
    if len(data) % sst.STATISTICS_ENTRY.itemsize:
        raise members.fail("the statistics of a file are cut")
    found = np.frombuffer(data, sst.STATISTICS_ENTRY)
    absent = (found["flags"] & 1) == 0
    stray = absent & ((found["minimum"] != 0) | (found["maximum"] != 0))
    if np.any(found["flags"] > 3) or np.any(stray) or np.any(found["minimum"] > found["maximum"]):
        raise members.fail("the statistics of a file are impossible")
    return data


def _key_deletes(members: Members, schema: TableSchema, ordinals: int) -> KeyDeletes:
    bucket = members.integer("bucket", 0, schema.buckets - 1)
    texts = members.array("keys", str)
    size = keys.word_size([field.type for field in schema.key_fields])
    encoded = [_key(text, members, schema) for text in texts]
    if not encoded or any(a >= b for a, b in pairwise(encoded)):
        raise members.fail("the keys to be deleted are not ascending", "key-order")
    found = keys.of_bounds(encoded, size)
    if np.any(buckets_of(found.hashes(), schema.buckets) != bucket):
        raise members.fail("a key to be deleted is not of its bucket")
    return KeyDeletes(bucket, found, _ordinal(members, ordinals))


def _key(text: str, members: Members, schema: TableSchema) -> bytes:
    if not HEXADECIMAL.fullmatch(text) or len(text) > 2 * KEY_BYTES_MAX:
        raise members.fail("a key to be deleted is too long, or no hexadecimal digits")
    encoded = bytes.fromhex(text)
    try:
        partition.decode_key(schema.key_fields, encoded)
    except FormatError as error:
        raise members.fail(f"a key to be deleted: {error.message}", error.code) from None
    return encoded
