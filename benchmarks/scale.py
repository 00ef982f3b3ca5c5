"""Large tables: does the time per row stay flat, the memory within its budget, and the plan short?

    python benchmarks/scale.py                                   # 1 M, 10 M and 100 M rows, 1 M files: half an hour
    python benchmarks/scale.py --rows 1000000 --files 20000      # a look
    python benchmarks/scale.py --only plan --again plan          # one part, measured again

Every step runs in a process of its own. Steps that are done are remembered below --scratch, so that a run may be
broken off and resumed; `--fresh` forgets them. Writes SCALE.md when all steps at full size are there. Exit status: 0
when every step answered rightly, 1 otherwise; a bar that is missed is reported and changes nothing.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks import scale_report  # noqa: E402  (the path above makes `python benchmarks/scale.py` work)
from benchmarks.scale_report import FULL_FILES, FULL_ROWS, Done  # noqa: E402

COMMIT_FILES = 100_000
ROW_STEPS = ("load", "compact", "scan", "upsert", "scan_unmerged")
PARTS = ("rows", "plan", "commit", "ingest")
INGEST_ROWS = 20_000_000


@dataclass(frozen=True)
class Step:
    """One process. part: what it belongs to; size: rows or files of the table below `directory`."""

    part: str
    name: str
    size: int

    @property
    def key(self) -> str:
        """How the step is called in the state file."""
        return f"{self.name} {self.size}"


def steps(sizes: list[int], files: int, parts: set[str]) -> Iterator[Step]:
    """All steps in the order in which they need each other."""
    planned = [Step("rows", name, size) for size in sizes for name in ROW_STEPS]
    planned += [
        Step("plan", name, files) for name in ("build_files", "plan", "plan_filtered", "plan_filtered_pandas")
    ]
    few = min(files, COMMIT_FILES)
    planned += [Step("commit", name, few) for name in ("build_files", "commit_one")]
    planned += [Step("ingest", "ingest", INGEST_ROWS)]
    yield from (step for step in dict.fromkeys(planned) if step.part in parts)


def run(step: Step, scratch: Path) -> dict[str, Any]:
    """What the step's process printed. Raises RuntimeError with the end of its errors."""
    directory = scratch / f"{step.part}-{step.size}"
    if step.name == "ingest":
        command = ["benchmarks.bench_ingest", "--rows", str(step.size), "--directory", str(scratch)]
    else:
        command = [
            "benchmarks.scale_steps",
            step.name,
            "--directory",
            str(directory),
            "--rows",
            str(step.size),
        ]
        if step.name in ("load", "build_files"):
            shutil.rmtree(directory, ignore_errors=True)
    process = subprocess.run(
        [sys.executable, "-m", *command], cwd=HERE.parent, capture_output=True, text=True, check=False
    )
    if process.returncode:
        raise RuntimeError("\n".join(process.stderr.strip().splitlines()[-5:]))
    found: dict[str, Any] = json.loads(process.stdout)
    return found


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure TableStore on large tables.")
    sizes = ",".join(str(size) for size in FULL_ROWS)
    parser.add_argument("--rows", default=sizes, help=f"table sizes (default {sizes})")
    parser.add_argument("--files", type=int, default=FULL_FILES, help="files of the planned table")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--again", default="", help="parts to measure again although they are done")
    parser.add_argument("--fresh", action="store_true", help="forget what is done")
    parser.add_argument("--keep", action="store_true", help="keep the tables when all is done")
    parser.add_argument("--scratch", type=Path, default=HERE / ".scratch" / "scale", help="working directory")
    parser.add_argument("--output", type=Path, default=HERE / "SCALE.md", help="file to write")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    scratch: Path = arguments.scratch.resolve()
    if arguments.fresh:
        shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True, exist_ok=True)
    state = scratch / "state.json"
    done: Done = json.loads(state.read_text()) if state.exists() else {}
    sizes = [int(size) for size in arguments.rows.split(",")]
    planned = list(steps(sizes, arguments.files, set(arguments.only.split(","))))
    again = set(arguments.again.split(","))
    faults = []
    for number, step in enumerate(planned, 1):
        if step.key in done and not (step.part in again and step.name != "build_files"):
            continue
        print(f"{number} of {len(planned)}: {step.key}", file=sys.stderr, flush=True)
        started = time.time()
        try:
            done[step.key] = run(step, scratch)
        except RuntimeError as error:
            faults.append(f"{step.key}: {error}")
            break
        print(f"   {time.time() - started:.0f} s", file=sys.stderr, flush=True)
        partial = state.with_suffix(".partial")
        partial.write_text(json.dumps(done, indent=1))
        partial.rename(state)
    print(scale_report.plain(done, sizes, arguments.files))
    print("\n".join(f"FAULT {fault}" for fault in faults))
    complete = all(step.key in done for step in steps(list(FULL_ROWS), FULL_FILES, set(PARTS)))
    if complete and not faults:
        arguments.output.write_text(scale_report.markdown(done))
        if not arguments.keep:
            for path in scratch.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
