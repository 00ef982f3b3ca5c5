"""Lists of what a table holds: snapshots, files, levels; and the entries of one manifest."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from tablestore import metadata
from tablestore.errors import FormatError, TableStoreError
from tablestore.file import column_reader, partition
from tablestore.file import manifest as manifests
from tablestore.file.column_reader import Piece
from tablestore.file.manifest import BUCKET, LEVEL, Entry
from tablestore.file.schema import TableSchema
from tablestore.file.sst_reader import SstReader
from tablestore.inspect import document, sst
from tablestore.inspect.console import Console
from tablestore.inspect.records import show_rows
from tablestore.inspect.report import Report, Section, columns, section
from tablestore.inspect.status import UnsuitableError
from tablestore.inspect.target import Opened, Target, find_as, open_version
from tablestore.inspect.values import ROW_KINDS, bound_text, plain, value_text
from tablestore.lsm.lineage import Lineage, Version, check_parent
from tablestore.lsm.plan import partition_table
from tablestore.types import ROW_KIND

_PAGE: Final = 4_096
_SNAPSHOTS: Final = (
    "version:number", "time:time", "kind", "rows:count", "rows_change:count", "deletes:count", "files:count",
    "bytes:bytes", "manifests:count", "schema:number", "writer", "commit_id:number",
)  # fmt: skip
_FILES: Final = (
    "bucket:number", "level", "rows:count", "deletes:count", "bytes:bytes", "key_min", "key_max",
    "sequence_min:number", "sequence_max:number", "path",
)  # fmt: skip
_ENTRIES: Final = (
    "change", "partition", "bucket:number", "level", "rows:count", "deletes:count", "bytes:bytes", "key_min",
    "key_max", "sequence_min:number", "sequence_max:number", "ordinal:number", "schema:number", "file",
)  # fmt: skip


def snapshots(given: str, snapshot_id: int | None) -> Report:
    """One line a version, oldest first; or everything about one of them. Damaged ones become faults."""
    if snapshot_id is not None:
        opened = open_version(given, snapshot_id)
        return document.snapshot_report(opened.snapshot, f"snapshot {snapshot_id} of {given}")
    target = find_as(given, "table")
    report = Report()
    listed = section("snapshots", _SNAPSHOTS, [])
    before: Version | None = None
    lineage = Lineage(target.storage)
    ids = lineage.ids()
    if not ids:
        raise UnsuitableError(f"{given}: a table without any snapshot")
    for number in ids:
        try:
            version = lineage.read(number)
            follows = before is not None and before.id == number - 1
            if before is not None and follows:
                check_parent(before, version)
        except FormatError as error:
            report.fail(error)
            continue
        listed.rows.append(_snapshot_row(version, before if follows else None))
        before = version
    report.sections.append(listed)
    return report


def _snapshot_row(version: Version, before: Version | None) -> tuple[Any, ...]:
    snapshot = version.snapshot
    totals = snapshot.totals
    change = (
        totals.rows - before.snapshot.totals.rows if before else (totals.rows if version.id == 1 else None)
    )
    writer = snapshot.writer
    return (
        snapshot.id, snapshot.timestamp_millis, snapshot.kind, totals.rows, change, totals.deletes, totals.files,
        totals.bytes, len(snapshot.manifests), snapshot.schema_id, writer and writer.id,
        writer and writer.commit_id,
    )  # fmt: skip


def files(opened: Opened, bucket: int | None, level: int | None, console: Console) -> None:
    """One line a live file, page by page."""
    schema = opened.core.schema
    names = tuple(field.name for field in schema.partition_fields)
    show_rows(columns(*names, *_FILES), _file_pages(opened, bucket, level), console)


def _file_pages(opened: Opened, bucket: int | None, level: int | None) -> Iterator[list[tuple[Any, ...]]]:
    core = opened.core
    found = opened.files()
    keep = np.ones(len(found), bool)
    if bucket is not None:
        keep &= found.column(BUCKET).typed("i4") == bucket
    if level is not None:
        keep &= found.column(LEVEL).typed("i1") == level
    rows = np.flatnonzero(keep)
    for start in range(0, len(rows), _PAGE):
        page = found.take(rows[start : start + _PAGE])
        places = [plain(column) for _, column in metadata.partition_columns(core, page)]
        yield [
            (*(column[index] for column in places), *_file_row(opened, entry))
            for index, entry in enumerate(page.entries())
        ]


def _file_row(opened: Opened, entry: Entry) -> tuple[Any, ...]:
    core = opened.core
    return (
        entry.bucket, f"L{entry.level}", entry.row_count, entry.delete_count, entry.size,
        bound_text(core.schema.key_fields, entry.key_min), bound_text(core.schema.key_fields, entry.key_max),
        entry.sequence_min, entry.sequence_max, core.cache.path_of(entry.place, entry.file),
    )  # fmt: skip


def levels(opened: Opened) -> Report:
    """Runs, files, rows and bytes of every level of every bucket."""
    table = opened.view.levels()
    described = [field.name for field in opened.core.schema.partition_fields]
    described += [
        "bucket:number",
        "level",
        *(f"{name}:count" for name in ("runs", "files", "rows", "deletes")),
    ]
    values = [plain(table.column(name).combine_chunks()) for name in table.column_names]
    level = table.column_names.index("level")
    values[level] = [f"L{number}" for number in values[level]]
    rows = list(zip(*values, strict=True))
    return Report(sections=[section("levels", [*described, "bytes:bytes"], rows)])


def manifest(target: Target, console: Console) -> Report:
    """The entries of one manifest; of one that cannot be read, what is left of the file."""
    try:
        return Report(sections=[entries(target)])
    except FormatError as error:
        report = sst.show_file(target, console)
        if not report.faults:
            report.fail(error, target.given)
        return report


def entries(target: Target) -> Section:
    """The rows of a manifest; keys and partitions as values if the manifest lies in its table."""
    schema = _schema_near(target)
    with SstReader(target.storage, target.path) as reader:
        piece = [Piece(reader, 0, int(reader.footer.row_count))]
        read = [column_reader.read_column(piece, field) for field in manifests.FIELDS]
        kinds = column_reader.read_column(piece, ROW_KIND).typed("u1").tolist()
    values = zip(*(column.to_arrow().to_pylist() for column in read), strict=True)
    rows = [_entry_row(ROW_KINDS[kind], Entry(*row), schema) for kind, row in zip(kinds, values, strict=True)]
    listed = section("entries", _ENTRIES, rows)
    if schema is None:
        listed.notes.append("keys and partitions in hexadecimal: the manifest does not lie in its table")
    return listed


def _entry_row(change: str, entry: Entry, schema: TableSchema | None) -> tuple[Any, ...]:
    if schema is None:
        low, high, place = entry.key_min.hex(), entry.key_max.hex(), entry.partition.hex()
    else:
        low, high = (bound_text(schema.key_fields, bound) for bound in (entry.key_min, entry.key_max))
        place = partition_text(schema, entry.partition)
    return (
        change, place, entry.bucket, f"L{entry.level}", entry.row_count, entry.delete_count, entry.size, low,
        high, entry.sequence_min, entry.sequence_max, entry.ordinal, entry.schema_id, entry.file,
    )  # fmt: skip


def partition_text(schema: TableSchema, encoded: bytes) -> str:
    """A partition as "origin=JFK, month=3"; "" for a table without partitions."""
    fields = schema.partition_fields
    values = partition.decode(fields, encoded)
    arrays = [partition_table((field,), [(value,)]) for field, value in zip(fields, values, strict=True)]
    texts = [value_text(plain(array.column(0).combine_chunks())[0]) for array in arrays]
    return ", ".join(f"{field.name}={text}" for field, text in zip(fields, texts, strict=True))


def _schema_near(target: Target) -> TableSchema | None:
    """The schema of the table that a manifest lies in, if it can be had."""
    directory = posixpath.dirname(target.given) or "."
    try:
        return open_version(posixpath.join(directory, "..")).core.schema
    except (TableStoreError, UnsuitableError):
        return None
