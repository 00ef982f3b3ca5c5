"""The data every system is given, and the answers it must return, recomputed without any of them.

A load of `rows` rows (ids in random order) in 10 commits, then 8 commits of `rows / 20` upserts of ids drawn
from a range 6 % wider, so that most replace a row and some are new. Each commit is one Arrow IPC file that a
process maps. The same `rows` always gives the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

from benchmarks.answer import Answer, answer_of

REVISION = 1
SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("city", pa.string()),
        pa.field("age", pa.int32()),
        pa.field("salary", pa.float64()),
    ]
)
TWO_COLUMNS = ["id", "salary"]
FILTER = "age > 70"
FILTER_AGE = 70
LOAD_COMMITS = 10
UPSERT_COMMITS = 8
LOOKUP_KEYS = 20_000
SINGLE_KEYS = 2_000
SINGLE_COMMITS = 200

_WORDS = (
    *("user", "admin", "guest", "clerk", "pilot", "baker", "mason", "tailor", "driver", "writer", "nurse"),
    *("smith", "potter", "weaver", "farmer", "sailor", "cook", "judge", "scout", "ranger", "painter"),
    *("dancer", "singer", "drummer", "builder", "miller", "hunter", "fisher", "joiner", "cooper", "turner"),
    "glover",
)
_CITY_HEADS = ("North", "South", "East", "West", "Old", "New", "Upper", "Lower", "Port", "Saint")
_CITY_TAILS = (
    *(
        "Ashford",
        "Brixham",
        "Carlow",
        "Denby",
        "Elmstead",
        "Farnley",
        "Grantham",
        "Halden",
        "Ilkley",
        "Jarrow",
    ),
    *("Kelso", "Lydney", "Morpeth", "Nairn", "Oakham", "Penrith", "Quorn", "Redcar", "Selby", "Thirsk"),
)


@dataclass(frozen=True)
class Workload:
    """The files of one workload size in one directory."""

    directory: Path
    rows: int

    @property
    def load_files(self) -> list[Path]:
        return [self.directory / f"load-{i:02d}.arrow" for i in range(LOAD_COMMITS)]

    @property
    def upsert_files(self) -> list[Path]:
        return [self.directory / f"upsert-{i:02d}.arrow" for i in range(UPSERT_COMMITS)]

    def lookup_keys(self) -> npt.NDArray[np.int64]:
        """int64[20000]: distinct keys in random order, a few of which were never written."""
        keys: npt.NDArray[np.int64] = np.load(self.directory / "keys.npy")
        return keys

    def single_keys(self) -> npt.NDArray[np.int64]:
        """int64[2000]: keys to look up one by one, the first of `lookup_keys`."""
        return self.lookup_keys()[:SINGLE_KEYS]

    def single_rows(self) -> pa.Table:
        """200 rows for a commit each, with ids that no other commit writes."""
        random = np.random.default_rng(20_130_723)
        return random_rows(random, 2 * self.rows + np.arange(SINGLE_COMMITS, dtype=np.int64))

    def expected(self) -> dict[str, Answer]:
        """The right answer of every phase that returns rows."""
        answers: dict[str, Answer] = json.loads((self.directory / "expected.json").read_text())
        return answers


def read_commit(path: Path) -> pa.Table:
    """One commit's rows, mapped, not copied."""
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def prepare(scratch: Path, rows: int) -> Workload:
    """Write the workload of this size below `scratch` unless an earlier run has done so."""
    workload = Workload(scratch / f"data-{rows}-r{REVISION}", rows)
    done = workload.directory / "expected.json"
    if not done.exists():
        workload.directory.mkdir(parents=True, exist_ok=True)
        _write_commits(workload)
        answers = json.dumps(_recompute(workload), indent=1)
        partial = done.with_suffix(".partial")
        partial.write_text(answers)
        partial.rename(done)
    return workload


def random_rows(random: np.random.Generator, ids: npt.NDArray[np.int64]) -> pa.Table:
    """Rows with these ids and fresh values."""
    count = len(ids)
    words = pa.array(_WORDS).take(pa.array(random.integers(0, len(_WORDS), count)))
    digits = pc.utf8_lpad(pc.cast(pa.array(random.integers(0, 10_000_000, count)), pa.string()), 7, "0")
    cities = pa.array([f"{head} {tail}" for head in _CITY_HEADS for tail in _CITY_TAILS])
    columns = [
        pa.array(ids),
        pc.binary_join_element_wise(words, digits, "_"),
        cities.take(pa.array(random.integers(0, len(cities), count))),
        pa.array(random.integers(18, 81, count, dtype=np.int32)),
        pa.array(random.integers(2_000_000, 20_000_000, count) / 100.0),
    ]
    return pa.table(columns, schema=SCHEMA)


def _write_commits(workload: Workload) -> None:
    random = np.random.default_rng(20_130_722)
    shuffled = random.permutation(workload.rows).astype(np.int64)
    for path, ids in zip(workload.load_files, np.array_split(shuffled, LOAD_COMMITS), strict=True):
        _write_file(path, random_rows(random, ids))
    wider = workload.rows + workload.rows * 6 // 100
    for path in workload.upsert_files:
        _write_file(path, random_rows(random, random.choice(wider, workload.rows // 20, replace=False)))
    np.save(workload.directory / "keys.npy", random.choice(wider, min(LOOKUP_KEYS, wider), replace=False))


def _write_file(path: Path, rows: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_table(rows)


def _recompute(workload: Workload) -> dict[str, Answer]:
    """Replay the commits by plain assignment: the last row written with an id is the row of that id."""
    everything = pa.concat_tables([read_commit(path) for path in workload.load_files + workload.upsert_files])
    ids = everything.column("id").to_numpy()
    newest = np.full(int(ids.max()) + 1, -1, dtype=np.int64)
    newest[ids] = np.arange(len(ids))  # numpy keeps the last of repeated indices
    final = everything.take(pa.array(newest[newest >= 0]))
    keys = workload.lookup_keys()
    found = np.isin(final.column("id").to_numpy(), keys)
    whole = answer_of(final)
    return {
        "scan_unmerged": whole,
        "scan_2_columns": answer_of(final.select(TWO_COLUMNS)),
        "scan_filter": answer_of(final.filter(pc.field("age") > FILTER_AGE)),
        "lookup_20k": answer_of(final.filter(pa.array(found))),
        "scan_merged": whole,
    }
