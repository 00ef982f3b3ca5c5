"""What goes wrong in ordinary life: each time one clear error, at once, and nothing is left behind."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pyarrow as pa
import pytest

import tablestore as ts
from tests.flink.cluster import WORKER, Cluster
from tests.flink.generated import COLUMNS, Generated
from tests.flink.processes import command_line, descendants
from tests.flink.rest import RequestFailed, wait_for
from tests.flink.sql import Session

ENDLESS = Generated(rows=600_000_000, keys=60_000, rows_per_second=20_000)


def ddl(path: Path | str, name: str = "users", columns: str = COLUMNS, **options: str) -> str:
    """A table of the connector; underscores of options are dashes, two of them a dot."""
    given = {"connector": "tablestore", "table-path": str(path)}
    given |= {name.replace("__", ".").replace("_", "-"): value for name, value in options.items()}
    listed = ", ".join(f"'{key}' = '{value}'" for key, value in given.items())
    return f"CREATE TABLE {name} ({columns}) WITH ({listed})"


def fails(session: Session, statement: str) -> str:
    """The error of a statement that must not get as far as a job."""
    with pytest.raises(RequestFailed) as failure:
        session.execute(statement)
    return failure.value.text


def fails_as_a_job(cluster: Cluster, session: Session, statement: str) -> str:
    """The error of a job that must fail at its first attempt, though the cluster would restart it for ever."""
    job = session.submit(statement)
    cluster.wait(job, "FAILED", seconds=60)
    assert cluster.failures(job) == 1, "it was restarted"
    return cluster.exception(job)


def test_python_that_is_not_there(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    session.execute(ddl(tmp_path / "users", python__executable="/nowhere/python3"))
    text = fails_as_a_job(cluster, session, "INSERT INTO users VALUES (1, 'a', 1, 1.0, 'x')")
    assert "Cannot start Python" in text
    assert "'/nowhere/python3'" in text
    assert "python.executable" in text


def test_python_without_the_package(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    program = tmp_path / "bare-python"
    program.write_text('#!/bin/sh\nexec /usr/bin/env -i python3 -I "$@"\n')
    program.chmod(0o755)
    session.execute(ddl(tmp_path / "users", python__executable=str(program)))
    text = fails_as_a_job(cluster, session, "INSERT INTO users VALUES (1, 'a', 1, 1.0, 'x')")
    assert "No module named 'tablestore'" in text
    assert "tablestore-lsm" in text


def test_batch_mode(session: Session, tmp_path: Path) -> None:
    session.execute(ddl(tmp_path / "users"))
    session.option("execution.runtime-mode", "batch")
    for statement in ("INSERT INTO users VALUES (1, 'a', 1, 1.0, 'x')", "SELECT * FROM users"):
        text = fails(session, statement)
        assert "works in streaming mode alone: SET 'execution.runtime-mode' = 'streaming'" in text


def test_unknown_option(session: Session, tmp_path: Path) -> None:
    session.execute(ddl(tmp_path / "users", num_bucket="4"))
    text = fails(session, "SELECT * FROM users")
    assert "unknown option 'num-bucket'. Did you mean 'num-buckets'?" in text


def test_a_key_that_does_not_agree(session: Session, tmp_path: Path) -> None:
    session.execute(ddl(tmp_path / "users", primary_keys="name"))
    text = fails(session, "SELECT * FROM users")
    assert "PRIMARY KEY" in text
    assert "'primary-keys'" in text


def test_a_null_in_a_key(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    """Without PRIMARY KEY in the definition, or Flink itself refuses the row, and tries it again and again."""
    session.execute(ddl(tmp_path / "users", columns="id BIGINT, name STRING", primary_keys="id"))
    text = fails_as_a_job(
        cluster, session, "INSERT INTO users VALUES (1, 'a'), (CAST(NULL AS BIGINT), 'b'), (3, 'c')"
    )
    assert f"Table 'users' at {tmp_path / 'users'} cannot hold a row: Primary key column 'id' is null" in text
    assert "WHERE id IS NOT NULL" in text


def test_a_path_that_is_no_place_for_a_table(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    session.execute(ddl("s3://bucket/users", "remote"))
    session.execute(ddl("~/users", "home"))
    text = fails_as_a_job(cluster, session, "INSERT INTO remote VALUES (1, 'a', 1, 1.0, 'x')")
    assert "'table-path' = 's3://bucket/users' cannot be used: s3:// is not available" in text
    assert "Write the whole path" in fails(session, "INSERT INTO home VALUES (1, 'a', 1, 1.0, 'x')")


def test_a_job_whose_table_was_deleted(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    """Its workers make a new one; the job must not go on with that as if nothing were missing."""
    session.execute(ENDLESS.ddl())
    session.execute(ddl(tmp_path / "users"))
    statement = "INSERT INTO users SELECT * FROM changes"
    job = session.submit(statement)
    cluster.wait_running(job)
    cluster.wait_for_checkpoints(job, 2)
    savepoint = cluster.savepoint(job, stop=True)
    shutil.rmtree(tmp_path / "users")
    session.option("execution.state-recovery.path", savepoint)
    text = fails_as_a_job(cluster, session, statement)
    assert "is not the one that" in text
    assert "it was deleted or replaced" in text
    assert "start the job anew" in text


def test_another_schema(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    path = tmp_path / "users"
    schema = pa.schema(
        [pa.field("id", pa.int64(), nullable=False), ("name", pa.string()), ("age", pa.int64())]
    )
    ts.create_table(path, schema, primary_key="id", buckets=4)
    columns = "id BIGINT, name STRING, age INT, PRIMARY KEY (id) NOT ENFORCED"
    session.execute(ddl(path, columns=columns))
    text = fails_as_a_job(cluster, session, "INSERT INTO users VALUES (1, 'a', 1)")
    assert "column 'age' is BIGINT, declared as INT. Change the DDL, or give another 'table-path'" in text


def test_a_hung_worker_is_cancelled(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    session.execute(ENDLESS.ddl())
    session.execute(ddl(tmp_path / "users", python__executable=cluster.watched_python))
    job = session.submit("INSERT INTO users SELECT * FROM changes")
    cluster.wait_running(job)
    hang = cluster.watch / "hang-writer"
    hang.touch()
    try:
        # The other writer may get no more rows to hang at: the source waits for this one to take its own.
        wait_for("a hung writer", 60, lambda: cluster.hung_workers_of("writer"))
        wait_for(
            "a checkpoint that waits for it", 60, lambda: cluster.checkpoints(job)["counts"]["in_progress"]
        )
        time.sleep(1)  # rows pile up before the worker
        started = time.monotonic()
        cluster.cancel(job)
        assert time.monotonic() - started < 5
    finally:
        hang.unlink()
    wait_for("workers to end", 5, lambda: not cluster.workers())


def test_a_killed_task_manager_leaves_no_workers(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    session.execute(ENDLESS.ddl())
    session.execute(ddl(tmp_path / "users", python__executable=cluster.watched_python))
    job = session.submit("INSERT INTO users SELECT * FROM changes")
    cluster.wait_running(job)
    cluster.wait_for_checkpoints(job, 1)
    assert len(cluster.workers_of("writer")) == 2
    machine = cluster.task_managers[0]
    workers = [pid for pid in descendants({machine.pid}) if WORKER in command_line(pid)]
    assert workers
    machine.kill()
    alive = lambda: [pid for pid in workers if WORKER in command_line(pid)]  # noqa: E731
    wait_for("workers to end", 5, lambda: not alive())
    machine.start()
    cluster.wait_for_slots()
    cluster.wait_running(job)
    cluster.cancel(job)
