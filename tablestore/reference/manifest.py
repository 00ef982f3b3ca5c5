"""Spec chapter 9: file entries, directory names of partitions, live files."""

from __future__ import annotations

import datetime
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tablestore.reference.cursor import Cursor, reject
from tablestore.reference.key import decode_tuple
from tablestore.reference.primitive import hash64
from tablestore.reference.properties import Column
from tablestore.reference.sst import NOTHING, Expected, decode_sst
from tablestore.reference.sst_writer import column, system_columns
from tablestore.reference.type import Type

ADDED, MOVED, REMOVED = 0, 2, 3
LEVEL_MAX = 3
FILE_BYTES_MIN = 160
KEY_COLUMNS = (("partition", "binary"), ("bucket", "int32"), ("file", "string"))
VALUE_COLUMNS = (
    ("level", "int8"), ("size", "uint64"), ("digest", "uint64"),
    ("row_count", "uint64"), ("delete_count", "uint64"), ("key_min", "binary"), ("key_max", "binary"),
    ("sequence_min", "uint64"), ("sequence_max", "uint64"), ("ordinal", "uint32"),
    ("schema_id", "uint32"), ("statistics", "binary"),
)  # fmt: skip
TEXT_BYTES_MAX, TEXT_BYTES_KEPT = 120, 96
STATISTICS_BYTES = 29
_FILE_ID = re.compile(r"[0-9a-f]{32}")
_EPOCH = datetime.date(1970, 1, 1)


@dataclass(frozen=True)
class Entry:
    """A data file (spec §9.2)."""

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
    def key(self) -> tuple[bytes, int, str]:
        return self.partition, self.bucket, self.file


@dataclass(frozen=True)
class Change:
    """An entry with its row kind: ADDED, MOVED or REMOVED."""

    kind: int
    entry: Entry


@dataclass(frozen=True)
class Statistics:
    """Statistics of one column of a file (spec §9.5)."""

    field_id: int
    flags: int
    nulls: int
    minimum: int
    maximum: int


def columns() -> list[Column]:
    """The columns of a manifest in file order (spec §9.2)."""
    keys = [column(id_, name, type_, "key") for id_, (name, type_) in enumerate(KEY_COLUMNS)]
    values = [column(id_, name, type_) for id_, (name, type_) in enumerate(VALUE_COLUMNS, len(keys))]
    return [*keys, *system_columns(), *values]


def row_of(change: Change) -> list[object]:
    """The row of an entry, in the order of `columns`."""
    names = [described.name for described in columns()]
    system = {"_sequence": 0, "_row_kind": change.kind}
    return [system[name] if name in system else getattr(change.entry, name) for name in names]


def decode_manifest(data: bytes, expected: Expected = NOTHING) -> list[Change]:
    """The changes in a manifest, in key order. Each must fit spec §9.2 by itself."""
    file = decode_sst(data, replace(expected, file_kind=2))
    found = [(c.id, c.name, c.role, c.type.name, c.nullable) for c in file.properties.columns]
    if found != [(c.id, c.name, c.role, c.type.name, c.nullable) for c in columns()]:
        reject("schema-mismatch", "the columns are not those of a manifest", "9.2")
    changes = []
    for row in file.rows():
        values = {name: value for name, value in row.values.items() if not name.startswith("_")}
        entry = Entry(**values)  # type: ignore[arg-type]
        _check_entry(row.kind, row.sequence, entry)
        changes.append(Change(row.kind, entry))
    return changes


def _check_entry(kind: int, sequence: int, entry: Entry) -> None:
    fits = (
        kind in (ADDED, MOVED, REMOVED)
        and sequence == 0
        and entry.bucket >= 0
        and 0 <= entry.level <= LEVEL_MAX
        and entry.size >= FILE_BYTES_MIN
        and entry.row_count >= 1
        and entry.delete_count <= entry.row_count
        and entry.key_min <= entry.key_max
        and max(len(entry.key_min), len(entry.key_max)) <= 64
        and entry.sequence_min <= entry.sequence_max
        and (entry.sequence_min == 0) == (entry.sequence_max == 0)
    )
    if not fits:
        reject("bad-entry", f"the entry of {entry.file} holds values out of range", "9.2")
    decode_statistics(entry.statistics)
    if _FILE_ID.fullmatch(entry.file) is None:
        reject("bad-name", f"a data file named {entry.file!r}", "0.6")


