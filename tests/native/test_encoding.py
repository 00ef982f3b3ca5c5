"""Nodes (spec chapter 4): every encoding there and back."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from chunk_cases import (
    DOUBLES,
    INTEGERS,
    SHAPES,
    SIZES,
    TEXTS,
    arrow,
    bitmap,
    integers,
    strings,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tablestore._native.encoding import decode_node, encode_node

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


# ---- there and back ----


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_integers_survive_every_encoding(dtype: type, shape: str, count: int) -> None:
    values = integers(dtype, shape, count)
    for encoding in FIXED_ENCODINGS:
        if encoding == DICTIONARY and len(np.unique(values)) > count // 2 and count > 512:
            continue
        for hint in (1, 2):
            check_fixed(values, values.itemsize, encoding, hint=hint)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=300),
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from([PLAIN, BITPACK, DELTA, RLE, DICTIONARY, -1]),
    st.sampled_from([0, 1, 2]),
)
def test_any_integers_survive(numbers: list[int], width: int, encoding: int, hint: int) -> None:
    values = np.array(numbers, np.int64).astype(f"<i{width}")
    check_fixed(values, width, encoding, hint=hint)


@pytest.mark.parametrize("bits", range(65))
@pytest.mark.parametrize("count", [1024, 1023, 1, 3000])
def test_every_width_packs(bits: int, count: int) -> None:
    values = np.random.default_rng(bits).integers(0, 2**64 - 1, count, dtype=np.uint64, endpoint=True)
    values = values >> np.uint64(64 - bits) if bits else values * np.uint64(0)
    data = check_fixed(values, 8, BITPACK)
    assert max(data[8 : 8 + -(-count // 1024)]) <= bits
    for width in (1, 2, 4):
        if bits <= 8 * width:
            check_fixed(values.astype(f"<u{width}") + np.array(7, f"<u{width}"), width, BITPACK)


def test_packed_layout_is_that_of_the_spec() -> None:
    """Read bit by bit with nothing but spec §4.6."""
    values = np.random.default_rng(3).integers(0, 1 << 43, 2060, dtype=np.uint64)
    values[:1024] >>= np.uint64(30)
    data = check_fixed(values, 8, BITPACK)
    widths, bases = data[8:11], struct.unpack("<3Q", data[11:35])
    at = 35
    for v, (width, base) in enumerate(zip(widths, bases, strict=True)):
        count = min(1024, 2060 - 1024 * v)
        size = 128 * width if count == 1024 else -(-count * width // 8)
        packed = data[at : at + size]
        word, lanes = (4, 32) if width <= 32 else (8, 16)
        for i in range(count):
            if count < 1024:
                number = int.from_bytes(packed, "little") >> (i * width)
            else:
                lane = b"".join(
                    packed[word * (lanes * k + i % lanes) :][:word]
                    for k in range(len(packed) // word // lanes)
                )
                number = int.from_bytes(lane, "little") >> (i // lanes * width)
            assert (number & ((1 << width) - 1)) + base == values[1024 * v + i]
        at += size
    assert at == len(data)


@pytest.mark.parametrize("count", SIZES)
def test_bits_survive(count: int) -> None:
    rng = np.random.default_rng(count)
    for density in (0.0, 0.01, 0.5, 1.0):
        bits = bitmap(rng.random(count) < density)
        for encoding in (-1, PLAIN):
            for level in (0, 1):
                data = encode_node(bits, "bits", 0, encoding, rows=count, level=level)
                assert decode_node(data, "bits", 0, count).tobytes() == bits.tobytes()
    for value in (0, 1):
        data = encode_node(bitmap(np.full(count, value)), "bits", 0, -1, rows=count)
        assert data == node(CONSTANT, bytes([value]))


@pytest.mark.parametrize("width", [3, 5, 12, 16, 33, 1000])
@pytest.mark.parametrize("count", [1, 2, 100, 1025])
def test_opaque_values_survive(width: int, count: int) -> None:
    rng = np.random.default_rng(width)
    few = rng.integers(0, 256, (3, width), dtype=np.uint8)[rng.integers(0, 3, count)]
    for values in (few, np.sort(few, axis=0), few[:1].repeat(count, axis=0)):
        for encoding in (-1, PLAIN, RLE, DICTIONARY):
            check_fixed(values, width, encoding)
        check_fixed(values, width, PLAIN, level=3)


@pytest.mark.parametrize("count", SIZES)
def test_decimals_survive(count: int) -> None:
    rng = np.random.default_rng(count)
    low = rng.integers(-(10**15), 10**15, count)
    narrow = np.stack([low, low >> 63], axis=1)
    check_fixed(narrow, 16, WIDEN)
    for values in (narrow, np.sort(narrow, axis=0), narrow[:1].repeat(count, axis=0)):
        check_fixed(values, 16, -1, hint=5)
    wide = rng.integers(-(2**63), 2**63 - 1, (count, 2))
    check_fixed(wide, 16, -1, hint=5)
    with pytest.raises(ValueError, match="fit 8 bytes"):
        encode_node(raw(np.array([[1, 1]])), "fixed", 16, WIDEN)


# ---- ALP ----


@pytest.mark.parametrize("shape", DOUBLES)
@pytest.mark.parametrize("count", SIZES)
def test_doubles_keep_every_bit(shape: str, count: int) -> None:
    values = DOUBLES[shape](np.random.default_rng(count), count)
    for encoding in (-1, ALP):
        check_fixed(values, 8, encoding, hint=4, level=1)
    for exponent, factor in [(0, 0), (18, 0), (18, 18), (14, 12), (2, 0)]:
        check_fixed(values, 8, ALP, exponent=exponent, factor=factor)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(width=64), min_size=1, max_size=50), st.integers(0, 18), st.integers(0, 18))
def test_any_doubles_keep_every_bit(numbers: list[float], exponent: int, factor: int) -> None:
    check_fixed(np.array(numbers), 8, ALP, exponent=max(exponent, factor), factor=min(exponent, factor))


def test_money_takes_few_bits() -> None:
    values = np.round(np.random.default_rng(0).uniform(0, 1e5, 8192), 2)
    assert len(check_fixed(values, 8, -1, hint=4)) < 8192 * 25 / 8 + 300


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=40), st.integers(0, 18), st.data())
def test_digits_of_any_size_decode_as_specified(
    digits: list[int], exponent: int, draw: st.DataObject
) -> None:
    """Also digits that no writer of ours makes."""
    factor = draw.draw(st.integers(0, exponent))
    child = encode_node(raw(np.array(digits, np.int64)), "fixed", 8, BITPACK, hint=2)
    data = node(ALP, struct.pack("<I", 0) + child, exponent + 256 * factor)
    decoded = decode_node(data, "fixed", 8, len(digits)).view(np.float64)
    expected = [float(digit) * float(f"1e{factor}") * float(f"1e-{exponent}") for digit in digits]
    assert decoded.tobytes() == np.array(expected).tobytes()


# ---- strings ----


def check_variable(values: list[bytes], encoding: int, **parameters: object) -> bytes:
    offsets, data = arrow(values)
    encoded = encode_node((offsets, data), "variable", 0, encoding, **parameters)
    found_offsets, found = decode_node(encoded, "variable", 0, len(values))
    assert found_offsets.tobytes() == offsets.tobytes()
    assert found.tobytes() == data.tobytes()
    return encoded


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("shape", TEXTS)
def test_strings_survive_every_encoding(shape: str, count: int) -> None:
    values = strings(shape, count)
    for level in (0, 1):
        check_variable(values, VAR, level=level)
        check_variable(values, -1, level=level)
        for bundle in (2, 16, 256):
            check_variable(values, PREFIX, bundle=bundle, level=level)
            check_variable(values, FSST, bundle=bundle)
    check_variable(values, -1, key=True)
    if len(set(values)) * 4 < count:
        check_variable(values, DICTIONARY)
    if len(set(values)) == 1:
        assert check_variable(values, CONSTANT) == node(CONSTANT, values[0])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.binary(max_size=40), min_size=1, max_size=100),
    st.sampled_from([VAR, PREFIX, DICTIONARY, FSST, -1]),
    st.booleans(),
    st.booleans(),
)
def test_any_strings_survive(values: list[bytes], encoding: int, ascending: bool, key: bool) -> None:
    check_variable(sorted(values) if ascending else values, encoding, key=key, bundle=4)


def test_offsets_need_not_begin_at_zero() -> None:
    offsets, data = arrow([b"dropped", b"one", b"three", b"one"])
    for encoding in (VAR, PREFIX, DICTIONARY, FSST, -1):
        encoded = encode_node((offsets[1:], data), "variable", 0, encoding)
        assert decode_node(encoded, "variable", 0, 3)[1].tobytes() == b"onethreeone"
