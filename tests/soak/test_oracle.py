"""The oracle of the soak: it agrees with a table, and it sees each thing that could go wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import tablestore as ts
from tests.soak import worker
from tests.soak.oracle import (
    ABSENT,
    AFTER,
    BEFORE,
    DELETE,
    INSERT,
    SCHEMA,
    SPACE,
    WRITERS,
    Oracle,
    decode,
    encode_changes,
    rows_of,
)
from tests.soak.test_soak import OPTIONS, Commits, check_stream

COMMITS = 10


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[ts.Table, dict[tuple[int, int], int]]:
    """A table with some commits of two writers, and their versions."""
    path = tmp_path_factory.mktemp("soak") / "table"
    table = ts.create_table(path, SCHEMA, primary_key="id", partition_by="place", buckets=2, options=OPTIONS)
    versions = {}
    for number in range(COMMITS):
        for owner in range(2):
            put, gone = rows_of(owner, number)
            with table.writer(f"writer-{owner}") as writer:
                writer.upsert(put)
                writer.delete(gone)
                versions[owner, number] = writer.commit(commit_id=number).version
        if number == 4:
            table.compact(full=True)
            table.tag("half")
    return table, versions


@pytest.fixture
def stream(made: tuple[ts.Table, dict[tuple[int, int], int]], tmp_path: Path) -> Path:
    """What a follower said of it."""
    table, _ = made
    post = worker.Post(Path(table.path), 0, 1, tmp_path / "stream")
    for batch in table.follow("earliest", until=table.version):
        codes = encode_changes(pa.Table.from_batches([batch]))
        post.say(version=int(batch.column("_version")[0].as_py()), codes=codes.tolist())
    return post.output


def check(path: Path, versions: dict[tuple[int, int], int], kills: int = 0) -> list[int | None]:
    return check_stream(path, "state", kills, Oracle(), Commits(versions, []))


def test_a_table_is_as_expected(made: tuple[ts.Table, dict[tuple[int, int], int]]) -> None:
    table, _ = made
    last = [COMMITS - 1] * 2 + [ABSENT] * (WRITERS - 2)
    oracle = Oracle()
    assert oracle.check_state(table.scan().to_arrow()) == last
    before = oracle.check_state(table.at(tag="half").scan().to_arrow())
    assert before == [4, 4, ABSENT, ABSENT]
    changes = table.changes("half").to_arrow()
    assert oracle.check_difference(before, changes) == last
    # All kinds of changes occur, rows that move and rows that are written again unchanged included.
    kinds = decode(encode_changes(changes))[1]
    assert set(kinds.tolist()) == {INSERT, BEFORE, AFTER, DELETE}
    again = [
        (owner, number)
        for owner in range(2)
        for number in range(1, COMMITS)
        if len(np.unique(decode(oracle.writers[owner].changes(number - 1, number))[0]))
        < rows_of(owner, number)[0].num_rows
    ]
    assert again


@pytest.mark.parametrize("fault", ["lost", "stale", "twice", "foreign value"])
def test_wrong_rows_are_seen(made: tuple[ts.Table, dict[tuple[int, int], int]], fault: str) -> None:
    table, _ = made
    found = table.scan().to_arrow()
    old = table.at(tag="half").scan().to_arrow()
    key = next(
        row
        for row, before in ((row, table.at(tag="half").get(row["id"])) for row in found.to_pylist()[50:])
        if before and before["stamp"] < row["stamp"] and row["id"] % SPACE
    )["id"]
    at = found.column("id").to_pylist().index(key)
    old_row = old.slice(old.column("id").to_pylist().index(key), 1)
    rest = pa.concat_tables([found.slice(0, at), found.slice(at + 1)])
    row = found.slice(at, 1)
    wrong = row.set_column(4, "text", pa.array(["x"]))
    changed = {
        "lost": [rest],
        "stale": [rest, old_row],
        "twice": [found, row],
        "foreign value": [rest, wrong],
    }[fault]
    with pytest.raises(AssertionError):
        Oracle().check_state(pa.concat_tables(changed))
    assert Oracle().check_state(pa.concat_tables([rest, row]))


def test_a_stream_is_as_expected(stream: Path, made: tuple[ts.Table, dict[tuple[int, int], int]]) -> None:
    _, versions = made
    assert check(stream, versions) == [COMMITS - 1] * 2 + [ABSENT] * (WRITERS - 2)
    lines = stream.read_bytes().splitlines(keepends=True)
    stream.write_bytes(b"".join([*lines[:5], lines[4], *lines[5:]]))
    assert check(stream, versions, kills=1)
    with pytest.raises(AssertionError):
        check(stream, versions)


@pytest.mark.parametrize("fault", ["no step", "no row", "row again", "order", "version", "image"])
def test_wrong_streams_are_seen(
    stream: Path, made: tuple[ts.Table, dict[tuple[int, int], int]], fault: str
) -> None:
    _, versions = made
    lines = [json.loads(line) for line in stream.read_bytes().splitlines()]
    step = lines[-4]
    codes = step["codes"]
    first = next(at for at, code in enumerate(codes) if code >> 32 & 3 == BEFORE and (code >> 34) % SPACE)
    if fault == "no step":
        lines.remove(step)
    elif fault == "no row":
        del codes[first : first + 2]
    elif fault == "row again":
        codes += codes[first : first + 2]
    elif fault == "order":
        codes[first], codes[first + 1] = codes[first + 1], codes[first]
    elif fault == "version":
        versions = {commit: version + 100 for commit, version in versions.items()}
    else:
        codes[first] += 1
    stream.write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    with pytest.raises(AssertionError):
        check(stream, versions)
