# ruff: noqa: E501 - tables of cases, a line each
"""Vectors of spec chapter 5."""

from __future__ import annotations

import struct
from typing import Any

from tablestore.conformance.cases.book import Book, with_byte, with_bytes
from tablestore.conformance.corpus import Case
from tablestore.conformance.values import from_json
from tablestore.reference.block import chunk_head, encode_chunk, seal_child
from tablestore.reference.encoding import ALP, BITS, CONSTANT, DELTA, PLAIN, PREFIX, RLE, VARIABLE, fixed
from tablestore.reference.encoding_writer import count_node, encode_node
from tablestore.reference.type import parse_type


def field(name: str, type_: object, nullable: bool = False) -> dict[str, object]:
    return {"name": name, "type": type_, "nullable": nullable}


LIST = {"list": field("element", "int32", True)}
STRINGS = {"list": field("element", "string")}
POINT = {"struct": [field("x", "float64"), field("label", "string", True)]}
MAP = {"map": [field("key", "string"), field("value", "int64", True)]}
DEEP = {"list": field("element", {"struct": [field("a", LIST, True), field("b", "bool")]}, True)}


def cases() -> list[Case]:
    book = Book("block")
    _values(book)
    _nested(book)
    _encodings(book)
    _bad_heads(book)
    _bad_nulls(book)
    _bad_values(book)
    _bad_nesting(book)
    return book.cases


def _chunk(type_: object, values: list[object]) -> bytes:
    parsed = parse_type(type_)
    return encode_chunk(parsed, [from_json(parsed, value) for value in values])


def _add(
    book: Book, name: str, about: str, type_: object, values: list[object], section: str = "5.3"
) -> None:
    """A chunk of the values, of a nullable column if there is a null."""
    given = {"type": type_, "nullable": None in values, "rows": len(values)}
    book.valid(name, section, about, "decode", **given, data=_chunk(type_, values).hex())
    output = book.cases[-1].output
    assert isinstance(output, dict)
    if output["values"] != values:
        raise AssertionError(f"block/{name}: {output['values']} are not {values}")


def _values(book: Book) -> None:
    values: dict[str, tuple[object, list[object]]] = {
        "bool": ("bool", [True, False, True]),
        "bool-nulls": ("bool", [True, None, False, None, True, True, False, True, None]),
        "int8": ("int8", [-128, 127, 0]),
        "int16": ("int16", [-32_768, 32_767]),
        "int32-nulls": ("int32", [None, 1, None, -1]),
        "int64": ("int64", [str(-(2**63)), str(2**63 - 1), 0]),
        "uint8": ("uint8", [0, 255]),
        "uint16": ("uint16", [65_535, 0]),
        "uint32": ("uint32", [2**32 - 1, 1]),
        "uint64": ("uint64", [str(2**64 - 1), 0]),
        "float32": ("float32", ["3f800000", "ffc00001", "80000000"]),
        "float64": ("float64", ["3ff8000000000000", "7ff0000000000001", "8000000000000000"]),
        "decimal128": ("decimal128(5,2)", [99_999, -99_999, None]),
        "decimal128-large": ("decimal128(38,0)", [str(10**38 - 1), str(-(10**38) + 1)]),
        "date32": ("date32", [0, -1, 19_000]),
        "time32": ("time32(ms)", [0, 86_399_999]),
        "time64": ("time64(ns)", [0, 86_399_999_999_999]),
        "timestamp": ("timestamp(us,Europe/Zürich)", [0, -1, None]),
        "string": ("string", ["", "a", "é😀", "nul\0inside"]),
        "string-nulls": ("string", ["a", None, "", None]),
        "binary": ("binary", ["", "ff00", "c328"]),
        "fixed-binary": ("fixed_binary(3)", ["010203", None, "ffffff"]),
        "all-null-int64": ("int64", [None, None, None]),
        "all-null-string": ("string", [None, None]),
        "one-row": ("int64", [42]),
    }
    for name, (type_, items) in values.items():
        nulls = " with nulls" if None in items else ""
        _add(book, f"values-{name}", f"Values of {type_}{nulls}.", type_, items, "5.3 5.4 5.5")
    about = "65,536 rows, the most that a block may have."
    given = {"type": "uint8", "nullable": False, "rows": 65_536}
    data = _chunk("bool", [True] * 65_536)
    book.valid("values-65536-rows", "5.2", about, "decode", **{**given, "type": "bool"}, data=data.hex())
    about = "Row kinds are 0 to 3."
    given = {"type": "uint8", "nullable": False, "rows": 4, "role": "row_kind"}
    book.valid("row-kinds", "5.6", about, "decode", **given, data=_chunk("uint8", [0, 1, 2, 3]).hex())


