"""Chosen rows of chunks (spec §5.9) against all rows and a take, and what damage does to them."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from chunk_cases import (
    CODES,
    DOUBLES,
    INTEGERS,
    NULLS,
    SHAPES,
    SIZES,
    TEXTS,
    Column,
    arrow,
    bits,
    fixed,
    integers,
    outcome,
    present,
    raw_column,
    selections,
    strings,
    variable,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tablestore._native import block, gather
from tablestore._native.encoding import encode_node
from tablestore.errors import FormatError

# how many of the rows are chosen: none, one, few (unpacked one by one), many (unpacked whole), and more than there are
SHARES = [0.0, 1e-9, 0.02, 0.11, 0.6, 1.5]
ORDERS = ["ascending", "mixed", "one place"]


def numbers(count: int, share: float, order: str, seed: int = 0) -> np.ndarray:
    """Row numbers below `count`, repeats among them."""
    rng = np.random.default_rng(seed)
    wanted = int(np.ceil(count * share)) if count else 0
    if order == "one place":
        start = int(rng.integers(0, max(1, count)))
        return np.arange(start, min(count, start + wanted), dtype=np.uint32)
    drawn = rng.integers(0, max(1, count), wanted, dtype=np.uint32)
    return np.sort(drawn) if order == "ascending" else drawn


def taken_bits(validity: np.ndarray | None, index: np.ndarray) -> bytes | None:
    """Validity of the rows of `index`; None if all of them are valid."""
    if validity is None or not len(index):
        return None
    chosen = np.unpackbits(validity, bitorder="little")[index]
    return None if chosen.all() else np.packbits(chosen, bitorder="little").tobytes()


def check(column: Column, kind: str, width: int = 0, seed: int = 0) -> None:
    """Every share and order of rows of a column, against all of its rows and a take."""
    options = {"fixed": (width, True, 0, 0), "bits": (True,), "variable": (column.raw_size, True, True)}[kind]
    decode = getattr(block, f"decode_{kind}")
    whole = decode(*column.places(), *options)
    count = int(column.take.sum())
    for number, share in enumerate(SHARES):
        index = numbers(count, share, ORDERS[(number + seed) % 3], seed + number)
        found = decode(*column.places(), *options, index)
        if kind == "fixed":
            assert found[0].tobytes() == gather.take_fixed(whole[0], width, index).tobytes()
        elif kind == "bits":
            assert found[0].tobytes() == gather.take_bits(whole[0], index).tobytes()
        else:
            offsets, data = gather.take_variable(whole[0], whole[1], index)
            assert np.array_equal(found[0], offsets)
            assert found[1].tobytes() == data.tobytes()
        validity, nulls = found[-2:]
        assert (None if validity is None else validity.tobytes()) == taken_bits(whole[-2], index)
        assert np.array_equal(nulls, whole[-1])


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("shape", SHAPES)
def test_rows_of_integers(shape: str, count: int) -> None:
    for number, dtype in enumerate(INTEGERS):
        valid = present(NULLS[(number + count) % len(NULLS)], count)
        column = fixed(
            integers(dtype, shape, count),
            None if number % 2 else valid,
            rows=[8192, 1000, 65536][number % 3],
            hint=2 if number % 4 < 2 else 1,
            key=number % 3 == 2,
        )
        check(column, "fixed", np.dtype(dtype).itemsize, number)
        selections(column, number)
        check(column, "fixed", np.dtype(dtype).itemsize, number + 1)


@pytest.mark.parametrize("name", DOUBLES)
def test_rows_of_doubles(name: str) -> None:
    for number, count in enumerate(SIZES):
        values = DOUBLES[name](np.random.default_rng(count), count)
        check(fixed(values, rows=[8192, 900][number % 2], hint=4), "fixed", 8, number)


@pytest.mark.parametrize("width", [3, 5, 12, 16, 17])
def test_rows_of_opaque_values(width: int) -> None:
    rng = np.random.default_rng(width)
    for number, distinct in enumerate([1, 3, 200, 5000]):
        pool = rng.integers(0, 256, (distinct, width)).astype(np.uint8)
        rows = pool[rng.integers(0, distinct, 5000)]
        check(fixed(rows, rows=[8192, 700][number % 2]), "fixed", width, number)


def test_rows_of_decimals() -> None:
    """Small decimals are widened integers."""
    for number, high in enumerate([1, 1000, 2**60]):
        halves = np.random.default_rng(high).integers(-high, high, 9000)
        for ordered in (halves, np.sort(halves)):
            values = np.stack([ordered, ordered >> 63], axis=1).astype(np.int64)
            check(fixed(values, hint=5), "fixed", 16, number)


@pytest.mark.parametrize("count", SIZES)
def test_rows_of_bits(count: int) -> None:
    for number, pattern in enumerate(NULLS):
        values = np.random.default_rng(number).random(count) < [0.0, 0.4, 1.0][number % 3]
        column = bits(values, present(pattern, count), 1001)
        check(column, "bits", seed=number)
        selections(column, number)
        check(column, "bits", seed=number)


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("shape", TEXTS)
def test_rows_of_strings(shape: str, count: int) -> None:
    for number, pattern in enumerate(NULLS[: 3 if count > 10000 else 7]):
        valid = None if pattern == "none" else present(pattern, count)
        column = variable(
            strings(shape, count), valid, rows=[8192, 1000][number % 2], level=number % 2, key=number % 3 == 2
        )
        check(column, "variable", seed=number)
        selections(column, number)
        check(column, "variable", seed=number)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.text(max_size=20)), min_size=1, max_size=80),
    st.integers(1, 30),
    st.lists(st.integers(0, 79), max_size=9),
    st.booleans(),
)
def test_rows_of_any_text(texts: list[str | None], rows: int, index: list[int], key: bool) -> None:
    valid = np.array([text is not None for text in texts])
    column = variable([(text or "").encode() for text in texts], valid, rows=rows, key=key)
    wanted = np.array([row for row in index if row < len(texts)], np.uint32)
    offsets, data, validity, _ = block.decode_variable(*column.places(), column.raw_size, True, True, wanted)
    flags = np.ones(len(wanted), bool)
    if validity is not None:
        flags = np.unpackbits(validity, count=len(wanted), bitorder="little").astype(bool)
    found = [
        data[a:b].tobytes().decode() if ok else None
        for a, b, ok in zip(offsets, offsets[1:], flags, strict=False)
    ]
    assert found == [texts[row] for row in wanted]


def test_rows_outside_are_refused() -> None:
    column = fixed(np.arange(100), hint=2)
    text = variable(strings("digits", 100))
    for index in ([100], [3, 2**32 - 1, 4], [200] * 50):
        wanted = np.array(index, np.uint32)
        with pytest.raises(ValueError, match="row"):
            block.decode_fixed(*column.places(), 8, False, 0, 0, wanted)
        with pytest.raises(ValueError, match="row"):
            block.decode_variable(*text.places(), text.raw_size, False, True, wanted)
        with pytest.raises(ValueError, match="row"):
            block.decode_bits(*bits(np.ones(100, bool)).places(), False, wanted)


def test_rows_of_no_chunks() -> None:
    nothing = np.empty(0, np.uint32)
    column = Column(
        block.encode_bits(np.empty(0, np.uint8), None, np.empty(0, np.int64), 0), np.empty(0, np.int64)
    )
    assert [part is None or part.tolist() for part in block.decode_bits(*column.places(), True, nothing)] == [
        [],
        True,
        [],
    ]
    assert len(block.decode_fixed(*column.places(), 4, True, 0, 0, nothing)[0]) == 0
    assert block.decode_variable(*column.places(), None, True, True, nothing)[0].tolist() == [0]


# ---- checks ----


def test_values_handed_out_are_checked() -> None:
    """Null slots are not; values that are not handed out need not be."""
    values = np.full(4000, 7, np.uint32)
    values[1000] = 5_000_000
    valid = np.ones(4000, bool)
    for null in (False, True):
        valid[1000] = not null
        column = fixed(values, valid, hint=1)
        clean = block.decode_fixed(*column.places(), 4, True, 1, 100, np.arange(1001, 1100, dtype=np.uint32))
        assert clean[0].view(np.uint32).tolist() == [7] * 99
        index = np.array([5, 1000, 1001], np.uint32)
        if null:
            block.decode_fixed(*column.places(), 4, True, 1, 100, index)
            continue
        with pytest.raises(FormatError) as caught:
            block.decode_fixed(*column.places(), 4, True, 1, 100, index)
        assert (caught.value.code, caught.value.section, caught.value.chunk) == ("bad-value", "5.5", 0)


def test_decimals_handed_out_are_checked() -> None:
    values = np.zeros((4000, 2), np.int64)
    values[1000, 0] = 100
    column = fixed(values, hint=5)
    for row, good in ((999, True), (1000, False)):
        found = outcome(
            block.decode_fixed, *column.places(), 16, True, 2, 2, np.array([3, row, 2000], np.uint32)
        )
        assert (not isinstance(found, str)) is good


def test_text_handed_out_is_checked() -> None:
    texts = [b"word %d" % (i % 5000) for i in range(4000)]
    texts[1000] = b"\xff"
    for key in (False, True):
        column = variable(texts, key=key)
        for row, good in ((999, True), (1000, False)):
            index = np.array([3, row, 2000], np.uint32)
            found = outcome(block.decode_variable, *column.places(), column.raw_size, True, True, index)
            assert (not isinstance(found, str)) is good
            if not good:
                assert found == "invalid-utf8"
            assert not isinstance(
                outcome(block.decode_variable, *column.places(), column.raw_size, True, False, index), str
            )


def test_nulls_with_bytes_are_refused() -> None:
    values = [b"ab", b"x", b"cd"] * 400
    valid = np.arange(1200) % 3 != 1
    mask = np.packbits(valid, bitorder="little").tobytes()
    node = encode_node(arrow(values), "variable", 0, 5)
    chunk = struct.pack("<BBHI", 2, 1, 0, 1200) + struct.pack("<BBHI", 1, 0, 0, len(mask)) + mask + node
    column = raw_column(chunk, 1200)
    found = outcome(block.decode_variable, *column.places(), None, True, True, np.array([1, 2], np.uint32))
    assert found == "bad-value"


def test_the_raw_size_is_that_of_the_directory() -> None:
    column = variable(strings("digits", 3000))
    column.raw_size = column.raw_size + np.uint32(1)
    with pytest.raises(FormatError, match="count-mismatch"):
        block.decode_variable(*column.places(), column.raw_size, True, True, np.array([1], np.uint32))


@pytest.mark.parametrize("kind", ["integers", "doubles", "strings"])
def test_damage_is_found_or_does_no_harm(kind: str) -> None:
    """A flipped byte leads to a typed error or to what all rows and a take give."""
    rng = np.random.default_rng(7)
    columns = []
    if kind == "integers":
        columns = [
            fixed(integers(np.int32, shape, 3000), hint=2, key=i % 2 == 0) for i, shape in enumerate(SHAPES)
        ]
    elif kind == "doubles":
        columns = [fixed(make(rng, 3000), hint=4) for make in DOUBLES.values()]
    else:
        columns = [variable(strings(shape, 3000), key=i % 2 == 0) for i, shape in enumerate(TEXTS)]
    width = 4 if kind == "integers" else 8
    for column in columns:
        clean = column.data
        head = min(120, len(clean))
        for _ in range(150):
            at = int(rng.integers(0, head if rng.random() < 0.7 else len(clean)))
            damaged = clean.copy()
            damaged[at] ^= np.uint8(rng.integers(1, 256))
            column.data = damaged
            index = numbers(3000, 0.01, ORDERS[at % 2], at)
            if kind == "strings":
                whole = outcome(block.decode_variable, *column.places(), column.raw_size, True, True)
                found = outcome(block.decode_variable, *column.places(), column.raw_size, True, True, index)
            else:
                whole = outcome(block.decode_fixed, *column.places(), width, True)
                found = outcome(block.decode_fixed, *column.places(), width, True, 0, 0, index)
            if isinstance(found, str):
                assert found in CODES
                assert isinstance(whole, str)
            elif not isinstance(whole, str):
                if kind == "strings":
                    expected = gather.take_variable(whole[0], whole[1], index)
                    assert found[1].tobytes() == expected[1].tobytes()
                else:
                    assert found[0].tobytes() == gather.take_fixed(whole[0], width, index).tobytes()
            else:
                # only what §5.9 allows to be left out for rows that are not handed out
                assert whole in {
                    "bad-dictionary",
                    "bad-symbol",
                    "invalid-utf8",
                    "bad-value",
                    "count-mismatch",
                    "limit-exceeded",
                }
