"""Each encoding of one chunk (spec ch. 4) on data made for it, beside zstd level 1 on the plain values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from tablestore._native import encoding

PerRow = Callable[[str, str, int, Callable[[], Any]], Any]
ROWS = 8192


class Case(NamedTuple):
    """Values as the native entry points take them: raw bytes, or (offsets, bytes) of texts."""

    number: int
    form: str
    width: int
    values: Any

    def plain(self) -> bytes:
        if self.form == "fixed":
            return bytes(self.values)
        offsets, data = self.values
        return bytes(np.diff(offsets)) + bytes(data)


def fixed(number: int, values: npt.NDArray[Any]) -> Case:
    return Case(number, "fixed", values.itemsize, np.ascontiguousarray(values).view(np.uint8))


def variable(number: int, texts: list[str]) -> Case:
    data = [text.encode() for text in texts]
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in data])]).astype(np.int32)
    return Case(number, "variable", 0, (offsets, np.frombuffer(b"".join(data), np.uint8)))


def cases() -> dict[str, Case]:
    random = np.random.default_rng(10)
    names = [f"user_{number:07d}" for number in random.integers(0, 10**7, ROWS)]
    cities = [f"city of {number}" for number in random.integers(0, 200, ROWS)]
    ids = np.sort(random.choice(10**6, ROWS, replace=False))
    return {
        "CONSTANT": fixed(0, np.full(ROWS, 7, np.int64)),
        "PLAIN": fixed(1, random.random(ROWS)),
        "BITPACK": fixed(2, random.integers(18, 81, ROWS, dtype=np.int32)),
        "DELTA": fixed(3, ids.astype(np.int64)),
        "DICTIONARY": variable(4, cities),
        "VAR": variable(5, names),
        "PREFIX": variable(6, sorted(names)),
        "RLE": fixed(7, np.repeat(random.integers(0, 9, ROWS // 64, dtype=np.int32), 64)),
        "FSST": variable(10, names),
        "ALP": fixed(8, random.integers(2_000_000, 20_000_000, ROWS) / 100.0),
    }


CASES = cases()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("implementation", ["native", "zstd"])
def test_encode(per_row: PerRow, name: str, implementation: str) -> None:
    case, codec = CASES[name], pa.Codec("zstd", compression_level=1)
    plain = case.plain()
    calls = {
        "native": lambda: encoding.encode_node(case.values, case.form, case.width, case.number),
        "zstd": lambda: codec.compress(plain),
    }
    assert len(per_row(f"encode {name}", implementation, ROWS, calls[implementation])) > 0


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("implementation", ["native", "zstd"])
def test_decode(per_row: PerRow, name: str, implementation: str) -> None:
    case, codec = CASES[name], pa.Codec("zstd", compression_level=1)
    plain = case.plain()
    node = encoding.encode_node(case.values, case.form, case.width, case.number)
    compressed = codec.compress(plain)
    calls = {
        "native": lambda: encoding.decode_node(node, case.form, case.width, ROWS),
        "zstd": lambda: codec.decompress(compressed, len(plain)),
    }
    values = per_row(f"decode {name}", implementation, ROWS, calls[implementation])
    if implementation == "native":
        pairs = zip(values, case.values, strict=True) if case.form == "variable" else [(values, case.values)]
        assert all(np.array_equal(decoded, original) for decoded, original in pairs)
