"""Writes a comparison down: a plain table for the terminal, Markdown for RESULTS.md."""

from __future__ import annotations

import datetime
import statistics
from dataclasses import dataclass

from benchmarks.bars import FULL_SIZE_BARS, GROWTH_LIMIT, LATENCY_BARS, RATIOS
from benchmarks.measurements import LATENCIES, PHASES, SIZES, Measurements
from benchmarks.systems import System
from benchmarks.tables import Rows, aligned, machine, number, piped

FULL_ROWS = 5_000_000
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
    parts = [aligned(_seconds_table(run, measurements)), aligned(_latency_table(run, measurements))]
    if _ours(measurements):
        parts.append("TableStore / peer (below 1: TableStore needs less)")
        parts.append(aligned(_ratio_table(run, measurements)))
        parts.append(aligned(_bars_table(run, measurements)))
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
        piped(_seconds_table(run, measurements)),
        "`-`: the system has no such operation.",
        "## One at a time",
        piped(_latency_table(run, measurements)),
    ]
    if _ours(measurements):
        parts += [
            "## TableStore / peer",
            "Below 1, TableStore needs less.",
            piped(_ratio_table(run, measurements)),
            "## The bars",
            "Ratios are TableStore's figure over the other system's. Those of large tables are in [SCALE.md](SCALE.md),"
            " those of other keys and columns in [VARIANTS.md](VARIANTS.md), the limits of the machine in"
            " [LIMITS.md](LIMITS.md).",
            piped(_bars_table(run, measurements)),
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
        seconds = [number(measurements.median(system.name, phase)) for phase in PHASES]
        sizes = [number(measurements.median(system.name, size), 0) for size in SIZES]
        flags = ["yes" if flag else "no" for flag in (system.syncs, system.keyed)]
        table.append([system.title, *seconds, *sizes, *flags])
    return table


def _ratio_table(run: Run, measurements: Measurements) -> Rows:
    columns = PHASES | SIZES
    table = [["", *columns.values()]]
    for system in run.systems:
        if system.name != "tablestore":
            ratios = [number(measurements.ratio(phase, system.name)) for phase in columns]
            table.append([system.title, *ratios])
    return table


def _latency_table(run: Run, measurements: Measurements) -> Rows:
    table = [["", *(title for title, _ in LATENCIES.values())]]
    for system in run.systems:
        values = {phase: measurements.median(system.name, phase) for phase in LATENCIES}
        cells = [
            number(None if values[phase] is None else values[phase] * factor, 1)
            for phase, (_, factor) in LATENCIES.items()
        ]
        if any(value is not None for value in values.values()):
            table.append([system.title, *cells])
    return table


def _bars_table(run: Run, measurements: Measurements) -> Rows:
    table = [["bar", "limit", "measured", ""]]
    for bar in RATIOS:
        table.append(_bar_row(bar.title, bar.limit, bar.measured(measurements)))
    for bar in LATENCY_BARS:
        title, factor = LATENCIES[bar.phase]
        table.append(_bar_row(title, bar.limit, bar.measured(measurements), factor))
    growth = run.growth["ratio"] if run.growth else None
    table.append(_bar_row("1,000-row upsert, 20 M / 1 M rows", GROWTH_LIMIT, growth))
    if run.rows == FULL_ROWS:
        for bar in FULL_SIZE_BARS:
            table.append(_bar_row(bar.title, bar.limit, bar.measured(measurements)))
    return table


def _bar_row(title: str, limit: float, measured: float | None, factor: float = 1) -> list[str]:
    shown = None if measured is None else measured * factor
    return [title, f"≤ {limit * factor:g}", number(shown), _verdict(measured, limit)]


def _verdict(measured: float | None, limit: float) -> str:
    if measured is None:
        return "not measured"
    return "met" if measured <= limit else "**missed**"


def _notes(run: Run) -> str:
    general = (
        "- *syncs*: a commit is on stable storage (fsync) when it returns. *keyed*: the system itself keeps"
        " one row per key. Systems without either do less work in the load.\n"
        "- *MB* counts what the newest version needs, not what older versions still hold. *peak MB* is"
        " resident memory, mapped input and results included.\n"
        "- *one key*: 2,000 lookups of one key in the unmerged table, the second time. *1-row commit*: upserts of"
        " one row into the compacted table, 200 or as many as fit into ten seconds; those that do not sync have it"
        " easier.\n"
        "- A compaction that found nothing to merge (under 1 % of the load's time) has no ratio."
    )
    notes = (f"- {system.title}: {note}" for system in run.systems for note in system.notes)
    return "\n".join([general, *notes])


def _circumstances(run: Run, measurements: Measurements) -> str:
    lines = [machine(), "every system limited to two cores and two threads", _load_line(measurements)]
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
