"""Following a table: starting points, exact resumption, waiting, and snapshots that go while somebody follows."""

from __future__ import annotations

import datetime
import itertools
import random
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore import follow, pins
from tablestore.file import boundary, consumer, layout
from tablestore.storage.local import LocalStorage
from tests.changes.histories import History, small_budgets
from tests.model import value_pool

SCHEMA = pa.schema([pa.field("id", pa.int64(), False), ("place", pa.string()), ("n", pa.int32())])
OPTIONS = {"durability": "none", "compaction": "manual"}


def make(path: Path, **given: Any) -> ts.Table:
    return ts.create_table(path, SCHEMA, **{"primary_key": "id", "options": OPTIONS, **given})


def put(table: ts.Table, *ids: int, n: int = 0, place: str = "a") -> int:
    return table.upsert([{"id": i, "place": place, "n": n} for i in ids]).version


def rows(batches: Any) -> list[tuple[Any, ...]]:
    """(kind, version, id, n) of all rows."""
    names = ("_row_kind", "_version", "id", "n")
    return [
        row for batch in batches for row in zip(*(batch[name].to_pylist() for name in names), strict=True)
    ]


@pytest.fixture
def table(table_path: Path) -> ts.Table:
    """Version 2 holds 1 and 2, version 3 changes 2 and brings 3."""
    made = make(table_path)
    put(made, 1, 2)
    put(made, 2, 3, n=3)
    return made


STATE = [("+I", 3, 1, 0), ("+I", 3, 2, 3), ("+I", 3, 3, 3)]
THIRD = [("-U", 3, 2, 0), ("+U", 3, 2, 3), ("+I", 3, 3, 3)]
SECOND = [("+I", 2, 1, 0), ("+I", 2, 2, 0)]


def test_starting_points(table: ts.Table) -> None:
    assert rows(table.follow("latest", until=3)) == []
    assert rows(table.follow("latest-full", until=3)) == STATE
    assert rows(table.follow("earliest", until=3)) == SECOND + THIRD
    assert rows(table.follow(1, until=3)) == SECOND + THIRD
    assert rows(table.follow(2, until=3)) == THIRD
    times = [when.as_py() for when in table.history().column("timestamp")]
    assert rows(table.follow(times[1], until=3)) == THIRD
    table.expire_snapshots(keep_last=1)
    assert rows(table.follow("earliest", until=3)) == STATE


def test_net_steps(table: ts.Table) -> None:
    """All that is there at a look is one difference: here of versions 1 and 3."""
    whole = [("+I", 3, 1, 0), ("+I", 3, 2, 3), ("+I", 3, 3, 3)]
    assert rows(table.follow(1, net=True, until=3)) == whole
    assert rows(table.follow(1, net=True, until=2)) == SECOND
    with table.follow(1, net=True) as follower:
        assert rows([next(follower)]) == whole
        put(table, 2, n=4)
        table.compact(full=True)
        put(table, 2, n=5)
        table.delete([1])
        assert rows([next(follower)]) == [("-D", 7, 1, 0), ("-U", 7, 2, 3), ("+U", 7, 2, 5)]
        put(table, 3, n=9)
        put(table, 3, n=3)  # as it was
        put(table, 4)
        assert rows([next(follower)]) == [("+I", 10, 4, 0)]
        assert follower.version == 7


def test_a_net_follower_needs_no_snapshot_in_between(table: ts.Table) -> None:
    """Without a consumer, too: its lease keeps the one that it has seen last."""
    follower = table.follow("latest", net=True, poll_seconds=0.01, timeout=0)
    for number in range(4, 9):
        put(table, 2, n=number)
        table.compact(full=True)
        table.expire_snapshots(keep_last=1)
    assert [row[::2] for row in rows(follower)] == [("-U", 2), ("+U", 2)]
    assert follower.version == table.version


