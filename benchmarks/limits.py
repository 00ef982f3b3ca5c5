"""How fast the workload could be on this machine, counted from bytes and operations, and how far TableStore is from it.

    python benchmarks/limits.py                  # a minute; writes LIMITS.md
    python benchmarks/limits.py --rows 500000    # a look

Two limits per phase. *Bytes*: every byte that must be read or written is moved once, at the speed of a plain copy,
on both cores, new pages included. *Kernels*: the kernels of today run once over the rows they are needed for, on both
cores, and nothing else costs anything.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.limits_of import Limit, Shape, limits  # noqa: E402  (the path above)
from benchmarks.measurements import PHASES  # noqa: E402
from benchmarks.primitives import Kernels, Primitives, measure_kernels, measure_primitives  # noqa: E402
from benchmarks.tables import Rows, aligned, load, machine, number, piped  # noqa: E402
from benchmarks.workload import Workload, prepare  # noqa: E402

FULL_ROWS = 5_000_000
Measured = dict[str, float]


def run_workload(workload: Workload, rounds: int) -> Measured:
    """Seconds of every phase, megabytes on disk: medians of TableStore's own run of the comparison."""
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        directory = Path(tempfile.mkdtemp(prefix="limits-", dir=workload.directory.parent))
        command = [sys.executable, "-m", "benchmarks.peers.tablestore", "--data", str(workload.directory)]
        command += ["--rows", str(workload.rows), "--directory", str(directory)]
        try:
            process = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=True)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        for line in map(json.loads, process.stdout.splitlines()):
            found.setdefault(line["phase"], []).append(line.get("seconds", line.get("megabytes")))
    return {phase: statistics.median(values) for phase, values in found.items()}


def limit_table(found: dict[str, Limit], measured: Measured) -> Rows:
    """Phase, both limits, what was measured, and how many times the limits that is."""
    table = [
        [
            "",
            "bytes moved",
            "limit by bytes, s",
            "limit by kernels, s",
            "measured, s",
            "times bytes",
            "times kernels",
        ]
    ]
    for phase, limit in found.items():
        seconds = measured.get(phase)
        table.append(
            [
                PHASES[phase],
                f"{limit.bytes / 1e6:.0f} MB",
                number(limit.by_bytes, 3),
                number(limit.by_kernels, 3),
                number(seconds, 3),
                number(None if seconds is None else seconds / limit.by_bytes, 1),
                number(None if seconds is None else seconds / limit.by_kernels, 1),
            ]
        )
    return table


def primitive_table(primitives: Primitives) -> Rows:
    """What the machine does, per core and on both."""
    return [
        ["", "figure"],
        ["copy, one core / both, GB/s", f"{primitives.copy_one:.1f} / {primitives.copy_both:.1f}"],
        ["first touch of a 4 KiB page, ns", number(primitives.page_fault_nanos, 0)],
        ["CRC32C, GB/s a core", number(primitives.checksum, 1)],
        [
            "zstd level 1 of `name`: in / out, GB/s a core",
            f"{primitives.zstd_in:.2f} / {primitives.zstd_out:.2f}",
        ],
        ["read from the page cache, GB/s a core", number(primitives.page_cache, 1)],
        ["read of 4 KiB, µs", number(primitives.small_read * 1e6, 1)],
        ["write and fsync of a 1 MB file and its directory, ms", number(primitives.sync_seconds * 1e3, 1)],
    ]


def kernel_table(kernels: Kernels) -> Rows:
    """Nanoseconds per row of one core."""
    columns = list(kernels.decode)
    table = [["ns per row, one core", *columns]]
    for title, values in (("encode", kernels.encode), ("decode", kernels.decode), ("gather", kernels.gather)):
        table.append([title, *(number(values[name]) for name in columns)])
    rest = {"hash and sort": kernels.sort, "merge of 9 runs": kernels.merge, "build a filter": kernels.bloom}
    table += [[title, number(value), *("" for _ in columns[1:])] for title, value in rest.items()]
    return table


def markdown(
    shape: Shape, primitives: Primitives, kernels: Kernels, found: dict[str, Limit], measured: Measured
) -> str:
    """The whole LIMITS.md."""
    date = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    explained = "\n".join(f"- {PHASES[phase]}: {limit.counted}" for phase, limit in found.items())
    parts = [
        "# How fast it could be",
        f"Written by `benchmarks/limits.py` on {date}; do not edit. The workload of [RESULTS.md](RESULTS.md):"
        f" {shape.loaded:,} rows loaded, {shape.upserted:,} upserted, {shape.live:,} live; {shape.arrow_bytes:.0f}"
        f" bytes a row in Arrow, {shape.stored_bytes:.1f} on disk unmerged, {shape.merged_bytes:.1f} merged.",
        "## The two limits",
        piped(limit_table(found, measured)),
        "*Bytes*: what must be read or written is moved once, at the speed of a copy on both cores; results are new"
        " pages; commits wait for their fsync. *Kernels*: today's kernels run once over the rows they are needed for,"
        " on both cores, with nothing between them, and commits wait for their fsync. A phase between its limits has"
        " better kernels to gain; one above its kernel limit has overhead between the kernels to lose.",
        "## What is counted",
        explained,
        "## This machine",
        piped(primitive_table(primitives)),
        "## Kernels",
        piped(kernel_table(kernels)),
        f"- {machine()}\n- {load()}",
    ]
    return "\n\n".join(parts) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Count what the workload must cost on this machine.")
    parser.add_argument("--rows", type=int, default=FULL_ROWS, help="rows of the load (default 5,000,000)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of the workload (default 3)")
    parser.add_argument("--scratch", type=Path, default=HERE / ".scratch", help="working directory")
    parser.add_argument("--output", type=Path, help="file to write (default: LIMITS.md, if a full run)")
    arguments = parser.parse_args()
    if arguments.output is None and arguments.rows == FULL_ROWS:
        arguments.output = HERE / "LIMITS.md"
    workload = prepare(arguments.scratch.resolve(), arguments.rows)
    primitives = measure_primitives(arguments.scratch)
    kernels = measure_kernels()
    measured = run_workload(workload, arguments.rounds)
    shape = Shape.of(workload, measured["disk_unmerged"] * 1e6, measured["disk_merged"] * 1e6)
    found = limits(shape, primitives, kernels)
    for table in (primitive_table(primitives), kernel_table(kernels), limit_table(found, measured)):
        print(aligned(table), end="\n\n")
    if arguments.output is not None:
        arguments.output.write_text(markdown(shape, primitives, kernels, found, measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
