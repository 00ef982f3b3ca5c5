"""A table's metadata as Arrow tables: history, files, levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from tablestore.core import Core
from tablestore.file import partition
from tablestore.file.fileset import FileSet
from tablestore.file.manifest import PARTITION
from tablestore.file.snapshot import Snapshot
from tablestore.lsm.plan import partition_table
from tablestore.lsm.run import sorted_runs

_HISTORY = pa.schema(
    [
        ("version", pa.int64()),
        ("timestamp", pa.timestamp("ms", "UTC")),
        ("kind", pa.string()),
        ("writer_id", pa.string()),
        ("commit_id", pa.int64()),
        ("files", pa.int64()),
        ("rows", pa.int64()),
        ("deletes", pa.int64()),
        ("bytes", pa.int64()),
        ("manifests", pa.int64()),
        ("schema_id", pa.int64()),
        ("watermark", pa.int64()),
    ]
)


def history(core: Core, last: int | None = None) -> pa.Table:
    """Snapshots up to `last`, or all, oldest first."""
    rows = [_snapshot_row(v.snapshot) for v in core.lineage.versions() if last is None or v.id <= last]
    return pa.Table.from_pylist(rows, schema=_HISTORY)


def _snapshot_row(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "version": snapshot.id,
        "timestamp": snapshot.timestamp_millis,
        "kind": snapshot.kind,
        "writer_id": snapshot.writer.id if snapshot.writer else None,
        "commit_id": snapshot.writer.commit_id if snapshot.writer else None,
        "files": snapshot.totals.files,
        "rows": snapshot.totals.rows,
        "deletes": snapshot.totals.deletes,
        "bytes": snapshot.totals.bytes,
        "manifests": len(snapshot.manifests),
        "schema_id": snapshot.schema_id,
        "watermark": snapshot.watermark,
    }


def partition_columns(core: Core, files: FileSet) -> list[tuple[str, pa.Array]]:
    """The partition columns of files, with their types."""
    fields = core.schema.partition_fields
    if not fields:
        return []
    encoded = files.column(PARTITION).to_arrow().dictionary_encode()
    rows = [partition.decode(fields, raw) for raw in encoded.dictionary.to_pylist()]
    values = partition_table(fields, rows)
    return [
        (field.name, values.column(field.name).combine_chunks().take(encoded.indices)) for field in fields
    ]


def files(core: Core, snapshot: Snapshot) -> pa.Table:
    """Live data files of a snapshot."""
    found = core.files(snapshot)
    raw = found.to_arrow()
    paths = [
        core.cache.path_of((place, bucket), name)
        for place, bucket, name in zip(
            raw.column("partition").to_pylist(),
            raw.column("bucket").to_pylist(),
            raw.column("file").to_pylist(),
            strict=True,
        )
    ]
    columns = partition_columns(core, found)
    for name in ("bucket", "level", "file"):
        columns.append((name, raw.column(name)))
    columns.append(("path", pa.array(paths, pa.string())))
    columns.append(("bytes", raw.column("size")))
    for name in (
        "row_count",
        "delete_count",
        "key_min",
        "key_max",
        "sequence_min",
        "sequence_max",
        "ordinal",
    ):
        columns.append((name, raw.column(name)))
    digests = [f"{value:016x}" for value in raw.column("digest").to_pylist()]
    columns.append(("digest", pa.array(digests, pa.string())))
    return pa.table([column for _, column in columns], names=[name for name, _ in columns])


def levels(core: Core, snapshot: Snapshot) -> pa.Table:
    """Runs, files, rows and bytes of every level of every bucket."""
    found = core.files(snapshot)
    rows: list[dict[str, Any]] = []
    starts = []
    for start, stop in found.groups():
        entries = found.take(np.arange(start, stop)).entries()
        by_level: dict[int, dict[str, Any]] = {}
        for run in sorted_runs(entries):
            row = by_level.setdefault(
                run.level,
                {
                    "bucket": entries[0].bucket,
                    "level": run.level,
                    "runs": 0,
                    "files": 0,
                    "rows": 0,
                    "deletes": 0,
                    "bytes": 0,
                },
            )
            row["runs"] += 1
            row["files"] += len(run.files)
            row["rows"] += run.rows
            row["deletes"] += run.deletes
            row["bytes"] += run.size
        for level in sorted(by_level):
            rows.append(by_level[level])
            starts.append(start)
    schema = pa.schema(
        [("bucket", pa.int32()), ("level", pa.int8())]
        + [(name, pa.int64()) for name in ("runs", "files", "rows", "deletes", "bytes")]
    )
    table = pa.Table.from_pylist(rows, schema=schema)
    places = partition_columns(core, found.take(np.array(starts, np.int64)))
    for index, (name, column) in enumerate(places):
        table = table.add_column(index, name, column)
    return table
