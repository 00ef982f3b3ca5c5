"""The state machine: every operation of a table, in any order, against the dict of `oracle`."""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import tablestore as ts
from tablestore import transaction
from tablestore.lsm import cache, scan, window
from tests.model import conditions, value_pool
from tests.model.layouts import Layout, layouts
from tests.model.oracle import DELETE, INSERT, Key, Oracle, Row

KINDS = ("+I", "-U", "+U", "-D")
COUNTS = st.sampled_from((0, 1, 2, 5, 20, 60))
SEEDS = st.integers(0, 2**16)
Change = Callable[[Oracle], None]


@contextlib.contextmanager
def small_memory(source: random.Random) -> Any:
    """Budgets so small that a few rows make many windows, sparse reads, merged manifests and closed files."""
    patches = [
        mock.patch.object(scan, "WINDOW_ROWS_MIN", source.choice((1, 4, 30, 65_536))),
        mock.patch.object(scan, "WINDOW_ROWS_MAX", source.choice((1, 10, 1 << 20))),
        mock.patch.object(window, "SPARSE", source.choice((1, 2, 8))),
        mock.patch.object(transaction, "MANIFESTS_MERGED_MIN", source.choice((2, 3, 16))),
        mock.patch.object(cache, "READERS_MAX", source.choice((1, 3, 512))),
    ]
    with contextlib.ExitStack() as stack:
        for patch in patches:
            stack.enter_context(patch)
        yield


