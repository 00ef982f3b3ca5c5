"""paimon-rust (`pypaimon[sql]`): the table is made with pypaimon, written and read by the Rust library.

It has no compaction yet, so only the unmerged phases exist.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pypaimon
from pypaimon.sql import SQLContext
from pypaimon_rust.datafusion import PaimonCatalog

from benchmarks.peers.phases import Peer, run
from benchmarks.workload import SCHEMA


class PaimonRust(Peer):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        options = {"warehouse": str(directory)}
        catalog = pypaimon.CatalogFactory.create(options)
        catalog.create_database("bench", False)
        schema = pypaimon.Schema.from_pyarrow_schema(SCHEMA, primary_keys=["id"], options={"bucket": "4"})
        catalog.create_table("bench.t", schema, False)
        self.table = PaimonCatalog(options).get_table("bench.t")
        self.context = SQLContext()
        self.context.register_catalog("paimon", options)

    def load(self, rows: pa.Table) -> None:
        builder = self.table.new_batch_write_builder()
        write, commit = builder.new_write(), builder.new_commit()
        for batch in rows.to_batches():
            write.write_arrow(batch)
        commit.commit(write.prepare_commit())
        write.close()
        commit.close()

    upsert = load

    def _query(self, columns: str, condition: str = "") -> pa.Table:
        result = self.context.sql(f"SELECT {columns} FROM paimon.bench.t {condition}")
        return result if isinstance(result, pa.Table) else pa.Table.from_batches(result)

    def scan(self) -> pa.Table:
        return self._query("*")

    def scan_2_columns(self) -> pa.Table:
        return self._query("id, salary")

    def scan_filter(self) -> pa.Table:
        return self._query("*", "WHERE age > 70")


if __name__ == "__main__":
    run("paimon_rust", PaimonRust)
