"""Chunks (spec chapter 5): what wrong, hostile and damaged bytes lead to, and nested chunks."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from chunk_cases import (
    INTEGERS,
    NULLS,
    SHAPES,
    TEXTS,
    Column,
    arrow,
    bitmap,
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

from tablestore._native import block
from tablestore._native.encoding import encode_node
from tablestore.errors import FormatError, LimitExceededError

# ---- rejects ----


CONSTANT_7 = struct.pack("<BBHI", 0, 0, 0, 4) + struct.pack("<I", 7)


def chunk_of(kind: int = 1, flags: int = 0, width: int = 4, rows: int = 3, body: bytes = CONSTANT_7) -> bytes:
    return struct.pack("<BBHI", kind, flags, width, rows) + body


def bits_node(value: int, encoding: int = 0) -> bytes:
    return struct.pack("<BBHIB", encoding, 0, 0, 1, value)


@pytest.mark.parametrize(
    ("chunk", "code"),
    [
        (b"", "truncated"),
        (chunk_of()[:7], "truncated"),
        (chunk_of()[:-1], "truncated"),
        (chunk_of() + b"x", "size-mismatch"),
        (chunk_of(kind=2), "schema-mismatch"),
        (chunk_of(kind=9), "schema-mismatch"),
        (chunk_of(width=8), "schema-mismatch"),
        (chunk_of(flags=2), "bad-zero"),
        (chunk_of(flags=0x81), "bad-zero"),
        (chunk_of(rows=4), "count-mismatch"),
        (chunk_of(rows=0), "count-mismatch"),
        (chunk_of(flags=1), "bad-value"),
        (chunk_of(flags=1, body=b""), "truncated"),
        (chunk_of(flags=1, body=bits_node(1) + CONSTANT_7), "bad-value"),
        (chunk_of(flags=1, body=bits_node(7, 1) + CONSTANT_7), "bad-value"),
        (chunk_of(flags=1, body=bits_node(15, 1) + CONSTANT_7), "bad-value"),
        (chunk_of(flags=1, body=bits_node(2) + CONSTANT_7), "bad-value"),
    ],
)
def test_chunk_faults_have_their_code(chunk: bytes, code: str) -> None:
    with pytest.raises(FormatError) as caught:
        raw_column(chunk, 3).fixed(4)
    assert caught.value.code == code
    assert caught.value.chunk == 0


def test_nulls_need_a_nullable_column() -> None:
    chunk = chunk_of(flags=1, body=bits_node(5, 1) + CONSTANT_7)
    values, validity, nulls = raw_column(chunk, 3).fixed(4)
    assert (values.view(np.uint32).tolist(), validity.tolist(), nulls.tolist()) == ([7, 7, 7], [5], [1])
    with pytest.raises(FormatError, match="null-in-required"):
        raw_column(chunk, 3).fixed(4, nullable=False)


def test_null_strings_have_no_bytes() -> None:
    for values, good in [([b"ab", b"", b"cd"], True), ([b"ab", b"x", b"cd"], False)]:
        values_node = encode_node(arrow(values), "variable", 0, 5)
        column = raw_column(chunk_of(2, 1, 0, 3, bits_node(5, 1) + values_node), 3)
        if good:
            assert column.variable(told=False)[2].tolist() == [5]
        else:
            with pytest.raises(FormatError, match="bad-value"):
                column.variable(told=False)


def test_raw_size_must_be_that_of_the_directory() -> None:
    column = variable(strings("digits", 100))
    column.raw_size = column.raw_size + np.uint32(1)
    with pytest.raises(FormatError, match="count-mismatch"):
        column.variable()
    column.raw_size = np.array([2**32 - 1], np.uint32)
    with pytest.raises(FormatError, match="count-mismatch"):
        column.variable()


def test_errors_name_the_chunk_and_the_place_in_it() -> None:
    column = fixed(integers(np.int32, "full", 5000), rows=1000, hint=2, level=0)
    column.data = column.data.copy()
    column.data[int(column.offset[3]) + 8] = 99
    with pytest.raises(FormatError) as caught:
        column.fixed(4)
    assert (caught.value.chunk, caught.value.offset, caught.value.code) == (3, 8, "bad-encoding")


def test_limits_hold_before_memory_is_used() -> None:
    wide = chunk_of(width=1000, rows=33555, body=struct.pack("<BBHI", 0, 0, 0, 1000) + bytes(1000))
    with pytest.raises(LimitExceededError):
        raw_column(wide, 33555).fixed(1000)
    with pytest.raises(LimitExceededError):
        raw_column(chunk_of(2, 0, 0, 33554433, struct.pack("<BBHI", 0, 0, 0, 0)), 33554433).variable(
            told=False
        )


def test_writers_refuse_what_readers_would() -> None:
    end = np.array([33], np.int64)
    with pytest.raises(LimitExceededError):
        block.encode_fixed(np.zeros(33 << 20, np.uint8), 1, None, np.array([33 << 20]), 1, 0, False)
    offsets = (np.arange(34) << 20).astype(np.int32)
    with pytest.raises(LimitExceededError):
        block.encode_variable(offsets, np.zeros(33 << 20, np.uint8), None, end, 0, False)
    with pytest.raises(LimitExceededError):
        block.encode_variable(
            np.array([0, 16777217], np.int32), np.zeros(16777217, np.uint8), None, end // 33, 0, False
        )


def test_wrong_use_is_a_value_error() -> None:
    column = fixed(np.arange(10), hint=2)
    column.take = column.rows + np.uint32(1)
    with pytest.raises(ValueError, match="beyond its rows"):
        column.fixed(8)
    column = fixed(np.arange(10), hint=2)
    column.size = column.size + np.uint32(1)
    with pytest.raises(ValueError, match="inside the buffer"):
        column.fixed(8)
    four = np.zeros(4, np.uint8)
    for width, hint, level, end in [
        (4, 4, 0, 1),
        (4, 7, 0, 1),
        (4, 1, 20, 1),
        (4, 1, 0, 2),
        (0, 0, 0, 1),
        (3, 1, 0, 1),
    ]:
        with pytest.raises(ValueError, match=r"hint|level|values|width"):
            block.encode_fixed(four, width, None, np.array([end]), hint, level, False)
    with pytest.raises(ValueError, match="descend"):
        block.encode_variable(np.array([0, 3, 2], np.int32), four, None, np.array([2]), 0, False)
    with pytest.raises(ValueError, match="beyond"):
        block.encode_variable(np.array([0, 3, 5], np.int32), four, None, np.array([2]), 0, False)
    with pytest.raises(ValueError, match="descends"):
        block.encode_bits(four, None, np.array([3, 2]), 0)


# ---- nested ----


def leaf(count: int) -> bytes:
    values = np.arange(count, dtype=np.int32).view(np.uint8)
    return block.encode_fixed(values, 4, None, np.array([count]), 2, 0, False)[0].tobytes()


def test_lists_open_as_they_were_sealed() -> None:
    lengths = np.array([2, 0, 0, 3], np.uint32)
    child = leaf(5)
    for valid in (None, np.array([True, False, True, True])):
        validity = None if valid is None else bitmap(valid)
        chunk = np.frombuffer(block.seal_nested(3, 0, 4, validity, lengths, [child]), np.uint8)
        kind, width, rows, found, found_lengths, children = block.open_nested(chunk)
        assert (kind, width, rows) == (3, 0, 4)
        assert (found is None) if valid is None else found.tobytes() == bitmap(valid).tobytes()
        assert found_lengths.tolist() == lengths.tolist()
        assert [chunk[a : a + size].tobytes() for a, size in children] == [child]


def test_structs_open_as_they_were_sealed() -> None:
    parts = [leaf(3), leaf(3), leaf(3)]
    chunk = np.frombuffer(
        block.seal_nested(4, 3, 3, bitmap(np.array([True, False, True])), None, parts), np.uint8
    )
    kind, width, rows, validity, lengths, children = block.open_nested(chunk)
    assert (kind, width, rows, validity.tolist(), lengths) == (4, 3, 3, [5], None)
    assert [chunk[a : a + size].tobytes() for a, size in children] == parts


def test_nested_faults_have_their_code() -> None:
    lengths = np.array([2, 0, 3], np.uint32)
    good = block.seal_nested(3, 0, 3, None, lengths, [leaf(5)])
    null = block.seal_nested(3, 0, 3, bitmap(np.array([False, True, True])), lengths, [leaf(5)])
    constant = struct.pack("<BBHI", 0, 0, 0, 4) + struct.pack("<I", 1 << 24)
    for chunk, code in [
        (good[:-1], "truncated"),
        (good + b"x", "size-mismatch"),
        (b"\1" + good[1:], "schema-mismatch"),
        (good[:2] + b"\1" + good[3:], "schema-mismatch"),
        (good[:1] + b"\2" + good[2:], "bad-zero"),
        (null, "bad-value"),
        (struct.pack("<BBHI", 3, 0, 0, 3) + constant, "limit-exceeded"),
        (struct.pack("<BBHI", 3, 0, 0, 1 << 23) + constant + b"x", "limit-exceeded"),
        (struct.pack("<BBHI", 4, 0, 2, 3) + struct.pack("<I", 4) + b"abcd", "truncated"),
        (struct.pack("<BBHI", 3, 0, 0, 0) + b"x", "size-mismatch"),
    ]:
        with pytest.raises(FormatError) as caught:
            block.open_nested(np.frombuffer(chunk, np.uint8))
        assert caught.value.code == code


# ---- damage ----


def damage(column: Column, rng: np.random.Generator) -> None:
    """A few bytes of one chunk; heads of nodes are likely."""
    k = int(rng.integers(0, len(column.size)))
    start, size = int(column.offset[k]), int(column.size[k])
    column.data = column.data.copy()
    for _ in range(int(rng.integers(1, 4))):
        at = start + int(rng.integers(0, min(size, 40) if rng.random() < 0.6 else size))
        choice = rng.integers(0, 3)
        if choice == 0:
            column.data[at] ^= np.uint8(1 << int(rng.integers(0, 8)))
        elif choice == 1:
            column.data[at] = rng.choice(np.array([0, 1, 2, 127, 128, 255], np.uint8))
        else:
            column.data[at : min(at + 4, start + size)] = rng.integers(0, 256)
    if rng.random() < 0.2:
        column.size = column.size.copy()
        column.size[k] = rng.integers(0, size + 1)


@pytest.mark.parametrize("seed", range(30))
def test_damaged_chunks_never_crash(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.choice([3, 100, 1024, 2500]))
    valid = present(NULLS[seed % len(NULLS)], count)
    dtype = INTEGERS[seed % 8]
    width = np.dtype(dtype).itemsize

    def text(column: Column) -> None:
        result = outcome(column.variable)
        if not isinstance(result, str):
            assert np.all(np.diff(result[0]) >= 0)
            assert result[0][-1] == len(result[1])

    for _ in range(15):
        for shape in SHAPES:
            column = fixed(integers(dtype, shape, count), valid, rows=900, hint=1)
            damage(column, rng)
            outcome(column.fixed, width)
        for shape in TEXTS:
            column = variable(strings(shape, count), valid, rows=900, level=seed % 2, key=seed % 3 == 0)
            damage(column, rng)
            text(column)
            selections(column, seed)
            text(column)
        column = bits(rng.random(count) < 0.5, valid, 900)
        damage(column, rng)
        outcome(column.bits)
        chunk = np.frombuffer(
            block.seal_nested(3, 0, 4, None, np.array([1, 2, 0, 9], np.uint32), [leaf(12)]), np.uint8
        ).copy()
        chunk[rng.integers(0, len(chunk))] ^= np.uint8(1 << int(rng.integers(0, 8)))
        outcome(block.open_nested, chunk)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 4))
def test_noise_never_crashes(data: bytes, kind: int) -> None:
    chunk = struct.pack("<BBHI", kind, len(data) & 1, 4 if kind == 1 else 0, 9) + data
    outcome(raw_column(chunk, 9).fixed, 4)
    outcome(raw_column(chunk, 9).bits)
    outcome(raw_column(chunk, 9).variable, True, True, False)
    outcome(block.open_nested, np.frombuffer(chunk, np.uint8))
