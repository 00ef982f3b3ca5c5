"""A table at one version as a pyarrow Dataset: engines that know datasets push projections and filters into the scan.

Every public member of the base class is overridden: those that are not would reach into C++ objects that do not exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from tablestore.errors import SchemaError
from tablestore.lsm.scan import Scan


class Scannable(Protocol):
    """What a dataset reads: a view of a table."""

    @property
    def schema(self) -> pa.Schema:
        """Columns as Arrow types."""

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Names of the key columns."""

    def scan(
        self, columns: Sequence[str] | None = None, filter: Any = None, limit: int | None = None
    ) -> Scan:
        """A lazy scan."""


Columns = Sequence[str] | Mapping[str, pc.Expression] | None


class TableDataset(ds.Dataset):  # type: ignore[misc]  # pyarrow has no types
    """A pyarrow Dataset over a view; its snapshot is kept from expiry for as long as the object lives.

    DuckDB finds it in a local variable, Polars takes it with `scan_pyarrow_dataset`. Filters are applied after the
    merge, so that they never bring an older row back (spec §12.4). Options of a scan that concern files or threads are
    accepted and ignored.
    """

    def __init__(self, view: Scannable, condition: pc.Expression | None = None) -> None:
        self._view = view
        self._condition = condition

    @property
    def schema(self) -> pa.Schema:
        """Columns as Arrow types."""
        return self._view.schema

    @property
    def partition_expression(self) -> pc.Expression:
        """True: nothing is known of all rows."""
        return pc.scalar(True)

    def _both(self, filter: pc.Expression | None) -> pc.Expression | None:
        if self._condition is None or filter is None:
            return self._condition if filter is None else filter
        return self._condition & filter

    def _scan(self, columns: Columns, filter: pc.Expression | None, limit: int | None = None) -> Scan:
        """A scan of at least `columns`; one key column where none is asked for, so that rows can be counted."""
        names: Sequence[str] | None = None
        if columns is not None and not isinstance(columns, Mapping):
            names = list(columns) or [self._view.primary_key[0]]
        return self._view.scan(columns=names, filter=self._both(filter), limit=limit)

    def scanner(
        self, columns: Columns = None, filter: pc.Expression | None = None, **options: Any
    ) -> ds.Scanner:
        """A pyarrow Scanner of the rows that fulfil `filter`. columns: names, or expressions by name."""
        scan = self._scan(columns, filter)
        wanted = list(columns) if columns is not None and not isinstance(columns, Mapping) else columns
        return ds.Scanner.from_batches(scan.to_batches(), schema=scan.schema, columns=wanted)

    def to_batches(
        self, columns: Columns = None, filter: pc.Expression | None = None, **options: Any
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows as record batches."""
        yield from self.scanner(columns, filter).to_batches()

    def to_table(
        self, columns: Columns = None, filter: pc.Expression | None = None, **options: Any
    ) -> pa.Table:
        """All rows as a pyarrow Table."""
        return self.scanner(columns, filter).to_table()

    def count_rows(self, filter: pc.Expression | None = None, **options: Any) -> int:
        """Number of rows; reads keys and columns of the filter only."""
        return self._view.scan(columns=[], filter=self._both(filter)).count()

    def head(
        self, num_rows: int, columns: Columns = None, filter: pc.Expression | None = None, **options: Any
    ) -> pa.Table:
        """The first rows in key order of the first buckets."""
        scan = self._scan(columns, filter, num_rows)
        wanted = list(columns) if columns is not None and not isinstance(columns, Mapping) else columns
        return ds.Scanner.from_batches(scan.to_batches(), schema=scan.schema, columns=wanted).to_table()

    def take(
        self, indices: Any, columns: Columns = None, filter: pc.Expression | None = None, **options: Any
    ) -> pa.Table:
        """Rows by their position in a scan; reads the whole scan."""
        return self.to_table(columns, filter).take(indices)

    def filter(self, expression: pc.Expression) -> TableDataset:
        """The dataset of the rows that fulfil `expression` too."""
        return TableDataset(self._view, self._both(expression))

    def get_fragments(self, filter: pc.Expression | None = None) -> Iterator[Fragment]:
        """One fragment: the whole scan, which uses all cores by itself."""
        yield Fragment(self.filter(filter) if filter is not None else self)

    def sort_by(self, sorting: Any, **options: Any) -> ds.InMemoryDataset:
        """All rows sorted, in memory."""
        return ds.InMemoryDataset(self.to_table().sort_by(sorting, **options))

    def join(self, right_dataset: Any, *arguments: Any, **options: Any) -> ds.InMemoryDataset:
        """As pyarrow's Dataset.join, in memory."""
        return ds.InMemoryDataset(self.to_table().join(_table_of(right_dataset), *arguments, **options))

    def join_asof(self, right_dataset: Any, *arguments: Any, **options: Any) -> ds.InMemoryDataset:
        """As pyarrow's Dataset.join_asof, in memory."""
        return ds.InMemoryDataset(self.to_table().join_asof(_table_of(right_dataset), *arguments, **options))

    def replace_schema(self, schema: pa.Schema) -> NoReturn:
        """Refused: a table has the schema that it has."""
        raise SchemaError("the schema of a table cannot be replaced; cast what is read")

    def _get_fragments(self, filter: Any) -> Iterator[Fragment]:
        return self.get_fragments(filter)

    def _scanner_options(self, options: Any) -> Any:
        return options

    def _scan_options(self, options: Any) -> Any:
        return options

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a dataset holds a snapshot of its process; open the table in the other process instead"
        )

    def __repr__(self) -> str:
        return f"<TableDataset of {self._view!r}>"


class Fragment:
    """What engines ask of a pyarrow Fragment: a scanner."""

    def __init__(self, dataset: TableDataset) -> None:
        self._dataset = dataset
        self.physical_schema = dataset.schema
        self.partition_expression = dataset.partition_expression

    def scanner(
        self, schema: Any = None, columns: Columns = None, filter: pc.Expression | None = None, **options: Any
    ) -> ds.Scanner:
        """As TableDataset.scanner."""
        return self._dataset.scanner(columns, filter)


def _table_of(source: Any) -> pa.Table:
    return source.to_table() if isinstance(source, ds.Dataset) else source
