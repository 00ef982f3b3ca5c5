"""Planner and reader as processes (spec §16.10): where reading starts, what is kept, positions, pauses and errors."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import tablestore as ts
from tests.flink.client import WORKER, Client, WorkerError, hello_of

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("value", pa.string()),
        pa.field("part", pa.string()),
    ]
)
BUCKETS = 3
KINDS = ("+I", "-U", "+U", "-D")
Split = dict[str, Any]


@pytest.fixture
def table(tmp_path: Path) -> ts.Table:
    return ts.create_table(
        tmp_path / "t",
        SCHEMA,
        primary_key="id",
        partition_by="part",
        buckets=BUCKETS,
        options={"durability": "none", "compaction": "manual"},
    )


def rows(first: int, last: int, value: str, part: str = "a") -> pa.Table:
    count = last - first
    return pa.table(
        [pa.array(range(first, last)), pa.array([value] * count), pa.array([part] * count)], SCHEMA.names
    )


@contextmanager
def planner(table: ts.Table) -> Iterator[Client]:
    with Client() as client:
        client.hello(hello_of("planner", table.path, SCHEMA, ["id"], ["part"], BUCKETS))
        yield client


@contextmanager
def reader(
    table: ts.Table, columns: list[str] | None = None, mode: str = "full", **more: Any
) -> Iterator[Client]:
    extra = {
        "scan.columns": json.dumps(SCHEMA.names if columns is None else columns),
        "scan.changelog-mode": mode,
        "scan.poll-millis": 20,
        **{name.replace("_", "."): value for name, value in more.items()},
    }
    with Client() as client:
        client.hello(hello_of("reader", table.path, SCHEMA, ["id"], ["part"], BUCKETS, **extra))
        yield client


def start(client: Client, mode: str, consumer: str = "flink-test", **more: Any) -> dict[str, Any]:
    values = {name.replace("_", "-"): value for name, value in more.items()}
    answer, _ = client.request("start", {"mode": mode, "consumer": consumer, **values})
    return {
        "next": int(answer["next"]),
        "state": answer["state"] == b"true",
        "end": int(answer["end"]),
        "buckets": int(answer["buckets"]),
    }


def splits_of(plan: dict[str, Any], bounded: bool = True) -> list[Split]:
    end = plan["end"] if bounded else None
    return [
        {"bucket": bucket, "next": plan["next"], "rows": 0, "state": plan["state"], "end": end}
        for bucket in range(plan["buckets"])
    ]


def add(client: Client, splits: list[Split], consumer: str = "flink-test") -> None:
    client.request("add", {"splits": json.dumps(splits), "consumer": consumer})


def read(
    client: Client, splits: list[Split], schema: pa.Schema = SCHEMA, count: int | None = None
) -> list[Any]:
    """Rows with their kinds until all splits are over, or `count` of them have come; the splits move along."""
    found: list[Any] = []
    by_bucket = {split["bucket"]: split for split in splits}
    deadline = time.monotonic() + 60
    while by_bucket and (count is None or len(found) < count):
        answer, batch = client.request("next", {"wait-millis": 100}, answer=schema)
        assert time.monotonic() < deadline, f"{len(found)} rows came"
        if "bucket" not in answer:
            continue
        split = by_bucket[int(answer["bucket"])]
        split |= {
            "next": int(answer["next"]),
            "rows": int(answer["rows"]),
            "state": answer["state"] == b"true",
        }
        if answer["over"] == b"true":
            del by_bucket[split["bucket"]]
        if batch is not None:
            kinds = ["+I"] * batch.batch.num_rows if batch.kinds is None else [KINDS[k] for k in batch.kinds]
            values = batch.batch.to_pylist()
            found += [(kind, *row.values()) for kind, row in zip(kinds, values, strict=True)]
    return found


def fold(changes: list[Any]) -> dict[int, tuple[str, str]]:
    """Apply changes by primary key alone, as Flink does."""
    shown: dict[int, tuple[str, str]] = {}
    for kind, key, *values in changes:
        if kind in ("+I", "+U"):
            shown[key] = tuple(values)
        else:
            assert shown.pop(key, None) == tuple(values), f"{kind} of {key} does not fit"
    return shown


def state_of(table: ts.Table) -> dict[int, tuple[str, str]]:
    return {row["id"]: (row["value"], row["part"]) for row in table.scan().to_arrow().to_pylist()}


@pytest.mark.parametrize("mode", ["full", "upsert"])
def test_state_and_changes_fold_to_the_table(table: ts.Table, mode: str) -> None:
    table.upsert(rows(0, 500, "x", "a"))
    with planner(table) as planning, reader(table, mode=mode) as reading:
        plan = start(planning, "latest-full")
        assert plan == {"next": 2, "state": True, "end": 2, "buckets": BUCKETS}
        splits = splits_of(plan, bounded=False)
        add(reading, splits)
        found = read(reading, splits, count=500)
        table.upsert(rows(100, 200, "y", "b"))  # to another partition, whose rows come later in its bucket
        table.upsert(rows(150, 300, "z", "a"))  # and back
        table.delete([0, 1, 2])
        table.compact(full=True)
        table.upsert(rows(480, 520, "w", "0"))  # to a partition that comes first
        state = state_of(table)
        shown: dict[int, tuple[str, str]] = {}
        deadline = time.monotonic() + 60
        while shown != state:
            assert time.monotonic() < deadline
            found += read(reading, splits, count=1)
            kept = [(kind, *row) for kind, *row in found]
            shown = fold(kept) if mode == "full" else upserted(kept)
        assert all(kind != "-U" for kind, *_ in found) or mode == "full"


def upserted(changes: list[Any]) -> dict[int, tuple[str, str]]:
    shown: dict[int, tuple[str, str]] = {}
    for kind, key, *values in changes:
        if kind == "-D":
            del shown[key]
        else:
            shown[key] = tuple(values)
    return shown


def test_where_reading_starts(table: ts.Table) -> None:
    for number in range(4):
        table.upsert(rows(number, number + 1, "x"))
        time.sleep(0.01)
    third = table.history().column("timestamp")[2].as_py()
    with planner(table) as client:
        assert start(client, "latest")["next"] == 6
        assert start(client, "latest-full")["next"] == 5
        assert start(client, "from-snapshot", snapshot=3) == {
            "next": 4,
            "state": False,
            "end": 5,
            "buckets": 3,
        }
        assert start(client, "from-timestamp", timestamp=round(third.timestamp() * 1000))["next"] == 4
        assert start(client, "from-timestamp", timestamp=0)["next"] == 2
        assert start(client, "earliest")["next"] == 1
        with pytest.raises(WorkerError, match=r"newest snapshot is 5") as caught:
            start(client, "from-snapshot", snapshot=9)
        assert not caught.value.retry
        assert start(client, "consumer-id", "new")["state"]  # nobody has read under that name
        client.request("keep", {"next": 4, "state": "false"})  # it never goes back
        assert start(client, "consumer-id", "new")["next"] == 5
        client.request("keep", {"next": 6, "state": "false"})
    with planner(table) as client:
        assert start(client, "consumer-id", "new") == {"next": 6, "state": False, "end": 5, "buckets": 3}


def test_what_a_job_needs_stays_until_it_moves_on(table: ts.Table) -> None:
    for number in range(4):
        table.upsert(rows(number, number + 1, "x"))
    with planner(table) as client:
        start(client, "from-snapshot", snapshot=2)
        table.upsert(rows(9, 10, "x"))
        assert table.expire_snapshots(keep_last=1).boundary <= 2
        client.request("keep", {"next": 5, "state": "false"})
        assert table.expire_snapshots(keep_last=1).boundary == 4
        client.kill()
    assert table.expire_snapshots(keep_last=1).boundary == 4  # the job may come back
    with planner(table) as client:
        client.request("resume", {"consumer": "flink-test", "next": 5, "state": "false"})
        client.request("finish", {"next": 7, "state": "false"})
    assert table.consumers().num_rows == 0
    assert table.expire_snapshots(keep_last=1).boundary == 6


def test_a_savepoint_whose_snapshots_are_gone_is_refused_by_the_reader(table: ts.Table) -> None:
    for number in range(4):
        table.upsert(rows(number, number + 1, "x"))
    table.expire_snapshots(keep_last=1)
    with planner(table) as planning, reader(table) as reading:
        planning.request("resume", {"consumer": "flink-old", "next": 3, "state": "false"})
        add(reading, [{"bucket": 0, "next": 3, "rows": 0, "state": False, "end": None}], "flink-old")
        with pytest.raises(WorkerError, match="Start the job without its savepoint") as caught:
            read(reading, [{"bucket": 0}])
        assert caught.value.kind == "SnapshotExpiredError"
        assert not caught.value.retry


def test_two_jobs_cannot_share_a_consumer(table: ts.Table) -> None:
    table.upsert(rows(0, 1, "x"))
    with planner(table) as first, planner(table) as second:
        start(first, "latest", "job")
        start(second, "latest", "job")
        table.upsert(rows(1, 2, "x"))
        second.request("keep", {"next": 4, "state": "false"})
        with pytest.raises(WorkerError, match="was taken over by another job") as caught:
            first.request("keep", {"next": 4, "state": "false"})
        assert not caught.value.retry


def test_a_reader_goes_on_from_any_row(table: ts.Table) -> None:
    table.upsert(rows(0, 300, "x"))
    table.upsert(rows(100, 400, "y", "b"))
    plan = {"next": 2, "state": True, "end": 3, "buckets": BUCKETS}
    with reader(table) as client:
        whole = splits_of(plan)
        add(client, whole)
        everything = read(client, whole)
        by_bucket: dict[int, list[Any]] = {}
        for split in splits_of(plan):
            add(client, [split])
            by_bucket[split["bucket"]] = read(client, [split])
        assert sorted(everything) == sorted(row for found in by_bucket.values() for row in found)
        for bucket, found in by_bucket.items():
            first = sum(row[0] == "+I" and row[2] == "x" for row in found)  # rows of the state
            for following, row, state in ((2, 7, True), (3, 0, False), (3, 5, False)):
                split = {"bucket": bucket, "next": following, "rows": row, "state": state, "end": 3}
                add(client, [split])
                assert read(client, [split]) == found[row if state else first + row :]
        add(client, [{"bucket": 0, "next": 3, "rows": 10_000, "state": False, "end": 3}])
        with pytest.raises(WorkerError, match="which has fewer"):
            read(client, [{"bucket": 0}])


def test_columns_filter_and_limit(table: ts.Table) -> None:
    table.upsert(rows(0, 100, "x"))
    table.upsert(rows(50, 60, "y"))
    plan = {"next": 2, "state": True, "end": 3, "buckets": BUCKETS}
    with reader(table, ["value"], scan_filter="id >= 40 and value = 'x'") as client:
        splits = splits_of(plan)
        add(client, splits)
        found = read(client, splits, pa.schema([SCHEMA.field("value")]))
    assert sorted(found) == [("+I", "x")] * 60 + [("-D", "x")] * 10
    with reader(table, [], scan_filter="id >= 40") as client:
        splits = splits_of(plan)
        add(client, splits)
        assert (
            read(client, splits, pa.schema([])) == [("+I",)] * 60
        )  # no column that was asked for has changed
    with reader(table, scan_limit=2) as client:
        splits = splits_of({**plan, "end": 2})
        add(client, splits)
        assert len(read(client, splits)) == 2 * BUCKETS


def test_a_worker_does_not_load_pandas(table: ts.Table, tmp_path: Path) -> None:
    """Which pyarrow does as soon as an array becomes one of NumPy's, wherever there is a pandas."""
    loaded, package = tmp_path / "loaded", tmp_path / "packages" / "pandas"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"open({str(loaded)!r}, 'w').close()\n__version__ = '3.0.0'\n")
    environment = {"PYTHONPATH": str(package.parent)}
    table.upsert(rows(0, 100, "x"))
    table.upsert(rows(50, 150, "y", "b"))
    with Client(WORKER, environment) as client:
        options = {
            "scan.columns": json.dumps(SCHEMA.names),
            "scan.changelog-mode": "full",
            "scan.poll-millis": 20,
        }
        client.hello(hello_of("reader", table.path, SCHEMA, ["id"], ["part"], BUCKETS, **options))
        splits = splits_of({"next": 3, "state": True, "end": 3, "buckets": BUCKETS})
        add(client, splits)
        assert len(read(client, splits)) == 150
    assert not loaded.exists()
    program = "import numpy, pyarrow; numpy.asarray(pyarrow.array([1]))"
    subprocess.run([sys.executable, "-c", program], env=environment, check=False, timeout=60)
    assert loaded.exists(), "pyarrow does not look for pandas any more: the worker need not keep it from that"


