"""Lookups in a table of several runs, many keys in one call and one key at a time, beside a pyarrow join of a scan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import tablestore as ts

PerRow = Callable[[str, str, int, Callable[[], Any]], Any]
ROWS = 200_000
RUNS = 6
FORMS: dict[str, Callable[[int], Any]] = {
    "int64": lambda number: number,
    "text": lambda number: f"user_{number:07d}",
    "uuid": lambda number: (
        f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}-{number * 0xC2B2AE3D27D4EB4F % 2**64:016x}"
    ),
}


@pytest.fixture(scope="module", params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def table(form: str, tmp_path_factory: pytest.TempPathFactory) -> ts.Table:
    """RUNS runs that overlap: every run replaces a part of what the ones before hold."""
    directory: Path = tmp_path_factory.mktemp("lookup") / form
    key = pa.int64() if form == "int64" else pa.string()
    schema = pa.schema([pa.field("id", key, nullable=False), ("name", pa.string()), ("age", pa.int32())])
    made = ts.create_table(directory, schema, primary_key="id", buckets=2, options={"compaction": "manual"})
    random = np.random.default_rng(5)
    for _ in range(RUNS):
        numbers = random.choice(ROWS, ROWS // 3, replace=False)
        columns = {
            "id": pa.array([FORMS[form](int(number)) for number in numbers], key),
            "name": [f"name {number % 999}" for number in numbers],
            "age": pa.array(numbers % 90, pa.int32()),
        }
        made.upsert(pa.table(columns, schema=schema))
    return made


@pytest.mark.parametrize("implementation", ["native", "pyarrow"])
def test_many_keys(per_row: PerRow, table: ts.Table, form: str, implementation: str) -> None:
    keys = [
        FORMS[form](int(number)) for number in np.random.default_rng(6).choice(ROWS, 5_000, replace=False)
    ]
    wanted = pa.table({"id": pa.array(keys, table.schema.field("id").type)})
    calls = {
        "native": lambda: table.get(keys),
        "pyarrow": lambda: table.scan().to_arrow().join(wanted, "id", join_type="inner"),
    }
    found = per_row(f"look up many keys: {form}", implementation, len(keys), calls[implementation])
    assert 0 < found.num_rows < len(keys)


@pytest.mark.parametrize("present", [True, False], ids=["present", "absent"])
def test_one_key(per_row: PerRow, table: ts.Table, form: str, present: bool) -> None:
    held = set(table.scan(columns=["id"]).to_arrow().column("id").to_pylist())
    candidates = (FORMS[form](number) for number in range(ROWS))
    keys = [key for key in candidates if (key in held) == present][:200]
    case = f"look up one {'present' if present else 'absent'} key: {form}"
    found = per_row(case, "native", len(keys), lambda: [table.get(key) for key in keys])
    assert all((row is not None) == present for row in found)
