"""How far a follower has come: its consumer's documents (spec §15.2), one after another, durable like commits."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

import pyarrow as pa

from tablestore import pins
from tablestore.core import Core
from tablestore.errors import CommitConflictError, CommitUnknownError, SnapshotExpiredError, StorageError
from tablestore.file import consumer as consumers
from tablestore.file import layout, partition
from tablestore.file.consumer import Consumer
from tablestore.file.tag import check_name
from tablestore.results import ConsumerResult
from tablestore.storage import AlreadyExistsError, NotFoundError, PublishUnknownError

READS_MAX = 100
_MOMENT = pa.timestamp("ms", "UTC")
_CONSUMERS = pa.schema(
    [
        ("name", pa.string()),
        ("next", pa.int64()),
        ("position", pa.int64()),
        ("until", pa.int64()),
        ("state", pa.bool_()),
        ("timestamp", _MOMENT),
        ("expires", _MOMENT),
    ]
)


@dataclass(frozen=True)
class Mark:
    """What comes next: rows from `position` on of the changes of snapshot `next`, or with `state` of its rows.
    until: if it is not 0, the changes are the net difference up to there."""

    next: int
    position: int = 0
    state: bool = False
    until: int = 0


def _mark_of(document: Consumer) -> Mark:
    return Mark(document.next, document.position, document.state, document.until)


class Progress:
    """The consumer `name`. Whoever saved last owns it; another process under that name then gets an error."""

    def __init__(self, core: Core, name: str, expires_millis: int) -> None:
        check_name(name, "consumer")
        self._core = core
        self._name = name
        self._expires_millis = expires_millis
        self._newest: Consumer | None = None

    def resume(self) -> Mark | None:
        """Where the consumer stopped, or None for a new one. Raises SnapshotExpiredError if that is gone."""
        found = self._newest = self._read()
        if found is None:
            return None
        mark = _mark_of(found)
        self.save(mark)
        return mark

    def _read(self) -> Consumer | None:
        """The document that counts: that of the greatest number."""
        escaped = partition.escape(self._name)
        for _ in range(READS_MAX):
            numbers = [number for found, number in self._documents() if found == escaped]
            if not numbers:
                return None
            path = layout.consumer_path(escaped, max(numbers))
            with suppress(NotFoundError):  # it has gone on: list again
                data = self._core.storage.read(path)
                return consumers.decode(data, path, escaped, max(numbers), self._core.schema.table)
        raise CommitConflictError(f"consumer {self._name!r} is at work in another process")

    def _documents(self) -> Iterable[tuple[str, int]]:
        try:
            names = self._core.storage.list(layout.CONSUMER_DIRECTORY)
        except NotFoundError:
            return []
        return [parsed for parsed in map(layout.parse_consumer_name, names) if parsed is not None]

    def save(self, mark: Mark) -> None:
        """Put the next document in place. Raises CommitConflictError if another process has taken the consumer over,
        SnapshotExpiredError if it does not come into force (spec §15.5)."""
        document = self._next(mark)
        while not self._publish(document):
            document = self._next(mark)  # after that of an expirer, which has dropped the consumer
        before, path = self._newest, consumers.path(self._name, document.number)
        if before is not None and not self._core.storage.exists(consumers.path(self._name, before.number)):
            self._remove(path)
            if document.keeps < self._core.lineage.boundary():
                raise self.lapsed(mark)
            raise CommitConflictError(f"consumer {self._name!r} was removed while it followed the table")
        was_in_force = before is not None and not before.is_dropped
        if document.keeps < self._core.lineage.boundary() and not was_in_force:
            self._remove(path)
            raise self.lapsed(mark)
        self._newest = document
        if before is not None:
            self._remove(consumers.path(self._name, before.number))

    def _next(self, mark: Mark) -> Consumer:
        now = int(time.time() * 1000)
        return Consumer(
            self._core.schema.table,
            self._name,
            1 if self._newest is None else self._newest.number + 1,
            mark.next,
            mark.position,
            mark.state,
            now,
            now + self._expires_millis,
            mark.until,
        )

    @property
    def path(self) -> str:
        """The document that keeps the consumer's snapshots, whatever the boundary is, for as long as it is there."""
        assert self._newest is not None
        return consumers.path(self._name, self._newest.number)

    def renew(self, mark: Mark) -> None:
        """Save if the mark has moved, or a third of the time has passed after which the consumer may be dropped."""
        newest = self._newest
        assert newest is not None
        age = int(time.time() * 1000) - newest.timestamp_millis
        if _mark_of(newest) != mark or 3 * age > self._expires_millis:
            self.save(mark)

    def _publish(self, document: Consumer) -> bool:
        """Put a document in place; False if that of an expirer, which has dropped the consumer, was there first."""
        path, data = consumers.path(self._name, document.number), consumers.encode(document)
        try:
            self._core.storage.publish(path, data, self._core.schema.options.durable)
        except (AlreadyExistsError, PublishUnknownError) as error:
            found = self._found(path)
            if found == data and isinstance(error, AlreadyExistsError):
                return True  # the answer to an earlier attempt was lost
            if found is not None and found != data:
                other = consumers.decode(
                    found, path, partition.escape(self._name), document.number, self._core.schema.table
                )
                if other.is_dropped:
                    self._newest = other
                    return False
                raise CommitConflictError(
                    f"another process follows the table as consumer {self._name!r}; give each a name of its own"
                ) from error
            raise CommitUnknownError(
                f"the progress of consumer {self._name!r} may or may not be saved: {error}; follow again under its name"
            ) from error
        return True

    def _found(self, path: str) -> bytes | None:
        with suppress(StorageError):
            return self._core.storage.read(path)
        return None

    def _remove(self, path: str) -> None:
        with suppress(StorageError):
            self._core.storage.remove(path)

    def lapsed(self, mark: Mark) -> SnapshotExpiredError:
        """What to say if a snapshot that comes next is gone."""
        return SnapshotExpiredError(
            f"consumer {self._name!r} stopped at snapshot {mark.next} of {self._core.storage.root}, which has expired: "
            f"the table keeps those from {self._core.lineage.boundary()} on. drop_consumer({self._name!r}) or take "
            'another name, and follow with since="latest-full" to begin with the whole state, or "earliest"; a longer '
            "consumer_expires keeps snapshots for longer"
        )


def drop(core: Core, name: str) -> ConsumerResult:
    """Removes a consumer. Raises SnapshotExpiredError if there is none of the name."""
    check_name(name, "consumer")
    for found in pins.read_consumers(core):
        if found.name == name:
            pins.remove_consumer(core, found)
            return ConsumerResult(name, found.next, found.position)
    raise SnapshotExpiredError(f"there is no consumer {name!r}; consumers() lists those there are")


def table(core: Core) -> pa.Table:
    """All consumers by name: what comes next, when that was saved, and until when they keep snapshots."""
    rows = [
        {
            "name": found.name,
            "next": found.next,
            "position": found.position,
            "until": found.until or None,
            "state": found.state,
            "timestamp": found.timestamp_millis,
            "expires": None if found.is_dropped else found.expires_millis,
        }
        for found in sorted(pins.read_consumers(core), key=lambda found: found.name)
    ]
    return pa.Table.from_pylist(rows, schema=_CONSUMERS)


def at_position(mark: Mark, rows: int) -> Mark:
    """The mark after `rows` more rows."""
    return replace(mark, position=mark.position + rows)
