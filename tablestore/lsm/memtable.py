"""Rows on their way into files: collected as Arrow batches, then sorted, deduplicated and written as level 0 files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore._native import hash as hashing
from tablestore.file import keys, layout, sst
from tablestore.file import vector as vectors
from tablestore.file.keys import Keys
from tablestore.file.manifest import Entry
from tablestore.file.schema import TableSchema
from tablestore.file.sst_writer import SstWriter, WriterSettings, WrittenFile
from tablestore.file.vector import Vector
from tablestore.lsm.cache import FileCache
from tablestore.lsm.parallel import ordered_map
from tablestore.lsm.window import ranks
from tablestore.types import ROW_KIND, SEQUENCE


@dataclass(frozen=True)
class SortedRows:
    """Winning rows of a memtable: columns in schema order, sorted by (place, key); `ends[i]` closes `places[i]`."""

    columns: dict[int, Vector]
    keys: Keys
    kinds: npt.NDArray[np.uint8]
    order: npt.NDArray[np.uint32]
    places: list[tuple[bytes, int]]
    ends: list[int]


class Memtable:
    """Batches of rows in table schema order, each with its row kinds; `nbytes` counts Arrow buffers."""

    def __init__(self, schema: TableSchema) -> None:
        self._schema = schema
        self._tables: list[pa.Table] = []
        self._kinds: list[npt.NDArray[np.uint8]] = []
        self.nbytes = 0
        self.rows = 0

    def add(self, table: pa.Table, kinds: npt.NDArray[np.uint8] | int) -> None:
        """Append rows; `kinds` uint8[rows], or one kind for all."""
        rows = table.num_rows
        if rows == 0:
            return
        self._tables.append(table)
        self._kinds.append(np.full(rows, kinds, np.uint8) if isinstance(kinds, int) else kinds)
        self.nbytes += table.nbytes + rows
        self.rows += rows

    def clear(self) -> None:
        """Forget all rows."""
        self._tables, self._kinds, self.nbytes, self.rows = [], [], 0, 0

    def sort(self) -> SortedRows:
        """Choose the winner of each key (spec §12.4) and sort winners by partition, bucket and key."""
        schema = self._schema
        table = pa.concat_tables(self._tables) if len(self._tables) > 1 else self._tables[0]
        columns = {
            field.id: vectors.from_arrow(_one_chunk(table.column(index)), field.type)
            for index, field in enumerate(schema.fields)
        }
        kinds = np.concatenate(self._kinds)
        encoded = keys.encode([columns[field.id] for field in schema.key_fields], self.rows)
        buckets = hashing.buckets(encoded.hashes(), schema.buckets)
        rank = None
        if schema.order_fields:
            rank = ranks([columns[field.id] for field in schema.order_fields], self.rows)
        codes, partitions = _partitions(schema, columns, self.rows)
        if codes is None:
            order, group_end = encoded.sort(buckets, schema.buckets, rank)
            return _grouped(columns, encoded, kinds, order, group_end, partitions, schema.buckets)
        group = codes * np.uint32(schema.buckets) + buckets
        groups = len(partitions) * schema.buckets
        if schema.cross_partition:
            order = _winners_across_partitions(encoded, buckets, schema.buckets, rank, group)
            group_end = np.cumsum(np.bincount(group[order], minlength=groups))
        else:
            order, group_end = encoded.sort(group, groups, rank)
        return _grouped(columns, encoded, kinds, order, group_end, partitions, schema.buckets)


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _partitions(
    schema: TableSchema, columns: dict[int, Vector], rows: int
) -> tuple[npt.NDArray[np.uint32] | None, list[bytes]]:
    """Partition number of each row and the encoded partitions; None for a table without partitions."""
    if not schema.partition_by:
        return None, [b""]
    tuples = keys.encode_tuples([columns[field.id] for field in schema.partition_fields], rows)
    offsets = pa.py_buffer(tuples.offsets)
    encoded = pa.Array.from_buffers(pa.large_binary(), rows, [None, offsets, pa.py_buffer(tuples.data)])
    dictionary = encoded.dictionary_encode()
    return np.asarray(dictionary.indices).astype(np.uint32), dictionary.dictionary.to_pylist()


def _winners_across_partitions(
    encoded: Keys,
    buckets: npt.NDArray[np.uint32],
    count: int,
    rank: npt.NDArray[np.uint64] | None,
    group: npt.NDArray[np.uint32],
) -> npt.NDArray[np.uint32]:
    """One winner per key in all partitions, sorted by (group, key)."""
    winners, _ = encoded.sort(buckets, count, rank)
    return winners[np.argsort(group[winners], kind="stable")]


def _grouped(
    columns: dict[int, Vector],
    encoded: Keys,
    kinds: npt.NDArray[np.uint8],
    order: npt.NDArray[np.uint32],
    group_end: npt.NDArray[np.int64],
    partitions: list[bytes],
    buckets: int,
) -> SortedRows:
    places = []
    ends = []
    start = 0
    for group, stop in enumerate(group_end.tolist()):
        if stop > start:
            places.append((partitions[group // buckets], group % buckets))
            ends.append(stop)
            start = stop
    return SortedRows(columns, encoded, kinds, order, places, ends)


@dataclass(frozen=True)
class FileOrder:
    """One level 0 file to be written: rows `index` of the sorted columns, for a place."""

    place: tuple[bytes, int]
    index: npt.NDArray[np.uint32]


def flush(cache: FileCache, rows: SortedRows, base: int, ordinal: int) -> list[Entry]:
    """Write the rows as one level 0 file per place, both cores busy; entries inherit their sequence (spec §9.4)."""
    starts = [0, *rows.ends[:-1]]
    orders = [
        FileOrder(place, rows.order[start:stop])
        for place, start, stop in zip(rows.places, starts, rows.ends, strict=True)
    ]

    def write(order: FileOrder) -> Entry:
        columns = {field: vector.take(order.index) for field, vector in rows.columns.items()}
        return write_level0(
            cache, order.place, columns, rows.keys.take(order.index), rows.kinds[order.index], base, ordinal
        )

    return list(ordered_map(write, orders))


def write_level0(
    cache: FileCache,
    place: tuple[bytes, int],
    columns: dict[int, Vector],
    encoded: Keys,
    kinds: npt.NDArray[np.uint8],
    base: int,
    ordinal: int,
) -> Entry:
    """Write sorted rows of one place as a level 0 file."""
    schema = cache.schema
    writer = SstWriter(layout.new_file_id(base), sst.DATA_FILE, data_columns(schema), settings(schema, 0))
    key_ids = set(schema.primary_key)
    ordered = [columns[field.id] for field in schema.key_fields]
    ordered.append(vectors.constant(SEQUENCE.type, encoded.length, 0))
    ordered.append(Vector(ROW_KIND.type, encoded.length, kinds))
    ordered.extend(columns[field.id] for field in schema.fields if field.id not in key_ids)
    writer.append(ordered, encoded)
    written = finish(cache, writer, place, 0)
    return entry_of(written, place, 0, schema.id, 0, 0, ordinal)


def data_columns(schema: TableSchema) -> tuple[sst.FileColumn, ...]:
    """Columns of the table's data files, in file order (spec §7.5)."""
    key_ids = set(schema.primary_key)
    values = [field for field in schema.fields if field.id not in key_ids]
    return sst.file_columns(schema.key_fields, values)


