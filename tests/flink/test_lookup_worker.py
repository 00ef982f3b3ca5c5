"""The role `lookup` through its worker: answers against a dict, in memory and from files (spec §16.11)."""

from __future__ import annotations

import datetime
import decimal
import json
import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import tablestore as ts
from tests.flink.client import Client, WorkerError, hello_of, rows_of

SCHEMA = pa.schema(
    [
        pa.field("region", pa.string(), nullable=False),
        pa.field("id", pa.int64(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("price", pa.decimal128(9, 2)),
        pa.field("open", pa.bool_()),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("at", pa.timestamp("ms")),
    ]
)
KEY = ("region", "id")
REGIONS = ("north", "south", "", "öst")
ALL = tuple(SCHEMA.names)


def row_of(region: str, number: int, version: int) -> dict[str, Any]:
    """A row that is a function of its key and of a version."""
    mixed = random.Random(f"{region}/{number}/{version}")
    return {
        "region": region,
        "id": number,
        "name": mixed.choice([None, "", f"name {number} of version {version}"]),
        "price": mixed.choice([None, decimal.Decimal(mixed.randrange(10**6)) / 100]),
        "open": mixed.choice([None, True, False]),
        "tags": mixed.choice([None, [], [None, "a", f"v{version}"]]),
        "at": datetime.datetime(2026, 1, 1) + datetime.timedelta(milliseconds=version),
    }


class Lookup:
    """A lookup worker and how it is asked."""

    def __init__(self, client: Client, keys: Sequence[str], columns: Sequence[str]) -> None:
        self.client = client
        self._keys = pa.schema([SCHEMA.field(name).with_nullable(True) for name in keys])
        self._columns = [SCHEMA.field(name) for name in columns]

    def rows(self, keys: Sequence[Sequence[Any]]) -> list[dict[str, Any] | None]:
        """For each key its row, or None."""
        asked = rows_of(self._keys, [dict(zip(self._keys.names, key, strict=True)) for key in keys])
        answer = pa.schema([pa.field("_position", pa.int32(), nullable=False), *self._columns])
        _, found = self.client.request("lookup", {}, asked, answer)
        assert found is not None
        assert found.kinds is None
        rows: list[dict[str, Any] | None] = [None] * len(keys)
        positions = found.batch.column(0).to_pylist()
        assert positions == sorted(set(positions))
        for position, row in zip(positions, found.batch.drop_columns(["_position"]).to_pylist(), strict=True):
            rows[position] = row
        return rows


@contextmanager
def lookup(
    table: ts.Table,
    columns: Sequence[str] = ALL,
    keys: Sequence[str] = KEY,
    refresh: int = 0,
    options: Mapping[str, str] | None = None,
    condition: str = "",
    partition_by: Sequence[str] = (),
) -> Iterator[Lookup]:
    hello = hello_of("lookup", table.path, SCHEMA, KEY, partition_by, table.buckets, options)
    more = {"lookup-keys": json.dumps(keys), "lookup-columns": json.dumps(columns)}
    with Client() as client:
        client.hello({**hello, **more, "lookup-filter": condition, "refresh-millis": refresh})
        yield Lookup(client, keys, columns)


def table_at(
    path: Path, partition_by: Sequence[str] = (), options: Mapping[str, str] | None = None
) -> ts.Table:
    return ts.create_table(
        path,
        SCHEMA,
        primary_key=KEY,
        partition_by=partition_by,
        buckets=3,
        options={"durability": "none", **(options or {})},
    )


IN_MEMORY = pytest.mark.parametrize("memory", ["", "0 b"], ids=["in-memory", "from-files"])


@IN_MEMORY
@pytest.mark.parametrize("partition_by", [(), ("open",)], ids=["plain", "partitioned"])
def test_random_histories_against_a_dict(tmp_path: Path, memory: str, partition_by: tuple[str, ...]) -> None:
    """Upserts, deletes, moves between partitions, compactions, expiry: every answer is that of the newest snapshot."""
    mixed = random.Random(f"{memory}{partition_by}")
    table = table_at(tmp_path / "t", partition_by, {"compaction": "manual"})
    state: dict[tuple[str, int], dict[str, Any]] = {}
    options = {"lookup-memory": memory} if memory else {}
    with lookup(table, options=options, partition_by=partition_by) as asked:
        for version in range(24):
            changed = {
                (mixed.choice(REGIONS), mixed.randrange(60)): version for _ in range(mixed.randrange(1, 80))
            }
            if version % 5 == 4:
                table.delete([{"region": region, "id": number} for region, number in changed])
                state = {key: row for key, row in state.items() if key not in changed}
            else:
                rows = {key: row_of(*key, version) for key in changed}
                table.upsert(pa.Table.from_pylist(list(rows.values()), SCHEMA))
                state.update(rows)
            if version % 7 == 6:
                table.compact(full=version % 2 == 0)
                table.expire_snapshots(keep_last=1)
                table.remove_orphan_files(dry_run=False)
            for count in (0, 1, 150):
                keys = [(mixed.choice(REGIONS), mixed.randrange(70)) for _ in range(count)]
                assert asked.rows(keys) == [state.get(key) for key in keys]


@IN_MEMORY
def test_while_others_commit_compact_and_expire(tmp_path: Path, memory: str) -> None:
    """A row is one that was written, at least as new as what was committed before the question."""
    table = table_at(tmp_path / "t")
    keys = [(region, number) for region in REGIONS for number in range(50)]
    committed = [0]
    done = threading.Event()

    def write() -> None:
        for version in range(1, 30):
            table.upsert(pa.Table.from_pylist([row_of(*key, version) for key in keys], SCHEMA))
            committed[0] = version
            if version % 4 == 0:
                table.compact(full=version % 3 == 0)
                table.expire_snapshots(keep_last=1)
                table.remove_orphan_files(dry_run=False)
        done.set()

    table.upsert(pa.Table.from_pylist([row_of(*key, 0) for key in keys], SCHEMA))
    writer = threading.Thread(target=write)
    with lookup(table, options={"lookup-memory": memory} if memory else {}) as asked:
        writer.start()
        last = False
        while not last:
            last = done.is_set()
            least = committed[0]
            found = asked.rows(keys)
            versions = {row["at"] for row in found if row is not None}
            assert len(versions) == 1, "an answer is that of one snapshot"
            version = (versions.pop() - datetime.datetime(2026, 1, 1)) // datetime.timedelta(milliseconds=1)
            assert version >= least
            assert found == [row_of(*key, version) for key in keys]
        writer.join()
        assert version == 29


def test_columns_and_keys_in_any_order(tmp_path: Path) -> None:
    table = table_at(tmp_path / "t")
    table.upsert(pa.Table.from_pylist([row_of("north", number, 1) for number in range(20)], SCHEMA))
    with lookup(table, columns=["tags", "id"], keys=["id", "region"]) as asked:
        expected = {name: row_of("north", 7, 1)[name] for name in ("tags", "id")}
        assert asked.rows([(7, "north"), (7, "south"), (99, "north")]) == [expected, None, None]
    with lookup(table, columns=[], keys=KEY) as asked:
        assert asked.rows([("north", 3), ("north", 33), ("north", 4)]) == [{}, None, {}]
    with lookup(table, columns=[], keys=KEY, options={"lookup-memory": "0"}) as asked:
        assert asked.rows([("north", 3), ("north", 33), ("north", 4)]) == [{}, None, {}]


@IN_MEMORY
def test_nulls_find_nothing_and_other_equalities_hold(tmp_path: Path, memory: str) -> None:
    table = table_at(tmp_path / "t")
    rows = [row_of("north", number, 1) for number in range(200)]
    table.upsert(pa.Table.from_pylist(rows, SCHEMA))
    options = {"lookup-memory": memory} if memory else {}
    with lookup(table, columns=["id"], keys=["name", "region", "open", "id"], options=options) as asked:
        questions = [(row["name"], row["region"], row["open"], row["id"]) for row in rows]
        whole = [None not in question for question in questions]
        assert any(whole)
        assert not all(whole)
        expected = [{"id": row["id"]} if known else None for row, known in zip(rows, whole, strict=True)]
        assert asked.rows(questions) == expected
        assert asked.rows(
            [(question[0], "north", not question[2], question[3]) for question in questions]
        ) == [None] * len(rows)
        assert asked.rows([("x", None, True, 1), ("x", "north", True, None)]) == [None, None]
    with lookup(table, columns=["id"], keys=[*KEY, "tags"], options=options) as asked:
        assert asked.rows([("north", row["id"], row["tags"]) for row in rows]) == [
            None if row["tags"] is None else {"id": row["id"]} for row in rows
        ]


@IN_MEMORY
def test_a_filter_that_was_pushed_down(tmp_path: Path, memory: str) -> None:
    table = table_at(tmp_path / "t")
    rows = [row_of("north", number, 1) for number in range(100)]
    table.upsert(pa.Table.from_pylist(rows, SCHEMA))
    options = {"lookup-memory": memory} if memory else {}
    with lookup(table, columns=["name"], options=options, condition="price > 5000 or open = true") as asked:
        expected = [
            {"name": row["name"]} if row["open"] or (row["price"] or 0) > 5000 else None for row in rows
        ]
        assert asked.rows([("north", number) for number in range(100)]) == expected


@IN_MEMORY
def test_a_filter_that_fixes_a_part_of_the_key(tmp_path: Path, memory: str) -> None:
    table = table_at(tmp_path / "t")
    table.upsert(
        pa.Table.from_pylist([row_of(region, number, 1) for region in REGIONS for number in range(9)], SCHEMA)
    )
    options = {"lookup-memory": memory} if memory else {}
    with lookup(table, keys=["id"], options=options, condition="region = 'öst'") as asked:
        assert asked.rows([(number,) for number in range(12)]) == [
            row_of("öst", number, 1) if number < 9 else None for number in range(12)
        ]
    with lookup(
        table, keys=["region"], columns=["region"], options=options, condition="id = 3 and id < 9"
    ) as asked:
        assert asked.rows([("south",), ("west",), (None,)]) == [{"region": "south"}, None, None]
    with (
        pytest.raises(WorkerError, match="it lacks region"),
        lookup(table, keys=["id"], condition="region in ('north', 'south')"),
    ):
        pass


def test_a_snapshot_is_held_for_the_refresh_interval(tmp_path: Path) -> None:
    table = table_at(tmp_path / "t")
    table.upsert(pa.Table.from_pylist([row_of("north", 1, 1)], SCHEMA))
    with lookup(table, refresh=600_000, options={"lookup-memory": "0"}) as asked:
        assert asked.rows([("north", 1)]) == [row_of("north", 1, 1)]
        table.upsert(pa.Table.from_pylist([row_of("north", 1, 2)], SCHEMA))
        table.compact(full=True)
        table.expire_snapshots(keep_last=1)
        table.remove_orphan_files(dry_run=False)
        assert asked.rows([("north", 1), ("north", 2)]) == [row_of("north", 1, 1), None]
    with lookup(table, refresh=1) as asked:
        assert asked.rows([("north", 1)]) == [row_of("north", 1, 2)]
        table.upsert(pa.Table.from_pylist([row_of("north", 1, 3)], SCHEMA))
        threading.Event().wait(0.01)
        assert asked.rows([("north", 1)]) == [row_of("north", 1, 3)]


def test_sequence_fields_decide(tmp_path: Path) -> None:
    table = table_at(tmp_path / "t", options={"sequence.field": "at"})
    for version in (5, 9, 7):
        table.upsert(pa.Table.from_pylist([row_of("north", 1, version)], SCHEMA))
    with lookup(table, options={"sequence.field": "at"}) as asked:
        assert asked.rows([("north", 1)]) == [row_of("north", 1, 9)]


def test_what_is_refused(tmp_path: Path) -> None:
    table = table_at(tmp_path / "t")
    for keys, columns, options, message in (
        (["id"], ["name"], {}, "it lacks region"),
        (KEY, ["nome"], {}, "no column 'nome'"),
        (KEY, ["name"], {"lookup-memory": "much"}, "no amount of memory"),
    ):
        with (
            pytest.raises(WorkerError, match=message) as error,
            lookup(table, columns, keys, options=options),
        ):
            pass
        assert not error.value.retry
    with lookup(table) as asked:
        with pytest.raises(WorkerError, match="not one for rows by key"):
            asked.client.request("find", {})
        assert asked.rows([("north", 1)]) == [None], "a wrong request changes nothing"
