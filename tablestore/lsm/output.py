"""Rows on their way out: what is read lazily, handed on as Arrow, pandas or Polars."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

BATCH_ROWS = 65_536


class RowStream(ABC):
    """A lazy read. Nothing is opened before rows are asked for. Has `__arrow_c_stream__`, so `pa.table(stream)`,
    Polars, DuckDB and pandas take it as it is."""

    @property
    @abstractmethod
    def schema(self) -> pa.Schema:
        """Arrow schema of the rows."""

    @abstractmethod
    def tables(self) -> Iterator[pa.Table]:
        """Rows window by window; none is empty."""

    def to_batches(self) -> Iterator[pa.RecordBatch]:
        """Stream Arrow record batches of at most 65,536 rows; memory stays within the budget of a scan."""
        for table in self.tables():
            yield from table.to_batches(max_chunksize=BATCH_ROWS)

    def to_reader(self) -> pa.RecordBatchReader:
        """The stream as a pyarrow RecordBatchReader."""
        return pa.RecordBatchReader.from_batches(self.schema, self.to_batches())

    def to_arrow(self) -> pa.Table:
        """All rows as one pyarrow Table."""
        tables = list(self.tables())
        return pa.concat_tables(tables) if tables else self.schema.empty_table()

    def to_pandas(self) -> Any:
        """All rows as a pandas DataFrame (needs pandas)."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """All rows as a polars DataFrame (needs polars)."""
        import polars

        return polars.from_arrow(self.to_arrow())

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.to_reader().__arrow_c_stream__(requested_schema)