def _nested(book: Book) -> None:
    values: dict[str, tuple[object, list[object]]] = {
        "list": (LIST, [[1, None, 3], [], [4]]),
        "list-nulls": (LIST, [None, [1], None, []]),
        "list-empty": (STRINGS, [[], []]),
        "list-all-null": (STRINGS, [None, None]),
        "list-of-strings": (STRINGS, [["a", ""], ["bc"]]),
        "struct": (POINT, [["3ff0000000000000", "a"], ["0000000000000000", None]]),
        "struct-nulls": (POINT, [None, ["3ff0000000000000", "a"], None]),
        "map": (MAP, [[["k", 1], ["l", None]], [], [["m", -1]]]),
        "map-nulls": (MAP, [None, [["k", 1]]]),
        "deep": (DEEP, [[[[1, None], True], None], [], None, [[None, False]]]),
    }
    for name, (type_, items) in values.items():
        _add(
            book, f"nested-{name}", "Nested values: " + name.replace("-", " ") + ".", type_, items, "5.3 5.4"
        )


def _encodings(book: Book) -> None:
    """Chunks whose values are in encodings that a plain writer does not choose."""
    number, text = parse_type("int64"), parse_type("string")
    words = [b"alpha", b"alphabet", b"beta", b"beta"]
    floats = [struct.unpack("<Q", struct.pack("<d", value))[0] for value in (1.5, 2.25, -3.75, 0.5)]
    nodes: dict[str, tuple[object, bytes]] = {
        "delta": ("int64", chunk_head(number, 4, False) + encode_node(fixed(8), [1, 5, 9, 12], DELTA)),
        "rle": ("int64", chunk_head(number, 4, False) + encode_node(fixed(8), [1, 1, 1, 2], RLE)),
        "alp": ("float64", chunk_head(number, 4, False) + encode_node(fixed(8), floats, ALP, exponent=2)),
        "prefix": ("string", chunk_head(text, 4, False) + encode_node(VARIABLE, words, PREFIX, bundle=2)),
        "constant": ("string", chunk_head(text, 4, False) + encode_node(VARIABLE, [b"a"] * 4, CONSTANT)),
    }
    for name, (type_, data) in nodes.items():
        about = f"Values in {name.upper()}."
        book.valid(
            f"encoding-{name}", "5.3", about, "decode", type=type_, nullable=False, rows=4, data=data.hex()
        )
    head = chunk_head(number, 4, True)
    validity = encode_node(BITS, [0] * 4, CONSTANT)
    data = head + validity + encode_node(fixed(8), [9] * 4, CONSTANT)
    about = "A constant validity: nothing but nulls, over values that readers ignore."
    book.valid(
        "encoding-validity-constant",
        "5.3",
        about,
        "decode",
        type="int64",
        nullable=True,
        rows=4,
        data=data.hex(),
    )
    time = parse_type("time32(s)")
    data = (
        chunk_head(time, 2, True)
        + encode_node(BITS, [0, 1], PLAIN)
        + encode_node(fixed(4), [2**31, 7], PLAIN)
    )
    about = "A null slot may hold what would be no time of day."
    book.valid(
        "null-slot-unchecked",
        "5.5",
        about,
        "decode",
        type="time32(s)",
        nullable=True,
        rows=2,
        data=data.hex(),
    )


