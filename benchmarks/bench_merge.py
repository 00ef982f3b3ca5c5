"""Merging sorted runs into the newest row of each key (spec ch. 12), beside a stable sort of everything."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tablestore._native import merge

PerRow = Callable[[str, str, int, Callable[[], Any]], Any]
Words = npt.NDArray[np.uint64]
SHAPES = {
    "one large run, eight small": [1_250_000, *[62_500] * 8],
    "nine equal runs": [194_000] * 9,
    "nine runs, disjoint ranges": [-194_000] * 9,
    "one large run, one tiny": [1_250_000, 250],
}


def runs_of(shape: str) -> list[Words]:
    """Sorted runs of distinct words each; a negative size means a range of its own."""
    random = np.random.default_rng(3)
    runs = []
    for place, size in enumerate(SHAPES[shape]):
        low, high = (place << 24, (place + 1) << 24) if size < 0 else (0, 2_000_000)
        drawn = random.choice(high - low, abs(size), replace=False) + low
        runs.append(np.sort(drawn).astype(np.uint64))
    return runs


def newest_rows(words: Words) -> npt.NDArray[np.int64]:
    """Per word the greatest row index, in word order, by a stable sort."""
    order = np.argsort(words, kind="stable")
    ordered = words[order]
    newest: npt.NDArray[np.int64] = order[np.append(ordered[1:] != ordered[:-1], True)]
    return newest


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("implementation", ["native", "numpy"])
def test_merge_words(per_row: PerRow, shape: str, implementation: str) -> None:
    runs = runs_of(shape)
    words = np.concatenate(runs)
    run_end = np.cumsum([len(run) for run in runs])
    calls = {
        "native": lambda: merge.merge_words(words, run_end, None),
        "numpy": lambda: newest_rows(words),
    }
    selection = per_row(f"merge words: {shape}", implementation, len(words), calls[implementation])
    assert np.array_equal(selection, newest_rows(words))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("implementation", ["native", "pyarrow"])
def test_merge_bytes(per_row: PerRow, shape: str, implementation: str) -> None:
    runs = runs_of(shape)
    words = np.concatenate(runs)
    run_end = np.cumsum([len(run) for run in runs])
    texts = pc.binary_join_element_wise(
        "user", pc.utf8_lpad(pc.cast(pa.array(words), pa.string()), 12, "0"), "_"
    )
    encoded = pc.cast(texts, pa.large_binary())
    offsets = np.frombuffer(encoded.buffers()[1], np.int64)
    data = np.frombuffer(encoded.buffers()[2], np.uint8)
    calls = {
        "native": lambda: merge.merge_bytes(offsets, data, run_end, None),
        "pyarrow": lambda: pc.sort_indices(texts),
    }
    selection = per_row(f"merge strings: {shape}", implementation, len(words), calls[implementation])
    if implementation == "native":
        assert np.array_equal(selection, newest_rows(words))


def test_runs_are_what_they_say() -> None:
    for shape, sizes in SHAPES.items():
        ends = list(accumulate(abs(size) for size in sizes))
        assert sum(len(run) for run in runs_of(shape)) == ends[-1]
