"""Drives one system through the workload's phases and prints one JSON line per phase.

Timed: the work from a mapped Arrow file to a committed table, and from a query to complete rows in memory.
Not timed: imports, creating the empty table, turning raw results into Arrow for the comparison of answers.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

THREADS = 2
READ_REPEATS = 3
SINGLE_COMMITS_SECONDS = 10.0
for _variable in ("TOKIO_WORKER_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS", "LANCE_CPU_THREADS"):
    os.environ[_variable] = str(THREADS)
os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"

import numpy as np  # noqa: E402  (after the thread limits above)
import numpy.typing as npt  # noqa: E402
import pyarrow as pa  # noqa: E402

from benchmarks.answer import Answer, answer_of  # noqa: E402
from benchmarks.workload import SCHEMA, Workload, read_commit  # noqa: E402

Keys = npt.NDArray[np.int64]


class Peer:
    """One system with one table open. A phase whose method a subclass leaves alone is shown as absent."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def load(self, rows: pa.Table) -> None:
        """One commit of rows whose ids are new to the table."""
        raise NotImplementedError

    def upsert(self, rows: pa.Table) -> None:
        """One commit of rows, some of which replace older ones."""
        raise NotImplementedError

    def scan(self) -> Any:
        """Every live row, all columns."""
        raise NotImplementedError

    def scan_2_columns(self) -> Any:
        """`id` and `salary` of every live row."""
        raise NotImplementedError

    def scan_filter(self) -> Any:
        """All columns of the live rows with `age > 70`."""
        raise NotImplementedError

    def lookup(self, keys: Keys) -> Any:
        """The live rows with these ids."""
        raise NotImplementedError

    def get(self, key: int) -> Any:
        """The row with this id in Python values, or None."""
        raise NotImplementedError

    def got_as_arrow(self, found: list[Any]) -> pa.Table:
        """What several `get` returned, as an Arrow table (not timed)."""
        return pa.Table.from_pylist(found, schema=SCHEMA)

    def compact(self) -> None:
        """Merge everything into the layout the system reads best."""
        raise NotImplementedError

    def as_arrow(self, result: Any) -> pa.Table:
        """A scan's or lookup's result as an Arrow table (not timed)."""
        return result

    def bytes_on_disk(self) -> int:
        """Bytes of what the newest version needs; here, everything below the directory."""
        return sum(path.stat().st_size for path in self.directory.rglob("*") if path.is_file())

    def close(self) -> None:
        """Let go of the table."""


def run(name: str, open_peer: Callable[[Path], Peer]) -> None:
    """Parse the command line, drive all phases, print JSON lines."""
    parser = argparse.ArgumentParser(description=f"Run the workload on {name}.")
    parser.add_argument("--data", type=Path, required=True, help="directory of a prepared workload")
    parser.add_argument("--rows", type=int, required=True, help="rows the workload was prepared for")
    parser.add_argument("--directory", type=Path, required=True, help="fresh directory for the table")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    pa.set_cpu_count(THREADS)
    peer = open_peer(arguments.directory.resolve())
    Driver(name, peer, Workload(arguments.data, arguments.rows)).drive()
    peer.close()


class Driver:
    """Takes one system through all phases. A phase that the system does not have prints no line."""

    def __init__(self, name: str, peer: Peer, workload: Workload) -> None:
        self.name = name
        self.peer = peer
        self.workload = workload

    def drive(self) -> None:
        peer, workload = self.peer, self.workload
        keys = workload.lookup_keys()
        self._write("load", peer.load, workload.load_files)
        self._write("upserts", peer.upsert, workload.upsert_files)
        self._read("scan_unmerged", peer.scan)
        self._read("scan_2_columns", peer.scan_2_columns)
        self._read("scan_filter", peer.scan_filter)
        self._read("lookup_20k", lambda: peer.lookup(keys))
        self._get_one_by_one()
        self._report("disk_unmerged", megabytes=peer.bytes_on_disk() / 1e6)
        self._compact()
        self._report("memory", megabytes=_peak_memory() / 1e6)
        self._commit_one_by_one()

    def _report(self, phase: str, **values: object) -> None:
        print(json.dumps({"peer": self.name, "phase": phase, **values}), flush=True)

    def _write(self, phase: str, step: Callable[[pa.Table], None], files: list[Path]) -> None:
        commits = [read_commit(path) for path in files]
        started = time.perf_counter()
        with suppress(NotImplementedError):
            for rows in commits:
                step(rows)
            self._report(phase, seconds=time.perf_counter() - started)

    def _read(self, phase: str, query: Callable[[], Any]) -> None:
        seconds, answers = [], []
        with suppress(NotImplementedError):
            for _ in range(READ_REPEATS):
                started = time.perf_counter()
                result = query()
                seconds.append(time.perf_counter() - started)
                answers.append(answer_of(self.peer.as_arrow(result)))
                del result
            _agree(phase, answers)
            self._report(phase, seconds=statistics.median(seconds), answer=answers[0])

    def _compact(self) -> None:
        started = time.perf_counter()
        with suppress(NotImplementedError):
            self.peer.compact()
            self._report("compact", seconds=time.perf_counter() - started)
            self._read("scan_merged", self.peer.scan)
            self._report("disk_merged", megabytes=self.peer.bytes_on_disk() / 1e6)

    def _get_one_by_one(self) -> None:
        """Lookups of one key each, a second time: the first finds what can be kept in memory in it."""
        keys = self.workload.single_keys()
        with suppress(NotImplementedError):
            for key in keys.tolist():
                self.peer.get(key)
            samples, found = [], []
            for key in keys.tolist():
                started = time.perf_counter()
                row = self.peer.get(key)
                samples.append(time.perf_counter() - started)
                if row is not None:
                    found.append(row)
            together = self.peer.as_arrow(self.peer.lookup(keys))
            _agree("one key", [answer_of(self.peer.got_as_arrow(found)), answer_of(together)])
            self._report("get_p50", seconds=_quantile(samples, 0.5))
            self._report("get_p99", seconds=_quantile(samples, 0.99))

    def _commit_one_by_one(self) -> None:
        """Commits of one row each: 200, or as many as fit into ten seconds."""
        rows = self.workload.single_rows()
        samples: list[float] = []
        with suppress(NotImplementedError):
            while len(samples) < rows.num_rows and sum(samples) < SINGLE_COMMITS_SECONDS:
                row = rows.slice(len(samples), 1)
                started = time.perf_counter()
                self.peer.upsert(row)
                samples.append(time.perf_counter() - started)
            with suppress(NotImplementedError):
                written = rows.slice(0, len(samples))
                read_back = self.peer.as_arrow(self.peer.lookup(written.column("id").to_numpy()))
                _agree("1-row commit", [answer_of(read_back), answer_of(written)])
            self._report("commit_p50", seconds=_quantile(samples, 0.5))


def _agree(phase: str, answers: list[Answer]) -> None:
    if any(answer != answers[0] for answer in answers):
        raise SystemExit(f"{phase}: answers disagree: {answers}")


def _quantile(samples: list[float], share: float) -> float:
    return sorted(samples)[min(len(samples) - 1, int(share * len(samples)))]


def _peak_memory() -> int:
    """Bytes of the largest resident set so far; Linux counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
