"""Small tables with a long history, and what must be on disk of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

import tablestore as ts
from tablestore.core import open_core
from tablestore.file import layout
from tablestore.storage import LocalStorage, Storage

SCHEMA = pa.schema([("id", pa.int64()), ("city", pa.string()), ("amount", pa.int64())])
Rows = dict[int, tuple[str, int]]


def create(place: str | Path | Storage, partitioned: bool = False, **options: str | int) -> ts.Table:
    """A table that compacts only when it is told to."""
    chosen = {
        "compaction": "manual",
        "compaction.trigger": 3,
        "compaction.stop": 9,
        "durability": "none",
        **options,
    }
    return ts.create_table(
        place,
        SCHEMA,
        primary_key="id",
        partition_by=["city"] if partitioned else [],
        buckets=2,
        options=chosen,
    )


def row(key: int, amount: int) -> dict[str, Any]:
    """A row; it moves between partitions with its amount."""
    return {"id": key, "city": "ab"[amount % 2], "amount": amount}


def rows_of(view: ts.View) -> Rows:
    """All rows by key."""
    found = view.scan().to_arrow().to_pylist()
    rows = {item["id"]: (item["city"], item["amount"]) for item in found}
    assert len(rows) == len(found), "a key occurs twice"
    return rows


def on_disk(path: Path) -> set[str]:
    """Data files and manifests."""
    return {file.relative_to(path).as_posix() for file in path.rglob("*.sst")}


def needed(path: Path, ids: Iterable[int]) -> set[str]:
    """Data files and manifests of these snapshots."""
    core = open_core(LocalStorage(path))
    paths: set[str] = set()
    for id_ in ids:
        snapshot = core.lineage.read(id_).snapshot
        paths.update(layout.manifest_path(reference.file) for reference in snapshot.manifests)
        paths.update(core.cache.path_of(entry.place, entry.file) for entry in core.entries(snapshot))
    return paths


def documents(path: Path) -> list[int]:
    """Ids of the snapshot documents that are there."""
    names = (layout.parse_snapshot_name(file.name) for file in (path / "snapshot").iterdir())
    return sorted(number for number in names if number is not None)


def boundaries(path: Path) -> list[int]:
    """Boundaries that are there."""
    directory = path / "boundary"
    names = [file.name for file in directory.iterdir()] if directory.exists() else []
    return sorted(filter(None, map(layout.parse_boundary_name, names)))
