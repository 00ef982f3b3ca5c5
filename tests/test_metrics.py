"""Figures of tables and of the process: what they count, and the text that Prometheus reads."""

from __future__ import annotations

import datetime
import re
import threading
from pathlib import Path

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore import counters

SCHEMA = pa.schema([("id", pa.int64()), ("v", pa.string())])
LINE = re.compile(
    r'tablestore_[a-z_]+(\{[a-z]+="(\\.|[^"\\])*"(,[a-z]+="(\\.|[^"\\])*")*\})? -?[0-9]+(\.[0-9]+)?'
)


@pytest.fixture
def table(table_path: Path) -> ts.Table:
    options: dict[str, str | int] = {"compaction": "manual", "compaction.trigger": 3, "durability": "none"}
    return ts.create_table(table_path, SCHEMA, primary_key="id", buckets=2, options=options)


def rows(start: int, count: int = 50) -> list[dict[str, object]]:
    return [{"id": number, "v": f"value {number}"} for number in range(start, start + count)]


def counted(before: dict[str, float]) -> dict[str, float]:
    """What has been added since."""
    after = ts.metrics.counters()
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


def test_an_empty_table(table: ts.Table) -> None:
    found = table.metrics()
    assert (found.version, found.snapshots, found.rows, found.files, found.bytes) == (1, 1, 0, 0, 0)
    assert (found.buckets, found.runs, found.backlog_buckets, found.backlog_bytes) == (0, 0, 0, 0)
    assert found.consumers == ()
    assert 0 <= found.snapshot_age_millis < 60_000


def test_sizes_are_those_of_the_files(table: ts.Table) -> None:
    for start in (0, 25):
        table.upsert(rows(start))
    table.delete([1, 2, 3])
    found, files = table.metrics(), table.files()
    assert found.files == files.num_rows
    assert found.bytes == sum(files["bytes"].to_pylist())
    assert found.rows == sum(files["row_count"].to_pylist())
    assert found.deletes == sum(files["delete_count"].to_pylist()) == 3
    assert (found.version, found.buckets, found.runs) == (4, 2, 3)


def test_the_backlog_is_what_a_compaction_does(table: ts.Table) -> None:
    for start in range(4):
        table.upsert(rows(start))
    found = table.metrics()
    assert (found.backlog_buckets, found.runs) == (2, 4)
    done = table.compact()
    assert (done.buckets, done.bytes_in) == (found.backlog_buckets, found.backlog_bytes)
    after = table.metrics()
    assert (after.backlog_buckets, after.backlog_bytes, after.runs) == (0, 0, 1)


def test_pins_are_counted(table: ts.Table) -> None:
    table.upsert(rows(0))
    table.tag("eod")
    view = table.at(version=1)
    assert (table.metrics().tags, table.metrics().leases) == (1, 1)
    del view
    assert table.metrics().leases == 0
    table.upsert(rows(10))
    table.expire_snapshots(keep_last=1)
    assert table.metrics().snapshots == 1


def test_the_lag_of_consumers(table: ts.Table) -> None:
    for start in range(3):
        table.upsert(rows(start))
    ids = iter(table.follow(since=1, consumer="slow", timeout=0))
    for _ in range(2):
        next(ids)
    list(table.follow(since=1, consumer="fast", timeout=0))
    lags = {lag.name: lag for lag in table.metrics().consumers}
    times = dict(
        zip(table.history()["version"].to_pylist(), table.history()["timestamp"].to_pylist(), strict=True)
    )
    assert (lags["fast"].snapshots, lags["fast"].millis) == (0, 0)
    assert lags["slow"].snapshots in (2, 3)
    oldest = times[table.version - lags["slow"].snapshots + 1]
    age = datetime.datetime.now(datetime.UTC) - oldest
    assert 0 <= age.total_seconds() * 1000 - lags["slow"].millis < 30_000
    table.drop_consumer("slow")
    assert [lag.name for lag in table.metrics().consumers] == ["fast"]


def test_commits_and_compactions_are_counted(table: ts.Table) -> None:
    before = ts.metrics.counters()
    sizes = [table.upsert(rows(start)) for start in range(3)]
    done = counted(before)
    assert (done["commits"], done["rows_written"]) == (3, 150)
    assert done["files_written"] == sum(result.files for result in sizes)
    assert done["bytes_written"] == sum(result.bytes for result in sizes)
    assert done["commit_seconds"] > 0
    before = ts.metrics.counters()
    result = table.compact()
    done = counted(before)
    assert done["compactions"] == result.buckets == 2
    assert done["compaction_bytes_read"] == result.bytes_in
    assert done["compaction_bytes_written"] == result.bytes_out
    assert done["compaction_seconds"] > 0
    assert "commits" not in done


def test_repeated_commits_are_told_apart(table: ts.Table) -> None:
    before = ts.metrics.counters()
    for _ in range(2):
        with table.writer("job") as writer:
            writer.upsert(rows(0))
            writer.commit(commit_id=1)
    done = counted(before)
    assert (done["commits"], done["commits_repeated"]) == (1, 1)


def test_lost_races_are_counted(table: ts.Table, table_path: Path) -> None:
    """As often as the results of two writers at once say."""
    before = ts.metrics.counters()
    barrier = threading.Barrier(2)
    retries: list[int] = []

    def write(start: int) -> None:
        own = ts.open_table(table_path)
        barrier.wait(20)
        retries.extend(own.upsert(rows(start + step, 5)).retries for step in range(15))

    threads = [threading.Thread(target=write, args=(start,)) for start in (0, 1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    done = counted(before)
    assert (done["commits"], len(retries)) == (30, 30)
    assert done.get("commit_retries", 0) == sum(retries)


def test_counters_lose_nothing_between_threads() -> None:
    counter = counters.Counter("nothing", "for a test")
    try:
        threads = [threading.Thread(target=lambda: [counter.add() for _ in range(20_000)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert counter.value == 80_000
    finally:
        counters.ALL.remove(counter)


def test_prometheus_can_read_the_text(table: ts.Table, tmp_path: Path) -> None:
    other = ts.create_table(tmp_path / 'odd "name"\\\n', SCHEMA, primary_key="id")
    list(other.follow(since="latest", consumer='a "b" \\ \n c', timeout=0))
    text = ts.metrics.prometheus_text([table, other])
    assert text.endswith("\n")
    families: list[str] = []
    for line in text.splitlines():
        if line.startswith("# TYPE"):
            families.append(line.split()[2])
            assert line.split()[3] == ("counter" if families[-1].endswith("_total") else "gauge")
        elif not line.startswith("# HELP"):
            assert LINE.fullmatch(line), line
            assert re.split("[ {]", line)[0] == families[-1], "samples stand under their type"
    assert len(families) == len(set(families))
    assert f'tablestore_version{{table="{table.path}"}} 1' in text.splitlines()
    assert 'consumer="a \\"b\\" \\\\ \\n c"' in text
    alone = ts.metrics.prometheus_text([table], process=False)
    assert "_total" not in alone
    assert "tablestore_version" in alone
    assert "{" not in ts.metrics.prometheus_text()
