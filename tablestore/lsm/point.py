"""Point lookups over a whole table: keys to buckets, buckets to versions, versions to rows in the order of the keys."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore._native import hash as hashing
from tablestore.file import keys
from tablestore.file import vector as vectors
from tablestore.file.keys import Keys
from tablestore.file.manifest import FileSet
from tablestore.lsm.cache import FileCache
from tablestore.lsm.lookup import Found, Step, lookup
from tablestore.lsm.parallel import ordered_map
from tablestore.lsm.run import Run, sorted_runs


class PointReader:
    """Lookups in the live files of one snapshot; runs of buckets are worked out once."""

    def __init__(self, cache: FileCache, files: FileSet) -> None:
        self._cache = cache
        self._files = files
        self._runs: dict[int, list[list[Run]]] = {}
        self._groups: dict[int, list[tuple[int, int]]] = {}
        bucket = files.columns[1].typed("i4")
        for start, stop in files.groups():
            self._groups.setdefault(int(bucket[start]), []).append((start, stop))

    def runs(self, bucket: int) -> list[list[Run]]:
        """Sorted runs of a bucket number in every partition that has it."""
        known = self._runs.get(bucket)
        if known is None:
            known = [
                sorted_runs(self._files.take(np.arange(start, stop)).entries())
                for start, stop in self._groups.get(bucket, [])
            ]
            self._runs[bucket] = known
        return known

    def get(self, wanted: pa.Table, trace: list[Step] | None = None) -> pa.Table:
        """Rows of the keys in `wanted` (primary key columns) that exist, in the order of the keys."""
        schema = self._cache.schema
        count = wanted.num_rows
        columns = [
            vectors.from_arrow(wanted.column(i).combine_chunks(), field.type)
            for i, field in enumerate(schema.key_fields)
        ]
        encoded = keys.encode(columns, count)
        distinct, _ = encoded.sort(None, 1, None)
        probes = encoded.take(distinct)
        hashes = probes.hashes()
        buckets = hashing.buckets(hashes, schema.buckets)
        jobs: list[tuple[list[Run], npt.NDArray[np.int64]]] = []
        for bucket in np.unique(buckets).tolist():
            mine = np.flatnonzero(buckets == bucket)
            jobs.extend((runs, mine) for runs in self.runs(bucket))

        def look(job: tuple[list[Run], npt.NDArray[np.int64]]) -> tuple[pa.Table, npt.NDArray[np.int64]]:
            runs, mine = job
            chosen = probes if len(mine) == probes.length else probes.take(mine.astype(np.uint32))
            found = lookup(self._cache, runs, chosen, hashes[mine], trace=trace)
            found = found.restrict((found.kind & 1) == 0)
            return self._rows(found), mine[found.probe]

        parts = list(ordered_map(look, jobs, 1 if trace is not None else None))
        return _in_order(parts, encoded, probes, count, schema.arrow)

    def _rows(self, found: Found) -> pa.Table:
        schema = self._cache.schema
        columns = [found.column(field).to_arrow() for field in schema.fields]
        return pa.Table.from_arrays(columns, schema=schema.arrow)


def _in_order(
    parts: list[tuple[pa.Table, npt.NDArray[np.int64]]],
    encoded: Keys,
    probes: Keys,
    count: int,
    schema: pa.Schema,
) -> pa.Table:
    """Rows of all buckets, one for each wanted key that was found, in the order of the wanted keys."""
    parts = [part for part in parts if part[0].num_rows]
    if not parts:
        return schema.empty_table()
    rows = pa.concat_tables([table for table, _ in parts]) if len(parts) > 1 else parts[0][0]
    row_of = np.full(probes.length, -1, np.int64)
    row_of[np.concatenate([probe for _, probe in parts])] = np.arange(rows.num_rows)
    place = row_of[probes.search(encoded)] if count > 1 else row_of
    order = place[place >= 0]
    if len(order) == rows.num_rows and np.array_equal(order, np.arange(len(order))):
        return rows
    return rows.take(pa.array(order))
