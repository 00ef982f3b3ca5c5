"""Nodes (spec chapter 4): what wrong, hostile and damaged bytes lead to."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import zstandard
from chunk_cases import (
    DOUBLES,
    INTEGERS,
    SHAPES,
    TEXTS,
    arrow,
    integers,
    outcome,
    strings,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tablestore._native.encoding import decode_node, encode_node
from tablestore.errors import FormatError, LimitExceededError

CONSTANT, PLAIN, BITPACK, DELTA, DICTIONARY, VAR, PREFIX, RLE, ALP, WIDEN, FSST = range(11)
FIXED_ENCODINGS = [-1, PLAIN, BITPACK, DELTA, DICTIONARY, RLE]


def node(encoding: int, body: bytes, parameter: int = 0, codec: int = 0) -> bytes:
    return struct.pack("<BBHI", encoding, codec, parameter, len(body)) + body


def raw(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values).view(np.uint8).ravel()


def check_fixed(values: np.ndarray, width: int, encoding: int, **parameters: object) -> bytes:
    data = encode_node(raw(values), "fixed", width, encoding, **parameters)
    decoded = decode_node(data, "fixed", width, len(raw(values)) // width)
    assert decoded.tobytes() == raw(values).tobytes()
    if encoding >= 0:
        assert data[0] == encoding
    return data


# ---- rejects ----

ONES = node(CONSTANT, struct.pack("<I", 1))
BYTE_CODES = node(BITPACK, bytes([1, 0, 0b10]))


def frame(data: bytes, **options: object) -> bytes:
    return zstandard.ZstdCompressor(level=3, **options).compress(data)


def skippable(data: bytes) -> bytes:
    return struct.pack("<II", 0x184D2A50, 4) + b"skip" + frame(data)


FAULTS = [
    # name, class, width, n, node, code
    ("empty", "fixed", 4, 1, b"", "truncated"),
    ("half a header", "fixed", 4, 1, b"\1\0\0", "truncated"),
    ("size past the end", "fixed", 4, 1, node(PLAIN, bytes(4))[:-1], "truncated"),
    ("bytes after the node", "fixed", 4, 1, node(PLAIN, bytes(4)) + b"x", "size-mismatch"),
    ("unknown encoding", "fixed", 4, 1, node(11, bytes(4)), "bad-encoding"),
    ("encoding 255", "fixed", 4, 1, node(255, bytes(4)), "bad-encoding"),
    ("VAR of fixed", "fixed", 4, 1, node(VAR, bytes(4)), "bad-encoding"),
    ("PLAIN of strings", "variable", 0, 1, node(PLAIN, bytes(4)), "bad-encoding"),
    ("RLE of bits", "bits", 0, 1, node(RLE, bytes(4)), "bad-encoding"),
    ("BITPACK of three bytes", "fixed", 3, 1, node(BITPACK, bytes(4)), "bad-encoding"),
    ("ALP of four bytes", "fixed", 4, 1, node(ALP, bytes(4)), "bad-encoding"),
    ("WIDEN of eight bytes", "fixed", 8, 1, node(WIDEN, bytes(4)), "bad-encoding"),
    ("codec 2", "fixed", 4, 1, node(PLAIN, bytes(4), codec=2), "bad-codec"),
    ("CONSTANT with codec", "fixed", 4, 1, node(CONSTANT, bytes(4), codec=1), "bad-codec"),
    ("parameter of PLAIN", "fixed", 4, 1, node(PLAIN, bytes(4), 1), "bad-parameter"),
    ("parameter of BITPACK", "fixed", 1, 1, node(BITPACK, bytes(2), 2), "bad-parameter"),
    ("CONSTANT too short", "fixed", 4, 1, node(CONSTANT, bytes(3)), "truncated"),
    ("CONSTANT too long", "fixed", 4, 1, node(CONSTANT, bytes(5)), "size-mismatch"),
    ("CONSTANT bit of 2", "bits", 0, 1, node(CONSTANT, b"\2"), "bad-value"),
    ("PLAIN too short", "fixed", 4, 2, node(PLAIN, bytes(7)), "truncated"),
    ("PLAIN too long", "fixed", 4, 2, node(PLAIN, bytes(9)), "size-mismatch"),
    ("unused bits", "bits", 0, 3, node(PLAIN, b"\x0f"), "bad-value"),
    ("width above type", "fixed", 1, 8, node(BITPACK, bytes([9, 0]) + bytes(9)), "bad-width"),
    ("width 65", "fixed", 8, 1024, node(BITPACK, bytes([65]) + bytes(8 + 65 * 128)), "bad-width"),
    ("packed too short", "fixed", 1, 8, node(BITPACK, bytes([8, 0]) + bytes(7)), "truncated"),
    ("packed too long", "fixed", 1, 8, node(BITPACK, bytes([8, 0]) + bytes(9)), "size-mismatch"),
    ("full vector short", "fixed", 4, 1024, node(BITPACK, bytes([3]) + bytes(4 + 383)), "truncated"),
    ("unused packed bits", "fixed", 1, 3, node(BITPACK, bytes([1, 0, 0b1000])), "bad-value"),
    ("DELTA of PLAIN", "fixed", 1, 1, node(DELTA, b"\0" + node(PLAIN, b"\0")), "bad-encoding"),
    (
        "DELTA of DELTA",
        "fixed",
        1,
        1,
        node(DELTA, b"\0" + node(DELTA, b"\0" + node(CONSTANT, b"\0"))),
        "bad-encoding",
    ),
    ("DELTA without start", "fixed", 8, 1, node(DELTA, b"\0"), "truncated"),
    ("codes of 3 bytes", "fixed", 1, 2, node(DICTIONARY, bytes(4), 3), "bad-parameter"),
    ("no entries", "fixed", 1, 2, node(DICTIONARY, bytes(4), 1), "bad-dictionary"),
    ("entries above n", "fixed", 1, 2, node(DICTIONARY, struct.pack("<I", 3), 1), "bad-dictionary"),
    (
        "entries above 65536",
        "fixed",
        1,
        70000,
        node(DICTIONARY, struct.pack("<I", 65537), 4),
        "bad-dictionary",
    ),
    (
        "code beyond entries",
        "fixed",
        1,
        2,
        node(DICTIONARY, struct.pack("<I", 1) + BYTE_CODES + node(PLAIN, b"x"), 1),
        "bad-dictionary",
    ),
    (
        "dictionary of dictionary",
        "fixed",
        1,
        2,
        node(DICTIONARY, struct.pack("<I", 2) + node(DICTIONARY, bytes(4), 1), 1),
        "bad-encoding",
    ),
    (
        "code beyond entries of strings",
        "variable",
        0,
        2,
        node(DICTIONARY, struct.pack("<I", 1) + BYTE_CODES + node(CONSTANT, b"x"), 1),
        "bad-dictionary",
    ),
    ("VAR without lengths", "variable", 0, 2, node(VAR, b""), "truncated"),
    ("lengths as PLAIN", "variable", 0, 1, node(VAR, node(PLAIN, bytes(4)) + bytes(4)), "bad-encoding"),
    ("lengths above raw", "variable", 0, 3, node(VAR, ONES + struct.pack("<I", 2) + b"ab"), "length-sum"),
    ("lengths below raw", "variable", 0, 1, node(VAR, ONES + struct.pack("<I", 2) + b"ab"), "length-sum"),
    ("VAR ends early", "variable", 0, 2, node(VAR, ONES + struct.pack("<I", 2) + b"a"), "truncated"),
    ("VAR goes on", "variable", 0, 2, node(VAR, ONES + struct.pack("<I", 2) + b"abc"), "size-mismatch"),
    (
        "lengths that wrap",
        "variable",
        0,
        2,
        node(VAR, node(CONSTANT, struct.pack("<I", 1 << 31)) + struct.pack("<I", 0)),
        "length-sum",
    ),
    (
        "raw beyond the limit",
        "variable",
        0,
        2,
        node(VAR, ONES + struct.pack("<I", 33554433)),
        "limit-exceeded",
    ),
    ("bundle 3", "variable", 0, 1, node(PREFIX, bytes(4), 3), "bad-parameter"),
    ("bundle 1", "variable", 0, 1, node(PREFIX, bytes(4), 1), "bad-parameter"),
    ("bundle 512", "variable", 0, 1, node(PREFIX, bytes(4), 512), "bad-parameter"),
    ("prefix past the end", "variable", 0, 1, node(PREFIX, struct.pack("<I", 9) + b"abc", 16), "truncated"),
    (
        "head that shares less",
        "variable",
        0,
        1,
        node(
            PREFIX,
            struct.pack("<I", 2) + b"ab" + ONES + ONES + struct.pack("<I", 1) + b"x",
            16,
        ),
        "bad-prefix",
    ),
    (
        "shares more than the head",
        "variable",
        0,
        2,
        node(
            PREFIX,
            struct.pack("<I", 0)
            + node(BITPACK, bytes([2, 0, 0, 0, 0, 0b1000]))
            + ONES
            + struct.pack("<I", 2)
            + b"xy",
            16,
        ),
        "bad-prefix",
    ),
    (
        "suffixes above raw",
        "variable",
        0,
        2,
        node(PREFIX, bytes(4) + node(CONSTANT, bytes(4)) + ONES + struct.pack("<I", 1) + b"x", 16),
        "length-sum",
    ),
    ("no runs", "fixed", 1, 2, node(RLE, bytes(4)), "bad-run"),
    ("more runs than rows", "fixed", 1, 2, node(RLE, struct.pack("<I", 3)), "bad-run"),
    ("runs below n", "fixed", 1, 5, node(RLE, struct.pack("<I", 2) + ONES + node(CONSTANT, b"x")), "bad-run"),
    (
        "empty run",
        "fixed",
        1,
        2,
        node(
            RLE, struct.pack("<I", 2) + node(BITPACK, bytes([2, 0, 0, 0, 0, 0b1000])) + node(CONSTANT, b"x")
        ),
        "bad-run",
    ),
    (
        "runs that wrap",
        "fixed",
        1,
        2,
        node(RLE, struct.pack("<I", 2) + node(CONSTANT, struct.pack("<I", 0x80000001))),
        "bad-run",
    ),
    ("factor above exponent", "fixed", 8, 1, node(ALP, bytes(4), 1 + 256 * 2), "bad-parameter"),
    ("exponent 19", "fixed", 8, 1, node(ALP, bytes(4), 19), "bad-parameter"),
    ("exceptions above n", "fixed", 8, 1, node(ALP, struct.pack("<I", 2)), "bad-exception"),
    (
        "exception beyond n",
        "fixed",
        8,
        2,
        node(ALP, struct.pack("<I", 1) + node(CONSTANT, bytes(8)) + struct.pack("<I", 2) + bytes(8)),
        "bad-exception",
    ),
    (
        "exceptions repeat",
        "fixed",
        8,
        2,
        node(ALP, struct.pack("<I", 2) + node(CONSTANT, bytes(8)) + struct.pack("<II", 1, 1) + bytes(16)),
        "bad-exception",
    ),
    ("WIDEN of RLE", "fixed", 16, 1, node(WIDEN, node(RLE, bytes(4))), "bad-encoding"),
    ("no frame", "fixed", 1, 100, node(PLAIN, bytes(100), codec=1), "bad-codec"),
    ("frame of other size", "fixed", 1, 100, node(PLAIN, frame(bytes(99)), codec=1), "bad-codec"),
    ("frame cut", "fixed", 1, 100, node(PLAIN, frame(bytes(100))[:-1], codec=1), "bad-codec"),
    ("byte after frame", "fixed", 1, 100, node(PLAIN, frame(bytes(100)) + b"x", codec=1), "bad-codec"),
    ("two frames", "fixed", 1, 100, node(PLAIN, frame(bytes(100)) * 2, codec=1), "bad-codec"),
    ("skippable frame", "fixed", 1, 100, node(PLAIN, skippable(bytes(100)), codec=1), "bad-codec"),
    (
        "frame without content size",
        "fixed",
        1,
        100,
        node(PLAIN, frame(bytes(100), write_content_size=False), codec=1),
        "bad-codec",
    ),
    ("empty frame", "fixed", 4, 0, node(PLAIN, frame(b""), codec=1), "bad-codec"),
]


@pytest.mark.parametrize(
    ("class_", "width", "n", "data", "code"), [case[1:] for case in FAULTS], ids=[c[0] for c in FAULTS]
)
def test_faults_have_their_code(class_: str, width: int, n: int, data: bytes, code: str) -> None:
    with pytest.raises(FormatError) as caught:
        decode_node(data, class_, width, n)
    assert caught.value.code == code
    assert caught.value.section


def test_frame_checksum_is_checked() -> None:
    good = frame(bytes(1000), write_checksum=True)
    assert decode_node(node(PLAIN, good, codec=1), "fixed", 1, 1000).tobytes() == bytes(1000)
    with pytest.raises(FormatError, match="bad-codec"):
        decode_node(node(PLAIN, good[:-1] + bytes([good[-1] ^ 1]), codec=1), "fixed", 1, 1000)


def test_dictionary_ids_and_large_windows_are_refused() -> None:
    good = bytearray(frame(bytes(100)))
    for bits in (1, 2, 3, 8):
        bad = bytearray(good)
        bad[4] |= bits
        with pytest.raises(FormatError, match="bad-codec"):
            decode_node(node(PLAIN, bytes(bad), codec=1), "fixed", 1, 100)
    options = zstandard.ZstdCompressionParameters(window_log=24, compression_level=1)
    size = 17 << 20
    data = zstandard.ZstdCompressor(compression_params=options).compress(bytes(size))
    with pytest.raises(FormatError, match="8 MiB"):
        decode_node(node(PLAIN, data, codec=1), "fixed", 1, size)
    options = zstandard.ZstdCompressionParameters(window_log=23, compression_level=1)
    data = zstandard.ZstdCompressor(compression_params=options).compress(bytes(size))
    assert not decode_node(node(PLAIN, data, codec=1), "fixed", 1, size).any()


def test_small_bytes_cannot_become_large_memory() -> None:
    """A few bytes that promise more than a chunk may hold (spec §0.5)."""
    value = bytes(1000)
    with pytest.raises(LimitExceededError):
        decode_node(node(CONSTANT, value), "variable", 0, 33555)
    assert len(decode_node(node(CONSTANT, value), "variable", 0, 33554)[1]) == 33554000
    entry = struct.pack("<I", 1) + node(CONSTANT, b"\0") + node(CONSTANT, bytes(1 << 20))
    with pytest.raises(LimitExceededError):
        decode_node(node(DICTIONARY, entry, 1), "variable", 0, 33)
    assert len(decode_node(node(DICTIONARY, entry, 1), "variable", 0, 32)[1]) == 1 << 25
    shared = node(CONSTANT, struct.pack("<I", 1 << 20))
    none = node(CONSTANT, bytes(4))
    body = struct.pack("<I", 1 << 20) + bytes(1 << 20) + shared + none + bytes(4)
    with pytest.raises(LimitExceededError):
        decode_node(node(PREFIX, body, 16), "variable", 0, 33)
    assert len(decode_node(node(PREFIX, body, 16), "variable", 0, 32)[1]) == 1 << 25
    with pytest.raises(LimitExceededError):
        decode_node(node(CONSTANT, bytes(16777217)), "variable", 0, 1)


# ---- damage ----


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """A few bytes changed, or the end cut, or bytes moved; small numbers are likely."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(0, min(len(out), 64) if rng.random() < 0.7 else len(out)))
        kind = rng.integers(0, 4)
        if kind == 0:
            out[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            out[at] = int(rng.choice([0, 1, 2, 7, 127, 128, 255]))
        elif kind == 2:
            out[at : at + 4] = struct.pack("<I", int(rng.choice([0, 1, 1 << 16, 1 << 25, (1 << 32) - 1])))
        elif len(out) > 1:
            del out[at]
    return bytes(out)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_nodes_never_crash(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.choice([1, 5, 70, 1024, 1500]))
    cases = []
    for shape in SHAPES:
        dtype = INTEGERS[int(rng.integers(0, 8))]
        values = integers(dtype, shape, count, seed)
        for encoding in FIXED_ENCODINGS:
            if encoding != DICTIONARY or len(np.unique(values)) < 300:
                data = encode_node(raw(values), "fixed", values.itemsize, encoding, level=1)
                cases.append((data, "fixed", values.itemsize))
    for make in DOUBLES.values():
        cases.append((encode_node(raw(make(rng, count)), "fixed", 8, ALP), "fixed", 8))
    for shape in TEXTS:
        values = arrow(strings(shape, count, seed))
        for encoding in (-1, VAR, PREFIX):
            cases.append((encode_node(values, "variable", 0, encoding, level=seed % 2), "variable", 0))
    for data, class_, width in cases:
        for _ in range(20):
            result = outcome(decode_node, damaged(data, rng), class_, width, count)
            if not isinstance(result, str) and class_ == "variable":
                assert result[0][0] == 0
                assert np.all(np.diff(result[0]) >= 0)
                assert result[0][-1] == len(result[1])


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=80),
    st.sampled_from(["bits", "fixed", "variable"]),
    st.sampled_from([1, 2, 3, 4, 8, 16]),
)
def test_noise_never_crashes(data: bytes, class_: str, width: int) -> None:
    for n in (1, 9, 1024):
        outcome(decode_node, data, class_, width, n)


def test_wrong_use_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="class"):
        decode_node(b"", "nothing", 1, 1)
    with pytest.raises(ValueError, match="width"):
        encode_node(np.zeros(7, np.uint8), "fixed", 4)
    with pytest.raises(ValueError, match="equal"):
        encode_node(np.arange(8, dtype=np.uint8), "fixed", 4, CONSTANT)
    with pytest.raises(ValueError, match="defined"):
        encode_node(np.arange(8, dtype=np.uint8), "fixed", 4, VAR)
    with pytest.raises(ValueError, match="level"):
        encode_node(np.zeros(4000, np.uint8), "fixed", 4, PLAIN, level=30)
