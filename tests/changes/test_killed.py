"""A consumer that is killed at random goes on exactly where it was, while others write, compact, expire and clean."""

from __future__ import annotations

import datetime
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import tablestore as ts

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = pa.schema([pa.field("id", pa.int64(), False), ("place", pa.string()), ("n", pa.int32())])
COMMITS = 24


def start(table_path: Path, output: Path, until: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.changes.follow_worker", str(table_path), str(output), str(until)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)


def change(table: ts.Table, source: random.Random, number: int) -> None:
    """One commit, and a compaction now and then."""
    ids = source.sample(range(200), 60)
    if number % 6 == 5:
        table.delete(ids[:30])
    else:
        table.upsert([{"id": i, "place": source.choice("ab"), "n": number} for i in ids])
    if number % 4 == 0:
        table.compact(full=number % 8 == 0)


def clean(table: ts.Table) -> None:
    """Expire whatever the consumer no longer needs, and remove it."""
    table.expire_snapshots(keep_last=2)
    table.remove_orphan_files(dry_run=False, older_than=datetime.timedelta(0))


def run(table_path: Path, kills: int, seconds: float, seed: int) -> None:
    """Kill the follower `kills` times while the table changes, then let it end; its lines are all changes in order."""
    source = random.Random(seed)
    table = ts.create_table(
        table_path, SCHEMA, primary_key="id", partition_by="place", buckets=2, options={"durability": "none"}
    )
    output = table_path.parent / "lines"
    table.follow("latest", consumer="worker", timeout=0).close()
    until = 1_000_000
    expected: list[list[Any]] = []
    for kill in range(kills):
        process = start(table_path, output, until)
        deadline = time.monotonic() + 30
        lines = output.stat().st_size if output.exists() else 0
        while time.monotonic() < deadline and (not output.exists() or output.stat().st_size == lines):
            expected += step(table, source, len(expected))
            time.sleep(0.1)
        for _ in range(max(1, COMMITS // kills)):
            expected += step(table, source, len(expected) + kill)
        time.sleep(source.uniform(0, seconds))
        process.kill()
        process.communicate()
    until = table.version
    process = start(table_path, output, until)
    errors = process.communicate(timeout=120)[1]
    assert process.returncode == 0, errors.decode()
    batches = [json.loads(line) for line in output.read_bytes().splitlines()]
    once = [batch for index, batch in enumerate(batches) if index == 0 or batch != batches[index - 1]]
    assert len(batches) - len(once) <= kills  # at most the batch that was in hand comes again
    assert [row for batch in once for row in batch] == expected


def step(table: ts.Table, source: random.Random, number: int) -> list[list[Any]]:
    """Change the table; what changed, step by step, read before a consumer that is far enough lets it expire."""
    before = table.version
    change(table, source, number)
    found = table.changes(before, net=False).to_arrow()
    if number % 5 == 0:
        clean(table)
    return [list(row.values()) for row in found.to_pylist()]


def test_a_killed_consumer_goes_on_exactly(table_path: Path) -> None:
    run(table_path, kills=3, seconds=0.2, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_consumer_that_is_killed_all_the_time(table_path: Path, soak_seconds: int) -> None:
    deadline = time.monotonic() + soak_seconds
    seed = 2
    while time.monotonic() < deadline:
        run(table_path.parent / str(seed) / "table", kills=12, seconds=1.0, seed=seed)
        seed += 1
