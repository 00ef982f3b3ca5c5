"""The two limits of every phase, counted: bytes that must move, and kernels that must run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.primitives import Kernels, Primitives
from benchmarks.workload import LOAD_COMMITS, LOOKUP_KEYS, TWO_COLUMNS, UPSERT_COMMITS, Workload, read_commit

CORES = 2
PAGE = 4096
CACHE_LINE = 64
KEY, CONDITION = "id", "age"
SELECTIVITY = 10 / 63  # of age > 70 among 18 to 80


@dataclass(frozen=True)
class Shape:
    """Rows and bytes of the workload. Bytes are per row."""

    loaded: int
    upserted: int
    live: int
    arrow_bytes: float
    arrow_bytes_of: Mapping[str, float]
    stored_bytes: float
    merged_bytes: float

    @property
    def stored(self) -> int:
        """Rows before the compaction."""
        return self.loaded + self.upserted

    @staticmethod
    def of(workload: Workload, unmerged: float, merged: float) -> Shape:
        """Of a prepared workload whose files take so many bytes."""
        first = read_commit(workload.load_files[0])
        upserted = sum(read_commit(path).num_rows for path in workload.upsert_files)
        live = workload.expected()["scan_merged"]["rows"]
        by_column = {name: first.column(name).nbytes / first.num_rows for name in first.column_names}
        return Shape(
            loaded=workload.rows,
            upserted=upserted,
            live=live,
            arrow_bytes=sum(by_column.values()),
            arrow_bytes_of=by_column,
            stored_bytes=unmerged / (workload.rows + upserted),
            merged_bytes=merged / live,
        )


@dataclass(frozen=True)
class Limit:
    """Seconds at the least, with what was counted in words."""

    bytes: float
    by_bytes: float
    by_kernels: float
    counted: str


def limits(shape: Shape, machine: Primitives, kernels: Kernels) -> dict[str, Limit]:
    """Both limits of every phase of the workload."""
    columns = list(kernels.decode)
    two = sum(shape.arrow_bytes_of[name] for name in TWO_COLUMNS)
    stored_all = shape.stored * shape.stored_bytes
    # Files hold columns in about the proportion of their Arrow bytes, texts a third less than numbers; near enough.
    stored_two = stored_all * two / shape.arrow_bytes
    stored_condition = stored_all * (
        (shape.arrow_bytes_of[KEY] + shape.arrow_bytes_of[CONDITION]) / shape.arrow_bytes
    )
    chosen = shape.live * SELECTIVITY
    result = shape.live * shape.arrow_bytes

    def limit(read: float, written: float, fresh: float, nanos: float, syncs: int, counted: str) -> Limit:
        # A copy reads and writes: a byte that is only read or only written costs half of one copied.
        waiting = syncs * machine.sync_seconds
        pages = fresh / PAGE * machine.page_fault_nanos / 1e9 / CORES
        moved = (read + written) / 2 / (machine.copy_both * 1e9)
        return Limit(read + written, moved + pages + waiting, nanos / 1e9 / CORES + waiting, counted)

    def summed(values: Mapping[str, float], names: list[str]) -> float:
        return sum(values[name] for name in names)

    def write(rows: int, commits: int, counted: str) -> Limit:
        nanos = rows * (
            kernels.sort + kernels.bloom + summed(kernels.gather, columns) + summed(kernels.encode, columns)
        )
        return limit(rows * shape.arrow_bytes, rows * shape.stored_bytes, 0, nanos, commits, counted)

    def read(names: list[str]) -> float:
        return shape.stored * (kernels.merge + summed(kernels.decode, names)) + shape.live * summed(
            kernels.gather, names
        )

    others = [name for name in columns if name not in (KEY, CONDITION)]
    filtered = (
        shape.stored * (kernels.merge + summed(kernels.decode, [KEY, CONDITION]))
        + shape.live * kernels.gather[CONDITION]
        + chosen * (summed(kernels.decode, others) + summed(kernels.gather, [KEY, *others]))
    )
    keys = min(LOOKUP_KEYS, shape.live)
    found = {
        "load": write(shape.loaded, LOAD_COMMITS, "Arrow rows in, files out, one fsync a commit; sort, gather, encode"),
        "upserts": write(shape.upserted, UPSERT_COMMITS, "the same for the upserted rows"),
        "scan_unmerged": limit(
            stored_all, result, result, read(columns), 0,
            "all files in, live rows out on new pages; decode all stored rows, merge their keys, gather the live ones",
        ),
        "scan_2_columns": limit(
            stored_two, shape.live * two, shape.live * two, read(TWO_COLUMNS), 0,
            "chunks of two columns in, two columns out; decode, merge, gather",
        ),
        "scan_filter": limit(
            stored_condition, chosen * shape.arrow_bytes, chosen * shape.arrow_bytes, filtered, 0,
            "chunks of key and condition in, a sixth of the rows out; the other columns of chosen rows only",
        ),
        "lookup_20k": limit(
            keys * len(columns) * CACHE_LINE, keys * shape.arrow_bytes, 0,
            shape.stored * kernels.decode[KEY] + keys * sum(kernels.decode.values()), 0,
            "a cache line of each column and key; the keys touch every block, so kernels decode all key chunks",
        ),
        "compact": limit(
            stored_all, shape.live * shape.merged_bytes, 0,
            read(columns) + shape.live * (summed(kernels.encode, columns) + kernels.bloom), 1,
            "all files in, merged files out, one fsync; decode, merge, gather, encode",
        ),
        "scan_merged": limit(
            shape.live * shape.merged_bytes, result, result, shape.live * summed(kernels.decode, columns), 0,
            "merged files in, rows out on new pages; decode",
        ),
    }  # fmt: skip
    return found
