"""A pipeline that is killed all the time: generator → table → second table, with a Python follower beside.

Everything that runs may be killed by `kill -9` at any time; supervisors would start processes again, and so does this.
"""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

import tablestore as ts
from tests.flink.cluster import Cluster
from tests.flink.generated import COLUMNS, Generated, differences
from tests.flink.processes import Process
from tests.flink.rest import wait_for

WORKERS = ("writer", "committer", "compactor", "planner", "reader")
KINDS = (*WORKERS, "task-manager", "job-manager", "crash-after-publish")

STATEMENTS = {
    "original": "INSERT INTO original SELECT * FROM changes",
    "copied": "INSERT INTO copied SELECT * FROM original",
}
SECONDS_TO_RECOVER = 120.0


@dataclass
class Figures:
    """What happened."""

    kills: Counter[str] = field(default_factory=Counter)
    snapshots: dict[str, int] = field(default_factory=dict)
    checkpoints: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    seconds: float = 0.0


class Pipeline:
    """The two jobs and their tables."""

    def __init__(self, cluster: Cluster, folder: Path, stream: Generated) -> None:
        self.cluster, self.folder, self.stream = cluster, folder, stream
        self.original, self.copy = folder / "original", folder / "copied"
        self.session = cluster.session()
        self.session.execute(stream.ddl())
        for path in (self.original, self.copy):
            self.session.execute(
                f"CREATE TABLE {path.name} ({COLUMNS}) PARTITIONED BY (department) WITH ("
                f"'connector' = 'tablestore', 'table-path' = '{path}', 'num-buckets' = '4', "
                f"'python.executable' = '{cluster.watched_python}')"
            )
        self.session.option("execution.checkpointing.unaligned.enabled", "true")
        self.upstream = self._submit("original")
        self.downstream = self._submit("copied")
        command = [sys.executable, "-m", "tests.flink.follower", str(self.original), str(folder)]
        root = str(Path(__file__).resolve().parents[2])
        environment = {**os.environ, "PYTHONPATH": root}
        self.follower = Process("follower", command, folder / "follower.log", environment)
        self.follower.start()

    def _submit(self, name: str) -> str:
        self.session.option("pipeline.name", name)
        return self.session.submit(STATEMENTS[name])

    def _restart(self, job: str, name: str) -> str:
        """Stop a job with a savepoint, and start it again from there."""
        self.session.option("execution.state-recovery.path", self.cluster.savepoint(job, stop=True))
        started = self._submit(name)
        self.session.execute("RESET 'execution.state-recovery.path'")
        return started

    def rescale(self, parallelism: int) -> None:
        """Both jobs, each from its own savepoint."""
        self.session.option("parallelism.default", str(parallelism))
        self.upstream = self._restart(self.upstream, "original")
        self.downstream = self._restart(self.downstream, "copied")

    def recover(self) -> None:
        """Start what was killed, and wait until both jobs have completed a checkpoint since."""
        for process in self.cluster.processes:
            if not process.is_alive:
                process.start()
        self.cluster.wait_for_slots()
        for job in (self.upstream, self.downstream):
            self.cluster.wait_running(job, SECONDS_TO_RECOVER)
            self.cluster.wait_for_checkpoints(job, 1, SECONDS_TO_RECOVER)
        assert self.follower.is_alive, self.follower.tail()

    def hurt(self, kind: str, chance: random.Random) -> None:
        """One kill. Workers are there when jobs run; a crash comes with the next commit."""
        if kind == "task-manager":
            chance.choice(self.cluster.task_managers).kill()
        elif kind == "job-manager":
            self.cluster.job_manager.kill()
        elif kind == "crash-after-publish":
            crashes = len(list(self.cluster.watch.glob("crashed-*")))
            (self.cluster.watch / kind).touch()
            crashed = lambda: len(list(self.cluster.watch.glob("crashed-*"))) > crashes  # noqa: E731
            wait_for("a crash after a commit", SECONDS_TO_RECOVER, crashed)
        else:
            found = sorted(wait_for(f"a {kind}", SECONDS_TO_RECOVER, lambda: self.cluster.workers_of(kind)))
            os.kill(chance.choice(found), signal.SIGKILL)


