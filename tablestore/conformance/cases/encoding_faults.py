"""Invalid vectors of spec chapter 4: each is a right node with one fault."""

# ruff: noqa: E501 - tables of cases, a line each
from __future__ import annotations

import struct
from typing import Any

from tablestore.conformance.cases.book import Book, with_byte, with_bytes
from tablestore.reference.encoding import (
    ALP,
    BITPACK,
    BITS,
    CONSTANT,
    DELTA,
    DICTIONARY,
    PLAIN,
    PREFIX,
    RLE,
    VAR,
    VARIABLE,
    WIDEN,
    fixed,
)
from tablestore.reference.encoding_writer import count_node, encode_node, node
from tablestore.reference.stream import ZSTD, compress

# Frames of RFC 8878 by hand. Magic, descriptor, [window], content size, one raw block (last) of four bytes.
MAGIC = bytes.fromhex("28b52ffd")
BLOCK = struct.pack("<I", 4 << 3 | 1)[:3] + b"abcd"
SINGLE = MAGIC + bytes((0x20, 4)) + BLOCK
GOOD_FRAMES = {
    "single-segment": SINGLE,
    "window-1-kib": MAGIC + bytes((0x80, 0)) + struct.pack("<I", 4) + BLOCK,
    "window-8-mib": MAGIC + bytes((0x80, 13 << 3)) + struct.pack("<I", 4) + BLOCK,
    "content-size-of-8-bytes": MAGIC + bytes((0xE0,)) + struct.pack("<Q", 4) + BLOCK,
}
BAD_FRAMES = {
    "no-magic": b"\0" + SINGLE[1:],
    "skippable": bytes.fromhex("502a4d1804000000") + b"abcd",
    "skippable-before": bytes.fromhex("502a4d1800000000") + SINGLE,
    "two-frames": SINGLE + SINGLE,
    "trailing-byte": SINGLE + b"\0",
    "truncated": SINGLE[:-1],
    "header-only": SINGLE[:6],
    "cut-in-magic": SINGLE[:3],
    "no-content-size": MAGIC + bytes((0x00, 0)) + BLOCK,
    "content-size-smaller": MAGIC + bytes((0x20, 3)) + BLOCK,
    "content-size-larger": MAGIC + bytes((0x20, 5)) + BLOCK,
    "dictionary-id": MAGIC + bytes((0x21, 7, 4)) + BLOCK,
    "reserved-bit": MAGIC + bytes((0x28, 4)) + BLOCK,
    "window-above-8-mib": MAGIC + bytes((0x80, 13 << 3 | 1)) + struct.pack("<I", 4) + BLOCK,
    "window-log-41": MAGIC + bytes((0x80, 31 << 3)) + struct.pack("<I", 4) + BLOCK,
    "reserved-block": MAGIC + bytes((0x20, 4)) + struct.pack("<I", 4 << 3 | 7)[:3] + b"abcd",
    "checksum-wrong": MAGIC + bytes((0x24, 4)) + BLOCK + b"\0\0\0\0",
}
LENGTHS = encode_node(fixed(4), [1, 2, 3], BITPACK)


def refuse(
    book: Book,
    name: str,
    section: str,
    about: str,
    code: str,
    data: bytes,
    count: int,
    class_: str,
    width: int = 0,
) -> None:
    given: dict[str, Any] = {"class": class_, "width": width, "count": count, "data": data.hex()}
    book.invalid(name, section, about, "decode", code, **given)


