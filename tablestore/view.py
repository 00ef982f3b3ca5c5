"""A table at one version: everything that reads."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from tablestore import ingest, lease, metadata
from tablestore.core import Core, check_features
from tablestore.errors import SchemaError
from tablestore.file.fileset import FileSet
from tablestore.file.manifest import KeyRange
from tablestore.lsm import scan as scans
from tablestore.lsm.condition import compile_condition
from tablestore.lsm.lineage import Version
from tablestore.lsm.point import encode_one
from tablestore.results import VerifyResult
from tablestore.verify import verify

if TYPE_CHECKING:
    from tablestore.dataset import TableDataset

T = TypeVar("T")


class View:
    """A table at one version: everything that reads. `Table.at` makes one. Its snapshot is kept from expiry for as long
    as the object lives."""

    def __init__(self, core: Core, version: Version | None, tag: str | None = None) -> None:
        """tag: path of the tag that led to the version. Raises SnapshotExpiredError."""
        self._core = core
        self._fixed = version
        self._tag = tag
        if version is not None:
            weakref.finalize(self, lease.acquire(core, version, tag).release)

    def _version(self) -> Version:
        return self._fixed or self._core.lineage.newest()

    @property
    def shown(self) -> Version:
        """The snapshot that this view reads; for a Table the newest."""
        return self._version()

    def guard(self) -> AbstractContextManager[None]:
        """Within it a file that is missing because the snapshot has expired is a SnapshotExpiredError."""
        return lease.guard(self._core, self._version(), self._tag)

    @property
    def path(self) -> str:
        """Where the table is."""
        return self._core.storage.root

    @property
    def schema(self) -> pa.Schema:
        """Columns as Arrow types."""
        return self._core.schema.arrow

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Names of the key columns, in key order."""
        return tuple(field.name for field in self._core.schema.key_fields)

    @property
    def partition_by(self) -> tuple[str, ...]:
        """Names of the partition columns."""
        return tuple(field.name for field in self._core.schema.partition_fields)

    @property
    def buckets(self) -> int:
        """Buckets of each partition."""
        return self._core.schema.buckets

    @property
    def version(self) -> int:
        """The snapshot id that this view reads; for a Table the newest."""
        return self._version().id

    def scan(
        self, columns: Sequence[str] | None = None, filter: Any = None, limit: int | None = None
    ) -> scans.Scan:
        """A lazy scan. columns: names in output order, None = all. filter: a pyarrow Expression or SQL-like text such
        as "age > 30 and city in ('Ulm', 'Bonn')". limit: at most so many rows."""
        if limit is not None and (type(limit) is not int or limit < 0):
            raise SchemaError(f"limit is a number of rows, not {limit!r}")
        core = self._core
        request = scans.ScanRequest(
            scans.projection(core.schema, columns), compile_condition(filter, core.schema), limit
        )
        version = self._version()
        check_features(version.snapshot)
        return scans.Scan(_Source(self, version), core.schema, core.cache, request)

    def _reading(self, read: Callable[[Version], T]) -> T:
        """The answer of a short read: of the view's snapshot, which has a lease, or of the newest."""
        if self._fixed is None:
            return lease.of_newest(self._core, read)
        with self.guard():
            return read(self._fixed)

    def get(self, key: Any) -> Any:
        """Look up by primary key: one key gives a dict or None, a list or table of keys a pa.Table of the rows found,
        in the order of the keys. A composite key is a tuple or dict."""
        return self._reading(lambda version: self._get(key, version))

    def _get(self, key: Any, version: Version) -> Any:
        schema = self._core.schema
        points = self._core.points(version.snapshot)
        if len(schema.key_fields) == 1 and not schema.order_fields:
            encoded = encode_one(key, schema.key_fields[0])
            if encoded is not None:
                return points.get_one(encoded)
        single = ingest.is_single_key(key, schema)
        found = points.get(ingest.keys_table([key] if single else key, schema))
        if single:
            rows = found.to_pylist()
            return rows[0] if rows else None
        return found

    def to_dataset(self) -> TableDataset:
        """The version shown now as a pyarrow Dataset, for engines that push projections and filters down: DuckDB
        and Polars. The snapshot is kept for as long as the dataset lives."""
        from tablestore.dataset import TableDataset  # loads Arrow's engine, which nothing else needs

        return TableDataset(self if self._fixed is not None else newest_view(self._core))

    def __len__(self) -> int:
        return self.scan(columns=[]).count()

    def __bool__(self) -> bool:
        return True  # without this the truth of a view would be a scan

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.scan().__arrow_c_stream__(requested_schema)

    def history(self) -> pa.Table:
        """One row a snapshot, newest last: version, time, kind, writer, files, rows, bytes."""
        return metadata.history(self._core, self._fixed.id if self._fixed else None)

    def files(self) -> pa.Table:
        """One row a live data file: partition, bucket, level, path, rows, deletes, bytes, key bounds, sequences."""
        return self._reading(lambda version: metadata.files(self._core, version.snapshot))

    def levels(self) -> pa.Table:
        """One row a partition, bucket and level: runs, files, rows, deletes, bytes."""
        return self._reading(lambda version: metadata.levels(self._core, version.snapshot))

    def verify(self, deep: bool = False) -> VerifyResult:
        """Check metadata, files and their directories; deep: also decode every chunk and check order, bounds,
        filters, statistics and placement. Never raises for damage: it is in the findings."""
        return verify(self._core.storage, self._fixed.id if self._fixed else None, deep)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path} version {self.version}>"


def newest_view(core: Core) -> View:
    """The newest snapshot; a newer one if that expires before it is held."""
    return lease.of_newest(core, lambda version: View(core, version))


class _Source:
    """What a scan reads: the snapshot of the view, or of the call; a newer one if that expires before the first row."""

    def __init__(self, view: View, version: Version) -> None:
        self._view = view  # holds a lease if it has a snapshot of its own
        self._version = version

    @contextmanager
    def hold(self) -> Iterator[int]:
        view = self._view
        held = self._lease() if view._fixed is None else None
        try:
            with lease.guard(view._core, self._version, view._tag):
                yield self._version.id
        finally:
            if held is not None:
                held.release()

    def _lease(self) -> lease.Lease:
        core = self._view._core
        self._version, held = lease.of_newest(
            core, lambda version: (version, lease.acquire(core, version)), self._version
        )
        return held

    def files(self, ranges: Sequence[KeyRange] | None) -> tuple[FileSet, int]:
        snapshot = self._version.snapshot
        return self._view._core.files(snapshot, ranges), snapshot.totals.files
