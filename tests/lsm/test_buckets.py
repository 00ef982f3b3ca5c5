"""Scans and changes of some buckets: together they are those of all, bucket by bucket in the same order."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tablestore.changes import changes_request, net_difference
from tablestore.core import Core
from tablestore.lsm import changes
from tablestore.lsm.changes import ChangesRequest
from tablestore.lsm.condition import compile_condition
from tablestore.lsm.scan import Scan, ScanRequest, projection
from tablestore.reference.key import bucket, encode_key
from tablestore.reference.type import parse_type
from tablestore.view import _Source
from tests.changes.histories import History, small_budgets
from tests.model import value_pool

HISTORIES = 24
GROUPS = 3


def scanned(
    history: History, columns: list[str] | None, condition: str | None, only: Any, skip: int = 0
) -> list[Any]:
    core, view = history.table._core, history.table.at(version=history.table.version)
    fields = projection(core.schema, columns)
    request = ScanRequest(fields, compile_condition(condition, core.schema), None, buckets=only)
    scan = Scan(_Source(view, view.shown), core.schema, core.cache, request)
    tables = list(scan.tables_after(skip)) if skip else list(scan.tables())
    return [row for table in tables for row in value_pool.rows_of(table)]


def compared(core: Core, since: int, until: int, request: ChangesRequest) -> Iterator[Any]:
    first, last = core.lineage.read(since), core.lineage.read(until)
    difference = net_difference(core, first, last, request)
    for part in changes.windows(core.cache, difference, request):
        found = changes.compare(core.cache, part, request)
        if len(found):
            columns = [found.column(field) for field in request.fields]
            table = pa.table(
                [pa.array(found.kinds), *columns], names=["kind", *(f.name for f in request.fields)]
            )
            yield from value_pool.rows_of(table)


def check(path: Path, seed: int) -> None:
    history = History(path, seed)
    kit, source = history.kit, history.source
    types = [parse_type(str(kind)) for _, kind in kit.key]

    def bucket_of(key: tuple[Any, ...]) -> int:
        return bucket(encode_key(types, list(key)), kit.buckets)

    with small_budgets(source):
        for _ in range(6):
            history.step()
        _, condition = history.view()
        columns = [*kit.key_names, *kit.values]
        width = len(kit.key_names)
        everything = scanned(history, columns, condition, None)
        for number in range(kit.buckets):
            only = frozenset((number,))
            expected = [row for row in everything if bucket_of(row[:width]) == number]
            assert scanned(history, columns, condition, only) == expected, f"seed {seed}"
            skip = source.randint(0, len(expected) + 1)
            assert scanned(history, columns, condition, only, skip) == expected[skip:], f"seed {seed}"
        both = frozenset(source.sample(range(kit.buckets), min(2, kit.buckets)))
        expected = [row for row in everything if bucket_of(row[:width]) in both]
        assert scanned(history, columns, condition, both) == expected, f"seed {seed}"

        core, newest = history.table._core, history.table.version
        since, until = sorted(source.sample(range(1, newest + 1), 2))
        request = changes_request(core, columns, condition)
        whole = list(compared(core, since, until, request))
        for number in range(kit.buckets):
            expected = [row for row in whole if bucket_of(row[1 : width + 1]) == number]
            found = list(compared(core, since, until, replace(request, buckets=frozenset((number,)))))
            assert found == expected, f"seed {seed}, changes({since}, {until})"


@pytest.mark.parametrize("group", range(GROUPS))
def test_buckets_together_are_the_table(tmp_path: Path, group: int) -> None:
    share = HISTORIES // GROUPS
    for seed in range(group * share, (group + 1) * share):
        check(tmp_path / str(seed), seed)
        shutil.rmtree(tmp_path / str(seed))