def test_a_net_step_that_was_begun_ends_where_it_was_to(table: ts.Table) -> None:
    """It comes again as it was, whatever was committed since; who comes back without net= ends it, too."""
    first = table.follow(1, consumer="job", net=True)
    begun = rows([next(first)])
    assert begun == [("+I", 3, 1, 0), ("+I", 3, 2, 3), ("+I", 3, 3, 3)]
    first.close()
    assert table.consumers().select(["next", "position", "until"]).to_pylist() == [
        {"next": 2, "position": 0, "until": 3}
    ]
    put(table, 1, n=7)
    put(table, 1, n=8)
    table.expire_snapshots(keep_last=1)
    with table.follow(consumer="job") as single:
        assert rows([next(single)]) == begun
        assert rows([next(single)]) == [("-U", 4, 1, 0), ("+U", 4, 1, 7)]
    again = rows(table.follow(consumer="job", net=True, timeout=0))
    assert again == [("-U", 5, 1, 0), ("+U", 5, 1, 8)]
    assert table.consumers().select(["next", "position", "until"]).to_pylist() == [
        {"next": 6, "position": 0, "until": None}
    ]


def test_starting_points_that_are_none(table: ts.Table) -> None:
    with pytest.raises(ts.SchemaError):
        table.follow("newest")
    with pytest.raises(ts.SnapshotExpiredError):
        table.follow(17)
    with pytest.raises(ts.SnapshotExpiredError):
        table.follow(datetime.datetime(2000, 1, 1))
    with pytest.raises(ts.SchemaError):
        table.follow(poll_seconds=0)
    with pytest.raises(ts.SchemaError):
        table.follow(consumer="")
    table.expire_snapshots(keep_last=1)
    with pytest.raises(ts.SnapshotExpiredError):
        table.follow(1)


def test_columns_and_filter(table: ts.Table) -> None:
    found = list(table.follow("latest-full", columns=["n"], filter="id >= 2", until=3))
    assert [batch.to_pydict() for batch in found] == [
        {"_row_kind": ["+I", "+I"], "_version": [3, 3], "n": [3, 3]}
    ]
    assert found[0].schema.equals(table.changes(1, columns=["n"]).schema)
    without = list(table.follow("latest-full", columns=[], until=3))
    assert without[0].to_pydict() == {"_row_kind": ["+I"] * 3, "_version": [3] * 3}
    kept = rows(table.follow(1, filter="n = 3", until=3))
    assert kept == [("+I", 3, 2, 3), ("+I", 3, 3, 3)]


def test_an_empty_table(table_path: Path) -> None:
    table = make(table_path)
    with table.follow("latest-full", timeout=0) as follower:
        assert list(follower) == []
        assert follower.version == 1


def test_new_snapshots_wake_a_follower_of_the_same_process(table: ts.Table) -> None:
    with table.follow(poll_seconds=60) as follower:
        waits = threading.Timer(0.3, lambda: put(table, 9))
        started = time.monotonic()
        waits.start()
        assert rows([next(follower)]) == [("+I", 4, 9, 0)]
        assert time.monotonic() - started < 20
        waits.join()


def test_the_end_of_patience(table: ts.Table) -> None:
    started = time.monotonic()
    assert list(table.follow(timeout=0.3)) == []
    assert 0.3 <= time.monotonic() - started < 20


def test_waiting_looks_for_one_file_and_lists_nothing(table: ts.Table) -> None:
    looks, lists = [], []
    exists, listing = LocalStorage.exists, LocalStorage.list
    with (
        mock.patch.object(
            LocalStorage, "exists", lambda self, path: looks.append(path) or exists(self, path)
        ),
        mock.patch.object(LocalStorage, "list", lambda self, path: lists.append(path) or listing(self, path)),
    ):
        follower = table.follow(timeout=0.6, poll_seconds=30)
        lists.clear()
        looks.clear()
        assert list(follower) == []
    assert lists == []
    assert 3 <= len([path for path in looks if path == "snapshot/snapshot-4.json"]) < 20


