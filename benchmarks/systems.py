"""The systems compared: what each is, what it promises, and the environment it runs in."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / "benchmarks" / ".envs"


@dataclass(frozen=True)
class System:
    """One row of the table. `requirements` empty: runs in the interpreter that runs the comparison."""

    name: str
    title: str
    requirements: tuple[str, ...] = ()
    versions_of: tuple[str, ...] = ()
    syncs: bool = True
    keyed: bool = True
    notes: tuple[str, ...] = field(default=())


SYSTEMS = (
    System(
        "tablestore",
        "TableStore",
        versions_of=("pyarrow", "numpy"),
        notes=("Four buckets, compaction by hand. Between reads it keeps files open, but no decoded data.",),
    ),
    System(
        "chdb",
        "chDB (FINAL)",
        ("chdb==4.4.0", "pyarrow==26.0.1", "numpy==2.4.6"),
        ("chdb",),
        notes=(
            "`ReplacingMergeTree` with `fsync_after_insert` and `fsync_part_directory`; merges stopped"
            " until the compaction.",
        ),
    ),
    System(
        "paimon_rust",
        "paimon-rust (pypaimon[sql])",
        ("pypaimon[sql]==2.1.0", "numpy==2.4.6"),
        ("pypaimon-rust", "pypaimon"),
        notes=("No compaction in this release, so no merged figures; no point lookups.",),
    ),
    System(
        "lance",
        "Lance merge_insert",
        ("pylance==14.0.2", "numpy==2.4.6"),
        ("pylance",),
        syncs=False,
        keyed=False,
        notes=(
            "The load is a plain append: no key is enforced. No scalar index on the key: with one, upserts of"
            " 5 M rows run out of the memory pool of `merge_insert`. So lookups scan. Scans out of order.",
        ),
    ),
    System(
        "deltalake",
        "delta-rs merge",
        ("deltalake==1.6.6", "pyarrow==26.0.1", "numpy==2.4.6"),
        ("deltalake",),
        syncs=False,
        keyed=False,
        notes=(
            "The load is a plain append: no key is enforced. An upsert rewrites the files it touches. Scans by"
            " `to_pyarrow_table`, 2 columns and the filter by its `QueryBuilder`: each the faster of the two.",
        ),
    ),
    System(
        "duckdb",
        "DuckDB primary key",
        ("duckdb==2.0.0", "pyarrow==26.0.1", "numpy==2.4.6"),
        ("duckdb",),
        notes=(
            "Rows are replaced in place through a primary-key index; the compaction is a checkpoint."
            " `preserve_insertion_order = false`, which makes its scans faster.",
        ),
    ),
    System(
        "rocksdb",
        "RocksDB (rocksdict)",
        ("rocksdict==0.3.29", "pyarrow==26.0.1", "numpy==2.4.6"),
        ("rocksdict",),
        notes=(
            "Synced write batches, a block cache of 256 MiB. Writes are timed with packing in Python, scans and"
            " lookups without unpacking. Compaction runs in the background of the writes: its unmerged figures are of a"
            " half-merged tree.",
        ),
    ),
)


def prepare_environment(system: System) -> Path:
    """The interpreter to run this system with; its environment is made anew when its pins change."""
    if not system.requirements:
        return Path(sys.executable)
    directory = ENVIRONMENTS / system.name
    python = directory / "bin" / "python"
    stamp = directory / "pins"
    pins = hashlib.sha256("\n".join(system.requirements).encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != pins:
        venv.create(directory, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *system.requirements], check=True)
        stamp.write_text(pins)
    return python


def versions(system: System, python: Path) -> dict[str, str]:
    """Installed versions of the packages that matter for this system."""
    script = "import json, sys; from importlib.metadata import version as v; "
    script += "print(json.dumps({name: v(name) for name in sys.argv[1:]}))"
    command = [str(python), "-c", script, *system.versions_of]
    output = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(output.stdout)
    return found
