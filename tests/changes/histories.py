"""Random histories of small tables, and what their changes must be: the reference's difference of two full scans."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa

import tablestore as ts
from tablestore import changes as table_changes
from tablestore import core
from tablestore.lsm import changes, image, parallel, scan, window
from tablestore.reference import changes as reference
from tablestore.reference.key import bucket, encode_key, encode_tuple
from tablestore.reference.type import Type, parse_type
from tests.model import value_pool

KINDS = ("+I", "-U", "+U", "-D")
LONG = "common/" * 10  # longer than a bound (spec §3.5)
STRUCT = pa.struct([pa.field("a", pa.int64()), pa.field("b", pa.string(), nullable=False)])
VALUES: dict[str, pa.DataType] = {
    "number": pa.int32(),
    "text": pa.string(),
    "ratio": pa.float64(),
    "flag": pa.bool_(),
    "wide": pa.binary(20),
    "list": pa.list_(pa.field("element", pa.string())),
    "struct": STRUCT,
    "map": pa.map_(pa.string(), pa.int16()),
}
KEYS: tuple[tuple[tuple[str, pa.DataType], ...], ...] = (
    (("id", pa.int64()),),
    (("id", pa.string()),),
    (("id", pa.int32()), ("part", pa.string())),
    (("id", pa.int16()), ("part", pa.int8())),
)
FILTERS = ("number > 3", "number is null", "flag", "text in ('a', 'b')", "ratio < 0", "id is not null")


@dataclass
class Kit:
    """A table's layout: its columns and which of them are keys, partitions and sequence fields."""

    source: random.Random
    key: tuple[tuple[str, pa.DataType], ...]
    values: list[str]
    partition_by: tuple[str, ...]
    sequence: tuple[str, ...]
    buckets: int
    options: dict[str, Any]
    keys: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def schema(self) -> pa.Schema:
        fields = [pa.field(name, kind, nullable=False) for name, kind in self.key]
        fields += [pa.field(name, VALUES[name]) for name in self.values]
        if "place" in self.partition_by:
            fields.append(pa.field("place", pa.string()))
        fields += [pa.field(name, pa.int32()) for name in self.sequence]
        return pa.schema(fields)

    @property
    def key_names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.key)

    def rows(self, count: int) -> pa.Table:
        """Random rows; few values, so that rows are often written again as they are."""
        source = self.source
        chosen = [source.choice(self.keys) for _ in range(count)]
        arrays = []
        for column in self.schema:
            if column.name in self.key_names:
                values = [key[self.key_names.index(column.name)] for key in chosen]
            elif column.name == "place":
                values = source.choices(("a", "b", None), k=count)
            elif column.name in self.sequence:
                values = source.choices((None, 1, 2, 3, 4), k=count)
            elif column.name == "number":
                values = source.choices((None, 1, 2, 3, 4, 5), k=count)
            elif column.name == "text":
                values = source.choices((None, "", "a", "b", "ab"), k=count)
            else:
                values = [value_pool.draw(column.type, source, True) for _ in range(count)]
            arrays.append(value_pool.to_array(values, column.type))
        return pa.Table.from_arrays(arrays, schema=self.schema)


def make_kit(seed: int) -> Kit:
    source = random.Random(seed)
    key = source.choice(KEYS)
    values = source.sample(sorted(VALUES), source.randint(0, 3))
    partition_by = source.choice(((), (), (key[0][0],), ("place",), ("place",)))
    sequence = source.choice(((), (), ("order",)))
    options: dict[str, Any] = {
        "durability": "none",
        "block-rows": source.choice((1, 2, 3, 7, 8192)),
        "compaction": source.choice(("manual", "manual", "auto")),
        "compaction.trigger": source.choice((2, 3, 4)),
        "target-file-bytes": source.choice((4096, 1 << 20)),
        "filter-bits-per-key": source.choice((0, 12)),
    }
    kit = Kit(source, key, values, partition_by, sequence, source.choice((1, 2, 3)), options)
    kit.keys = [tuple(_key_value(kind, source) for _, kind in key) for _ in range(source.choice((3, 12, 40)))]
    return kit


def _key_value(kind: pa.DataType, source: random.Random) -> Any:
    if pa.types.is_string(kind):
        return source.choice(("", "a", "a\0", "b", LONG, LONG + "x", LONG + "y", f"k{source.randint(0, 30)}"))
    return source.randint(-3, 20)


