"""Commits that are prepared by some and published by others: a model of many writers and one committer, and what may
happen between the two."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import tablestore as ts
from tablestore import maintenance, prepared
from tablestore.errors import CommitConflictError, FormatError, PreparedGoneError
from tablestore.file import part as parts
from tablestore.file.part import Part
from tablestore.file.snapshot import WriterIdentity
from tablestore.session import Session
from tablestore.table import Table

SCHEMA = pa.schema(
    [pa.field("id", pa.int64(), nullable=False), ("place", pa.string()), ("value", pa.int64())]
)
DELETE = 3
PLACES = ("", "north", "söuth", None)
Row = dict[str, Any]


def make(path: Path, cross: bool = True, **options: str | int) -> Table:
    """A table, partitioned by a column that is no part of the key, or not at all."""
    partition = "place" if cross else ()
    return ts.create_table(
        path / "t", SCHEMA, primary_key="id", partition_by=partition, buckets=3, options=options
    )


def rows(table: Table) -> dict[int, Row]:
    return {row["id"]: row for row in table.scan().to_arrow().to_pylist()}


def batch(given: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(given, SCHEMA)


def through_documents(table: Table, part: Part) -> list[Part]:
    """The part as another process gets it."""
    schema = table._core.schema
    return [parts.decode(document, schema) for document in parts.encode(part, schema)]


def prepare(table: Table, given: list[Row], deleted: list[int] = []) -> list[Part]:  # noqa: B006 - never changed
    session = Session(table._core)
    session.upsert(batch(given))
    if deleted:
        session.delete(pa.table({"id": pa.array(deleted, pa.int64())}))
    return through_documents(table, session.prepare())


def publish(table: Table, found: list[Part], number: int, sink: str = "sink") -> prepared.Outcome:
    return prepared.publish(
        ts.open_table(table._core.storage.root)._core, found, WriterIdentity(sink, number)
    )


class Model:
    """A table, the writers of a sink, and the rows that there must be."""

    def __init__(self, path: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.table = make(path, cross=seed % 2 == 0, durability="none")
        self.sessions = [Session(self.table._core, 8 << 20) for _ in range(3)]
        self.expected: dict[int, Row] = {}
        self.pending: dict[int, Row] = {}
        self.waiting: list[tuple[int, list[Part], dict[int, Row]]] = []
        self.done: list[tuple[int, list[Part]]] = []
        self.checkpoint = 0

    def write(self) -> None:
        """A batch to one writer, upserts, deletes with their row, and deletes by key."""
        session = self.random.choice(self.sessions)
        share = self.sessions.index(session)
        ids = [share + 3 * self.random.randrange(60) for _ in range(self.random.randrange(1, 40))]
        if self.random.random() < 0.2:
            session.delete(pa.table({"id": pa.array(sorted(set(ids)), pa.int64())}))
            self.pending.update(dict.fromkeys(ids))  # type: ignore[arg-type]
            return
        given = [
            {"id": i, "place": self.random.choice(PLACES), "value": self.random.randrange(10**9)} for i in ids
        ]
        kinds = np.array([self.random.choice((0, 0, 2, DELETE)) for _ in given], np.uint8)
        session.apply(batch(given), kinds)
        for row, kind in zip(given, kinds.tolist(), strict=True):
            self.pending[row["id"]] = None if kind == DELETE else row  # type: ignore[assignment]
        if self.random.random() < 0.3:
            session.flush()

    def prepare(self) -> None:
        """A checkpoint."""
        self.checkpoint += 1
        found = [
            part for session in self.sessions for part in through_documents(self.table, session.prepare())
        ]
        self.waiting.append((self.checkpoint, found, self.pending))
        self.pending = {}

    def commit(self) -> None:
        """The oldest checkpoint that waits, as a process of its own would."""
        if not self.waiting:
            return
        number, found, changes = self.waiting.pop(0)
        before = self.table.version
        outcome = publish(self.table, found, number)
        assert outcome.published == bool(changes)
        assert outcome.version.id == before + bool(changes)
        self.expected.update(changes)
        self.done.append((number, found))

    def replay(self) -> None:
        """Flink asks again for what is done."""
        for number, found in self.done[-3:]:
            if not found:
                continue
            before = self.table.version
            assert not publish(self.table, found, number).published
            assert self.table.version == before

    def lose(self) -> None:
        """The job fails before the checkpoint is complete: what was prepared or written since is orphans."""
        self.waiting.clear()
        self.pending = {}
        self.sessions = [Session(self.table._core, 8 << 20) for _ in range(3)]

    def compact(self) -> None:
        maintenance.run(self.table._core, full=self.random.random() < 0.5)

    def expire(self) -> None:
        self.table.expire_snapshots(keep_last=1)

    def clean(self) -> None:
        """With an age limit, as one does while a job is at work."""
        self.table.remove_orphan_files(dry_run=False, older_than=datetime.timedelta(hours=1))

    def check(self) -> None:
        alive = {key: row for key, row in self.expected.items() if row is not None}
        assert rows(self.table) == alive


@pytest.mark.parametrize("seed", range(8))
def test_random_histories(tmp_path: Path, seed: int) -> None:
    model = Model(tmp_path, seed)
    steps = [model.write] * 6 + [model.prepare, model.commit, model.prepare, model.commit]
    steps += [model.replay, model.compact, model.expire, model.clean, model.lose]
    for _ in range(100):
        step = model.random.choice(steps)
        step()
        if step != model.write:
            model.check()
    model.prepare()
    while model.waiting:
        model.commit()
    model.check()
    assert model.table.verify(deep=True).ok
    assert len(model.done) > 3


def test_nothing_is_visible_before_it_is_published(tmp_path: Path) -> None:
    table = make(tmp_path)
    found = prepare(table, [{"id": 1, "place": "x", "value": 1}])
    assert table.version == 1
    assert rows(table) == {}
    publish(table, found, 7)
    newest = table._core.lineage.newest().snapshot
    assert newest.writer == WriterIdentity("sink", 7)
    assert newest.kind == "append"
    assert rows(table)[1]["value"] == 1


def test_many_parts_are_one_snapshot_and_the_last_wins(tmp_path: Path) -> None:
    table = make(tmp_path)
    found = [part for n in range(5) for part in prepare(table, [{"id": 1, "place": str(n % 2), "value": n}])]
    outcome = publish(table, found, 1)
    assert outcome.version.id == 2
    assert list(rows(table).values()) == [{"id": 1, "place": "0", "value": 4}]
    assert table.verify(deep=True).ok


def test_a_commit_without_rows_is_no_snapshot(tmp_path: Path) -> None:
    table = make(tmp_path)
    assert prepare(table, []) == []
    assert not publish(table, [], 1).published
    assert table.version == 1


def test_a_row_that_moved_after_the_part_was_prepared(tmp_path: Path) -> None:
    """Its old place is that of the snapshot on which the part is published."""
    table = make(tmp_path)
    table.upsert([{"id": 1, "place": "a", "value": 1}])
    found = prepare(table, [{"id": 1, "place": "c", "value": 3}])
    table.upsert([{"id": 1, "place": "b", "value": 2}])
    maintenance.run(table._core, full=True)
    publish(table, found, 1)
    assert table.scan().to_arrow().to_pylist() == [{"id": 1, "place": "c", "value": 3}]


def test_an_older_commit_of_the_same_sink_counts_as_done(tmp_path: Path) -> None:
    table = make(tmp_path)
    publish(table, prepare(table, [{"id": 1, "place": "a", "value": 1}]), 9)
    late = prepare(table, [{"id": 2, "place": "a", "value": 1}])
    assert not publish(table, late, 8).published
    assert publish(table, late, 8, sink="another").published


def test_cleaned_before_it_was_published(tmp_path: Path) -> None:
    """With no age limit a cleaner takes the files of commits that are under way; who wanted to publish is told so, and
    the table is as it was."""
    table = make(tmp_path)
    found = prepare(table, [{"id": 1, "place": "a", "value": 1}])
    table.upsert([{"id": 2, "place": "b", "value": 2}])
    removed = table.remove_orphan_files(dry_run=False, older_than=datetime.timedelta(0))
    assert removed.files == 1
    before = rows(table)
    for _ in range(2):
        with pytest.raises(PreparedGoneError, match="cleaned before the commit came") as caught:
            publish(table, found, 1)
        assert isinstance(caught.value, CommitConflictError)
        assert found[0].entries[0].file in str(caught.value)
    assert rows(table) == before
    assert table.verify(deep=True).ok


def test_a_missing_file_is_found_before_it_is_published(tmp_path: Path) -> None:
    table = make(tmp_path)
    found = prepare(table, [{"id": 1, "place": "a", "value": 1}])
    prepared.discard(table._core, found[0])
    with pytest.raises(PreparedGoneError, match="it is not there"):
        publish(table, found, 1)
    assert table.version == 1


def test_files_stay_when_publishing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever holds the parts tries again."""
    table = make(tmp_path)
    found = prepare(table, [{"id": 1, "place": "a", "value": 1}])
    core = ts.open_table(tmp_path / "t")._core

    def lose(*arguments: object) -> None:
        raise CommitConflictError("lost every race")

    monkeypatch.setattr(prepared, "propose", lose)
    with pytest.raises(CommitConflictError, match="lost every race"):
        prepared.publish(core, found, WriterIdentity("sink", 1))
    monkeypatch.undo()
    assert prepared.publish(core, found, WriterIdentity("sink", 1)).published


