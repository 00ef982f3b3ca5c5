"""Writing from Flink SQL: every kind of input, and jobs that are set back, scaled and ended in every way."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa

import tablestore as ts
from tests.flink.cluster import Cluster
from tests.flink.generated import COLUMNS, Generated, differences
from tests.flink.rest import wait_for
from tests.flink.sql import Session
from tests.flink.test_traps import ddl, fails

SINK = "INSERT INTO users SELECT * FROM changes"


def table_of(path: Path) -> pa.Table:
    table = ts.open_table(path)
    assert table.verify(deep=True).ok
    return table.scan().to_arrow()


def commits(path: Path) -> Counter[tuple[str, int]]:
    """How often each commit of each sink is in the table."""
    history = ts.open_table(path).history().to_pylist()
    return Counter((row["writer_id"], row["commit_id"]) for row in history if row["writer_id"])


def gated(folder: Path) -> Generated:
    """A stream that ends when a test wants it to."""
    return Generated(rows=120_000, keys=12_000, rows_per_second=1_000, gate=str(folder / "gate"))


def finish(cluster: Cluster, job: str, stream: Generated) -> None:
    """Let the stream end, and the job with it."""
    Path(stream.gate).touch()
    cluster.wait(job, seconds=120)


def prepare(session: Session, path: Path, stream: Generated, **options: str) -> None:
    """The stream and the table it goes to, partitioned by a column that is no part of the key."""
    session.execute(stream.ddl())
    session.execute(ddl(path, partition_keys="department", **options))


def restored(session: Session, savepoint: str, statement: str = SINK) -> str:
    """Start a job from a savepoint."""
    session.option("execution.state-recovery.path", savepoint)
    job = session.submit(statement)
    session.execute("RESET 'execution.state-recovery.path'")
    return job


def test_updates_that_retract_and_move(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    """An aggregation retracts what it said before; its rows move between partitions."""
    stream = Generated(rows=30_000, keys=1_200, deletes=0.0)
    session.execute(stream.ddl())
    columns = "id BIGINT, place STRING, n BIGINT, PRIMARY KEY (id) NOT ENFORCED"
    session.execute(ddl(tmp_path / "counts", "counts", columns, partition_keys="place"))
    query = (
        "SELECT age, CASE WHEN COUNT(*) > 99 THEN 'many' ELSE 'few' END, COUNT(*) FROM changes GROUP BY age"
    )
    cluster.wait(session.submit(f"INSERT INTO counts {query}"))
    found = table_of(tmp_path / "counts").to_pylist()
    expected = Counter(stream.table()["age"].to_pylist())
    assert {row["id"]: row["n"] for row in found} == expected
    assert all((row["place"] == "many") == (row["n"] > 99) for row in found)
    assert set(commits(tmp_path / "counts").values()) == {1}


def test_an_older_savepoint(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    """Commits after it are in the table: the job says so at once, and goes on under a new identity if told to."""
    path, stream = tmp_path / "users", gated(tmp_path)
    prepare(session, path, stream)
    job = session.submit(SINK)
    cluster.wait_for_checkpoints(job, 2)
    savepoint = cluster.savepoint(job)
    known = len(commits(path))
    wait_for("commits after the savepoint", 120, lambda: len(commits(path)) > known + 1)
    cluster.cancel(job)
    before = commits(path)
    failed = restored(session, savepoint)
    cluster.wait(failed, "FAILED")
    assert cluster.failures(failed) == 1, "it was restarted"
    assert "but the table" in cluster.exception(failed)
    assert "'sink.older-savepoint' = 'new-identity'" in cluster.exception(failed)
    assert commits(path) == before

    hint = "/*+ OPTIONS('sink.older-savepoint' = 'new-identity') */"
    finish(cluster, restored(session, savepoint, f"INSERT INTO users {hint} SELECT * FROM changes"), stream)
    assert differences(table_of(path), stream.table()) == ""
    found = commits(path)
    assert set(found.values()) == {1}
    assert len({sink for sink, _ in found}) == 2


def test_a_savepoint_that_was_not_stopped_with(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    """It may hold a commit that is not made yet, or one that is made: who is restored goes on as the same sink."""
    path, stream = tmp_path / "users", gated(tmp_path)
    prepare(session, path, stream)
    session.option("execution.checkpointing.interval", "1 h")
    job = session.submit(SINK)
    cluster.wait_running(job)
    wait_for("rows", 120, lambda: cluster.rows_sent(job) > 2_000)
    savepoint = cluster.savepoint(job)
    cluster.cancel(job)
    session.option("execution.checkpointing.interval", "400 ms")
    finish(cluster, restored(session, savepoint), stream)
    assert differences(table_of(path), stream.table()) == ""
    found = commits(path)
    assert set(found.values()) == {1}
    assert len({sink for sink, _ in found}) == 1


def test_stopped_with_a_savepoint_and_scaled(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    path, stream = tmp_path / "users", gated(tmp_path)
    prepare(session, path, stream)
    session.option("execution.checkpointing.unaligned.enabled", "true")
    job = session.submit(SINK)
    for parallelism in (1, 3):
        cluster.wait_for_checkpoints(job, 2)
        savepoint = cluster.savepoint(job, stop=True)
        session.option("parallelism.default", str(parallelism))
        job = restored(session, savepoint)
    finish(cluster, job, stream)
    assert differences(table_of(path), stream.table()) == ""
    found = commits(path)
    assert set(found.values()) == {1}
    assert len({sink for sink, _ in found}) == 1


def test_unaligned_checkpoints_under_pressure(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    """Rows wait before the writers when a checkpoint is taken, and are part of it; scaled, they go to their buckets."""
    path = tmp_path / "users"
    stream = Generated(rows=1_200_000, keys=12_000)
    prepare(session, path, stream, python__executable=cluster.watched_python)
    session.option("execution.checkpointing.unaligned.enabled", "true")
    session.option("execution.checkpointing.aligned-checkpoint-timeout", "0 ms")
    session.option("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION")
    session.option("execution.checkpointing.interval", "300 ms")
    job = session.submit(SINK)
    cluster.wait_for_checkpoints(job, 2)
    cluster.cancel(job)
    latest = cluster.checkpoints(job)["latest"]["completed"]["external_path"]
    session.option("parallelism.default", "3")
    session.option("execution.checkpointing.interval", "1 s")
    cluster.wait(restored(session, latest))
    assert differences(table_of(path), stream.table()) == ""
    assert set(commits(path).values()) == {1}


def test_compaction_beside_the_sink(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    path, stream = tmp_path / "users", gated(tmp_path)
    runs = {"compaction__trigger": "3", "compaction__stop": "6"}
    prepare(session, path, stream, python__executable=cluster.watched_python, **runs)
    session.option("execution.checkpointing.interval", "500 ms")
    job = session.submit(SINK)
    wait_for("a compactor", 60, lambda: cluster.workers_of("compactor"))
    wait_for("a compaction", 60, lambda: "compact" in ts.open_table(path).history()["kind"].to_pylist())
    finish(cluster, job, stream)
    assert differences(table_of(path), stream.table()) == ""
    wait_for("workers to end", 10, lambda: not cluster.workers())


def test_overwrite(session: Session, tmp_path: Path) -> None:
    session.execute(ddl(tmp_path / "users"))
    text = fails(session, "INSERT OVERWRITE users VALUES (1, 'a', 1, 1.0, 'x')")
    assert "INSERT OVERWRITE into table 'users' is not possible" in text


def test_a_static_partition(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    path = tmp_path / "users"
    session.execute(
        f"CREATE TABLE users ({COLUMNS}) PARTITIONED BY (department) WITH "
        f"('connector' = 'tablestore', 'table-path' = '{path}', 'num-buckets' = '2')"
    )
    cluster.wait(
        session.submit("INSERT INTO users PARTITION (department = 'Law') VALUES (7, 'Grace', 50, 1.5)")
    )
    expected = {"id": 7, "name": "Grace", "age": 50, "salary": 1.5, "department": "Law"}
    assert table_of(path).to_pylist() == [expected]