def refuse(
    book: Book,
    name: str,
    section: str,
    about: str,
    code: str,
    data: bytes,
    type_: object,
    rows: int,
    nullable: bool = False,
    **more: Any,
) -> None:
    given = {"type": type_, "nullable": nullable, "rows": rows, "data": data.hex(), **more}
    book.invalid(name, section, about, "decode", code, **given)


def _bad_heads(book: Book) -> None:
    good = _chunk("int32", [1, 2, 3])
    faults: dict[str, tuple[str, str, bytes]] = {
        "empty": ("No bytes.", "truncated", b""),
        "seven-bytes": ("Seven bytes of a head.", "truncated", good[:7]),
        "values-missing": ("A head alone.", "truncated", good[:8]),
        "kind-bits": ("A chunk of bits in a column of int32.", "schema-mismatch", with_byte(good, 0, 0)),
        "kind-variable": (
            "A chunk of byte strings in a column of int32.",
            "schema-mismatch",
            with_byte(good, 0, 2),
        ),
        "kind-5": ("A kind that does not exist.", "schema-mismatch", with_byte(good, 0, 5)),
        "flag-bit-1": ("A flag that must be zero.", "bad-zero", with_byte(good, 1, 2)),
        "flag-bit-7": ("A flag that must be zero.", "bad-zero", with_byte(good, 1, 128)),
        "width-8": ("Values of eight bytes in a column of int32.", "schema-mismatch", with_byte(good, 2, 8)),
        "width-0": ("Values of no bytes.", "schema-mismatch", with_byte(good, 2, 0)),
        "rows-less": ("Less rows than the block.", "count-mismatch", with_byte(good, 4, 2)),
        "rows-zero": ("No rows.", "count-mismatch", with_byte(good, 4, 0)),
        "rows-4-gib": ("2^32 - 1 rows.", "count-mismatch", with_bytes(good, 4, b"\xff" * 4)),
        "left-over": ("A byte after the values.", "size-mismatch", good + b"\0"),
        "cut": ("The last byte is missing.", "truncated", good[:-1]),
    }
    for name, (about, code, data) in faults.items():
        refuse(book, f"head-{name}", "5.3", about, code, data, "int32", 3)
    about = "65,536 rows of 65,535 bytes in one constant: 4 GiB."
    bomb = chunk_head(parse_type("fixed_binary(65535)"), 65_536, False) + encode_node(
        fixed(65_535), [0], CONSTANT
    )
    refuse(book, "fixed-bomb", "0.5", about, "limit-exceeded", bomb, "fixed_binary(65535)", 65_536)
    width = with_byte(_chunk("string", ["a"]), 2, 1)
    refuse(
        book, "variable-with-width", "5.3", "A width without meaning.", "schema-mismatch", width, "string", 1
    )


def _bad_nulls(book: Book) -> None:
    number, text = parse_type("int32"), parse_type("string")
    good = _chunk("int32", [1, None, 3])
    about = "A validity node in a column that is not nullable."
    refuse(book, "null-in-required", "5.3 2.3", about, "null-in-required", good, "int32", 3)
    values = encode_node(fixed(4), [1, 2, 3], PLAIN)
    all_valid = chunk_head(number, 3, True) + encode_node(BITS, [1, 1, 1], PLAIN) + values
    about = "A validity node without a null."
    refuse(book, "validity-all-ones", "5.3", about, "bad-value", all_valid, "int32", 3, True)
    constant = chunk_head(number, 3, True) + encode_node(BITS, [1, 1, 1], CONSTANT) + values
    refuse(book, "validity-constant-ones", "5.3", about, "bad-value", constant, "int32", 3, True)
    unused = with_byte(good, 16, 0b1101)
    refuse(book, "validity-unused-bit", "4.5", "An unused bit is set.", "bad-value", unused, "int32", 3, True)
    packed = chunk_head(number, 3, True) + encode_node(fixed(1), [1, 0, 1], RLE) + values
    refuse(book, "validity-rle", "5.3", "Validity in RLE.", "bad-encoding", packed, "int32", 3, True)
    loud = (
        chunk_head(text, 2, True) + encode_node(BITS, [1, 0], PLAIN) + encode_node(VARIABLE, [b"a", b"b"], 5)
    )
    refuse(book, "null-with-bytes", "5.3", "A null has bytes.", "bad-value", loud, "string", 2, True)
    lengths = chunk_head(parse_type(LIST), 2, True) + encode_node(BITS, [1, 0], PLAIN) + count_node([1, 1], 4)
    lengths += seal_child(_chunk("int32", [1, 2]))
    refuse(
        book,
        "null-list-with-elements",
        "5.3",
        "A null list has elements.",
        "bad-value",
        lengths,
        LIST,
        2,
        True,
    )


