"""The committer of a sink: publishes the parts of a checkpoint as one snapshot, exactly once (spec §16.8)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import pyarrow as pa

from tablestore import prepared
from tablestore.core import FILES_READ_WHOLE_MAX, Core
from tablestore.errors import ConnectorError, FormatError, PreparedGoneError
from tablestore.file import part as parts
from tablestore.file.part import Part
from tablestore.file.snapshot import Snapshot, WriterIdentity, check_identity
from tablestore.flink.protocol import Connection, Value, integer_of, text_of
from tablestore.flink.role import Reply
from tablestore.table import Table
from tablestore.transaction import Outcome

PARTS_MAX: Final = 1 << 20
PUBLISHED, KNOWN, EMPTY = "published", "known", "empty"


class CommitterRole:
    """Requests: `commit` publishes a committable; `restore` looks whether the table has newer commits of a sink than
    the state it was restored from."""

    def __init__(self, table: Table, hello: Mapping[str, bytes], connection: Connection) -> None:
        self._core = table._core

    def batch(self, payload: pa.Buffer) -> None:
        raise ConnectorError("a committer takes no rows", code="bad-message")

    def request(self, op: str, values: Mapping[str, bytes], payload: pa.Buffer | None) -> Reply:
        if op == "commit":
            return Reply(self._commit(values))
        if op == "restore":
            return Reply({"last": self._restore(values)})
        raise ConnectorError(f"a committer cannot {op[:60]!r}", code="bad-message")

    def close(self) -> None:
        """Nothing is held."""

    def _restore(self, values: Mapping[str, bytes]) -> int:
        """sink, restored; accept: whether newer commits are no error. The sink's last commit id, -1 without one."""
        sink, restored = text_of(values, "sink"), integer_of(values, "restored")
        last = last_commit(self._core, sink)
        is_newer(self._core.storage.root, sink, restored, last, text_of(values, "accept") == "true")
        return last

    def _commit(self, values: Mapping[str, bytes]) -> dict[str, Value]:
        """sink, checkpoint; replay: whether Flink may have asked for it before; parts, part-0 …"""
        started = time.monotonic()
        identity = check_identity(text_of(values, "sink"), integer_of(values, "checkpoint"))
        replay = text_of(values, "replay") == "true"
        newest = self._core.lineage.newest().snapshot
        last = newest.committers.get(identity.id, -1)
        if is_known(self._core.storage.root, identity, last, replay):
            return {"outcome": KNOWN, "version": newest.id, **state_of(self._core, newest)}
        found = [self._decode(document) for document in documents_of(values)]
        outcome = self._publish(found, identity, replay)
        snapshot = outcome.version.snapshot
        reply: dict[str, Value] = {
            "outcome": PUBLISHED if outcome.published else EMPTY,
            "version": snapshot.id,
            "rows": sum(part.rows for part in found),
            "files": sum(len(part.entries) for part in found),
            "millis": int((time.monotonic() - started) * 1000),
            "retries": outcome.retries,
        }
        reply.update(state_of(self._core, snapshot))
        return reply

    def _decode(self, document: bytes) -> Part:
        try:
            return parts.decode(document, self._core.schema)
        except FormatError as error:
            if error.code != "wrong-table":
                raise
            raise ConnectorError(
                f"the table at {self._core.storage.root} is not the one that the job has written: it was deleted or "
                f"replaced ({error}). Put it back, or start the job anew, without its state",
                code=error.code,
            ) from error

    def _publish(self, found: list[Part], identity: WriterIdentity, replay: bool) -> Outcome:
        try:
            return prepared.publish(self._core, found, identity, again=replay)
        except PreparedGoneError as error:
            raise ConnectorError(
                f"checkpoint {identity.commit_id} of sink {identity.id}: {error}", code="prepared-gone"
            ) from error


def last_commit(core: Core, sink: str) -> int:
    """The greatest checkpoint of the sink that is in the table; -1 if there is none."""
    return core.lineage.newest().snapshot.committers.get(sink, -1)


def is_known(root: str, identity: WriterIdentity, last: int, replay: bool) -> bool:
    """Whether a commit is in the table, whose last one of the sink is `last`. Raises ConnectorError if the numbers say
    so though it was never tried before: the job was set back, and its rows would be skipped (spec §16.8)."""
    if last >= identity.commit_id and not replay:
        raise older_savepoint(root, identity.id, identity.commit_id - 1, last)
    return last >= identity.commit_id


def is_newer(root: str, sink: str, restored: int, last: int, accept: bool) -> bool:
    """Whether the table has newer commits of a sink than what it was restored from; ConnectorError, unless that is
    accepted (spec §16.8)."""
    if last > restored and not accept:
        raise older_savepoint(root, sink, restored, last)
    return last > restored


def older_savepoint(root: str, sink: str, restored: int, last: int) -> ConnectorError:
    """The error that says so."""
    return ConnectorError(
        f"the job was restored from checkpoint {restored}, but the table {root} has its commits up to "
        f"checkpoint {last} (sink {sink}): what it writes now would be skipped as if it were there already. "
        f"Restore the job from checkpoint {last}; or set 'sink.older-savepoint' = 'new-identity', which writes the "
        f"rows after checkpoint {restored} once more, as new commits: the table then ends where the job does",
        code="older-savepoint",
    )


def documents_of(values: Mapping[str, bytes]) -> list[bytes]:
    """The parts of a committable, in order."""
    count = integer_of(values, "parts")
    if not 0 <= count <= PARTS_MAX or any(f"part-{number}" not in values for number in range(count)):
        raise FormatError(
            "parts of the committable are missing", code="bad-message", file="commit", section="16.9"
        )
    return [values[f"part-{number}"] for number in range(count)]


def state_of(core: Core, snapshot: Snapshot) -> dict[str, Value]:
    """How the table is compacted; how many buckets wait for it, and the sorted runs of the fullest, but for very large
    tables, where that would take time."""
    options = core.schema.options
    state: dict[str, Value] = {"compaction": options.compaction}
    if snapshot.totals.files <= FILES_READ_WHOLE_MAX:
        runs = core.files(snapshot).run_counts()
        state["backlog"] = int((runs >= options.compaction_trigger).sum())
        state["runs"] = int(runs.max()) if len(runs) else 0
    return state
