"""The same work on other tables: string keys, composite keys, nulls, many columns, skewed updates, late rows.

    python benchmarks/variants.py                           # all cases, writes VARIANTS.md
    python benchmarks/variants.py --rows 200000 --rounds 1 --cases int64,uuid

Time is counted per row and per Arrow byte of what a step takes in or hands out, so that wide rows can be compared
with narrow ones: no case may cost more than 3 times the int64 case per byte. Exit status: 0 when every answer was
right, 1 otherwise.
"""

from __future__ import annotations

import argparse
import datetime
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import numpy as np  # noqa: E402  (the path above makes `python benchmarks/variants.py` work)
import numpy.typing as npt  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.compute as pc  # noqa: E402

import tablestore as ts  # noqa: E402
from benchmarks.tables import Rows, aligned, load, machine, number, piped  # noqa: E402
from benchmarks.variant_cases import CASES, Case  # noqa: E402

BUCKETS = 4
LOAD_COMMITS, UPSERT_COMMITS = 4, 8
READ_REPEATS = 3
LOOKUP_KEYS = 20_000
FILTER, FILTER_AGE = "age > 70", 70
LIMIT = 3.0
PHASES = {
    "load": "load",
    "upserts": "8 upserts",
    "scan_unmerged": "scan, unmerged",
    "two_columns": "2 columns",
    "filter": "filter",
    "lookup": "20 k keys",
    "compact": "compact",
    "scan_merged": "scan, merged",
}

Figures = dict[str, dict[str, list[float]]]  # case → phase → seconds of each round
Work = dict[str, tuple[int, int]]  # phase → rows and Arrow bytes it takes in or hands out


class Trial:
    """The commits of one case, made once, and what a table must answer after them."""

    def __init__(self, case: Case, rows: int) -> None:
        self.case = case
        random = np.random.default_rng(20_130_722)
        count = max(1000, int(rows * case.share))
        shuffled = random.permutation(count).astype(np.int64)
        self.loads = [case.rows(random, ids) for ids in np.array_split(shuffled, LOAD_COMMITS)]
        drawn = [case.draw(random, count) for _ in range(UPSERT_COMMITS)]
        self.upserts = [case.rows(random, ids) for ids in drawn]
        everything = pa.concat_tables([*self.loads, *self.upserts])
        ids = np.concatenate([shuffled, *drawn])
        live = everything.take(pa.array(_winners(ids, everything, case)))
        keys = random.choice(int(ids.max()) + 1, min(LOOKUP_KEYS, count), replace=False).astype(np.int64)
        self.keys = case.rows(random, keys).select(list(case.primary_key))
        found = live.filter(pa.array(np.isin(np.unique(ids), keys)))
        two = [*case.primary_key, "salary"]
        chosen = live.filter(pc.field("age") > FILTER_AGE)
        self.expected = {
            "scan_unmerged": answer(live),
            "two_columns": answer(live.select(two)),
            "filter": answer(chosen),
            "lookup": answer(found),
            "scan_merged": answer(live),
        }
        self.work: Work = {
            "load": _size(pa.concat_tables(self.loads)),
            "upserts": _size(pa.concat_tables(self.upserts)),
            "scan_unmerged": _size(live),
            "two_columns": (live.num_rows, live.select(two).combine_chunks().nbytes),
            "filter": _size(live),
            "lookup": _size(found),
            "compact": _size(everything),
            "scan_merged": _size(live),
        }

    def run(self, directory: Path) -> tuple[dict[str, float], list[str], float]:
        """Seconds by phase, wrong answers, bytes on disk over Arrow bytes, of one round in a fresh directory."""
        case = self.case
        options = {"compaction": "manual", **case.options}
        table = ts.create_table(
            str(directory), self.loads[0].schema, primary_key=list(case.primary_key), buckets=BUCKETS,
            options=options,
        )  # fmt: skip
        seconds: dict[str, float] = {}
        faults: list[str] = []
        seconds["load"] = _timed(lambda: [table.upsert(rows) for rows in self.loads])
        seconds["upserts"] = _timed(lambda: [table.upsert(rows) for rows in self.upserts])

        def read(phase: str, query: Any) -> None:
            samples = []
            for _ in range(READ_REPEATS):
                started = time.perf_counter()
                result = query()
                samples.append(time.perf_counter() - started)
            seconds[phase] = statistics.median(samples)
            if answer(result) != self.expected[phase]:
                faults.append(
                    f"{case.name}, {phase}: answered {answer(result)}, right is {self.expected[phase]}"
                )

        two = [*case.primary_key, "salary"]
        read("scan_unmerged", lambda: table.scan().to_arrow())
        read("two_columns", lambda: table.scan(columns=two).to_arrow())
        read("filter", lambda: table.scan(filter=FILTER).to_arrow())
        read("lookup", lambda: table.get(self.keys))
        seconds["compact"] = _timed(lambda: table.compact(full=True))
        read("scan_merged", lambda: table.scan().to_arrow())
        stored = sum(table.files().column("bytes").to_pylist())
        return seconds, faults, stored / self.work["scan_merged"][1]


def answer(table: pa.Table) -> tuple[int, int, int | None]:
    """Rows, the sum of the salaries in cents, the sum of the ages."""
    cents = pc.sum(pc.round(pc.multiply(table.column("salary"), 100.0))).as_py()
    ages = pc.sum(table.column("age")).as_py() if "age" in table.column_names else None
    return table.num_rows, round(cents or 0), ages


