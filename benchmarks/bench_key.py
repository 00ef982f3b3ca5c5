"""Key encoding, hashing and sorting for flush (spec ch. 3), beside numpy and pyarrow doing the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tablestore._native import hash as native_hash
from tablestore._native import key, sort

ROWS = 500_000
GROUPS = 4
PerRow = Callable[[str, str, int, Callable[[], Any]], Any]
Words = npt.NDArray[np.uint64]

_PRIMES = [
    np.uint64(prime)
    for prime in (
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
        0x27D4EB2F165667C5,
    )
]


@pytest.fixture(scope="module")
def numbers() -> npt.NDArray[np.int64]:
    return np.random.default_rng(1).integers(-(2**40), 2**40, ROWS)


def encoded(numbers: npt.NDArray[np.int64]) -> Words:
    return numbers.view(np.uint64) ^ np.uint64(1 << 63)


def xxh64_of_words(words: Words) -> Words:
    """XXH64 (Collet, seed 0) of eight big-endian bytes, in whole-array numpy steps."""
    one, two, three, four, five = _PRIMES
    state = np.full(len(words), five + np.uint64(8))
    state ^= _rotate(words.byteswap() * two, 31) * one
    state = _rotate(state, 27) * one + four
    state = (state ^ (state >> np.uint64(33))) * two
    state = (state ^ (state >> np.uint64(29))) * three
    return state ^ (state >> np.uint64(32))


def _rotate(values: Words, bits: int) -> Words:
    return (values << np.uint64(bits)) | (values >> np.uint64(64 - bits))


@pytest.mark.parametrize("implementation", ["native", "numpy"])
def test_encode_words(per_row: PerRow, numbers: npt.NDArray[np.int64], implementation: str) -> None:
    column = ("fixed", 8, True, numbers.view(np.uint8), None)
    calls = {
        "native": lambda: key.encode_words([column], ROWS)[0],
        "numpy": lambda: encoded(numbers),
    }
    words = per_row("encode int64 keys", implementation, ROWS, calls[implementation])
    assert np.array_equal(words, encoded(numbers))


@pytest.mark.parametrize("implementation", ["native", "numpy"])
def test_hash_words(per_row: PerRow, numbers: npt.NDArray[np.int64], implementation: str) -> None:
    words = encoded(numbers)
    calls = {
        "native": lambda: native_hash.hash_words(words, 8),
        "numpy": lambda: xxh64_of_words(words),
    }
    hashes = per_row("hash 8-byte keys", implementation, ROWS, calls[implementation])
    assert np.array_equal(hashes, xxh64_of_words(words))


@pytest.mark.parametrize("implementation", ["native", "pyarrow"])
def test_encode_two_strings(per_row: PerRow, implementation: str) -> None:
    random = np.random.default_rng(2)
    cities = pa.array([f"city-{number:03d}" for number in range(200)]).take(random.integers(0, 200, ROWS))
    names = pc.cast(pa.array(random.integers(0, 10**7, ROWS)), pa.string())
    columns = [
        (
            "variable",
            0,
            False,
            np.frombuffer(text.buffers()[2], np.uint8),
            np.frombuffer(text.buffers()[1], np.int32),
        )
        for text in (cities, names)
    ]
    calls = {
        "native": lambda: key.encode_bytes(columns, ROWS),
        "pyarrow": lambda: pc.binary_join_element_wise(cities, names, "\0"),
    }
    result = per_row("encode keys of two strings", implementation, ROWS, calls[implementation])
    assert len(result[0] if implementation == "native" else result) >= ROWS


@pytest.mark.parametrize("implementation", ["native", "numpy"])
def test_sort_words(per_row: PerRow, numbers: npt.NDArray[np.int64], implementation: str) -> None:
    words = encoded(numbers)
    group = native_hash.buckets(native_hash.hash_words(words, 8), GROUPS)

    def baseline() -> npt.NDArray[np.int64]:
        order = np.lexsort((words, group))
        last = np.append((np.diff(words[order]) != 0) | (np.diff(group[order]) != 0), True)
        winners: npt.NDArray[np.int64] = order[last]
        return winners

    calls = {
        "native": lambda: sort.sort_words(words, group, GROUPS, None)[0],
        "numpy": baseline,
    }
    winners = per_row("sort for flush, int64, 4 buckets", implementation, ROWS, calls[implementation])
    assert np.array_equal(winners, baseline())
