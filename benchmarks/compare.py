"""TableStore beside its peers: the same rows, the same machine, alternating rounds, answers compared.

    python benchmarks/compare.py --rows 200000 --rounds 1          # seconds, a look
    python benchmarks/compare.py --growth                          # the whole thing; writes RESULTS.md

Exit status: 0 when every system answered and every answer was right, 1 otherwise. A bar
that is missed is reported and changes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from benchmarks import chart, report  # noqa: E402  (the path above makes `python benchmarks/compare.py` work)
from benchmarks.measurements import Measurements  # noqa: E402
from benchmarks.report import FULL_ROWS  # noqa: E402
from benchmarks.systems import SYSTEMS, System, prepare_environment, versions  # noqa: E402
from benchmarks.tables import section_of, with_section  # noqa: E402
from benchmarks.workload import Workload, prepare  # noqa: E402

OTHER_SECTIONS = ("Flink",)  # of RESULTS.md, written by benchmarks/flink.py


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare TableStore with other systems on one workload.")
    names = [system.name for system in SYSTEMS]
    parser.add_argument("--rows", type=int, default=FULL_ROWS, help="rows of the load (default 5,000,000)")
    parser.add_argument("--rounds", type=int, default=5, help="times every system runs (default 5)")
    parser.add_argument("--peers", default=",".join(names), help=f"some of {','.join(names)}")
    parser.add_argument(
        "--growth", action="store_true", help="time a small upsert into 1 M and 20 M rows too"
    )
    parser.add_argument("--scratch", type=Path, default=HERE / ".scratch", help="working directory")
    parser.add_argument("--output", type=Path, help="where to put RESULTS.md (default: here, if a full run)")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds a system may take per round")
    arguments = parser.parse_args()
    unknown = set(arguments.peers.split(",")) - set(names)
    if unknown:
        parser.error(f"unknown systems: {', '.join(sorted(unknown))}")
    if arguments.output is None and arguments.rows == FULL_ROWS:
        arguments.output = HERE
    return arguments


def main() -> int:
    arguments = parse_arguments()
    wanted = set(arguments.peers.split(","))
    systems = [system for system in SYSTEMS if system.name in wanted]
    started = time.time()
    pythons = {}
    for system in systems:
        progress(f"environment of {system.title}")
        pythons[system.name] = prepare_environment(system)
    installed = {system.name: versions(system, pythons[system.name]) for system in systems}
    progress("generating the rows and the right answers")
    workload = prepare(arguments.scratch.resolve(), arguments.rows)
    measurements = Measurements()
    for number in range(1, arguments.rounds + 1):
        for system in systems:
            progress(f"round {number} of {arguments.rounds}: {system.title}")
            run_system(system, pythons[system.name], workload, measurements, arguments.timeout)
            measurements.loads.append(os.getloadavg()[0])
    growth = run_growth(arguments.scratch.resolve(), measurements) if arguments.growth else None
    progress("")
    run = report.Run(systems, installed, arguments.rows, arguments.rounds, started, growth)
    print(report.plain(run, measurements))
    if arguments.output is not None:
        arguments.output.mkdir(parents=True, exist_ok=True)
        write_results(arguments.output / "RESULTS.md", report.markdown(run, measurements))
        (arguments.output / "results.svg").write_text(chart.draw(systems, measurements))
    return 1 if measurements.faults else 0


def write_results(path: Path, document: str) -> None:
    """RESULTS.md; the section that another benchmark has written there stays."""
    for title in OTHER_SECTIONS:
        kept = section_of(path.read_text(), title) if path.exists() else ""
        if kept:
            document = with_section(document, title, kept.removeprefix(f"\n## {title}\n"))
    path.write_text(document)


def run_system(
    system: System, python: Path, workload: Workload, measurements: Measurements, timeout: float
) -> None:
    """One process, one fresh directory; a crash, a timeout or a wrong answer is noted as a fault."""
    directory = Path(tempfile.mkdtemp(prefix=f"{system.name}-", dir=workload.directory.parent))
    command = [str(python), "-m", f"benchmarks.peers.{system.name}", "--data", str(workload.directory)]
    command += ["--rows", str(workload.rows), "--directory", str(directory)]
    try:
        process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        measurements.faults.append(f"{system.name}: no end after {timeout:.0f} s")
        return
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if process.returncode != 0:
        last_lines = "\n".join(process.stderr.strip().splitlines()[-5:])
        measurements.faults.append(f"{system.name}: exit status {process.returncode}: {last_lines}")
    expected = workload.expected()
    for line in process.stdout.splitlines():
        if line.startswith("{"):
            measurements.add(json.loads(line), expected)


def run_growth(scratch: Path, measurements: Measurements) -> dict[str, float] | None:
    """Seconds of a small upsert by table size, from benchmarks/growth.py in its own process."""
    progress("growth: a small upsert into 1 M and into 20 M rows")
    directory = Path(tempfile.mkdtemp(prefix="growth-", dir=scratch))
    try:
        command = [sys.executable, "-m", "benchmarks.growth", "--directory", str(directory)]
        process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if process.returncode != 0:
        measurements.faults.append("growth: " + "\n".join(process.stderr.strip().splitlines()[-5:]))
        return None
    seconds: dict[str, float] = json.loads(process.stdout)
    return seconds


def progress(line: str) -> None:
    """One line that rewrites itself, on a terminal only."""
    if sys.stderr.isatty():
        width = os.get_terminal_size(sys.stderr.fileno()).columns
        print("\r" + line[: width - 1].ljust(width - 1), end="\r", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
