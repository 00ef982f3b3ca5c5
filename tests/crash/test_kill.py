"""Processes that write and compact one table are killed at random times and at chosen calls; what they
acknowledged stays.

TABLESTORE_CRASH=full kills 300 times at random and at every call of each operation; the short form does a
part.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from crash_tables import OPERATIONS, build_template, check_alive, create, read_rows, scratch
from kill_worker import HOT_KEYS, OWN_KEYS

import tablestore as ts
from tablestore.storage.faulty import CountedCalls, FaultyStorage

FULL = os.environ.get("TABLESTORE_CRASH") == "full"
RANDOM_KILLS = 300 if FULL else 60
CALLS_PER_OPERATION = 10_000 if FULL else 12
SECONDS_MAX = 0.25


class Server:
    """Starts workers one after another; see kill_worker."""

    def __init__(self) -> None:
        here = Path(__file__).parent
        package = Path(ts.__file__).parent.parent
        # One thread before the fork: no lock can be held by a thread that the worker does not have.
        environment = {
            **os.environ,
            "PYTHONPATH": f"{here}{os.pathsep}{package}",
            "OPENBLAS_NUM_THREADS": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, str(here / "kill_worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def start(self, task: str, **arguments: Any) -> int:
        """Process id of a new worker."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"task": task, **arguments}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def wait(self) -> int:
        """The signal that ended the worker, 0 if it ended by itself."""
        status = self._answer()
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "a worker failed"
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0

    def _answer(self) -> int:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the server of workers has died"
        return int(line)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        assert self._process.wait(60) == 0
        self._process.stdout.close()


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    pair = Server(), Server()
    yield pair
    for server in pair:
        server.close()


def check_commits(path: Path, acknowledged: set[int]) -> None:
    """Every acknowledged commit is whole, every other is whole or absent, and the newest owns the hot keys."""
    table = ts.open_table(path)
    data = table.scan().to_arrow()
    keys, marks = data.column("id").to_pylist(), data.column("city").to_pylist()
    assert len(set(keys)) == len(keys), "a key occurs twice"
    own = Counter(mark for key, mark in zip(keys, marks, strict=True) if key >= 1_000)
    assert set(own.values()) <= {OWN_KEYS}, "a commit is torn"
    assert {f"commit-{number}" for number in acknowledged} <= own.keys(), "an acknowledged commit is lost"
    hot = [mark for key, mark in zip(keys, marks, strict=True) if key < 1_000]
    assert len(hot) == (HOT_KEYS if own else 0)
    assert len(set(hot)) <= 1, "the keys that each commit writes come from several"
    assert set(hot) <= own.keys()


def wait_for_a_commit(log: Path) -> None:
    """Until another commit is acknowledged: on a slow machine, too, every other victim has done something."""
    size, deadline = log.stat().st_size, time.monotonic() + 60
    while log.stat().st_size == size:
        assert time.monotonic() < deadline, "the writer commits nothing"
        time.sleep(0.001)


@pytest.mark.parametrize("partitioned", [False, True], ids=["plain", "partitioned"])
def test_random_kills(servers: tuple[Server, Server], partitioned: bool) -> None:
    writer, compactor = servers
    source = random.Random(20_13)
    with scratch() as directory:
        path, log = directory / "table", directory / "acknowledged"
        create(path, partitioned)
        log.touch()
        first = 1
        for number in range(RANDOM_KILLS // 2):  # half of the kills for each kind of table
            victim = writer.start("commit_forever", path=str(path), acknowledged=str(log), first=first)
            other = compactor.start("compact_forever", path=str(path)) if number % 2 else None
            if number % 2:
                wait_for_a_commit(log)
            time.sleep(source.uniform(0, SECONDS_MAX))
            os.kill(victim, signal.SIGKILL)
            assert writer.wait() == signal.SIGKILL
            if other is not None:
                os.kill(other, signal.SIGKILL)
                assert compactor.wait() == signal.SIGKILL
            acknowledged = {int(line) for line in log.read_text().split()}
            check_commits(path, acknowledged)
            first = max(acknowledged | {first}) + 10
        assert len(acknowledged) >= RANDOM_KILLS // 4, "every other writer commits at least once"
        check_alive(path, read_rows(ts.open_table(path)), "after all kills")


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_kills_at_every_call(servers: tuple[Server, Server], operation: str, after_effect: bool) -> None:
    with scratch() as directory:
        template, path, log = (directory / name for name in ("template", "table", "acknowledged"))
        before = build_template(template, partitioned=False)
        shutil.copytree(template, path)
        calls = CountedCalls()
        OPERATIONS[operation](ts.open_table(FaultyStorage(path, calls)))
        after = read_rows(ts.open_table(path))
        stride = max(1, calls.count // CALLS_PER_OPERATION)
        killed = 0
        for at in range(1 + after_effect * (stride // 2), calls.count + 1, stride):
            shutil.rmtree(path)
            shutil.copytree(template, path)
            log.write_bytes(b"")
            servers[0].start(
                "die_at_call",
                path=str(path),
                operation=operation,
                at=at,
                after_effect=after_effect,
                acknowledged=str(log),
            )
            killed += servers[0].wait() == signal.SIGKILL
            found = read_rows(ts.open_table(path))
            assert found == after if log.read_bytes() else found in (before, after), at
            check_alive(path, found, f"{operation}, call {at}")
        assert killed > 5
