"""One process of many on a table. `python -m tests.concurrency.worker ROLE TABLE NUMBER COUNT` waits for the file `go`
beside the table, does COUNT steps and prints one JSON object for each that was acknowledged."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

import tablestore as ts

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("place", pa.string()),
        pa.field("process", pa.int32()),
        pa.field("step", pa.int32()),
    ]
)
ROWS_PER_STEP = 20
SHARED_KEYS = 10
PLACES = ("north", "south", "east", "west")

Ack = dict[str, Any]


def own_ids(process: int, step: int) -> range:
    """Keys that nobody else writes."""
    first = 1_000_000 * (process + 1) + ROWS_PER_STEP * step
    return range(first, first + ROWS_PER_STEP)


def _row(key: int, process: int, step: int, place: str = "north") -> dict[str, Any]:
    return {"id": key, "place": place, "process": process, "step": step}


def append(path: Path, process: int, count: int) -> Iterator[Ack]:
    """Own rows and one shared key in every commit; the shared key must end as the newest commit left it."""
    table = ts.open_table(path)
    for step in range(count):
        shared = step % SHARED_KEYS
        rows = [_row(key, process, step) for key in own_ids(process, step)]
        result = table.upsert([*rows, _row(shared, process, step)])
        yield {"version": result.version, "step": step, "shared": shared, "retries": result.retries}


def move(path: Path, process: int, count: int) -> Iterator[Ack]:
    """Shared keys from partition to partition, some deleted."""
    table = ts.open_table(path)
    source = random.Random(process)
    for step in range(count):
        if source.random() < 0.15:
            key = source.randrange(SHARED_KEYS)
            version = table.delete([key]).version
            yield {"version": version, "step": step, "rows": {key: None}}
            continue
        keys = source.sample(range(SHARED_KEYS), 4)
        places = {key: source.choice(PLACES) for key in keys}
        version = table.upsert([_row(key, process, step, place) for key, place in places.items()]).version
        yield {"version": version, "step": step, "rows": places}


def repeat(path: Path, process: int, count: int) -> Iterator[Ack]:
    """The same (writer id, commit id) as every other process."""
    with ts.open_table(path).writer("shared writer") as writer:
        for step in range(count):
            writer.upsert([_row(key, process, step) for key in own_ids(0, step)])
            result = writer.commit(commit_id=step)
            yield {"version": result.version, "step": step, "published": result.published}


def compact(path: Path, process: int, count: int) -> Iterator[Ack]:
    """Compactions until the file `stop` appears, at least `count`."""
    table = ts.open_table(path)
    step = 0
    while step < count or not (path.parent / "stop").exists():
        result = table.compact(full=step % 3 == 2)
        step += 1
        yield {"version": result.version, "step": step, "buckets": result.buckets, "lost": result.lost}
        time.sleep(0.01)


def read(path: Path, process: int, count: int) -> Iterator[Ack]:
    """Scans until `stop`: versions never go back, own rows of a commit are there wholly or not at all."""
    table = ts.open_table(path)
    step = last = 0
    while step < count or not (path.parent / "stop").exists():
        version = table.version
        assert version >= last
        last = version
        found = table.at(version=version).scan(columns=["process", "step"], filter="id >= 1000000").to_arrow()
        groups = found.group_by(["process", "step"]).aggregate([("step", "count")])
        assert set(groups.column("step_count").to_pylist()) <= {ROWS_PER_STEP}
        step += 1
        yield {"version": version, "step": step, "rows": found.num_rows}
        time.sleep(0.01)


def create(path: Path, process: int, count: int) -> Iterator[Ack]:
    """Creates the table, unless another process was faster."""
    try:
        table = ts.create_table(path, SCHEMA, primary_key="id", buckets=2)
        yield {"version": table.version, "created": True}
    except ts.TableExistsError:
        table = ts.create_table(path, SCHEMA, primary_key="id", buckets=2, if_exists="open")
        yield {"version": table.version, "created": False}
    yield {"version": table.upsert([_row(process, process, 0)]).version, "created": None}


ROLES: dict[str, Callable[[Path, int, int], Iterator[Ack]]] = {
    role.__name__: role for role in (append, move, repeat, compact, read, create)
}


def main() -> None:
    role, path, process, count = sys.argv[1:]
    go = Path(path).parent / "go"
    print(json.dumps({"ready": True}), flush=True)
    while not go.exists():
        time.sleep(0.002)
    for ack in ROLES[role](Path(path), int(process), int(count)):
        print(json.dumps(ack), flush=True)


if __name__ == "__main__":
    main()
