"""The mission's script on a standalone cluster, with nothing done but the jar copied to `lib/`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

import tablestore as ts
from tests.flink.cluster import Cluster
from tests.flink.rest import wait_for
from tests.flink.sql import Session

CREATE = """CREATE TABLE users (
    id STRING,
    name STRING,
    age INT,
    salary DOUBLE,
    department STRING,
    PRIMARY KEY (id) NOT ENFORCED
) WITH (
    'connector' = 'tablestore',
    'table-path' = '{path}',
    'primary-keys' = 'id',
    'partition-keys' = 'department',
    'num-buckets' = '4'
)"""
INSERT = """INSERT INTO users VALUES
    ('1', 'Alice', 30, 85000.0, 'Engineering'),
    ('2', 'Bob', 25, 65000.0, 'Marketing'),
    ('3', 'Carol', 41, 99000.0, 'Engineering')"""
SELECT = "SELECT * FROM users WHERE department = 'Engineering'"
ALICE = ("1", "Alice", 30, 85000.0, "Engineering")
CAROL = ("3", "Carol", 41, 99000.0, "Engineering")
BOB = ("2", "Bob", 25, 65000.0, "Marketing")
SECONDS_TO_FOLLOW = 60.0
MOVED = ("1", "Alice", 30, 91000.0, "Marketing")


def as_rows(table: pa.Table) -> set[tuple[Any, ...]]:
    return {tuple(row.values()) for row in table.to_pylist()}


def at_once(rows: Iterable[tuple[str, Any]]) -> set[tuple[str, Any]]:
    return set(rows)


def test_create_insert_select_and_move(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    path = tmp_path / "users"
    session.execute(CREATE.format(path=path))
    cluster.wait(session.submit(INSERT))

    engineering = session.start(SELECT)
    assert at_once(engineering.rows(2)) == {("+I", ALICE), ("+I", CAROL)}
    marketing = session.start("SELECT * FROM users WHERE department = 'Marketing'")
    assert marketing.rows(1) == [("+I", BOB)]

    cluster.wait(session.submit("INSERT INTO users VALUES ('1', 'Alice', 30, 91000.0, 'Marketing')"))
    assert engineering.rows(1) == [("-D", ALICE)], "she leaves here"
    assert marketing.rows(1) == [("+I", MOVED)], "and arrives there"
    engineering.close()
    marketing.close()

    table = ts.open_table(path)
    assert as_rows(table.scan(filter="department = 'Engineering'").to_arrow()) == {CAROL}
    assert as_rows(table.scan().to_arrow()) == {CAROL, BOB, MOVED}
    assert table.get("1") == dict(zip(table.schema.names, MOVED, strict=True))
    changes = table.changes(since=table.version - 1).to_arrow().to_pylist()
    assert {(row["_row_kind"], row["department"]) for row in changes} == {
        ("-D", "Engineering"),
        ("+I", "Marketing"),
    }
    assert table.verify(deep=True).ok


def test_python_writes_what_flink_follows(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    path = tmp_path / "users"
    schema = pa.schema([pa.field("id", pa.string(), nullable=False), ("amount", pa.int64())])
    table = ts.create_table(path, schema, primary_key="id", buckets=2)
    table.upsert([{"id": "a", "amount": 1}, {"id": "b", "amount": 2}])
    session.execute(
        "CREATE TABLE amounts (id STRING, amount BIGINT, PRIMARY KEY (id) NOT ENFORCED) "
        f"WITH ('connector' = 'tablestore', 'table-path' = '{path}', 'num-buckets' = '2')"
    )
    following = session.start("SELECT * FROM amounts")
    assert at_once(following.rows(2)) == {("+I", ("a", 1)), ("+I", ("b", 2))}
    table.upsert([{"id": "a", "amount": 3}])
    assert following.rows(2) == [("-U", ("a", 1)), ("+U", ("a", 3))]
    table.delete(["b"])
    assert following.rows(1) == [("-D", ("b", 2))]
    following.close()


def test_a_retracting_query_is_upserted(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    """A GROUP BY over a changing table gives -U and +U; the sink keeps the last of each."""
    users, totals = tmp_path / "users", tmp_path / "totals"
    session.execute(CREATE.format(path=users))
    session.execute(
        "CREATE TABLE totals (department STRING, people BIGINT, paid DOUBLE, PRIMARY KEY (department) NOT ENFORCED) "
        f"WITH ('connector' = 'tablestore', 'table-path' = '{totals}', 'num-buckets' = '2')"
    )
    cluster.wait(session.submit(INSERT))
    session.submit(
        "INSERT INTO totals SELECT department, COUNT(*), SUM(salary) FROM users GROUP BY department"
    )

    def reaches(*rows: tuple[Any, ...]) -> None:
        """Wait until these are all rows: each checkpoint shows a state of the query."""
        wait_for(
            f"totals {rows}",
            SECONDS_TO_FOLLOW,
            lambda: (
                (totals / "snapshot").is_dir()
                and as_rows(ts.open_table(totals).scan().to_arrow()) == set(rows)
            ),
        )

    reaches(("Engineering", 2, 184000.0), ("Marketing", 1, 65000.0))
    table = ts.open_table(users)
    table.delete(["3"])
    table.upsert([dict(zip(table.schema.names, MOVED, strict=True))])
    reaches(("Marketing", 2, 156000.0))
