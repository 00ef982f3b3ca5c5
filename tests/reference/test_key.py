"""Encoded keys keep the order of values; ranks do, too."""

from __future__ import annotations

import math
import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tablestore.reference.key import bound, decode_key, decode_tuple, encode_key, encode_tuple
from tablestore.reference.type import Type, parse_type, rank

TEXT = st.text(st.sampled_from("\0\1\2a\x7fé😀"), max_size=6)
BYTES = st.lists(st.sampled_from([0, 1, 2, 97, 255]), max_size=6).map(bytes)
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int8": st.integers(-128, 127),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "uint16": st.integers(0, 65_535),
    "uint64": st.integers(0, 2**64 - 1),
    "date32": st.integers(-(2**31), 2**31 - 1),
    "time32(s)": st.integers(0, 86_399),
    "timestamp(us)": st.integers(-(2**63), 2**63 - 1),
    "decimal128(38,3)": st.integers(1 - 10**38, 10**38 - 1),
    "string": TEXT,
    "binary": BYTES,
    "fixed_binary(2)": st.binary(min_size=2, max_size=2),
}


def in_order(value: object) -> object:
    """A form that Python compares as the specification does: strings by their UTF-8 bytes."""
    return value.encode() if isinstance(value, str) else value


@st.composite
def key_pairs(draw: st.DrawFn) -> tuple[list[Type], list[Any], list[Any]]:
    """Types of a key and two keys of them."""
    names = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=3))
    left, right = ([draw(COLUMNS[name]) for name in names] for _ in range(2))
    return [parse_type(name) for name in names], left, right


@given(key_pairs())
def test_keys_are_ordered_as_their_columns(pair: tuple[list[Type], list[Any], list[Any]]) -> None:
    types, left, right = pair
    first, second = encode_key(types, left), encode_key(types, right)
    expected = [in_order(value) for value in left] < [in_order(value) for value in right]
    assert (first < second) == expected
    assert (first == second) == (left == right)
    assert decode_key(types, first) == left
    if first <= second:
        assert bound(first) <= bound(second)


@given(key_pairs(), st.integers(0, 7), st.integers(0, 7))
def test_tuples_are_ordered_with_null_lowest(
    pair: tuple[list[Type], list[Any], list[Any]], left_nulls: int, right_nulls: int
) -> None:
    types, left, right = pair
    left = [None if left_nulls >> index & 1 else value for index, value in enumerate(left)]
    right = [None if right_nulls >> index & 1 else value for index, value in enumerate(right)]
    first, second = encode_tuple(types, left), encode_tuple(types, right)
    forms = [
        [(value is not None, in_order(value) if value is not None else 0) for value in key]
        for key in (left, right)
    ]
    assert (first < second) == (forms[0] < forms[1])
    assert decode_tuple(types, first) == left
    assert not second.startswith(first) or first == second


@given(st.sampled_from(sorted(COLUMNS)), st.data())
def test_ranks_keep_the_order(name: str, data: st.DataObject) -> None:
    type_ = parse_type(name)
    left, right = data.draw(COLUMNS[name]), data.draw(COLUMNS[name])
    first, second = rank(type_, left), rank(type_, right)
    assert first is not None
    assert second is not None
    assert 0 <= first < 2**64
    if in_order(left) <= in_order(right):  # type: ignore[operator]
        assert first <= second


@given(st.floats(), st.floats())
def test_ranks_of_floats_keep_the_order(left: float, right: float) -> None:
    type_ = parse_type("float64")
    ranks = [rank(type_, struct.unpack("<Q", struct.pack("<d", value))[0]) for value in (left, right)]
    if math.isnan(left) or math.isnan(right):
        assert None in ranks
        return
    first, second = ranks
    assert first is not None
    assert second is not None
    assert (first < second) == (left < right)
