"""The writer of a sink's subtask: rows become durable files continuously, and a part of a commit at each checkpoint
(spec §16.7 to §16.9). It keeps nothing between checkpoints; what it leaves behind when it is killed are orphans."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from tablestore import claims
from tablestore.errors import ConnectorError
from tablestore.file import part as parts
from tablestore.file.manifest import Entry, Place
from tablestore.flink import batch
from tablestore.flink.amounts import memory_of
from tablestore.flink.protocol import Connection, Value, integer_of
from tablestore.flink.role import Reply
from tablestore.options import duration_millis
from tablestore.session import WRITER_MEMORY, Session
from tablestore.table import Table
from tablestore.writer import WRITER_MEMORY_MIN

LOOK_SECONDS: Final = 0.25  # between two looks at the number of sorted runs
PAUSE_SECONDS: Final = 0.25  # by which a batch is held up when there are too many
PLACES_LOOKED_AT: Final = 64


class WriterRole:
    """HELLO: `subtask` and `parallelism` of the sink, for the routing. Requests: `prepare`."""

    def __init__(self, table: Table, hello: Mapping[str, bytes], connection: Connection) -> None:
        self._core = table._core
        self._fields = self._core.schema.fields
        self._subtask = integer_of(hello, "subtask")
        self._parallelism = integer_of(hello, "parallelism")
        self._session = Session(
            self._core, memory_of(hello, "writer-memory", WRITER_MEMORY, WRITER_MEMORY_MIN)
        )
        self._pace = Pace(table, connection)
        self._checked = 0
        self._rows = 0
        self._deletes = 0

    def batch(self, payload: pa.Buffer) -> None:
        """Take rows; sort and write them to files when enough are there."""
        rows, kinds = batch.decode(payload, self._fields)
        table = pa.Table.from_batches([rows])
        if kinds is None:
            self._session.upsert(table)
        else:
            keep = kinds != batch.UPDATE_BEFORE
            if not keep.all():
                table, kinds = table.filter(pa.array(keep)), kinds[keep]
            self._deletes += int(np.count_nonzero(kinds == batch.DELETE))
            self._session.apply(table, kinds)
        self._rows += table.num_rows
        self._check_routing(self._session.spilled)
        self._pace.keep(self._session.spilled)

    def request(self, op: str, values: Mapping[str, bytes], payload: pa.Buffer | None) -> Reply:
        if op != "prepare":
            raise ConnectorError(f"a writer cannot {op[:60]!r}", code="bad-message")
        return Reply(self._prepare())

    def _prepare(self) -> dict[str, Value]:
        """Everything so far as documents of a part; it is durable, and the writer begins anew."""
        started = time.monotonic()
        self._session.flush()
        self._check_routing(self._session.spilled)
        prepared = self._session.prepare()
        documents = parts.encode(prepared, self._core.schema)
        reply: dict[str, Value] = {
            "rows": self._rows,
            "deletes": self._deletes,
            "files": len(prepared.entries),
            "bytes": sum(entry.size for entry in prepared.entries),
            "millis": int((time.monotonic() - started) * 1000),
            "stalled-millis": int(self._pace.seconds * 1000),
            "parts": len(documents),
        }
        reply.update((f"part-{number}", document) for number, document in enumerate(documents))
        self._checked = self._rows = self._deletes = 0
        return reply

    def _check_routing(self, entries: Sequence[Entry]) -> None:
        """Every row is in a file of its bucket: rows of a bucket that another subtask writes must not be here."""
        for entry in entries[self._checked :]:
            expected = writer_of(entry.bucket, self._core.schema.buckets, self._parallelism)
            if expected != self._subtask:
                raise ConnectorError(
                    f"rows of bucket {entry.bucket} of {self._core.schema.buckets} came to subtask {self._subtask} of "
                    f"{self._parallelism} and belong to subtask {expected}: the connector and the library do not agree "
                    "on the hash of the primary key. Nothing of them is visible; install the same release of both",
                    code="routing",
                )
        self._checked = len(entries)

    def close(self) -> None:
        """Delete the files that are in no part."""
        self._session.abort()


def writer_of(bucket: int, buckets: int, writers: int) -> int:
    """The subtask that writes a bucket; the connector computes the same (spec §16.7)."""
    return bucket * writers // buckets


class Pace:
    """Holds a writer up, between batches, while its buckets have more sorted runs than `compaction.stop` and a
    compactor is at work: by a moment for each batch, and with twice as many until there are fewer (spec §13.11)."""

    def __init__(self, table: Table, connection: Connection) -> None:
        self._core = table._core
        self._connection = connection
        self._looked = 0.0
        self._places: list[Place] = []
        self.seconds = 0.0

    def keep(self, entries: Sequence[Entry]) -> None:
        """Wait if need be. entries: the files of this checkpoint so far; while there are none, those before count."""
        started = time.monotonic()
        if started - self._looked < LOOK_SECONDS:
            return
        if entries:
            self._places = list({entry.place for entry in entries})
        stop = self._core.schema.options.compaction_stop
        runs = self._runs()
        if runs >= stop and claims.compactor_is_alive(self._core):
            self._wait(PAUSE_SECONDS)
            end = started + duration_millis(self._core.schema.options.stall_timeout) / 1000
            while (
                self._runs() >= 2 * stop and time.monotonic() < end and claims.compactor_is_alive(self._core)
            ):
                self._wait(PAUSE_SECONDS)
        self._looked = time.monotonic()
        self.seconds += self._looked - started

    def _runs(self) -> int:
        """Sorted runs of the fullest bucket, or of the fullest of some."""
        newest = self._core.lineage.newest().snapshot
        some = self._places
        if len(some) > PLACES_LOOKED_AT:
            some = random.sample(some, PLACES_LOOKED_AT)
        return max((self._core.run_count(newest, place) for place in some), default=0)

    def _wait(self, seconds: float) -> None:
        self._connection.stopping.wait(seconds)
