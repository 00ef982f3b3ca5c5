"""The worker of a source's subtask (spec §16.10): reads the buckets that it was given ahead, and hands rows on when it
is asked for them."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa

from tablestore.changes import changes_request
from tablestore.errors import FormatError
from tablestore.flink.amounts import memory_of
from tablestore.flink.chunks import Snapshots
from tablestore.flink.protocol import Connection, Value, integer_of, text_of
from tablestore.flink.role import Reply
from tablestore.flink.stream import BucketReader, Portion, Position, Split
from tablestore.lsm.scan import SCAN_MEMORY
from tablestore.table import Table

PORTIONS_AHEAD: Final = 4
SCAN_MEMORY_MIN: Final = 8 << 20
POLL_SECONDS_MIN: Final = 0.005
NEWEST_SECONDS: Final = 1.0  # so often the newest snapshot is looked for while others are read
FULL, UPSERT = "full", "upsert"


class ReaderRole:
    """Serves `add` and `next`. A thread of its own reads; a bounded queue lies between the two."""

    def __init__(self, table: Table, hello: Mapping[str, bytes], connection: Connection) -> None:
        self._settings = settings_of(hello)
        self._table = table
        self._connection = connection
        self._reading: Reading | None = None

    def batch(self, payload: pa.Buffer) -> None:
        raise FormatError("a reader takes no rows", code="bad-message", file="BATCH", section="16.10")

    def request(self, op: str, values: Mapping[str, bytes], payload: pa.Buffer | None) -> Reply:
        if op == "add":
            if self._reading is None:
                snapshots = Snapshots(self._table._core, text_of(values, "consumer"))
                self._reading = Reading(self._table, snapshots, self._settings)
            self._reading.add(splits_of(text_of(values, "splits")))
            return Reply()
        if op == "pause":
            if self._reading is not None:
                self._reading.pause(_numbers(text_of(values, "buckets")))
            return Reply()
        if op == "next":
            return self._next(integer_of(values, "wait-millis"))
        raise FormatError(f"a reader has no operation {op[:60]!r}", code="bad-message", section="16.10")

    def _next(self, wait_millis: int) -> Reply:
        """The next portion; an answer without a bucket if there is none within that time."""
        if self._reading is None:
            self._connection.stopping.wait(wait_millis / 1000)
            return Reply({"newest": self._table.version, "unread-since": 0})
        portion = self._reading.take(wait_millis / 1000)
        newest, unread = self._reading.lag()
        values: dict[str, Value] = {"newest": newest, "unread-since": unread}
        if portion is None:
            return Reply(values)
        split, position = portion.split, portion.split.position
        values |= {
            "bucket": split.bucket,
            "next": position.next,
            "rows": position.rows,
            "state": "true" if position.state else "false",
            "over": "true" if split.is_over else "false",
        }
        if portion.rows is not None:
            values["segments"] = ",".join(f"{s.version}:{s.end}:{s.millis}" for s in portion.segments)
        return Reply(values, portion.rows)

    def close(self) -> None:
        if self._reading is not None:
            self._reading.close()


@dataclass(frozen=True)
class Settings:
    """What a HELLO says of the query. columns: names; filter: a text of the table's own, or None; memory: bytes in
    which rows are decoded and merged."""

    columns: tuple[str, ...]
    filter: str | None
    upsert: bool
    poll_seconds: float
    limit: int | None
    memory: int = SCAN_MEMORY


def settings_of(hello: Mapping[str, bytes]) -> Settings:
    """Read the entries of a HELLO that are a reader's. Raises FormatError, SchemaError."""
    columns = [
        name for name in _json(text_of(hello, "scan.columns"), "scan.columns") if isinstance(name, str)
    ]
    mode = text_of(hello, "scan.changelog-mode")
    if mode not in (FULL, UPSERT):
        raise _bad(f"scan.changelog-mode is {FULL} or {UPSERT}, not {mode[:60]!r}")
    return Settings(
        tuple(columns),
        text_of(hello, "scan.filter") if "scan.filter" in hello else None,
        mode == UPSERT,
        max(POLL_SECONDS_MIN, integer_of(hello, "scan.poll-millis") / 1000),
        integer_of(hello, "scan.limit") if "scan.limit" in hello else None,
        memory_of(hello, "scan-memory", SCAN_MEMORY, SCAN_MEMORY_MIN),
    )


def splits_of(text: str) -> list[Split]:
    """Splits as the connector sends them (spec §16.10). Raises FormatError."""
    return [_split_of(item) for item in _json(text, "splits")]


def _split_of(item: object) -> Split:
    if not isinstance(item, dict):
        raise _bad("a split is an object")
    bucket, following, rows = (_number(item, name) for name in ("bucket", "next", "rows"))
    state = item.get("state")
    if not isinstance(state, bool):
        raise _bad("state of a split is true or false")
    end = None if item.get("end", 0) is None else _number(item, "end")
    return Split(bucket, Position(following, rows, state), end)


