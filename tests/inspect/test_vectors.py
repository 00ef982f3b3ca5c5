"""The spec's vectors as files: whatever is in them, every command ends in rows or a named fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tablestore.inspect import status
from tests.inspect.conftest import Run

VECTORS = Path(__file__).parents[2] / "spec" / "vectors"
COMMANDS = {
    "sst": (["sst", "--hex"], ["block", "0", "--hex"], ["cat"]),
    "manifest": (["summary"], ["manifest"], ["cat"]),
    "snapshot": (["summary"],),
    "schema": (["schema"],),
}
OUTSIDE = ("wrong-table", "wrong-file")  # faults that need the referring document


def files(noun: str, kind: str) -> Iterator[tuple[str, str, bytes]]:
    """Vector's name, file's name and contents of each vector that is a file and a fault of the file alone."""
    for path in sorted((VECTORS / noun / kind).glob("*.json")):
        vector: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        given = vector["input"]
        if vector["operation"] != "read" or "expected" in given:
            continue
        if noun != "sst" and vector.get("error") in OUTSIDE:
            continue
        name = f"{noun}-{given['id']}.json" if "id" in given else "copy"
        yield path.stem, name, bytes.fromhex(given["data"])


@pytest.mark.parametrize("kind", ["valid", "invalid"])
@pytest.mark.parametrize("noun", ["sst", "manifest", "snapshot", "schema"])
def test_vectors(noun: str, kind: str, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tried = 0
    for name, file, data in files(noun, kind):
        Path(file).write_bytes(data)
        verdict = run("verify", file)
        if kind == "valid":
            assert verdict.status == status.OK, (name, verdict.out)
        else:
            assert verdict.status in (status.FINDING, status.UNSUITABLE), name
        for command, *rest in COMMANDS[noun]:
            words = [command, file, *rest]
            outcome = run(*words)
            assert outcome.status != status.INTERNAL, (name, words, outcome.err)
            assert outcome.out or outcome.err, (name, words)
        tried += 1
    assert tried
