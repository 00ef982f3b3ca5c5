"""Lance: append for the load (no key is enforced), then `merge_insert` on id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lance
import pyarrow as pa

from benchmarks.peers.phases import THREADS, Keys, Peer, run
from benchmarks.workload import SCHEMA, TWO_COLUMNS

BATCH_ROWS = 65_536


class Lance(Peer):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.dataset = lance.write_dataset(SCHEMA.empty_table(), directory / "t.lance")

    def load(self, rows: pa.Table) -> None:
        self.dataset = lance.write_dataset(rows, self.dataset, mode="append")

    def upsert(self, rows: pa.Table) -> None:
        merge = self.dataset.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        merge.execute(rows)

    def _query(self, **request: Any) -> pa.Table:
        return self.dataset.scanner(scan_in_order=False, batch_size=BATCH_ROWS, **request).to_table()

    def scan(self) -> pa.Table:
        return self._query()

    def scan_2_columns(self) -> pa.Table:
        return self._query(columns=TWO_COLUMNS)

    def scan_filter(self) -> pa.Table:
        return self._query(filter="age > 70")

    def lookup(self, keys: Keys) -> pa.Table:
        return self.dataset.to_table(filter=f"id IN ({','.join(map(str, keys))})")

    def compact(self) -> None:
        self.dataset.optimize.compact_files(num_threads=THREADS)

    def bytes_on_disk(self) -> int:
        """Data and deletion files of the newest version; older versions keep theirs until cleaned."""
        root = self.directory / "t.lance"
        total = 0
        for fragment in self.dataset.get_fragments():
            total += sum((root / "data" / file.path).stat().st_size for file in fragment.data_files())
            deletions = fragment.deletion_file()
            if deletions:
                total += (root / deletions).stat().st_size
        return total


if __name__ == "__main__":
    run("lance", Lance)
