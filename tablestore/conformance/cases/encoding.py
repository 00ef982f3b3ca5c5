"""Vectors of spec chapter 4: every encoding."""

from __future__ import annotations

import random
import struct
from typing import Any

from tablestore.conformance.cases import encoding_faults, encoding_symbols
from tablestore.conformance.cases.book import Book
from tablestore.conformance.corpus import Case
from tablestore.conformance.reference_adapter import CLASSES
from tablestore.conformance.values import number, raw_from_json, raw_to_json
from tablestore.reference.encoding import (
    BITPACK,
    CONSTANT,
    DICTIONARY,
    PLAIN,
    PREFIX,
    RLE,
    VAR,
    VARIABLE,
    WIDEN,
    Class,
    fixed,
)
from tablestore.reference.encoding_writer import count_node, encode_node, node
from tablestore.reference.stream import ZSTD


def cases() -> list[Case]:
    book = Book("encoding")
    _constants(book)
    _bitpack(book)
    _delta(book)
    _dictionary(book)
    _strings(book)
    _rle(book)
    _alp(book)
    _widen(book)
    _zstd(book)
    encoding_symbols.add_symbols(book)
    encoding_faults.add_heads(book)
    encoding_faults.add_integers(book)
    encoding_faults.add_structures(book)
    encoding_faults.add_strings(book)
    encoding_faults.add_frames(book)
    return book.cases


def both_ways(
    book: Book,
    name: str,
    section: str,
    about: str,
    class_: str,
    width: int,
    values: list[object],
    **options: Any,
) -> None:
    """A case that encodes the values canonically, and one that decodes the result."""
    given = {"class": class_, "width": width}
    book.valid(f"encode-{name}", section, about, "encode", **given, values=values, **options)
    data = str(book.cases[-1].output)
    about = f"Decoded: {about[0].lower()}{about[1:]}"
    given |= {"count": len(values), "data": data}
    book.valid(f"decode-{name}", section, about, "decode", **given, output=values)


def one_way(
    book: Book,
    name: str,
    section: str,
    about: str,
    class_: str,
    width: int,
    values: list[object],
    encoding: int,
) -> None:
    """A case that decodes the values, of an encoding that leaves its writer a choice."""
    raw = raw_from_json(class_, width, values)
    stored = Class(CLASSES[class_], width)
    given = {
        "class": class_,
        "width": width,
        "count": len(values),
        "data": encode_node(stored, raw, encoding).hex(),
    }
    book.valid(f"decode-{name}", section, about, "decode", **given, output=values)


def _constants(book: Book) -> None:
    forms: dict[str, tuple[str, int, object]] = {
        "bits": ("bits", 0, 1),
        "fixed-1": ("fixed", 1, 255),
        "fixed-8": ("fixed", 8, str(2**63)),
        "fixed-16": ("fixed", 16, "0102" * 8),
        "fixed-3": ("fixed", 3, "010203"),
        "variable": ("variable", 0, "c3a9"),
        "variable-empty": ("variable", 0, ""),
    }
    for name, (class_, width, value) in forms.items():
        about = "Three equal values take the place of one."
        both_ways(book, f"constant-{name}", "4.4", about, class_, width, [value] * 3, encoding="CONSTANT")
    bits: list[object] = [1, 0, 0, 1, 1, 1, 0, 1, 0, 1]
    both_ways(
        book, "plain-bits", "4.5", "Ten bits, least significant first.", "bits", 0, bits, encoding="PLAIN"
    )
    both_ways(book, "plain-bits-8", "4.5", "Eight bits fill a byte.", "bits", 0, bits[:8], encoding="PLAIN")
    numbers: list[object] = [1, 256, 65_535]
    both_ways(book, "plain-fixed-2", "4.5", "Little-endian values.", "fixed", 2, numbers, encoding="PLAIN")
    wide: list[object] = ["010203", "000000", "ffffff"]
    both_ways(book, "plain-fixed-3", "4.5", "Values of three bytes.", "fixed", 3, wide, encoding="PLAIN")


