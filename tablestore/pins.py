"""Pins: the tags, consumers and leases of a table, and what they keep from expiry (spec §15.5)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from tablestore.core import Core
from tablestore.errors import FormatError
from tablestore.file import consumer as consumers
from tablestore.file import layout, partition
from tablestore.file import lease as leases
from tablestore.file import tag as tags
from tablestore.file.consumer import Consumer
from tablestore.file.lease import Lease
from tablestore.file.tag import Tag
from tablestore.storage import AlreadyExistsError, AttemptGoneError, NotFoundError

Document = TypeVar("Document")
READS_MAX = 1_000
TORN = ("truncated", "checksum-mismatch")
TORN_MILLIS = 3_600_000


@dataclass(frozen=True)
class Pins:
    """What was pinned when the directories were listed. leases: by path."""

    tags: tuple[Tag, ...]
    leases: dict[str, Lease]
    consumers: tuple[Consumer, ...]

    @property
    def snapshots(self) -> frozenset[int]:
        """Snapshots of tags and leases."""
        return frozenset(
            [*(tag.snapshot for tag in self.tags), *(lease.snapshot for lease in self.leases.values())]
        )

    @property
    def floor(self) -> int | None:
        """From here on consumers keep every snapshot; None without consumers."""
        return min((consumer.keeps for consumer in self.consumers), default=None)

    def kept(self, ids: Iterable[int]) -> set[int]:
        """Those of some snapshots that are pinned."""
        floor = self.floor
        return {id_ for id_ in ids if id_ in self.snapshots or (floor is not None and id_ >= floor)}


def read(core: Core) -> Pins:
    """All pins. Tags come before leases: a lease may rest on a tag that is removed after it (spec §15.5).

    Raises StorageError, FormatError: whoever deletes must not guess.
    """
    return Pins(tuple(read_tags(core)), dict(read_leases(core)), tuple(_consumers_in_force(core)))


def drop_expired(core: Core) -> None:
    """Drops leases and consumers whose time has passed: their holders are gone (spec §15.5)."""
    now = int(time.time() * 1000)
    _drop_torn(core, now - TORN_MILLIS)
    for path, lease in read_leases(core):
        if lease.expires_millis < now:
            with suppress(NotFoundError):
                core.storage.remove(path)
    for consumer in read_consumers(core):
        if consumer.is_dropped:
            _remove_before(core, consumer)
        elif consumer.expires_millis < now:
            _drop(core, consumer, now)


def _drop(core: Core, consumer: Consumer, now: int) -> None:
    """Goes on for a consumer with a document that keeps nothing; one that goes on by itself meanwhile is not dropped.

    The document stays: a follower that found none would begin anew, and miss changes.
    """
    made = replace(
        consumer, number=consumer.number + 1, timestamp_millis=now, expires_millis=consumers.DROPPED
    )
    path = consumers.path(made.name, made.number)
    try:
        core.storage.publish(path, consumers.encode(made), core.schema.options.durable)
    except (AlreadyExistsError, AttemptGoneError):
        return
    _remove_before(core, made)


def _drop_torn(core: Core, before: int) -> None:
    """Leases that a power loss has torn say no time; what is not renewed for so long has no holder."""
    for name in _names(core, layout.LEASE_DIRECTORY):
        lease_id = layout.parse_lease_name(name)
        if lease_id is None:
            continue
        path = layout.lease_path(lease_id)
        with suppress(NotFoundError):
            try:
                leases.decode(core.storage.read(path), path, core.schema.table)
            except FormatError as error:
                if error.code not in TORN or core.storage.status(path).modified_millis > before:
                    raise
                core.storage.remove(path)


def remove_consumer(core: Core, consumer: Consumer) -> None:
    """Removes a consumer's documents up to this one, the oldest first; one that went on meanwhile stays."""
    _remove_before(core, consumer)
    with suppress(NotFoundError):
        core.storage.remove(consumers.path(consumer.name, consumer.number))


def _remove_before(core: Core, consumer: Consumer) -> None:
    escaped = partition.escape(consumer.name)
    for number in sorted(number for found, number in _consumer_names(core) if found == escaped):
        if number < consumer.number:
            with suppress(NotFoundError):
                core.storage.remove(layout.consumer_path(escaped, number))


def read_tags(core: Core) -> Iterator[Tag]:
    """Tags by name."""
    for name in sorted(_names(core, layout.TAG_DIRECTORY)):
        escaped = layout.parse_tag_name(name)
        if escaped is not None:
            path = layout.tag_path(escaped)
            decode = _tag_decoder(core, path, escaped)
            found = _read(core, path, decode)
            if found is not None:
                yield found


def _tag_decoder(core: Core, path: str, escaped: str) -> Callable[[bytes], Tag]:
    return lambda data: tags.decode(data, path, escaped, core.schema.table)


def read_leases(core: Core) -> Iterator[tuple[str, Lease]]:
    """Leases with their paths."""
    for name in sorted(_names(core, layout.LEASE_DIRECTORY)):
        lease_id = layout.parse_lease_name(name)
        if lease_id is not None:
            path = layout.lease_path(lease_id)
            found = _read(core, path, _lease_decoder(core, path))
            if found is not None:
                yield path, found


def _lease_decoder(core: Core, path: str) -> Callable[[bytes], Lease]:
    return lambda data: leases.decode(data, path, core.schema.table)


def _consumers_in_force(core: Core) -> Iterator[Consumer]:
    """Those that keep something: also one that is being dropped, while its last document is there (spec §15.5)."""
    for consumer in read_consumers(core):
        found: Consumer | None = consumer
        if consumer.is_dropped:
            escaped = partition.escape(consumer.name)
            numbers = [number for name, number in _consumer_names(core) if name == escaped]
            before = max((number for number in numbers if number < consumer.number), default=None)
            if before is None:
                continue
            path = layout.consumer_path(escaped, before)
            found = _read(core, path, _consumer_decoder(core, path, escaped, before))
        if found is not None and not found.is_dropped:
            yield found


def read_consumers(core: Core) -> Iterator[Consumer]:
    """The newest document of each consumer."""
    done: set[str] = set()
    for _ in range(READS_MAX):
        newest: dict[str, int] = {}
        for escaped, number in _consumer_names(core):
            newest[escaped] = max(number, newest.get(escaped, 0))
        moved = False
        for escaped, number in sorted(newest.items()):
            if escaped in done:
                continue
            path = layout.consumer_path(escaped, number)
            found = _read(core, path, _consumer_decoder(core, path, escaped, number))
            if found is None:
                moved = True  # it has gone on, or was removed: list again
                continue
            done.add(escaped)
            yield found
        if not moved:
            return


def _consumer_decoder(core: Core, path: str, escaped: str, number: int) -> Callable[[bytes], Consumer]:
    return lambda data: consumers.decode(data, path, escaped, number, core.schema.table)


def _consumer_names(core: Core) -> list[tuple[str, int]]:
    parsed = (layout.parse_consumer_name(name) for name in _names(core, layout.CONSUMER_DIRECTORY))
    return [parts for parts in parsed if parts is not None]


def _names(core: Core, directory: str) -> list[str]:
    try:
        return core.storage.list(directory)
    except NotFoundError:
        return []


def _read(core: Core, path: str, decode: Callable[[bytes], Document]) -> Document | None:
    """A document, or None if it is gone since it was listed."""
    try:
        return decode(core.storage.read(path))
    except NotFoundError:
        return None
