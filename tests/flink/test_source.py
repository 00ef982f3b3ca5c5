"""Reading with Flink: a copy that follows through failures and rescaling; what is pushed down; cancelling."""

from __future__ import annotations

import os
import random
import signal
import time
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

import tablestore as ts
from tests.flink.cluster import Cluster
from tests.flink.rest import wait_for
from tests.flink.sql import Session

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("age", pa.int32()),
        pa.field("city", pa.string()),
    ]
)
COLUMNS = "id BIGINT, name STRING, age INT, city STRING, PRIMARY KEY (id) NOT ENFORCED"
KEYS = 3_000
SECONDS = 120.0


def ddl(name: str, path: Path, cluster: Cluster, **options: str) -> str:
    given = {
        "connector": "tablestore",
        "table-path": str(path),
        "num-buckets": "4",
        "python.executable": cluster.watched_python,
    }
    given |= {name.replace("__", ".").replace("_", "-"): value for name, value in options.items()}
    listed = ", ".join(f"'{key}' = '{value}'" for key, value in given.items())
    return f"CREATE TABLE {name} ({COLUMNS}) PARTITIONED BY (city) WITH ({listed})"


def make(path: Path) -> ts.Table:
    options = {"durability": "none"}
    return ts.create_table(path, SCHEMA, primary_key="id", partition_by="city", buckets=4, options=options)


def rows(source: random.Random, count: int) -> pa.Table:
    keys = source.sample(range(KEYS), count)
    return pa.table(
        [
            pa.array(keys, pa.int64()),
            pa.array([f"name{source.randrange(5)}" for _ in keys], pa.string()),
            pa.array([source.choice((None, 1, 2, 3)) for _ in keys], pa.int32()),
            pa.array([source.choice(("a", "b", "c")) for _ in keys], pa.string()),
        ],
        schema=SCHEMA,
    )


def contents(table: ts.Table) -> list[dict[str, object]]:
    return table.scan().to_arrow().sort_by("id").to_pylist()


def change(table: ts.Table, source: random.Random) -> None:
    """Some commits, after which no older snapshot is left that no job needs."""
    for _ in range(4):
        table.upsert(rows(source, source.choice((10, 300))))
        table.delete(source.sample(range(KEYS), 20))
    table.compact(full=source.random() < 0.3)
    table.expire_snapshots(keep_last=1)


@pytest.mark.timeout(600)
def test_a_copy_follows_through_failures_and_rescaling(
    cluster: Cluster, session: Session, tmp_path: Path
) -> None:
    source = random.Random(3)
    table = make(tmp_path / "a")
    table.upsert(rows(source, 2_000))
    session.execute(ddl("a", tmp_path / "a", cluster))
    session.execute(ddl("b", tmp_path / "b", cluster))
    insert = "INSERT INTO b SELECT * FROM a"
    job = session.submit(insert)
    cluster.wait_running(job)
    for victim in ("reader", "planner", "task-manager"):
        change(table, source)
        cluster.wait_for_checkpoints(job, 1)
        if victim == "task-manager":
            cluster.task_managers[0].kill()
            cluster.task_managers[0].start()
        else:
            os.kill(min(wait_for(victim, SECONDS, partial(cluster.workers_of, victim))), signal.SIGKILL)
        change(table, source)
        cluster.wait_for_slots()
        cluster.wait_running(job, SECONDS)
    location = cluster.savepoint(job, stop=True)
    change(table, source)
    session.option("execution.state-recovery.path", location)
    session.option("parallelism.default", "3")
    job = session.submit(insert)
    change(table, source)
    wanted = contents(table)
    copied = lambda: (tmp_path / "b").exists() and contents(ts.open_table(tmp_path / "b")) == wanted  # noqa: E731
    wait_for("the copy to be the table", SECONDS, copied)
    cluster.cancel(job)
    assert table.consumers().num_rows == 1  # of the job, which might come back from its savepoint


