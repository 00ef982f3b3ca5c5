# ruff: noqa: E501 - tables of cases, a line each
"""Vectors of spec chapter 16."""

from __future__ import annotations

from tablestore.conformance import reference_adapter
from tablestore.conformance.cases import flink_faults, flink_rules, part
from tablestore.conformance.cases.book import Book, with_byte, with_bytes
from tablestore.conformance.cases.flink_faults import Json, column, i32, i64, pack
from tablestore.conformance.corpus import Case
from tablestore.reference.flink import encode_map, encode_message

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


def cases() -> list[Case]:
    book = Book("flink")
    _messages(book)
    _maps(book)
    _batches(book)
    _loose_batches(book)
    flink_faults.add(book, SMALL, LIST, MAP)
    flink_rules.add(book)
    part.add(book)
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
        encoded = encode_map(values).hex()
        book.valid(f"map-{name}", "16.3", about, "read_map", output=entries, data=encoded)
        book.valid(f"map-{name}-write", "16.3", about, "write_map", output=encoded, entries=entries)
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


def _both_ways(
    book: Book,
    name: str,
    about: str,
    columns: list[Json],
    kinds: list[int],
    rows: list[list[object]],
    section: str = "16.5",
) -> None:
    """A batch is read, and the same one is written."""
    given = {"columns": columns, "kinds": kinds, "rows": rows}
    data = str(reference_adapter.answer("flink", "write_batch", given))
    found = {"kinds": kinds, "rows": rows}
    book.valid(f"batch-{name}", section, about, "read_batch", columns=columns, data=data, output=found)
    book.valid(f"batch-{name}-write", section, about, "write_batch", output=data, **given)


def _batches(book: Book) -> None:
    def both(
        name: str,
        about: str,
        columns: list[Json],
        kinds: list[int],
        rows: list[list[object]],
        section: str = "16.5",
    ) -> None:
        _both_ways(book, name, about, columns, kinds, rows, section)

    data = pack(3, [b"\0\1\2", b"", i64(1, 2, 2), b"\5", i32(0, 1, 1, 3), b"abc"]).hex()
    found = {"kinds": [0, 1, 2], "rows": SMALL_ROWS}
    about = "Row kinds, a column without nulls, one with."
    book.valid("batch-small", "16.5", about, "read_batch", columns=SMALL, data=data, output=found)
    about = "The same bytes."
    book.valid("batch-small-write", "16.5", about, "write_batch", output=data, columns=SMALL, **found)
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
        found = {"kinds": kinds or [0] * len(rows), "rows": rows}
        given = {"columns": columns, "data": data.hex()}
        book.valid(f"batch-{name}", "16.5", about, "read_batch", output=found, **given)

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