@contextlib.contextmanager
def small_budgets(source: random.Random) -> Iterator[None]:
    """Windows of a few rows, merges for a few keys, deltas or live files as candidates, metadata read in part."""
    large = source.choice((0, 20_000))
    workers = source.choice((1, 1, 1, 1, 2))
    patches = [
        mock.patch.object(scan, "WINDOW_ROWS_MIN", source.choice((1, 4, 65_536))),
        mock.patch.object(scan, "WINDOW_ROWS_MAX", source.choice((2, 10, 1 << 20))),
        mock.patch.object(parallel, "workers", return_value=workers),
        mock.patch.object(changes, "ENTRIES_AT_ONCE", source.choice((1, 4096))),
        mock.patch.object(window, "SPARSE", source.choice((1, 8))),
        mock.patch.object(image, "DENSE_ROWS_MIN", source.choice((1, 3, 4096))),
        mock.patch.object(image, "DENSE", source.choice((1, 4, 1000))),
        mock.patch.object(table_changes, "ROWS_PER_STEP", source.choice((0, 5, 20_000))),
        mock.patch.object(table_changes, "STEPS_FEW", source.choice((0, 4))),
        mock.patch.object(table_changes, "PLACES_MAX", source.choice((1, 256))),
        mock.patch.object(table_changes, "FILES_READ_WHOLE_MAX", large),
        mock.patch.object(core, "FILES_READ_WHOLE_MAX", large),
    ]
    with contextlib.ExitStack() as stack:
        for patch in patches:
            stack.enter_context(patch)
        yield


