"""TableStore's connector for Flink beside Paimon's: one cluster, the same jobs in turn, answers compared.

    python benchmarks/flink.py --rows 1000000 --rounds 1        # a look
    python benchmarks/flink.py                                  # all cases at full size; writes FLINK.md
    python benchmarks/flink.py --cases sink,read --rounds 1     # some; figures are added to those that there are

Figures are kept below --scratch, so that a run may be broken off and resumed; `--fresh` forgets them. Exit status: 0
when every job ended and every answer was right, 1 otherwise. A bar that is missed is reported and changes nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks import flink_cases, flink_report  # noqa: E402  (the path above makes `python benchmarks/flink.py` work)
from benchmarks.flink_cases import Sizes  # noqa: E402
from benchmarks.flink_figures import CASES, Figures  # noqa: E402
from benchmarks.flink_run import HEAP_MEGABYTES, JAVA_OPTIONS, SETTINGS, Runner  # noqa: E402
from benchmarks.flink_systems import OURS, PAIMON, paimon_jars  # noqa: E402
from tests.flink import distribution, jars  # noqa: E402
from tests.flink.cluster import Cluster  # noqa: E402

FULL_ROWS = 10_000_000
WARM_UP_ROWS = 1_000_000


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare connectors for Flink on one cluster.")
    parser.add_argument("--rows", type=int, default=FULL_ROWS, help="rows of the sink (default 10,000,000)")
    parser.add_argument("--rounds", type=int, default=3, help="times every job runs (default 3)")
    parser.add_argument("--cases", default=",".join(CASES), help=f"some of {','.join(CASES)}")
    parser.add_argument("--systems", default="tablestore,paimon", help="leave one out: a look at the other")
    parser.add_argument("--fresh", action="store_true", help="forget the figures and tables that there are")
    parser.add_argument("--scratch", type=Path, default=HERE / ".scratch" / "flink", help="working directory")
    parser.add_argument(
        "--output", type=Path, default=HERE, help="where FLINK.md is written, if at full size"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.cases.split(",")) - set(CASES)
    if unknown:
        parser.error(f"unknown cases: {', '.join(sorted(unknown))}")
    if arguments.rows % 80:
        parser.error("--rows must be a multiple of 80")
    return arguments


def main() -> int:
    arguments = parse_arguments()
    reason = distribution.missing()
    if reason:
        print(f"cannot run: {reason}", file=sys.stderr)
        return 1
    scratch: Path = arguments.scratch.resolve() / str(arguments.rows)
    if arguments.fresh:
        shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True, exist_ok=True)
    figures = Figures.read(scratch / "figures.json")
    folder = Path(tempfile.mkdtemp(prefix="cluster-", dir=scratch))
    cluster = make_cluster(folder)
    try:
        cluster.start()
        measure(cluster, folder, arguments, figures)
    except flink_cases.WrongAnswer as error:
        print(f"WRONG {error}", file=sys.stderr)
        return 1
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
    figures.write(scratch / "figures.json")
    print(flink_report.plain(figures))
    if arguments.rows == FULL_ROWS and figures.complete:
        flink_report.write(figures, Sizes.of(arguments.rows), arguments.output)
    return 0


def make_cluster(folder: Path) -> Cluster:
    """A cluster of one TaskManager with both connectors in its `lib/`."""
    for name in ("testing", "cluster"):
        (folder / name).mkdir()
    found = [jars.connector(), jars.testing(folder / "testing"), *paimon_jars()]
    return Cluster(folder / "cluster", found, 1, HEAP_MEGABYTES, SETTINGS, JAVA_OPTIONS)


def measure(cluster: Cluster, folder: Path, arguments: argparse.Namespace, figures: Figures) -> None:
    """Rounds of the cases, after a small one that is not noted."""
    systems = [system for system in (OURS, PAIMON) if system.name in arguments.systems.split(",")]
    runner, tables = Runner(cluster, folder), folder.parent
    cases = arguments.cases.split(",")
    warm_up = flink_cases.Bench(runner, systems, Sizes.of(WARM_UP_ROWS), folder)
    for case in cases:
        for done in warm_up.run(case):
            progress(f"warm-up: {done.line()}")
    bench = flink_cases.Bench(runner, systems, Sizes.of(arguments.rows), tables)
    for number in range(1, arguments.rounds + 1):
        for case in cases:
            for done in bench.run(case):
                progress(f"round {number}: {done.line()}")
                figures.add(done)
                figures.write(tables / "figures.json")
        figures.loads.append(os.getloadavg()[0])


def progress(line: str) -> None:
    """One line, with the time."""
    print(time.strftime("%H:%M:%S"), line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
