"""`explain`: what a scan would read, and which step of planning left out what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from tablestore.inspect.console import Console
from tablestore.inspect.report import Fact, Report
from tablestore.inspect.target import Opened
from tablestore.lsm.explain import Explanation

_BAR: Final = 32
_STEPS: Final = (
    ("live files", "files_total"),
    ("after partition", "files_after_partition"),
    ("after bucket", "files_after_bucket"),
    ("after key range", "files_after_key"),
    ("after statistics", "files_after_statistics"),
)


def show_explanation(
    opened: Opened, names: Sequence[str] | None, where: str | None, console: Console
) -> Report:
    """The plan of a scan: a funnel for people, counts for programs."""
    found = opened.view.scan(columns=names, filter=where).explain()
    if console.format != "table":
        members = asdict(found)
        members["levels"] = {f"L{level}": count for level, count in sorted(found.levels.items())}
        return Report(facts=[Fact("where", where), *(Fact(name, value) for name, value in members.items())])
    levels = "  ".join(f"L{level}: {count}" for level, count in sorted(found.levels.items())) or "none"
    report = Report(picture=_funnel(found, console))
    report.facts = [
        Fact("table", f"{opened.given}, version {opened.snapshot.id}"),
        Fact("where", where),
        Fact("columns", found.columns, "names"),
        Fact("levels", levels),
        Fact("buckets", f"{found.buckets:,}, at most {found.runs_max} sorted runs in one"),
        Fact("windows", f"{found.windows:,}, {found.windows_without_merge:,} of them without a merge"),
        Fact("stored_rows", f"{found.rows_stored:,}, {found.deletes_stored:,} of them deletes"),
        Fact("to_read", found.bytes_of_columns, "bytes"),
        Fact("of_files", found.bytes_of_files, "bytes"),
    ]
    return report


def _funnel(found: Explanation, console: Console) -> list[str]:
    """A bar a step: how many files were left."""
    counts = [(label, int(getattr(found, name))) for label, name in _STEPS]
    width = max(len(f"{count:,}") for _, count in counts)
    full = "█" if console.unicode else "#"
    lines = []
    for label, count in counts:
        length = max(1 if count else 0, round(_BAR * count / max(1, found.files_total)))
        lines.append(f"{label:<16}  {f'{count:,}':>{width}}  {full * length}".rstrip())
    return lines