def add_heads(book: Book) -> None:
    """Faults of the head of a node (spec §4.2)."""
    good = encode_node(fixed(4), [1, 2, 3], PLAIN)
    bits = encode_node(BITS, [1, 0, 1], PLAIN)
    faults: dict[str, tuple[str, str, bytes]] = {
        "head-cut": ("Seven bytes of a head.", "truncated", good[:7]),
        "head-missing": ("No byte at all.", "truncated", b""),
        "size-past-end": ("The size leads out of the input.", "truncated", with_byte(good, 4, 13)),
        "size-4-gib": ("A size of 4 GiB - 1.", "truncated", with_bytes(good, 4, b"\xff" * 4)),
        "encoding-11": ("An encoding that does not exist.", "bad-encoding", with_byte(good, 0, 11)),
        "encoding-255": ("An encoding that does not exist.", "bad-encoding", with_byte(good, 0, 255)),
        "var-in-fixed": ("An encoding of another class.", "bad-encoding", with_byte(good, 0, VAR)),
        "alp-in-4-bytes": ("ALP is for eight bytes.", "bad-encoding", with_byte(good, 0, ALP)),
        "widen-in-4-bytes": ("WIDEN is for sixteen bytes.", "bad-encoding", with_byte(good, 0, WIDEN)),
        "codec-2": ("A codec that does not exist.", "bad-codec", with_byte(good, 1, 2)),
        "codec-in-constant": (
            "A node without stream has no codec.",
            "bad-codec",
            with_byte(count_node([1], 4), 1, 1),
        ),
        "parameter-in-plain": ("PLAIN has no parameter.", "bad-parameter", with_byte(good, 2, 1)),
        "body-short": ("A body that ends early.", "truncated", node(PLAIN, 0, 0, good[8:-1])),
        "body-long": ("A byte left over in the body.", "size-mismatch", node(PLAIN, 0, 0, good[8:] + b"\0")),
        "after-node": ("A byte left over after the node.", "size-mismatch", good + b"\0"),
        "constant-short": ("A constant of three bytes.", "truncated", node(CONSTANT, 0, 0, b"abc")),
        "constant-long": ("A constant of five bytes.", "size-mismatch", node(CONSTANT, 0, 0, b"abcde")),
    }
    for name, (about, code, data) in faults.items():
        refuse(book, name, "4.2", about, code, data, 3, "fixed", 4)
    about = "BITPACK is for integers."
    refuse(book, "bitpack-in-bits", "4.2", about, "bad-encoding", with_byte(bits, 0, BITPACK), 3, "bits")
    about = "PLAIN is not for byte strings."
    refuse(book, "plain-in-variable", "4.2", about, "bad-encoding", with_byte(bits, 0, PLAIN), 3, "variable")
    about = "BITPACK is for 1, 2, 4 and 8 bytes."
    refuse(
        book, "bitpack-in-3-bytes", "4.2", about, "bad-encoding", node(BITPACK, 0, 0, bytes(4)), 1, "fixed", 3
    )
    about = "A constant bit of 2."
    refuse(book, "constant-bit-2", "4.4", about, "bad-value", node(CONSTANT, 0, 0, b"\2"), 3, "bits")
    about = "An unused bit is set."
    refuse(book, "plain-unused-bit", "4.5", about, "bad-value", with_byte(bits, -1, 0b1101), 3, "bits")
    refuse(
        book,
        "plain-bits-long",
        "4.5",
        "A byte too many.",
        "size-mismatch",
        node(PLAIN, 0, 0, b"\0\0"),
        3,
        "bits",
    )


def add_integers(book: Book) -> None:
    """Faults of BITPACK, DELTA and WIDEN."""
    packed = encode_node(fixed(1), [0, 1, 7], BITPACK)
    body = packed[8:]
    faults: dict[str, tuple[str, str, bytes]] = {
        "bitpack-width-9": ("Nine bits of a byte.", "bad-width", with_byte(packed, 8, 9)),
        "bitpack-width-255": ("255 bits.", "bad-width", with_byte(packed, 8, 255)),
        "bitpack-parameter-2": ("A parameter other than 0 and 1.", "bad-parameter", with_byte(packed, 2, 2)),
        "bitpack-no-widths": ("An empty body.", "truncated", node(BITPACK, 0, 0, b"")),
        "bitpack-short": ("The last byte is missing.", "truncated", node(BITPACK, 0, 0, body[:-1])),
        "bitpack-long": ("A byte left over.", "size-mismatch", node(BITPACK, 0, 0, body + b"\0")),
        "bitpack-unused-bits": (
            "Unused bits are set.",
            "bad-value",
            with_byte(packed, -1, packed[-1] | 0x80),
        ),
        "delta-child-plain": (
            "The steps are PLAIN.",
            "bad-encoding",
            node(DELTA, 0, 0, b"\0" + encode_node(fixed(1), [1, 2, 3], PLAIN)),
        ),
        "delta-without-child": ("Only a start.", "truncated", node(DELTA, 0, 0, b"\0")),
        "delta-parameter": (
            "DELTA has no parameter.",
            "bad-parameter",
            node(DELTA, 0, 1, b"\0" + count_node([1], 1)),
        ),
        "delta-left-over": (
            "A byte after the steps.",
            "size-mismatch",
            node(DELTA, 0, 0, b"\0" + count_node([1], 1) + b"\0"),
        ),
    }
    for name, (about, code, data) in faults.items():
        section = "4.6" if name.startswith("bitpack") else "4.7"
        refuse(book, name, section, about, code, data, 3, "fixed", 1)
    full = encode_node(fixed(8), [0, 2**40, *range(1022)], BITPACK)
    cut = node(BITPACK, 0, 0, full[8:-1])
    refuse(
        book,
        "bitpack-full-short",
        "4.6",
        "A full vector without its last byte.",
        "truncated",
        cut,
        1024,
        "fixed",
        8,
    )
    wide = node(WIDEN, 0, 0, encode_node(fixed(8), [1, 2, 1], RLE))
    about = "RLE below WIDEN."
    refuse(book, "widen-child-rle", "4.13", about, "bad-encoding", wide, 3, "fixed", 16)
    narrow = node(WIDEN, 0, 0, encode_node(fixed(4), [1, 2, 1], PLAIN))
    about = "A child of four bytes."
    refuse(book, "widen-child-short", "4.13", about, "truncated", narrow, 3, "fixed", 16)


