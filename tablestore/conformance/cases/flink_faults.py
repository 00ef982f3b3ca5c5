"""Vectors of spec chapter 16: batches that a reader must reject."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tablestore.conformance.cases.book import Book, with_bytes

Json = dict[str, Any]


def column(name: str, type_: object, nullable: bool = True) -> Json:
    return {"name": name, "type": type_, "nullable": nullable}


def pack(rows: int, buffers: Sequence[bytes], tail: bytes = b"", count: int | None = None) -> bytes:
    """A batch of any buffers."""
    data = rows.to_bytes(4, "little") + (len(buffers) if count is None else count).to_bytes(4, "little")
    data += b"".join(len(buffer).to_bytes(8, "little") for buffer in buffers)
    for buffer in buffers:
        data += bytes(-len(data) % 8) + buffer
    return data + tail


def i32(*values: int) -> bytes:
    return b"".join((value % 2**32).to_bytes(4, "little") for value in values)


def i64(*values: int) -> bytes:
    return b"".join((value % 2**64).to_bytes(8, "little") for value in values)


# Three rows of an int64 and a string.
PARTS = [b"\0\1\2", b"", i64(1, 2, 2), b"\5", i32(0, 1, 1, 3), b"abc"]


def add(book: Book, small: list[Json], list_type: Json, map_type: Json) -> None:
    """The cases. small: columns id (int64, not null) and name (string); the types: a list of int32, a map of text."""
    _batches(book, small)
    _buffers(book, small)
    _lists(book, list_type)
    _values(book, map_type)


def _batches(book: Book, small: list[Json]) -> None:
    def refuse(name: str, about: str, code: str, data: bytes) -> None:
        book.invalid(f"batch-{name}", "16.5", about, "read_batch", code, columns=small, data=data.hex())

    good = pack(3, PARTS)

    def with_length(index: int, length: int) -> bytes:
        return with_bytes(good, 8 + 8 * index, length.to_bytes(8, "little"))

    for size in (0, 7):
        refuse(f"head-{size}-bytes", "Rows and count are not there.", "truncated", good[:size])
    refuse("cut-in-lengths", "The end is among the lengths.", "truncated", good[:50])
    refuse("cut", "The last byte is missing.", "offset-out-of-range", good[:-1])
    refuse("cut-in-half", "The second half is missing.", "offset-out-of-range", good[: len(good) // 2 + 8])
    refuse("too-many-rows", "One row more than the limit.", "limit-exceeded", pack(2**24 + 1, PARTS))
    refuse("rows-ffffffff", "The greatest number of rows.", "limit-exceeded", pack(2**32 - 1, PARTS))
    refuse(
        "rows-2-24",
        "As many rows as are possible, in a batch of a few bytes.",
        "size-mismatch",
        pack(2**24, PARTS),
    )
    refuse("one-more-row", "One row more than there are values for.", "size-mismatch", pack(4, PARTS))
    refuse("one-row-less", "One row less.", "size-mismatch", pack(2, PARTS))
    refuse("count-less", "One buffer less than the columns have.", "count-mismatch", pack(3, PARTS[:-1]))
    refuse("count-more", "One buffer more.", "count-mismatch", pack(3, [*PARTS, b""]))
    refuse(
        "count-ffffffff", "The greatest number of buffers.", "count-mismatch", pack(3, PARTS, count=2**32 - 1)
    )
    refuse(
        "count-of-other-columns",
        "A batch of one column where two are expected.",
        "count-mismatch",
        pack(3, PARTS[:3]),
    )
    refuse(
        "trailing-8",
        "Eight bytes after the last buffer.",
        "trailing-bytes",
        good + bytes(8 - len(good) % 8 + 8),
    )
    refuse(
        "length-past-end",
        "A buffer of one byte more than there are.",
        "offset-out-of-range",
        with_length(5, 4),
    )
    refuse(
        "length-2-63", "A length that is negative as an i64.", "offset-out-of-range", with_length(5, 2**63)
    )
    refuse("length-2-64", "The greatest length.", "offset-out-of-range", with_length(2, 2**64 - 1))
    refuse(
        "lengths-overlap",
        "Two lengths that would fit if the buffers could overlap.",
        "offset-out-of-range",
        with_bytes(with_length(4, 32), 16, (24).to_bytes(8, "little")),
    )


def _buffers(book: Book, small: list[Json]) -> None:
    """One buffer of a batch is not as it should be."""

    def refuse(name: str, about: str, code: str, data: bytes, columns: list[Json] | None = None) -> None:
        given = small if columns is None else columns
        book.invalid(f"batch-{name}", "16.5", about, "read_batch", code, columns=given, data=data.hex())

    def with_part(index: int, part: bytes) -> bytes:
        return pack(3, [*PARTS[:index], part, *PARTS[index + 1 :]])

    refuse("kinds-short", "A row kind is missing.", "size-mismatch", with_part(0, b"\0\1"))
    refuse("kinds-long", "A row kind too many.", "size-mismatch", with_part(0, b"\0\1\2\3"))
    refuse("kind-4", "Row kind 4.", "bad-value", with_part(0, b"\0\1\4"))
    refuse("kind-ff", "Row kind 255.", "bad-value", with_part(0, b"\xff\1\2"))
    refuse("validity-long", "Validity with a byte too many.", "size-mismatch", with_part(3, b"\5\0"))
    refuse("values-none", "A column of fixed width without values.", "size-mismatch", with_part(2, b""))
    refuse("values-short", "A value is cut.", "size-mismatch", with_part(2, i64(1, 2, 2)[:-1]))
    refuse("values-long", "A value too many.", "size-mismatch", with_part(2, i64(1, 2, 2, 3)))
    refuse("offsets-none", "No offsets.", "size-mismatch", with_part(4, b""))
    refuse("offsets-n", "As many offsets as values.", "size-mismatch", with_part(4, i32(0, 1, 3)))
    refuse(
        "offsets-not-0", "Offsets that begin with 1.", "offset-out-of-range", with_part(4, i32(1, 1, 1, 3))
    )
    refuse(
        "offsets-negative",
        "Offsets that begin below zero.",
        "offset-out-of-range",
        with_part(4, i32(-1, 1, 1, 3)),
    )
    refuse(
        "offsets-negative-within",
        "A negative offset within.",
        "offset-out-of-range",
        with_part(4, i32(0, -1, 1, 3)),
    )
    refuse("offsets-descend", "Offsets that descend.", "offset-out-of-range", with_part(4, i32(0, 2, 1, 3)))
    refuse(
        "offsets-end-negative",
        "The last offset is negative.",
        "offset-out-of-range",
        with_part(4, i32(0, 1, 1, -3)),
    )
    refuse(
        "offsets-past-end",
        "The last offset is past the bytes.",
        "size-mismatch",
        with_part(4, i32(0, 1, 1, 4)),
    )
    refuse("offsets-2-31", "The greatest offset.", "size-mismatch", with_part(4, i32(0, 1, 1, 2**31 - 1)))
    refuse(
        "offsets-before-end", "Bytes after the last offset.", "size-mismatch", with_part(4, i32(0, 1, 1, 2))
    )
    no_rows = [b"", b"", b"", b"", b"", b""]
    refuse(
        "offsets-none-of-no-rows",
        "One offset stands even if there are no rows.",
        "size-mismatch",
        pack(0, no_rows),
    )
    bits = [column("v", "bool")]
    refuse("bits-short", "Nine bits in one byte.", "size-mismatch", pack(9, [b"", b"", b"\xff"]), bits)
    refuse("bits-none", "No bits.", "size-mismatch", pack(1, [b"", b"", b""]), bits)


def _lists(book: Book, list_type: Json) -> None:
    def refuse(name: str, about: str, code: str, data: bytes) -> None:
        columns = [column("v", list_type)]
        book.invalid(f"batch-{name}", "16.5", about, "read_batch", code, columns=columns, data=data.hex())

    refuse(
        "list-offsets-descend",
        "Offsets of a list that descend.",
        "offset-out-of-range",
        pack(2, [b"", b"", i32(0, 2, 1), b"", i32(5)]),
    )
    refuse(
        "list-child-short",
        "A list with more elements than there are.",
        "size-mismatch",
        pack(2, [b"", b"", i32(0, 1, 2), b"", i32(5)]),
    )
    refuse(
        "list-child-2-31",
        "As many elements as an offset can say.",
        "size-mismatch",
        pack(1, [b"", b"", i32(0, 2**31 - 1), b"", i32(5)]),
    )
    refuse(
        "list-child-validity",
        "Validity of elements that does not fit.",
        "size-mismatch",
        pack(1, [b"", b"", i32(0, 1), b"\1\0", i32(5)]),
    )


def _values(book: Book, map_type: Json) -> None:
    def refuse(name: str, about: str, code: str, kind: object, rows: int, *buffers: bytes) -> None:
        section = "16.5 2.3" if code == "null-in-required" else "16.5 2.2"
        columns = [column("v", kind, name != "required-null")]
        data = pack(rows, [b"", *buffers]).hex()
        book.invalid(f"batch-{name}", section, about, "read_batch", code, columns=columns, data=data)

    texts = {
        "utf8-ff": b"\xff", "utf8-cut": b"\xc3", "utf8-overlong": b"\xc0\x80", "utf8-surrogate": b"\xed\xa0\x80",
        "utf8-beyond": b"\xf4\x90\x80\x80",
    }  # fmt: skip
    for name, data in texts.items():
        refuse(name, "Text that is not UTF-8.", "invalid-utf8", "string", 1, b"", i32(0, len(data)), data)
    about, buffers = "A letter whose bytes are in two values.", [b"", i32(0, 1, 2), "é".encode()]
    refuse("utf8-split", about, "invalid-utf8", "string", 2, *buffers)
    texts_type = {"list": column("element", "string")}
    buffers = [b"", i32(0, 1), b"", i32(0, 1), b"\x80"]
    refuse("utf8-in-list", "Text in a list.", "invalid-utf8", texts_type, 1, *buffers)

    code, about = "null-in-required", "A null in a column that is not nullable."
    refuse("required-null", about, code, "int32", 2, b"\1", i32(7, 8))
    element = {"list": column("element", "int32", False)}
    refuse("required-element-null", "A null element.", code, element, 1, b"", i32(0, 2), b"\1", i32(7, 8))
    struct = {"struct": [column("a", "int32", False)]}
    refuse("required-field-null", "A null field of a struct.", code, struct, 2, b"\3", b"\1", i32(7, 8))
    for name, entry, key in (("map-key-null", b"", b"\0"), ("map-entry-null", b"\0", b"")):
        buffers = [b"", i32(0, 1), entry, key, i32(0, 0), b"", b"", i64(1)]
        refuse(name, "A null key or entry of a map.", code, map_type, 1, *buffers)

    for kind, limit, pack_one in (
        ("time32(s)", 86_400, i32), ("time32(ms)", 86_400_000, i32),
        ("time64(us)", 86_400_000_000, i64), ("time64(ns)", 86_400_000_000_000, i64),
    ):  # fmt: skip
        text = kind.replace("(", "-").replace(")", "")
        next_day, before = pack_one(0, limit), pack_one(0, -1)
        refuse(f"{text}-of-next-day", "A time of a whole day.", "bad-value", kind, 2, b"", next_day)
        refuse(f"{text}-negative", "A time below zero.", "bad-value", kind, 2, b"", before)
    about = "More digits than the precision."
    for name, number in (("above", 10**5), ("below", -(10**5))):
        data = (number % 2**128).to_bytes(16, "little")
        refuse(f"decimal-{name}", about, "bad-value", "decimal128(5,2)", 1, b"", data)
