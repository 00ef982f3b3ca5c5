"""The table: the public face of the library. Everything it does is decided in lsm/ and published by transaction.py."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa

from tablestore import background, ingest, lease, orphans, progress, retention, tags
from tablestore.changes import Changes, changes_between
from tablestore.core import Core, open_core
from tablestore.errors import SchemaError, SnapshotExpiredError, TableExistsError, TableNotFoundError
from tablestore.file import keys as encoded_keys
from tablestore.file import layout, snapshot
from tablestore.file import schema as table_schema
from tablestore.file import vector as vectors
from tablestore.file.schema import TableSchema
from tablestore.file.snapshot import NO_PARENT_DIGEST, Snapshot
from tablestore.file.tag import path as tag_path
from tablestore.follow import POLL_SECONDS, Follower, Limits, follow
from tablestore.lsm.lineage import HINT_PATH, Lineage, Version
from tablestore.metrics import TableMetrics, of_table
from tablestore.options import TableOptions
from tablestore.results import (
    CommitResult,
    CompactResult,
    ConsumerResult,
    ExpireResult,
    OrphanResult,
    RollbackResult,
    TagResult,
)
from tablestore.session import WRITER_MEMORY, OverwriteSession, Session
from tablestore.storage import AlreadyExistsError, NotFoundError, Storage, open_storage
from tablestore.transaction import Outcome
from tablestore.view import View, newest_view
from tablestore.writer import Writer

DELETE = 3


def create_table(
    path: str | os.PathLike[str] | Storage,
    schema: pa.Schema,
    *,
    primary_key: str | Sequence[str],
    partition_by: str | Sequence[str] = (),
    buckets: int = 1,
    options: Mapping[str, str | int] | None = None,
    if_exists: str = "error",
    storage_options: Mapping[str, str] | None = None,
) -> Table:
    """Create a table in an empty or missing directory.

    schema: columns (pa.Schema); types are those of spec §2.2. options: spec §8.4, and `sequence.field` (columns that
    order versions, separated by commas) and `merge-engine`. if_exists: "error" raises TableExistsError, "open" opens
    the table that is there. Raises SchemaError for what cannot be stored.
    """
    if if_exists not in ("error", "open"):
        raise SchemaError(f'if_exists is "error" or "open", not {if_exists!r}')
    storage = open_storage(path, storage_options)
    parsed, rest = TableOptions.parse(options or {})
    made = table_schema.new_schema(
        schema,
        primary_key=_names(primary_key),
        partition_by=_names(partition_by),
        buckets=buckets,
        merge_engine=str(rest.get("merge-engine", "deduplicate")),
        sequence_fields=_names(
            str(rest.get("sequence.field", "")).split(",") if rest.get("sequence.field") else ()
        ),
        options=parsed,
    )
    if Lineage(storage).ids() or Lineage(storage).boundary():
        return _existing(storage, if_exists)
    storage.probe()
    durable = parsed.durable
    try:
        storage.publish(layout.schema_path(0), table_schema.encode(made), durable)
    except AlreadyExistsError:
        path_of = layout.schema_path(0)
        made = table_schema.decode(storage.read(path_of), path_of, 0)
    try:
        storage.publish(layout.snapshot_path(1), snapshot.encode(_first_snapshot(made)), durable)
    except AlreadyExistsError:
        return _existing(storage, if_exists)
    if Lineage(
        storage
    ).boundary():  # others made the table long ago, and its first snapshot has expired (spec §11.6)
        with suppress(NotFoundError):
            storage.remove(layout.snapshot_path(1))
        return _existing(storage, if_exists)
    storage.write_hint(HINT_PATH, layout.format_hint(1))
    return Table(open_core(storage))


def _existing(storage: Storage, if_exists: str) -> Table:
    if if_exists == "open":
        return Table(open_core(storage))
    raise TableExistsError(f'there is a table at {storage.root} already; if_exists="open" opens it')


def _first_snapshot(schema: TableSchema) -> Snapshot:
    return Snapshot(
        table=schema.table,
        id=1,
        parent=0,
        parent_digest=NO_PARENT_DIGEST,
        schema_id=schema.id,
        kind="create",
        commit=layout.new_id(),
        timestamp_millis=int(datetime.datetime.now(datetime.UTC).timestamp() * 1000),
    )


def open_table(
    path: str | os.PathLike[str] | Storage, *, storage_options: Mapping[str, str] | None = None
) -> Table:
    """Open a table. Raises TableNotFoundError if there is none."""
    storage = open_storage(path, storage_options)
    return Table(open_core(storage))


def _names(names: str | Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        return (names.strip(),)
    return tuple(name.strip() for name in names)


class Table(View):
    """An open table. Reads see the newest snapshot at the time of the call; every mutator publishes one snapshot and
    returns a frozen result with the new version and counts. Any number of processes may do the same at once."""

    def __init__(self, core: Core) -> None:
        super().__init__(core, None)

    def at(
        self,
        *,
        version: int | None = None,
        tag: str | None = None,
        timestamp: datetime.datetime | None = None,
    ) -> View:
        """A read-only view of an older snapshot: by id, by tag, or the newest one not later than `timestamp`. The
        snapshot stays as long as the view lives.

        Raises SnapshotExpiredError if there is none.
        """
        if sum(argument is not None for argument in (version, tag, timestamp)) != 1:
            raise SchemaError("at() takes one of version, tag, timestamp")
        if tag is not None:
            return View(self._core, tags.version_of(self._core, tag), tag_path(tag))
        if version is not None:
            return View(self._core, self._core.lineage.at(version))
        assert timestamp is not None
        moment = timestamp if timestamp.tzinfo else timestamp.astimezone()
        millis = moment.timestamp() * 1000
        for found in reversed(self._core.lineage.versions()):
            if found.snapshot.timestamp_millis <= millis:
                return View(self._core, found)
        raise SnapshotExpiredError(f"there is no snapshot as old as {timestamp}")

    def changes(
        self,
        since: int | str | datetime.datetime,
        until: int | str | datetime.datetime | None = None,
        *,
        columns: Sequence[str] | None = None,
        filter: Any = None,
        net: bool = True,
    ) -> Changes:
        """What changed from one snapshot to another, exactly: a lazy stream like that of `scan`.

        since, until: a version, the name of a tag, or a time as in `at`; until None = the newest. columns, filter: as
        in `scan`; both snapshots are seen through them. net: one difference of the two; False: snapshot by snapshot.
        Raises SchemaError if since is later than until, SnapshotExpiredError if one of them does not exist.
        """
        return changes_between(self._core, self._moment(since), self._moment(until), columns, filter, net)

    def follow(
        self,
        since: int | str | datetime.datetime = "latest",
        *,
        consumer: str | None = None,
        columns: Sequence[str] | None = None,
        filter: Any = None,
        poll_seconds: float = POLL_SECONDS,
        until: int | None = None,
        timeout: float | None = None,
        net: bool = False,
        consumer_expires: datetime.timedelta = datetime.timedelta(days=1),
    ) -> Follower:
        """Changes snapshot by snapshot, as they are published: an iterator of Arrow batches like those of `changes`.

        since: "latest" (changes from now on), "latest-full" (all rows as "+I" first), "earliest" (the same from the
        oldest snapshot that is kept), a version or a datetime (changes after it). poll_seconds: the longest pause
        between two looks. until: the last version. timeout: end after so many seconds without a new snapshot. net: take
        all snapshots that are there at a look as one difference, whose `_version` is the last: who is behind catches up
        at the cost of what is different, and without a consumer needs none of those that have expired in between.

        consumer: a name under which progress is saved when the next batch is asked for; who comes back under it goes on
        there, whatever `since` says, with the same columns, filter and net. Its snapshots are kept from expiry until it
        has not been heard of for `consumer_expires`. Raises SnapshotExpiredError if a snapshot that comes next has
        expired (`drop_consumer` to begin anew), CommitConflictError if another process has taken over the consumer.
        """
        limits = Limits(poll_seconds, until, timeout, net)
        named = None if consumer is None else (consumer, consumer_expires)
        return follow(self._core, self._moment, since, columns, filter, limits, named)

    def consumers(self) -> pa.Table:
        """All consumers: name, next (the version whose changes come next), position (rows of it handed on), state (all
        rows of that version come first), timestamp, expires (null: dropped, it keeps nothing any more)."""
        return progress.table(self._core)

    def drop_consumer(self, name: str) -> ConsumerResult:
        """Forget a consumer and let go of its snapshots; whoever follows under the name then begins at `since`. Raises
        SnapshotExpiredError if there is none of the name."""
        return progress.drop(self._core, name)

    def _moment(self, moment: int | str | datetime.datetime | None) -> View:
        """A view of the snapshot that a version, tag or time names; None = the newest."""
        if moment is None:
            return newest_view(self._core)
        if isinstance(moment, datetime.datetime):
            return self.at(timestamp=moment)
        if isinstance(moment, str):
            return self.at(tag=moment)
        if type(moment) is not int:
            raise SchemaError(f"a snapshot is named by a version, a tag or a datetime, not {moment!r}")
        return self.at(version=moment)

    def metrics(self) -> TableMetrics:
        """Figures of the newest snapshot: sizes, sorted runs, compaction backlog, lag of consumers, leases."""
        return of_table(self._core)

    def upsert(self, data: Any) -> CommitResult:
        """Insert rows, or replace those with the same primary key, as one snapshot.

        data: anything with `__arrow_c_stream__` (pyarrow, pandas, polars, DuckDB …), a polars LazyFrame, list of dicts.
        """
        session = Session(self._core)
        try:
            for table in ingest.iter_tables(data, self._core.schema):
                session.upsert(table)
            return self._commit(session)
        except BaseException:
            session.abort()
            raise

    def delete(self, keys: Any = None, *, where: Any = None) -> CommitResult:
        """Delete by key (a table or list holding the primary key columns) or by filter, as one snapshot."""
        if (keys is None) == (where is None):
            raise SchemaError("delete() takes either keys or where=…")
        session = Session(self._core)
        try:
            if where is None:
                session.delete(ingest.keys_table(keys, self._core.schema))
            else:
                for batch in self.scan(filter=where).to_batches():
                    rows = pa.Table.from_batches([batch])
                    session.apply(rows, np.full(rows.num_rows, DELETE, np.uint8))
            return self._commit(session)
        except BaseException:
            session.abort()
            raise

    def apply_changes(self, data: Any) -> CommitResult:
        """Apply rows in order, each by its `_row_kind` column: "+I", "-U", "+U" or "-D"; one snapshot."""
        session = Session(self._core)
        try:
            for table, kinds in ingest.iter_changes(data, self._core.schema):
                session.apply(table, kinds)
            return self._commit(session)
        except BaseException:
            session.abort()
            raise

    def overwrite(self, data: Any, partition: Mapping[str, Any] | None = None) -> CommitResult:
        """Replace the whole table, or one partition given as {column: value}, by `data`; one snapshot."""
        encoded = None if partition is None else self._encode_partition(partition)
        session = OverwriteSession(self._core, encoded)
        try:
            for table in ingest.iter_tables(data, self._core.schema):
                session.upsert(table)
            return self._commit(session)
        except BaseException:
            session.abort()
            raise

    def _encode_partition(self, partition: Mapping[str, Any]) -> bytes:
        fields = self._core.schema.partition_fields
        names = [field.name for field in fields]
        if not fields or set(partition) != set(names):
            raise SchemaError(
                f"partition must name exactly the partition columns: {', '.join(names) or 'none'}"
            )
        try:
            columns = [
                vectors.from_arrow(pa.array([partition[field.name]], field.type.arrow), field.type)
                for field in fields
            ]
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise SchemaError(f"a partition value is not of its column's type: {error}") from None
        return encoded_keys.encode_tuples(columns, 1).key(0)

    def _commit(self, session: Session) -> CommitResult:
        rows, deletes = session.rows_upserted, session.rows_deleted
        outcome = session.commit()
        self._after_commit(outcome)
        return CommitResult.of(outcome, rows, deletes)

    def _after_commit(self, outcome: Outcome) -> None:
        background.after_commit(self._core, outcome)

    def writer(self, writer_id: str | None = None, *, memory: int = WRITER_MEMORY) -> Writer:
        """A streaming writer in bounded memory (bytes); see `Writer`. writer_id names it for idempotent commits."""
        return Writer(self._core, writer_id, memory, self._after_commit)

    def compact(self, full: bool = False) -> CompactResult:
        """Merge sorted runs where the options call for it; full: every bucket into one run; deletes go,
        except in tables with sequence fields, where late rows may still come."""
        return background.compact(self._core, full)

    def tag(self, name: str, version: int | None = None) -> TagResult:
        """Name a snapshot, the newest by default; it stays until `untag`. Raises CommitConflictError if the name is
        taken by another snapshot, SnapshotExpiredError."""

        def create(found: Version) -> TagResult:
            tags.create(self._core, name, found)
            return TagResult(name, found.id)

        if version is None:
            return lease.of_newest(self._core, create)
        return create(self._core.lineage.at(version))

    def untag(self, name: str) -> TagResult:
        """Remove a tag. Raises SnapshotExpiredError if there is none of the name."""
        found = tags.read(self._core, name)
        tags.remove(self._core, name)
        return TagResult(name, found.snapshot)

    def tags(self) -> pa.Table:
        """All tags: name, version, timestamp."""
        return tags.table(self._core)

    def rollback(self, version: int) -> RollbackResult:
        """Show again what `version` showed, as a new snapshot; those in between stay until they expire.

        Raises SnapshotExpiredError. Later commits go on from there, and followers see the difference.
        """
        return retention.rollback(self._core, self._core.lineage.at(version))

    def expire_snapshots(
        self,
        keep_last: int = 10,
        older_than: datetime.datetime | datetime.timedelta | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> ExpireResult:
        """Delete snapshots but the newest `keep_last`, with older_than only those that are older, and the files that no
        other snapshot needs. What a tag, a consumer or a reader holds stays. After a crash run it again.

        progress(done, total) is called with files.
        """
        return retention.expire(self._core, keep_last, older_than, progress)

    def remove_orphan_files(
        self,
        dry_run: bool = True,
        older_than: datetime.datetime | datetime.timedelta = orphans.DAY,
        progress: Callable[[int, int], None] | None = None,
    ) -> OrphanResult:
        """Delete files of commits that never came to be; dry_run: only list them.

        older_than: commits that began before may fail (CommitConflictError, write again) if they are still under way;
        right with any limit, `timedelta(0)` included. progress(done, total) is called with files.
        """
        return orphans.remove(self._core, dry_run, older_than, progress)


__all__ = ["Table", "TableNotFoundError", "View", "create_table", "open_table"]
