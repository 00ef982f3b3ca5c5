"""`tree --html`: the trees of all buckets and the timeline as one page that needs nothing but a browser."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tablestore.file.manifest import Entry
from tablestore.inspect.commits import Commit, commits
from tablestore.inspect.console import Console
from tablestore.inspect.report import Report
from tablestore.inspect.target import Opened
from tablestore.inspect.text import finite, moment, plural, printable
from tablestore.inspect.timeline import what_happened
from tablestore.inspect.tree import Bucket, buckets_of
from tablestore.inspect.values import bound_text
from tablestore.lsm.run import Run

_COMMITS_MAX: Final = 1_000
_BOXES_MAX: Final = 200  # of one run; neighbours share a box where there are more files
_PLACE: Final = "/*DATA*/null"


def write_page(opened: Opened, bucket: int | None, out: str, console: Console) -> None:
    """Write the page to a file, or for "-" to standard output. What cannot be read is told on standard error."""
    report = Report()
    page = page_of(opened, bucket, console, report)
    if out == "-":
        console.line(page)
    else:
        Path(out).write_text(page, encoding="utf-8")
        console.note(f"wrote {out}, {plural(len(page.encode()), 'byte')}")
    for fault in report.faults:
        console.note(f"{fault.file}: {fault.message} ({fault.code})")
    console.status = report.status


def page_of(opened: Opened, bucket: int | None, console: Console, report: Report) -> str:
    """The page. Text from files is data in it, never markup: every `<` is escaped."""
    template = (
        importlib.resources.files("tablestore.inspect").joinpath("page.html").read_text(encoding="utf-8")
    )
    text = json.dumps(
        finite(_data(opened, bucket, console, report)), ensure_ascii=True, separators=(",", ":")
    )
    return template.replace(_PLACE, text.replace("<", "\\u003c"))


def _data(opened: Opened, bucket: int | None, console: Console, report: Report) -> dict[str, Any]:
    chosen = [found for found in buckets_of(opened) if bucket in (None, found.number)]
    history = list(commits(opened.core, opened.snapshot.id, _COMMITS_MAX, report))
    schema = opened.core.schema
    return {
        "table": printable(opened.given),
        "version": opened.snapshot.id,
        "time": moment(opened.snapshot.timestamp_millis),
        "key": ", ".join(printable(field.name) for field in schema.key_fields),
        "trigger": schema.options.compaction_trigger,
        "facts": _facts(opened, chosen),
        "span": _span(history),
        "commits": [_commit(opened, commit, console) for commit in history],
        "buckets": [_bucket(opened, found) for found in chosen],
    }


def _facts(opened: Opened, chosen: Sequence[Bucket]) -> list[tuple[str, Any, str]]:
    runs = [len(found.runs) for found in chosen]
    mean = sum(runs) / len(runs) if runs else 0.0
    return [
        ("stored rows", sum(found.rows for found in chosen), "count"),
        ("bytes", sum(found.size for found in chosen), "bytes"),
        ("files", sum(len(run.files) for found in chosen for run in found.runs), "count"),
        ("buckets", len(chosen), "count"),
        ("read amplification", max(runs, default=0), "count"),
        ("runs a bucket", f"{mean:.1f}", "text"),
        ("primary key", ", ".join(printable(field.name) for field in opened.core.schema.key_fields), "text"),
    ]


def _span(history: Sequence[Commit]) -> str:
    if not history:
        return ""
    merged = sum(commit.compacts for commit in history)
    first, last = (moment(commit.snapshot.timestamp_millis)[:19] for commit in (history[0], history[-1]))
    return f"{plural(len(history), 'snapshot')}, {plural(merged, 'compaction')}, {first} to {last}"


def _commit(opened: Opened, commit: Commit, console: Console) -> dict[str, Any]:
    snapshot, totals, writer = commit.snapshot, commit.snapshot.totals, commit.snapshot.writer
    return {
        "version": snapshot.id,
        "time": moment(snapshot.timestamp_millis),
        "kind": snapshot.kind,
        "text": what_happened(opened.core, commit, console),
        "rows": totals.rows,
        "files": totals.files,
        "bytes": totals.bytes,
        "added": commit.bytes_added,
        "removed": commit.bytes_removed,
        "writer": printable(f"{writer.id}, commit {writer.commit_id}") if writer else "",
    }


def _bucket(opened: Opened, found: Bucket) -> dict[str, Any]:
    fields = opened.core.schema.key_fields
    place = f"bucket {found.number}"
    return {
        "name": printable(f"{found.partition}, {place}" if found.partition else place),
        "rows": found.rows,
        "bytes": found.size,
        "low": printable(bound_text(fields, found.scale.low)),
        "high": printable(bound_text(fields, found.scale.high)),
        "runs": [_run(opened, found, run) for run in found.runs],
    }


def _run(opened: Opened, found: Bucket, run: Run) -> dict[str, Any]:
    step = -(-len(run.files) // _BOXES_MAX)
    groups = [run.files[start : start + step] for start in range(0, len(run.files), step)]
    return {
        "level": run.level,
        "rows": run.rows,
        "bytes": run.size,
        "files": len(run.files),
        "boxes": [_box(opened, found, group) for group in groups],
    }


def _box(opened: Opened, found: Bucket, files: Sequence[Entry]) -> dict[str, Any]:
    """One file, or neighbours: where they begin and end on the bucket's key range, and what they hold."""
    fields = opened.core.schema.key_fields
    low, high = files[0].key_min, files[-1].key_max
    return {
        "file": files[0].file,
        "files": len(files),
        "start": round(found.scale.place(low), 5),
        "stop": round(found.scale.place(high), 5),
        "bytes": sum(entry.size for entry in files),
        "rows": sum(entry.row_count for entry in files),
        "deletes": sum(entry.delete_count for entry in files),
        "low": printable(bound_text(fields, low)),
        "high": printable(bound_text(fields, high)),
        "sequences": [
            min(entry.sequence_min for entry in files),
            max(entry.sequence_max for entry in files),
        ],
    }