def _number(item: dict[str, object], name: str) -> int:
    number = item.get(name)
    if type(number) is not int or number < 0:
        raise _bad(f"{name} of a split is a number")
    return number


def _numbers(text: str) -> frozenset[int]:
    return frozenset(number for number in _json(text, "buckets") if isinstance(number, int))


def _json(text: str, name: str) -> list[object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, list):
        raise _bad(f"{name} is a JSON array")
    return value


def _bad(message: str) -> FormatError:
    return FormatError(message, code="bad-message", section="16.10")


class Reading:
    """The thread that reads. An error in it is the answer to the next request, and the end."""

    def __init__(self, table: Table, snapshots: Snapshots, settings: Settings) -> None:
        core = table._core
        request = replace(changes_request(core, settings.columns, settings.filter), memory=settings.memory)
        self._snapshots = snapshots
        self._reader = BucketReader(core, snapshots, request, settings.upsert, settings.limit)
        self._poll_seconds = settings.poll_seconds
        self._ready: queue.Queue[Portion | Exception] = queue.Queue(PORTIONS_AHEAD)
        self._new: queue.SimpleQueue[Split] = queue.SimpleQueue()
        self._splits: dict[int, Split] = {}
        self._paused: frozenset[int] = frozenset()
        self._handed: dict[int, Split] = {}  # as the other side knows them
        self._looked = time.monotonic()
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tablestore-reader", daemon=True)
        self._thread.start()

    # ---- called by the worker's main thread

    def add(self, splits: list[Split]) -> None:
        """Read these splits, too."""
        for split in splits:
            self._handed[split.bucket] = split
            self._new.put(split)
        self._woken.set()

    def pause(self, buckets: frozenset[int]) -> None:
        """Read these splits no further for now, and all others again."""
        self._paused = buckets
        self._woken.set()

    def take(self, seconds: float) -> Portion | None:
        """The next portion, or None after that time."""
        try:
            found = self._ready.get(timeout=seconds) if seconds > 0 else self._ready.get_nowait()
        except queue.Empty:
            return None
        if isinstance(found, Exception):
            self._ready.put(found)  # nothing else comes
            raise found
        if found.split.is_over:
            self._handed.pop(found.split.bucket, None)
        else:
            self._handed[found.split.bucket] = found.split
        return found

    def lag(self) -> tuple[int, int]:
        """The newest snapshot that was seen, and when the first was published that has not been handed on, 0 if all
        have."""
        now = time.monotonic()
        if now - self._looked > NEWEST_SECONDS:
            self._looked = now
            self._snapshots.refresh()
        newest = self._snapshots.newest
        behind = min(
            (split.position for split in self._handed.values()), key=lambda at: at.next, default=None
        )
        if behind is None or behind.next > newest.id:
            return newest.id, 0
        found = self._snapshots.known(behind.next) or newest
        return newest.id, found.snapshot.timestamp_millis

    def close(self) -> None:
        """Stop reading; does not wait for what is being read."""
        self._stopping.set()
        self._woken.set()

    # ---- the thread

    def _run(self) -> None:
        try:
            pause = POLL_SECONDS_MIN
            while not self._stopping.is_set():
                while not self._new.empty():
                    split = self._new.get()
                    self._splits[split.bucket] = split
                if self._advance():
                    pause = POLL_SECONDS_MIN
                    continue
                pause = self._wait(pause)
        except Exception as error:
            self._put(error)

    def _advance(self) -> bool:
        """Read on in the split that is behind all others; False if there is nothing to read."""
        paused = self._paused
        able = [split for split in self._splits.values() if split.bucket not in paused]
        if not able:
            return False
        split = min(able, key=lambda split: split.order)
        if split.is_over:
            del self._splits[split.bucket]
            self._put(Portion(split))
            return True
        others = [other for other in self._splits.values() if other.bucket != split.bucket]
        found = False
        for portion in self._reader.portions(split, others):
            found = True
            self._splits[split.bucket] = portion.split
            if portion.split.is_over:
                del self._splits[split.bucket]
            if not self._put(portion) or split.bucket in self._paused:
                break
        return found

    def _wait(self, pause: float) -> float:
        """Until splits come, or it is time to look for snapshots; the next pause."""
        self._woken.clear()
        if self._new.empty() and not self._stopping.is_set():
            self._woken.wait(pause if self._splits else None)  # paused ones do not go on before it is set
        return min(2 * pause, self._poll_seconds)

    def _put(self, found: Portion | Exception) -> bool:
        """Hand on, as soon as there is room; False if reading is to stop."""
        while not self._stopping.is_set():
            try:
                self._ready.put(found, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False