def test_progress_is_saved_when_the_next_batch_is_asked_for(table: ts.Table) -> None:
    first = table.follow(1, consumer="job", until=3)
    assert rows([next(first)]) == SECOND
    first.close()
    again = table.follow("latest", consumer="job", until=3)
    assert rows([next(again)]) == SECOND
    assert again.version == 1
    assert rows([next(again)]) == THIRD
    assert again.version == 2
    again.close()
    third = table.follow(consumer="job", until=3)
    assert rows(third) == THIRD
    assert third.version == 3
    assert rows(table.follow(consumer="job", until=3)) == []
    assert rows(table.follow(1, consumer="other", until=3)) == SECOND + THIRD


def test_one_document_stays(table: ts.Table, table_path: Path) -> None:
    list(table.follow("earliest", consumer="job/ü", until=3))
    assert len(list((table_path / "consumer").iterdir())) == 1
    assert list((table_path / "lease").iterdir()) == []


def test_whoever_came_last_has_the_consumer(table: ts.Table) -> None:
    first = table.follow(1, consumer="job", until=3)
    next(first)
    second = table.follow(consumer="job", until=3)
    with pytest.raises(ts.CommitConflictError, match="job"):
        next(first)
    assert rows(second) == SECOND + THIRD


def test_a_consumer_keeps_its_snapshots(table: ts.Table) -> None:
    follower = table.follow(1, consumer="job")
    for number in range(4, 9):
        put(table, 1, n=number)
        table.compact(full=True)
    table.expire_snapshots(keep_last=1)
    table.remove_orphan_files(dry_run=False, older_than=datetime.timedelta(0))
    found = [next(follower) for _ in range(7)]
    assert rows(found[:2]) == SECOND + THIRD
    assert [row[3] for row in rows(found[2:])] == [0, 4, 4, 5, 5, 6, 6, 7, 7, 8]
    follower.close()


def test_a_consumer_that_lapsed_is_told(table: ts.Table) -> None:
    follower = table.follow(1, consumer="job", consumer_expires=datetime.timedelta(milliseconds=1))
    put(table, 7)
    time.sleep(0.05)
    table.expire_snapshots(keep_last=1)
    with pytest.raises(ts.SnapshotExpiredError):
        list(follower)


BRIEFLY = datetime.timedelta(milliseconds=1)


def lapse(table: ts.Table, **options: Any) -> None:
    """A consumer that stopped after version 2, and its time has passed."""
    begun = table.follow(1, consumer="job", consumer_expires=BRIEFLY, **options)
    next(begun)
    begun.close()
    time.sleep(0.01)


def test_a_consumer_that_comes_back_too_late_is_told(table: ts.Table, table_path: Path) -> None:
    """It does not begin anew in silence, however often it comes, until somebody drops it."""
    lapse(table)
    put(table, 7)
    table.expire_snapshots(keep_last=1)
    assert len(list((table_path / "snapshot").glob("snapshot-*"))) == 1
    assert table.consumers().select(["name", "next", "position", "state", "expires"]).to_pylist() == [
        {"name": "job", "next": 2, "position": 0, "state": False, "expires": None}
    ]
    for _ in range(3):
        with pytest.raises(ts.SnapshotExpiredError, match=r"drop_consumer\('job'\)"):
            ts.open_table(table_path).follow("latest", consumer="job")
        table.expire_snapshots(keep_last=1)
        assert len(list((table_path / "consumer").iterdir())) == 1
    dropped = table.drop_consumer("job")
    assert (dropped.name, dropped.next, dropped.position) == ("job", 2, 0)
    assert table.consumers().num_rows == 0
    assert rows(table.follow("latest", consumer="job", timeout=0)) == []
    assert table.consumers().column("next").to_pylist() == [5]


def test_a_dropped_consumer_whose_snapshots_are_there_goes_on(table: ts.Table) -> None:
    """Also the follower that was only slow: its next save comes after the expirer's document."""
    lapse(table)
    slow = table.follow("latest", consumer="job", until=3, consumer_expires=BRIEFLY)
    assert rows([next(slow)]) == SECOND
    time.sleep(0.01)
    table.expire_snapshots(keep_last=100)
    assert table.consumers().column("expires").to_pylist() == [None]
    assert rows(slow) == THIRD
    assert table.consumers().column("next").to_pylist() == [4]
    assert table.consumers().column("expires").null_count == 0
    time.sleep(0.01)
    table.expire_snapshots(keep_last=100)
    put(table, 7)
    assert rows(table.follow("latest", consumer="job", until=4)) == [("+I", 4, 7, 0)]


