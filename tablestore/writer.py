"""The streaming writer: any number of changes in bounded memory, one snapshot per commit, idempotent by commit id."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from tablestore import ingest
from tablestore.core import Core
from tablestore.errors import SchemaError
from tablestore.file.snapshot import check_identity
from tablestore.lsm.lineage import Version
from tablestore.results import CommitResult
from tablestore.session import WRITER_MEMORY, Session
from tablestore.transaction import Outcome

WRITER_MEMORY_MIN = 8 << 20


class Writer:
    """Made by `Table.writer`. Rows are sorted and spilled to files when the memory budget is reached; nothing is
    visible before `commit`. Leaving the `with` block without a commit deletes what was spilled."""

    def __init__(
        self,
        core: Core,
        writer_id: str | None,
        memory: int,
        after: Callable[[Outcome], None],
    ) -> None:
        if memory < WRITER_MEMORY_MIN:
            raise SchemaError(f"a writer needs at least {WRITER_MEMORY_MIN >> 20} MiB of memory")
        self._core = core
        self._writer_id = writer_id
        self._memory = memory
        self._after = after
        self._session = Session(core, memory)

    def upsert(self, data: Any) -> None:
        """Insert rows, or replace those with the same key. Takes what `Table.upsert` takes."""
        for table in ingest.iter_tables(data, self._core.schema):
            self._session.upsert(table)

    def delete(self, keys: Any) -> None:
        """Delete by key: a table or list that holds the primary key columns. Absent keys are no error."""
        self._session.delete(ingest.keys_table(keys, self._core.schema))

    def apply_changes(self, data: Any) -> None:
        """Apply rows in order, each by its `_row_kind`: "+I", "-U", "+U" or "-D"."""
        for table, kinds in ingest.iter_changes(data, self._core.schema):
            self._session.apply(table, kinds)

    def commit(self, commit_id: int | None = None, watermark: int | None = None) -> CommitResult:
        """Publish everything since the last commit as one snapshot.

        commit_id: with the writer's id it names the commit; ids ascend, and one that is already in is not published
        again (`published` is False in the result). Raises CommitConflictError, CommitUnknownError.
        """
        identity = None
        if commit_id is not None:
            if self._writer_id is None:
                raise SchemaError("a commit id needs a writer id: table.writer(writer_id=…)")
            identity = check_identity(self._writer_id, commit_id)
        rows, deletes = self._session.rows_upserted, self._session.rows_deleted
        outcome = self._session.commit(identity, watermark)
        self._after(outcome)
        return CommitResult.of(outcome, rows, deletes)

    def last_commit_id(self) -> int | None:
        """The greatest commit id of this writer id that is in the table."""
        newest: Version = self._core.lineage.newest()
        return newest.snapshot.committers.get(self._writer_id or "")

    def close(self) -> None:
        """Forget uncommitted rows and delete their files."""
        self._session.abort()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


__all__ = ["WRITER_MEMORY", "Writer"]
