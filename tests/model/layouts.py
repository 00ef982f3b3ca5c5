"""Random tables: columns of every type, keys, partitions, sequence fields and options, and random rows for them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from tests.model import value_pool
from tests.model.oracle import Key, Oracle, Row, order_of

_SEQUENCE_TYPES = (
    pa.int64(),
    pa.int16(),
    pa.timestamp("us", "UTC"),
    pa.string(),
    pa.uint32(),
    pa.decimal128(9, 2),
)


@dataclass(frozen=True)
class Layout:
    """What create_table is given, and the values from which rows are drawn: pools for columns that must repeat."""

    schema: pa.Schema
    primary_key: tuple[str, ...]
    partition_by: tuple[str, ...]
    sequence: tuple[str, ...]
    buckets: int
    options: dict[str, str | int]
    keys: tuple[Key, ...] = field(repr=False)
    pools: dict[str, tuple[Any, ...]] = field(repr=False)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What a failing run prints: the table without the pools of its values."""
        columns = ", ".join(f"{f.name}: {f.type}{'' if f.nullable else ' not null'}" for f in self.schema)
        printer.text(
            f"<{columns}; key {self.primary_key}, partitions {self.partition_by}, sequence {self.sequence}, "
            f"{self.buckets} buckets, {self.options}, {len(self.keys)} keys>"
        )

    @property
    def cross_partition(self) -> bool:
        """Whether a key may move between partitions."""
        return not set(self.partition_by) <= set(self.primary_key)

    def table_options(self) -> dict[str, str | int]:
        """Options with the sequence fields among them."""
        fields = {"sequence.field": ",".join(self.sequence)} if self.sequence else {}
        return {**self.options, **fields}

    def places(self, names: Sequence[str]) -> list[int]:
        """Positions of columns."""
        return [self.schema.get_field_index(name) for name in names]

    def oracle(self) -> Oracle:
        """An empty model of such a table."""
        key, order, partition = (self.places(n) for n in (self.primary_key, self.sequence, self.partition_by))
        return Oracle(
            lambda row: tuple(row[i] for i in key),
            lambda row: order_of(row[i] for i in order),
            lambda row: tuple(row[i] for i in partition),
        )

    def rows(self, count: int, source: random.Random) -> pa.Table:
        """Random rows; keys and pooled columns repeat."""
        columns: dict[str, list[Any]] = {}
        keys = [source.choice(self.keys) for _ in range(count)]
        for column in self.schema:
            if column.name in self.primary_key:
                place = self.primary_key.index(column.name)
                columns[column.name] = [key[place] for key in keys]
            elif column.name in self.pools:
                columns[column.name] = source.choices(self.pools[column.name], k=count)
            else:
                columns[column.name] = [
                    value_pool.draw(column.type, source, column.nullable) for _ in range(count)
                ]
        arrays = [value_pool.to_array(columns[column.name], column.type) for column in self.schema]
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def key_table(self, keys: Sequence[Key]) -> pa.Table:
        """Keys as a table of the key columns."""
        fields = [self.schema.field(name) for name in self.primary_key]
        arrays = [
            value_pool.to_array([key[place] for key in keys], field.type)
            for place, field in enumerate(fields)
        ]
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))

    def keyed(self, rows: Sequence[Row]) -> dict[Key, Row]:
        """Rows by key; they must differ in their keys."""
        places = self.places(self.primary_key)
        found = {tuple(row[i] for i in places): row for row in rows}
        assert len(found) == len(rows), "a key is there twice"
        return found


OPTIONS = st.fixed_dictionaries(
    {
        "block-rows": st.sampled_from((1, 2, 3, 7, 50, 8192)),
        "compaction": st.sampled_from(("auto", "manual")),
        "compaction.trigger": st.sampled_from((2, 3, 5, 8)),
        "durability": st.just("none"),
    },
    optional={
        "block-bytes": st.sampled_from((1024, 1 << 20)),
        "compression": st.sampled_from(("zstd", "none")),
        "filter-bits-per-key": st.sampled_from((0, 1, 12, 32)),
        "filter-bits-per-key.last-level": st.sampled_from((0, 6)),
        "target-file-bytes": st.sampled_from((4096, 8192, 1 << 20)),
        "compaction.size-ratio-percent": st.sampled_from((0, 1, 1000)),
        "compaction.max-space-amplification-percent": st.sampled_from((0, 50, 1_000_000)),
    },
)


def _pool(kind: pa.DataType, count: int, source: random.Random, nullable: bool) -> tuple[Any, ...]:
    """Up to `count` different values."""
    drawn = [value_pool.draw(kind, source, nullable) for _ in range(count)]
    return tuple(dict.fromkeys(drawn))


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """A random table."""
    source = random.Random(draw(st.integers(0, 2**20)))
    key_types = draw(st.lists(st.sampled_from(value_pool.KEY_TYPES), min_size=1, max_size=3))
    value_types = draw(st.lists(st.sampled_from(value_pool.VALUE_TYPES), max_size=4))
    partitions = draw(st.sampled_from(("none", "none", "key", "other", "others", "both")))
    sequence_types = (
        draw(st.lists(st.sampled_from(_SEQUENCE_TYPES), max_size=2)) if draw(st.booleans()) else []
    )
    fields = [pa.field(f"k{i}", kind, nullable=False) for i, kind in enumerate(key_types)]
    fields += [pa.field(f"v{i}", kind, nullable=source.random() < 0.7) for i, kind in enumerate(value_types)]
    fields += [
        pa.field(f"s{i}", kind, nullable=source.random() < 0.5) for i, kind in enumerate(sequence_types)
    ]
    partition_by = {
        "key": ["k0"],
        "other": ["p 0"],
        "others": ["p 0", "Größe"],
        "both": ["k0", "p 0"],
        "none": [],
    }
    chosen = partition_by[partitions]
    pools = {f.name: _pool(f.type, 5, source, f.nullable) for f in fields if f.name.startswith("s")}
    for name in chosen:
        if name != "k0":
            kind = draw(st.sampled_from(value_pool.KEY_TYPES))
            fields.append(pa.field(name, kind, nullable=True))
            pools[name] = _pool(kind, 3 if len(chosen) == 1 else 2, source, True)
    parts = [
        _pool(kind, 3 if partitions in ("key", "both") and i == 0 else 12, source, False)
        for i, kind in enumerate(key_types)
    ]
    count = draw(st.sampled_from((1, 5, 30, 120)))
    keys = tuple(dict.fromkeys(tuple(source.choice(part) for part in parts) for _ in range(count)))
    order = list(range(len(fields)))
    source.shuffle(order)
    buckets = draw(st.sampled_from((1, 1, 2, 3, 8)))
    return Layout(
        schema=pa.schema([fields[i] for i in order]),
        primary_key=tuple(f"k{i}" for i in range(len(key_types))),
        partition_by=tuple(chosen),
        sequence=tuple(f"s{i}" for i in range(len(sequence_types))),
        buckets=buckets,
        options=draw(OPTIONS),
        keys=keys,
        pools=pools,
    )
