"""What a condition lets a plan leave out: bucket, key range, blocks. Nothing that qualifies is ever left out."""

from __future__ import annotations

import decimal
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import tablestore as ts
from tablestore.errors import FilterError
from tablestore.filter import Interval
from tablestore.lsm import condition
from tablestore.types import Field, from_arrow, rank_of
from tests.model import value_pool


def table_of(path: Path, kind: pa.DataType, buckets: int = 8) -> ts.Table:
    schema = pa.schema([pa.field("k", kind, nullable=False), ("v", pa.int64())])
    return ts.create_table(path, schema, primary_key="k", buckets=buckets, options={"durability": "none"})


@pytest.mark.parametrize("kind", value_pool.KEY_TYPES, ids=str)
def test_key_conditions_of_every_type(table_path: Path, kind: pa.DataType) -> None:
    """=, IN and ranges on a key go to its buckets and blocks, and find what pyarrow finds in all rows."""
    table = table_of(table_path, kind)
    source = random.Random(1)
    keys = list(dict.fromkeys(value_pool.draw(kind, source, False) for _ in range(20)))
    table.upsert(
        pa.Table.from_arrays(
            [value_pool.to_array(keys, kind), pa.array(range(len(keys)))], schema=table.schema
        )
    )
    everything = table.scan().to_arrow()
    field = pc.field("k")
    for row in range(everything.num_rows):
        value = everything.column("k")[row]
        for expression in (
            field == value,
            field <= value,
            field > value,
            field.isin(pa.repeat(value, 2)),
            field != value,
        ):
            try:
                expected = everything.filter(expression)
            except pa.ArrowNotImplementedError:
                continue
            found = table.scan(filter=expression).to_arrow()
            assert sorted(found["v"].to_pylist()) == sorted(expected["v"].to_pylist()), str(expression)


def test_equality_goes_to_one_bucket(table_path: Path) -> None:
    table = table_of(table_path, pa.int64())
    table.upsert({"k": list(range(1000)), "v": list(range(1000))})
    compiled = condition.compile_condition("k = 77", table._core.schema)
    buckets = condition.key_buckets(compiled, table._core.schema)
    assert buckets is not None
    assert len(buckets) == 1
    assert (
        condition.key_buckets(condition.compile_condition("k > 77", table._core.schema), table._core.schema)
        is None
    )
    assert condition.key_buckets(None, table._core.schema) is None
    assert table.scan(filter="k = 77").to_arrow().to_pylist() == [{"k": 77, "v": 77}]


@pytest.mark.parametrize("kind", [*value_pool.KEY_TYPES, pa.float32(), pa.float64()], ids=str)
def test_may_match_is_conservative(kind: pa.DataType) -> None:
    """A block is left out only if none of its values lies in an interval, whatever the precision of ranks."""
    column = Field(0, "c", from_arrow(kind), True)
    source = random.Random(2)
    for _ in range(100):
        drawn = [value_pool.draw(kind, source, False) for _ in range(source.randint(1, 4))]
        values = [v for v in _plain(drawn, kind) if v == v]
        if not values:
            continue
        ranks = [rank_of(value, column.type) for value in values]
        low, high = sorted((source.choice(values), _plain([value_pool.draw(kind, source, False)], kind)[0]))
        if low != low or high != high:
            continue
        interval = source.choice((Interval(low, high), Interval(low, None), Interval(None, high)))
        answer = condition.may_match(
            [interval],
            column,
            np.array([min(ranks)], np.uint64),
            np.array([max(ranks)], np.uint64),
            np.array([True]),
        )[0]
        inside = any(
            (interval.low is None or v >= interval.low) and (interval.high is None or v <= interval.high)
            for v in values
        )
        assert answer or not inside, (interval, values)
    unknown = condition.may_match(
        [], column, np.zeros(1, np.uint64), np.zeros(1, np.uint64), np.array([False])
    )
    assert unknown[0], "a block without statistics is read"


def _plain(values: list[Any], kind: pa.DataType) -> list[Any]:
    """Values as intervals hold them: decimals as decimals, floats of the column's precision."""
    if pa.types.is_decimal(kind):
        return [decimal.Context(prec=80).scaleb(decimal.Decimal(value), -kind.scale) for value in values]
    if pa.types.is_floating(kind):
        return value_pool.to_array(values, kind).to_pylist()
    return values


@pytest.mark.parametrize("wrong", [5, b"k = 1", ["k", "=", 1], ("k", 1)])
def test_what_is_no_filter(table_path: Path, wrong: Any) -> None:
    table = table_of(table_path, pa.int64())
    with pytest.raises(FilterError):
        table.scan(filter=wrong)


def test_filters_that_cannot_be_applied(table_path: Path) -> None:
    table = table_of(table_path, pa.int64())
    table.upsert([{"k": 1, "v": 1}])
    with pytest.raises(FilterError):
        table.scan(filter=pc.field("nobody") == 1).to_arrow()
    with pytest.raises(FilterError):
        table.scan(filter="nobody = 1")
