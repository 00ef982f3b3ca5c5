"""`python -m tests.flink.follower TABLE FOLDER`: folds the changes of a table, and leaves the result in FOLDER.

It follows from the first snapshot until the one that FOLDER/last-version names, and writes FOLDER/folded.arrow.
The table is that of `generated.py`; its rows are kept by place, because changes come by partition.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa

import tablestore as ts

WAIT_SECONDS = 0.5


class Fold:
    """What a stream of changes has come to: a row for each partition and key."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], tuple[Any, ...]] = {}
        self.version = 0

    def apply(self, batch: pa.RecordBatch) -> None:
        """Take the changes of a batch; a row that is changed or deleted must be there, a new one must not."""
        names = [name for name in batch.schema.names if not name.startswith("_")]
        columns = [batch.column(name).to_pylist() for name in names]
        place = names.index("department"), names.index("id")
        for kind, *values in zip(batch.column("_row_kind").to_pylist(), *columns, strict=True):
            key = values[place[0]], values[place[1]]
            if kind in ("-U", "-D"):
                found = self.rows.pop(key)
                assert found == tuple(values), f"{kind} {values} of {found}"
            else:
                assert key not in self.rows, f"{kind} {values}, but there is {self.rows[key]}"
                self.rows[key] = tuple(values)
        self.version = batch.column("_version")[-1].as_py()

    def table(self, schema: pa.Schema) -> pa.Table:
        """All rows."""
        columns = list(zip(*self.rows.values(), strict=True)) or [() for _ in schema.names]
        arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        return pa.table(arrays, schema=schema)


def follow(path: Path, folder: Path) -> None:
    """Until the end, which the test names when nobody writes any more."""
    while not (path / "snapshot").exists() or not list((path / "snapshot").glob("snapshot-*.json")):
        time.sleep(WAIT_SECONDS)
    table = ts.open_table(path)
    fold = Fold()
    end: int | None = None
    while end is None:
        if (folder / "last-version").exists():
            end = int((folder / "last-version").read_text())
        for batch in table.follow("earliest", consumer="python", until=end, timeout=WAIT_SECONDS):
            fold.apply(batch)
    partial = folder / "folded.partial"
    with pa.OSFile(str(partial), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(fold.table(table.schema))
    partial.rename(folder / "folded.arrow")


if __name__ == "__main__":
    follow(Path(sys.argv[1]), Path(sys.argv[2]))
