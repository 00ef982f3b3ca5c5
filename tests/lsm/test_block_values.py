"""Values of decoded blocks are those of Arrow, of every type, with and without nulls; the cache keeps to its budget."""

from __future__ import annotations

import datetime
import decimal
import math
import os
from typing import Any

import pyarrow as pa
import pytest

from tablestore import types
from tablestore.file import vector as vectors
from tablestore.lsm import blocks

DAY = datetime.datetime(2024, 2, 29, 23, 59, 59, 999_999)
CASES: list[tuple[pa.DataType, list[Any]]] = [
    (pa.bool_(), [True, False, True]),
    (pa.int8(), [-128, 0, 127]),
    (pa.uint8(), [0, 1, 255]),
    (pa.int16(), [-(1 << 15), -1, (1 << 15) - 1]),
    (pa.uint16(), [0, 1, (1 << 16) - 1]),
    (pa.int32(), [-(1 << 31), -1, (1 << 31) - 1]),
    (pa.uint32(), [0, 1, (1 << 32) - 1]),
    (pa.int64(), [-(1 << 63), -1, (1 << 63) - 1]),
    (pa.uint64(), [0, 1, (1 << 64) - 1]),
    (pa.float32(), [-0.0, 0.1, math.inf]),
    (pa.float64(), [-0.0, 0.1, -math.inf]),
    (pa.string(), ["", "Ulm", "Zürich \U0001f3d4"]),
    (pa.binary(), [b"", b"\0", b"abc"]),
    (pa.binary(3), [b"abc", b"\0\0\0", b"xyz"]),
    (pa.date32(), [DAY.date(), datetime.date(1, 1, 1), datetime.date(9999, 12, 31)]),
    (pa.time64("us"), [DAY.time(), datetime.time(0), datetime.time(12)]),
    (pa.timestamp("us"), [DAY, datetime.datetime(1970, 1, 1), datetime.datetime(1, 1, 1)]),
    (pa.timestamp("ms", "UTC"), [datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)] * 3),
    (pa.decimal128(9, 2), [decimal.Decimal("-1.25"), decimal.Decimal("0.00"), decimal.Decimal("9999999.99")]),
]


@pytest.mark.parametrize("nulls", [(), (1,), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize(
    ("kind", "values"), CASES, ids=lambda case: str(case) if isinstance(case, pa.DataType) else ""
)
def test_values_are_those_of_arrow(kind: pa.DataType, values: list[Any], nulls: tuple[int, ...]) -> None:
    array = pa.array([None if row in nulls else value for row, value in enumerate(values)], kind)
    found = blocks.values_of(vectors.from_arrow(array, types.from_arrow(kind)))
    for row, expected in enumerate(array.to_pylist()):
        value = found(row)
        assert type(value) is type(expected)
        assert repr(value) == repr(expected)


def test_the_budget_is_a_share_of_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"SC_PHYS_PAGES": 0, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)
    for memory, expected in ((1 << 30, 128 << 20), (8 << 30, 256 << 20), (1 << 40, 512 << 20)):
        sizes["SC_PHYS_PAGES"] = memory // 4096
        assert blocks.cache_bytes() == expected
