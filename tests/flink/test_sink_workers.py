"""Writers, committers and compactors as processes, spoken to as the connector does, and killed as machines are."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import tablestore as ts
from tablestore import claims
from tablestore._native import hash as hashing
from tablestore.errors import ConnectorError
from tablestore.file import keys
from tablestore.file import vector as vectors
from tablestore.flink import writer as writers
from tablestore.flink.batch import Rows
from tablestore.flink.committer import CommitterRole
from tablestore.flink.protocol import Value, decode_map, encode_map
from tablestore.flink.writer import Pace
from tablestore.transaction import Transaction
from tablestore.types import from_arrow
from tests.flink.client import Client, WorkerError, hello_of, rows_of

SCHEMA = pa.schema([pa.field("id", pa.int64(), False), ("place", pa.string()), ("value", pa.int64())])
KINDS = {"+I": 0, "-U": 1, "+U": 2, "-D": 3}
BUCKETS = 4
Change = tuple[str, int, str | None, int | None]
Parts = dict[str, Value]


def bucket_of(key: int) -> int:
    column = vectors.from_arrow(pa.array([key], pa.int64()), from_arrow(pa.int64(), "id"))
    return int(hashing.buckets(keys.encode([column], 1).hashes(), BUCKETS)[0])


class Sink:
    """A table and the workers of one job that writes it."""

    def __init__(self, path: Path, stack: ExitStack, parallelism: int = 2, **options: str) -> None:
        self.path = path
        self.options = options
        self.parallelism = parallelism
        self._stack = stack
        self.writers = [self.start("writer", subtask=n, parallelism=parallelism) for n in range(parallelism)]
        self.committer = self.start("committer")

    def start(self, role: str, **more: Value) -> Client:
        client = self._stack.enter_context(Client())
        client.hello(hello_of(role, self.path, SCHEMA, ["id"], ["place"], BUCKETS, self.options, **more))
        return client

    @property
    def table(self) -> ts.Table:
        return ts.open_table(self.path)

    def write(self, changes: Sequence[Change]) -> None:
        """Each row to the writer of its bucket, as the connector does."""
        for number, client in enumerate(self.writers):
            mine = [row for row in changes if bucket_of(row[1]) * self.parallelism // BUCKETS == number]
            if mine:
                client.batch(batch_of(mine))

    def prepare(self) -> Parts:
        """The parts of all writers."""
        documents: list[bytes] = []
        for client in self.writers:
            found, _ = client.request("prepare")
            documents += [found[f"part-{number}"] for number in range(int(found["parts"]))]
        return {"parts": len(documents), **{f"part-{n}": document for n, document in enumerate(documents)}}

    def commit(
        self, checkpoint: int, parts: Parts, replay: bool = False, sink: str = "s"
    ) -> dict[str, bytes]:
        return self.committer.request("commit", committable(checkpoint, parts, replay, sink))[0]

    def rows(self) -> dict[int, dict[str, Any]]:
        return {row["id"]: row for row in self.table.scan().to_arrow().to_pylist()}


def committable(checkpoint: int, parts: Parts, replay: bool = False, sink: str = "s") -> dict[str, Value]:
    return {"sink": sink, "checkpoint": checkpoint, "replay": "true" if replay else "false", **parts}


def batch_of(changes: Sequence[Change]) -> Rows:
    rows = [{"id": id_, "place": place, "value": value} for _, id_, place, value in changes]
    kinds = np.array([KINDS[kind] for kind, *_ in changes], np.uint8)
    return Rows(rows_of(SCHEMA, rows), kinds if kinds.any() else None)


def inserts(ids: Sequence[int], value: int = 0, place: str = "x") -> list[Change]:
    return [("+I", id_, place, value) for id_ in ids]


def commits(table: ts.Table, sink: str = "s") -> list[int]:
    return [row["commit_id"] for row in table.history().to_pylist() if row["writer_id"] == sink]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def sink(tmp_path: Path, stack: ExitStack) -> Sink:
    return Sink(tmp_path / "t", stack)


def test_a_checkpoint_is_one_snapshot_of_all_writers(sink: Sink) -> None:
    sink.write(inserts(range(100)))
    parts = sink.prepare()
    assert sink.table.version == 1
    answer = sink.commit(1, parts)
    assert (answer["outcome"], answer["version"], answer["rows"]) == (b"published", b"2", b"100")
    assert set(sink.rows()) == set(range(100))
    assert commits(sink.table) == [1]


def test_every_kind_of_row(sink: Sink) -> None:
    sink.write(inserts(range(6)))
    sink.commit(1, sink.prepare())
    sink.write(
        [
            ("-U", 0, "x", 0),  # is dropped, and its key stays
            ("-U", 1, "x", 0),
            ("+U", 1, "y", 1),  # moves
            ("+U", 2, "x", 2),
            ("-D", 3, "x", 0),
            ("-D", 4, "x", 0),
            ("+I", 4, "z", 4),  # deleted and inserted again
            ("+I", 7, None, None),
            ("-D", 7, None, None),
        ]
    )
    sink.commit(2, sink.prepare())
    found = {key: (row["place"], row["value"]) for key, row in sink.rows().items()}
    assert found == {0: ("x", 0), 1: ("y", 1), 2: ("x", 2), 4: ("z", 4), 5: ("x", 0)}
    assert sink.table.verify(deep=True).ok


def test_rows_before_updates_alone_are_no_part(sink: Sink) -> None:
    sink.write([("-U", 1, "x", 1)])
    assert sink.prepare()["parts"] == 0


def test_a_replay_is_not_published_twice(sink: Sink) -> None:
    sink.write(inserts(range(10)))
    parts = sink.prepare()
    sink.commit(1, parts)
    assert sink.commit(1, parts, replay=True)["outcome"] == b"known"
    assert sink.table.version == 2
    sink.write(inserts(range(5), 1))
    later = sink.prepare()
    assert sink.commit(2, later, replay=True)["outcome"] == b"published", "it was never committed"
    assert sink.commit(1, parts, replay=True)["outcome"] == b"known"
    assert commits(sink.table) == [1, 2]


def test_an_older_savepoint_is_refused(sink: Sink) -> None:
    """Commits of the same numbers are in the table: they are not skipped."""
    for checkpoint in (1, 2, 3):
        sink.write(inserts([checkpoint], checkpoint))
        sink.commit(checkpoint, sink.prepare())
    sink.write(inserts([2], 22))
    with pytest.raises(WorkerError, match=r"restored from checkpoint 1, but .* up to checkpoint 3") as caught:
        sink.commit(2, sink.prepare())
    assert (caught.value.code, caught.value.retry) == ("older-savepoint", False)
    assert "'sink.older-savepoint' = 'new-identity'" in caught.value.message
    assert sink.rows()[2]["value"] == 2


def test_a_restore_looks_for_newer_commits(sink: Sink) -> None:
    asked: dict[str, Value] = {"sink": "s", "restored": 1, "accept": "false"}
    assert sink.committer.request("restore", asked)[0] == {"last": b"-1"}
    sink.write(inserts([1]))
    sink.commit(2, sink.prepare())
    with pytest.raises(WorkerError, match="up to checkpoint 2") as caught:
        sink.committer.request("restore", asked)
    assert (caught.value.code, caught.value.retry) == ("older-savepoint", False)
    assert sink.committer.request("restore", {**asked, "accept": "true"})[0] == {"last": b"2"}
    assert sink.committer.request("restore", {**asked, "restored": 2})[0] == {"last": b"2"}
    assert sink.committer.request("restore", {**asked, "sink": "another"})[0] == {"last": b"-1"}


def test_a_checkpoint_without_rows_is_no_snapshot(sink: Sink) -> None:
    parts = sink.prepare()
    assert parts == {"parts": 0}
    assert sink.commit(1, parts)["outcome"] == b"empty"
    assert sink.table.version == 1


def test_a_writer_that_died_after_it_prepared(sink: Sink) -> None:
    sink.write(inserts(range(10)))
    parts = sink.prepare()
    sink.write(inserts(range(10, 20)))
    for client in sink.writers:
        client.kill()
    sink.commit(1, parts)
    assert set(sink.rows()) == set(range(10))
    assert sink.table.verify(deep=True).ok


def test_a_writer_that_is_closed_leaves_nothing(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of rows that it holds, nor of files that no part names; those of parts stay."""
    sink.write(inserts(range(40)))
    parts = sink.prepare()
    prepared_files = sorted(sink.path.rglob("bucket-*/*.sst"))
    assert prepared_files
    sink.write(inserts(range(40)))
    for client in sink.writers:
        assert client.close() == 0
    assert sorted(sink.path.rglob("bucket-*/*.sst")) == prepared_files
    assert sink.commit(1, parts)["outcome"] == b"published"


