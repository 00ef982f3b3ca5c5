"""The split-block filter (spec ch. 6), beside an exact search in sorted hashes, which needs 64 bits a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tablestore._native import bloom

PerRow = Callable[[str, str, int, Callable[[], Any]], Any]
BITS_PER_KEY = 12
SIZES = {"in cache": 62_500, "of a large file": 1_250_000}


def hashes_of(count: int, seed: int) -> npt.NDArray[np.uint64]:
    return np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("implementation", ["native", "numpy"])
def test_build(per_row: PerRow, size: str, implementation: str) -> None:
    hashes = hashes_of(SIZES[size], 8)
    calls = {
        "native": lambda: bloom.build(hashes, BITS_PER_KEY),
        "numpy": lambda: np.sort(hashes),
    }
    built = per_row(f"build a filter {size}", implementation, len(hashes), calls[implementation])
    if implementation == "native":
        assert np.all(bloom.probe(built, hashes))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("implementation", ["native", "numpy"])
def test_probe(per_row: PerRow, size: str, implementation: str) -> None:
    hashes = hashes_of(SIZES[size], 8)
    absent = hashes_of(100_000, 9)
    section, ordered = bloom.build(hashes, BITS_PER_KEY), np.sort(hashes)
    calls = {
        "native": lambda: bloom.probe(section, absent),
        "numpy": lambda: ordered[np.minimum(np.searchsorted(ordered, absent), len(ordered) - 1)] == absent,
    }
    found = per_row(f"probe a filter {size}", implementation, len(absent), calls[implementation])
    assert np.count_nonzero(found) < len(absent) * 0.01
