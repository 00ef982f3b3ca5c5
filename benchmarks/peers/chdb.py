"""chDB: `ReplacingMergeTree` read with FINAL; background merges stopped until the compaction phase."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from chdb.session import Session

from benchmarks.peers.phases import THREADS, Keys, Peer, run

_THREADS = f"SETTINGS max_threads = {THREADS}"
_FINAL = (
    f"{_THREADS}, do_not_merge_across_partitions_select_final = 1,"
    " output_format_arrow_compression_method = 'none'"
)


class ChDB(Peer):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.session = Session(str(directory / "db"))
        self.session.query("CREATE DATABASE bench ENGINE = Atomic")
        self.session.query(
            "CREATE TABLE bench.t (id Int64, name String, city String, age Int32, salary Float64, seq UInt32)"
            " ENGINE = ReplacingMergeTree(seq) PARTITION BY id % 4 ORDER BY id"
            " SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
        )
        self.session.query("SYSTEM STOP MERGES bench.t")
        self.sequence = 0

    def load(self, rows: pa.Table) -> None:
        self.sequence += 1
        self.session.query(f"INSERT INTO bench.t SELECT *, {self.sequence} FROM Python(rows) {_THREADS}")

    upsert = load

    def _query(self, columns: str, condition: str = "") -> pa.Table:
        result = self.session.query(
            f"SELECT {columns} FROM bench.t FINAL {condition} {_FINAL}", "ArrowStream"
        )
        return pa.ipc.open_stream(result.bytes()).read_all()

    def scan(self) -> pa.Table:
        return self._query("id, name, city, age, salary")

    def scan_2_columns(self) -> pa.Table:
        return self._query("id, salary")

    def scan_filter(self) -> pa.Table:
        return self._query("id, name, city, age, salary", "WHERE age > 70")

    def lookup(self, keys: Keys) -> pa.Table:
        wanted = pa.table({"key": keys})  # noqa: F841  (named in the query)
        columns = "id, name, city, age, salary"
        return self._query(columns, "WHERE id IN (SELECT key FROM Python(wanted))")

    def compact(self) -> None:
        self.session.query("SYSTEM START MERGES bench.t")
        self.session.query("OPTIMIZE TABLE bench.t FINAL")

    def bytes_on_disk(self) -> int:
        """Active parts; merged ones wait on disk for a while."""
        query = (
            "SELECT sum(bytes_on_disk) FROM system.parts WHERE database = 'bench' AND table = 't' AND active"
        )
        return int(str(self.session.query(query, "CSV")))

    def close(self) -> None:
        self.session.close()


if __name__ == "__main__":
    run("chdb", ChDB)