def test_what_is_pushed_down(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    source = random.Random(4)
    table = make(tmp_path / "a")
    table.upsert(rows(source, 1_000))
    session.execute(ddl("a", tmp_path / "a", cluster, scan__bounded="true"))
    query = "SELECT age, id FROM a WHERE city = 'a' AND (age > 1 OR age IS NULL) AND CHAR_LENGTH(name) = 5"
    plan = session.execute(f"EXPLAIN {query}")[0][0]
    assert "filter=[and(=(city, _UTF-16LE'a'" in plan.replace("\\", ""), plan
    assert "project=[" in plan, plan
    assert "CHAR_LENGTH" in plan, plan
    found = sorted(session.execute(query), key=lambda row: row[1])
    expected = table.scan(["age", "id"], "city = 'a' and (age > 1 or age is null)").to_arrow().sort_by("id")
    assert found == [tuple(row.values()) for row in expected.to_pylist()]
    assert session.execute("SELECT COUNT(*) FROM a")[-1][0] == 1_000
    assert len(session.execute("SELECT * FROM a LIMIT 7")) == 7
    assert table.consumers().num_rows == 0  # of jobs that are over


def test_changes_of_a_query_that_goes_on(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    table = make(tmp_path / "a")
    row = {"id": 1, "name": "x", "age": 1, "city": "b"}
    table.upsert([row, {**row, "id": 2}])
    for mode, expected in (
        ("full", [("-U", (1, 1)), ("+U", (1, 2)), ("-D", (1, 2)), ("+I", (1, 2))]),
        ("upsert", [("-U", (1, 1)), ("+U", (1, 2)), ("-D", (1, 2)), ("+I", (1, 2))]),
    ):
        session.execute(ddl(f"a_{mode}", tmp_path / "a", cluster, scan__changelog_mode=mode))
        result = session.start(f"SELECT id, age FROM a_{mode} WHERE name = 'x'")
        assert sorted(result.rows(2, SECONDS)) == [("+I", (1, 1)), ("+I", (2, 1))]
        table.upsert([{**row, "age": 2}])
        table.upsert([{**row, "age": 2, "name": "y"}])  # is no longer of interest
        table.upsert([{**row, "age": 2, "city": "a"}])
        assert result.rows(4, SECONDS) == expected, mode
        result.close()
        table.upsert([row])


def test_watermarks_of_buckets(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    path = tmp_path / "events"
    schema = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("at", pa.timestamp("ms"))])
    table = ts.create_table(path, schema, primary_key="id", buckets=4)
    table.upsert(
        pa.table(
            [pa.array(range(4_000)), pa.array(range(0, 4_000_000, 1_000), pa.timestamp("ms"))], schema=schema
        )
    )
    session.execute(
        "CREATE TABLE events (id BIGINT, `at` TIMESTAMP(3), PRIMARY KEY (id) NOT ENFORCED, "
        "WATERMARK FOR `at` AS `at` - INTERVAL '1' SECOND) WITH ('connector' = 'tablestore', 'num-buckets' = '4', "
        f"'table-path' = '{path}', 'scan.bounded' = 'true', 'python.executable' = '{cluster.watched_python}')"
    )
    windows = "TABLE(TUMBLE(TABLE events, DESCRIPTOR(`at`), INTERVAL '10' MINUTES))"
    counted = session.execute(
        f"SELECT window_start, COUNT(*) FROM {windows} GROUP BY window_start, window_end"
    )
    assert [count for _, count in sorted(counted)] == [600] * 6 + [400]


def test_hung_workers_are_cancelled(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    table = make(tmp_path / "a")
    session.execute(ddl("a", tmp_path / "a", cluster))
    session.execute(ddl("b", tmp_path / "b", cluster))
    for role in ("reader", "planner"):
        job = session.submit("INSERT INTO b SELECT * FROM a")
        cluster.wait_running(job)
        wait_for("readers", SECONDS, lambda: cluster.workers_of("reader"))
        hang = cluster.watch / f"hang-{role}"
        hang.touch()
        try:
            table.upsert(rows(random.Random(5), 100))
            wait_for(f"a hung {role}", SECONDS, partial(cluster.hung_workers_of, role))
            started = time.monotonic()
            cluster.cancel(job)
            assert time.monotonic() - started < 5
        finally:
            hang.unlink()
        wait_for("workers to end", 10, lambda: not cluster.workers())
