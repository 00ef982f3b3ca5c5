"""`summary`: a table on one page, with what its owner should know; or any single file."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from tablestore.errors import FormatError
from tablestore.file.snapshot import Snapshot
from tablestore.inspect import document, listing, sst
from tablestore.inspect.console import Console
from tablestore.inspect.report import Fact, Report, Section, section
from tablestore.inspect.target import Opened, Target, open_version
from tablestore.inspect.tree import Bucket, buckets_of

COUNTED_ROWS_MAX: Final = 10_000_000  # stored rows that are merged and counted without being asked


def show_summary(target: Target, version: int | None, count: bool, console: Console) -> Report:
    """The page that fits what the path is."""
    if target.kind == "table":
        return table_summary(open_version(target.given, version), count)
    if target.kind in ("snapshot", "schema"):
        return document.show_file(target)
    report = sst.show_file(target, console)
    if target.kind == "manifest" and not report.faults:
        try:
            report.sections, report.main = [listing.entries(target)], "entries"
        except FormatError as error:
            report.fail(error, target.given)
    return report


def table_summary(opened: Opened, count: bool) -> Report:
    """Shape, size and health of a table at one version."""
    buckets = list(buckets_of(opened))
    snapshot = opened.snapshot
    schema = opened.core.schema
    totals = snapshot.totals
    ids = opened.core.lineage.ids()
    report = Report(f"table {opened.given}", main="levels")
    report.facts = [
        Fact("version", snapshot.id),
        Fact("time", snapshot.timestamp_millis, "time"),
        Fact("kind", snapshot.kind),
        Fact("writer", _writer(snapshot)),
        Fact("table", snapshot.table),
        Fact("format", "1.0"),
        Fact("schema", schema.id),
        Fact("columns", len(schema.fields), "count"),
        Fact("primary_key", [field.name for field in schema.key_fields], "names"),
        Fact("partition_by", [field.name for field in schema.partition_fields], "names"),
        Fact("sequence_fields", [field.name for field in schema.order_fields], "names"),
        Fact("merge_engine", schema.merge_engine),
        Fact("options", schema.options.to_json() or None),
        Fact("rows", None, "count"),
        Fact("stored_rows", totals.rows, "count"),
        Fact("stored_deletes", totals.deletes, "count"),
        Fact("files", totals.files, "count"),
        Fact("bytes", totals.bytes, "bytes"),
        Fact(
            "partitions",
            len({found.partition for found in buckets}) if schema.partition_by else None,
            "count",
        ),
        Fact("buckets", schema.buckets, "count"),
        Fact("read_amplification", max((len(found.runs) for found in buckets), default=0), "count"),
        Fact("snapshots", len(ids), "count"),
        Fact("oldest_snapshot", ids[0]),
    ]
    _count_rows(opened, count, report)
    report.sections.append(_levels(buckets))
    report.sections[0].notes += _advice(opened, buckets)
    return report


def _writer(snapshot: Snapshot) -> str | None:
    return f"{snapshot.writer.id}, commit {snapshot.writer.commit_id}" if snapshot.writer else None


def _count_rows(opened: Opened, count: bool, report: Report) -> None:
    """Put in the rows that a reader sees, unless counting them is work that nobody asked for."""
    if not count and opened.snapshot.totals.rows > COUNTED_ROWS_MAX:
        return
    try:
        rows = opened.view.scan(columns=[]).count()
    except FormatError as error:
        report.fail(error)
        return
    report.facts = [Fact(f.name, rows, f.kind) if f.name == "rows" else f for f in report.facts]


def _levels(buckets: list[Bucket]) -> Section:
    """All buckets together, level by level."""
    runs, files, rows, deletes, size = (Counter[int]() for _ in range(5))
    for found in buckets:
        for run in found.runs:
            runs[run.level] += 1
            files[run.level] += len(run.files)
            rows[run.level] += run.rows
            deletes[run.level] += run.deletes
            size[run.level] += run.size
    total = sum(size.values()) or 1
    listed: list[tuple[Any, ...]] = []
    for level in sorted(runs):
        share = round(size[level] / total, 4)
        listed.append(
            (f"L{level}", runs[level], files[level], rows[level], deletes[level], size[level], share)
        )
    described = (
        "level",
        "runs:count",
        "files:count",
        "rows:count",
        "deletes:count",
        "bytes:bytes",
        "share:share",
    )
    return section("levels", described, listed)


def _advice(opened: Opened, buckets: list[Bucket]) -> list[str]:
    """What a reader of the table would like to see changed."""
    trigger = opened.core.schema.options.compaction_trigger
    crowded = [found for found in buckets if len(found.runs) >= trigger]
    notes = []
    if crowded:
        worst = max(crowded, key=lambda found: len(found.runs))
        place = f"bucket {worst.number}" + (f" of {worst.partition}" if worst.partition else "")
        others = f" and {len(crowded) - 1:,} more" if len(crowded) > 1 else ""
        notes.append(f"{place}{others}: {len(worst.runs)} sorted runs, compaction is due (compact())")
    if opened.core.schema.options.refused:
        notes += [
            f"option {name} = {value}: {why}" for name, value, why in opened.core.schema.options.refused
        ]
    return notes
