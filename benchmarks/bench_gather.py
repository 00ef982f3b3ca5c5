"""Moving the selected rows of one column into an Arrow buffer, beside numpy's and pyarrow's take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tablestore._native import gather

PerRow = Callable[[str, str, int, Callable[[], Any]], Any]
ROWS = 1_750_000
FIXED = {"int32": np.int32, "float64": np.float64}


@pytest.fixture(scope="module")
def selection() -> npt.NDArray[np.uint32]:
    """uint32[m]: what a merge of one large run and eight small ones selects, mostly ascending."""
    random = np.random.default_rng(4)
    large, small = 1_250_000, ROWS - 1_250_000
    rows = np.arange(large, dtype=np.uint32)
    replaced = np.sort(random.choice(large, small, replace=False))
    rows[replaced] = large + random.permutation(small).astype(np.uint32)
    return rows


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("implementation", ["native", "numpy", "pyarrow"])
def test_take_fixed(
    per_row: PerRow, selection: npt.NDArray[np.uint32], name: str, implementation: str
) -> None:
    source = np.random.default_rng(5).integers(0, 1000, ROWS).astype(FIXED[name])
    arrow, index = pa.array(source), pa.array(selection)
    calls = {
        "native": lambda: gather.take_fixed(source.view(np.uint8), source.itemsize, selection),
        "numpy": lambda: source[selection],
        "pyarrow": lambda: pc.take(arrow, index, boundscheck=False),
    }
    taken = per_row(f"gather {name}", implementation, len(selection), calls[implementation])
    assert np.array_equal(np.asarray(taken).view(source.dtype), source[selection])


@pytest.mark.parametrize("implementation", ["native", "pyarrow"])
def test_take_variable(per_row: PerRow, selection: npt.NDArray[np.uint32], implementation: str) -> None:
    random = np.random.default_rng(6)
    texts = pc.binary_join_element_wise(
        "user", pc.cast(pa.array(random.integers(0, 10**7, ROWS)), pa.string()), "_"
    )
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[: ROWS + 1]
    data = np.frombuffer(texts.buffers()[2], np.uint8)[: offsets[-1]]
    index = pa.array(selection)
    calls = {
        "native": lambda: gather.take_variable(offsets, data, selection),
        "pyarrow": lambda: pc.take(texts, index, boundscheck=False),
    }
    taken = per_row("gather short strings", implementation, len(selection), calls[implementation])
    if implementation == "native":
        buffers = [None, pa.py_buffer(taken[0]), pa.py_buffer(taken[1])]
        taken = pa.StringArray.from_buffers(len(selection), *buffers[1:])
    assert taken.equals(pc.take(texts, index))


@pytest.mark.parametrize("implementation", ["native", "pyarrow"])
def test_take_bits(per_row: PerRow, selection: npt.NDArray[np.uint32], implementation: str) -> None:
    bits = np.random.default_rng(7).integers(0, 2, ROWS).astype(bool)
    bitmap = np.packbits(bits, bitorder="little")
    arrow, index = pa.array(bits), pa.array(selection)
    calls = {
        "native": lambda: gather.take_bits(bitmap, selection),
        "pyarrow": lambda: pc.take(arrow, index, boundscheck=False),
    }
    taken = per_row("gather bits", implementation, len(selection), calls[implementation])
    if implementation == "native":
        taken = np.unpackbits(taken, bitorder="little")[: len(selection)].astype(bool)
    assert np.array_equal(np.asarray(taken), bits[selection])