def _bitpack(book: Book) -> None:
    draw = random.Random(46)

    def add(name: str, about: str, width: int, values: list[int], signed: bool = False) -> None:
        forms = raw_to_json(width, values)
        both_ways(
            book, f"bitpack-{name}", "4.6", about, "fixed", width, forms, encoding="BITPACK", signed=signed
        )

    add("short", "Five values of three bits above 100.", 4, [100, 107, 103, 101, 100])
    add("one-value", "A single value needs no bits.", 8, [2**64 - 1])
    add("signed", "-1, 0 and 1: the signed minimum needs two bits.", 4, [2**32 - 1, 0, 1], signed=True)
    add("unsigned", "The same values from the unsigned minimum need 32 bits.", 4, [2**32 - 1, 0, 1])
    add("all-bits-1-byte", "Every bit of a byte.", 1, [0, 255, 128])
    add("all-bits-8-bytes", "Every bit of eight bytes.", 8, [0, 2**64 - 1, 2**63])
    add("signed-extremes", "The least and the greatest int16.", 2, [32_768, 32_767], signed=True)
    add("1023-values", "One value less than a full vector is sequential.", 2, [i % 8 for i in range(1023)])
    add("1024-values", "A full vector of 3 bits in 32 lanes.", 2, [i * 5 % 8 for i in range(1024)])
    add("1024-equal", "A full vector without bits.", 4, [7] * 1024)
    add("1025-values", "A full vector and one value more.", 1, [i % 200 for i in range(1025)])
    add("1024-of-32-bits", "The widest vector of 32 lanes.", 4, [draw.getrandbits(32) for _ in range(1024)])
    add(
        "1024-of-33-bits",
        "The narrowest vector of 16 lanes.",
        8,
        [0, *(draw.getrandbits(33) | 2**32 for _ in range(1023))],
    )
    add(
        "1024-of-64-bits",
        "The widest vector.",
        8,
        [0, 2**64 - 1, *(draw.getrandbits(64) for _ in range(1022))],
    )
    mixed = (
        [draw.getrandbits(11) for _ in range(1024)]
        + [10**12 + draw.getrandbits(40) for _ in range(1024)]
        + [5] * 30
    )
    add("three-vectors", "Each vector has its own width and base.", 8, mixed)
    about = "Readers ignore which kind of minimum was chosen: base ff is a smaller value by 1 than 00."
    data = node(BITPACK, 0, 0, bytes((2, 0xFF, 0b100100)))
    given = {"class": "fixed", "width": 1, "count": 3, "data": data.hex()}
    book.valid("decode-bitpack-wraps", "4.6", about, "decode", **given, output=[255, 0, 1])


def _delta(book: Book) -> None:
    def add(name: str, about: str, width: int, values: list[int]) -> None:
        forms = raw_to_json(width, values)
        both_ways(book, f"delta-{name}", "4.7", about, "fixed", width, forms, encoding="DELTA")

    add("constant", "Equal steps.", 8, list(range(1000, 2000, 10)))
    add("one-value", "A single value is its own start.", 4, [42])
    add("two-values", "Two values have one step.", 4, [42, 40])
    add("unsorted", "Steps of both signs.", 4, [5, 9, 7, 7, 100, 2**32 - 3])
    add("wraps", "Sums are taken modulo 2^8.", 1, [250, 255, 4, 9])
    add("1500-values", "More than one vector of steps.", 8, [i * i for i in range(1500)])