class History:
    """A table and what was done to it."""

    def __init__(self, path: Path, seed: int) -> None:
        self.kit = make_kit(seed)
        self.source = self.kit.source
        options = dict(self.kit.options)
        if self.kit.sequence:
            options["sequence.field"] = ",".join(self.kit.sequence)
        self.table = ts.create_table(
            path,
            self.kit.schema,
            primary_key=self.kit.key_names,
            partition_by=self.kit.partition_by,
            buckets=self.kit.buckets,
            options=options,
        )
        self.done: list[str] = []
        self._images: dict[Any, reference.Image] = {}

    def step(self) -> None:
        """One operation, drawn at random."""
        operations = {
            self._upsert: 5,
            self._apply: 4,
            self._delete: 3,
            self._repeat: 2,
            self._delete_where: 1,
            self._overwrite: 1,
            self._overwrite_partition: 1,
            self._compact: 3,
            self._write: 1,
            self._rollback: 1,
        }
        operation = self.source.choices(list(operations), weights=list(operations.values()))[0]
        operation()
        self.done.append(f"{self.table.version}: {operation.__name__}")

    def _count(self) -> int:
        return self.source.choice((1, 1, 3, 10, 25))

    def _upsert(self) -> None:
        self.table.upsert(self.kit.rows(self._count()))

    def _apply(self) -> None:
        rows = self.kit.rows(self._count())
        kinds = self.source.choices(KINDS, weights=(4, 1, 3, 3), k=rows.num_rows)
        self.table.apply_changes(rows.append_column("_row_kind", pa.array(kinds)))

    def _delete(self) -> None:
        chosen = [self.source.choice(self.kit.keys) for _ in range(self._count())]
        columns = [
            pa.array([key[place] for key in chosen], kind) for place, (_, kind) in enumerate(self.kit.key)
        ]
        self.table.delete(pa.table(columns, names=self.kit.key_names))

    def _repeat(self) -> None:
        """Rows that are there already, as they are; with some luck of an older version."""
        version = self.source.randint(1, self.table.version)
        self.table.upsert(self.table.at(version=version).scan(limit=self._count()).to_arrow())

    def _delete_where(self) -> None:
        name = self.source.choice(
            [name for name in self.kit.schema.names if name not in self.kit.key_names] or ["id"]
        )
        self.table.delete(where=f"{name} is null" if name != "id" else "id is not null")

    def _overwrite(self) -> None:
        self.table.overwrite(self.kit.rows(self._count()))

    def _overwrite_partition(self) -> None:
        """Not where a key may come back late from the partition that is gone: what shows then is not defined."""
        kit = self.kit
        if not kit.partition_by or (kit.sequence and "place" in kit.partition_by):
            return self._upsert()
        rows = kit.rows(self._count())
        name = kit.partition_by[0]
        value = rows.column(name)[0].as_py()
        chosen = [index for index, found in enumerate(rows.column(name).to_pylist()) if found == value]
        self.table.overwrite(rows.take(chosen), partition={name: value})

    def _compact(self) -> None:
        self.table.compact(full=self.source.random() < 0.5)

    def _write(self) -> None:
        """A commit of several files."""
        with self.table.writer() as writer:
            for _ in range(3):
                writer.upsert(self.kit.rows(self._count()))
                writer._session.flush()
            writer.commit()

    def _rollback(self) -> None:
        if hasattr(self.table, "rollback"):
            self.table.rollback(self.source.randint(1, self.table.version))
        else:
            self._compact()

    # ---- what changes must be

    def image(self, version: int, columns: list[str] | None, condition: str | None) -> reference.Image:
        """What a full scan shows, by place and key."""
        name = (version, None if columns is None else tuple(columns), condition)
        if name not in self._images:
            self._images[name] = self._scanned(version, columns, condition)
        return self._images[name]

    def _scanned(self, version: int, columns: list[str] | None, condition: str | None) -> reference.Image:
        kit = self.kit
        shown = kit.schema.names if columns is None else columns
        needed = list(dict.fromkeys([*kit.key_names, *kit.partition_by, *shown]))
        found = self.table.at(version=version).scan(columns=needed, filter=condition).to_arrow()
        keys = value_pool.rows_of(found.select(list(kit.key_names)))
        places = value_pool.rows_of(found.select(list(kit.partition_by)))
        rows = value_pool.rows_of(found.select(shown))
        types = [_type(kit.schema.field(name).type) for name in kit.key_names]
        place_types = [_type(kit.schema.field(name).type) for name in kit.partition_by]
        result: dict[reference.Spot, reference.Values] = {}
        for key, place, row in zip(keys, places, rows, strict=True):
            encoded = encode_key(types, list(key))
            spot = encode_tuple(place_types, list(place)), bucket(encoded, kit.buckets), encoded
            assert spot not in result, "a key is there twice"
            result[spot] = row
        return result

    def expected(
        self, since: int, until: int, columns: list[str] | None = None, condition: str | None = None
    ) -> list[tuple[Any, ...]]:
        """Rows of changes as `rows_of_changes` gives them."""
        images = [self.image(version, columns, condition) for version in (since, until)]
        return [(change.kind, until, *change.values) for change in reference.difference(*images)]

    def view(self) -> tuple[list[str] | None, str | None]:
        """A random projection and filter."""
        names = self.kit.schema.names
        columns = (
            None
            if self.source.random() < 0.5
            else self.source.sample(names, self.source.randint(0, len(names)))
        )
        filters = [text for text in FILTERS if text.split()[0] in names]
        return columns, self.source.choice((None, None, *filters))


def _type(kind: pa.DataType) -> Type:
    return parse_type(str(kind))


def rows_of_changes(found: ts.Changes) -> list[tuple[Any, ...]]:
    table = found.to_arrow()
    table.validate(full=True)
    assert table.schema.equals(found.schema)
    return value_pool.rows_of(table)


def check_history(path: Path, seed: int, steps: int) -> None:
    """Play a history, then compare changes between random snapshots with the differences of full scans."""
    history = History(path, seed)
    source = history.source
    with small_budgets(source):
        for _ in range(steps):
            history.step()
        table, newest = history.table, history.table.version
        for number in range(2):
            since, until = sorted((source.randint(1, newest), source.randint(1, newest)))
            columns, condition = history.view()
            what = f"seed {seed}, changes({since}, {until}, {columns}, {condition!r}) of {history.done}"
            found = table.changes(since, until, columns=columns, filter=condition)
            rows = rows_of_changes(found)
            assert rows == history.expected(since, until, columns, condition), what
            assert number or found.count() == len(rows), what
        since, until = sorted((source.randint(1, newest), source.randint(1, newest)))
        columns, condition = source.choice((history.view(), (None, None)))
        steps_found = table.changes(since, until, columns=columns, filter=condition, net=False)
        expected = [
            row
            for version in range(since + 1, until + 1)
            for row in history.expected(version - 1, version, columns, condition)
        ]
        what = f"seed {seed}, steps {since} to {until}, {columns}, {condition!r} of {history.done}"
        assert rows_of_changes(steps_found) == expected, what
