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
from pathlib import Path
from typing import Any

THREADS = 2
READ_REPEATS = 3
for _variable in ("TOKIO_WORKER_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS", "LANCE_CPU_THREADS"):
    os.environ[_variable] = str(THREADS)
os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"

import numpy as np  # noqa: E402  (after the thread limits above)
import numpy.typing as npt  # noqa: E402
import pyarrow as pa  # noqa: E402

from benchmarks.answer import Answer, answer_of  # noqa: E402
from benchmarks.workload import Workload, read_commit  # noqa: E402

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
    _drive(name, peer, Workload(arguments.data, arguments.rows))
    peer.close()


def _drive(name: str, peer: Peer, workload: Workload) -> None:
    def report(phase: str, **values: object) -> None:
        print(json.dumps({"peer": name, "phase": phase, **values}), flush=True)

    def write(phase: str, step: Callable[[pa.Table], None], files: list[Path]) -> None:
        commits = [read_commit(path) for path in files]
        started = time.perf_counter()
        try:
            for rows in commits:
                step(rows)
        except NotImplementedError:
            return
        report(phase, seconds=time.perf_counter() - started)

    def read(phase: str, query: Callable[[], Any]) -> None:
        seconds, answers = [], []
        for _ in range(READ_REPEATS):
            started = time.perf_counter()
            try:
                result = query()
            except NotImplementedError:
                return
            seconds.append(time.perf_counter() - started)
            answers.append(answer_of(peer.as_arrow(result)))
            del result
        report(phase, seconds=statistics.median(seconds), answer=_agreed(phase, answers))

    keys = workload.lookup_keys()
    write("load", peer.load, workload.load_files)
    write("upserts", peer.upsert, workload.upsert_files)
    read("scan_unmerged", peer.scan)
    read("scan_2_columns", peer.scan_2_columns)
    read("scan_filter", peer.scan_filter)
    read("lookup_20k", lambda: peer.lookup(keys))
    report("disk_unmerged", megabytes=peer.bytes_on_disk() / 1e6)
    started = time.perf_counter()
    try:
        peer.compact()
    except NotImplementedError:
        pass
    else:
        report("compact", seconds=time.perf_counter() - started)
        read("scan_merged", peer.scan)
        report("disk_merged", megabytes=peer.bytes_on_disk() / 1e6)
    report("memory", megabytes=_peak_memory() / 1e6)


def _agreed(phase: str, answers: list[Answer]) -> Answer:
    if any(answer != answers[0] for answer in answers):
        raise SystemExit(f"{phase}: repeated reads disagree: {answers}")
    return answers[0]


def _peak_memory() -> int:
    """Bytes of the largest resident set so far; Linux counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
