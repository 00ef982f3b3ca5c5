"""Rows of one commit in the making: a memtable, the files it was spilled to, and deletes known by key only."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa

from tablestore import background, prepared
from tablestore._native import hash as hashing
from tablestore.core import Core
from tablestore.errors import CommitConflictError, SchemaError
from tablestore.file import keys
from tablestore.file import vector as vectors
from tablestore.file.manifest import Entry
from tablestore.file.part import KeyDeletes, Part
from tablestore.file.snapshot import WriterIdentity
from tablestore.lsm import memtable
from tablestore.lsm.lineage import Version
from tablestore.lsm.memtable import Memtable
from tablestore.lsm.relocation import DELETE
from tablestore.transaction import Outcome, Proposal, Transaction, removed

WRITER_MEMORY = 256 << 20
SHARE_OF_MEMORY = 4  # sorting and encoding need about three times the rows' own size
INSERT = 0


class Session:
    """Collects changes; `commit` publishes them as one snapshot. Not for use by several threads at once."""

    def __init__(self, core: Core, memory: int = WRITER_MEMORY) -> None:
        core.schema.check_writable()
        self._core = core
        self._limit = max(1 << 20, memory // SHARE_OF_MEMORY)
        self._base: int | None = None
        self._memtable = Memtable(core.schema)
        self._entries: list[Entry] = []
        self._key_deletes: list[KeyDeletes] = []
        self._ordinal = 0
        self.rows_upserted = 0
        self.rows_deleted = 0

    @property
    def empty(self) -> bool:
        """Whether nothing has been given yet."""
        return not (self._memtable.rows or self._entries or self._key_deletes)

    @property
    def spilled(self) -> Sequence[Entry]:
        """The files written so far, in the order in which they were written."""
        return self._entries

    def upsert(self, table: pa.Table) -> None:
        """Add rows in table schema."""
        self.rows_upserted += table.num_rows
        self._add(table, np.zeros(table.num_rows, np.uint8))

    def apply(self, table: pa.Table, kinds: np.ndarray) -> None:
        """Add rows with their row kinds, uint8[rows]."""
        deletes = int((kinds & 1).sum())
        self.rows_deleted += deletes
        self.rows_upserted += table.num_rows - deletes
        self._add(table, kinds)

    def _add(self, table: pa.Table, kinds: np.ndarray) -> None:
        step = max(1, table.num_rows * self._limit // max(1, table.nbytes))
        for start in range(0, table.num_rows, step):
            part = table.slice(start, step)
            self._memtable.add(part, kinds[start : start + step])
            if self._memtable.nbytes >= self._limit:
                self.flush()

    def delete(self, table: pa.Table) -> None:
        """Delete the keys of `table`, which holds the primary key columns in their order."""
        schema = self._core.schema
        if table.num_rows == 0:
            return
        self.rows_deleted += table.num_rows
        if not (schema.cross_partition or schema.order_fields):
            self._memtable.add(self._tombstones(table), DELETE)
            if self._memtable.nbytes >= self._limit:
                self.flush()
            return
        self.flush()
        ordinal = self._next_ordinal()
        columns = [
            vectors.from_arrow(table.column(field.name).combine_chunks(), field.type)
            for field in schema.key_fields
        ]
        encoded = keys.encode(columns, table.num_rows)
        buckets = hashing.buckets(encoded.hashes(), schema.buckets)
        order, group_end = encoded.sort(buckets, schema.buckets, None)
        start = 0
        for bucket, stop in enumerate(group_end.tolist()):
            if stop > start:
                self._key_deletes.append(KeyDeletes(bucket, encoded.take(order[start:stop]), ordinal))
                start = stop

    def _tombstones(self, table: pa.Table) -> pa.Table:
        """Rows that hold keys and nothing else: nulls, or zero where null is not allowed."""
        schema = self._core.schema
        rows = table.num_rows
        columns = []
        for field in schema.fields:
            if field.id in schema.primary_key:
                columns.append(table.column(field.name))
            elif field.nullable:
                columns.append(pa.nulls(rows, field.type.arrow))
            else:
                columns.append(zeros(field.type.arrow, rows))
        return pa.table(columns, schema=schema.arrow)

    def flush(self) -> None:
        """Spill the memtable to level 0 files."""
        if self._memtable.rows == 0:
            return
        ordinal = self._next_ordinal()
        rows = self._memtable.sort()
        self._memtable.clear()
        if self._base is None:
            self._base = self._core.lineage.newest().id
        self._entries.extend(memtable.flush(self._core.cache, rows, self._base, ordinal))

    def _next_ordinal(self) -> int:
        self._ordinal += 1
        return self._ordinal - 1

    def prepare(self) -> Part:
        """Make everything given so far durable, to be published later, by any process, and begin anew."""
        part = self._take()
        self._core.storage.sync_directories(self._core.schema.options.durable)
        return part

    def _take(self) -> Part:
        """What is to be published. From here on the files may become live at any moment: only a proven conflict deletes
        them (spec §11.4)."""
        self.flush()
        part = Part(tuple(self._entries), tuple(self._key_deletes), self._ordinal)
        self._reset()
        return part

    def commit(self, identity: WriterIdentity | None = None, watermark: int | None = None) -> Outcome:
        """Publish everything given so far as one snapshot, and begin anew. Without changes nothing is published,
        unless an identity or a watermark is to be recorded. After an error the changes must be given again."""
        part = self._take()
        transaction = prepared.transaction(self._core, part, self._propose, identity, watermark)
        try:
            background.before_publish(self._core, part.entries)
        except BaseException:
            transaction.discard(part.entries)  # nothing was published yet
            raise
        try:
            outcome = transaction.commit()
        except (CommitConflictError, SchemaError):
            transaction.discard(part.entries)
            raise
        if not outcome.published:
            transaction.discard(part.entries)
        return outcome

    def _propose(self, base: Version, part: Part) -> Proposal:
        return prepared.propose(self._core, base, part, self.live_entries)

    def live_entries(self, base: Version, buckets: Collection[int]) -> list[Entry]:
        """Live files that the commit's rows may meet."""
        return self._core.bucket_entries(base.snapshot, buckets)

    def abort(self) -> None:
        """Forget everything and delete the files written so far."""
        transaction = Transaction(self._core, lambda base: None)
        transaction.discard(self._entries)
        self._reset()

    def _reset(self) -> None:
        self._memtable.clear()
        self._entries = []
        self._key_deletes = []
        self._ordinal = 0
        self._base = None
        self.rows_upserted = self.rows_deleted = 0


