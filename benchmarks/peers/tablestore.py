"""TableStore through its public API, four buckets; compaction only when asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

import tablestore as ts
from benchmarks.peers.phases import Keys, Peer, run
from benchmarks.workload import FILTER, SCHEMA, TWO_COLUMNS


class TableStore(Peer):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        options = {"compaction": "manual"}
        self.table = ts.create_table(
            str(directory / "t"), SCHEMA, primary_key=["id"], buckets=4, options=options
        )

    def load(self, rows: pa.Table) -> None:
        self.table.upsert(rows)

    upsert = load

    def scan(self) -> pa.Table:
        return self.table.scan().to_arrow()

    def scan_2_columns(self) -> pa.Table:
        return self.table.scan(columns=TWO_COLUMNS).to_arrow()

    def scan_filter(self) -> pa.Table:
        return self.table.scan(filter=FILTER).to_arrow()

    def lookup(self, keys: Keys) -> pa.Table:
        return self.table.get(keys.tolist())

    def get(self, key: int) -> dict[str, Any] | None:
        row: dict[str, Any] | None = self.table.get(key)
        return row

    def compact(self) -> None:
        self.table.compact(full=True)

    def bytes_on_disk(self) -> int:
        """Data files of the newest version; older versions keep theirs until expired."""
        return sum(self.table.files().column("bytes").to_pylist())


if __name__ == "__main__":
    run("tablestore", TableStore)