def decode_statistics(data: bytes) -> list[Statistics]:
    """Statistics of a file (spec §9.5)."""
    if len(data) % STATISTICS_BYTES:
        reject("bad-entry", f"statistics of {len(data)} bytes", "9.5")
    cursor = Cursor(data)
    found = []
    for _ in range(len(data) // STATISTICS_BYTES):
        field_id, flags = cursor.unsigned(4, "field_id", "9.5"), cursor.unsigned(1, "flags", "9.5")
        numbers = cursor.array(3, 8, "nulls, minimum, maximum", "9.5")
        if flags > 3 or numbers[1] > numbers[2] or (not flags & 1 and numbers[2]):
            reject("bad-entry", f"statistics of field {field_id}", "9.5")
        found.append(Statistics(field_id, flags, *numbers))
    return found


def encode_statistics(statistics: Iterable[Statistics]) -> bytes:
    return b"".join(
        struct.pack("<IBQQQ", item.field_id, item.flags, item.nulls, item.minimum, item.maximum)
        for item in statistics
    )


def partition_directories(names: Sequence[str], types: Sequence[Type], partition: bytes) -> list[str]:
    """Names of the directories of a partition, outermost first (spec §9.3)."""
    values = decode_tuple(types, partition)
    return [
        f"{escape(name)}={_cut(_text(type_, value))}"
        for name, type_, value in zip(names, types, values, strict=True)
    ]


def data_path(names: Sequence[str], types: Sequence[Type], entry: Entry) -> str:
    """Path of a data file inside its table."""
    directories = partition_directories(names, types, entry.partition)
    return "/".join([*directories, f"bucket-{entry.bucket}", f"{entry.file}.sst"])


def escape(text: str) -> str:
    """The escaped form of a name, cut if it is long (spec §9.3)."""
    return _cut(_escape(text))


def _text(type_: Type, value: object) -> str:
    """The escaped text of a partition value."""
    if value is None:
        return "%null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if type_.name == "date32" and isinstance(value, int):
        return _escape(_date_text(value))
    text = value.hex() if isinstance(value, bytes) else str(value)
    return _escape(text) if text else "%empty"


def _date_text(days: int) -> str:
    ordinal = days + _EPOCH.toordinal()
    if 1 <= ordinal <= datetime.date.max.toordinal():
        return datetime.date.fromordinal(ordinal).isoformat()
    return str(days)


def _escape(text: str) -> str:
    escaped = []
    for place, byte in enumerate(text.encode()):
        character = chr(byte)
        kept = re.fullmatch("[A-Za-z0-9_-]", character) or (character == "." and place > 0)
        escaped.append(character if kept else f"%{byte:02X}")
    return "".join(escaped)


def _cut(escaped: str) -> str:
    if len(escaped) <= TEXT_BYTES_MAX:
        return escaped
    return f"{escaped[:TEXT_BYTES_KEPT]}%h{hash64(escaped.encode()):016x}"


def live_files(manifests: Iterable[tuple[int, Sequence[Change]]], buckets: int) -> list[Entry]:
    """The live files of a snapshot (spec §9.6) from (sequence, changes) of its manifests.

    Sequences of the entries are resolved (spec §9.4).
    """
    live: dict[tuple[bytes, int, str], Entry] = {}
    for sequence, changes in manifests:
        for change in changes:
            entry = change.entry
            if entry.sequence_min == 0:
                entry = replace(entry, sequence_min=sequence, sequence_max=sequence)
            if entry.bucket >= buckets:
                reject("bad-entry", f"{entry.file} is in bucket {entry.bucket} of {buckets}", "9.6")
            _apply(live, change.kind, entry)
    entries = sorted(live.values(), key=lambda entry: entry.key)
    _check_levels(entries)
    return entries


def _apply(live: dict[tuple[bytes, int, str], Entry], kind: int, entry: Entry) -> None:
    present = live.get(entry.key)
    if (kind == ADDED) == (present is not None):
        reject("bad-entry", f"{entry.file} is added twice, or moved or removed and not live", "9.6")
    if kind == REMOVED:
        del live[entry.key]
        return
    if kind == MOVED and present is not None and replace(entry, level=present.level) != present:
        reject("bad-entry", f"the move of {entry.file} changes more than its level", "9.6")
    live[entry.key] = entry


def _check_levels(entries: Sequence[Entry]) -> None:
    """Files of one level above 0 in one bucket have disjoint ranges (spec §9.6, §13.2)."""
    placed = sorted(
        (entry for entry in entries if entry.level),
        key=lambda entry: (entry.partition, entry.bucket, entry.level, entry.key_min, entry.key_max),
    )
    for left, right in pairwise(placed):
        same = (left.partition, left.bucket, left.level) == (right.partition, right.bucket, right.level)
        touching = left.key_max == right.key_min and len(right.key_min) == 64
        if same and left.key_max >= right.key_min and not touching:
            reject("bad-entry", f"{left.file} and {right.file} overlap in level {left.level}", "9.6")
