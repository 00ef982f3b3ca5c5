"""Exit codes, one test each, and what standard error says with them."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from tablestore.inspect import status, target
from tablestore.inspect.arguments import COMMANDS
from tablestore.storage import LocalStorage
from tablestore.storage.system import SystemCalls
from tests.inspect.conftest import Run, largest


class Refusing(SystemCalls):
    """A file system that lists directories and opens nothing."""

    def open(self, directory: int, name: str) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", name)


def test_ok(tables: Path, run: Run) -> None:
    assert run("users").status == status.OK
    assert run("verify", "users", "--deep").status == status.OK


def test_finding_for_damage_and_for_an_absent_key(tables: Path, run: Run) -> None:
    absent = run("lookup", "users", "31337")
    assert (absent.status, absent.err) == (status.FINDING, "31337: not in the table\n")
    path = largest(tables / "users" / "bucket-1")
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    assert run("verify", path).status == status.FINDING


@pytest.mark.parametrize(
    "words",
    [
        ["tree"],
        ["tree", "users", "--no-such-option"],
        ["block", "users", "x"],
        ["cat", "users", "--columns", "nobody"],
        ["cat", "users", "--where", "age >"],
        ["cat", "users", "--where", "nobody = 1"],
        ["cat", "users", "--limit", "-3"],
        ["lookup", "users", "abc"],
        ["lookup", "orders", "north"],
        ["lookup", "orders", "[1"],
        ["snapshots", "users", "99"],
        ["files", "users", "--version", "99"],
        ["summary", "users", "--format", "xml"],
        ["changes", "users", "--since", "7", "--until", "5"],
        ["changes", "users", "--since", "no such tag"],
        ["changes", "users", "--since", "1999-01-01"],
        ["changes", "users", "--columns", "nobody"],
        ["changes", "users", "--filter", "age >"],
        ["follow", "users", "--since", "99"],
        ["follow", "users", "--since", "no such start"],
        ["follow", "users", "--timeout", "soon"],
        ["follow", "users", "--timeout", "-1"],
        ["follow", "users", "--consumer", "", "--timeout", "0"],
        ["diff", "users", "1"],
        ["diff", "users", "1", "99"],
        ["timeline", "users", "--limit", "few"],
        ["timeline", "users", "--version", "99"],
    ],
)
def test_usage(words: list[str], tables: Path, run: Run) -> None:
    outcome = run(*words)
    assert (outcome.status, outcome.out) == (status.USAGE, "")
    assert outcome.err.strip()


def test_a_block_that_is_not_there_is_usage(tables: Path, run: Run) -> None:
    outcome = run("block", largest(tables / "users" / "bucket-0"), 4096)
    assert outcome.status == status.USAGE
    assert "there is no block 4096" in outcome.err


def test_unsuitable(tables: Path, run: Run) -> None:
    (tables / "empty").mkdir()
    (tables / "text").write_text("hello")
    (tables / "nothing.sst").write_bytes(b"")
    (tables / "hollow" / "snapshot").mkdir(parents=True)
    for path in ("empty", "text", "nothing.sst", "hollow", "missing", "users/bucket-0"):
        for command in COMMANDS:
            words = [command, path, *{"block": ["0"], "lookup": ["1"], "diff": ["1", "2"]}.get(command, [])]
            outcome = run(*words)
            assert (outcome.status, outcome.out) == (status.UNSUITABLE, ""), words
            assert path in outcome.err


def test_unsupported_version(tables: Path, run: Run) -> None:
    path = largest(tables / "users" / "bucket-0")
    data = bytearray(path.read_bytes())
    data[len(data) - 16] = 2
    copy = tables / "newer.sst"
    copy.write_bytes(data)
    for words in (["sst", copy], ["verify", copy], ["cat", copy], ["block", copy, 0], [copy]):
        outcome = run(*words)
        assert outcome.status == status.UNSUITABLE, words
        assert "unsupported-version" in outcome.out + outcome.err


def test_storage(tables: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "open_storage", lambda path: LocalStorage(str(path), calls=Refusing()))
    outcome = run("summary", "users")
    assert (outcome.status, outcome.out) == (status.STORAGE, "")
    assert "Permission denied" in outcome.err


def test_internal(tables: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr("tablestore.inspect.__main__.show_summary", fail)
    outcome = run("users")
    assert outcome.status == status.INTERNAL
    assert "ZeroDivisionError: on purpose" in outcome.err
    assert "fault of the program" in outcome.err


def test_interrupted(tables: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tablestore.inspect.__main__.show_summary", interrupt)
    assert run("users").status == status.INTERRUPTED


def test_every_code_is_in_the_help(run: Run) -> None:
    for words in (["--help"], *([command, "--help"] for command in COMMANDS)):
        outcome = run(*words)
        assert outcome.status == status.OK
        for code, meaning in status.MEANINGS:
            assert f"{code:>3}  {meaning}" in outcome.out


def test_every_code_is_in_the_reference() -> None:
    text = (Path(__file__).parents[2] / "docs" / "inspect.md").read_text(encoding="utf-8")
    for code, meaning in status.MEANINGS:
        assert f"| {code} | {meaning} |" in text
    for command in COMMANDS:
        assert f"`{command}" in text


def test_options_may_stand_before_the_command(tables: Path, run: Run) -> None:
    assert run("--format", "json", "levels", "users") == run("levels", "users", "--format", "json")
    assert run("--ascii", "users").out == run("summary", "users", "--ascii").out


def test_a_missing_data_file_is_a_finding_and_the_rest_is_shown(tables: Path, run: Run) -> None:
    largest(tables / "users" / "bucket-0").unlink()
    shutil.rmtree(tables / "users" / "bucket-1")
    outcome = run("users")
    assert outcome.status == status.FINDING
    assert "stored rows" in outcome.out
    assert "missing-file" in outcome.out
    assert run("tree", "users").status == status.OK
