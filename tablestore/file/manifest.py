"""Manifests (spec §9): SSTs whose rows are file entries. Reading merges them with the same kernels as data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore import types
from tablestore.errors import FormatError
from tablestore.file import column_reader, keys, layout, sst
from tablestore.file import vector as vectors
from tablestore.file.column_reader import Piece
from tablestore.file.snapshot import ManifestReference
from tablestore.file.sst_reader import Expected, SstReader
from tablestore.file.sst_writer import SstWriter, WriterSettings
from tablestore.file.vector import Vector
from tablestore.storage import NotFoundError, Storage
from tablestore.types import Field

ADDED, MOVED, REMOVED = 0, 2, 3
LEVEL_MAX = 3

_COLUMNS = (
    ("partition", "binary"), ("bucket", "int32"), ("file", "string"), ("level", "int8"), ("size", "uint64"),
    ("digest", "uint64"), ("row_count", "uint64"), ("delete_count", "uint64"), ("key_min", "binary"),
    ("key_max", "binary"), ("sequence_min", "uint64"), ("sequence_max", "uint64"), ("ordinal", "uint32"),
    ("schema_id", "uint32"), ("statistics", "binary"),
)  # fmt: skip
FIELDS = tuple(
    Field(index, name, types.from_json(kind), False) for index, (name, kind) in enumerate(_COLUMNS)
)
COLUMNS = sst.file_columns(FIELDS[:3], FIELDS[3:])
SETTINGS = WriterSettings(bits_per_key=0)


@dataclass(frozen=True, slots=True)
class Entry:
    """One data file (spec §9.2). Sequences are resolved when read from a snapshot; 0 = to be inherited."""

    partition: bytes
    bucket: int
    file: str
    level: int
    size: int
    digest: int
    row_count: int
    delete_count: int
    key_min: bytes
    key_max: bytes
    sequence_min: int
    sequence_max: int
    ordinal: int
    schema_id: int
    statistics: bytes

    @property
    def place(self) -> tuple[bytes, int]:
        """Partition and bucket."""
        return self.partition, self.bucket


@dataclass(frozen=True)
class Change:
    """An entry that a commit adds (ADDED), moves to another level (MOVED) or removes (REMOVED)."""

    kind: int
    entry: Entry


def write(
    storage: Storage, table: str, base: int, changes: Iterable[Change], sequence: int, durable: bool
) -> ManifestReference:
    """Write `changes` as one manifest; returns its reference with `sequence` (spec §10.2)."""
    ordered = sorted(
        changes, key=lambda change: (change.entry.partition, change.entry.bucket, change.entry.file)
    )
    batch = pa.table(
        {
            name: pa.array([getattr(change.entry, name) for change in ordered], field.type.arrow)
            for name, field in zip((name for name, _ in _COLUMNS), FIELDS, strict=True)
        }
    )
    columns = [vectors.from_arrow(batch.column(f.name).combine_chunks(), f.type) for f in FIELDS]
    kinds = np.array([change.kind for change in ordered], np.uint8)
    return write_columns(storage, table, base, columns, kinds, sequence, durable)


def write_columns(
    storage: Storage,
    table: str,
    base: int,
    columns: Sequence[Vector],
    kinds: npt.NDArray[np.uint8],
    sequence: int,
    durable: bool,
) -> ManifestReference:
    """Write sorted columns (in the order of FIELDS) as one manifest."""
    file_id = layout.new_file_id(base)
    count = len(kinds)
    encoded = keys.encode(columns[:3], count)
    writer = SstWriter(file_id, sst.MANIFEST_FILE, COLUMNS, SETTINGS)
    system = [vectors.constant(sst.SEQUENCE.type, count, 0), Vector(sst.ROW_KIND.type, count, kinds)]
    writer.append([*columns[:3], *system, *columns[3:]], encoded)
    about = {"table": table, "schema_id": 0, "level": 0, "bucket": -1, "partition": ""}
    written = writer.finish(storage, layout.manifest_path(file_id), about, durable)
    partitions = columns[0].to_arrow()
    buckets = columns[1].typed("i4")
    removed = int((kinds == REMOVED).sum())
    return ManifestReference(
        file=file_id, size=written.size, digest=f"{written.digest:016x}", sequence=sequence, added=count - removed,
        removed=removed, partition_min=partitions[0].as_py()[: keys.BOUND_SIZE].hex(),
        partition_max=partitions[count - 1].as_py()[: keys.BOUND_SIZE].hex(),
        bucket_min=int(buckets.min()), bucket_max=int(buckets.max()),
    )  # fmt: skip


@dataclass(frozen=True)
class FileSet:
    """Live files as columns, sorted by (partition, bucket, file); `columns` in the order of FIELDS."""

    columns: tuple[Vector, ...]
    length: int

    def __len__(self) -> int:
        return self.length

    def to_arrow(self) -> pa.Table:
        """All columns as an Arrow table."""
        return pa.table([column.to_arrow() for column in self.columns], names=[name for name, _ in _COLUMNS])

    def take(self, rows: npt.NDArray[Any]) -> FileSet:
        """The files `rows`."""
        index = np.ascontiguousarray(rows, np.uint32)
        return FileSet(tuple(column.take(index) for column in self.columns), len(index))

    def entries(self) -> list[Entry]:
        """All files as objects; meant for a bucket or two, not for a whole table."""
        values = [column.to_arrow().to_pylist() for column in self.columns]
        return [Entry(*row) for row in zip(*values, strict=True)]

    def groups(self) -> list[tuple[int, int]]:
        """Row ranges of equal (partition, bucket), in order."""
        if self.length == 0:
            return []
        bucket = self.columns[1].typed("i4")
        partition = self.columns[0]
        codes = np.asarray(partition.to_arrow().dictionary_encode().indices)
        edges = np.flatnonzero((np.diff(bucket) != 0) | (np.diff(codes) != 0)) + 1
        return list(zip([0, *edges.tolist()], [*edges.tolist(), self.length], strict=True))


EMPTY = FileSet(tuple(vectors.from_arrow(pa.array([], f.type.arrow), f.type) for f in FIELDS), 0)


def open_manifest(storage: Storage, table: str, reference: ManifestReference) -> SstReader:
    """Open a manifest and check it against its reference."""
    expected = Expected(reference.file, reference.size, int(reference.digest, 16), table, sst.MANIFEST_FILE)
    path = layout.manifest_path(reference.file)
    try:
        reader = SstReader(storage, path, expected)
    except NotFoundError:
        raise FormatError("the manifest is missing", code="missing-file", file=path, section="9.1") from None
    stored = [(column.field, column.role) for column in reader.properties.columns]
    if stored != [(column.field, column.role) for column in COLUMNS]:
        reader.close()
        raise FormatError(
            "the columns are not those of a manifest", code="schema-mismatch", file=path, section="9.2"
        )
    return reader


@dataclass(frozen=True)
class Loaded:
    """One decoded manifest, or the part of it for a range of keys; sequences are resolved."""

    encoded: keys.Keys
    kinds: npt.NDArray[np.uint8]
    columns: tuple[Vector, ...]


def load(
    storage: Storage, table: str, reference: ManifestReference, place: tuple[bytes, int] | None = None
) -> Loaded:
    """Decode a manifest. With `place` only the blocks that can hold entries of that partition and bucket."""
    reader = open_manifest(storage, table, reference)
    try:
        start, stop = 0, int(reader.footer.row_count)
        if place is not None:
            start, stop = _rows_of(reader, place)
        pieces = [Piece(reader, start, stop)] if stop > start else []
        columns = [column_reader.read_column(pieces, field) for field in FIELDS]
        kinds = column_reader.read_column(pieces, sst.ROW_KIND).typed("u1")
        encoded = keys.encode(columns[:3], stop - start)
        _check_rows(reader, encoded, kinds, columns)
    finally:
        reader.close()
    for column, number in ((10, reference.sequence), (11, reference.sequence)):
        values = columns[column].typed("u8")
        resolved = np.where(values == 0, np.uint64(number), values)
        columns[column] = Vector(columns[column].type, columns[column].length, resolved.view(np.uint8))
    return Loaded(encoded, kinds, tuple(columns))


def prefix_of(place: tuple[bytes, int]) -> bytes:
    """Encoded key prefix of all entries of a partition and bucket."""
    partition, bucket = place
    escaped = (
        partition.replace(b"\x01", b"\x01\x02")
        .replace(b"\x00", b"\x01\x00")
        .replace(b"\x01\x02", b"\x01\x01")
    )
    return escaped + b"\x00" + (bucket ^ 0x80000000).to_bytes(4, "big")


def _rows_of(reader: SstReader, place: tuple[bytes, int]) -> tuple[int, int]:
    prefix = prefix_of(place)[: keys.BOUND_SIZE]
    first, last = reader.directory.first, reader.directory.last
    blocks = [
        b for b in range(first.length) if last.key(b) >= prefix and first.key(b)[: len(prefix)] <= prefix
    ]
    if not blocks:
        return 0, 0
    return int(reader.row_start[blocks[0]]), int(reader.row_start[blocks[-1] + 1])


def _check_rows(
    reader: SstReader, encoded: keys.Keys, kinds: npt.NDArray[np.uint8], columns: Sequence[Vector]
) -> None:
    def fail(message: str, code: str = "bad-entry", section: str = "9.2") -> FormatError:
        return FormatError(message, code=code, file=reader.path, offset=sst.HEADER_SIZE, section=section)

    if encoded.length == 0:
        return
    if encoded.first_disorder() >= 0:
        raise fail("entries are not in the order of their keys", "key-order", "7.7")
    if np.any((kinds != ADDED) & (kinds != MOVED) & (kinds != REMOVED)):
        raise fail("an entry is neither added, moved nor removed")
    level = columns[3].typed("i1")
    if np.any(level < 0) or np.any(level > LEVEL_MAX):
        raise fail("a level is out of range")
    if np.any(columns[1].typed("i4") < 0):
        raise fail("a bucket is negative")
    rows, deletes = columns[6].typed("u8"), columns[7].typed("u8")
    low, high = columns[10].typed("u8"), columns[11].typed("u8")
    if np.any(rows == 0) or np.any(deletes > rows) or np.any(columns[4].typed("u8") < 160):
        raise fail("rows, deletes or size of a file are impossible")
    if np.any((low == 0) != (high == 0)) or np.any(low > high):
        raise fail("a sequence range is inverted", "sequence-range")
    for name in columns[2].to_arrow().to_pylist():
        if not layout.is_file_id(name):
            raise layout.bad_name(name, reader.path)


def live(parts: Sequence[Loaded], strict: bool = False) -> FileSet:
    """Merge manifests, oldest first, into live files (spec §9.6). strict: also check that changes fit together."""
    parts = [part for part in parts if part.encoded.length]
    if not parts:
        return EMPTY
    encoded = keys.concat([part.encoded for part in parts])
    run_end = np.cumsum([part.encoded.length for part in parts]).astype(np.int64)
    kinds = np.concatenate([part.kinds for part in parts])
    if strict:
        _check_history(encoded, run_end, kinds)
    winners = encoded.merge(run_end, None)
    winners = winners[kinds[winners] != REMOVED]
    columns = tuple(
        vectors.concat([part.columns[index] for part in parts]).take(winners) for index in range(len(FIELDS))
    )
    return FileSet(columns, len(winners))


def _check_history(encoded: keys.Keys, run_end: npt.NDArray[np.int64], kinds: npt.NDArray[np.uint8]) -> None:
    """A file is added once, then moved any number of times, then removed at most once."""
    state: dict[bytes, int] = {}
    for row in range(encoded.length):
        name = encoded.key(row)
        before = state.get(name)
        kind = int(kinds[row])
        if (kind == ADDED) != (before is None) or before == REMOVED:
            raise FormatError(
                f"file {name[-32:].decode('utf-8', 'replace')} is added, moved or removed out of turn",
                code="bad-entry",
                section="9.6",
            )
        state[name] = kind


def merge_references(
    storage: Storage,
    table: str,
    base: int,
    references: Sequence[ManifestReference],
    at_start: bool,
    durable: bool,
) -> ManifestReference | None:
    """Merge a contiguous part of a snapshot's list into one manifest (spec §9.7); None if nothing remains."""
    parts = [load(storage, table, reference) for reference in references]
    encoded = keys.concat([part.encoded for part in parts])
    run_end = np.cumsum([part.encoded.length for part in parts]).astype(np.int64)
    kinds = np.concatenate([part.kinds for part in parts])
    winners = encoded.merge(run_end, None)
    added_here = encoded.take(np.flatnonzero(kinds == ADDED).astype(np.uint32))
    order, _ = added_here.sort(None, 1, None)
    found = added_here.take(order).search(encoded.take(winners)) >= 0
    chosen = kinds[winners]
    keep = ~((chosen == REMOVED) & (found | at_start))
    result = np.where(found & (chosen == MOVED), ADDED, chosen)[keep].astype(np.uint8)
    winners = winners[keep]
    if not len(winners):
        return None
    columns = [vectors.concat([part.columns[i] for part in parts]).take(winners) for i in range(len(FIELDS))]
    return write_columns(storage, table, base, columns, result, max(r.sequence for r in references), durable)


def moved(entry: Entry, level: int) -> Change:
    """The change that puts a live file on another level."""
    return Change(MOVED, replace(entry, level=level))
