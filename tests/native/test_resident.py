"""Lookups in decoded files against a dict, and what the kernels refuse."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore._native import bloom, resident
from tablestore.errors import FormatError
from tablestore.file.keys import ByteKeys, Keys, WordKeys

BUCKETS = 3

# A file: its bucket, its place in the bucket, its keys with whether each is a delete, and whether it has a filter.
FILES = st.lists(
    st.tuples(
        st.integers(0, BUCKETS - 1),
        st.integers(0, 1),
        st.dictionaries(st.integers(0, 30), st.booleans(), max_size=25),
        st.booleans(),
    ),
    max_size=8,
)


def text_of(number: int) -> bytes:
    """Keys of several sizes in the order of the numbers."""
    return b"k" * (number % 3) * (number > 15) + b"%02d" % number


def words(numbers: list[int]) -> WordKeys:
    return WordKeys(np.array(numbers, np.uint64), 8)


def texts(numbers: list[int]) -> ByteKeys:
    parts = [text_of(number) for number in numbers]
    ends = np.array([0, *accumulate(map(len, parts))], np.int64)
    return ByteKeys(ends, np.frombuffer(b"".join(parts), np.uint8))


def handed(keys: Keys) -> Any:
    return keys.words if isinstance(keys, WordKeys) else (keys.offsets, keys.data)  # type: ignore[attr-defined]


@given(
    FILES, st.lists(st.tuples(st.integers(0, 32), st.integers(0, BUCKETS - 1)), max_size=40), st.booleans()
)
def test_the_newest_version_of_a_key_that_lives(
    files: list[tuple[int, int, dict[int, bool], bool]], asked: list[tuple[int, int]], as_words: bool
) -> None:
    make: Any = words if as_words else texts
    files = sorted(files, key=lambda file: file[:2])  # newest first as they stand within a place
    start = np.searchsorted([file[0] for file in files], np.arange(BUCKETS + 1)).astype(np.int64)
    ordered = [sorted(file[2], key=lambda n: n if as_words else text_of(n)) for file in files]
    index = resident.Newest(
        [
            (
                handed(make(numbers)),
                bloom.build(make(numbers).hashes(), 10) if with_filter and numbers else None,
                np.array([rows[n] for n in numbers], np.uint8) if any(rows.values()) else None,
                10 * bucket + place,
            )
            for numbers, (bucket, place, rows, with_filter) in zip(ordered, files, strict=True)
        ],
        start,
    )
    probes = make([number for number, _ in asked])
    bucket = np.array([bucket for _, bucket in asked], np.uint32)
    if isinstance(probes, WordKeys):
        file, row = index.find_words(probes.words, probes.hashes(), bucket)
    else:
        file, row = index.find_bytes(probes.offsets, probes.data, probes.hashes(), bucket)
    for (number, in_bucket), found, at in zip(asked, file, row, strict=True):
        expected = -1
        for place in (0, 1):
            of_place = [
                f for f, file in enumerate(files) if file[:2] == (in_bucket, place) and number in file[2]
            ]
            if of_place and not files[of_place[0]][2][number] and expected < 0:
                expected = of_place[0]
        assert found == expected
        if expected >= 0:
            assert ordered[found][at] == number


COLUMN = st.lists(st.lists(st.none() | st.integers(0, 200), max_size=30), min_size=1, max_size=4)


def part(values: list[Any], kind: pa.DataType) -> tuple[Any, Any, Any, int]:
    array = pa.array(values, kind)
    validity, *rest = array.buffers()
    raw = [np.frombuffer(b"" if buffer is None else buffer, np.uint8) for buffer in (validity, *rest)]
    offsets = None
    if len(rest) == 2:
        offsets = np.frombuffer(rest[0] or bytes(4), np.int32, len(values) + 1)
    return raw[-1], offsets, raw[0] if array.null_count else None, len(values)


@pytest.mark.parametrize(
    ("kind", "arrow", "width"),
    [
        *(("fixed", kind, kind.bit_width // 8) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())),
        ("fixed", pa.decimal128(9), 16),
        ("bits", pa.bool_(), 0),
        ("variable", pa.string(), 0),
    ],
)
@given(COLUMN, st.lists(st.tuples(st.integers(0, 10), st.integers(0, 100)), max_size=60))
def test_values_of_chosen_rows(
    kind: str, arrow: pa.DataType, width: int, values: list[list[int | None]], chosen: list[tuple[int, int]]
) -> None:
    def value(number: int | None) -> Any:
        if number is None or pa.types.is_decimal(arrow):
            return number
        return (
            number > 90
            if kind == "bits"
            else "x" * (number % 7) + str(number)
            if kind == "variable"
            else number % 128
        )

    plain = [[value(number) for number in numbers] for numbers in values]
    pairs = [(f % len(plain), r % len(plain[f % len(plain)])) for f, r in chosen if plain[f % len(plain)]]
    columns = resident.Columns(kind, width, [part(numbers, arrow) for numbers in plain])
    file, row = np.array([f for f, _ in pairs], np.int32), np.array([r for _, r in pairs], np.uint32)
    data, offsets, validity = columns.take(file, row)
    buffers = [
        None if validity is None else pa.py_buffer(validity),
        *([] if offsets is None else [pa.py_buffer(offsets)]),
    ]
    found = pa.Array.from_buffers(arrow, len(pairs), [*buffers, pa.py_buffer(data)])
    found.validate(full=True)
    assert found.to_pylist() == pa.array([plain[f][r] for f, r in pairs], arrow).to_pylist()


def one() -> resident.Newest:
    return resident.Newest([(np.arange(4, dtype=np.uint64), None, None, 0)], np.array([0, 1], np.int64))


def u32(*numbers: int) -> npt.NDArray[np.uint32]:
    return np.array(numbers, np.uint32)


def test_wrong_arguments_are_refused() -> None:
    keys, hashes = np.arange(2, dtype=np.uint64), np.zeros(2, np.uint64)
    assert one().find_words(keys, hashes, u32(0, 0))[0].tolist() == [0, 0]
    for call in (
        lambda: one().find_words(keys, hashes, u32(0, 1)),
        lambda: one().find_words(keys, hashes[:1], u32(0, 0)),
        lambda: one().find_bytes(np.zeros(3, np.int64), np.zeros(0, np.uint8), hashes, u32(0, 0)),
        lambda: resident.Newest([], np.array([0, 1], np.int64)),
        lambda: resident.Newest(
            [(keys, None, None, 0), ((np.zeros(2, np.int64), np.zeros(0, np.uint8)), None, None, 0)],
            np.zeros(2, np.int64),
        ),
        lambda: resident.Newest([(keys, None, np.zeros(1, np.uint8), 0)], np.array([0, 1], np.int64)),
        lambda: resident.Newest(
            [((np.array([2, 1]), np.zeros(9, np.uint8)), None, None, 0)], np.array([0, 1])
        ),
        lambda: resident.Columns("words", 1, []),
        lambda: resident.Columns("fixed", 0, []),
        lambda: resident.Columns("fixed", 8, [(np.zeros(15, np.uint8), None, None, 2)]),
        lambda: resident.Columns("fixed", 1, [(np.zeros(9, np.uint8), None, np.zeros(1, np.uint8), 9)]),
        lambda: resident.Columns(
            "variable", 0, [(np.zeros(3, np.uint8), np.array([0, 4], np.int32), None, 1)]
        ),
        lambda: resident.Columns(
            "variable", 0, [(np.zeros(3, np.uint8), np.array([0, 2, 1], np.int32), None, 2)]
        ),
        lambda: resident.Columns("variable", 0, [(np.zeros(3, np.uint8), None, None, 1)]),
    ):
        with pytest.raises(
            ValueError, match=r"bucket|hashes|hold|start|form|marks|offsets|column|byte|short"
        ):
            call()
    with pytest.raises(FormatError):
        resident.Newest([(keys, np.zeros(8, np.uint8), None, 0)], np.array([0, 1], np.int64))
    columns = resident.Columns("fixed", 1, [(np.zeros(3, np.uint8), None, None, 3)])
    for file, row in ((0, 3), (1, 0), (-1, 0)):
        with pytest.raises(ValueError, match="out of range"):
            columns.take(np.array([file], np.int32), u32(row))
