"""Formats for programs: they parse, hold exact values, and no character of a file can steer a terminal."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.inspect.conftest import Outcome, Run, largest


def commands(tables: Path) -> list[list[str]]:
    sst = str(largest(tables / "orders" / "day=2025-03-02" / "bucket-1"))
    manifest = str(min((tables / "orders" / "manifest").glob("*.sst")))
    return [
        ["summary", "orders"], ["snapshots", "orders"], ["snapshots", "orders", "2"], ["files", "orders"],
        ["levels", "orders"], ["tree", "orders"], ["schema", "orders"], ["manifest", manifest], ["sst", sst],
        ["sst", sst, "--hex"], ["block", sst, "0"], ["block", sst, "0", "--hex"], ["cat", "orders"], ["cat", sst],
        ["cat", manifest], ["lookup", "orders", "north,2"], ["lookup", "orders", "north,2", "--trace"],
        ["explain", "orders", "--where", "number = 3"], ["verify", "orders", "--deep"], ["verify", sst],
        ["summary", "orders/snapshot/snapshot-2.json"], ["summary", manifest],
    ]  # fmt: skip


@pytest.mark.parametrize("format", ["table", "json", "ndjson", "csv"])
def test_every_command_in_every_format(format: str, tables: Path, run: Run) -> None:
    for words in commands(tables):
        outcome = run(*words, "--format", format)
        assert outcome.status == 0, (words, outcome.err)
        assert outcome.out or (words[0] == "verify" and format == "ndjson"), words
        _check(format, outcome, words)


def _check(format: str, outcome: Outcome, words: list[str]) -> None:
    unsafe = [c for c in outcome.out if not c.isprintable() and c != "\n"]
    assert not unsafe, words
    if format == "json":
        assert isinstance(json.loads(outcome.out, parse_constant=_refuse), (dict, list)), words
    elif format == "ndjson":
        for line in outcome.out.splitlines():
            assert isinstance(json.loads(line, parse_constant=_refuse), dict), words
    elif format == "csv":
        rows = list(csv.reader(io.StringIO(outcome.out)))
        assert {len(row) for row in rows} == {len(rows[0])}, words


def _refuse(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


def test_json_keeps_values_exactly(tables: Path, run: Run) -> None:
    rows = json.loads(run("cat", "orders", "--format", "json").out)
    south = next(row for row in rows if row["number"] == 4)
    assert south["region"] == "south\x1b[31m"
    assert south["note"] == "tab\tbell\x07 \u202e\n"
    assert south["ratio"] == "NaN"
    assert south["price"] == "50.00"
    assert south["at"] == "2023-11-14 22:13:20.123456793Z"
    assert south["raw"] == "04ff"
    assert south["tags"] == ["a", None]
    assert south["place"] == {"x": 4, "open": "08:30:00"}
    assert south["extra"] == [["k", 4]]
    empty = next(row for row in rows if row["number"] == -5)
    assert [empty[name] for name in ("note", "raw", "tags", "place", "extra")] == [None] * 5


def test_sizes_are_exact_for_programs_and_with_bytes(tables: Path, run: Run) -> None:
    total = sum(row["bytes"] for row in json.loads(run("files", "users", "--format", "json").out))
    size = sum(path.stat().st_size for path in (tables / "users").glob("bucket-*/*.sst"))
    live = json.loads(run("summary", "users", "--format", "json").out)["bytes"]
    assert total == live
    assert 0 < total < size
    assert f"{total:,}" in run("summary", "users", "--bytes").out
    assert "KiB" not in run("tree", "users", "--bytes").out


def test_wide_rows_are_not_cut(tables: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    for row in json.loads(run("files", "orders", "--format", "json").out):
        assert row["path"] in run("files", "orders").out
        assert row["path"] in run("files", "orders", "--format", "csv").out
    assert max(len(line) for line in run("cat", "orders").out.splitlines()) > 120


def test_where_columns_and_limit(tables: Path, run: Run) -> None:
    words = ["--columns", "number,region", "--where", "region = 'north' and number > 1", "--format", "ndjson"]
    rows = [json.loads(line) for line in run("cat", "orders", *words).out.splitlines()]
    assert rows == [{"number": 3, "region": "north"}, {"number": 2, "region": "north"}]
    assert len(run("cat", "orders", *words, "--limit", "1").out.splitlines()) == 1
    assert run("cat", "orders", *words, "--limit", "0").out == ""
    assert len(run("cat", "orders", "--limit", "all", "--format", "ndjson").out.splitlines()) == 6


def test_older_versions(tables: Path, run: Run) -> None:
    assert len(run("cat", "users", "--format", "ndjson").out.splitlines()) == 1250
    assert len(run("cat", "users", "--version", "2", "--format", "ndjson").out.splitlines()) == 1200
    assert run("lookup", "users", "104", "--version", "6").status == 0
    assert run("lookup", "users", "104", "--version", "7").status == 1


def test_raw_rows_hold_sequences_and_row_kinds(tables: Path, run: Run) -> None:
    for path in (tables / "users" / "bucket-1").glob("*.sst"):
        lines = run("cat", path, "--where", "_row_kind = '-D'", "--format", "ndjson").out.splitlines()
        rows = [json.loads(line) for line in lines]
        assert {row["id"] for row in rows} <= {102, 104}
        if rows:
            assert all(row["name"] is None and row["_sequence"] == 0 for row in rows)
            break
    else:
        pytest.fail("no file holds the deletes")


def test_block_hex_covers_every_byte_once(tables: Path, run: Run) -> None:
    path = largest(tables / "users" / "bucket-0")
    data = path.read_bytes()
    lines = run("block", path, "2", "--hex", "--format", "ndjson").out.splitlines()
    fields = [json.loads(line) for line in lines]
    by_column: dict[str, list[dict[str, object]]] = {}
    for field in fields:
        by_column.setdefault(field["column"], []).append(field)
        start, size = field["offset"], field["size"]
        assert bytes.fromhex(field["bytes"]) == data[start : start + size]
        assert field["field"] is not None
        assert field["spec"]
    chunks = json.loads(run("block", path, "2", "--format", "json").out)["chunks"]
    for chunk in chunks:
        found = by_column[chunk["column"]]
        assert found[0]["offset"] == chunk["offset"]
        assert sum(field["size"] for field in found) == chunk["bytes"]  # type: ignore[misc]


def test_sst_hex_covers_all_but_the_chunks(tables: Path, run: Run) -> None:
    path = largest(tables / "users" / "bucket-0")
    size = path.stat().st_size
    fields = [json.loads(line) for line in run("sst", path, "--hex", "--format", "ndjson").out.splitlines()]
    assert sum(field["size"] for field in fields) == size
    hidden = [field for field in fields if field["bytes"] is None]
    assert [field["offset"] for field in hidden] == [48]
