"""A table at one version: everything that reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from tablestore import ingest, metadata
from tablestore.core import Core, check_features
from tablestore.errors import SchemaError
from tablestore.lsm import scan as scans
from tablestore.lsm.condition import compile_condition
from tablestore.lsm.lineage import Version
from tablestore.lsm.point import encode_one
from tablestore.results import VerifyResult
from tablestore.verify import verify


class View:
    """A table at one version: everything that reads. `Table.at` makes one."""

    def __init__(self, core: Core, version: Version | None) -> None:
        self._core = core
        self._fixed = version

    def _version(self) -> Version:
        return self._fixed or self._core.lineage.newest()

    @property
    def shown(self) -> Version:
        """The snapshot that this view reads; for a Table the newest."""
        return self._version()

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
        snapshot = self._version().snapshot
        check_features(snapshot)
        return scans.Scan(
            lambda ranges: (core.files(snapshot, ranges), snapshot.totals.files),
            core.schema,
            core.cache,
            request,
        )

    def get(self, key: Any) -> Any:
        """Look up by primary key: one key gives a dict or None, a list or table of keys a pa.Table of the rows found,
        in the order of the keys. A composite key is a tuple or dict."""
        schema = self._core.schema
        points = self._core.points(self._version().snapshot)
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

    def __len__(self) -> int:
        return self.scan(columns=[]).count()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.scan().__arrow_c_stream__(requested_schema)

    def history(self) -> pa.Table:
        """One row a snapshot, newest last: version, time, kind, writer, files, rows, bytes."""
        return metadata.history(self._core, self._version().id)

    def files(self) -> pa.Table:
        """One row a live data file: partition, bucket, level, path, rows, deletes, bytes, key bounds, sequences."""
        return metadata.files(self._core, self._version().snapshot)

    def levels(self) -> pa.Table:
        """One row a partition, bucket and level: runs, files, rows, deletes, bytes."""
        return metadata.levels(self._core, self._version().snapshot)

    def verify(self, deep: bool = False) -> VerifyResult:
        """Check metadata, files and their directories; deep: also decode every chunk and check order, bounds,
        filters, statistics and placement. Never raises for damage: it is in the findings."""
        return verify(self._core.storage, self._fixed.id if self._fixed else None, deep)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path} version {self.version}>"
