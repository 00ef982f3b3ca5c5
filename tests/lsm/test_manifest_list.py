"""The list of manifests stays short, however many files a commit brings, and entries are not rewritten too often."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.transaction import MANIFESTS_MERGED_MIN, _merge_start


@pytest.mark.parametrize("files", [1, 16, 17, 100, 20_000])
def test_commits_of_equal_size_leave_a_short_list(files: int) -> None:
    commits = 1_000
    sizes: list[int] = []
    rewritten = 0
    for _ in range(commits):
        start = _merge_start(sizes)
        if start is not None:
            rewritten += sum(sizes[start:])
            sizes[start:] = [sum(sizes[start:])]
        sizes.append(files)
    assert sum(sizes) == commits * files
    assert len(sizes) <= MANIFESTS_MERGED_MIN + math.log2(commits)
    assert rewritten <= sum(sizes) * math.log2(commits)


def test_a_table_of_many_places_merges_its_manifests(tmp_path: Path) -> None:
    schema = pa.schema(
        [pa.field("id", pa.int64(), nullable=False), pa.field("day", pa.int32(), nullable=False)]
    )
    table = ts.create_table(
        str(tmp_path / "t"), schema, primary_key=["id", "day"], partition_by=["day"], buckets=1,
        options={"compaction": "manual", "durability": "none"},
    )  # fmt: skip
    days = 2 * MANIFESTS_MERGED_MIN
    commits = 2 * MANIFESTS_MERGED_MIN
    for number in range(commits):
        rows = pa.table([[number] * days, list(range(days))], schema=schema)
        table.upsert(rows)
    snapshot = table._core.lineage.newest().snapshot
    assert snapshot.totals.files == commits * days
    assert len(snapshot.manifests) <= MANIFESTS_MERGED_MIN + 2
    assert len(table) == commits * days