def _bad_values(book: Book) -> None:
    def raw(type_: str, values: list[int]) -> bytes:
        parsed = parse_type(type_)
        return chunk_head(parsed, len(values), False) + encode_node(fixed(parsed.width), values, PLAIN)

    def strings(values: list[bytes]) -> bytes:
        return chunk_head(parse_type("string"), len(values), False) + encode_node(VARIABLE, values, 5)

    faults: dict[str, tuple[str, str, str, bytes, int]] = {
        "time32-negative": ("A time before midnight.", "bad-value", "time32(s)", raw("time32(s)", [2**32 - 1]), 1),
        "time32-day": ("A time of a whole day.", "bad-value", "time32(s)", raw("time32(s)", [0, 86_400]), 2),
        "time64-day": ("A time of a whole day.", "bad-value", "time64(ns)", raw("time64(ns)", [86_400 * 10**9]), 1),
        "decimal-precision": ("1,000 with a precision of 3.", "bad-value", "decimal128(3,0)", raw("decimal128(3,0)", [1000]), 1),
        "decimal-negative": ("-1,000 with a precision of 3.", "bad-value", "decimal128(3,0)", raw("decimal128(3,0)", [2**128 - 1000]), 1),
        "decimal-38": ("10^38 with a precision of 38.", "bad-value", "decimal128(38,0)", raw("decimal128(38,0)", [10**38]), 1),
        "utf8-continuation": ("A byte that continues nothing.", "invalid-utf8", "string", strings([b"a", b"\x80"]), 2),
        "utf8-overlong": ("An overlong form.", "invalid-utf8", "string", strings([b"\xc0\xaf"]), 1),
        "utf8-surrogate": ("A surrogate.", "invalid-utf8", "string", strings([b"\xed\xa0\x80"]), 1),
        "utf8-above": ("A code point above 10FFFF.", "invalid-utf8", "string", strings([b"\xf4\x90\x80\x80"]), 1),
        "utf8-cut": ("A character that ends early.", "invalid-utf8", "string", strings([b"abc\xc3"]), 1),
        "utf8-across": ("A character of which each value holds one half.", "invalid-utf8", "string", strings([b"\xc3", b"\xa9"]), 2),
        "utf8-long-ascii": ("A bad byte after 64 good ones.", "invalid-utf8", "string", strings([b"a" * 64 + b"\xff"]), 1),
    }  # fmt: skip
    for name, (about, code, type_, data, rows) in faults.items():
        refuse(book, f"value-{name}", "5.5", about, code, data, type_, rows)
    about = "A row kind of 4."
    refuse(
        book,
        "value-row-kind-4",
        "5.5 5.6",
        about,
        "bad-value",
        _chunk("uint8", [0, 4]),
        "uint8",
        2,
        role="row_kind",
    )


