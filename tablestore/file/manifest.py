"""Manifests (spec §9): SSTs whose rows are file entries."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

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
from tablestore.types import ColumnType, Field

ADDED, MOVED, REMOVED = 0, 2, 3
LEVEL_MAX = 3
PARTITION, BUCKET, FILE, LEVEL, SIZE, DIGEST, ROW_COUNT, DELETE_COUNT, KEY_MIN, KEY_MAX = range(10)
SEQUENCE_MIN, SEQUENCE_MAX, ORDINAL, SCHEMA_ID, STATISTICS = range(10, 15)

_COLUMNS = (
    ("partition", "binary"), ("bucket", "int32"), ("file", "string"), ("level", "int8"), ("size", "uint64"),
    ("digest", "uint64"), ("row_count", "uint64"), ("delete_count", "uint64"), ("key_min", "binary"),
    ("key_max", "binary"), ("sequence_min", "uint64"), ("sequence_max", "uint64"), ("ordinal", "uint32"),
    ("schema_id", "uint32"), ("statistics", "binary"),
)  # fmt: skip
FIELDS = tuple(
    Field(index, name, types.from_json(kind), False) for index, (name, kind) in enumerate(_COLUMNS)
)
NUMBERS = {"int8": "i1", "int32": "<i4", "uint32": "<u4", "uint64": "<u8"}
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


KeyRange = tuple[bytes, bytes | None]
Place = tuple[bytes, int]


class Manifest:
    """Entries of one manifest, sorted by key, with their kinds; sequences are resolved (spec §9.4). Thread-safe."""

    def __init__(
        self,
        encoded: keys.Keys,
        kinds: npt.NDArray[np.uint8],
        sequence: int | npt.NDArray[np.uint64],
        columns: dict[int, Vector],
    ) -> None:
        """sequence: what entries inherit, of all or of each."""
        self.encoded = encoded
        self.kinds = kinds
        self._sequence = sequence
        self._columns = columns
        self._resolved: dict[int, Vector] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def columns(self) -> tuple[Vector, ...]:
        """All columns, in the order of FIELDS."""
        return tuple(self.column(index) for index in range(len(FIELDS)))

    def column(self, index: int) -> Vector:
        """One column, by its place in FIELDS."""
        with self._lock:
            found = self._resolved.get(index)
        if found is None:
            found = self._stored(index)
            if index in (SEQUENCE_MIN, SEQUENCE_MAX):
                values = found.typed("u8")
                resolved = np.where(values == 0, np.asarray(self._sequence, np.uint64), values)
                found = Vector(found.type, found.length, resolved.view(np.uint8))
            with self._lock:
                self._resolved[index] = found
        return found

    def _stored(self, index: int) -> Vector:
        return self._columns[index]

    def rows_of(self, place: Place) -> npt.NDArray[np.uint32]:
        """Rows of the entries of a partition and bucket, uint32[m]."""
        low, high = place_range(*place)
        start = self.encoded.lower_bound(low)
        stop = len(self) if high is None else self.encoded.lower_bound(high)
        return np.arange(start, stop, dtype=np.uint32)

    def rows_of_buckets(self, buckets: Collection[int]) -> npt.NDArray[np.uint32]:
        """Rows of the entries of some buckets of all partitions, uint32[m]."""
        return np.flatnonzero(np.isin(self.column(BUCKET).typed("i4"), list(buckets))).astype(np.uint32)

    def take(self, rows: npt.NDArray[np.uint32]) -> Manifest:
        """The entries `rows`, ascending, with all their columns."""
        return Manifest(
            self.encoded.take(rows),
            self.kinds[rows],
            self._sequence,
            {index: self.column(index).take(rows) for index in range(len(FIELDS))},
        )

    def inserted(self) -> npt.NDArray[np.uint32]:
        """Rows of the entries that are added, uint32[m]."""
        return np.flatnonzero(self.kinds == ADDED).astype(np.uint32)

    def at(self, sequence: int) -> Manifest:
        """The same entries under another inherited sequence."""
        return Manifest(self.encoded, self.kinds, sequence, self._columns)


@dataclass(frozen=True)
class Written:
    """A new manifest: how snapshots refer to it, and its entries."""

    reference: ManifestReference
    contents: Manifest

    def at(self, sequence: int) -> Written:
        """The same manifest, brought by the snapshot `sequence`."""
        contents = self.contents.at(sequence)
        return Written(replace(self.reference, sequence=sequence), contents)


def write(
    storage: Storage, table: str, base: int, changes: Iterable[Change], sequence: int, durable: bool
) -> Written:
    """Write `changes` as one manifest; its reference has `sequence` (spec §10.2)."""
    ordered = sorted(
        changes, key=lambda change: (change.entry.partition, change.entry.bucket, change.entry.file)
    )
    columns = [
        _column([getattr(change.entry, name) for change in ordered], field.type)
        for (name, _), field in zip(_COLUMNS, FIELDS, strict=True)
    ]
    kinds = np.array([change.kind for change in ordered], np.uint8)
    return write_columns(storage, table, base, columns, kinds, sequence, durable)


def _column(values: list[Any], kind: ColumnType) -> Vector:
    """Values of one member of several entries as a column."""
    if kind.kind == "fixed":
        return Vector(kind, len(values), np.array(values, NUMBERS[kind.name]).view(np.uint8))
    encoded = [value.encode() for value in values] if kind.utf8 else values
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum([len(value) for value in encoded], out=offsets[1:])
    return Vector(kind, len(values), np.frombuffer(b"".join(encoded), np.uint8), offsets)


def write_columns(
    storage: Storage,
    table: str,
    base: int,
    columns: Sequence[Vector],
    kinds: npt.NDArray[np.uint8],
    sequence: int,
    durable: bool,
) -> Written:
    """Write sorted columns (in the order of FIELDS) as one manifest."""
    file_id = layout.new_file_id(base)
    count = len(kinds)
    encoded = keys.encode(columns[:3], count)
    writer = SstWriter(file_id, sst.MANIFEST_FILE, COLUMNS, SETTINGS)
    system = [vectors.constant(sst.SEQUENCE.type, count, 0), Vector(sst.ROW_KIND.type, count, kinds)]
    writer.append([*columns[:3], *system, *columns[3:]], encoded)
    about = {"table": table, "schema_id": 0, "level": 0, "bucket": -1, "partition": ""}
    written = writer.finish(storage, layout.manifest_path(file_id), about, durable)
    partitions, ends = columns[0].values, columns[0].offsets
    buckets = columns[1].typed("i4")
    removed = int((kinds == REMOVED).sum())
    reference = ManifestReference(
        file=file_id, size=written.size, digest=f"{written.digest:016x}", sequence=sequence, added=count - removed,
        removed=removed, partition_min=partitions[: ends[1]][: keys.BOUND_SIZE].tobytes().hex(),
        partition_max=partitions[ends[-2] : ends[-1]][: keys.BOUND_SIZE].tobytes().hex(),
        bucket_min=int(buckets.min()), bucket_max=int(buckets.max()),
    )  # fmt: skip
    return Written(reference, Manifest(encoded, kinds, sequence, dict(enumerate(columns))))


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
            "the columns are not those of a manifest", code="schema-mismatch", file=path,
            offset=reader.footer.properties_offset, section="9.2",
        )  # fmt: skip
    return reader


class StoredManifest(Manifest):
    """An open manifest, or the blocks of it that can hold entries of some key ranges.

    Keys and kinds are decoded and checked at once, other columns when they are first asked for.
    """

    def __init__(
        self,
        storage: Storage,
        table: str,
        reference: ManifestReference,
        ranges: Sequence[KeyRange] | None = None,
    ) -> None:
        self._reader = open_manifest(storage, table, reference)
        self._pieces = [Piece(self._reader, 0, int(self._reader.footer.row_count))]
        self._wanted = None if ranges is None else _blocks_of(self._reader, ranges)
        key_columns = [self._stored(index) for index in range(3)]
        kinds = column_reader.read_column(self._pieces, sst.ROW_KIND, self._wanted).typed("u1")
        encoded = keys.encode(key_columns, len(kinds))
        super().__init__(encoded, kinds, reference.sequence, {})
        self._check_keys(key_columns)

    def _stored(self, index: int) -> Vector:
        found = column_reader.read_column(self._pieces, FIELDS[index], self._wanted)
        self._check_column(index, found)
        return found

    def _fail(self, message: str, code: str = "bad-entry", section: str = "9.2") -> FormatError:
        return FormatError(
            message, code=code, file=self._reader.path, offset=sst.HEADER_SIZE, section=section
        )

    def _check_keys(self, columns: Sequence[Vector], ends: npt.NDArray[np.int64] | None = None) -> None:
        if not len(self.kinds):
            return
        if self.encoded.first_disorder(ends) >= 0:
            raise self._fail("entries are not in the order of their keys", "key-order", "7.7")
        if np.any((self.kinds != ADDED) & (self.kinds != MOVED) & (self.kinds != REMOVED)):
            raise self._fail("an entry is neither added, moved nor removed")
        bad = _first_bad_file_id(columns[FILE])
        if bad >= 0:
            error = layout.bad_name(columns[FILE].to_arrow()[bad].as_py(), self._reader.path)
            error.offset = sst.HEADER_SIZE
            raise error

    def _check_column(self, index: int, column: Vector) -> None:
        if index == LEVEL:
            level = column.typed("i1")
            if np.any(level < 0) or np.any(level > LEVEL_MAX):
                raise self._fail("a level is out of range")
        elif index == BUCKET and np.any(column.typed("i4") < 0):
            raise self._fail("a bucket is negative")
        elif index == ROW_COUNT and np.any(column.typed("u8") == 0):
            raise self._fail("a file has no rows")
        elif index == SIZE and np.any(column.typed("u8") < sst.HEADER_SIZE + sst.FOOTER_SIZE):
            raise self._fail("the size of a file is impossible")
        elif index == DELETE_COUNT and np.any(column.typed("u8") > self.column(ROW_COUNT).typed("u8")):
            raise self._fail("a file has more deletes than rows")
        elif index == SEQUENCE_MAX:
            low, high = self._stored(SEQUENCE_MIN).typed("u8"), column.typed("u8")
            if np.any((low == 0) != (high == 0)) or np.any(low > high):
                raise self._fail("a sequence range is inverted")
        elif index in (KEY_MIN, KEY_MAX) and np.any(np.diff(column.offsets) > keys.BOUND_SIZE):
            raise self._fail("a key bound is too long")
        elif index == STATISTICS:
            self._check_statistics(column)
        if index == KEY_MAX:
            low_keys, high_keys = self._stored(KEY_MIN).to_arrow(), column.to_arrow()
            if pc.any(pc.greater(low_keys, high_keys)).as_py():
                raise self._fail("key bounds are inverted")

    def _check_statistics(self, column: Vector) -> None:
        """Whole entries, known flags, ranks in order (spec §9.5): hostile statistics must not prune."""
        if np.any(np.diff(column.offsets) % sst.STATISTICS_ENTRY.itemsize):
            raise self._fail("statistics are cut")
        entries = column.values.view(sst.STATISTICS_ENTRY)
        absent = (entries["flags"] & 1) == 0
        stray = absent & ((entries["minimum"] != 0) | (entries["maximum"] != 0))
        if np.any(entries["flags"] > 3) or np.any(stray) or np.any(entries["minimum"] > entries["maximum"]):
            raise self._fail("statistics are impossible")


class StoredManifests(StoredManifest):
    """Entries of several manifests one after another, which are decoded together."""

    def __init__(self, storage: Storage, table: str, references: Sequence[ManifestReference]) -> None:
        readers = [open_manifest(storage, table, reference) for reference in references]
        rows = np.array([reader.footer.row_count for reader in readers], np.int64)
        self._reader = readers[0]
        self._pieces = [Piece(reader, 0, int(count)) for reader, count in zip(readers, rows, strict=True)]
        self._wanted = None
        key_columns = [self._stored(index) for index in range(3)]
        kinds = column_reader.read_column(self._pieces, sst.ROW_KIND).typed("u1")
        sequences = np.array([reference.sequence for reference in references], np.uint64)
        Manifest.__init__(self, keys.encode(key_columns, len(kinds)), kinds, np.repeat(sequences, rows), {})
        self._check_keys(key_columns, np.cumsum(rows))
        self.ends = np.cumsum(rows)


_HEXADECIMAL = np.isin(np.arange(256), np.frombuffer(b"0123456789abcdef", np.uint8))


def _first_bad_file_id(names: Vector) -> int:
    """Index of the first text that is not a file id (spec §0.6), or -1."""
    sizes = np.diff(names.offsets)
    if np.all(sizes == 32):
        fits = _HEXADECIMAL[names.values].reshape(-1, 32)
        return -1 if fits.all() else int(np.argmin(fits.all(axis=1)))
    return int(np.argmax(sizes != 32))


def load(
    storage: Storage, table: str, reference: ManifestReference, ranges: Sequence[KeyRange] | None = None
) -> Manifest:
    """Open a manifest. ranges: encoded key ranges [low, high); blocks that cannot hold such keys are left out."""
    return StoredManifest(storage, table, reference, ranges)


def load_all(storage: Storage, table: str, references: Sequence[ManifestReference]) -> StoredManifests:
    """Open several manifests, at least one; `ends` of the result are the entries up to the last of each."""
    found = StoredManifests(storage, table, references)
    try:
        for index in range(len(FIELDS)):
            found.column(index)
    except FormatError:
        for reference in references:  # the one at fault says so by its own name
            single = load(storage, table, reference)
            for index in range(len(FIELDS)):
                single.column(index)
        raise
    return found


def escape(partition: bytes) -> bytes:
    """The partition as it begins an entry's encoded key (spec §3.2), without terminator."""
    return (
        partition.replace(b"\x01", b"\x01\x02")
        .replace(b"\x00", b"\x01\x00")
        .replace(b"\x01\x02", b"\x01\x01")
    )


def place_range(partition: bytes, bucket: int) -> KeyRange:
    """Encoded keys of all entries of a partition and bucket."""
    prefix = escape(partition) + b"\x00" + (bucket ^ 0x80000000).to_bytes(4, "big")
    return prefix, (int.from_bytes(prefix, "big") + 1).to_bytes(len(prefix), "big")


def _blocks_of(reader: SstReader, ranges: Sequence[KeyRange]) -> npt.NDArray[np.bool_]:
    """bool[B]: blocks whose key bounds meet one of the ranges."""
    first, last = reader.directory.first, reader.directory.last
    wanted = np.zeros(first.length, bool)
    for low, high in ranges:
        start = last.lower_bound(low[: keys.BOUND_SIZE])
        stop = first.length if high is None else first.upper_bound(high[: keys.BOUND_SIZE])
        wanted[start:stop] = True
    return wanted
