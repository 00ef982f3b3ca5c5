"""A filter on partition columns is partition pruning: files of other partitions are not opened, neither for the state
of a table nor for its changes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.flink.protocol import decode_map, encode_map
from tablestore.flink.reader import ReaderRole
from tablestore.storage.system import SystemCalls
from tests.flink.client import hello_of

SCHEMA = pa.schema([pa.field("id", pa.int64(), False), ("place", pa.string())])
PLACES = 8
ROWS = 800


@pytest.fixture
def table(tmp_path: Path) -> ts.Table:
    """One file for each of the partitions."""
    table = ts.create_table(tmp_path / "t", SCHEMA, primary_key="id", partition_by="place")
    places = [f"p{number % PLACES}" for number in range(ROWS)]
    table.upsert(pa.table({"id": list(range(ROWS)), "place": places}, schema=SCHEMA))
    return table


@pytest.mark.parametrize("state", [True, False])
@pytest.mark.parametrize(
    ("text", "places"),
    [
        (None, 8),
        ("place = 'p3'", 1),
        ("place IN ('p1', 'p2') AND id > 9", 2),
        ("place = 'p1' OR place = 'p7'", 2),
    ],
)
def test_files_of_other_partitions(
    table: ts.Table, monkeypatch: pytest.MonkeyPatch, text: str | None, places: int, state: bool
) -> None:
    opened: set[str] = set()
    open_file = SystemCalls.open

    def note(self: SystemCalls, directory: int, name: str) -> int:
        if name.endswith(".sst") and not name.startswith("manifest"):
            opened.add(name)
        return open_file(self, directory, name)

    monkeypatch.setattr(SystemCalls, "open", note)
    expected = table.scan(filter=text).count()
    opened.clear()
    assert read(table.path, text, state) == expected
    assert len(opened) == places


def read(path: str, text: str | None, state: bool) -> int:
    """How many rows a reader hands on of snapshot 2, or of its changes."""
    more: dict[str, Any] = {
        "scan.columns": json.dumps(["id"]),
        "scan.changelog-mode": "full",
        "scan.poll-millis": 20,
        **({} if text is None else {"scan.filter": text}),
    }
    hello = decode_map(encode_map(hello_of("reader", path, SCHEMA, ["id"], ["place"], 1, **more)))
    role = ReaderRole(ts.open_table(path), hello, None)  # type: ignore[arg-type]
    split = {"bucket": 0, "next": 2, "rows": 0, "state": state, "end": 2}
    role.request("add", {"splits": json.dumps([split]).encode(), "consumer": b"flink-x"}, None)
    rows, end, over = 0, time.monotonic() + 30, False
    while not over:
        assert time.monotonic() < end
        reply = role.request("next", {"wait-millis": b"100"}, None)
        over = reply.values.get("over") == "true"
        rows += reply.rows.batch.num_rows if reply.rows is not None else 0
    role.close()
    return rows