def add_structures(book: Book) -> None:
    """Faults of DICTIONARY, RLE and ALP."""

    def dictionary(entries: int, codes: bytes, values: bytes, parameter: int = 1) -> bytes:
        return node(DICTIONARY, 0, parameter, struct.pack("<I", entries) + codes + values)

    codes, values = count_node([0, 1, 1], 1), encode_node(fixed(2), [7, 8], PLAIN)
    runs, run_values = count_node([2, 1], 4), encode_node(fixed(2), [7, 8], PLAIN)
    plain_codes = encode_node(fixed(1), [0, 1, 1], PLAIN)

    def run_lengths(count: int, lengths: bytes, values: bytes = run_values) -> bytes:
        return node(RLE, 0, 0, struct.pack("<I", count) + lengths + values)

    faults: dict[str, tuple[str, str, bytes]] = {
        "dictionary-code-too-large": ("A code of 2 of 2.", "bad-dictionary", dictionary(2, count_node([0, 1, 2], 1), values)),
        "dictionary-empty": ("No entries.", "bad-dictionary", dictionary(0, codes, b"")),
        "dictionary-larger-than-n": ("Four entries of three values.", "bad-dictionary", dictionary(4, codes, values)),
        "dictionary-4-gib": ("2^32 - 1 entries.", "bad-dictionary", dictionary(2**32 - 1, codes, values)),
        "dictionary-code-width-3": ("Codes of three bytes.", "bad-parameter", dictionary(2, codes, values, 3)),
        "dictionary-code-width-8": ("Codes of eight bytes.", "bad-parameter", dictionary(2, codes, values, 8)),
        "dictionary-codes-plain": ("PLAIN codes.", "bad-encoding", dictionary(2, plain_codes, values)),
        "dictionary-entries-packed": (
            "BITPACK entries.", "bad-encoding", dictionary(2, codes, encode_node(fixed(2), [7, 8], BITPACK))
        ),
        "dictionary-in-dictionary": (
            "A dictionary of a dictionary.",
            "bad-encoding",
            dictionary(2, codes, encode_node(fixed(2), [7, 8], DICTIONARY)),
        ),
        "dictionary-without-entries": ("The entries are missing.", "truncated", dictionary(2, codes, b"")),
        "dictionary-entries-short": (
            "One entry where two are due.", "truncated", dictionary(2, codes, encode_node(fixed(2), [7], PLAIN))
        ),
        "rle-no-runs": ("No runs.", "bad-run", run_lengths(0, b"", b"")),
        "rle-more-runs-than-values": ("Four runs of three values.", "bad-run", run_lengths(4, runs)),
        "rle-length-0": ("A run of no values.", "bad-run", run_lengths(2, count_node([3, 0], 4))),
        "rle-sum-small": ("Runs of two values.", "bad-run", run_lengths(2, count_node([1, 1], 4))),
        "rle-sum-large": ("Runs of four values.", "bad-run", run_lengths(2, count_node([1, 3], 4))),
        "rle-sum-wraps": ("Runs that add up to 3 modulo 2^32.", "bad-run", run_lengths(2, count_node([2**32 - 1, 4], 4))),
        "rle-lengths-plain": (
            "PLAIN lengths.", "bad-encoding", run_lengths(2, encode_node(fixed(4), [2, 1], PLAIN))
        ),
        "rle-values-rle": (
            "Run lengths of run lengths.", "bad-encoding", run_lengths(2, runs, encode_node(fixed(2), [7, 8], RLE))
        ),
    }  # fmt: skip
    for name, (about, code, data) in faults.items():
        section = "4.8" if name.startswith("dictionary") else "4.11"
        refuse(book, name, section, about, code, data, 3, "fixed", 2)
    _add_alp(book)


