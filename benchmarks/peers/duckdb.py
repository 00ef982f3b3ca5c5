"""DuckDB: a table with a primary-key index and `INSERT OR REPLACE`; rows are updated in place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from benchmarks.peers.phases import THREADS, Keys, Peer, run
from benchmarks.workload import SCHEMA


class DuckDB(Peer):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.connection = duckdb.connect(str(directory / "table.duckdb"))
        self.connection.execute(f"SET threads = {THREADS}")
        self.connection.execute("SET preserve_insertion_order = false")
        self.connection.execute(
            "CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR, city VARCHAR, age INTEGER, salary DOUBLE)"
        )

    def load(self, rows: pa.Table) -> None:
        self.connection.execute("INSERT OR REPLACE INTO t SELECT * FROM rows")

    upsert = load

    def scan(self) -> pa.Table:
        return self.connection.sql("SELECT * FROM t").to_arrow_table()

    def scan_2_columns(self) -> pa.Table:
        return self.connection.sql("SELECT id, salary FROM t").to_arrow_table()

    def scan_filter(self) -> pa.Table:
        return self.connection.sql("SELECT * FROM t WHERE age > 70").to_arrow_table()

    def lookup(self, keys: Keys) -> pa.Table:
        wanted = pa.table({"id": keys})  # noqa: F841  (named in the query)
        return self.connection.sql("SELECT t.* FROM t JOIN wanted USING (id)").to_arrow_table()

    def get(self, key: int) -> tuple[Any, ...] | None:
        rows = self.connection.execute("SELECT * FROM t WHERE id = ?", [key]).fetchall()
        return rows[0] if rows else None

    def got_as_arrow(self, found: list[Any]) -> pa.Table:
        return pa.table([list(column) for column in zip(*found, strict=True)], schema=SCHEMA)

    def compact(self) -> None:
        self.connection.execute("CHECKPOINT")

    def close(self) -> None:
        self.connection.close()


if __name__ == "__main__":
    run("duckdb", DuckDB)
