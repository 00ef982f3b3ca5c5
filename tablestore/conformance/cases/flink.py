# ruff: noqa: E501 - tables of cases, a line each
"""Vectors of spec chapter 16."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tablestore.conformance import reference_adapter
from tablestore.conformance.cases.book import Book, with_byte, with_bytes
from tablestore.conformance.corpus import Case
from tablestore.reference.flink import encode_map, encode_message

Json = dict[str, Any]


def column(name: str, type_: object, nullable: bool = True) -> Json:
    return {"name": name, "type": type_, "nullable": nullable}


ELEMENT = column("element", "int32")
LIST = {"list": ELEMENT}
STRUCT = {"struct": [column("a", "int32"), column("b", "string")]}
MAP = {"map": [column("key", "string", False), column("value", "int64")]}
SMALL = [column("id", "int64", False), column("name", "string")]
SMALL_ROWS: list[list[object]] = [[1, "a"], [2, None], [2, "bc"]]

# One column each: the least, the greatest, and values between them, in the JSON forms of the vectors.
LEAVES: dict[str, list[object]] = {
    "bool": [True, False, True, True, False, False, True, False, True],
    "int8": [-128, 127, 0],
    "int16": [-32768, 32767, 1],
    "int32": [-(2**31), 2**31 - 1, -1],
    "int64": [str(-(2**63)), str(2**63 - 1), 5],
    "uint8": [0, 255],
    "uint16": [0, 65535],
    "uint32": [0, 2**32 - 1],
    "uint64": [0, str(2**64 - 1)],
    "float32": ["3f800000", "ff800000", "80000000", "7fc00000"],
    "float64": ["3ff0000000000000", "fff0000000000000", "8000000000000000", "7ff8000000000000"],
    "decimal128(5,2)": [-99999, 99999, 0],
    "decimal128(38,10)": [str(-(10**38) + 1), str(10**38 - 1)],
    "date32": [-719162, 0, 2932896],
    "time32(s)": [0, 86399],
    "time32(ms)": [0, 86399999],
    "time64(us)": [0, 86399999999],
    "time64(ns)": [0, 86399999999999],
    "timestamp(s)": [-62135596800, 253402300799],
    "timestamp(ms)": [-1, 1700000000123],
    "timestamp(us)": [1700000000123456],
    "timestamp(ns)": ["1700000000123456789"],
    "timestamp(ms,UTC)": [-1, 1700000000123],
    "string": ["", "a", "é", "\u0000", "\U0001f600"],
    "binary": ["", "00", "ff80"],
    "fixed_binary(3)": ["000102", "ffffff"],
}


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


def cases() -> list[Case]:
    book = Book("flink")
    _messages(book)
    _maps(book)
    _batches(book)
    _loose_batches(book)
    _faulty_batches(book)
    _faulty_values(book)
    return book.cases


def _messages(book: Book) -> None:
    for number, kind in enumerate(("HELLO", "READY", "REQUEST", "RESPONSE", "BATCH", "ERROR"), 1):
        data = bytes([2, 0, 0, 0, number, 0, 0, 0, 7, 8])
        book.valid(
            f"message-{kind.lower()}",
            "16.2",
            f"A message of kind {kind}.",
            "read_message",
            output=[kind, "0708"],
            data=data.hex(),
        )
    empty = encode_message("BATCH", b"")
    book.valid(
        "message-empty",
        "16.2",
        "A payload may be empty; whether its reader accepts that is another matter.",
        "read_message",
        output=["BATCH", ""],
        data=empty.hex(),
    )
    good = encode_message("REQUEST", b"abc")
    faults = {
        "header-cut": ("A header of seven bytes.", "truncated", good[:7]),
        "nothing": ("No byte.", "truncated", b""),
        "payload-cut": ("The last byte of the payload is missing.", "truncated", good[:-1]),
        "kind-0": ("Kind 0.", "bad-message", with_byte(good, 4, 0)),
        "kind-7": ("Kind 7.", "bad-message", with_byte(good, 4, 7)),
        "reserved-u8": ("The reserved byte is not zero.", "bad-zero", with_byte(good, 5, 1)),
        "reserved-u16": ("The last reserved byte is not zero.", "bad-zero", with_byte(good, 7, 128)),
        "too-large": ("A size one above the limit.", "limit-exceeded", with_bytes(good, 0, (2**28 + 1).to_bytes(4, "little"))),
        "size-ffffffff": ("The greatest size.", "limit-exceeded", with_bytes(good, 0, b"\xff" * 4)),
        "trailing": ("A byte that belongs to no message.", "trailing-bytes", good + b"\0"),
    }  # fmt: skip
    for name, (about, code, data) in faults.items():
        book.invalid(f"message-{name}", "16.2", about, "read_message", code, data=data.hex())


def _maps(book: Book) -> None:
    maps: dict[str, tuple[str, dict[str, bytes]]] = {
        "ready": ("What a worker answers.", {"protocol": b"1", "table": b"00112233445566778899aabbccddeeff", "version": b"7"}),
        "empty": ("No entries.", {}),
        "empty-key-and-value": ("A key and a value may be empty.", {"": b""}),
        "bytes": ("A value is any bytes.", {"part": bytes(range(256))}),
        "unicode": ("A key of several bytes a letter.", {"é\U0001f600": "ü".encode()}),
    }  # fmt: skip
    for name, (about, values) in maps.items():
        entries = [[key, value.hex()] for key, value in values.items()]
        data = encode_map(values).hex()
        book.valid(f"map-{name}", "16.3", about, "read_map", output=entries, data=data)
        book.valid(f"map-{name}-write", "16.3", about, "write_map", output=data, entries=entries)
    good = encode_map({"op": b"prepare", "checkpoint": b"12"})
    faults = {
        "nothing": ("No count.", "truncated", b"\1\0\0"),
        "one-more": ("One more entry than there is.", "truncated", with_byte(good, 0, 3)),
        "one-less": ("An entry that is not counted.", "trailing-bytes", with_byte(good, 0, 1)),
        "trailing": ("A byte left over.", "trailing-bytes", good + b"\0"),
        "count-ffffffff": ("The greatest count.", "truncated", with_bytes(good, 0, b"\xff" * 4)),
        "key-length": ("A key that reaches past the end.", "truncated", with_bytes(good, 4, b"\xff\xff\xff\x7f")),
        "value-length": ("A value one byte longer than the payload.", "truncated", with_byte(good, len(good) - 6, 3)),
        "cut": ("The last byte is missing.", "truncated", good[:-1]),
        "cut-in-length": ("The end is in the length of a value.", "truncated", good[:-4]),
        "key-utf8": ("A key that is not UTF-8.", "invalid-utf8", with_byte(good, 8, 0xFF)),
        "key-surrogate": ("A key that is half of a surrogate pair.", "invalid-utf8", encode_map({"abc": b""}).replace(b"abc", b"\xed\xa0\x80")),
        "key-twice": ("A key that occurs twice.", "bad-message", encode_map({"a": b"1", "b": b"2"}).replace(b"b", b"a")),
    }  # fmt: skip
    for name, (about, code, data) in faults.items():
        book.invalid(f"map-{name}", "16.3", about, "read_map", code, data=data.hex())


def _batches(book: Book) -> None:
    def both(
        name: str,
        about: str,
        columns: list[Json],
        kinds: list[int],
        rows: list[list[object]],
        section: str = "16.5",
    ) -> None:
        data = write(columns, kinds, rows)
        book.valid(
            f"batch-{name}",
            section,
            about,
            "read_batch",
            columns=columns,
            data=data,
            output={"kinds": kinds, "rows": rows},
        )
        book.valid(
            f"batch-{name}-write",
            section,
            about,
            "write_batch",
            columns=columns,
            kinds=kinds,
            rows=rows,
            output=data,
        )

    def write(columns: list[Json], kinds: list[int], rows: list[list[object]]) -> str:
        return str(
            reference_adapter.answer(
                "flink", "write_batch", {"columns": columns, "kinds": kinds, "rows": rows}
            )
        )

    data = pack(3, [b"\0\1\2", b"", i64(1, 2, 2), b"\5", i32(0, 1, 1, 3), b"abc"])
    book.valid(
        "batch-small",
        "16.5",
        "Row kinds, a column without nulls, one with.",
        "read_batch",
        columns=SMALL,
        data=data.hex(),
        output={"kinds": [0, 1, 2], "rows": SMALL_ROWS},
    )
    book.valid(
        "batch-small-write",
        "16.5",
        "The same bytes.",
        "write_batch",
        columns=SMALL,
        kinds=[0, 1, 2],
        rows=SMALL_ROWS,
        output=data.hex(),
    )
    both("kinds", "All four row kinds.", SMALL[:1], [3, 2, 1, 0], [[1], [2], [3], [4]], "16.5 5.6")
    for name, values in LEAVES.items():
        text = name.replace("(", "-").replace(")", "").replace(",", "-").lower()
        both(
            text,
            f"A column of type {name}.",
            [column("v", name, False)],
            [0] * len(values),
            [[value] for value in values],
            "16.5 2.2",
        )
        nulls: list[list[object]] = [[None], *([value] for value in values), [None]]
        both(f"{text}-null", "The same with nulls.", [column("v", name)], [0] * len(nulls), nulls, "16.5 2.2")
    nested: dict[str, tuple[object, list[object]]] = {
        "list": (LIST, [[1, None], [], None, [3]]),
        "list-of-list": ({"list": column("element", LIST)}, [[[1], None, []], None, [], [[2, 3]]]),
        "struct": (STRUCT, [[1, "x"], [None, None], [3, ""]]),
        "map": (MAP, [[["a", 1], ["b", None]], [], None]),
        "list-of-struct": ({"list": column("element", STRUCT)}, [[[1, "x"], [2, None]], None, []]),
        "map-of-list": ({"map": [column("key", "int32", False), column("value", LIST)]}, [[[1, [2]], [2, None]], []]),
        "struct-of-struct": ({"struct": [column("s", STRUCT, False), column("d", "date32")]}, [[[1, "x"], 5], [[None, ""], None]]),
    }  # fmt: skip
    for name, (type_, values) in nested.items():
        both(name, "A nested type.", [column("v", type_)], [0] * len(values), [[value] for value in values])
    both("no-rows", "No rows.", [*SMALL, column("l", LIST), column("b", "bool")], [], [])
    both("no-columns", "Rows without columns have kinds all the same.", [], [0, 3], [[], []])
    wide = [column(f"c{index}", "int32") for index in range(20)]
    both("many-columns", "Twenty columns.", wide, [0, 2], [[*range(20)], [None] * 20])


def _loose_batches(book: Book) -> None:
    """Batches that are right but not as the reference writes them."""

    def reads(
        name: str,
        about: str,
        columns: list[Json],
        data: bytes,
        rows: list[list[object]],
        kinds: list[int] | None = None,
    ) -> None:
        output = {"kinds": kinds or [0] * len(rows), "rows": rows}
        book.valid(
            f"batch-{name}", "16.5", about, "read_batch", columns=columns, data=data.hex(), output=output
        )

    one = [column("v", "int32")]
    text = [column("v", "string")]
    reads("validity-of-all", "Validity without a null.", one, pack(2, [b"", b"\3", i32(7, 8)]), [[7], [8]])
    reads(
        "validity-of-required",
        "Validity without a null, where none is allowed.",
        [column("v", "int32", False)],
        pack(2, [b"", b"\3", i32(7, 8)]),
        [[7], [8]],
    )
    reads(
        "bits-beyond",
        "Bits beyond the last value are set.",
        one,
        pack(2, [b"", b"\xfd", i32(7, 8)]),
        [[7], [None]],
    )
    reads(
        "bool-bits-beyond",
        "The same of values.",
        [column("v", "bool")],
        pack(1, [b"", b"", b"\xfe"]),
        [[False]],
    )
    reads(
        "kinds-all-insert",
        "Row kinds that could be left out.",
        one,
        pack(2, [b"\0\0", b"", i32(7, 8)]),
        [[7], [8]],
    )
    reads("null-on-a-value", "A value under a null.", one, pack(2, [b"", b"\1", i32(7, 8)]), [[7], [None]])
    reads(
        "null-on-bad-time",
        "A value under a null may be any.",
        [column("v", "time32(ms)")],
        pack(2, [b"", b"\1", i32(7, -1)]),
        [[7], [None]],
    )
    reads(
        "null-on-bytes",
        "Bytes under a null.",
        text,
        pack(2, [b"", b"\2", i32(0, 1, 2), b"ab"]),
        [[None], ["b"]],
    )
    reads(
        "null-list-with-elements",
        "Elements under a null.",
        [column("v", LIST)],
        pack(2, [b"", b"\2", i32(0, 1, 2), b"", i32(5, 6)]),
        [[None], [[6]]],
    )
    reads(
        "padded",
        "Bytes after the last buffer, up to the next multiple of 8.",
        one,
        pack(1, [b"", b"", i32(7)], b"\xff" * 4),
        [[7]],
    )
    reads(
        "padding-not-zero",
        "What lies between buffers is ignored.",
        one,
        pack(1, [b"\3", b"\1" + b"\xee" * 7, i32(7)]).replace(
            (8).to_bytes(8, "little"), (1).to_bytes(8, "little"), 1
        ),
        [[7]],
        [3],
    )
    inner = [column("v", {"struct": [column("a", "int32", False)]})]
    reads(
        "null-struct-null-field",
        "A field that is not nullable is null under a null.",
        inner,
        pack(2, [b"", b"\1", b"\1", i32(7, 8)]),
        [[[7]], [None]],
    )
    reads(
        "null-struct-value",
        "A field has a value under a null.",
        inner,
        pack(2, [b"", b"\2", b"", i32(7, 8)]),
        [[None], [[8]]],
    )


def _faulty_batches(book: Book) -> None:
    def refuse(name: str, about: str, code: str, data: bytes, columns: list[Json] | None = None) -> None:
        given = SMALL if columns is None else columns
        book.invalid(f"batch-{name}", "16.5", about, "read_batch", code, columns=given, data=data.hex())

    parts = [b"\0\1\2", b"", i64(1, 2, 2), b"\5", i32(0, 1, 1, 3), b"abc"]
    good = pack(3, parts)

    def with_part(index: int, part: bytes) -> bytes:
        return pack(3, [*parts[:index], part, *parts[index + 1 :]])

    def with_length(index: int, length: int) -> bytes:
        return with_bytes(good, 8 + 8 * index, length.to_bytes(8, "little"))

    for size in (0, 7):
        refuse(f"head-{size}-bytes", "Rows and count are not there.", "truncated", good[:size])
    refuse("cut-in-lengths", "The end is among the lengths.", "truncated", good[:50])
    refuse("cut", "The last byte is missing.", "offset-out-of-range", good[:-1])
    refuse("cut-in-half", "The second half is missing.", "offset-out-of-range", good[: len(good) // 2 + 8])
    refuse("too-many-rows", "One row more than the limit.", "limit-exceeded", pack(2**24 + 1, parts))
    refuse("rows-ffffffff", "The greatest number of rows.", "limit-exceeded", pack(2**32 - 1, parts))
    refuse(
        "rows-2-24",
        "As many rows as are possible, in a batch of a few bytes.",
        "size-mismatch",
        pack(2**24, parts),
    )
    refuse("one-more-row", "One row more than there are values for.", "size-mismatch", pack(4, parts))
    refuse("one-row-less", "One row less.", "size-mismatch", pack(2, parts))
    refuse("count-less", "One buffer less than the columns have.", "count-mismatch", pack(3, parts[:-1]))
    refuse("count-more", "One buffer more.", "count-mismatch", pack(3, [*parts, b""]))
    refuse(
        "count-ffffffff", "The greatest number of buffers.", "count-mismatch", pack(3, parts, count=2**32 - 1)
    )
    refuse(
        "count-of-other-columns",
        "A batch of one column where two are expected.",
        "count-mismatch",
        pack(3, parts[:3]),
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
    lists = [column("v", LIST)]
    refuse(
        "list-offsets-descend",
        "Offsets of a list that descend.",
        "offset-out-of-range",
        pack(2, [b"", b"", i32(0, 2, 1), b"", i32(5)]),
        lists,
    )
    refuse(
        "list-child-short",
        "A list with more elements than there are.",
        "size-mismatch",
        pack(2, [b"", b"", i32(0, 1, 2), b"", i32(5)]),
        lists,
    )
    refuse(
        "list-child-2-31",
        "As many elements as an offset can say.",
        "size-mismatch",
        pack(1, [b"", b"", i32(0, 2**31 - 1), b"", i32(5)]),
        lists,
    )
    refuse(
        "list-child-validity",
        "Validity of elements that does not fit.",
        "size-mismatch",
        pack(1, [b"", b"", i32(0, 1), b"\1\0", i32(5)]),
        lists,
    )


def _faulty_values(book: Book) -> None:
    def refuse(
        name: str, about: str, code: str, type_: object, rows: int, *buffers: bytes, nullable: bool = True
    ) -> None:
        columns = [column("v", type_, nullable)]
        data = pack(rows, [b"", *buffers]).hex()
        book.invalid(
            f"batch-{name}",
            "16.5 2.3" if code == "null-in-required" else "16.5 2.2",
            about,
            "read_batch",
            code,
            columns=columns,
            data=data,
        )

    texts = {
        "utf8-ff": b"\xff", "utf8-cut": b"\xc3", "utf8-overlong": b"\xc0\x80", "utf8-surrogate": b"\xed\xa0\x80",
        "utf8-beyond": b"\xf4\x90\x80\x80",
    }  # fmt: skip
    for name, text in texts.items():
        refuse(name, "Text that is not UTF-8.", "invalid-utf8", "string", 1, b"", i32(0, len(text)), text)
    refuse(
        "utf8-split",
        "A letter whose bytes are in two values.",
        "invalid-utf8",
        "string",
        2,
        b"",
        i32(0, 1, 2),
        "é".encode(),
    )
    refuse(
        "utf8-in-list",
        "Text in a list.",
        "invalid-utf8",
        {"list": column("element", "string")},
        1,
        b"",
        i32(0, 1),
        b"",
        i32(0, 1),
        b"\x80",
    )
    refuse(
        "required-null",
        "A null in a column that is not nullable.",
        "null-in-required",
        "int32",
        2,
        b"\1",
        i32(7, 8),
        nullable=False,
    )
    refuse(
        "required-element-null",
        "A null element.",
        "null-in-required",
        {"list": column("element", "int32", False)},
        1,
        b"",
        i32(0, 2),
        b"\1",
        i32(7, 8),
    )
    refuse(
        "required-field-null",
        "A null field of a struct.",
        "null-in-required",
        {"struct": [column("a", "int32", False)]},
        2,
        b"\3",
        b"\1",
        i32(7, 8),
    )
    refuse(
        "map-key-null",
        "A null key of a map.",
        "null-in-required",
        MAP,
        1,
        b"",
        i32(0, 1),
        b"",
        b"\0",
        i32(0, 0),
        b"",
        b"",
        i64(1),
    )
    refuse(
        "map-entry-null",
        "A null entry of a map.",
        "null-in-required",
        MAP,
        1,
        b"",
        i32(0, 1),
        b"\0",
        b"",
        i32(0, 0),
        b"",
        b"",
        i64(1),
    )
    for type_, limit, pack_one in (
        ("time32(s)", 86_400, i32), ("time32(ms)", 86_400_000, i32),
        ("time64(us)", 86_400_000_000, i64), ("time64(ns)", 86_400_000_000_000, i64),
    ):  # fmt: skip
        text = type_.replace("(", "-").replace(")", "")
        refuse(
            f"{text}-of-next-day", "A time of a whole day.", "bad-value", type_, 2, b"", pack_one(0, limit)
        )
        refuse(f"{text}-negative", "A time below zero.", "bad-value", type_, 2, b"", pack_one(0, -1))
    for name, number in (("above", 10**5), ("below", -(10**5))):
        data = (number % 2**128).to_bytes(16, "little")
        refuse(
            f"decimal-{name}", "More digits than the precision.", "bad-value", "decimal128(5,2)", 1, b"", data
        )