def _add_alp(book: Book) -> None:
    def alp(count: int, positions: list[int], parameter: int = 2, values: int | None = None) -> bytes:
        digits = count_node([1, 2, 3], 8, signed=True)
        places = b"".join(struct.pack("<I", position) for position in positions)
        originals = bytes(8 * (len(positions) if values is None else values))
        return node(ALP, 0, parameter, struct.pack("<I", count) + digits + places + originals)

    faults: dict[str, tuple[str, str, bytes]] = {
        "exponent-19": ("An exponent of 19.", "bad-parameter", alp(0, [], 19)),
        "factor-above-exponent": ("A factor above the exponent.", "bad-parameter", alp(0, [], 2 + 256 * 3)),
        "exceptions-4-of-3": ("More exceptions than values.", "bad-exception", alp(4, [0, 1, 2, 3])),
        "exceptions-4-gib": ("2^32 - 1 exceptions.", "bad-exception", alp(2**32 - 1, [])),
        "position-3-of-3": ("A position past the end.", "bad-exception", alp(1, [3])),
        "positions-equal": ("A position twice.", "bad-exception", alp(2, [1, 1])),
        "positions-descend": ("Positions in descending order.", "bad-exception", alp(2, [2, 0])),
        "values-missing": ("An exception without value.", "truncated", alp(1, [0], values=0)),
        "values-left-over": ("A value without exception.", "size-mismatch", alp(0, [], values=1)),
        "positions-missing": ("No positions.", "truncated", alp(2, [])),
        "digits-delta": (
            "Digits in DELTA.",
            "bad-encoding",
            node(ALP, 0, 2, struct.pack("<I", 0) + encode_node(fixed(8), [1, 2, 3], DELTA)),
        ),
    }
    for name, (about, code, data) in faults.items():
        refuse(book, f"alp-{name}", "4.12", about, code, data, 3, "fixed", 8)