def test_a_session_begins_anew_after_it_prepared(tmp_path: Path) -> None:
    table = make(tmp_path)
    session = Session(table._core)
    session.upsert(batch([{"id": 1, "place": "a", "value": 1}]))
    first = session.prepare()
    assert session.empty
    assert session.prepare().empty
    session.upsert(batch([{"id": 2, "place": "a", "value": 1}]))
    session.abort()
    publish(table, through_documents(table, first), 1)
    assert set(rows(table)) == {1}


# ---- documents


def documents(table: Table, given: list[Row], deleted: list[int]) -> Iterator[bytes]:
    session = Session(table._core)
    session.upsert(batch(given))
    session.delete(pa.table({"id": pa.array(deleted, pa.int64())}))
    yield from parts.encode(session.prepare(), table._core.schema)


def test_large_parts_are_several_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = make(tmp_path)
    table.upsert([{"id": i, "place": "z", "value": -1} for i in range(50)])
    session = Session(table._core)
    expected = {}
    for step in range(6):
        given = [{"id": i, "place": f"p{(i + step) % 4}", "value": step} for i in range(step, 40)]
        session.upsert(batch(given))
        session.flush()
        gone = [step, 45 + step % 5]
        session.delete(pa.table({"id": pa.array(gone, pa.int64())}))
        expected.update({row["id"]: row for row in given})
        expected.update(dict.fromkeys(gone))  # type: ignore[arg-type]
    monkeypatch.setattr(parts, "FILES_MAX", 7)
    whole = session.prepare()
    pieces = through_documents(table, whole)
    assert len(pieces) > 5
    joined = prepared.join(pieces)
    assert {entry.file for entry in joined.entries} == {entry.file for entry in whole.entries}
    publish(table, pieces, 1)
    found = {key: row for key, row in rows(table).items() if row["value"] >= 0}
    assert found == {key: row for key, row in expected.items() if row is not None}
    assert set(rows(table)) - set(found) == set(range(40, 50)) - {45, 46, 47, 48, 49}


def test_documents_of_another_table(tmp_path: Path) -> None:
    one, other = make(tmp_path / "a"), make(tmp_path / "b")
    [document] = documents(one, [{"id": 1, "place": "a", "value": 1}], [2])
    with pytest.raises(FormatError) as caught:
        parts.decode(document, other._core.schema)
    assert caught.value.code == "wrong-table"


@pytest.mark.parametrize("step", range(0, 2400, 37))
def test_a_damaged_document_is_refused(tmp_path: Path, step: int) -> None:
    table = make(tmp_path)
    [document] = documents(table, [{"id": i, "place": "a", "value": 1} for i in range(9)], [100, 200])
    damaged = bytearray(document)
    damaged[step % len(damaged)] ^= 1 + step % 127
    with pytest.raises(FormatError):
        parts.decode(bytes(damaged), table._core.schema)
