"""What the processes do that are killed: a server forks a worker for each task, so that the library is
imported once.

Reads tasks as lines of JSON; for each it prints the worker's process id, and its exit status when it has
ended.
"""

from __future__ import annotations

import json
import os
import sys

import pyarrow as pa
from crash_tables import OPERATIONS

import tablestore as ts
from tablestore.storage.faulty import FaultyStorage, KillingCalls

HOT_KEYS = 8
OWN_KEYS = 12


def commit_rows(number: int) -> list[dict[str, object]]:
    """Rows of commit `number`: keys that every commit writes, and keys of its own."""
    mark = f"commit-{number}"
    hot = [{"id": key, "city": mark, "amount": 0.0} for key in range(HOT_KEYS)]
    own = [{"id": 1_000 * number + key, "city": mark, "amount": float(key)} for key in range(OWN_KEYS)]
    return [*hot, *own]


def commit_forever(path: str, acknowledged: str, first: int) -> None:
    """Commits number after number until killed; each is written to a file when it has been acknowledged."""
    table = ts.open_table(path)
    with open(acknowledged, "ab", buffering=0) as file:
        for number in range(first, first + 10_000):
            table.upsert(commit_rows(number))
            file.write(b"%d\n" % number)


def compact_forever(path: str) -> None:
    """Full compactions, until killed."""
    while True:
        ts.open_table(path).compact(full=True)


def die_at_call(path: str, operation: str, at: int, after_effect: bool, acknowledged: str) -> None:
    """One operation, killed at one of its system calls."""
    OPERATIONS[operation](ts.open_table(FaultyStorage(path, KillingCalls(at, after_effect))))
    with open(acknowledged, "ab", buffering=0) as file:
        file.write(b"done\n")


TASKS = {function.__name__: function for function in (commit_forever, compact_forever, die_at_call)}


def serve() -> None:
    """Runs tasks until the input ends."""
    # Arrow imports pandas, if there is one, with its first array: better once here than in each worker.
    pa.array([0])
    for line in sys.stdin:
        task = json.loads(line)
        child = os.fork()
        if child == 0:
            TASKS[task.pop("task")](**task)
            os._exit(0)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(status, flush=True)


if __name__ == "__main__":
    serve()