def test_a_consumer_that_is_being_dropped_keeps_its_snapshots(table: ts.Table, table_path: Path) -> None:
    """As long as its last document is there its follower trusts it: the expirer stopped between two steps."""
    begun = table.follow(1, consumer="job")
    (last,) = (table_path / "consumer").iterdir()
    contents = last.read_bytes()
    begun.close()
    found = consumer.decode(contents, last.name, "job", 1)
    table._core.storage.publish(
        consumer.path("job", 2), consumer.encode(replace(found, number=2, expires_millis=0)), False
    )
    assert pins.read(table._core).floor == 1
    pins.drop_expired(table._core)
    assert pins.read(table._core).floor is None
    assert not last.exists()


def test_a_consumer_that_a_user_drops(table: ts.Table) -> None:
    with pytest.raises(ts.SnapshotExpiredError, match="no consumer 'job'"):
        table.drop_consumer("job")
    follower = table.follow(1, consumer="job", until=3)
    next(follower)
    table.drop_consumer("job")
    with pytest.raises(ts.CommitConflictError, match="removed"):
        list(follower)
    assert table.consumers().num_rows == 0


def test_a_follower_without_a_consumer_is_told(table: ts.Table) -> None:
    follower = table.follow(1, poll_seconds=0.01)
    put(table, 7)
    table.expire_snapshots(keep_last=1)
    with pytest.raises(ts.SnapshotExpiredError):
        list(follower)


@pytest.mark.parametrize("net", [False, True], ids=["steps", "net"])
def test_compaction_and_expiry_beside_a_follower(table_path: Path, net: bool) -> None:
    """Writes, compactions, expiry and cleaning go on while the follower is slow; folding it gives the table."""
    table = make(table_path, partition_by="place", buckets=2, options={**OPTIONS, "block-rows": 8})
    source = random.Random(5)
    follower = table.follow("latest-full", consumer="fold", net=net, timeout=0)
    state: dict[tuple[str, int], int] = {}
    for number in range(30):
        put(table, *source.sample(range(60), 12), n=number, place=source.choice("ab"))
        if number % 3 == 0:
            table.delete(source.sample(range(60), 5))
        if number % 4 == 0:
            table.compact(full=number % 8 == 0)
        if number % 5 == 0:
            table.expire_snapshots(keep_last=1)
            table.remove_orphan_files(dry_run=False, older_than=datetime.timedelta(0))
        if number % 7 == 6:
            fold(state, itertools.islice(follower, 3))
    follower.close()
    fold(state, table.follow(consumer="fold", net=net, until=table.version), strict=False)
    assert state == {(row["place"], row["id"]): row["n"] for row in table.scan().to_arrow().to_pylist()}


def fold(state: dict[tuple[str, int], int], batches: Any, strict: bool = True) -> None:
    """strict: no batch comes a second time."""
    for batch in batches:
        for row in batch.to_pylist():
            spot = row["place"], row["id"]
            if row["_row_kind"] in ("-U", "-D"):
                assert not strict or state.get(spot) == row["n"], row
                state.pop(spot, None)
            else:
                assert not strict or spot not in state, row
                state[spot] = row["n"]


