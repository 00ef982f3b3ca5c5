"""Spec §16.9: documents of parts, which name the files that a writer has prepared for a commit."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tablestore.errors import FormatError
from tablestore.reference import document, key, manifest
from tablestore.reference.cursor import reject
from tablestore.reference.document import Json
from tablestore.reference.manifest import Entry
from tablestore.reference.primitive import digest, identifier
from tablestore.reference.schema import Schema, check_format
from tablestore.reference.type import Type

CODE, SECTION = "bad-part", "16.9"
ORDINAL_MAX = 2**32 - 1
KEY_BYTES_MAX = 65_536
BOUND_BYTES_MAX = 64
_FILE_ID = re.compile(r"[0-9a-f]{32}")
_BYTES = re.compile(r"(?:[0-9a-f]{2})*")


@dataclass(frozen=True)
class KeyDeletes:
    """Keys of one bucket to be deleted, ascending."""

    bucket: int
    ordinal: int
    keys: tuple[bytes, ...]


@dataclass(frozen=True)
class Part:
    """ordinals: the ordinal after all files and deletes."""

    ordinals: int
    files: tuple[Entry, ...]
    key_deletes: tuple[KeyDeletes, ...]


def decode(data: bytes, schema: Schema) -> Part:
    """The part in a document, for the table of a schema."""
    members = document.parse_envelope(data)
    check_format(members, "tablestore/part", SECTION, CODE)
    table = document.member(members, "table", str, SECTION)
    identifier(table, CODE, "table")
    if table != schema.table:
        reject("wrong-table", f"a part of table {table}", SECTION)
    schema_id = document.counter(members, "schema_id", SECTION, CODE)
    if schema_id != schema.id:
        reject("schema-mismatch", f"written under schema {schema_id}", SECTION)
    ordinals = document.counter(members, "ordinals", SECTION, CODE, ORDINAL_MAX)
    files = tuple(
        _file(item, schema, ordinals) for item in document.members_of(members, "files", dict, SECTION)
    )
    if len({entry.file for entry in files}) != len(files):
        reject(CODE, "a file is there twice", SECTION)
    deletes = tuple(
        _key_deletes(item, schema, ordinals)
        for item in document.members_of(members, "key_deletes", dict, SECTION)
    )
    return Part(ordinals, files, deletes)


def _file(item: Json, schema: Schema, ordinals: int) -> Entry:
    partition = _hexadecimal(item, "partition")
    _decoded(key.decode_tuple, [field.type for field in schema.partition_by], partition)
    bucket = document.counter(item, "bucket", SECTION, CODE, schema.buckets - 1)
    rows = _at_least(item, "row_count", 1)
    key_min, key_max = (_hexadecimal(item, name, BOUND_BYTES_MAX) for name in ("key_min", "key_max"))
    if key_min > key_max:
        reject(CODE, "the key bounds of a file are inverted", SECTION)
    file = document.member(item, "file", str, SECTION)
    if not _FILE_ID.fullmatch(file):
        reject("bad-name", f"a data file named {file!r}", "0.6")
    size = _at_least(item, "size", manifest.FILE_BYTES_MIN)
    digest_of = digest(document.member(item, "digest", str, SECTION), CODE, "digest")
    deletes = document.counter(item, "delete_count", SECTION, CODE, rows)
    ordinal = _ordinal(item, ordinals)
    statistics = _hexadecimal(item, "statistics")
    try:
        manifest.decode_statistics(statistics)
    except FormatError as error:
        reject(CODE, error.message, SECTION)
    numbers = size, digest_of, rows, deletes
    return Entry(partition, bucket, file, 0, *numbers, key_min, key_max, 0, 0, ordinal, schema.id, statistics)


def _at_least(item: Json, name: str, least: int) -> int:
    number = document.counter(item, name, SECTION, CODE)
    if number < least:
        reject(CODE, f"member {name!r} is {number}", SECTION)
    return number


def _ordinal(item: Json, ordinals: int) -> int:
    number = document.counter(item, "ordinal", SECTION, CODE, ORDINAL_MAX)
    if number >= ordinals:
        reject(CODE, f"ordinal {number} is not below {ordinals}", SECTION)
    return number


def _hexadecimal(item: Json, name: str, most: int | None = None) -> bytes:
    return _bytes_of(document.member(item, name, str, SECTION), most)


def _bytes_of(text: str, most: int | None) -> bytes:
    if not _BYTES.fullmatch(text) or (most is not None and len(text) > 2 * most):
        reject(CODE, f"{text[:40]!r} is not such hexadecimal digits", SECTION)
    return bytes.fromhex(text)


def _key_deletes(item: Json, schema: Schema, ordinals: int) -> KeyDeletes:
    bucket = document.counter(item, "bucket", SECTION, CODE, schema.buckets - 1)
    texts = document.members_of(item, "keys", str, SECTION)
    types = [field.type for field in schema.primary_key]
    keys = tuple(_key(text, types) for text in texts)
    if not keys or any(left >= right for left, right in pairwise(keys)):
        reject("key-order", "the keys to be deleted are not ascending", SECTION)
    if any(key.bucket(encoded, schema.buckets) != bucket for encoded in keys):
        reject(CODE, "a key to be deleted is not of its bucket", SECTION)
    return KeyDeletes(bucket, _ordinal(item, ordinals), keys)


def _key(text: str, types: Sequence[Type]) -> bytes:
    encoded = _bytes_of(text, KEY_BYTES_MAX)
    _decoded(key.decode_key, types, encoded)
    return encoded


def _decoded(decode: Callable[[Sequence[Type], bytes], object], types: Sequence[Type], data: bytes) -> None:
    """Rejects what does not decode, without an offset: it is not one of the document."""
    try:
        decode(types, data)
    except FormatError as error:
        reject(error.code, error.message, SECTION)
