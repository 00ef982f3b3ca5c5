"""Taking rows by number against plain indexing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore._native import gather as native
from tablestore.errors import LimitExceededError


@st.composite
def indexes(draw: st.DrawFn, rows: int) -> list[int]:
    """Single rows and stretches of consecutive ones, which are copied another way."""
    if rows == 0:
        return []
    pieces = draw(
        st.lists(st.tuples(st.integers(0, rows - 1), st.sampled_from([1, 1, 2, 63, 64, 65, 200])), max_size=8)
    )
    return [row for start, count in pieces for row in range(start, min(start + count, rows))]


@given(
    st.sampled_from([1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 20, 31, 32, 33, 40]),
    st.integers(0, 400),
    st.data(),
)
def test_take_fixed(width: int, rows: int, data: st.DataObject) -> None:
    index = data.draw(indexes(rows))
    source = np.random.default_rng(rows).integers(0, 256, rows * width).astype(np.uint8)
    taken = native.take_fixed(source, width, np.array(index, np.uint32))
    assert np.array_equal(taken, source.reshape(rows, width)[index].reshape(-1))


@given(st.integers(0, 400), st.data())
def test_take_bits(rows: int, data: st.DataObject) -> None:
    index = data.draw(indexes(rows))
    bits = np.random.default_rng(rows).integers(0, 2, rows).astype(bool)
    taken = native.take_bits(np.packbits(bits, bitorder="little"), np.array(index, np.uint32))
    assert np.array_equal(taken, np.packbits(bits[index], bitorder="little"))


@given(st.integers(0, 300), st.sampled_from([1, 10, 17, 100]), st.data())
def test_take_variable(rows: int, longest: int, data: st.DataObject) -> None:
    index = data.draw(indexes(rows))
    random = np.random.default_rng(rows)
    values = [random.bytes(int(n)) for n in random.integers(0, longest, rows)]
    offsets = np.cumsum([5] + [len(v) for v in values]).astype(np.int32)
    source = np.frombuffer(b"five!" + b"".join(values), np.uint8)
    out_offsets, out = native.take_variable(offsets, source, np.array(index, np.uint32))
    assert out.tobytes() == b"".join(values[i] for i in index)
    assert out_offsets.tolist() == np.cumsum([0] + [len(values[i]) for i in index]).tolist()


def test_rows_and_offsets_outside_are_refused() -> None:
    source = np.zeros(16, np.uint8)
    for width, row in ((8, 2), (3, 5), (16, 1)):
        with pytest.raises(ValueError, match="of a column"):
            native.take_fixed(source, width, np.array([0, row], np.uint32))
    with pytest.raises(ValueError, match="of a column"):
        native.take_bits(source, np.array([128], np.uint32))
    with pytest.raises(ValueError, match="at least one byte"):
        native.take_fixed(source, 0, np.array([0], np.uint32))
    for offsets in ([0, 17], [-1, 3], [4, 3]):
        with pytest.raises(ValueError, match="offsets"):
            native.take_variable(np.array(offsets, np.int32), source, np.array([0], np.uint32))
    with pytest.raises(ValueError, match="of a column"):
        native.take_variable(np.array([0], np.int32), source, np.array([0], np.uint32))


def test_more_bytes_than_an_offset_can_say() -> None:
    source = np.zeros(1 << 20, np.uint8)
    index = np.zeros(2048, np.uint32)
    with pytest.raises(LimitExceededError) as caught:
        native.take_variable(np.array([0, 1 << 20], np.int32), source, index)
    assert caught.value.code == "limit-exceeded"
