"""`timeline`: what each snapshot did to the table, as a chart for people and a record a snapshot for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from tablestore.core import Core
from tablestore.inspect.commits import Commit, commits
from tablestore.inspect.console import Console
from tablestore.inspect.report import Fact, Report, section
from tablestore.inspect.target import Opened
from tablestore.inspect.text import human_bytes, moment, padded, plural, width_of

LIMIT_ON_TERMINAL: Final = 50
_BAR: Final = 20
_COLOURS: Final = {
    "append": "yellow",
    "compact": "green",
    "purge": "cyan",
    "overwrite": "red",
    "rollback": "red",
}
_RECORD: Final = (
    "version:number", "time:time", "kind", "rows:count", "rows_change:count", "files:count", "bytes:bytes",
    "files_added:count", "files_moved:count", "files_removed:count", "bytes_added:bytes", "bytes_removed:bytes",
    "buckets:count", "levels_in", "levels_out", "levels_moved", "writer", "commit_id:number",
)  # fmt: skip
_HEADINGS: Final = ("version", "time", "kind", "rows", "files", "bytes")


def show_timeline(opened: Opened, limit: int | None, console: Console) -> Report:
    """The newest `limit` snapshots; without a limit all, on a terminal a screenful."""
    report = Report(main="snapshots")
    asked = limit
    if limit is None and console.terminal:
        asked = LIMIT_ON_TERMINAL
    elif limit is not None and limit < 0:
        asked = None
    found = list(commits(opened.core, opened.snapshot.id, asked, report))
    report.facts = _facts(opened, found)
    if console.format == "table":
        report.picture = _chart(opened.core, found, console)
    else:
        report.sections.append(section("snapshots", _RECORD, [_record(commit) for commit in found]))
    return report


def _facts(opened: Opened, found: Sequence[Commit]) -> list[Fact]:
    """Totals of the snapshots shown. Write amplification: bytes written for each byte that a commit brought."""
    brought = sum(commit.bytes_added for commit in found if not commit.compacts)
    merged = [commit for commit in found if commit.compacts]
    rewritten = sum(commit.bytes_added for commit in merged)
    return [
        Fact("table", opened.given),
        Fact("version", opened.snapshot.id),
        Fact("snapshots", len(found), "count"),
        Fact("compactions", len(merged), "count"),
        Fact("bytes_brought", brought, "bytes"),
        Fact("bytes_compacted", sum(commit.bytes_removed for commit in merged), "bytes"),
        Fact("bytes_rewritten", rewritten, "bytes"),
        Fact("write_amplification", round(1 + rewritten / brought, 2) if brought else None, "ratio"),
    ]


def _record(commit: Commit) -> tuple[Any, ...]:
    snapshot, totals, writer = commit.snapshot, commit.snapshot.totals, commit.snapshot.writer
    return (
        snapshot.id, snapshot.timestamp_millis, snapshot.kind, totals.rows, commit.rows_change, totals.files,
        totals.bytes, commit.added, commit.moved, commit.removed, commit.bytes_added, commit.bytes_removed,
        len(commit.places), _by_level(commit.levels_in), _by_level(commit.levels_out),
        _by_level(commit.levels_moved), writer and writer.id, writer and writer.commit_id,
    )  # fmt: skip


def _by_level(levels: Counter[int]) -> dict[str, int]:
    return {f"L{level}": levels[level] for level in sorted(levels)}


# ---- the chart


def _chart(core: Core, found: Sequence[Commit], console: Console) -> list[str]:
    """One line a snapshot: totals, a bar for the table's bytes, and what happened."""
    cells = [_cells(commit, console) for commit in found]
    widths = [max(width_of(row[index]) for row in [_HEADINGS, *cells]) for index in range(len(_HEADINGS))]
    largest = max((commit.snapshot.totals.bytes for commit in found), default=0)
    lines = [console.paint(_line(_HEADINGS, widths), "dim")]
    for commit, row in zip(found, cells, strict=True):
        colour = _COLOURS.get(commit.snapshot.kind, "dim")
        drawn = console.paint(_bar(commit.snapshot.totals.bytes, largest, console), colour)
        lines.append(f"{_line(row, widths)}  {drawn}  {what_happened(core, commit, console)}".rstrip())
    return lines


def _cells(commit: Commit, console: Console) -> tuple[str, ...]:
    snapshot, totals = commit.snapshot, commit.snapshot.totals
    return (
        str(snapshot.id), moment(snapshot.timestamp_millis), snapshot.kind, f"{totals.rows:,}",
        f"{totals.files:,}", _size(totals.bytes, console),
    )  # fmt: skip


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    right = (True, False, False, True, True, True)
    pairs = zip(cells, widths, right, strict=True)
    return "  ".join(padded(cell, width, right=to_right) for cell, width, to_right in pairs)


def _bar(size: int, largest: int, console: Console) -> str:
    """The table's bytes, in half cells."""
    halves = round(2 * _BAR * size / largest) if largest else 0
    halves = max(halves, 1 if size else 0)
    full, half = ("█", "▌") if console.unicode else ("#", "#")
    return padded(full * (halves // 2) + half * (halves % 2), _BAR)


def _size(size: int, console: Console) -> str:
    return f"{size:,}" if console.exact_bytes else human_bytes(size)


def what_happened(core: Core, commit: Commit, console: Console) -> str:
    """What a snapshot did, on one line."""
    kind = commit.snapshot.kind
    if not commit.complete:
        return "not all of its manifests can be read"
    if kind == "clean":
        return f"fence {commit.snapshot.fence}"
    if kind == "rollback":
        before = commit.before.totals.files if commit.before else None
        change = "" if before is None else f"{before:,} {_arrow(console)} "
        return f"files {change}{commit.snapshot.totals.files:,}"
    if commit.compacts:
        return _compaction(core, commit, console)
    parts = []
    if commit.added:
        parts.append(f"+{plural(commit.added, 'file')} {_size(commit.bytes_added, console)}")
    if commit.removed:
        parts.append(f"-{plural(commit.removed, 'file')} {_size(commit.bytes_removed, console)}")
    text = ", ".join(parts)
    return f"{text} in {commit.place_text(core)}" if text else ""


def _compaction(core: Core, commit: Commit, console: Console) -> str:
    """Files by level that went in and came out, and their bytes."""
    arrow = _arrow(console)
    parts = []
    if commit.removed or commit.added:
        parts.append(f"{_levels(commit.levels_in)} {arrow} {_levels(commit.levels_out)}")
        parts.append(f"{_size(commit.bytes_removed, console)} {arrow} {_size(commit.bytes_added, console)}")
    if commit.moved:
        parts.append(f"moved {arrow} {_levels(commit.levels_moved)}")
    return f"{commit.place_text(core)}: {', '.join(parts)}"


def _levels(levels: Counter[int]) -> str:
    """Files by level, such as "5 L0 + 1 L3"."""
    return " + ".join(f"{levels[level]} L{level}" for level in sorted(levels)) or "nothing"


def _arrow(console: Console) -> str:
    return "→" if console.unicode else "->"
