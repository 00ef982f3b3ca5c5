"""`diff`: the files that two versions do not share, bucket by bucket, and on request how many rows differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from tablestore.changes import changes_request, net_difference
from tablestore.core import Core
from tablestore.file.fileset import FileSet
from tablestore.file.manifest import Entry
from tablestore.inspect.listing import partition_text
from tablestore.inspect.moment import view_of
from tablestore.inspect.report import Fact, Report, section
from tablestore.inspect.target import open_version
from tablestore.inspect.values import bound_text
from tablestore.lsm import changes
from tablestore.lsm.lineage import Version
from tablestore.table import Table
from tablestore.view import View

Place = tuple[bytes, int]
_FILES: Final = (
    "change", "partition", "bucket:number", "level", "rows:count", "deletes:count", "bytes:bytes", "key_min", "key_max",
    "path",
)  # fmt: skip
_BUCKETS: Final = (
    "partition", "bucket:number", "files_added:count", "files_removed:count", "files_moved:count", "files_kept:count",
    "stored_rows_change:count", "bytes_change:bytes",
)  # fmt: skip
_ROWS: Final = ("rows_inserted:count", "rows_updated:count", "rows_deleted:count")


@dataclass
class _Bucket:
    """What differs in one bucket. rows: number of changes by kind, as they go from A to B."""

    added: list[Entry] = field(default_factory=list)
    removed: list[Entry] = field(default_factory=list)
    moved: list[tuple[Entry, Entry]] = field(default_factory=list)
    kept: int = 0
    rows: Counter[int] = field(default_factory=Counter)

    @property
    def differs(self) -> bool:
        return bool(self.added or self.removed or self.moved or self.rows)

    def change(self, name: str) -> int:
        """Sum of a column on the side of B less that of A."""
        return _sum(self.added, name) - _sum(self.removed, name)


def show_difference(given: str, first: str, second: str, count_rows: bool) -> Report:
    """From version `first` (A) to `second` (B). count_rows: also rows inserted, updated and deleted on the way."""
    core = open_version(given).core
    table = Table(core)
    before, after = view_of(table, first), view_of(table, second)
    with before.guard(), after.guard():
        buckets = _compare(core.files(before.shown.snapshot), core.files(after.shown.snapshot))
        if count_rows:
            _count_rows(core, before, after, buckets)
    differing = {place: found for place, found in sorted(buckets.items()) if found.differs}
    report = Report(facts=_facts(given, before.shown, after.shown, buckets, count_rows), main="buckets")
    described = (*_BUCKETS, *(_ROWS if count_rows else ()))
    rows = [_bucket_row(core, place, found, count_rows) for place, found in differing.items()]
    report.sections.append(section("buckets", described, rows))
    listed = section("files", _FILES, [])
    for place, found in differing.items():
        listed.rows += _file_rows(core, place, found)
    report.sections.append(listed)
    return report


def _compare(before: FileSet, after: FileSet) -> dict[Place, _Bucket]:
    """Both sides by bucket; a file has its name in common with itself, on whatever level it is."""
    buckets: dict[Place, _Bucket] = {}
    old = {entry.file: entry for entry in before.entries()}
    for entry in after.entries():
        bucket = buckets.setdefault(entry.place, _Bucket())
        was = old.pop(entry.file, None)
        if was is None:
            bucket.added.append(entry)
        elif was.level != entry.level:
            bucket.moved.append((was, entry))
        else:
            bucket.kept += 1
    for entry in old.values():
        buckets.setdefault(entry.place, _Bucket()).removed.append(entry)
    return buckets


def _count_rows(core: Core, before: View, after: View, buckets: dict[Place, _Bucket]) -> None:
    """The exact difference of the rows (spec §14.3); read forwards, and turned round if A is the later one."""
    backwards = before.version > after.version
    first, last = (after, before) if backwards else (before, after)
    if first.version == last.version:
        return
    request = changes_request(core, [field.name for field in core.schema.fields], None)
    difference = net_difference(core, first.shown, last.shown, request)
    for part in changes.windows(core.cache, difference, request):
        kinds = changes.compare(core.cache, part, request).kinds
        counted = Counter(kinds.tolist())
        if backwards:
            counted[changes.INSERT], counted[changes.DELETE] = (
                counted[changes.DELETE],
                counted[changes.INSERT],
            )
        buckets.setdefault(part.candidates.place, _Bucket()).rows += counted


def _facts(
    given: str, before: Version, after: Version, buckets: dict[Place, _Bucket], count_rows: bool
) -> list[Fact]:
    every = list(buckets.values())
    added = [entry for found in every for entry in found.added]
    removed = [entry for found in every for entry in found.removed]
    facts = [
        Fact("table", given),
        Fact("a", before.id),
        Fact("a_time", before.snapshot.timestamp_millis, "time"),
        Fact("b", after.id),
        Fact("b_time", after.snapshot.timestamp_millis, "time"),
        Fact("files_added", len(added), "count"),
        Fact("bytes_added", _sum(added, "size"), "bytes"),
        Fact("files_removed", len(removed), "count"),
        Fact("bytes_removed", _sum(removed, "size"), "bytes"),
        Fact("files_moved", sum(len(found.moved) for found in every), "count"),
        Fact("files_kept", sum(found.kept for found in every), "count"),
        Fact("stored_rows_change", _sum(added, "row_count") - _sum(removed, "row_count"), "count"),
    ]
    if count_rows:
        total: Counter[int] = sum((found.rows for found in every), Counter())
        facts += [
            Fact(column.partition(":")[0], count, "count")
            for column, count in zip(_ROWS, _row_counts(total), strict=True)
        ]
    return facts


def _row_counts(rows: Counter[int]) -> tuple[int, int, int]:
    return rows[changes.INSERT], rows[changes.UPDATE_AFTER], rows[changes.DELETE]


def _sum(entries: Iterable[Entry], name: str) -> int:
    return sum(getattr(entry, name) for entry in entries)


def _bucket_row(core: Core, place: Place, found: _Bucket, count_rows: bool) -> tuple[Any, ...]:
    row = (
        partition_text(core.schema, place[0]), place[1], len(found.added), len(found.removed), len(found.moved),
        found.kept, found.change("row_count"), found.change("size"),
    )  # fmt: skip
    return (*row, *_row_counts(found.rows)) if count_rows else row


def _file_rows(core: Core, place: Place, found: _Bucket) -> list[tuple[Any, ...]]:
    """One line a file: + added, - removed, and both levels of one that moved."""
    lines = [("-", entry, f"L{entry.level}") for entry in found.removed]
    lines += [("moved", entry, f"L{was.level}-L{entry.level}") for was, entry in found.moved]
    lines += [("+", entry, f"L{entry.level}") for entry in found.added]
    fields = core.schema.key_fields
    return [
        (
            change, partition_text(core.schema, place[0]), place[1], level, entry.row_count, entry.delete_count,
            entry.size, bound_text(fields, entry.key_min), bound_text(fields, entry.key_max),
            core.cache.path_of(place, entry.file),
        )
        for change, entry, level in lines
    ]  # fmt: skip
