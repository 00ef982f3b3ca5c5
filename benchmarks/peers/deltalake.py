"""delta-rs: append for the load (no key is enforced), then `merge` on id."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.dataset
from deltalake import DeltaTable, QueryBuilder, write_deltalake

from benchmarks.peers.phases import Keys, Peer, run
from benchmarks.workload import FILTER_AGE, SCHEMA, TWO_COLUMNS


class DeltaLake(Peer):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.table = DeltaTable.create(directory / "t", SCHEMA)

    def load(self, rows: pa.Table) -> None:
        write_deltalake(self.table, rows, mode="append")

    def upsert(self, rows: pa.Table) -> None:
        merge = self.table.merge(rows, "target.id = source.id", source_alias="source", target_alias="target")
        merge.when_matched_update_all().when_not_matched_insert_all().execute()

    def scan(self) -> pa.Table:
        return self.table.to_pyarrow_table()

    def _query(self, text: str) -> pa.Table:
        return pa.table(QueryBuilder().register("t", self.table).execute(text).read_all())

    def scan_2_columns(self) -> pa.Table:
        return self._query(f"SELECT {', '.join(TWO_COLUMNS)} FROM t")

    def scan_filter(self) -> pa.Table:
        return self._query(f"SELECT * FROM t WHERE age > {FILTER_AGE}")

    def lookup(self, keys: Keys) -> pa.Table:
        return self.table.to_pyarrow_dataset().to_table(filter=pa.dataset.field("id").isin(keys))

    def compact(self) -> None:
        self.table.optimize.compact()

    def bytes_on_disk(self) -> int:
        """Files of the newest version; older versions keep theirs until vacuumed."""
        actions = pa.table(self.table.get_add_actions())
        return int(sum(actions.column("size_bytes").to_pylist()))


if __name__ == "__main__":
    run("deltalake", DeltaLake)
