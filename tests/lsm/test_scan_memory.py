"""A scan's windows fit its budget, however few buckets the table has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.lsm import scan as scans

BLOCK_ROWS = 100
ROWS = 20_000


@pytest.mark.parametrize("buckets", [1, 2, 3])
def test_windows_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, buckets: int) -> None:
    monkeypatch.setattr(scans, "WINDOW_ROWS_MIN", 1_000)
    monkeypatch.setattr(scans, "workers", lambda: 2)
    schema = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("value", pa.float64())])
    options = {"compaction": "manual", "durability": "none", "block-rows": BLOCK_ROWS}
    table = ts.create_table(str(tmp_path / "t"), schema, primary_key="id", buckets=buckets, options=options)
    rows = pa.table([range(ROWS), [0.5] * ROWS], schema=schema)
    table.upsert(rows)
    table.upsert(rows.slice(0, ROWS // 2))
    scan = table.scan()
    scan._request = replace(scan._request, memory=1_500 * 2 * scans.BYTES_PER_VALUE * 3)
    windows = list(scan._windows(table.version))
    assert scans.window_rows(scan._request.memory, 3) == 1_500
    assert max(window.rows for window in windows) <= 1_500 + 2 * BLOCK_ROWS
    assert sum(window.rows for window in windows) == ROWS + ROWS // 2
    assert scan.to_arrow().num_rows == ROWS