def settings(schema: TableSchema, level: int) -> WriterSettings:
    """Writer settings of the table's options for a level."""
    options = schema.options
    return WriterSettings(options.block_rows, options.block_bytes, options.level, options.filter_bits(level))


def finish(cache: FileCache, writer: SstWriter, place: tuple[bytes, int], level: int) -> WrittenFile:
    """Write a file's bytes to its place."""
    schema = cache.schema
    properties = {
        "table": schema.table,
        "schema_id": schema.id,
        "level": level,
        "bucket": place[1],
        "partition": place[0].hex(),
    }
    path = cache.path_of(place, writer.file_id)
    return writer.finish(cache.storage, path, properties, schema.options.durable)


def entry_of(
    written: WrittenFile,
    place: tuple[bytes, int],
    level: int,
    schema_id: int,
    sequence_min: int,
    sequence_max: int,
    ordinal: int,
) -> Entry:
    """The entry of a new file."""
    return Entry(
        partition=place[0],
        bucket=place[1],
        file=written.file_id,
        level=level,
        size=written.size,
        digest=written.digest,
        row_count=written.row_count,
        delete_count=written.delete_count,
        key_min=written.key_min,
        key_max=written.key_max,
        sequence_min=sequence_min,
        sequence_max=sequence_max,
        ordinal=ordinal,
        schema_id=schema_id,
        statistics=written.statistics,
    )


def by_place(entries: Sequence[Entry]) -> dict[tuple[bytes, int], list[Entry]]:
    """Entries grouped by partition and bucket."""
    groups: dict[tuple[bytes, int], list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.place, []).append(entry)
    return groups