def add_strings(book: Book) -> None:
    """Faults of VAR, PREFIX and values that are too large."""

    def var(lengths: bytes, raw_size: int, stream: bytes) -> bytes:
        return node(VAR, 0, 0, lengths + struct.pack("<I", raw_size) + stream)

    def prefixed(
        shared: list[int], suffixes: list[int], prefix: bytes = b"p", bundle: int = 2, size: int | None = None
    ) -> bytes:
        total = sum(suffixes) if size is None else size
        body = struct.pack("<I", len(prefix)) + prefix + count_node(shared, 4) + count_node(suffixes, 4)
        return node(PREFIX, 0, bundle, body + struct.pack("<I", total) + bytes(total))

    good = prefixed([1, 2, 1], [1, 1, 1])
    huge = count_node([2**24 + 1] * 3, 4)
    faults: dict[str, tuple[str, str, bytes]] = {
        "var-sum-small": ("Lengths add up to less than the raw size.", "length-sum", var(LENGTHS, 7, bytes(7))),
        "var-sum-large": ("Lengths add up to more than the raw size.", "length-sum", var(LENGTHS, 5, bytes(5))),
        "var-sum-wraps": (
            "Lengths add up to the raw size modulo 2^32.",
            "length-sum",
            var(count_node([2**32 - 2, 2, 2], 4), 2, b"ab"),
        ),
        "var-stream-short": ("The stream ends early.", "truncated", var(LENGTHS, 6, bytes(5))),
        "var-stream-long": ("The stream is too long.", "size-mismatch", var(LENGTHS, 6, bytes(7))),
        "var-without-raw-size": ("Nothing after the lengths.", "truncated", node(VAR, 0, 0, LENGTHS)),
        "var-raw-size-huge": ("A raw size of 32 MiB + 1.", "limit-exceeded", var(LENGTHS, 2**25 + 1, b"")),
        "var-raw-size-4-gib": ("A raw size of 4 GiB - 1.", "limit-exceeded", var(huge, 2**32 - 1, b"")),
        "var-lengths-plain": ("PLAIN lengths.", "bad-encoding", var(encode_node(fixed(4), [1, 2, 3], PLAIN), 6, bytes(6))),
        "var-parameter": ("VAR has no parameter.", "bad-parameter", with_byte(var(LENGTHS, 6, bytes(6)), 2, 1)),
        "prefix-head-shares-less": ("A head shares less than the prefix.", "bad-prefix", prefixed([1, 2, 0], [1, 1, 1])),
        "prefix-head-shares-more": ("A head shares more than the prefix.", "bad-prefix", prefixed([1, 2, 2], [1, 1, 1])),
        "prefix-shared-past-head": ("A value shares more than its head.", "bad-prefix", prefixed([1, 3, 1], [1, 1, 1])),
        "prefix-shared-4-gib": ("A value shares 4 GiB.", "bad-prefix", prefixed([1, 2**32 - 1, 1], [1, 1, 1])),
        "prefix-sum": ("Suffixes add up to less than the raw size.", "length-sum", prefixed([1, 2, 1], [1, 1, 1], size=4)),
        "prefix-bundle-3": ("A bundle that is no power of two.", "bad-parameter", with_byte(good, 2, 3)),
        "prefix-bundle-1": ("A bundle of one.", "bad-parameter", with_byte(good, 2, 1)),
        "prefix-bundle-512": ("A bundle of 512.", "bad-parameter", with_bytes(good, 2, b"\0\2")),
        "prefix-size-past-end": ("A prefix longer than the body.", "truncated", with_byte(good, 8, 200)),
        "dictionary-of-bits": ("Entries in BITPACK.", "bad-encoding", node(
            DICTIONARY, 0, 1, struct.pack("<I", 1) + count_node([0, 0, 0], 1) + node(BITPACK, 0, 0, b"\0\0"))),
    }  # fmt: skip
    for name, (about, code, data) in faults.items():
        section = {"var": "4.9", "prefix": "4.10"}.get(name.partition("-")[0], "4.8")
        refuse(book, name, section, about, code, data, 3, "variable")
    _add_expansions(book)


def _add_expansions(book: Book) -> None:
    """Small nodes that stand for more bytes than a chunk may have (spec §0.5)."""
    constant = node(CONSTANT, 0, 0, bytes(1000))
    about = "65,536 times a value of 1,000 bytes."
    refuse(book, "constant-bomb", "0.5", about, "limit-exceeded", constant, 65_536, "variable")
    entry = encode_node(VARIABLE, [bytes(1000)], CONSTANT)
    dictionary = node(DICTIONARY, 0, 1, struct.pack("<I", 1) + count_node([0], 1) + entry)
    refuse(book, "dictionary-bomb", "0.5", about, "limit-exceeded", dictionary, 65_536, "variable")
    prefix = struct.pack("<I", 1000) + bytes(1000) + count_node([1000], 4) + count_node([0], 4) + bytes(4)
    data = node(PREFIX, 0, 2, prefix)
    refuse(book, "prefix-bomb", "0.5", about, "limit-exceeded", data, 65_536, "variable")
    size = 2**24 + 1
    prefix = struct.pack("<I", 100) + bytes(100) + count_node([100], 4) + count_node([size], 4)
    data = node(PREFIX, 0, 2, prefix + struct.pack("<I", size))
    refuse(
        book, "value-cut", "4.10", "A stream of 16 MiB that is not there.", "truncated", data, 1, "variable"
    )


def add_frames(book: Book) -> None:
    """Faults of zstd frames (spec §4.3)."""
    for name, frame in BAD_FRAMES.items():
        about = "A frame is refused: " + name.replace("-", " ") + "."
        data = node(PLAIN, ZSTD, 0, frame)
        refuse(book, f"zstd-{name}", "4.3", about, "bad-codec", data, 4, "fixed", 1)
    empty = compress(b"")
    data = node(VAR, ZSTD, 0, count_node([0, 0], 4) + struct.pack("<I", 0) + empty)
    about = "An empty stream in a frame."
    refuse(book, "zstd-empty-stream", "4.3", about, "bad-codec", data, 2, "variable")
    bomb = compress(bytes(4_000_000), 19)
    about = "A frame of 4 MB where four bytes are due."
    refuse(book, "zstd-bomb", "4.3", about, "bad-codec", node(PLAIN, ZSTD, 0, bomb), 4, "fixed", 1)