def _bad_nesting(book: Book) -> None:
    good = _chunk(LIST, [[1, 2], [3]])
    child = _chunk("int32", [1, 2, 3])
    size_at = good.index(seal_child(child))
    head = chunk_head(parse_type(LIST), 2, False)
    lengths = count_node([2, 1], 4)
    point = chunk_head(parse_type(POINT), 1, False)
    x, label = _chunk("float64", ["0000000000000000"]), _chunk("string", ["a"])
    faults: dict[str, tuple[str, str, object, bytes, int]] = {
        "child-size-large": ("A child that leads out of its parent.", "truncated", LIST, with_byte(good, size_at, len(child) + 1), 2),
        "child-size-small": ("A byte of a child that its size leaves out.", "size-mismatch", LIST, with_byte(good, size_at, len(child) - 1), 2),
        "child-size-missing": ("The size of a child is missing.", "truncated", LIST, good[: size_at + 3], 2),
        "child-left-over": ("A byte after the values of a child.", "size-mismatch", LIST, head + lengths + seal_child(child + b"\0"), 2),
        "child-rows": ("A child of three rows where the lengths add up to four.", "count-mismatch", LIST, head + count_node([2, 2], 4) + seal_child(child), 2),
        "child-type": ("An element of another type.", "schema-mismatch", LIST, head + lengths + seal_child(_chunk("int64", [1, 2, 3])), 2),
        "child-twice": ("A list with two children.", "size-mismatch", LIST, head + lengths + seal_child(child) * 2, 2),
        "child-null": ("A null in an element that is not nullable.", "null-in-required", STRINGS, chunk_head(parse_type(STRINGS), 1, False) + count_node([2], 4) + seal_child(_chunk("string", ["a", None])), 1),
        "lengths-plain": ("Lengths in PLAIN.", "bad-encoding", LIST, head + encode_node(fixed(4), [2, 1], PLAIN) + seal_child(child), 2),
        "lengths-huge": ("Lists of 2^33 elements.", "limit-exceeded", STRINGS, chunk_head(parse_type(STRINGS), 2, False) + count_node([2**32 - 1] * 2, 4) + seal_child(_chunk("string", ["a"])), 2),
        "lengths-32-mi": ("One element more than 33,554,432 that are empty.", "limit-exceeded", STRINGS, chunk_head(parse_type(STRINGS), 1, False) + count_node([2**25 + 1], 4) + seal_child(_chunk("string", ["a"])), 1),
        "empty-child-with-node": ("A child without rows that has a node.", "bad-value", LIST, head + count_node([0, 0], 4) + seal_child(chunk_head(parse_type("int32"), 0, False) + count_node([0], 4)), 2),
        "empty-child-with-validity": ("A child without rows that has a validity node.", "bad-value", LIST, head + count_node([0, 0], 4) + seal_child(chunk_head(parse_type("int32"), 0, True)), 2),
        "struct-child-missing": ("A struct without its second child.", "truncated", POINT, point + seal_child(x), 1),
        "struct-width": ("A struct of three children.", "schema-mismatch", POINT, with_byte(point, 2, 3) + seal_child(x) + seal_child(label) + seal_child(x), 1),
        "struct-child-rows": ("A child with another number of rows.", "count-mismatch", POINT, point + seal_child(x) + seal_child(_chunk("string", ["a", "b"])), 1),
        "struct-children-swapped": ("Children in another order.", "schema-mismatch", POINT, point + seal_child(label) + seal_child(x), 1),
    }  # fmt: skip
    for name, (about, code, type_, data, rows) in faults.items():
        refuse(book, f"nested-{name}", "5.3", about, code, data, type_, rows)
    map_type = parse_type(MAP)
    entries = parse_type({"struct": [field("key", "string", True), field("value", "int64", True)]})
    entry = encode_chunk(entries, [(None, 1)])
    data = chunk_head(map_type, 1, False) + count_node([1], 4) + seal_child(entry)
    refuse(book, "nested-map-null-key", "2.2", "A null as a key of a map.", "null-in-required", data, MAP, 1)
    data = chunk_head(map_type, 1, False) + count_node([1], 4)
    data += seal_child(encode_chunk(map_type.children[0].type, [None]))
    refuse(
        book, "nested-map-null-entry", "2.2", "An entry of a map is null.", "null-in-required", data, MAP, 1
    )