def _winners(ids: npt.NDArray[np.int64], everything: pa.Table, case: Case) -> npt.NDArray[np.int64]:
    """int64[distinct ids]: by ascending id the row that wins, worked out by plain assignment."""
    order = np.arange(len(ids))
    if case.sequence is not None:
        order = np.argsort(everything.column(case.sequence).to_numpy(), kind="stable")
    newest = np.full(int(ids.max()) + 1, -1, np.int64)
    newest[ids[order]] = order  # numpy keeps the last of repeated indices
    return newest[newest >= 0]


def _size(table: pa.Table) -> tuple[int, int]:
    return table.num_rows, table.combine_chunks().nbytes


def _timed(call: Any) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def tables_of(trials: dict[str, Trial], figures: Figures, base: str) -> list[tuple[str, Rows]]:
    """Nanoseconds per row, per byte, and the multiple of the base case per byte."""
    head = ["", *PHASES.values()]
    per_row, per_byte, multiples = [head], [head], [head]
    for name, trial in trials.items():
        seconds = {phase: statistics.median(values) for phase, values in figures[name].items()}
        nanos = {phase: seconds[phase] * 1e9 / trial.work[phase][1] for phase in PHASES}
        per_row.append([trial.case.title, *(number(seconds[p] * 1e9 / trial.work[p][0], 0) for p in PHASES)])
        per_byte.append([trial.case.title, *(number(nanos[p]) for p in PHASES)])
        if base in trials and name != base:
            reference = {
                p: statistics.median(figures[base][p]) * 1e9 / trials[base].work[p][1] for p in PHASES
            }
            ratios = [nanos[p] / reference[p] for p in PHASES]
            multiples.append(
                [trial.case.title, *(f"**{r:.2f}**" if r > LIMIT else number(r) for r in ratios)]
            )
    named = [("Nanoseconds per row", per_row), ("Nanoseconds per Arrow byte", per_byte)]
    return named + [(f"Multiple of the {base} case per byte", multiples)] * (len(multiples) > 1)


def markdown(
    parts: list[tuple[str, Rows]], trials: dict[str, Trial], space: dict[str, float], rounds: int
) -> str:
    """The whole VARIANTS.md."""
    rows = max(trial.work["load"][0] for trial in trials.values())
    date = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    lines = [
        "# Other keys, other columns, other updates",
        f"Written by `benchmarks/variants.py` on {date}; do not edit. {rows:,} rows (fewer where the rows are wide)"
        f" in {LOAD_COMMITS} commits, then {UPSERT_COMMITS} commits of upserts of 10 % each, four buckets, nothing"
        f" compacted before `compact`; median of {rounds} round(s), reads repeated {READ_REPEATS} times in each."
        " Counts and sums of every answer were compared with a plain recomputation.",
    ]
    for title, table in parts:
        lines += [f"## {title}", piped(table)]
    lines += [
        f"More than {LIMIT:g} is bold: the bar is that no case is dearer than {LIMIT:g} times the int64 case per"
        " byte. Bytes are those of the Arrow buffers that a step takes in (load, upserts, compact) or hands out"
        " (scan, 2 columns, keys); a filtered scan counts the whole table.",
        "## Cases",
        "\n".join(
            f"- {trial.case.title}: {trial.case.about}; {trial.work['load'][1] / trial.work['load'][0]:.0f} Arrow"
            f" bytes a row, merged files take {space[name]:.0%} of them"
            for name, trial in trials.items()
        ),
        f"- {machine()}\n- {load()}",
    ]
    return "\n\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Time TableStore on other keys, columns and updates.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the load (default 1,000,000)")
    parser.add_argument("--rounds", type=int, default=3, help="times every case runs (default 3)")
    parser.add_argument("--cases", default=",".join(CASES), help=f"some of {','.join(CASES)}")
    parser.add_argument("--scratch", type=Path, default=HERE / ".scratch", help="working directory")
    parser.add_argument("--output", type=Path, help="file to write (default: VARIANTS.md, if a full run)")
    arguments = parser.parse_args()
    chosen = arguments.cases.split(",")
    unknown = set(chosen) - set(CASES)
    if unknown:
        parser.error(f"unknown cases: {', '.join(sorted(unknown))}")
    if arguments.output is None and set(chosen) == set(CASES) and arguments.rows >= 1_000_000:
        arguments.output = HERE / "VARIANTS.md"
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    trials = {name: Trial(CASES[name], arguments.rows) for name in chosen}
    figures: Figures = {name: {} for name in chosen}
    faults: list[str] = []
    space: dict[str, float] = {}
    for number_of_round in range(1, arguments.rounds + 1):
        for name, trial in trials.items():
            if sys.stderr.isatty():
                print(f"round {number_of_round}: {trial.case.title}", file=sys.stderr)
            directory = Path(tempfile.mkdtemp(prefix=f"variant-{name}-", dir=arguments.scratch))
            try:
                seconds, wrong, space[name] = trial.run(directory)
            finally:
                shutil.rmtree(directory, ignore_errors=True)
            faults += wrong
            for phase, value in seconds.items():
                figures[name].setdefault(phase, []).append(value)
    parts = tables_of(trials, figures, "int64")
    print("\n\n".join(f"{title}\n{aligned(table)}" for title, table in parts))
    print("\n".join(f"FAULT {fault}" for fault in faults))
    if arguments.output is not None and not faults:
        arguments.output.write_text(markdown(parts, trials, space, arguments.rounds))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
