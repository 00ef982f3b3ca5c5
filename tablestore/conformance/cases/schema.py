# ruff: noqa: E501 - tables of cases, a line each
"""Vectors of spec chapter 8."""

from __future__ import annotations

from typing import Any

from tablestore.conformance.cases.book import Book, with_byte
from tablestore.conformance.corpus import Case
from tablestore.reference.document import Json, write_envelope

TABLE = "00112233445566778899aabbccddeeff"


def field(id_: int, name: str, type_: object, nullable: bool = False) -> Json:
    return {"id": id_, "name": name, "type": type_, "nullable": nullable}


def members(**change: object) -> Json:
    """A table of people by id, partitioned by department."""
    found: Json = {
        "format": "tablestore/schema",
        "major": 1,
        "minor": 0,
        "table": TABLE,
        "id": 0,
        "fields": [
            field(1, "id", "int64"),
            field(2, "department", "string", True),
            field(3, "age", "int32", True),
        ],
        "last_field_id": 3,
        "primary_key": [1],
        "partition_by": [2],
        "buckets": 4,
        "merge_engine": "deduplicate",
        "sequence_fields": [3],
        "options": {"compression": "zstd"},
        "reader_features": [],
        "writer_features": [],
    }
    return found | change


def cases() -> list[Case]:
    book = Book("schema")
    _valid(book)
    _bad_fields(book)
    _bad_members(book)
    return book.cases


def _valid(book: Book) -> None:
    def add(name: str, about: str, **change: object) -> None:
        data = write_envelope(members(**change))
        book.valid(name, "8.2 8.3", about, "read", data=data.hex(), id=change.get("id", 0), table=TABLE)

    add("small", "A key, a partition column and a sequence field.")
    add(
        "minimal",
        "Nothing but a key.",
        fields=[field(0, "k", "bool")],
        primary_key=[0],
        partition_by=[],
        sequence_fields=[],
        options={},
    )
    add("later-id", "A later schema.", id=17)
    add(
        "partition-is-key",
        "A partition column that is a key column, too.",
        fields=[field(1, "id", "int64"), field(2, "department", "string"), field(3, "age", "int32")],
        primary_key=[2, 1],
    )
    add(
        "names",
        "Names of any script, and equal but for the case of letters that are not ASCII.",
        fields=[field(1, "ä b/c=%", "int8"), field(2, "Ä b/c=%", "int8"), field(3, "__proto__", "int8")],
        sequence_fields=[],
    )
    add(
        "longest-name",
        "A name of 255 bytes.",
        fields=[field(1, "n" * 255, "int8"), field(2, "d", "string"), field(3, "a", "date32")],
    )
    add(
        "nested",
        "A column of lists.",
        fields=[
            field(1, "id", "int64"),
            field(2, "department", "string"),
            field(3, "tags", {"list": field(0, "element", "string")}),
        ],
        sequence_fields=[],
    )
    add("gaps", "Ids with gaps, of columns that were dropped.", last_field_id=99)
    add("writer-feature", "A reader may ignore an unknown writer feature.", writer_features=["branches"])
    add("unknown-option", "A reader ignores options.", options={"color": "blue", "compression": "lzma"})
    add("most-buckets", "65,536 buckets.", buckets=65_536)


