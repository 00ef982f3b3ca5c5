"""Writes the comparison of connectors down: a plain table for the terminal, FLINK.md, and a section of RESULTS.md."""

from __future__ import annotations

import datetime
import statistics
from pathlib import Path

from benchmarks.flink_cases import COMMITS, Sizes
from benchmarks.flink_figures import CASES, Figures
from benchmarks.flink_run import CHECKPOINT_INTERVAL, HEAP_MEGABYTES, PARALLELISM
from benchmarks.flink_systems import BUCKETS, OURS, PAIMON, PAIMON_VERSION
from benchmarks.tables import Rows, aligned, machine, number, piped, with_section
from tests.flink.distribution import VERSION

RATIO_BAR = 2.0
BUSY = 8.0  # threads of a cluster, its workers and their collectors on two cores
RATIOS = ("sink", "read", "changes", "lookup")
BRIDGE_BAR = 2_500_000
SECTION = "Flink"  # of RESULTS.md; `benchmarks/compare.py` leaves it there


def plain(figures: Figures) -> str:
    """Both tables for a terminal."""
    return f"{aligned(rates_table(figures))}\n\n{aligned(bars_table(figures))}\n\n{load_line(figures)}"


def rates_table(figures: Figures) -> Rows:
    """Rows per second and what they cost, by case and setting."""
    table = [["", "", "rows/s", "least … most", "CPU s / M rows", "Python MB", "rounds"]]
    for case, title in CASES.items():
        for system, measures in figures.values.get(case, {}).items():
            rates = measures["rows_per_second"]
            processor = figures.median(case, system, "processor_seconds_per_million")
            memory = figures.median(case, system, "worker_megabytes")
            table.append(
                [
                    title,
                    system,
                    f"{statistics.median(rates):,.0f}",
                    f"{min(rates):,.0f} … {max(rates):,.0f}",
                    number(processor),
                    number(memory or None, 0),
                    str(len(rates)),
                ]
            )
    return table


def bars_table(figures: Figures) -> Rows:
    """The bridge; TableStore over Paimon, setting by setting for writers, else over its fastest one."""
    table = [["bar", "at least", "measured", ""]]
    bridge = figures.median("bridge", OURS.title)
    shown = None if bridge is None else f"{bridge / 1e6:.2f} M"
    table.append(
        ["the bridge alone, rows/s", f"{BRIDGE_BAR / 1e6:g} M", shown or "-", _verdict(bridge, BRIDGE_BAR)]
    )
    for case in RATIOS:
        for ours, theirs in zip(OURS.sinks, PAIMON.sinks, strict=True):
            other = theirs if case == "sink" else figures.fastest(case, PAIMON.title) or theirs
            if ours == OURS.title or case == "sink":
                ratio = figures.ratio(case, ours, other)
                title = f"{CASES[case]}: {ours} / {other}"
                table.append([title, f"{RATIO_BAR:g}", number(ratio), _verdict(ratio, RATIO_BAR)])
    return table


def _verdict(measured: float | None, limit: float) -> str:
    if measured is None:
        return "not measured"
    return "met" if measured >= limit else "**missed**"


def load_line(figures: Figures) -> str:
    """Whether others were using the machine; the jobs themselves account for a load of about four."""
    busy = max(figures.loads, default=0.0) > BUSY
    verdict = ": **others were using the machine: figures are rough**" if busy else ""
    return (
        f"load average after each round: {', '.join(f'{load:.1f}' for load in figures.loads) or '-'}{verdict}"
    )


def markdown(figures: Figures, sizes: Sizes) -> str:
    """The whole FLINK.md."""
    date = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    parts = [
        "# The connector for Flink beside Paimon's",
        f"Written by `benchmarks/flink.py` on {date}; do not edit. One standalone cluster of Flink {VERSION} (one"
        f" TaskManager, {HEAP_MEGABYTES} MB of heap), Paimon {PAIMON_VERSION}, parallelism {PARALLELISM}, {BUCKETS}"
        f" buckets, a checkpoint every {CHECKPOINT_INTERVAL}; the systems take turns, figures are medians. Every"
        " answer (row count and a checksum over all values) was compared with a recomputation that shares no code"
        " with either.",
        "## The bars",
        "Writers setting by setting; else TableStore's default over the fastest setting of Paimon that was measured.",
        piped(bars_table(figures)),
        "## Rows per second",
        piped(rates_table(figures)),
        "## What is measured",
        f"- *sink*: {sizes.rows:,} upserts of {sizes.keys:,} keys at random (BIGINT, two texts, INT, DOUBLE) into a new"
        " table, from the start of the job to its end: deployment, start of Python, and the last commit included. Both"
        " write durable files of the same rows. *no compaction*: `compaction` = `manual`, `write-only` = `true`.\n"
        f"- *continuous read*: the state of a table that was written in the same way, with {sizes.read_rows:,} upserts"
        f" of {sizes.read_rows // 2:,} keys, from the start of the job until its last row has come to a sink that"
        " counts rows and sums hashes. Paimon with `scan.remove-normalize`, which spares it an operator with state.\n"
        f"- *changelog catch-up*: the exact changes (-U, +U) of {COMMITS} commits of {sizes.commit_rows:,} upserts each"
        f" over {sizes.keys:,} rows. Paimon with `changelog-producer` = `lookup`: it computed them when it wrote, which"
        " is not measured here; TableStore computes them when it reads, for which it takes more processor time. Paimon"
        " looks for snapshots every 10 s unless told otherwise, which is a part of its time.\n"
        f"- *lookup join*: {sizes.probes:,} keys at random against a table of {sizes.keys:,} rows, without a cache of"
        " Flink's.\n"
        f"- *the bridge alone*: {2 * sizes.rows:,} rows from the generator to Python workers that check and drop"
        " them.\n"
        "- *CPU s / M rows*: user and system time of JobManager, TaskManager and workers. *Python MB*: resident memory"
        " of all workers together, at most.",
        "\n".join(f"- {line}" for line in (machine(), load_line(figures), *figures.notes)),
    ]
    return "\n\n".join(parts) + "\n"


def section(figures: Figures) -> str:
    """What RESULTS.md says of it."""
    return "\n\n".join(
        [
            "Written by `benchmarks/flink.py`; all figures and how they came about are in [FLINK.md](FLINK.md)."
            " Rows per second of TableStore's connector over those of Paimon's.",
            load_line(figures),
            piped(bars_table(figures)),
        ]
    )


def write(figures: Figures, sizes: Sizes, folder: Path) -> None:
    """FLINK.md, and the section of RESULTS.md."""
    (folder / "FLINK.md").write_text(markdown(figures, sizes))
    results = folder / "RESULTS.md"
    results.write_text(with_section(results.read_text(), SECTION, section(figures)))
