"""What only a terminal gets: colours, folded bytes, a limit, progress; and pipes that end early."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tablestore.inspect import console as consoles
from tablestore.inspect.__main__ import main
from tablestore.inspect.console import Console
from tests.inspect.conftest import Terminal, largest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard output as a terminal of 60 columns."""
    stream = Terminal()
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return stream


def run_on(stream: io.StringIO, *words: str) -> int:
    """Run a command line that writes to the stream."""
    with contextlib.redirect_stdout(stream):
        return main(words)


def test_files_out_of_range_are_folded_where_they_are_many(
    tables: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tablestore.inspect.lookup._VISITS_ON_TERMINAL", 2)
    assert run_on(terminal, "lookup", "users", "8", "--trace") == 0
    assert "… 4 files whose range does not hold the key" in terminal.getvalue()
    assert "outside" not in terminal.getvalue()


def test_colours_on_a_terminal_only(
    tables: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_on(terminal, "tree", "users") == 0
    assert "\x1b[34m" in terminal.getvalue()
    terminal.truncate(0)
    monkeypatch.setenv("NO_COLOR", "1")
    assert run_on(terminal, "tree", "users") == 0
    assert "\x1b" not in terminal.getvalue()
    pipe = io.StringIO()
    assert run_on(pipe, "tree", "users", "--color", "always") == 0
    assert "\x1b[34m" in pipe.getvalue()


def test_tables_fit_the_terminal(tables: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("cat", "orders", "--columns", "region,at,tags,place", "--color", "never")
    monkeypatch.setenv("COLUMNS", "80")
    assert run_on(terminal, *words) == 0
    lines = terminal.getvalue().splitlines()
    assert max(len(line) for line in lines) <= 80
    assert any("…" in line for line in lines)
    pipe = io.StringIO()
    assert run_on(pipe, *words) == 0
    assert "…" not in pipe.getvalue()


def test_lines_that_cannot_fit_stay_whole(
    tables: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert run_on(terminal, "files", "orders", "--color", "never") == 0
    pipe = io.StringIO()
    assert run_on(pipe, "files", "orders") == 0
    assert terminal.getvalue() == pipe.getvalue()


def test_cat_stops_after_a_hundred_rows(
    tables: Path, terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_on(terminal, "cat", "users", "--format", "ndjson") == 0
    assert len(terminal.getvalue().splitlines()) == 100
    assert "--limit all" in capsys.readouterr().err


def test_long_fields_are_folded(tables: Path, terminal: Terminal) -> None:
    path = str(largest(tables / "users" / "bucket-0"))
    assert run_on(terminal, "block", path, "0", "--hex", "--column", "name") == 0
    assert "bytes folded" in terminal.getvalue()
    assert len(terminal.getvalue().splitlines()) < 40


def test_a_bar_on_standard_error_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    err = Terminal()
    console = Console(err=err, out=io.StringIO())
    console.progress(1, 10)
    assert err.getvalue() == ""
    monkeypatch.setattr(consoles, "PROGRESS_AFTER_SECONDS", -1.0)
    console.progress(3, 10)
    assert "3 of 10 files" in err.getvalue()
    console.note("found something")
    assert err.getvalue().endswith("\r\x1b[Kfound something\n")
    quiet = io.StringIO()
    Console(err=quiet, out=io.StringIO()).progress(3, 10)
    assert quiet.getvalue() == ""


def test_ascii_where_nothing_else_can_be_shown(tables: Path) -> None:
    for words in (
        ["tree", "users"],
        ["sst", str(largest(tables / "users" / "bucket-0")), "--hex"],
        ["cat", "orders"],
    ):
        environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-m", "tablestore.inspect", *words],
            cwd=tables, env=environment, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        done.stdout.decode("ascii")
        assert done.stderr == b""


def test_a_reader_that_leaves_early(tables: Path) -> None:
    command = f"{sys.executable} -m tablestore.inspect cat users --format ndjson | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=tables, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    assert done.returncode == 0


def test_works_without_rich(tables: Path) -> None:
    blocked = "import sys; sys.modules['rich'] = None; from tablestore.inspect.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", blocked, "tree", "users"], cwd=tables, capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
