"""Runs jobs on a cluster of its own and measures them: seconds, processor time, memory of the Python workers."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.flink_oracle import MODULUS, Content
from tests.flink.cluster import Cluster
from tests.flink.sql import Session

PARALLELISM = 2
CHECKPOINT_INTERVAL = "5 s"
HEAP_MEGABYTES = 1792
SECONDS_MAX = 600.0
SAMPLE_SECONDS = 0.25
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
SETTINGS = {
    "taskmanager.numberOfTaskSlots": "4",
    "taskmanager.cpu.cores": "2.0",
    "taskmanager.memory.managed.size": "256m",
    "taskmanager.memory.network.min": "128m",
    "taskmanager.memory.network.max": "128m",
    "parallelism.default": str(PARALLELISM),
    # Rows are not copied between operators of one task: that is neither connector's work.
    "pipeline.object-reuse": "true",
    "execution.checkpointing.interval": "",
    "restart-strategy.type": "none",
}
# The collector that Java chooses by itself on such a machine.
JAVA_OPTIONS = ("-XX:-UseSerialGC",)


@dataclass(frozen=True)
class Measured:
    """One job. seconds: from its start to its end, or to the last row; processor_seconds: of both cores, Python
    included; worker_megabytes: resident memory of all Python workers together, at most."""

    seconds: float
    processor_seconds: float
    worker_megabytes: float


class Answer:
    """The directory of a `tscount` table: what its writers have counted so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _writers(self) -> Iterator[dict[str, Any]]:
        for path in self.folder.glob("*.json"):
            yield json.loads(path.read_text())

    def content(self) -> Content:
        """The rows that are left after all insertions and deletions, and their checksum."""
        rows = checksum = 0
        for writer in self._writers():
            kinds = writer["kinds"]
            rows += kinds[0] + kinds[2] - kinds[1] - kinds[3]
            checksum += int(writer["sum"], 16)
        return Content(rows, checksum % MODULUS)

    def rows_seen(self) -> int:
        """All rows of whatever kind."""
        return sum(sum(writer["kinds"]) for writer in self._writers())

    def last_millis(self) -> int:
        """When the last row came, in milliseconds since 1970."""
        return max(int(writer["last"]) for writer in self._writers())


class Runner:
    """Jobs one after the other, on one TaskManager."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.folder = folder
        self._answers = 0

    @contextmanager
    def session(self, checkpoints: bool = True) -> Iterator[Session]:
        """A session without tables."""
        session = self.cluster.session()
        if checkpoints:
            session.option("execution.checkpointing.interval", CHECKPOINT_INTERVAL)
        try:
            yield session
        finally:
            session.close()

    def answer(self) -> Answer:
        """An empty directory for a `tscount` table."""
        self._answers += 1
        folder = self.folder / f"answer-{self._answers}"
        folder.mkdir()
        return Answer(folder)

    def finish(self, session: Session, statement: str) -> Measured:
        """Run a job that ends."""

        def end(job: str) -> float:
            self.cluster.wait(job, seconds=SECONDS_MAX)
            found = self.cluster.job(job)
            return (float(found["end-time"]) - float(found["start-time"])) / 1000

        return self._measure(session, statement, end)

    def until(self, session: Session, statement: str, answer: Answer, rows: int) -> Measured:
        """Run a job that does not end until `answer` has seen so many rows, and cancel it."""

        def end(job: str) -> float:
            begun = looked = time.monotonic()
            while answer.rows_seen() < rows:
                now = time.monotonic()
                if now - looked > 1:  # seldom: the JobManager shares the processors with what is measured
                    looked, state = now, self.cluster.state(job)
                    if now - begun > SECONDS_MAX or state not in {"RUNNING", "CREATED"}:
                        seen = answer.rows_seen()
                        raise TimeoutError(
                            f"{seen} of {rows} rows, job {state}: {self.cluster.exception(job)}"
                        )
                time.sleep(0.05)
            started = float(self.cluster.job(job)["start-time"])
            time.sleep(0.3)  # rows too many would come now
            seconds = (answer.last_millis() - started) / 1000
            self.cluster.cancel(job)
            return seconds

        return self._measure(session, statement, end)

    def _measure(self, session: Session, statement: str, end: Callable[[str], float]) -> Measured:
        before = self._processor_seconds()
        with self._sampled() as peak:
            job = session.submit(statement)
            try:
                seconds = end(job)
            except BaseException:
                self.cluster.cancel_all()
                raise
        return Measured(seconds, self._processor_seconds() - before, peak[0])

    @contextmanager
    def _sampled(self) -> Iterator[list[float]]:
        """Watch the memory of the workers; the list holds the most that was seen, in megabytes."""
        peak, stop = [0.0], threading.Event()

        def watch() -> None:
            while not stop.wait(SAMPLE_SECONDS):
                found = sum(resident_bytes(pid) for pid in self.cluster.workers())
                peak[0] = max(peak[0], found / 1e6)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield peak
        finally:
            stop.set()
            watcher.join()

    def _processor_seconds(self) -> float:
        """Of JobManager and TaskManager, and of all Python workers that they have or had."""
        machines = [self.cluster.job_manager, *self.cluster.task_managers]
        ticks = sum(processor_ticks(machine.pid, children=True) for machine in machines)
        ticks += sum(processor_ticks(pid, children=False) for pid in self.cluster.workers())
        return ticks / TICKS_PER_SECOND


def processor_ticks(pid: int, children: bool) -> int:
    """User and system time, with that of children that were waited for; 0 if the process is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11 : 15 if children else 13]))


def resident_bytes(pid: int) -> int:
    """Resident set of a process; 0 if it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