def _dictionary(book: Book) -> None:
    def add(name: str, about: str, class_: str, width: int, values: list[object]) -> None:
        one_way(book, f"dictionary-{name}", "4.8", about, class_, width, values, DICTIONARY)

    add("strings", "Entries in order of their first appearance.", "variable", 0, ["62", "61", "62", "", "61"])
    add("one-entry", "One entry, of which the codes are constant.", "variable", 0, ["6162"] * 4)
    add("integers", "Entries of eight bytes.", "fixed", 8, [10**15, 0, 10**15, 7])
    add("fixed-16", "Entries of 16 bytes.", "fixed", 16, ["00" * 16, "ff" * 16, "00" * 16])
    many: list[object] = [i * 3 % 257 for i in range(600)]
    add("two-byte-codes", "257 entries need codes of two bytes.", "fixed", 4, many)
    codes = encode_node(fixed(4), [0, 0, 0, 1, 1], RLE)
    entries = encode_node(VARIABLE, [b"x", b"y"], VAR)
    data = node(DICTIONARY, 0, 4, struct.pack("<I", 2) + codes + entries)
    given: dict[str, Any] = {"class": "variable", "count": 5, "data": data.hex()}
    about = "Codes of four bytes in run lengths."
    book.valid(
        "decode-dictionary-rle", "4.8", about, "decode", **given, output=["78", "78", "78", "79", "79"]
    )
    about = "An entry that no code uses, and one that is used twice."
    unused = (
        struct.pack("<I", 3)
        + encode_node(fixed(1), [2, 0, 2], BITPACK)
        + encode_node(fixed(1), [7, 8, 9], PLAIN)
    )
    given = {"class": "fixed", "width": 1, "count": 3, "data": node(DICTIONARY, 0, 1, unused).hex()}
    book.valid("decode-dictionary-unused", "4.8", about, "decode", **given, output=[9, 7, 9])


def _strings(book: Book) -> None:
    def add(name: str, section: str, about: str, values: list[bytes], **options: Any) -> None:
        both_ways(book, name, section, about, "variable", 0, [value.hex() for value in values], **options)

    words = [b"ap", b"apple", b"applet", b"apply", b"apt"]
    add("var-words", "4.9", "Lengths and bytes.", words, encoding="VAR")
    add("var-empty", "4.9", "Empty values among others.", [b"", b"a", b"", b"bc"], encoding="VAR")
    add("var-all-empty", "4.9", "Nothing but empty values: an empty stream.", [b"", b""], encoding="VAR")
    add("var-binary", "4.9", "Bytes that are not text.", [b"\0", b"\xff\xfe", b"\0\0"], encoding="VAR")
    add("prefix-words", "4.10", "One bundle with the prefix `ap`.", words, encoding="PREFIX", bundle=16)
    add("prefix-bundle-2", "4.10", "A head every second value.", words, encoding="PREFIX", bundle=2)
    add(
        "prefix-256",
        "4.10",
        "The greatest bundle.",
        [b"%06d" % i for i in range(300)],
        encoding="PREFIX",
        bundle=256,
    )
    add("prefix-none", "4.10", "No common prefix.", [b"a", b"b", b"c"], encoding="PREFIX", bundle=4)
    add(
        "prefix-equal",
        "4.10",
        "Equal values have empty suffixes.",
        [b"same"] * 5,
        encoding="PREFIX",
        bundle=4,
    )
    add("prefix-empty", "4.10", "An empty value first.", [b"", b"a", b"aa"], encoding="PREFIX", bundle=4)
    add(
        "prefix-unsorted",
        "4.10",
        "It need not be sorted.",
        [b"xb", b"xa", b"xbb", b"x"],
        encoding="PREFIX",
        bundle=2,
    )
    prefix = (
        struct.pack("<I", 1)
        + b"k"
        + count_node([1, 0], 4)
        + count_node([1, 2], 4)
        + struct.pack("<I", 3)
        + b"abc"
    )
    given: dict[str, Any] = {"class": "variable", "count": 2, "data": node(PREFIX, 0, 2, prefix).hex()}
    about = "A value that shares less than it could, even less than the prefix."
    book.valid("decode-prefix-shares-nothing", "4.10", about, "decode", **given, output=["6b61", "6263"])


