"""Rows past their time (spec §13.9): gone after a compaction with nothing older beside it, and only then."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore import background, maintenance
from tablestore.errors import SchemaError
from tablestore.lsm.purge import limit_of
from tablestore.options import duration_millis

DAY = 86_400_000
NOW = 1_700_000_000_000 // DAY * DAY


def table_of(path: Path, kind: pa.DataType, **options: str | int) -> ts.Table:
    schema = pa.schema([("id", pa.int64()), ("at", kind), ("value", pa.int64())])
    given = {"durability": "none", "compaction": "manual", "ttl-column": "at", "ttl": "2 d"}
    return ts.create_table(path, schema, primary_key="id", buckets=2, options={**given, **options})


def times(kind: pa.DataType, millis: list[int | None]) -> pa.Array:
    if pa.types.is_int64(kind):
        return pa.array(millis, kind)
    if pa.types.is_date32(kind):
        return pa.array([None if value is None else value // DAY for value in millis], pa.int32()).cast(kind)
    return pa.array(millis, pa.timestamp("ms", kind.tz)).cast(kind, safe=False)


def put(table: ts.Table, rows: dict[int, int | None], value: int = 0) -> None:
    kind = table.schema.field("at").type
    table.upsert(
        pa.table(
            {"id": list(rows), "at": times(kind, list(rows.values())), "value": [value] * len(rows)},
            schema=table.schema,
        )
    )


def ids(table: ts.Table) -> list[int]:
    return sorted(table.scan(columns=["id"]).to_arrow().column("id").to_pylist())


def purge(table: ts.Table, now: int = NOW, full: bool = True) -> None:
    maintenance.run(table._core, full=full, now_millis=now)


KINDS = [
    pa.int64(),
    pa.date32(),
    *(pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in (None, "UTC")),
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_rows_before_the_limit_go_and_the_limit_itself_stays(tmp_path: Path, kind: pa.DataType) -> None:
    table = table_of(tmp_path / "t", kind)
    limit = NOW - 2 * DAY
    step = DAY if pa.types.is_date32(kind) else 1_000
    put(table, {1: limit - step, 2: limit, 3: limit + step, 4: None, 5: -DAY, 6: NOW + 10 * DAY})
    purge(table)
    assert ids(table) == [2, 3, 4, 6]
    newest = table._core.lineage.newest().snapshot
    assert newest.kind == "purge"
    assert table.verify(deep=True).ok
    before = newest.id
    purge(table)
    assert table.version == before, "nothing is left to go"
    purge(table, NOW + 1_000 * DAY)
    assert ids(table) == [4]


def test_an_old_version_below_a_purged_row_does_not_come_back(tmp_path: Path) -> None:
    table = table_of(tmp_path / "t", pa.int64())
    put(table, {1: NOW, 2: NOW})
    put(table, {1: NOW - 5 * DAY})
    purge(table)
    assert ids(table) == [2]


def test_a_compaction_that_drops_nothing_is_no_purge(tmp_path: Path) -> None:
    table = table_of(tmp_path / "t", pa.int64())
    for value in range(3):
        put(table, {1: NOW, 2: None}, value)
    purge(table)
    assert table._core.lineage.newest().snapshot.kind == "compact"
    assert ids(table) == [1, 2]


def test_plain_compaction_rewrites_for_a_file_that_is_wholly_past(tmp_path: Path) -> None:
    table = table_of(tmp_path / "t", pa.int64())
    put(table, dict.fromkeys(range(10), NOW))
    put(table, dict.fromkeys(range(20, 30), NOW - 3 * DAY))
    purge(table, full=False)
    assert ids(table) == list(range(10))
    put(table, {40: NOW - 3 * DAY, 41: NOW, 42: NOW, 43: NOW, 44: NOW - 3 * DAY})
    before = ids(table)
    purge(table, full=False)
    assert set(ids(table)) >= {41, 42, 43}
    assert set(ids(table)) <= set(before)


def test_compact_measures_by_the_clock(tmp_path: Path) -> None:
    table = table_of(tmp_path / "t", pa.timestamp("us", "UTC"))
    now = int(time.time() * 1000)
    put(table, {1: now - 3 * DAY, 2: now - DAY})
    table.compact(full=True)
    assert ids(table) == [2]


@pytest.mark.parametrize("size", [0, 1 << 30], ids=["background", "inline"])
def test_automatic_compaction_drops_what_it_meets(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "SMALL_BYTES", size)
    table = table_of(tmp_path / "t", pa.int64(), **{"compaction": "auto", "compaction.trigger": 4})
    now = int(time.time() * 1000)
    for key in range(40):
        put(table, {key: now - 3 * DAY, 100 + key: now})
    background.background_of(table._core).wait()
    found = ids(table)
    assert set(found) >= set(range(100, 140))
    assert len(found) < 60, "most of what was past its time has been met by a compaction"
    assert "purge" in table.history().column("kind").to_pylist()
    assert table.verify(deep=True).ok


def test_random_histories_lose_exactly_what_is_past(tmp_path: Path) -> None:
    for seed in range(8):
        random_of = random.Random(seed)
        table = table_of(tmp_path / str(seed), pa.int64(), **{"compaction.trigger": 3, "compaction.stop": 4})
        state: dict[int, int | None] = {}
        now = NOW
        for _ in range(25):
            rows = {
                random_of.randrange(30): random_of.choice([None, now - random_of.randrange(4 * DAY)])
                for _ in range(4)
            }
            put(table, rows)
            state.update(rows)
            if random_of.random() < 0.2:
                gone = random_of.sample(sorted(state), min(2, len(state)))
                table.delete(gone)
                for key in gone:
                    del state[key]
            now += random_of.randrange(DAY)
            full = random_of.random() < 0.3
            purge(table, now, full)
            alive = {key for key, at in state.items() if at is None or at >= now - 2 * DAY}
            found = set(ids(table))
            assert alive <= found <= set(state)
            if full:
                assert found == alive
                state = {key: at for key, at in state.items() if key in alive}
            else:
                # What a partial purge took is gone for good, as nothing older was left below it.
                state = {key: at for key, at in state.items() if key in found}
        assert table.verify(deep=True).ok


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ttl": "7 d"}, "together"),
        ({"ttl-column": "at"}, "together"),
        ({"ttl": "7 d", "ttl-column": "none"}, "no column"),
        ({"ttl": "7 d", "ttl-column": "name"}, "timestamp"),
        ({"ttl": "7 weeks", "ttl-column": "at"}, "duration"),
        ({"ttl": "0 d", "ttl-column": "at"}, "duration"),
        ({"ttl": "7 d", "ttl-column": ""}, "name of a column"),
    ],
)
def test_options_that_cannot_be_used_are_refused(
    tmp_path: Path, options: dict[str, str], message: str
) -> None:
    schema = pa.schema([("id", pa.int64()), ("at", pa.int64()), ("name", pa.string())])
    with pytest.raises(SchemaError, match=message):
        ts.create_table(tmp_path / "t", schema, primary_key="id", options=options)


@pytest.mark.parametrize(
    ("kind", "millis", "limit"),
    [
        ("int64", 1_500, 1_500), ("timestamp(ms)", -1, -1), ("timestamp(us)", 5, 5_000),
        ("timestamp(ns,UTC)", 5, 5_000_000),
        ("timestamp(s)", 1_000, 1), ("timestamp(s)", 1_001, 2), ("timestamp(s)", -1, 0), ("timestamp(s)", -1_000, -1),
        ("date32", 0, 0), ("date32", 1, 1), ("date32", DAY, 1), ("date32", -1, 0), ("timestamp(ns)", 10**14, 2**63 - 1),
    ],
)  # fmt: skip
def test_limits(kind: str, millis: int, limit: int) -> None:
    assert limit_of(kind, millis) == limit


def test_durations() -> None:
    given = ("7 d", "12h", "5 min", "60 s", "250 ms", "")
    assert [duration_millis(text) for text in given] == [7 * DAY, 43_200_000, 300_000, 60_000, 250, 0]