@pytest.mark.parametrize("seed", range(12))
def test_a_net_follower_that_stops_anywhere_goes_on_there(tmp_path: Path, seed: int) -> None:
    """Batches of three rows, and others commit meanwhile: every step is the net difference of where the one before
    ended, and nothing but the batch in hand comes twice."""
    history = History(tmp_path / "table", seed)
    source = random.Random(seed)
    for _ in range(4):
        history.step()
    table = history.table
    found: list[Any] = []
    in_hand = False
    with small_budgets(source), mock.patch.object(follow, "BATCH_ROWS", 3):
        for life in range(12):
            with table.follow(1, consumer="job", net=True, timeout=0, poll_seconds=0.01) as follower:
                for number, batch in enumerate(follower):
                    given = value_pool.rows_of(pa.Table.from_batches([batch]))
                    if number or not in_hand:
                        found.append(given)
                    else:
                        assert given == found[-1]  # handed on and not asked beyond
                    in_hand = life < 11 and source.random() < 0.4
                    if in_hand:
                        break
                else:
                    in_hand = False
            for _ in range(source.randint(0, 2) if life < 10 else 0):
                history.step()
    whole = [row for batch in found for row in batch]
    ends = sorted({row[1] for row in whole})
    expected, before = [], 1
    for end in ends:
        expected += value_pool.rows_of(table.changes(before, end).to_arrow())
        before = end
    assert whole == expected
    assert table.changes(before).count() == 0
    assert len(ends) < table.version - 1


@pytest.mark.parametrize("seed", range(12))
def test_a_follower_that_stops_anywhere_goes_on_there(tmp_path: Path, seed: int) -> None:
    """Batches of three rows; the stream with its repetitions taken out is that of a follower that never stopped."""
    history = History(tmp_path / "table", seed)
    source = random.Random(seed)
    for _ in range(3):
        history.step()
    start = source.choice(("latest-full", "earliest", 1))
    with small_budgets(source), mock.patch.object(follow, "BATCH_ROWS", 3):
        begun = history.table.follow(start, consumer="job", timeout=0, poll_seconds=0.01)
        begun.close()
        for _ in range(6):
            history.step()
        newest = history.table.version
        found: list[Any] = []
        given = 0
        while True:
            follower = history.table.follow("latest", consumer="job", until=newest)
            batches = []
            for batch in follower:
                batches.append(value_pool.rows_of(pa.Table.from_batches([batch])))
                if source.random() < 0.3:
                    break
            else:
                follower = None
            if found and batches and given:
                assert batches[0] == found[-1]  # handed on and not asked beyond
                batches = batches[1:]
            found.extend(batches)
            given = follower is not None and len(found)
            if follower is None:
                break
            follower.close()
    whole = [row for batch in found for row in batch]
    first = min((row[1] for row in whole), default=newest)
    table = history.table
    if start == 1:
        expected = table.changes(1, newest, net=False)
        assert whole == value_pool.rows_of(expected.to_arrow())
        return
    state = [row for row in whole if row[1] == first]
    image = table.at(version=first).scan().to_arrow()
    if image.num_rows:
        assert [row[2:] for row in state] == value_pool.rows_of(image)
        assert {row[0] for row in state} == {"+I"}
        rest = value_pool.rows_of(table.changes(first, newest, net=False).to_arrow())
        assert whole[len(state) :] == rest


def move_boundary(table: ts.Table, number: int) -> None:
    """The first step of an expiry alone."""
    document = boundary.encode(boundary.Boundary(table._core.schema.table, number, 1))
    table._core.storage.publish(layout.boundary_path(number), document, False)


def test_a_boundary_that_passes_a_consumer_while_it_comes_into_force(table: ts.Table) -> None:
    """The expirer chose its boundary before it could see the consumer, and found it when it listed the pins."""
    follower = table.follow(1, consumer="job", until=4)
    state = table.follow("latest-full", consumer="state", until=4)
    assert rows([next(follower)]) == SECOND
    state.close()
    put(table, 9)
    move_boundary(table, 4)
    assert rows(follower) == [*THIRD, ("+I", 4, 9, 0)]
    assert rows(ts.open_table(table.path).follow(consumer="state", until=4)) == [*STATE, ("+I", 4, 9, 0)]


def test_a_consumer_whose_document_was_dropped_is_told(table: ts.Table, table_path: Path) -> None:
    follower = table.follow(1, consumer="job", until=3)
    next(follower)
    for path in (table_path / "consumer").iterdir():
        path.unlink()
    move_boundary(table, 3)
    with pytest.raises(ts.SnapshotExpiredError, match="latest-full"):
        list(follower)
