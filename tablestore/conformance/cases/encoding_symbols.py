"""Vectors of spec §4.14: FSST. Nodes are put together by hand from symbols and codes."""

# ruff: noqa: E501 - tables of cases, a line each
from __future__ import annotations

import struct
from collections.abc import Sequence

from tablestore.conformance.cases.book import Book, with_byte, with_bytes
from tablestore.reference.encoding import BITPACK, DICTIONARY, FSST, PLAIN, fixed
from tablestore.reference.encoding_writer import count_node, encode_node, fsst_body, node
from tablestore.reference.fsst import write_symbols

SYMBOLS = (b"e", b"b", b"er", b"ba", b"mason_")
WORDS = [b"baker", b"mason_e", b"beer", b"", b"ba!"]


def written(
    values: Sequence[bytes], symbols: Sequence[bytes], codes: Sequence[bytes], bundle: int = 2
) -> bytes:
    """A node of the values with codes of each bundle as given, right or wrong."""
    lengths = [len(value) for value in values]
    head = count_node(lengths, 4) + struct.pack("<I", sum(lengths)) + write_symbols(symbols)
    return node(FSST, 0, bundle, head + count_node([len(part) for part in codes], 4) + b"".join(codes))


def add_symbols(book: Book) -> None:
    every_byte = [bytes(range(at, at + 16)) for at in range(0, 256, 16)]
    single = [bytes((byte,)) for byte in range(255)]
    numbered = [b"row %03d" % row for row in range(300)]
    forms: dict[str, tuple[str, list[bytes], bytes]] = {
        "bundle-2": ("Three bundles, two escapes, an empty value.", WORDS, node(FSST, 0, 2, fsst_body(WORDS, 2, SYMBOLS))),
        "bundle-1": ("Each value is a bundle.", WORDS, node(FSST, 0, 1, fsst_body(WORDS, 1, SYMBOLS))),
        "bundle-256": ("A full bundle and another; values of one length.", numbered, node(FSST, 0, 256, fsst_body(numbered, 256, [b"row ", b"row 1"]))),
        "no-symbols": ("Every byte behind an escape, 255 too.", every_byte, node(FSST, 0, 4, fsst_body(every_byte, 4, []))),
        "255-symbols": ("As many symbols as there may be: code 254 is the last, byte 255 needs the escape.", every_byte, node(FSST, 0, 16, fsst_body(every_byte, 16, single))),
        "long-symbols": ("Symbols of eight bytes.", [b"12345678" * 3, b"abcdefgh12345678"], node(FSST, 0, 2, fsst_body([b"12345678" * 3, b"abcdefgh12345678"], 2, [b"12345678", b"abcdefgh"]))),
        "all-empty": ("Values without bytes have no codes.", [b"", b"", b""], written([b"", b"", b""], [b"a"], [b"", b""])),
        "across-values": ("A symbol ends one value and begins the next.", [b"ab", b"cd"], written([b"ab", b"cd"], [b"abcd"], [b"\0"])),
        "other-division": ("Shorter symbols than there could be, and an escape that was not needed.", [b"abc"], written([b"abc"], [b"a", b"b", b"ab"], [b"\0\1\xffc"])),
        "unused-and-equal": ("A symbol that is not used, and one that is there twice.", [b"xx"], written([b"xx"], [b"q", b"x", b"x"], [b"\1\2"])),
    }  # fmt: skip
    for name, (about, values, data) in forms.items():
        given = {"class": "variable", "count": len(values), "data": data.hex()}
        output = [value.hex() for value in values]
        book.valid(f"decode-fsst-{name}", "4.14", about, "decode", **given, output=output)
    _add_faults(book)