def _rle(book: Book) -> None:
    def add(name: str, about: str, width: int, values: list[object]) -> None:
        one_way(book, f"rle-{name}", "4.11", about, "fixed", width, values, RLE)

    add("runs", "Three runs.", 4, [7, 7, 7, 8, 7, 7])
    add("one-run", "A single run.", 8, [1, 1, 1])
    add("fixed-5", "Runs of values of five bytes.", 5, ["0102030405", "0102030405", "ff00000000"])
    packed = struct.pack("<I", 2) + count_node([2, 3], 4) + encode_node(fixed(2), [5, 6], BITPACK)
    given = {"class": "fixed", "width": 2, "count": 5, "data": node(RLE, 0, 0, packed).hex()}
    book.valid("decode-rle-bitpack", "4.11", "Packed run values.", "decode", **given, output=[5, 5, 6, 6, 6])
    split = struct.pack("<I", 2) + count_node([2, 3], 4) + encode_node(fixed(2), [5, 5], CONSTANT)
    given["data"] = node(RLE, 0, 0, split).hex()
    about = "Neighbouring runs may have one value."
    book.valid("decode-rle-equal-runs", "4.11", about, "decode", **given, output=[5] * 5)


def _alp(book: Book) -> None:
    def add(name: str, about: str, values: list[float], exponent: int, factor: int) -> None:
        bits = [number(int.from_bytes(struct.pack("<d", value), "little")) for value in values]
        options = {"encoding": "ALP", "exponent": exponent, "factor": factor}
        both_ways(book, f"alp-{name}", "4.12", about, "fixed", 8, list(bits), **options)

    add("cents", "Two decimal places.", [1.25, -0.01, 100.0, 3.5, 19.99], 14, 12)
    add("integers", "Whole numbers.", [0.0, 1.0, -5.0, 1e15], 0, 0)
    special = [1.5, float("nan"), -0.0, float("inf"), 1e300, 0.1 + 0.2, 2.5]
    add("exceptions", "NaN, -0, infinity, a large value and too many digits are exceptions.", special, 2, 0)
    add(
        "first-is-exception",
        "The digit of an exception without a value before it is 0.",
        [float("nan"), 1.5],
        1,
        0,
    )
    add("only-exceptions", "Nothing but exceptions.", [float("nan"), float("inf")], 3, 1)
    add("limit", "A digit of 2^51 is an exception, one less is not.", [float(2**51), float(2**51 - 1)], 0, 0)


def _widen(book: Book) -> None:
    def add(name: str, about: str, values: list[int]) -> None:
        forms = raw_to_json(16, [value % 2**128 for value in values])
        one_way(book, f"widen-{name}", "4.13", about, "fixed", 16, forms, WIDEN)

    add("small", "Small decimals of both signs.", [0, 1, -1, 12_345])
    add("extremes", "The least and greatest value of eight bytes.", [2**63 - 1, -(2**63)])
    add("equal", "Equal values.", [-7, -7])


def _zstd(book: Book) -> None:
    """Frames are read, and never compared: compressors differ."""
    text = [b"the quick brown fox %d" % (i % 3) for i in range(40)]
    numbers = [i % 7 for i in range(200)]
    streams: dict[str, tuple[dict[str, Any], bytes, list[object]]] = {
        "plain-fixed": (
            {"class": "fixed", "width": 8},
            encode_node(fixed(8), numbers, PLAIN, codec=ZSTD),
            list(numbers),
        ),
        "var": ({"class": "variable"}, encode_node(VARIABLE, text, VAR, codec=ZSTD), [v.hex() for v in text]),
        "prefix": (
            {"class": "variable"},
            encode_node(VARIABLE, text, PREFIX, codec=ZSTD),
            [v.hex() for v in text],
        ),
    }
    for name, (given, data, values) in streams.items():
        given |= {"count": len(values), "data": data.hex()}
        book.valid(
            f"decode-zstd-{name}", "4.3", f"A zstd stream in {name}.", "decode", **given, output=values
        )
    for name, frame in encoding_faults.GOOD_FRAMES.items():
        given = {"class": "fixed", "width": 1, "count": 4, "data": node(PLAIN, ZSTD, 0, frame).hex()}
        about = "A frame written by hand: " + name.replace("-", " ") + "."
        book.valid(f"decode-zstd-{name}", "4.3", about, "decode", **given, output=list(b"abcd"))
