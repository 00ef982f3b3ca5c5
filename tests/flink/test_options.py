"""Every option that a table may have in SQL does something (docs/flink-options.md)."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.flink import ddl, reader
from tablestore.flink.protocol import decode_map, encode_map
from tablestore.flink.roles import ROLES
from tablestore.lsm.scan import SCAN_MEMORY, Scan
from tablestore.options import CALLER_OPTIONS, TableOptions
from tests.flink.client import Client, WorkerError, hello_of
from tests.flink.distribution import ROOT

MAIN = ROOT / "tablestore/flink/connector/src/main/java/org/tablestore/flink"
OPTIONS = MAIN / "TableStoreOptions.java"
SCHEMA = pa.schema([pa.field("id", pa.int64(), False), ("at", pa.timestamp("ms"))])
# A value for each that is not the default, with what it needs beside it.
STORED = {
    "compaction": "manual",
    "compaction.trigger": "3",
    "compaction.stop": "99",
    "compaction.size-ratio-percent": "7",
    "compaction.max-space-amplification-percent": "77",
    "target-file-bytes": "8192",
    "block-rows": "99",
    "block-bytes": "2048",
    "compression": "none",
    "compression-level": "7",
    "filter-bits-per-key": "9",
    "filter-bits-per-key.last-level": "3",
    "durability": "none",
    "stall-timeout": "7 s",
    "ttl-column": "at",
    "ttl": "7 d",
}
MEMORY = {"writer-memory": "writer", "scan-memory": "reader", "lookup-memory": "lookup"}


def documented() -> list[str]:
    """Names in the table of options that are the table's own."""
    text = (ROOT / "docs/flink-options.md").read_text().partition("## The table itself")[2]
    return re.findall(r"^\| `([^`]+)` \|", text.partition("## Flink's own")[0], re.MULTILINE)


def hello(path: Path, role: str = "reader", **options: str) -> dict[str, Any]:
    more: dict[str, Any] = {
        "scan.columns": json.dumps(["id", "at"]),
        "scan.changelog-mode": "full",
        "scan.poll-millis": 20,
        "lookup-keys": json.dumps(["id"]),
        "lookup-columns": json.dumps(["id"]),
        "refresh-millis": 0,
        "subtask": 0,
        "parallelism": 1,
    }
    return hello_of(role, path, SCHEMA, ["id"], options=options, **more)


def test_options_of_the_connector_are_read() -> None:
    constants = re.findall(r"static final ConfigOption<[^=]*> ([A-Z_]+) =", OPTIONS.read_text())
    others = "".join(path.read_text() for path in MAIN.rglob("*.java") if path != OPTIONS)
    assert len(constants) > 15
    assert [name for name in constants if not re.search(rf"\bTableStoreOptions\.{name}\b", others)] == []


def test_options_of_the_table_are_those_that_python_knows() -> None:
    assert set(documented()) == {*STORED, *CALLER_OPTIONS}
    assert set(MEMORY) | {"sequence.field", "merge-engine"} == set(CALLER_OPTIONS)


def test_options_of_the_table_are_kept_in_it(tmp_path: Path) -> None:
    ddl.open_or_create(decode_map(encode_map(hello(tmp_path / "t", **STORED, **{"sequence.field": "at"}))))
    schema = ts.open_table(tmp_path / "t")._core.schema
    assert schema.options.to_json() == STORED
    assert [field.name for field in schema.order_fields] == ["at"]
    defaults = TableOptions()
    assert all(getattr(schema.options, name) != getattr(defaults, name) for name in ("ttl", "block_rows"))


@pytest.mark.parametrize(("option", "role"), MEMORY.items())
def test_memory_is_that_of_a_role(tmp_path: Path, option: str, role: str) -> None:
    assert role in ROLES
    with Client() as client, pytest.raises(WorkerError, match=f"'{option}' = 'much' is no amount") as raised:
        client.hello(hello(tmp_path / "t", role, **{option: "much"}))
    assert not raised.value.retry


def test_memory_of_a_scan_reaches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = ddl.open_or_create(decode_map(encode_map(hello(tmp_path / "t"))))
    table.upsert([{"id": 1, "at": None}])
    asked: list[int] = []
    made = Scan.__init__

    def note(self: Scan, core: Any, schema: Any, cache: Any, request: Any) -> None:
        asked.append(request.memory)
        made(self, core, schema, cache, request)

    monkeypatch.setattr(Scan, "__init__", note)
    for given, expected in (({"scan-memory": "9 mb"}, 9 << 20), ({}, SCAN_MEMORY)):
        asked.clear()
        assert rows_of(table, decode_map(encode_map(hello(tmp_path / "t", **given)))) == [1]
        assert set(asked) == {expected}


def rows_of(table: ts.Table, given: Any) -> list[int]:
    """How many rows a reader hands on of the state of all buckets, batch by batch."""
    role = reader.ReaderRole(table, given, None)  # type: ignore[arg-type]
    splits = [{"bucket": n, "next": 2, "rows": 0, "state": True, "end": 2} for n in range(table.buckets)]
    role.request("add", {"splits": json.dumps(splits).encode(), "consumer": b"flink-x"}, None)
    try:
        return [count for count in _counts(role, len(splits)) if count]
    finally:
        role.close()


def _counts(role: reader.ReaderRole, splits: int) -> Iterator[int]:
    end = time.monotonic() + 30
    while splits:
        assert time.monotonic() < end
        reply = role.request("next", {"wait-millis": b"100"}, None)
        splits -= reply.values.get("over") == "true"
        yield reply.rows.batch.num_rows if reply.rows is not None else 0