def _add_faults(book: Book) -> None:
    """One fault each in a node of three values in two bundles."""
    values = [b"aa", b"abc", b"b"]
    symbols = (b"a", b"b")
    codes = [b"\0\0\0\1\xffc", b"\1"]
    good = written(values, symbols, codes)
    lengths, total = count_node([2, 3, 1], 4), struct.pack("<I", 6)
    table, sizes = write_symbols(symbols), count_node([6, 1], 4)
    stream = b"".join(codes)

    def pieces(*parts: bytes) -> bytes:
        return node(FSST, 0, 2, b"".join(parts))

    assert good == pieces(lengths, total, table, sizes, stream)
    large = struct.pack("<I", 2**24 + 1)
    faults: dict[str, tuple[str, str, bytes]] = {
        "256-symbols": ("One symbol more than there are codes.", "bad-symbol", pieces(lengths, total, bytes((128, 128, 0, 0, 0, 0, 0, 0)), bytes(384), sizes, stream)),
        "counts-cut": ("The numbers of symbols end early.", "truncated", pieces(lengths, total, bytes(7))),
        "symbols-cut": ("The bytes of the symbols end early.", "truncated", pieces(lengths, total, b"\0" * 7 + b"\2", bytes(15))),
        "code-2-of-2": ("A code without a symbol.", "bad-symbol", written(values, symbols, [b"\0\0\0\1\2", b"\1"])),
        "code-254": ("The last code, without a symbol.", "bad-symbol", written(values, symbols, [b"\0\0\0\1\xfe", b"\1"])),
        "escape-at-end": ("An escape at the end of a bundle; the byte behind it belongs to the next.", "bad-symbol", written(values, symbols, [b"\0\0\0\1\xff", b"c\1"])),
        "bundle-short": ("The codes of a bundle stand for too few bytes.", "bad-symbol", written(values, symbols, [b"\0\0\0\1", b"\1"])),
        "bundle-long": ("The codes of a bundle stand for too many bytes.", "bad-symbol", written(values, symbols, [b"\0\0\0\1\xffc", b"\1\1"])),
        "bundles-shifted": ("All bytes are there, but a byte of the first bundle is in the second.", "bad-symbol", written(values, symbols, [b"\0\0\0\1", b"\xffc\1"])),
        "codes-cut": ("The last code is missing.", "truncated", pieces(lengths, total, table, sizes, stream[:-1])),
        "codes-left-over": ("A byte after the last code.", "size-mismatch", pieces(lengths, total, table, sizes, stream + b"\0")),
        "code-lengths-4-gib": ("A bundle of 4 GiB of codes.", "truncated", pieces(lengths, total, table, count_node([2**32 - 1, 1], 4), stream)),
        "code-lengths-wrap": ("Code lengths that add up to 7 modulo 2^32.", "truncated", pieces(lengths, total, table, count_node([2**32 - 1, 8], 4), stream)),
        "code-lengths-plain": ("PLAIN code lengths.", "bad-encoding", pieces(lengths, total, table, encode_node(fixed(4), [6, 1], PLAIN), stream)),
        "without-code-lengths": ("Nothing after the symbols.", "truncated", pieces(lengths, total, table)),
        "lengths-plain": ("PLAIN lengths.", "bad-encoding", pieces(encode_node(fixed(4), [2, 3, 1], PLAIN), total, table, sizes, stream)),
        "sum-small": ("Lengths add up to less than the raw size.", "length-sum", pieces(lengths, struct.pack("<I", 7), table, sizes, stream)),
        "sum-large": ("Lengths add up to more than the raw size.", "length-sum", pieces(lengths, struct.pack("<I", 5), table, sizes, stream)),
        "sum-wraps": ("Lengths add up to the raw size modulo 2^32.", "length-sum", pieces(count_node([2**32 - 1, 3, 4], 4), total, table, sizes, stream)),
        "without-raw-size": ("Nothing after the lengths.", "truncated", pieces(lengths)),
        "raw-size-huge": ("A raw size of 32 MiB + 1.", "limit-exceeded", pieces(lengths, struct.pack("<I", 2**25 + 1), table, sizes, stream)),
        "value-huge": ("A value of 16 MiB + 1.", "limit-exceeded", pieces(encode_node(fixed(4), [2**24 + 1, 0, 0], BITPACK), large, table, sizes, stream)),
        "codec": ("FSST has no codec.", "bad-codec", with_byte(good, 1, 1)),
        "bundle-0": ("A bundle of no values.", "bad-parameter", with_byte(good, 2, 0)),
        "bundle-3": ("A bundle that is no power of two.", "bad-parameter", with_byte(good, 2, 3)),
        "bundle-512": ("A bundle of 512.", "bad-parameter", with_bytes(good, 2, b"\0\2")),
        "in-dictionary": ("Entries in FSST.", "bad-encoding", node(DICTIONARY, 0, 1, struct.pack("<I", 3) + count_node([0, 1, 2], 1) + good)),
    }  # fmt: skip
    for name, (about, code, data) in faults.items():
        given = {"class": "variable", "count": 3, "data": data.hex()}
        book.invalid(f"fsst-{name}", "4.14", about, "decode", code, **given)
    given = {"class": "fixed", "width": 4, "count": 3, "data": good.hex()}
    book.invalid("fsst-in-fixed", "4.14", "FSST is for byte strings.", "decode", "bad-encoding", **given)
    bomb = written([bytes(2**24), b""], [bytes(8)], [bytes(2**10)])
    given = {"class": "variable", "count": 2, "data": bomb.hex()}
    about = "1,024 codes that should stand for 16 MiB."
    book.invalid("fsst-bomb", "4.14", about, "decode", "bad-symbol", **given)