def _bad_fields(book: Book) -> None:
    key = field(1, "id", "int64")

    def fields(*found: Json, **change: object) -> dict[str, object]:
        return {"fields": [key, *found], "partition_by": [], "sequence_fields": [], **change}

    faults: dict[str, tuple[str, str, dict[str, object]]] = {
        "none": ("No fields.", "bad-schema", {"fields": []}),
        "id-negative": ("A negative id.", "bad-schema", fields(field(-1, "a", "int8"))),
        "id-repeated": ("An id twice.", "bad-schema", fields(field(1, "a", "int8"))),
        "id-above-last": ("An id above last_field_id.", "bad-schema", fields(field(4, "a", "int8"))),
        "name-empty": ("An empty name.", "bad-schema", fields(field(2, "", "int8"))),
        "name-256-bytes": ("A name of 256 bytes.", "bad-schema", fields(field(2, "ä" * 128, "int8"))),
        "name-repeated": ("A name twice.", "bad-schema", fields(field(2, "id", "int8"))),
        "name-case": ("Names that are equal but for the case of letters.", "bad-schema", fields(field(2, "ID", "int8"))),
        "name-control": ("A name with a newline.", "bad-schema", fields(field(2, "a\nb", "int8"))),
        "name-control-c1": ("A name with U+0085.", "bad-schema", fields(field(2, "a\u0085", "int8"))),
        "name-sequence": ("The name of a system column.", "bad-schema", fields(field(2, "_sequence", "int8"))),
        "name-row-kind": ("The name of a system column.", "bad-schema", fields(field(2, "_row_kind", "int8"))),
        "name-version": ("A reserved name.", "bad-schema", fields(field(2, "_version", "int8"))),
        "type-unknown": ("An unknown type.", "bad-schema", fields(field(2, "a", "varchar"))),
        "type-number": ("A type that is a number.", "json-type", fields(field(2, "a", 8))),
        "type-missing": ("A field without type.", "json-missing", fields({"id": 2, "name": "a", "nullable": True})),
        "nullable-string": ("nullable is a string.", "json-type", fields({**field(2, "a", "int8"), "nullable": "no"})),
        "id-string": ("An id that is a string.", "json-type", fields({**field(2, "a", "int8"), "id": "2"})),
        "id-bool": ("An id that is true.", "json-type", fields({**field(2, "a", "int8"), "id": True})),
        "field-is-name": ("A field that is only a name.", "json-type", {"fields": ["id"]}),
        "key-none": ("No primary key.", "bad-schema", {"primary_key": []}),
        "key-unknown": ("A key that is no field.", "bad-schema", {"primary_key": [9]}),
        "key-repeated": ("A key column twice.", "bad-schema", {"primary_key": [1, 1]}),
        "key-nullable": ("A key column that is nullable.", "bad-schema", {"primary_key": [2]}),
        "key-float": ("A key of float64.", "bad-schema", {"fields": [field(1, "id", "float64")], "partition_by": [], "sequence_fields": []}),
        "key-nested": ("A key of lists.", "bad-schema", {"fields": [field(1, "id", {"list": field(0, "element", "int8")})], "partition_by": [], "sequence_fields": []}),
        "partition-float": ("A partition column of float32.", "bad-schema", fields(field(2, "a", "float32"), partition_by=[2])),
        "partition-repeated": ("A partition column twice.", "bad-schema", {"partition_by": [2, 2]}),
        "sequence-float": ("A sequence field of float64.", "bad-schema", fields(field(2, "a", "float64"), sequence_fields=[2])),
        "sequence-key": ("A sequence field that is a key column.", "bad-schema", {"sequence_fields": [1]}),
        "sequence-unknown": ("A sequence field that is no field.", "bad-schema", {"sequence_fields": [8]}),
    }  # fmt: skip
    for name, (about, code, change) in faults.items():
        _refuse(book, f"field-{name}", about, code, write_envelope(members(**change)))


def _bad_members(book: Book) -> None:
    good = write_envelope(members())
    faults: dict[str, tuple[str, str, dict[str, object]]] = {
        "format": ("The document is no schema.", "bad-schema", {"format": "tablestore/snapshot"}),
        "major-2": ("Major version 2.", "unsupported-version", {"major": 2}),
        "major-string": ("A version that is a string.", "json-type", {"major": "1"}),
        "table-short": ("A table id of 30 digits.", "bad-schema", {"table": TABLE[2:]}),
        "table-upper-case": ("A table id in upper case.", "bad-schema", {"table": TABLE.upper()}),
        "id-other": ("The id is not that of the file's name.", "wrong-table", {"id": 1}),
        "table-other": ("The schema of another table.", "wrong-table", {"table": "0" * 32}),
        "buckets-0": ("No buckets.", "bad-schema", {"buckets": 0}),
        "buckets-65537": ("65,537 buckets.", "bad-schema", {"buckets": 65_537}),
        "buckets-negative": ("-1 buckets.", "bad-schema", {"buckets": -1}),
        "id-2-63": ("A schema id of 2^63.", "bad-schema", {"id": 2**63}),
        "last-field-id-2-32": ("A last_field_id of 2^32.", "bad-schema", {"last_field_id": 2**32}),
        "minor-negative": ("A negative minor version.", "bad-schema", {"minor": -1}),
        "engine": ("An unknown merge engine.", "bad-schema", {"merge_engine": "aggregate"}),
        "options-number": ("An option that is a number.", "json-type", {"options": {"block-rows": 8192}}),
        "options-array": ("Options that are an array.", "json-type", {"options": []}),
        "reader-feature": ("A reader feature that is reserved.", "unknown-feature", {"reader_features": ["deletion-vectors"]}),
        "reader-feature-unknown": ("A reader feature that nobody knows.", "unknown-feature", {"reader_features": ["x"]}),
        "feature-number": ("A feature that is a number.", "json-type", {"writer_features": [1]}),
    }  # fmt: skip
    for name, (about, code, change) in faults.items():
        _refuse(book, name, about, code, write_envelope(members(**change)))
    for name in ("table", "fields", "primary_key", "buckets", "reader_features"):
        rest = {key: value for key, value in members().items() if key != name}
        _refuse(
            book,
            f"missing-{name.replace('_', '-')}",
            f"Without {name}.",
            "json-missing",
            write_envelope(rest),
        )
    _refuse(book, "bit-flip", "One bit differs.", "checksum-mismatch", with_byte(good, 100, good[100] ^ 1))
    _refuse(book, "cut", "The end is missing.", "truncated", good[:-20])


def _refuse(book: Book, name: str, about: str, code: str, data: bytes) -> None:
    given: dict[str, Any] = {"data": data.hex(), "id": 0, "table": TABLE}
    section = {"unknown-feature": "0.4", "unsupported-version": "0.4"}.get(
        code, "8.3" if code == "bad-schema" else "8.2"
    )
    book.invalid(name, section, about, "read", code, **given)