def test_files_that_were_cleaned_away(sink: Sink) -> None:
    sink.write(inserts(range(10)))
    parts = sink.prepare()
    for path in sink.path.rglob("bucket-*/*.sst"):
        path.unlink()
    with pytest.raises(WorkerError, match=r"checkpoint 5 of sink s: .* was cleaned") as caught:
        sink.commit(5, parts)
    assert (caught.value.code, caught.value.retry) == ("prepared-gone", False)
    assert sink.table.version == 1


def expires_before_it_is_published(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """A commit stops between building its snapshot and publishing it, for so long that the id has come and gone."""
    document = Transaction._document

    def slow(self: Transaction, *arguments: Any) -> Any:
        made = document(self, *arguments)
        monkeypatch.setattr(Transaction, "_document", document)
        table = ts.open_table(path)
        for value in range(3):
            table.upsert([{"id": 1000 + value, "place": "x", "value": value}])
        table.expire_snapshots(keep_last=1)
        return made

    monkeypatch.setattr(Transaction, "_document", slow)


def committer_of(sink: Sink) -> CommitterRole:
    """A committer in this process."""
    return CommitterRole(sink.table, {}, None)  # type: ignore[arg-type]


def test_a_commit_whose_snapshot_had_expired(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files may be deleted by the expirer of that snapshot: a restart, which publishes them again, is no help."""
    sink.write(inserts(range(10)))
    asked = decode_map(encode_map(committable(1, sink.prepare())))
    expires_before_it_is_published(monkeypatch, sink.path)
    with pytest.raises(ConnectorError, match=r"checkpoint 1 of sink s: snapshot 2 had expired") as caught:
        committer_of(sink).request("commit", asked, None)
    assert (caught.value.code, caught.value.retry) == ("prepared-gone", False)
    assert set(sink.rows()) == {1000, 1001, 1002}
    assert sink.table.verify(deep=True).ok


def test_a_committer_that_died_when_its_snapshot_had_expired(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not say so; whoever is asked next finds the snapshot that is in no lineage."""
    sink.write(inserts(range(10)))
    parts = sink.prepare()
    after = Transaction._after

    def die(self: Transaction, base: Any, version: Any, *arguments: Any) -> None:
        if version.snapshot.writer is not None:
            pytest.fail("killed")
        after(self, base, version, *arguments)

    with monkeypatch.context() as dying:
        dying.setattr(Transaction, "_after", die)
        expires_before_it_is_published(monkeypatch, sink.path)
        with pytest.raises(pytest.fail.Exception, match="killed"):
            committer_of(sink).request("commit", decode_map(encode_map(committable(1, parts))), None)
    assert (sink.path / "snapshot/snapshot-2.json").exists()
    with pytest.raises(WorkerError, match=r"checkpoint 1 of sink s: .* snapshot 2 had expired") as caught:
        sink.commit(1, parts, replay=True)
    assert (caught.value.code, caught.value.retry) == ("prepared-gone", False)
    sink.table.expire_snapshots(keep_last=1)  # takes the snapshot away, and its files
    with pytest.raises(WorkerError, match=r"checkpoint 1 of sink s: .* it is not there") as caught:
        sink.commit(1, parts, replay=True)
    assert set(sink.rows()) == {1000, 1001, 1002}
    assert sink.table.verify(deep=True).ok


def test_a_replay_when_the_snapshot_of_the_commit_has_expired(sink: Sink) -> None:
    """What the sink committed is in every later snapshot."""
    sink.write(inserts(range(10)))
    parts = sink.prepare()
    sink.commit(1, parts)
    for value in range(3):
        sink.table.upsert([{"id": 1000, "place": "x", "value": value}])
    sink.table.expire_snapshots(keep_last=1)
    assert not (sink.path / "snapshot/snapshot-2.json").exists()
    assert sink.commit(1, parts, replay=True)["outcome"] == b"known"
    assert (
        sink.start("committer").request("commit", committable(1, parts, replay=True))[0]["outcome"]
        == b"known"
    )
    assert sink.table.version == 5


def test_rows_that_came_to_the_wrong_writer(sink: Sink) -> None:
    """A connector whose hash differs is found out before anything is published."""
    rows = [row for row in inserts(range(40)) if bucket_of(row[1]) >= 2]
    sink.writers[0].batch(batch_of(rows))
    with pytest.raises(WorkerError, match="came to subtask 0 of 2 and belong to subtask 1") as caught:
        sink.writers[0].request("prepare")
    assert (caught.value.code, caught.value.retry) == ("routing", False)


def test_other_numbers_of_writers_go_on(sink: Sink, stack: ExitStack) -> None:
    """A job that is scaled has other writers for the same buckets."""
    expected = {}
    for checkpoint, parallelism in enumerate((2, 1, 4, 3), 1):
        job = Sink(sink.path, stack, parallelism)
        changes = inserts(range(checkpoint, 60), checkpoint)
        job.write(changes)
        job.commit(checkpoint, job.prepare())
        expected.update({row[1]: row[3] for row in changes})
    assert {key: row["value"] for key, row in sink.rows().items()} == expected


def test_a_committer_that_dies_at_any_moment(sink: Sink) -> None:
    """Killed while it commits, asked again: each checkpoint is one snapshot."""
    chance = random.Random(7)
    expected = {}
    for checkpoint in range(1, 9):
        changes = inserts(chance.sample(range(50), 20), checkpoint, place=str(checkpoint % 3))
        sink.write(changes)
        parts = sink.prepare()
        sink.committer.connection.send_map(3, {"op": "commit", **committable(checkpoint, parts)})
        time.sleep(chance.uniform(0, 0.05))
        sink.committer.kill()
        sink.committer = sink.start("committer")
        assert sink.commit(checkpoint, parts, replay=True)["outcome"] in (b"known", b"published")
        expected.update({row[1]: row[3] for row in changes})
    assert commits(sink.table) == list(range(1, 9))
    assert {key: row["value"] for key, row in sink.rows().items()} == expected
    assert sink.table.verify(deep=True).ok


def test_many_batches_in_little_memory(tmp_path: Path, stack: ExitStack) -> None:
    sink = Sink(tmp_path / "t", stack, 1, **{"writer-memory": "8 mb", "durability": "none"})
    ids = np.arange(400_000)
    for start in range(0, len(ids), 20_000):
        part = ids[start : start + 20_000]
        columns = [pa.array(part), pa.array(["place"] * len(part)), pa.array(part * 3)]
        sink.writers[0].batch(Rows(pa.RecordBatch.from_arrays(columns, schema=SCHEMA)))
    found, _ = sink.writers[0].request("prepare")
    assert int(found["files"]) > BUCKETS, "files were written before the checkpoint"
    assert int(found["rows"]) == len(ids)
    answer = sink.commit(1, {"parts": found["parts"], "part-0": found["part-0"]})
    assert answer["rows"] == b"400000"
    assert sink.table.scan().count() == len(ids)


# ---- compaction


def commit_fifty(sink: Sink, checkpoint: int) -> dict[str, bytes]:
    """Fifty rows of a checkpoint, and what the committer answers."""
    sink.write(inserts(range(50), checkpoint))
    answer = sink.commit(checkpoint, sink.prepare())
    assert answer["compaction"] == b"auto"
    return answer


def test_a_compactor_beside_the_committer(tmp_path: Path, stack: ExitStack) -> None:
    sink = Sink(tmp_path / "t", stack, 1, **{"compaction.trigger": "3", "compaction.stop": "6"})
    for checkpoint in range(1, 5):  # before there is a compactor, so that a backlog is certain
        answer = commit_fifty(sink, checkpoint)
    assert int(answer["backlog"]) > 0
    compactor = sink.start("compactor")
    for checkpoint in range(5, 9):
        commit_fifty(sink, checkpoint)
    end = time.monotonic() + 30
    while (runs := max(sink.table._core.files(sink.table._core.lineage.newest().snapshot).run_counts())) >= 3:
        assert time.monotonic() < end, f"{runs} runs"
        time.sleep(0.1)
    state, _ = compactor.request("state")
    while int(state["compactions"]) == 0:  # it counts after it has published
        assert time.monotonic() < end, state
        time.sleep(0.1)
        state, _ = compactor.request("state")
    assert int(state["bytes-in"]) > 0
    assert state["failures"] == b"0"
    assert claims.compactor_is_alive(sink.table._core)
    assert compactor.close() == 0
    assert not claims.compactor_is_alive(sink.table._core)
    assert {row["value"] for row in sink.rows().values()} == {8}
    assert commits(sink.table) == list(range(1, 9))


class Stopping:
    """What a writer sees of its connection, and how long it waited."""

    def __init__(self) -> None:
        self.stopping = self
        self.waits: list[float] = []
        self.during: Callable[[], None] = lambda: None

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.during()
        return False


@pytest.fixture
def full(tmp_path: Path) -> ts.Table:
    """A table with as many runs as stop its writers."""
    options: dict[str, str | int] = {"compaction": "manual", "compaction.trigger": 2, "compaction.stop": 3}
    table = ts.create_table(tmp_path / "t", SCHEMA, primary_key="id", options=options)
    for value in range(3):
        table.upsert([{"id": 1, "place": "x", "value": value}])
    return table


def entries_of(table: ts.Table) -> list[Any]:
    return table._core.entries(table._core.lineage.newest().snapshot)


def test_writers_are_slow_where_there_are_too_many_runs(full: ts.Table) -> None:
    connection = Stopping()
    pace = Pace(full, connection)  # type: ignore[arg-type]
    pace.keep(entries_of(full))
    assert connection.waits == [], "nobody would help"
    pace._looked = 0
    with claims.register(full._core):
        pace.keep(entries_of(full))
        assert connection.waits == [writers.PAUSE_SECONDS]
        pace.keep(entries_of(full))
        assert len(connection.waits) == 1, "not at every batch"
    assert pace.seconds >= 0


def test_writers_wait_where_there_are_twice_too_many(full: ts.Table) -> None:
    for value in range(3):
        full.upsert([{"id": 1, "place": "x", "value": value}])
    connection = Stopping()

    def compact() -> None:
        if len(connection.waits) == 5:
            ts.open_table(full._core.storage.root).compact(full=True)

    connection.during = compact
    pace = Pace(full, connection)  # type: ignore[arg-type]
    with claims.register(full._core):
        pace.keep(entries_of(full))
    assert len(connection.waits) == 5


@pytest.mark.parametrize("wrong", ["much", "1 mb"])
def test_memory_of_a_writer(tmp_path: Path, wrong: str) -> None:
    options = {"writer-memory": wrong}
    hello = hello_of("writer", tmp_path / "t", SCHEMA, ["id"], options=options, subtask=0, parallelism=1)
    with Client() as client, pytest.raises(WorkerError, match=r"'writer-memory'.* at least 8 mb"):
        client.hello(hello)


@pytest.mark.parametrize("role", ["committer", "compactor"])
def test_rows_for_those_that_take_none(sink: Sink, role: str) -> None:
    client = sink.start(role)
    client.batch(batch_of(inserts([1])))
    with pytest.raises(WorkerError, match="takes no rows"):
        client.receive()


@pytest.mark.parametrize("role", ["writer", "committer", "compactor"])
def test_requests_that_nobody_answers(sink: Sink, role: str) -> None:
    client = sink.start(role, subtask=0, parallelism=1)
    with pytest.raises(WorkerError, match="cannot 'fly'") as caught:
        client.request("fly")
    assert caught.value.kind == ConnectorError.__name__


def test_a_committable_that_lacks_a_part(sink: Sink) -> None:
    with pytest.raises(WorkerError, match="parts of the committable are missing"):
        sink.commit(1, {"parts": 1})
