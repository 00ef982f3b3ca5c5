"""Vectors of the parts of a commit (spec §16.9), part of the noun flink."""

from __future__ import annotations

import struct

from tablestore.conformance.cases import schema
from tablestore.conformance.cases.book import Book, with_byte
from tablestore.reference import key
from tablestore.reference.document import Json, write_envelope
from tablestore.reference.type import parse_type

SECTION = "16.9"
SCHEMA = write_envelope(schema.members(sequence_fields=[], options={})).hex()
TEXT_KEY = write_envelope(
    schema.members(
        fields=[schema.field(1, "id", "string"), schema.field(2, "n", "int32", True)],
        last_field_id=2,
        partition_by=[],
        sequence_fields=[],
        options={},
    )
).hex()
STATISTICS = struct.pack("<IBQQQ", 1, 3, 0, 5, 9)


def _file(number: int, **change: object) -> Json:
    found: Json = {
        "partition": "017800",
        "bucket": number % 4,
        "file": f"000000000001{number:020x}",
        "size": 900,
        "digest": "fedcba9876543210",
        "row_count": 3,
        "delete_count": 1,
        "key_min": "8000000000000005",
        "key_max": "8000000000000009",
        "ordinal": 0,
        "statistics": STATISTICS.hex(),
    }
    return found | change


def _keys(*texts: bytes, buckets: int = 4) -> Json:
    """Deletes of keys that are all in the bucket of the first."""
    return {"bucket": key.bucket(texts[0], buckets), "ordinal": 1, "keys": [text.hex() for text in texts]}


def _members(**change: object) -> Json:
    found: Json = {
        "format": "tablestore/part",
        "major": 1,
        "minor": 0,
        "table": schema.TABLE,
        "schema_id": 0,
        "ordinals": 2,
        "files": [_file(1), _file(2, partition="00", ordinal=1, delete_count=0, statistics="")],
        "key_deletes": [],
    }
    return found | change


def _number(value: int) -> bytes:
    return key.encode_key([parse_type("int64")], [value])


def _same_bucket(count: int) -> list[bytes]:
    """Encoded keys of the bucket of 1, ascending."""
    wanted = key.bucket(_number(1), 4)
    return [encoded for value in range(1, 99) if key.bucket(encoded := _number(value), 4) == wanted][:count]


def add(book: Book) -> None:
    """Parts that are taken, and parts that are not."""

    def take(name: str, about: str, table: str = SCHEMA, **change: object) -> None:
        data = write_envelope(_members(**change)).hex()
        book.valid(f"part-{name}", SECTION, about, "read_part", data=data, schema=table)

    take("files", "Two files, one in the partition of null.")
    take("empty", "A part without anything.", files=[], ordinals=0)
    take("deletes", "Keys to be deleted, ascending.", key_deletes=[_keys(*_same_bucket(3))])
    take("text-key", "Deletes of texts as keys.", TEXT_KEY, files=[], key_deletes=[_keys("é".encode())])
    _faults(book)


def _faults(book: Book) -> None:
    def refuse(
        name: str, about: str, code: str, data: bytes, section: str = SECTION, table: str = SCHEMA
    ) -> None:
        book.invalid(f"part-{name}", section, about, "read_part", code, data=data.hex(), schema=table)

    documents: dict[str, tuple[str, str, Json]] = {
        "format": ("The document is a schema.", "bad-part", {"format": "tablestore/schema"}),
        "major-2": ("Major version 2.", "unsupported-version", {"major": 2}),
        "table": ("The part of another table.", "wrong-table", {"table": "0" * 32}),
        "schema": ("A part of a later schema.", "schema-mismatch", {"schema_id": 1}),
        "ordinals": ("Too many ordinals.", "bad-part", {"ordinals": 2**32}),
        "file-twice": ("A file is there twice.", "bad-part", {"files": [_file(1), _file(1, ordinal=1)]}),
        "files-object": ("Files that are no array.", "json-type", {"files": {}}),
    }
    for name, (about, code, change) in documents.items():
        section = "0.4" if code == "unsupported-version" else SECTION
        refuse(name, about, code, write_envelope(_members(**change)), section)
    _file_faults(book)
    _delete_faults(book)
    good = write_envelope(_members())
    refuse("cut", "The document is cut.", "truncated", good[:-1], "1.5")
    refuse("bit", "A digit is another.", "checksum-mismatch", with_byte(good, 100, good[100] ^ 1), "1.5")


def _file_faults(book: Book) -> None:
    cut = STATISTICS[:-1].hex()
    inverted = struct.pack("<IBQQQ", 1, 3, 0, 9, 5).hex()
    faults: dict[str, tuple[str, str, Json]] = {
        "partition": ("A partition that does not decode.", "bad-key", {"partition": "02"}),
        "bucket": ("A bucket that the table does not have.", "bad-part", {"bucket": 4}),
        "name": ("A name that is no file id.", "bad-name", {"file": "../" + "0" * 29}),
        "size": ("A size that no file has.", "bad-part", {"size": 159}),
        "digest": ("A digest of 15 digits.", "bad-part", {"digest": "0" * 15}),
        "no-rows": ("A file without rows.", "bad-part", {"row_count": 0, "delete_count": 0}),
        "deletes-more": ("More deletes than rows.", "bad-part", {"delete_count": 4}),
        "bounds": ("Key bounds that are inverted.", "bad-part", {"key_min": "81"}),
        "bound-long": ("A bound of 65 bytes.", "bad-part", {"key_max": "ff" * 65}),
        "ordinal": ("An ordinal that is not below the part's.", "bad-part", {"ordinal": 2}),
        "statistics-cut": ("Statistics that are cut.", "bad-part", {"statistics": cut}),
        "statistics-inverted": ("A minimum above the maximum.", "bad-part", {"statistics": inverted}),
        "upper-case": ("Digits in capitals.", "bad-part", {"key_max": "FF"}),
    }
    for name, (about, code, change) in faults.items():
        data = write_envelope(_members(files=[_file(1, **change)])).hex()
        section = "0.6" if code == "bad-name" else SECTION
        book.invalid(f"part-file-{name}", section, about, "read_part", code, data=data, schema=SCHEMA)


def _delete_faults(book: Book) -> None:
    first, second = _same_bucket(2)
    faults: dict[str, tuple[str, str, str, Json]] = {
        "none": ("Deletes without a key.", "key-order", SCHEMA, _keys(first) | {"keys": []}),
        "order": ("Keys that are not ascending.", "key-order", SCHEMA, _keys(second, first)),
        "twice": ("A key that is there twice.", "key-order", SCHEMA, _keys(first, first)),
        "short": ("A key that is too short for its type.", "bad-key", SCHEMA, _keys(first[:7])),
        "bucket": (
            "A key of another bucket.",
            "bad-part",
            SCHEMA,
            _keys(first) | {"bucket": (key.bucket(first, 4) + 1) % 4},
        ),
        "ordinal": (
            "An ordinal that is not below the part's.",
            "bad-part",
            SCHEMA,
            _keys(first) | {"ordinal": 2},
        ),
        "utf8": ("A key that is not UTF-8.", "invalid-utf8", TEXT_KEY, _keys(b"\xff")),
        "upper-case": ("Digits in capitals.", "bad-part", TEXT_KEY, _keys(b"\xff") | {"keys": ["4A"]}),
    }
    for name, (about, code, table, item) in faults.items():
        data = write_envelope(_members(files=[], key_deletes=[item])).hex()
        book.invalid(f"part-delete-{name}", SECTION, about, "read_part", code, data=data, schema=table)
