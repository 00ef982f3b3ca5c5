"""Fixed tables, the same bytes in every run, and a way to run the command line in the process."""

from __future__ import annotations

import datetime
import io
import itertools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.file import consumer, layout, lease, tag
from tablestore.inspect.__main__ import main

START_MILLIS = 1_750_000_000_000
USERS = pa.schema([("id", pa.int64()), ("name", pa.string()), ("age", pa.int32()), ("score", pa.float64())])
ORDERS = pa.schema(
    [
        ("region", pa.string()),
        ("number", pa.int32()),
        ("day", pa.date32()),
        ("at", pa.timestamp("ns", "UTC")),
        ("price", pa.decimal128(9, 2)),
        ("ratio", pa.float32()),
        ("note", pa.string()),
        ("raw", pa.binary()),
        ("tags", pa.list_(pa.string())),
        ("place", pa.struct([("x", pa.int32()), ("open", pa.time32("s"))])),
        ("extra", pa.map_(pa.string(), pa.int64())),
    ]
)
OPTIONS = {"compaction": "manual", "compression": "none", "durability": "none"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="write the golden outputs anew")


@dataclass(frozen=True)
class Outcome:
    """Exit code and both outputs of one run."""

    status: int
    out: str
    err: str


Run = Callable[..., Outcome]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def users(ids: list[int], generation: int) -> pa.Table:
    rows = [{"id": i, "name": f"user {i}", "age": (i * 7 + generation) % 90, "score": i / 4} for i in ids]
    return pa.Table.from_pylist(rows, schema=USERS)


def order(region: str, number: int, day: datetime.date, **other: object) -> dict[str, object]:
    row: dict[str, object] = {
        "region": region,
        "number": number,
        "day": day,
        "at": 1_700_000_000_123_456_789 + number,
        "price": Decimal("12.50") * number,
        "ratio": 0.1 * number,
        "note": "plain",
        "raw": bytes([number % 256, 255]),
        "tags": ["a", None],
        "place": {"x": number, "open": datetime.time(8, 30)},
        "extra": [("k", number)],
    }
    return {**row, **other}


def _fixed_identity(patch: pytest.MonkeyPatch) -> None:
    """Ids and times that depend on nothing but the order of calls; one thread, so that this is always the same."""
    numbers = itertools.count(1)
    seconds = itertools.count(START_MILLIS // 1000)

    def new_id() -> str:
        return f"{next(numbers):032x}"

    class Calendar(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Calendar:
            return cls.fromtimestamp(next(seconds), tz)

    patch.setattr(layout, "new_file_id", lambda base: f"{base:012x}{next(numbers):020x}")
    patch.setattr(layout, "new_id", new_id)
    patch.setattr("tablestore.file.schema.new_id", new_id)
    patch.setattr("tablestore.lsm.parallel.workers", lambda: 1)
    patch.setattr("tablestore.table.datetime", SimpleNamespace(datetime=Calendar, UTC=datetime.UTC))
    clock = SimpleNamespace(time=lambda: next(seconds), monotonic=lambda: 0.0)
    patch.setattr("tablestore.transaction.time", clock)


def _make_users(path: Path) -> None:
    options = {**OPTIONS, "block-rows": "64", "target-file-bytes": "4096"}
    table = ts.create_table(path, USERS, primary_key="id", buckets=2, options=options)
    table.upsert(users(list(range(0, 2400, 2)), 1))
    table.compact(full=True)
    table.upsert(users(list(range(100, 200)), 2))
    with table.writer("job-7") as writer:
        writer.upsert(users([1, 3, 5], 3))
        writer.commit(commit_id=4)
    table.delete([100, 102, 104, 7777])
    _pin(table, path)


def _pin(table: ts.Table, path: Path) -> None:
    """A tag, two consumers and a lease, as if others had left them there; `tables` sets the clock an hour later."""
    own = table._core.schema.table
    at, later = START_MILLIS + 60_000, START_MILLIS + 90_000_000
    digest = table.at(version=5).shown.digest
    documents = {
        tag.path("before job 7"): tag.encode(tag.Tag(own, "before job 7", 5, digest, at)),
        consumer.path("etl", 2): consumer.encode(consumer.Consumer(own, "etl", 2, 5, 0, False, at, later)),
        consumer.path("etl", 3): consumer.encode(consumer.Consumer(own, "etl", 3, 6, 2, False, at, later)),
        consumer.path("gone", 1): consumer.encode(consumer.Consumer(own, "gone", 1, 3, 40, True, at, at + 1)),
        layout.lease_path(f"{7:032x}"): lease.encode(lease.Lease(own, 7, "process 41", at, later)),
    }
    for name, data in documents.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(data)


def _make_orders(path: Path) -> None:
    table = ts.create_table(
        path, ORDERS, primary_key=["region", "number"], partition_by="day", buckets=2, options=OPTIONS
    )
    first, second = datetime.date(2025, 3, 1), datetime.date(2025, 3, 2)
    rows = [order("north", number, first) for number in range(4)]
    rows.append(order("south\x1b[31m", 4, second, note="tab\tbell\x07 \u202e\n", ratio=float("nan")))
    rows.append(order("süd", -5, second, note=None, raw=None, tags=None, place=None, extra=None))
    table.upsert(pa.Table.from_pylist(rows, schema=ORDERS))
    table.upsert(pa.Table.from_pylist([order("north", 2, second, note="moved")], schema=ORDERS))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the tables `users` and `orders`; not to be changed."""
    directory = tmp_path_factory.mktemp("inspect")
    with pytest.MonkeyPatch.context() as patch:
        _fixed_identity(patch)
        _make_users(directory / "users")
        _make_orders(directory / "orders")
    return directory


@pytest.fixture
def tables(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of both tables, which is the current directory."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    clock = SimpleNamespace(time=lambda: START_MILLIS / 1000 + 3600)
    monkeypatch.setattr("tablestore.inspect.pins.time", clock)
    monkeypatch.setattr("tablestore.metrics.time", clock)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line: run("tree", "users")."""

    def run_command(*words: str | int) -> Outcome:
        capsys.readouterr()
        status = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    return run_command


def largest(directory: Path) -> Path:
    """The largest SST in a directory."""
    return max(directory.glob("*.sst"), key=lambda path: (path.stat().st_size, path.name))