def run(pipeline: Pipeline, kills: int, seed: int) -> Figures:
    """Kill so many times, each kind in turn and in random order; a rescale and back in between; then let it end."""
    chance = random.Random(seed)
    figures = Figures()
    started = time.monotonic()
    plan: list[str] = []
    while len(plan) < kills:
        plan += chance.sample(KINDS, len(KINDS))
    pipeline.recover()
    for number, kind in enumerate(plan[:kills]):
        if number == kills // 3:
            pipeline.rescale(3)
            pipeline.recover()
        if number == 2 * kills // 3:
            pipeline.rescale(2)
            pipeline.recover()
        time.sleep(chance.uniform(0, 0.5))
        pipeline.hurt(kind, chance)
        figures.kills[kind] += 1
        pipeline.recover()
        print(f"{time.monotonic() - started:.0f} s: kill {number + 1} of {kills}: {kind}", flush=True)
    Path(pipeline.stream.gate).touch()
    cluster = pipeline.cluster
    cluster.wait(pipeline.upstream, seconds=2 * SECONDS_TO_RECOVER)
    figures.seconds = time.monotonic() - started
    return figures


def check(pipeline: Pipeline, figures: Figures) -> None:
    """Everything is as if nothing had happened."""
    expected = pipeline.stream.table()
    table = ts.open_table(pipeline.original)
    wrong = differences(table.scan().to_arrow(), expected)
    assert not wrong, f"the table: {wrong}"
    second = ts.open_table(pipeline.copy)
    wait_for(
        "the second table to catch up",
        SECONDS_TO_RECOVER,
        lambda: not differences(second.scan().to_arrow(), expected),
        pause=0.5,
    )
    (pipeline.folder / "last-version.partial").write_text(str(table.version))
    (pipeline.folder / "last-version.partial").rename(pipeline.folder / "last-version")
    folded = pipeline.folder / "folded.arrow"
    wait_for("the follower", SECONDS_TO_RECOVER, lambda: folded.exists() or not pipeline.follower.is_alive)
    assert folded.exists(), pipeline.follower.tail()
    with pa.OSFile(str(folded)) as file:
        wrong = differences(pa.ipc.open_file(file).read_all(), expected)
    assert not wrong, f"what the follower folded: {wrong}"
    pipeline.cluster.savepoint(pipeline.downstream, stop=True)
    figures.rows = expected.num_rows
    for path in (pipeline.original, pipeline.copy):
        check_commits(pipeline, path, figures)
    found = table.verify(deep=True)
    assert found.ok, found
    wait_for("all workers to end", 10.0, lambda: not pipeline.cluster.workers())


def check_commits(pipeline: Pipeline, path: Path, figures: Figures) -> None:
    """One sink, and each of its checkpoints at most once; what was published is of completed checkpoints."""
    history = ts.open_table(path).history().to_pylist()
    commits = [(row["writer_id"], row["commit_id"]) for row in history if row["writer_id"]]
    sinks = {sink for sink, _ in commits}
    assert len(sinks) == 1, f"{path.name} was written by {len(sinks)} sinks"
    numbers = [number for _, number in commits]
    assert numbers == sorted(set(numbers)), f"commits of {path.name} are not in order: {numbers}"
    asked = {
        int(line.split()[1])
        for line in (pipeline.cluster.watch / "commits").read_text().splitlines()
        if line.split()[0] in sinks
    }
    assert set(numbers) <= asked, f"commits that nobody asked for: {set(numbers) - asked}"
    completed, aborted = checkpoints(pipeline.cluster, path.name)
    # Flink keeps what an aborted checkpoint had prepared, and commits it by itself along with the next complete one
    late = set(numbers) - completed
    assert late <= aborted, f"commits of checkpoints that were never complete: {late - aborted}"
    assert all(number < max(completed) for number in late)
    figures.snapshots[path.name] = len(numbers)
    figures.checkpoints[path.name] = len(completed)


def checkpoints(cluster: Cluster, name: str) -> tuple[set[int], set[int]]:
    """Numbers of the checkpoints that the JobManager, in all its lives, said were completed or aborted for jobs of a
    name. One without rows has no snapshot."""
    log = cluster.job_manager.log.read_text(errors="replace")
    jobs = set(re.findall(rf"Starting execution of job '{name}' \(([0-9a-f]+)\)", log))

    def numbers(pattern: str) -> set[int]:
        return {int(number) for number, job in re.findall(pattern, log) if job in jobs}

    completed = numbers(r"Completed checkpoint (\d+) for job ([0-9a-f]+)")
    completed |= numbers(
        r"from Checkpoint (\d+) @ \d+ for ([0-9a-f]+)"
    )  # the JobManager was killed just after it
    return completed, numbers(r"Failed to trigger or complete checkpoint (\d+) for job ([0-9a-f]+)")
