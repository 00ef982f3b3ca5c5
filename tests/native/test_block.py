"""Chunks (spec chapter 5): columns there and back with nulls and selections, statistics, checks of values."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from chunk_cases import (
    INTEGERS,
    NULLS,
    SHAPES,
    SIZES,
    TEXTS,
    Column,
    arrow,
    bitmap,
    bits,
    fixed,
    integers,
    present,
    raw_column,
    selections,
    strings,
    variable,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tablestore._native import block
from tablestore._native.encoding import encode_node
from tablestore.errors import FormatError


def check_nulls(
    column: Column, validity: np.ndarray | None, counts: np.ndarray, valid: np.ndarray, whole: np.ndarray
) -> None:
    """valid: of the rows taken; whole: of all rows"""
    if valid.all():
        assert validity is None
    else:
        assert validity is not None
        assert validity.tobytes() == bitmap(valid).tobytes()
    stops = np.cumsum(column.rows.astype(np.int64))
    expected = [int((~part).sum()) for part in np.split(whole, stops[:-1])]
    assert counts.tolist() == expected
    assert column.nulls.tolist() == expected


# ---- there and back ----


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("pattern", NULLS)
def test_fixed_columns_survive(pattern: str, count: int) -> None:
    valid = present(pattern, count)
    for number, shape in enumerate(SHAPES):
        dtype = INTEGERS[(number + count) % 8]
        values = integers(dtype, shape, count)
        column = fixed(
            values,
            valid,
            rows=[8192, 1000, 65536][number % 3],
            hint=2 if number % 2 else 1,
            key=number % 4 == 3,
        )
        found, validity, counts = column.fixed(values.itemsize)
        assert np.array_equal(found.view(dtype)[valid], values[valid])
        check_nulls(column, validity, counts, valid, valid)
        rows = selections(column, count + number)
        found, validity, counts = column.fixed(values.itemsize)
        assert np.array_equal(found.view(dtype)[valid[rows]], values[rows][valid[rows]])
        check_nulls(column, validity, counts, valid[rows], valid)


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("pattern", NULLS)
def test_bit_columns_survive(pattern: str, count: int) -> None:
    valid = present(pattern, count)
    rng = np.random.default_rng(count)
    for density in (0.0, 0.5, 1.0):
        values = rng.random(count) < density
        column = bits(values, valid, 1001)
        found, validity, counts = column.bits()
        assert np.array_equal(np.unpackbits(found, count=count, bitorder="little")[valid], values[valid])
        check_nulls(column, validity, counts, valid, valid)
        rows = selections(column, count)
        found, validity, counts = column.bits()
        assert np.array_equal(
            np.unpackbits(found, count=len(rows), bitorder="little")[valid[rows]], values[rows][valid[rows]]
        )
        check_nulls(column, validity, counts, valid[rows], valid)


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("pattern", NULLS)
def test_string_columns_survive(pattern: str, count: int) -> None:
    """The bytes that the input gives to null slots are dropped."""
    valid = present(pattern, count)
    for number, shape in enumerate(TEXTS):
        values = strings(shape, count)
        kept = [value if ok else b"" for value, ok in zip(values, valid, strict=True)]
        column = variable(
            values, valid, rows=[8192, 1000, 65536][number % 3], level=number % 2, key=number % 4 == 3
        )
        expected = arrow(kept)
        for told in (True, False):
            offsets, data, validity, counts = column.variable(told=told)
            assert np.array_equal(offsets, expected[0])
            assert data.tobytes() == expected[1].tobytes()
            check_nulls(column, validity, counts, valid, valid)
        assert column.raw_size.sum() == len(expected[1])
        rows = selections(column, count + number)
        offsets, data, validity, counts = column.variable()
        assert data.tobytes() == b"".join(kept[row] for row in rows)
        assert np.diff(offsets).tolist() == [len(kept[row]) for row in rows]
        check_nulls(column, validity, counts, valid[rows], valid)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.text(max_size=20)), min_size=1, max_size=80),
    st.integers(1, 30),
    st.booleans(),
)
def test_any_nullable_text_survives(texts: list[str | None], rows: int, key: bool) -> None:
    valid = np.array([text is not None for text in texts])
    column = variable([(text or "").encode() for text in texts], valid, rows=rows, key=key)
    offsets, data, validity, _ = column.variable()
    flags = (
        np.ones(len(texts), np.uint8)
        if validity is None
        else np.unpackbits(validity, count=len(texts), bitorder="little")
    )
    found = [
        data[a:b].tobytes().decode() if ok else None
        for a, b, ok in zip(offsets, offsets[1:], flags, strict=False)
    ]
    assert found == texts


@pytest.mark.parametrize("key", [False, True])
def test_keys_get_no_zstd(key: bool) -> None:
    values = [b"abcabcabcabc%d" % (i % 7) * (1 + i % 2) + str(i).encode() for i in range(3000)]
    chunk = variable(values, key=key).data
    assert (chunk[9] == 1) is not key
    noise = np.repeat(np.random.default_rng(0).integers(0, 2**63, 700), 4) ^ np.arange(2800)
    assert (fixed(noise, hint=1, key=key).data[9] == 1) is not key


def test_empty_child_chunks_are_headers() -> None:
    end = np.zeros(1, np.int64)
    nothing = np.empty(0, np.uint8)
    for encoded, header in [
        (block.encode_fixed(nothing, 4, None, end, 2, 1, False), (1, 0, 4, 0)),
        (block.encode_bits(nothing, None, end, 1), (0, 0, 0, 0)),
        (block.encode_variable(np.zeros(1, np.int32), nothing, None, end, 1, False), (2, 0, 0, 0)),
    ]:
        assert encoded[0].tobytes() == struct.pack("<BBHI", *header)
        column = Column(encoded, end)
        decoded = {0: column.bits, 1: lambda c=column: c.fixed(4), 2: column.variable}[header[0]]()
        assert all(part is None or len(part) <= 1 for part in decoded)
        column.data, column.size = np.append(column.data, np.uint8(0)), column.size + np.uint32(1)
        with pytest.raises(FormatError, match="size-mismatch"):
            {0: column.bits, 1: lambda c=column: c.fixed(4), 2: column.variable}[header[0]]()


def test_a_call_without_chunks_is_empty() -> None:
    column = Column(
        block.encode_bits(np.empty(0, np.uint8), None, np.empty(0, np.int64), 0), np.empty(0, np.int64)
    )
    assert [part is None or part.tolist() for part in column.bits()] == [[], True, []]
    assert [part is None or part.tolist() for part in column.fixed(4)] == [[], True, []]
    assert [part is None or part.tolist() for part in column.variable()] == [[0], [], True, []]


# ---- statistics ----


@pytest.mark.parametrize("dtype", INTEGERS)
def test_ranks_of_integers(dtype: type) -> None:
    values = integers(dtype, "full", 3000)
    valid = present("half", 3000)
    signed = np.dtype(dtype).kind == "i"
    column = fixed(values, valid, rows=1000, hint=2 if signed else 1)
    for k in range(3):
        part = values[1000 * k : 1000 * k + 1000][valid[1000 * k : 1000 * k + 1000]]
        shift = 1 << 63 if signed else 0
        assert int(column.minimum[k]) == int(part.min()) + shift
        assert int(column.maximum[k]) == int(part.max()) + shift
    assert column.flags.tolist() == [1, 1, 1]


def rank_of_float(value: float) -> int:
    bits_ = struct.unpack("<Q", struct.pack("<d", value + 0.0))[0]
    return bits_ + (1 << 63) if bits_ < 1 << 63 else bits_ ^ ((1 << 64) - 1)


@pytest.mark.parametrize(("dtype", "hint"), [(np.float32, 3), (np.float64, 4)])
def test_ranks_of_floats(dtype: type, hint: int) -> None:
    values = np.array([1.5, -2.25, 0.0, 3.0, -np.inf, np.inf, -0.0, -0.0, np.nan, 1.0], dtype)
    column = fixed(values, rows=2, hint=hint)
    assert column.flags.tolist() == [1, 1, 1, 1, 0]
    for k, (low, high) in enumerate([(-2.25, 1.5), (0.0, 3.0), (-np.inf, np.inf), (0.0, 0.0)]):
        assert int(column.minimum[k]) == rank_of_float(low)
        assert int(column.maximum[k]) == rank_of_float(high)
    assert (column.minimum[4], column.maximum[4]) == (0, 0)
    hidden = fixed(values, np.array([True] * 8 + [False, True]), rows=2, hint=hint)
    assert hidden.flags.tolist() == [1] * 5
    assert int(hidden.minimum[4]) == rank_of_float(1.0)


def test_ranks_of_bytes_decimals_and_bits() -> None:
    column = variable([b"b", b"abcdefghZ", b"", b"\xff" * 9], np.array([True, True, False, True]), rows=3)
    assert [int(x) for x in column.minimum] == [int.from_bytes(b"abcdefgh"), (1 << 64) - 1]
    assert [int(x) for x in column.maximum] == [int.from_bytes(b"b" + bytes(7)), (1 << 64) - 1]
    opaque = fixed(np.array([[3, 1, 2], [1, 9, 9]], np.uint8))
    assert int(opaque.minimum[0]) == int.from_bytes(b"\1\t\t" + bytes(5))
    assert int(opaque.maximum[0]) == int.from_bytes(b"\3\1\2" + bytes(5))
    halves = np.array([[5, -1], [7, 2]], np.int64)
    decimal = fixed(halves, hint=5)
    assert [int(decimal.minimum[0]), int(decimal.maximum[0])] == [(1 << 63) - 1, (1 << 63) + 2]
    flags = bits(np.array([True, True, False, False, True, False]), rows=2)
    assert flags.minimum.tolist() == [1, 0, 0]
    assert flags.maximum.tolist() == [1, 0, 1]


def test_only_nulls_have_no_statistics() -> None:
    nothing = np.zeros(10, bool)
    for column in (
        fixed(np.arange(10), nothing, hint=2),
        bits(nothing, nothing),
        variable([b"x"] * 10, nothing),
    ):
        assert (column.flags[0], column.minimum[0], column.maximum[0], column.nulls[0]) == (0, 0, 0, 10)


# ---- checks of values ----


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_values_beyond_a_limit_are_found(width: int) -> None:
    values = np.array([3, 0, 4, 1], f"<u{width}")
    fixed(values, hint=1).fixed(width, check=1, limit=5)
    with pytest.raises(FormatError, match="bad-value"):
        fixed(values, hint=1).fixed(width, check=1, limit=4)
    hidden = fixed(values, np.array([True, True, False, True]), hint=1)
    hidden.fixed(width, check=1, limit=4)
    negative = fixed(np.array([-1], f"<i{width}"), hint=2)
    with pytest.raises(FormatError, match="bad-value"):
        negative.fixed(width, check=1, limit=100)
    if width < 8:
        negative.fixed(width, check=1, limit=1 << 8 * width)


@pytest.mark.parametrize("precision", [1, 18, 19, 20, 38])
def test_decimals_beyond_their_precision_are_found(precision: int) -> None:
    for number, good in [
        (10**precision - 1, True),
        (-(10**precision) + 1, True),
        (10**precision, False),
        (-(10**precision), False),
    ]:
        stored = np.frombuffer(number.to_bytes(16, "little", signed=True) * 2, np.uint8).reshape(2, 16)
        if good:
            fixed(stored, hint=5).fixed(16, check=2, limit=precision)
        else:
            with pytest.raises(FormatError, match="bad-value"):
                fixed(stored, hint=5).fixed(16, check=2, limit=precision)
    least = np.frombuffer((-(1 << 127)).to_bytes(16, "little", signed=True), np.uint8).reshape(1, 16)
    with pytest.raises(FormatError, match="bad-value"):
        fixed(least, hint=5).fixed(16, check=2, limit=38)


INVALID_TEXT = [
    *(
        b"\x80",
        b"\xc2",
        b"\xff",
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xe0\x9f\xbf",
        b"\xed\xa0\x80",
        b"\xf0\x8f\xbf\xbf",
    ),
    *(
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xe2\x82",
        b"\xf0\x9f\x98",
        b"\xc3(",
        b"\xe2(\xa1",
        b"a\x80",
    ),
    *(b"\xc3\xa9\xa9", b"\xe2\x82\xac\xac"),
]
VALID_TEXT = ["", "a", "é", "߿", "ࠀ", "퟿", "", "￿", "𐀀", "\U0010ffff", "€uro", "x" * 31 + "é"]


@pytest.mark.parametrize("padding", [0, 1, 7, 8, 31, 32, 63, 64, 100])
@pytest.mark.parametrize("level", [0, 1])
def test_text_is_checked_value_by_value(padding: int, level: int) -> None:
    around = [b"p" * padding, "ü".encode() * padding]
    good = variable([*around, *(text.encode() for text in VALID_TEXT), *around], level=level)
    good.variable()
    for bad in INVALID_TEXT:
        for before in around:
            column = variable([before, before + bad, *around], level=level)
            column.variable(utf8=False)
            with pytest.raises(FormatError, match="invalid-utf8"):
                column.variable()
    split = variable([b"p" * padding + b"\xc3", b"\xa9" + b"p" * padding], level=level)
    with pytest.raises(FormatError, match="invalid-utf8"):
        split.variable()


@settings(max_examples=500, deadline=None)
@given(st.lists(st.binary(max_size=6), min_size=1, max_size=8), st.integers(0, 70))
def test_text_check_agrees_with_python(parts: list[bytes], padding: int) -> None:
    column = variable([b"." * padding, *parts])
    try:
        for part in parts:
            part.decode()
    except UnicodeDecodeError:
        with pytest.raises(FormatError, match="invalid-utf8"):
            column.variable()
    else:
        column.variable()


def test_text_is_checked_in_every_encoding() -> None:
    broken = [b"abc\xff", *[b"abcdef%d" % (i % 4) for i in range(400)]]
    ascending = sorted([b"key%06d" % i for i in range(500)] + [b"key000250\xff"])
    for column, encoding in [
        (variable(broken), 4),
        (variable(ascending, key=True), 6),
        (variable([b"\xff"] * 9), 0),
    ]:
        assert column.data[8] == encoding
        column.variable(utf8=False)
        with pytest.raises(FormatError, match="invalid-utf8"):
            column.variable()


def test_unused_dictionary_entries_are_not_values() -> None:
    entries = encode_node(arrow([b"ok", b"\xff"]), "variable", 0, 5)
    codes = encode_node(np.zeros(3, np.uint8), "fixed", 1, 0)
    body = struct.pack("<I", 2) + codes + entries
    chunk = struct.pack("<BBHI", 2, 0, 0, 3) + struct.pack("<BBHI", 4, 0, 1, len(body)) + body
    column = raw_column(chunk, 3)
    assert column.variable(told=False)[1].tobytes() == b"okokok"
