"""The explanation of a scan: what is read, what was left out at which step, and why a merge is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tablestore.lsm.cache import FileCache
from tablestore.lsm.plan import Plan
from tablestore.lsm.window import Window
from tablestore.types import Field


@dataclass(frozen=True)
class Explanation:
    """Facts of a plan; prints as a readable text. Bytes are stored bytes."""

    columns: tuple[str, ...]
    files_total: int
    files_after_partition: int
    files_after_bucket: int
    files_after_key: int
    files_after_statistics: int
    buckets: int
    runs_max: int
    levels: dict[int, int]
    windows: int
    windows_without_merge: int
    rows_stored: int
    deletes_stored: int
    bytes_of_columns: int
    bytes_of_files: int

    def __str__(self) -> str:
        levels = "  ".join(f"L{level}: {count}" for level, count in sorted(self.levels.items())) or "none"
        return "\n".join(
            (
                f"columns      {', '.join(self.columns)}",
                f"files        {self.files_total} live"
                f" → {self.files_after_partition} by partition"
                f" → {self.files_after_bucket} by bucket"
                f" → {self.files_after_key} by key range"
                f" → {self.files_after_statistics} by statistics",
                f"levels       {levels}",
                f"buckets      {self.buckets}, at most {self.runs_max} sorted runs in one",
                f"windows      {self.windows}, {self.windows_without_merge} without a merge",
                f"rows stored  {self.rows_stored:,}, {self.deletes_stored:,} of them deletes",
                f"to read      {self.bytes_of_columns:,} of {self.bytes_of_files:,} bytes",
            )
        )


def explain(
    plan: Plan, fields: Sequence[Field], cache: FileCache, windows: Callable[[], Iterator[Window]]
) -> Explanation:
    """Open the planned files' footers and count."""
    buckets = list(plan)
    entries = [entry for bucket in buckets for run in bucket.runs for entry in run.files]
    cut = list(windows())
    wanted = {field.id for field in fields}
    bytes_of_columns = 0
    for entry in entries:
        reader = cache.open(entry)
        for ordinal, column in enumerate(reader.properties.columns):
            if column.field.id in wanted or column.role == "key":
                bytes_of_columns += int(reader.directory.size[ordinal].sum())
    return Explanation(
        columns=tuple(field.name for field in fields),
        files_total=plan.files_live,
        files_after_partition=plan.after_partition,
        files_after_bucket=plan.after_bucket,
        files_after_key=len(plan.files),
        files_after_statistics=len(entries),
        buckets=len(buckets),
        runs_max=max((len(bucket.runs) for bucket in buckets), default=0),
        levels=dict(Counter(entry.level for entry in entries)),
        windows=len(cut),
        windows_without_merge=sum(len(window.slices) == 1 for window in cut),
        rows_stored=sum(entry.row_count for entry in entries),
        deletes_stored=sum(entry.delete_count for entry in entries),
        bytes_of_columns=bytes_of_columns,
        bytes_of_files=sum(entry.size for entry in entries),
    )
