"""Writes a comparison down: a plain table for the terminal, Markdown for RESULTS.md."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measurements import BARS, GROWTH_LIMIT, PHASES, SIZES, Measurements
from benchmarks.systems import System

Rows = list[list[str]]
BUSY = 2.5


@dataclass(frozen=True)
class Run:
    """The circumstances of one comparison. `started`: seconds since 1970; `growth`: table rows -> seconds."""

    systems: list[System]
    versions: dict[str, dict[str, str]]
    rows: int
    rounds: int
    started: float
    growth: dict[str, float] | None


def plain(run: Run, measurements: Measurements) -> str:
    """Both tables and the bars, aligned for a terminal."""
    parts = [_aligned(_seconds_table(run, measurements))]
    if _ours(measurements):
        parts.append("TableStore / peer (below 1: TableStore needs less)")
        parts.append(_aligned(_ratio_table(run, measurements)))
        parts.append(_aligned(_bars_table(run, measurements)))
    parts.append(_load_line(measurements))
    parts += [f"FAULT {fault}" for fault in measurements.faults]
    return "\n\n".join(parts)


def markdown(run: Run, measurements: Measurements) -> str:
    """The whole RESULTS.md."""
    date = datetime.datetime.fromtimestamp(run.started, datetime.UTC).strftime("%Y-%m-%d")
    upserts = f"8 x {run.rows // 20:,}"
    parts = [
        "# Results",
        f"Written by `benchmarks/compare.py` on {date}; do not edit. {run.rows:,} rows loaded"
        f" in 10 commits, then {upserts} random upserts; seconds, median of {run.rounds} alternating"
        " round(s), reads repeated 3 times in each. Every answer (row count, column sums, a digest over all"
        " rows) was compared with a plain recomputation.",
        "![Seconds by phase](results.svg)",
        "## Seconds",
        _piped(_seconds_table(run, measurements)),
        "`-`: the system has no such operation.",
    ]
    if _ours(measurements):
        parts += [
            "## TableStore / peer",
            "Below 1, TableStore needs less.",
            _piped(_ratio_table(run, measurements)),
            "## The bars",
            _piped(_bars_table(run, measurements)),
        ]
    parts += [
        "## Reading the table",
        _notes(run),
        "## Machine and versions",
        _circumstances(run, measurements),
    ]
    if measurements.faults:
        parts += ["## Faults", "\n".join(f"- {fault}" for fault in measurements.faults)]
    return "\n\n".join(parts) + "\n"


def _machine() -> list[str]:
    """Processor, memory, operating system, interpreter."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        processor = names[0] if names else processor
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()},"
        f" Python {platform.python_version()}",
        "every system limited to two cores and two threads",
    ]


def _load_line(measurements: Measurements) -> str:
    """How much else was running: a system under test accounts for a load of two at most."""
    load = statistics.median(measurements.loads)
    verdict = "**others were using the machine: seconds and ratios are rough**" if load > BUSY else "quiet"
    return (
        f"load average during the run: {load:.1f} (median), {max(measurements.loads):.1f} (most): {verdict}"
    )


def _ours(measurements: Measurements) -> bool:
    return "tablestore" in measurements.figures


def _seconds_table(run: Run, measurements: Measurements) -> Rows:
    table = [["", *PHASES.values(), *SIZES.values(), "syncs", "keyed"]]
    for system in run.systems:
        seconds = [_number(measurements.median(system.name, phase)) for phase in PHASES]
        sizes = [_number(measurements.median(system.name, size), 0) for size in SIZES]
        flags = ["yes" if flag else "no" for flag in (system.syncs, system.keyed)]
        table.append([system.title, *seconds, *sizes, *flags])
    return table


def _ratio_table(run: Run, measurements: Measurements) -> Rows:
    columns = PHASES | SIZES
    table = [["", *columns.values()]]
    for system in run.systems:
        if system.name != "tablestore":
            ratios = [_number(measurements.ratio(phase, system.name)) for phase in columns]
            table.append([system.title, *ratios])
    return table


def _bars_table(run: Run, measurements: Measurements) -> Rows:
    table = [["bar", "limit", "measured", ""]]
    columns = PHASES | SIZES
    for bar in BARS:
        ratio = measurements.ratio(bar.phase, bar.system)
        table.append(_bar_row(f"{columns[bar.phase]} / {bar.system}", bar.limit, ratio))
    growth = run.growth["ratio"] if run.growth else None
    table.append(_bar_row("1,000-row upsert, 20 M / 1 M rows", GROWTH_LIMIT, growth))
    return table


def _bar_row(title: str, limit: float, ratio: float | None) -> list[str]:
    return [title, f"≤ {limit}", _number(ratio), _verdict(ratio, limit)]


def _verdict(ratio: float | None, limit: float) -> str:
    if ratio is None:
        return "not measured"
    return "met" if ratio <= limit else "**missed**"


def _notes(run: Run) -> str:
    general = (
        "- *syncs*: a commit is on stable storage (fsync) when it returns. *keyed*: the system itself keeps"
        " one row per key. Systems without either do less work in the load.\n"
        "- *MB* counts what the newest version needs, not what older versions still hold. *peak MB* is"
        " resident memory, mapped input and results included.\n"
        "- A compaction that found nothing to merge (under 1 % of the load's time) has no ratio."
    )
    notes = (f"- {system.title}: {note}" for system in run.systems for note in system.notes)
    return "\n".join([general, *notes])


def _circumstances(run: Run, measurements: Measurements) -> str:
    lines = [*_machine(), _load_line(measurements)]
    for system in run.systems:
        packages = ", ".join(f"{name} {version}" for name, version in run.versions[system.name].items())
        lines.append(f"{system.title}: {packages}")
    if run.growth:
        by_rows = ", ".join(
            f"{float(seconds) * 1000:.1f} ms into {int(rows):,} rows"
            for rows, seconds in run.growth.items()
            if rows != "ratio"
        )
        lines.append(f"1,000-row upsert: {by_rows}")
    return "\n".join(f"- {line}" for line in lines)


def _number(value: float | None, digits: int = 2) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if digits and value < 0.1 else f"{value:.{digits}f}"


def _aligned(table: Rows) -> str:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = (
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    )
    return "\n".join(lines)


def _piped(table: Rows) -> str:
    rule = ["---", *("---:" for _ in table[0][1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in [table[0], rule, *table[1:]])
