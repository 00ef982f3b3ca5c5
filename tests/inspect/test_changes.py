"""`changes` and `follow`: what they print is what the library says, at once, and they end as documented."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tablestore as ts
from tablestore.inspect import status
from tests.inspect.conftest import Run, Terminal, users
from tests.inspect.test_terminal import run_on

ROOT = Path(__file__).parents[2]


def rows_of(text: str) -> list[dict[str, Any]]:
    found = json.loads(text)
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("steps", [False, True])
def test_changes_are_those_of_the_library(tables: Path, run: Run, steps: bool) -> None:
    expected = ts.open_table("users").changes(2, 7, net=not steps).to_arrow().to_pylist()
    words = ["changes", "users", "--since", 2, "--json", *(["--step"] if steps else [])]
    assert len(expected) > 100
    assert rows_of(run(*words).out) == expected


def test_without_since_it_is_the_last_commit_that_changed_rows(tables: Path, run: Run) -> None:
    before = run("changes", "users", "--format", "ndjson").out
    assert len(before.splitlines()) == 3
    table = ts.open_table("users")
    table.compact(full=True)
    assert table.version > 8
    after = run("changes", "users", "--format", "ndjson").out
    kept = [{**json.loads(line), "_version": table.version} for line in before.splitlines()]
    assert [json.loads(line) for line in after.splitlines()] == kept
    assert run("changes", "users", "--until", 1, "--json").out == "[]\n"


def test_snapshots_go_by_version_tag_and_time(tables: Path, run: Run) -> None:
    expected = run("changes", "users", "--since", "5", "--json")
    assert rows_of(expected.out)
    assert run("changes", "users", "--since", "before job 7", "--json") == expected
    for moment in ("2025-06-15T15:06:44.500", "2025-06-15T15:06:44.500Z", "2025-06-15T17:06:44.500+02:00"):
        assert run("changes", "users", "--since", moment, "--json") == expected
    words = ("--since", "before job 7", "--until", "2025-06-15T15:06:45.500")
    assert {row["_version"] for row in rows_of(run("changes", "users", *words, "--json").out)} == {6}


def test_an_expired_snapshot_is_named_unless_a_tag_keeps_it(tables: Path, run: Run) -> None:
    expected = run("changes", "users", "--since", "before job 7", "--json")
    ts.open_table("users").expire_snapshots(keep_last=1)
    outcome = run("changes", "users", "--since", 3)
    assert (outcome.status, outcome.out) == (status.USAGE, "")
    assert "snapshot 3" in outcome.err
    assert "expired" in outcome.err
    assert run("changes", "users", "--since", "before job 7", "--json") == expected


def test_a_limit_ends_it_and_a_terminal_has_one(tables: Path, run: Run) -> None:
    assert (
        len(run("changes", "users", "--since", 1, "--limit", 5, "--format", "ndjson").out.splitlines()) == 5
    )
    stream = Terminal()
    assert run_on(stream, "changes", "users", "--since", "1", "--format", "ndjson") == 0
    assert len(stream.getvalue().splitlines()) == 100


def test_kinds_have_colours_on_a_terminal(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    assert run_on(stream, "changes", "users") == 0
    assert stream.getvalue().count("\x1b[31m-D") == 3


def test_follow_ends_where_it_was_told_to(tables: Path, run: Run) -> None:
    steps = ts.open_table("users").changes(4, 6, net=False).to_arrow().to_pylist()
    outcome = run("follow", "users", "--since", 4, "--until", 6, "--format", "json")
    assert (outcome.status, outcome.err) == (status.OK, "")
    assert rows_of(outcome.out) == steps
    assert run("follow", "users", "--timeout", 0, "--format", "json").out == "[\n]\n"
    net = run("follow", "users", "--since", 4, "--until", 6, "--net", "--format", "json")
    assert rows_of(net.out) == ts.open_table("users").changes(4, 6).to_arrow().to_pylist() != steps
    state = run("follow", "users", "--since", "latest-full", "--timeout", 0, "--format", "ndjson")
    assert len(state.out.splitlines()) == len(ts.open_table("users"))


def test_a_consumer_goes_on_where_it_stopped(tables: Path, run: Run) -> None:
    words = ("follow", "users", "--consumer", "ops", "--timeout", 0, "--format", "ndjson", "--since")
    first = run(*words, 5)
    assert len(first.out.splitlines()) == 6
    assert run(*words, 5).out == ""
    ts.open_table("users").delete([106])
    assert [json.loads(line)["_row_kind"] for line in run(*words, 5).out.splitlines()] == ["-D"]
    assert [row["name"] for row in rows_of(run("consumers", "users", "--json").out)] == ["etl", "gone", "ops"]


@contextlib.contextmanager
def following(*words: str) -> Iterator[subprocess.Popen[str]]:
    """A follower in a process, which Ctrl-C reaches even if this one was started with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tablestore.inspect", "follow", "users", *words]
    try:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_batches_come_at_once_and_an_interrupt_ends_with_130(tables: Path) -> None:
    with following("--since", "6", "--columns", "id,age", "--json", "--consumer", "live") as process:
        assert process.stdout is not None
        seen = [process.stdout.readline() for _ in range(4)]
        table = ts.open_table("users")
        table.upsert(users([1, 9999], 8))
        seen += [process.stdout.readline() for _ in range(3)]
        table.delete([9999])
        seen.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (status.INTERRUPTED, "interrupted\n")
    rows = [(row["_row_kind"], row["_version"], row["id"]) for row in rows_of("".join(seen) + rest)]
    assert rows == [
        ("-D", 7, 100), ("-D", 7, 102), ("-D", 7, 104), ("-U", 8, 1), ("+U", 8, 1), ("+I", 8, 9999), ("-D", 9, 9999),
    ]  # fmt: skip


def test_a_table_grows_with_its_cells(tables: Path) -> None:
    with following("--since", "6", "--until", "8", "--columns", "name") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        ts.open_table("users").upsert([{"id": 1, "name": "a name that is longer than all before"}])
        rest, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (status.OK, "")
    assert lines[0].split() == ["_row_kind", "_version", "name"]
    assert "a name that is longer than all before" in rest


def test_a_file_that_is_gone_is_damage(tables: Path, run: Run) -> None:
    table = ts.open_table("users")
    for path in table.at(version=7).files().column("path").to_pylist():
        if path.endswith("18.sst"):
            Path("users", path).unlink()
    outcome = run("changes", "users", "--since", 6)
    assert outcome.status == status.FINDING
    assert "missing" in outcome.err