def test_a_paused_bucket_waits(table: ts.Table) -> None:
    table.upsert(rows(0, 100, "x"))
    with reader(table) as client:
        splits = splits_of({"next": 2, "state": True, "end": 2, "buckets": BUCKETS})
        client.request("add", {"splits": "[]", "consumer": "c"})
        client.request("pause", {"buckets": "[0, 2]"})
        add(client, splits, "c")
        assert read(client, [split for split in splits if split["bucket"] == 1])
        answer, _ = client.request("next", {"wait-millis": 300})
        assert "bucket" not in answer
        client.request("pause", {"buckets": "[]"})
        assert read(client, [split for split in splits if split["bucket"] != 1])


def test_lag_is_told(table: ts.Table) -> None:
    with reader(table) as client:
        assert client.request("next", {"wait-millis": 0})[0]["newest"] == b"1"
        table.upsert(rows(0, 10, "x"))
        splits = splits_of({"next": 2, "state": False, "end": None, "buckets": BUCKETS}, bounded=True)
        add(client, splits)
        read(client, splits, count=10)
        deadline = time.monotonic() + 30
        answer: dict[str, bytes] = {}
        while answer.get("unread-since") != b"0":
            answer, _ = client.request("next", {"wait-millis": 10}, answer=SCHEMA)
            assert time.monotonic() < deadline
        assert answer["newest"] == b"2"


