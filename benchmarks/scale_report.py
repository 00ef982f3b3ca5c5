"""Writes the measurement of large tables down, and holds it against the bars."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from benchmarks.tables import Rows, aligned, load, machine, number, piped

FULL_ROWS = (1_000_000, 10_000_000, 100_000_000)
FULL_FILES = 1_000_000
COMMIT_FILES = 100_000
BUDGET_MEBIBYTES = 256
FLATNESS = 0.15
Done = dict[str, dict[str, Any]]  # "step size" → what the step printed
Verdict = tuple[str, str, float | None, bool | None]  # bar, limit, measured, whether it is met

GROWTH_STEPS = {
    "load": "load, 10 commits",
    "compact": "full compaction",
    "scan": "scan, merged",
    "scan_unmerged": "scan, 9 runs or more",
}


def plain(done: Done, sizes: list[int], files: int) -> str:
    """All tables for a terminal."""
    parts = [growth_table(done, sizes), memory_table(done, sizes), files_table(done, files)]
    return "\n\n".join(aligned(table) for table in [*parts, bars_table(done)])


def markdown(done: Done) -> str:
    """The whole SCALE.md."""
    sizes = list(FULL_ROWS)
    date = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    parts = [
        "# Large tables",
        f"Written by `benchmarks/scale.py` on {date}; do not edit. Four buckets, compaction by hand: N rows of the"
        " usual five columns in ten commits through a streaming writer (scattered ids), a full compaction, a streamed"
        " scan of every column with `to_batches`, eight commits that replace 1 % each, the scan again. Each step in a"
        " fresh process; counts and sums of every scan were compared with a plain recomputation.",
        "## The bars",
        piped(bars_table(done)),
        "## Nanoseconds per row",
        piped(growth_table(done, sizes)),
        "A writer spills level 0 files whenever its budget is full, so the ten commits of 100 M rows are some 90 sorted"
        " runs instead of 10: compaction then merges nine times as many runs.",
        "## Memory, MiB",
        piped(memory_table(done, sizes)),
        f"*net* is the peak resident set less that of the process before the work (interpreter, libraries, source"
        f" rows)."
        f" The budget is {BUDGET_MEBIBYTES} MiB for a writer or a scan, besides the directories of the open files.",
        "## Very many files",
        piped(files_table(done, FULL_FILES)),
        "Entries of files that were never written: only metadata is measured. Each plan is made in a fresh process,"
        " which has read nothing before; *again* is the second plan of the process. Where pandas is installed, pyarrow"
        " loads it when it converts the first Python value, such as the literal of a filter: once in a process.",
        "## Sustained ingest",
        ingest_line(done),
        f"- {machine()}\n- {load()}",
    ]
    return "\n\n".join(parts) + "\n"


def growth_table(done: Done, sizes: list[int]) -> Rows:
    """Nanoseconds per row by size, and the largest over the smallest."""
    table = [["", *(f"{size:,} rows" for size in sizes), "last / first"]]
    for name, title in GROWTH_STEPS.items():
        values = [_figure(done, name, size, "nanoseconds_per_row") for size in sizes]
        ratio = values[-1] / values[0] if values[0] and values[-1] else None
        table.append([title, *(number(value, 0) for value in values), number(ratio)])
    return table


def memory_table(done: Done, sizes: list[int]) -> Rows:
    """Peak resident set by step and size, and how much of it the step brought."""
    table = [["", *(f"{size:,} rows" for size in sizes), "net"]]
    for name, title in (GROWTH_STEPS | {"upsert": "8 commits of 1 %"}).items():
        values = [_figure(done, name, size, "peak_mebibytes") for size in sizes]
        table.append([title, *(number(value, 0) for value in values), number(_net(done, name, sizes[-1]), 0)])
    return table


def files_table(done: Done, files: int) -> Rows:
    """Open, plan, plan again, memory."""
    table = [["", "open, ms", "plan, ms", "again, ms", "peak MiB"]]
    titles = {
        "plan": f"all of {files:,} files",
        "plan_filtered": "one day of 1,000",
        "plan_filtered_pandas": "the same, pandas installed",
    }
    for name, title in titles.items():
        found = done.get(f"{name} {files}", {})
        seconds = [found.get(key) for key in ("open_seconds", "seconds", "again_seconds")]
        cells = [number(None if value is None else value * 1e3, 1) for value in seconds]
        table.append([title, *cells, number(found.get("peak_mebibytes"), 0)])
    return table


def ingest_line(done: Done) -> str:
    """What bench_ingest.py found."""
    found = next((value for key, value in done.items() if key.startswith("ingest ")), None)
    if found is None:
        return "Not measured."
    fifths = ", ".join(f"{value / 1e6:.2f}" for value in found["rows_per_second_by_fifth"])
    return (
        f"{found['rows']:,} rows in commits of {found['commit_rows']:,} with automatic compaction:"
        f" {found['rows_per_second'] / 1e6:.2f} M rows/s until compaction has caught up (by fifths of the run"
        f" {fifths}), write amplification {found['write_amplification']}, slowest commit"
        f" {found['slowest_commit_seconds']} s."
    )


def bars_table(done: Done) -> Rows:
    """Every bar with its limit, the measured figure, and whether it is met."""
    table = [["bar", "limit", "measured", ""]]
    for title, limit, measured, met in bars(done):
        verdict = "not measured" if met is None else "met" if met else "**missed**"
        table.append([title, limit, number(measured), verdict])
    return table


def bars(done: Done) -> Iterator[Verdict]:
    """The bars of large tables."""
    first, last = FULL_ROWS[0], FULL_ROWS[-1]
    for name in ("load", "scan", "compact"):
        small, large = (_figure(done, name, size, "nanoseconds_per_row") for size in (first, last))
        ratio = None if small is None or large is None else large / small
        met = None if ratio is None else ratio <= 1 + FLATNESS
        yield f"{GROWTH_STEPS[name]}: time per row, 100 M / 1 M rows", f"≤ {1 + FLATNESS}", ratio, met
    for name, title in (("load", "writer"), ("scan", "scan"), ("scan_unmerged", "unmerged scan")):
        yield _most(f"{title} on 100 M rows, net MiB", BUDGET_MEBIBYTES, _net(done, name, last))
    planned, filtered = (f"{name} {FULL_FILES}" for name in ("plan", "plan_filtered"))
    yield _most("plan of 1 M files, s", 1, done.get(planned, {}).get("seconds"))
    yield _most("plan of 1 M files, MiB", 512, done.get(planned, {}).get("peak_mebibytes"))
    yield _most("filtered plan of 1 M files, ms", 50, _times(done.get(filtered, {}).get("seconds"), 1e3))
    commit = done.get(f"commit_one {COMMIT_FILES}", {}).get("seconds")
    yield _most("1-row commit into 100,000 files, p50 ms", 5, _times(commit, 1e3))
    ingest = next((value for key, value in done.items() if key.startswith("ingest ")), {})
    rate = _times(ingest.get("rows_per_second"), 1e-6)
    yield "sustained ingest, M rows/s", "≥ 3", rate, None if rate is None else rate >= 3
    yield _most("sustained ingest, write amplification", 6, ingest.get("write_amplification"))


def _most(title: str, limit: float, measured: float | None) -> Verdict:
    return title, f"≤ {limit:g}", measured, None if measured is None else measured <= limit


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _figure(done: Done, name: str, size: int, key: str) -> float | None:
    return done.get(f"{name} {size}", {}).get(key)


def _net(done: Done, name: str, size: int) -> float | None:
    peak, base = (_figure(done, name, size, key) for key in ("peak_mebibytes", "base_mebibytes"))
    return None if peak is None or base is None else peak - base
