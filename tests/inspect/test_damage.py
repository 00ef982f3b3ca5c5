"""Damaged files: what can be read is shown, and the first fault is named with code, offset and spec section."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tablestore.inspect import status
from tests.inspect.conftest import Run, largest

SECTIONS = ("filter", "properties", "directory")


@pytest.fixture
def copy(tables: Path) -> Path:
    """One SST far from its table, under a name that says nothing."""
    path = tables / "copied file"
    path.write_bytes(largest(tables / "users" / "bucket-0").read_bytes())
    return path


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x10
    path.write_bytes(data)


def part_offset(run: Run, path: Path, name: str) -> int:
    parts = json.loads(run("sst", path, "--format", "json").out)["parts"]
    return int(next(part["offset"] for part in parts if part["part"] == name))


def faults(run: Run, *words: Any) -> list[dict[str, Any]]:
    outcome = run(*words, "--format", "json")
    assert outcome.status == status.FINDING
    found: list[dict[str, Any]] = json.loads(outcome.out)["faults"]
    return found


def test_a_whole_copy_needs_no_table(copy: Path, run: Run) -> None:
    for words in (["sst", copy], ["block", copy, 3], ["cat", copy], ["verify", copy], [copy]):
        assert run(*words).status == status.OK


@pytest.mark.parametrize("name", SECTIONS)
def test_a_damaged_section_is_named(name: str, copy: Path, run: Run) -> None:
    offset = part_offset(run, copy, name)
    flip(copy, offset + 5)
    (fault,) = faults(run, "sst", copy)
    assert (fault["code"], fault["offset"], fault["file"]) == ("checksum-mismatch", offset, str(copy))
    shown = run("sst", copy).out
    assert "BAD" in shown
    assert f"at offset {offset}" in shown
    assert "spec §" in shown
    assert run("verify", copy).status == status.FINDING


def test_a_damaged_chunk_is_still_dumped(copy: Path, run: Run) -> None:
    chunks = json.loads(run("block", copy, 2, "--format", "json").out)["chunks"]
    name = next(chunk for chunk in chunks if chunk["column"] == "name")
    flip(copy, name["offset"] + name["bytes"] - 4)
    (fault,) = faults(run, "sst", copy)
    assert (fault["code"], fault["offset"], fault["section"]) == ("checksum-mismatch", name["offset"], "7.6")
    dump = run("block", copy, 2, "--column", "name", "--hex")
    assert dump.status == status.FINDING
    assert "column name, checksum BAD" in dump.out
    assert f"at offset {name['offset']}" in dump.out
    assert "values.VAR.stream" in dump.out
    assert run("block", copy, 2, "--column", "id", "--hex").status == status.OK


def test_a_chunk_that_does_not_decode_is_dumped_to_its_end(copy: Path, run: Run) -> None:
    chunks = json.loads(run("block", copy, 2, "--format", "json").out)["chunks"]
    chunk = next(chunk for chunk in chunks if chunk["column"] == "age")
    flip(copy, chunk["offset"] + 8)
    found = faults(run, "block", copy, 2, "--column", "age")
    assert [fault["code"] for fault in found] == ["checksum-mismatch", "bad-encoding"]
    assert found[1]["offset"] == chunk["offset"] + 8
    lines = run("block", copy, 2, "--column", "age", "--hex", "--format", "ndjson").out.splitlines()
    fields = [json.loads(line) for line in lines]
    assert sum(field["size"] for field in fields) == chunk["bytes"]
    assert fields[-1]["field"] is None


def test_cat_leaves_out_what_cannot_be_read_and_says_so(copy: Path, run: Run) -> None:
    whole = run("cat", copy, "--format", "ndjson").out.splitlines()
    chunks = json.loads(run("block", copy, 2, "--format", "json").out)["chunks"]
    flip(copy, chunks[0]["offset"] + 20)
    outcome = run("cat", copy, "--format", "ndjson")
    assert outcome.status == status.FINDING
    assert outcome.err.startswith("block 2 left out: ")
    assert "checksum-mismatch" in outcome.err
    rows = outcome.out.splitlines()
    assert set(rows) < set(whole)
    assert len(whole) - len(rows) == 64


@pytest.mark.parametrize("kept", [47, 48, 100, 160, 1000, 5000])
def test_truncated_files(kept: int, copy: Path, run: Run) -> None:
    copy.write_bytes(copy.read_bytes()[:kept])
    (fault,) = faults(run, "sst", copy)
    assert fault["code"] in ("truncated", "bad-magic")
    assert 0 <= fault["offset"] <= kept
    shown = run("sst", copy).out
    assert ("header.file_id" in shown) == (kept >= 48)


def test_every_byte_of_a_small_file(tables: Path, run: Run) -> None:
    """No flipped bit goes unnoticed, and none ends in anything but a named fault."""
    small = min((tables / "users" / "bucket-0").glob("*.sst"), key=lambda path: path.stat().st_size)
    data = small.read_bytes()
    path = tables / "flipped.sst"
    for offset in range(0, len(data), 5):
        changed = bytearray(data)
        changed[offset] ^= 1 << offset % 8
        path.write_bytes(changed)
        outcome = run("sst", path, "--hex", "--format", "json")
        assert outcome.status in (status.FINDING, status.UNSUITABLE), offset
        if outcome.out:
            assert json.loads(outcome.out)["faults"][0]["code"], offset


def test_damaged_documents_are_shown_with_a_warning(tables: Path, run: Run) -> None:
    path = tables / "users" / "snapshot" / "snapshot-3.json"
    text = path.read_text()
    path.write_text(text.replace('"compact"', '"append"'))
    outcome = run(path)
    assert outcome.status == status.FINDING
    assert "not to be trusted" in outcome.out
    assert "checksum-mismatch, spec §1.5" in outcome.out
    assert run("verify", path).status == status.FINDING
    listed = run("snapshots", "users")
    assert listed.status == status.FINDING
    assert "users" not in listed.err
    assert "snapshot-3.json" in listed.out
    path.write_text(text[:200])
    cut = run(path)
    assert (cut.status, "truncated" in cut.out) == (status.FINDING, True)


def test_hostile_text_in_messages_is_escaped(tables: Path, run: Run) -> None:
    path = tables / "users" / "schema" / "schema-0.json"
    path.write_bytes(b'{\n  "format": "tablestore/schema",\n  "evil": "\x1b]0;owned\x07\xc2\x9b31m"\n}\n')
    outcome = run(path)
    assert outcome.status == status.FINDING
    assert all(c.isprintable() or c == "\n" for c in outcome.out + outcome.err)


def test_verify_names_damage_inside_a_table(tables: Path, run: Run) -> None:
    path = largest(tables / "users" / "bucket-1")
    live = json.loads(run("files", "users", "--bucket", 1, "--level", 3, "--format", "json").out)[0]["path"]
    path = tables / "users" / live
    flip(path, 60)
    assert run("verify", "users").status == status.OK
    outcome = run("verify", "users", "--deep", "--format", "json")
    assert outcome.status == status.FINDING
    (finding,) = json.loads(outcome.out)["findings"]
    assert (finding["code"], finding["file"], finding["offset"]) == ("checksum-mismatch", live, 48)


def test_older_versions_can_be_read_when_the_newest_is_damaged(tables: Path, run: Run) -> None:
    flip(tables / "users" / "snapshot" / "snapshot-7.json", 300)
    newest = run("tree", "users")
    assert (newest.status, newest.out) == (status.FINDING, "")
    assert "snapshot/snapshot-7.json" in newest.err
    assert run("tree", "users", "--version", 6).status == status.OK
    assert len(run("cat", "users", "--version", 6, "--format", "ndjson").out.splitlines()) == 1253
    listed = run("snapshots", "users", "--format", "json")
    assert [row["version"] for row in json.loads(listed.out)["snapshots"]] == [1, 2, 3, 4, 5, 6]


def test_a_damaged_manifest_is_shown_as_far_as_it_goes(tables: Path, run: Run) -> None:
    path = max((tables / "users" / "manifest").glob("*.sst"))
    flip(path, 100)
    for command in ("manifest", "summary"):
        outcome = run(command, path)
        assert outcome.status == status.FINDING
        assert "file id" in outcome.out
        assert "checksum-mismatch" in outcome.out
    assert run("files", "users").status == status.FINDING
    assert run("files", "users", "--version", 6).status == status.OK