@pytest.mark.parametrize(
    ("op", "values"),
    [
        ("add", {"splits": "{}", "consumer": "c"}),
        ("add", {"splits": '[{"bucket": 0, "next": "1", "rows": 0, "state": true}]', "consumer": "c"}),
        ("add", {"splits": '[{"bucket": 0, "next": 1, "rows": -1, "state": true}]', "consumer": "c"}),
        ("add", {"splits": '[{"bucket": 0, "next": 1, "rows": 0, "state": 1}]', "consumer": "c"}),
        ("add", {"splits": "[]"}),
        ("next", {}),
        ("pause", {"buckets": "0"}),
        ("steal", {}),
    ],
)
def test_requests_that_are_none(table: ts.Table, op: str, values: dict[str, str]) -> None:
    with reader(table) as client:
        if op == "pause":
            client.request("add", {"splits": "[]", "consumer": "c"})
        with pytest.raises(WorkerError) as caught:
            client.request(op, values)
        assert caught.value.kind == "FormatError"
        assert not caught.value.retry


def test_a_table_that_is_deleted_while_it_is_read(table: ts.Table) -> None:
    """Snapshots that do not come any more look like a table that nobody writes."""
    table.upsert(rows(0, 10, "x"))
    with planner(table) as client:
        begun = start(client, "latest-full")
        mark = {"next": begun["next"], "state": "true"}
        assert client.request("keep", mark)[0]["newest"] == b"2"
        for value in "abc":
            table.upsert(rows(0, 10, value))
        table.expire_snapshots(keep_last=1)
        assert client.request("keep", mark)[0]["newest"] == b"5", "the one that it knew has expired"
        shutil.rmtree(table.path)
        with pytest.raises(WorkerError, match=r"was deleted or replaced .* Put it back") as raised:
            client.request("keep", mark)
        assert not raised.value.retry
        assert not Path(table.path).exists(), "nothing is left where it was"


def test_a_table_that_is_not_the_one_that_was_read(table: ts.Table) -> None:
    """A job that is restarted makes what is missing: its next snapshot would never come."""
    table.upsert(rows(0, 10, "x"))
    cases: list[tuple[dict[str, Any], bool]] = [
        ({"next": 3, "state": "false"}, True),
        ({"next": 2, "state": "true"}, True),
        ({"next": 4, "state": "false"}, False),
        ({"next": 3, "state": "true"}, False),
    ]
    for mark, fits in cases:
        with planner(table) as client:
            if fits:
                client.request("resume", {"consumer": "flink-x", **mark})
                continue
            with pytest.raises(WorkerError, match=r"was deleted or replaced .* it ends at 2") as raised:
                client.request("resume", {"consumer": "flink-x", **mark})
            assert not raised.value.retry