class TableMachine(RuleBasedStateMachine):
    """Two handles of one table take turns; a third may hold a writer open between their commits."""

    @initialize(layout=layouts(), seed=SEEDS)
    def create(self, layout: Layout, seed: int) -> None:
        self.layout = layout
        self.oracle = layout.oracle()
        self.directory = Path(tempfile.mkdtemp(prefix="tablestore-model-"))
        self.budgets = small_memory(random.Random(seed))
        self.budgets.__enter__()
        self.path = self.directory / "table"
        first = ts.create_table(
            self.path,
            layout.schema,
            primary_key=layout.primary_key,
            partition_by=layout.partition_by,
            buckets=layout.buckets,
            options=layout.table_options(),
        )
        self.handles = [first, ts.open_table(self.path)]
        self.version = first.version
        self.oracle.keep(1, self.version)
        self.writer: ts.Writer | None = None
        self.waiting: list[Change] = []
        self.last_commit: tuple[str, int] | None = None

    # ---- what is done to the table and, if it succeeds, to the model

    def _rows(self, count: int, seed: int) -> tuple[pa.Table, list[Row]]:
        table = self.layout.rows(count, random.Random(seed))
        return table, value_pool.rows_of(table)

    def _keys(self, count: int, seed: int) -> list[Key]:
        source = random.Random(seed)
        return [source.choice(self.layout.keys) for _ in range(count)]

    def _kinds(self, count: int, seed: int) -> list[int]:
        return random.Random(seed + 1).choices(range(4), weights=(4, 1, 3, 2), k=count)

    def _with_kinds(self, table: pa.Table, kinds: list[int]) -> pa.Table:
        return table.append_column("_row_kind", pa.array([KINDS[kind] for kind in kinds], pa.string()))

    def _published(self, result: ts.CommitResult, handle: ts.Table) -> None:
        """Versions up to the commit's show the old rows or, from the commit on, the new ones."""
        if result.published:
            assert result.version > self.version
        else:  # nothing to do, nothing published
            assert (result.version, result.files) == (self.version, 0)
        self._advance(handle)

    def _advance(self, handle: ts.Table) -> None:
        last = handle.version
        self.oracle.keep(self.version + 1, last)
        self.version = last

    @rule(handle=st.integers(0, 1), count=COUNTS, seed=SEEDS)
    def upsert(self, handle: int, count: int, seed: int) -> None:
        table, rows = self._rows(count, seed)
        result = self.handles[handle].upsert(table)
        for row in rows:
            self.oracle.change(row, INSERT)
        assert (result.rows, result.deletes) == (count, 0)
        self._published(result, self.handles[handle])

    @rule(handle=st.integers(0, 1), count=COUNTS, seed=SEEDS)
    def apply_changes(self, handle: int, count: int, seed: int) -> None:
        table, rows = self._rows(count, seed)
        kinds = self._kinds(count, seed)
        result = self.handles[handle].apply_changes(self._with_kinds(table, kinds))
        for row, kind in zip(rows, kinds, strict=True):
            self.oracle.change(row, kind)
        self._published(result, self.handles[handle])

    @rule(handle=st.integers(0, 1), count=COUNTS, seed=SEEDS)
    def delete_keys(self, handle: int, count: int, seed: int) -> None:
        keys = self._keys(count, seed)
        result = self.handles[handle].delete(self.layout.key_table(keys))
        for key in keys:
            self.oracle.delete(key)
        self._published(result, self.handles[handle])

    @rule(handle=st.integers(0, 1), seed=SEEDS, as_text=st.booleans())
    def delete_where(self, handle: int, seed: int, as_text: bool) -> None:
        table = self.handles[handle]
        everything = table.scan().to_arrow()
        condition, matching = self._filter(everything, seed, as_text)
        if matching is None:
            return
        result = table.delete(where=condition)
        for row in value_pool.rows_of(matching):
            self.oracle.change(row, DELETE)
        assert result.deletes == matching.num_rows
        self._published(result, table)

    def _filter(self, everything: pa.Table, seed: int, as_text: bool) -> tuple[Any, pa.Table | None]:
        """A random filter and the rows that pyarrow finds for it; None if pyarrow cannot compare such values."""
        expression, text = conditions.condition(self.layout, everything, random.Random(seed))
        try:
            matching = everything.filter(expression)
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            return expression, None
        return (text if as_text and text is not None else expression), matching

    @rule(handle=st.integers(0, 1), count=COUNTS, seed=SEEDS)
    def overwrite_all(self, handle: int, count: int, seed: int) -> None:
        table, rows = self._rows(count, seed)
        result = self.handles[handle].overwrite(table)
        self.oracle.overwrite(rows, None)
        self._published(result, self.handles[handle])

    @precondition(
        lambda self: self.layout.partition_by and not (self.layout.cross_partition and self.layout.sequence)
    )
    @rule(handle=st.integers(0, 1), count=COUNTS, seed=SEEDS)
    def overwrite_partition(self, handle: int, count: int, seed: int) -> None:
        table, rows = self._rows(max(1, count), seed)
        names = self.layout.partition_by
        partition = self.oracle.partition_of(rows[0])
        chosen = [i for i, row in enumerate(rows) if self.oracle.partition_of(row) == partition]
        named = python_rows(table.select(names).slice(0, 1))
        if named is None:
            return
        result = self.handles[handle].overwrite(table.take(chosen), partition=named[0])
        self.oracle.overwrite([rows[i] for i in chosen], partition)
        self._published(result, self.handles[handle])

    # ---- a streaming writer, open while others commit

    @rule(
        handle=st.integers(0, 1),
        name=st.sampled_from((None, "job", "Jöb/2")),
        limit=st.sampled_from((1, 200, 1 << 20)),
    )
    def open_writer(self, handle: int, name: str | None, limit: int) -> None:
        if self.writer is not None:
            self.writer.close()
        self.writer = self.handles[handle].writer(name)
        self.writer._session._limit = limit
        self.writer_name = name
        self.waiting = []

    @precondition(lambda self: self.writer is not None)
    @rule(count=COUNTS, seed=SEEDS, what=st.sampled_from(("upsert", "apply", "delete")))
    def write(self, count: int, seed: int, what: str) -> None:
        assert self.writer is not None
        if what == "delete":
            keys = self._keys(count, seed)
            self.writer.delete(self.layout.key_table(keys))
            self.waiting.extend(lambda oracle, key=key: oracle.delete(key) for key in keys)
            return
        table, rows = self._rows(count, seed)
        kinds = self._kinds(count, seed) if what == "apply" else [INSERT] * count
        if what == "apply":
            self.writer.apply_changes(self._with_kinds(table, kinds))
        else:
            self.writer.upsert(table)
        self.waiting.extend(
            lambda oracle, row=row, kind=kind: oracle.change(row, kind)
            for row, kind in zip(rows, kinds, strict=True)
        )

    @precondition(lambda self: self.writer is not None)
    @rule(step=st.integers(0, 2))
    def commit_writer(self, step: int) -> None:
        """step 0 repeats the last commit id of the writer, whose rows must then not get in a second time."""
        assert self.writer is not None
        name = self.writer_name
        if name is None:
            result = self.writer.commit()
        else:
            last = self.oracle.committed.get(name, 0)
            commit_id = last + step
            result = self.writer.commit(commit_id=commit_id)
            assert result.published == (commit_id > last or name not in self.oracle.committed)
            self.oracle.committed[name] = commit_id
            assert self.writer.last_commit_id() == commit_id
        if result.published or name is None:
            for change in self.waiting:
                change(self.oracle)
            self._published(result, self.handles[0])
        self.waiting = []

    # ---- operations that must change nothing

    @rule(handle=st.integers(0, 1), full=st.booleans())
    def compact(self, handle: int, full: bool) -> None:
        table = self.handles[handle]
        result = table.compact(full=full)
        assert result.lost == 0
        if full:
            levels = table.levels()
            assert set(levels.column("level").to_pylist()) <= {3}
            if not self.layout.sequence:
                assert sum(levels.column("deletes").to_pylist()) == 0
                assert sum(levels.column("rows").to_pylist()) == len(self.oracle.visible())
            assert table.compact(full=True).buckets == 0
        self._advance(table)

    @rule(handle=st.integers(0, 1))
    def reopen(self, handle: int) -> None:
        self.handles[handle] = ts.open_table(self.path)

    # ---- reads

    @invariant()
    def shows_the_model(self) -> None:
        if not hasattr(self, "layout"):
            return
        for table in self.handles:
            assert table.version == self.version
        found = self.handles[0].scan().to_arrow()
        found.validate(full=True)
        assert found.schema.equals(self.layout.schema)
        assert self.layout.keyed(value_pool.rows_of(found)) == self.oracle.visible()

    @rule(handle=st.integers(0, 1), seed=SEEDS)
    def look_back(self, handle: int, seed: int) -> None:
        number = random.Random(seed).choice(sorted(self.oracle.kept))
        self._check_version(self.handles[handle], number)

    def _check_version(self, table: ts.Table, number: int) -> None:
        view = table.at(version=number)
        rows = self.layout.keyed(value_pool.rows_of(view.scan().to_arrow()))
        assert rows == self.oracle.kept[number], f"version {number}"
        assert view.scan(columns=[]).count() == len(rows)

    @rule(handle=st.integers(0, 1), seed=SEEDS, as_text=st.booleans())
    def scan_filtered(self, handle: int, seed: int, as_text: bool) -> None:
        source = random.Random(seed)
        table = self.handles[handle]
        everything = table.scan().to_arrow()
        condition, matching = self._filter(everything, seed, as_text)
        if matching is None:
            return
        names = source.sample(self.layout.schema.names, source.randint(1, len(self.layout.schema)))
        rows = sorted(map(repr, value_pool.rows_of(matching.select(names))))
        chosen = table.scan(columns=names, filter=condition)
        assert sorted(map(repr, value_pool.rows_of(chosen.to_arrow()))) == rows, str(condition)
        assert chosen.count() == len(rows), str(condition)
        limit = source.randint(0, 5)
        some = value_pool.rows_of(table.scan(columns=names, filter=condition, limit=limit).to_arrow())
        assert len(some) == min(limit, len(rows))
        assert {repr(row) for row in some} <= set(rows)
        assert str(chosen.explain())

    @rule(handle=st.integers(0, 1), count=COUNTS, seed=SEEDS)
    def get(self, handle: int, count: int, seed: int) -> None:
        visible = self.oracle.visible()
        keys = self._keys(count, seed)
        found = self.handles[handle].get(self.layout.key_table(keys))
        assert value_pool.rows_of(found) == [visible[key] for key in keys if key in visible]
        if keys:
            wanted = python_rows(self.layout.key_table(keys[:1]))
            expected = python_rows(found.slice(0, 1 if keys[0] in visible else 0))
            if wanted is not None and expected is not None:
                row = self.handles[handle].get(wanted[0])
                assert repr(row) == repr(expected[0] if expected else None)

    @rule(handle=st.integers(0, 1))
    def read_metadata(self, handle: int) -> None:
        table = self.handles[handle]
        history = table.history()
        assert history.column("version").to_pylist() == list(range(1, self.version + 1))
        files = table.files()
        assert files.num_rows == history.column("files")[-1].as_py()
        assert pc.sum(files.column("row_count")).as_py() in (None, history.column("rows")[-1].as_py())
        assert len(np.unique(files.column("path").to_numpy(zero_copy_only=False))) == files.num_rows

    def teardown(self) -> None:
        if not hasattr(self, "budgets"):
            return
        try:
            if self.writer is not None:
                self.writer.close()
            fresh = ts.open_table(self.path)
            for number in sorted(self.oracle.kept)[-8:]:
                self._check_version(fresh, number)
            result = fresh.verify(deep=True)
            assert result.ok, result.findings
            assert not result.orphans
        finally:
            self.budgets.__exit__(None, None, None)
            shutil.rmtree(self.directory, ignore_errors=True)


def python_rows(table: pa.Table) -> list[dict[str, Any]] | None:
    """The rows as pyarrow shows them, or None if that loses something: nanoseconds, years after 9999."""
    try:
        rows: list[dict[str, Any]] = table.to_pylist()
        again = pa.Table.from_pylist(rows, schema=table.schema)
    except (OverflowError, ValueError, pa.ArrowException):
        return None
    return rows if value_pool.rows_of(again) == value_pool.rows_of(table) else None
