"""Key encoding against a plain model of spec §3.2 to §3.5: bytes, order, limits."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore._native import key as native
from tablestore.errors import LimitExceededError

INTEGERS = [(width, signed) for width in (1, 2, 4, 8) for signed in (False, True)]


def escape(value: bytes) -> bytes:
    return value.replace(b"\1", b"\1\1").replace(b"\0", b"\1\0") + b"\0"


def model_value(form: str, width: int, signed: bool, value: object, escaped: bool) -> bytes:
    if form == "bits":
        return bytes([bool(value)])
    if form == "fixed":
        assert isinstance(value, int)
        return (value + (1 << (8 * width - 1) if signed else 0)).to_bytes(width, "big")
    assert isinstance(value, bytes)
    return escape(value) if form == "variable" and escaped else value


def column_of(form: str, width: int, signed: bool, values: list) -> tuple:
    if form == "bits":
        return form, 0, False, np.packbits(np.array(values, bool), bitorder="little"), None
    if form == "fixed":
        raw = b"".join(v.to_bytes(width, "little", signed=signed) for v in values)
        return form, width, signed, np.frombuffer(raw, np.uint8), None
    data = np.frombuffer(b"".join(values), np.uint8)
    if form == "opaque":
        return form, width, False, data, None
    return form, 0, False, data, np.cumsum([0] + [len(v) for v in values]).astype(np.int32)


@st.composite
def columns(draw: st.DrawFn, rows: int, forms: tuple[str, ...]) -> tuple:
    form = draw(st.sampled_from(forms))
    width, signed = draw(st.sampled_from([*INTEGERS, (16, True)] if "variable" in forms else INTEGERS))
    if form == "bits":
        values: st.SearchStrategy = st.booleans()
    elif form == "fixed":
        half = 1 << (8 * width - 1)
        values = st.integers(-half, half - 1) if signed else st.integers(0, 2 * half - 1)
    elif form == "opaque":
        width = draw(st.integers(1, 8))
        values = st.binary(min_size=width, max_size=width)
    else:
        values = st.one_of(
            st.binary(max_size=30),
            st.sampled_from([b"", b"\0", b"\1", b"\0\1", b"abcdefgh\0abcdefgh", b"\1" * 9]),
        )
    return form, width, signed, draw(st.lists(values, min_size=rows, max_size=rows))


@st.composite
def keys(
    draw: st.DrawFn, forms: tuple[str, ...] = ("fixed", "bits", "opaque", "variable")
) -> tuple[int, list[tuple]]:
    rows = draw(st.integers(0, 12))
    return rows, draw(st.lists(columns(rows, forms), min_size=1, max_size=4))


def split(offsets: np.ndarray, data: np.ndarray) -> list[bytes]:
    raw = data.tobytes()
    assert offsets[0] == 0
    assert offsets[-1] == len(raw)
    return [raw[a:b] for a, b in pairwise(offsets.tolist())]


def expected_keys(rows: int, parts: list[tuple]) -> list[bytes]:
    last = len(parts) - 1
    return [
        b"".join(model_value(*part[:3], part[3][row], place < last) for place, part in enumerate(parts))
        for row in range(rows)
    ]


@given(keys())
def test_encode_bytes_is_the_model_and_keeps_the_order(case: tuple) -> None:
    rows, parts = case
    encoded = split(*native.encode_bytes([column_of(*part) for part in parts], rows))
    assert encoded == expected_keys(rows, parts)
    by_columns = sorted(range(rows), key=lambda row: [part[3][row] for part in parts])
    by_bytes = sorted(range(rows), key=lambda row: encoded[row])
    assert by_columns == by_bytes


@given(keys(("fixed", "bits", "opaque")))
def test_encode_words_is_the_same_key(case: tuple) -> None:
    rows, parts = case
    described = [column_of(*part) for part in parts]
    total = sum(1 if part[0] == "bits" else part[1] for part in parts)
    if total > 8:
        with pytest.raises(ValueError, match="does not fit"):
            native.encode_words(described, rows)
        return
    words, size = native.encode_words(described, rows)
    assert size == total
    assert words.tolist() == [int.from_bytes(k, "big") for k in expected_keys(rows, parts)]
    assert split(*native.words_to_bytes(words, size)) == expected_keys(rows, parts)


@given(keys(), st.data())
def test_encode_tuple_is_the_model(case: tuple, data: st.DataObject) -> None:
    rows, parts = case
    nulls = [data.draw(st.none() | st.lists(st.booleans(), min_size=rows, max_size=rows)) for _ in parts]
    bitmaps = [None if n is None else np.packbits(~np.array(n, bool), bitorder="little") for n in nulls]
    encoded = split(*native.encode_tuple([column_of(*part) for part in parts], bitmaps, rows))
    assert encoded == [
        b"".join(
            b"\0" if null is not None and null[row] else b"\1" + model_value(*part[:3], part[3][row], True)
            for part, null in zip(parts, nulls, strict=True)
        )
        for row in range(rows)
    ]


def test_spec_examples() -> None:
    ids = column_of("fixed", 8, True, [-1, 0, 5])
    assert native.encode_words([ids], 3)[0].tolist() == [2**63 - 1, 2**63, 2**63 + 5]
    names = column_of("variable", 0, False, [b"a\0b", b"", b"\1"])
    assert split(*native.encode_bytes([names, ids], 3)) == [
        b"a\1\0b\0\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\0\x80\0\0\0\0\0\0\0",
        b"\1\1\0\x80\0\0\0\0\0\0\5",
    ]


def test_sliced_offsets_are_rebased() -> None:
    data = np.frombuffer(b"skipkeepend", np.uint8)
    column = ("variable", 0, False, data, np.array([4, 8, 11], np.int32))
    assert split(*native.encode_bytes([column], 2)) == [b"keep", b"end"]
    assert split(*native.encode_bytes([column, column], 2)) == [b"keep\0keep", b"end\0end"]


def test_the_limit_of_a_key() -> None:
    for size, fits in ((65536, True), (65537, False)):
        column = column_of("variable", 0, False, [b"", b"x" * size])
        if fits:
            assert len(native.encode_bytes([column], 2)[1]) == size
        else:
            with pytest.raises(LimitExceededError, match="row 1") as caught:
                native.encode_bytes([column], 2)
            assert caught.value.code == "limit-exceeded"
    with pytest.raises(LimitExceededError):
        native.encode_tuple([column_of("variable", 0, False, [b"\0" * 40000])], [None], 1)


@given(st.lists(st.binary(max_size=90), min_size=1, max_size=8), st.data())
def test_bounds_are_the_first_bytes(rows: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=8))
    _, _, _, raw, offsets = column_of("variable", 0, False, rows)
    ends, bounds = native.bytes_bounds(offsets.astype(np.int64), raw, np.array(index, np.int64))
    assert split(np.concatenate([[0], ends.astype(np.int64)]), bounds) == [rows[i][:64] for i in index]


def first_descent(rows: list, ends: list[int] | None) -> int:
    starts = {0, *(ends or [])}
    return next((i for i in range(1, len(rows)) if i not in starts and rows[i] <= rows[i - 1]), -1)


@given(st.lists(st.integers(0, 6) | st.integers(0, 2**64 - 1), max_size=30), st.booleans(), st.data())
def test_check_ascending(values: list[int], nearly: bool, data: st.DataObject) -> None:
    rows = sorted(set(values)) if nearly else values
    if nearly and rows and data.draw(st.booleans()):
        rows.insert(data.draw(st.integers(0, len(rows))), rows[data.draw(st.integers(0, len(rows) - 1))])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    words = np.array(rows, np.uint64)
    encoded = [str(v).encode() for v in rows]
    _, _, _, raw, offsets = column_of("variable", 0, False, encoded)
    for ends in (None, [*cuts, len(rows)]):
        as_array = None if ends is None else np.array(ends, np.int64)
        assert native.check_ascending_words(words, as_array) == first_descent(rows, ends)
        assert native.check_ascending_bytes(offsets.astype(np.int64), raw, as_array) == first_descent(
            encoded, ends
        )


def test_check_ascending_finds_the_first_of_many() -> None:
    words = np.arange(5000, dtype=np.uint64)
    assert native.check_ascending_words(words) == -1
    words[3000] = words[2999]
    words[4000] = 0
    assert native.check_ascending_words(words) == 3000
    assert native.check_ascending_words(words, np.array([3000, 5000])) == 4000


def test_bad_columns_are_refused() -> None:
    data = np.zeros(8, np.uint8)
    bad = [
        ("fixed", 3, False, data, None),
        ("fixed", 16, False, data, None),
        ("opaque", 0, False, data, None),
        ("text", 1, False, data, None),
        ("fixed", 8, False, data, None),
        ("variable", 0, False, data, None),
        ("variable", 0, False, data, np.array([0, 4], np.int32)),
        ("variable", 0, False, data, np.array([0, 4, 3], np.int32)),
        ("variable", 0, False, data, np.array([0, 4, 9], np.int32)),
        ("variable", 0, False, data, np.array([-1, 4, 8], np.int32)),
    ]
    for column in bad:
        with pytest.raises(ValueError, match=r".+"):
            native.encode_bytes([column], 2)
    with pytest.raises(ValueError, match="bitmap"):
        native.encode_bytes([("bits", 0, False, data[:1], None)], 9)
    with pytest.raises(ValueError, match="at least one column"):
        native.encode_words([], 2)
    with pytest.raises(ValueError, match="validity"):
        native.encode_tuple([("bits", 0, False, data, None)], [data[:1]], 9)
    with pytest.raises(ValueError, match="row_end"):
        native.check_ascending_words(np.zeros(3, np.uint64), np.array([4]))
    with pytest.raises(ValueError, match="of 1 keys"):
        native.bytes_bounds(np.array([0, 1]), data, np.array([1]))