class OverwriteSession(Session):
    """A commit that replaces what is live in some partitions, or in all."""

    def __init__(self, core: Core, partition: bytes | None, memory: int = WRITER_MEMORY) -> None:
        super().__init__(core, memory)
        self._partition = partition

    def _propose(self, base: Version, part: Part) -> Proposal:
        wrong = [entry for entry in part.entries if self._partition not in (None, entry.partition)]
        if wrong:
            raise SchemaError("overwrite(partition=…) was given rows of another partition")
        appended = super()._propose(base, part)
        everything = self._core.entries(base.snapshot)
        gone = [entry for entry in everything if self._partition in (None, entry.partition)]
        changes = [*removed(gone), *appended.changes]
        return Proposal("overwrite", changes, appended.written)

    def live_entries(self, base: Version, buckets: Collection[int]) -> list[Entry]:
        """Only files that stay."""
        everything = super().live_entries(base, buckets)
        return [entry for entry in everything if self._partition not in (None, entry.partition)]


def zeros(kind: pa.DataType, rows: int) -> pa.Array:
    """Zero values, empty texts, empty lists of a type."""
    if pa.types.is_struct(kind):
        children = [zeros(kind.field(i).type, rows) for i in range(kind.num_fields)]
        return pa.StructArray.from_arrays(children, fields=[kind.field(i) for i in range(kind.num_fields)])
    if pa.types.is_list(kind) or pa.types.is_map(kind):
        return pa.array([[]] * rows, kind)
    if pa.types.is_string(kind):
        return pa.array([""] * rows, kind)
    if pa.types.is_binary(kind):
        return pa.array([b""] * rows, kind)
    if pa.types.is_boolean(kind):
        return pa.array([False] * rows, kind)
    width = kind.bit_width // 8
    return pa.Array.from_buffers(kind, rows, [None, pa.py_buffer(bytes(width * rows))])
