"""Comparisons on decoded values select the rows that Arrow selects."""

from __future__ import annotations

import datetime
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tablestore import types
from tablestore.file import vector as vectors
from tablestore.filter.condition import read_condition
from tablestore.lsm.comparison import comparisons_of, decide
from tablestore.types import Field

OPERATORS = (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)
INTEGERS = (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())
FLOATS = (pa.float32(), pa.float64())
TIMES = (pa.date32(), pa.timestamp("us"), pa.timestamp("ms", "UTC"), pa.time32("s"), pa.time64("ns"))
NUMBERS = (
    0,
    1,
    -1,
    5,
    127,
    128,
    255,
    256,
    1 << 24,
    (1 << 24) + 1,
    1 << 31,
    1 << 53,
    (1 << 53) + 1,
    (1 << 63) - 1,
)
REALS = (0.0, -0.0, 0.1, 1.5, -2.5, 16777217.0, 1e300, float("inf"), float("-inf"), float("nan"))


def fitting(kind: pa.DataType) -> list[Any]:
    if pa.types.is_floating(kind):
        return list(REALS)
    if pa.types.is_integer(kind):
        bits = kind.bit_width
        low, high = (
            (-(1 << bits - 1), (1 << bits - 1) - 1)
            if pa.types.is_signed_integer(kind)
            else (0, (1 << bits) - 1)
        )
        return [low, high, *(number for number in NUMBERS if low <= number <= high)]
    day = datetime.date(2026, 3, 1)
    if pa.types.is_date(kind):
        return [day, day + datetime.timedelta(1), datetime.date(1969, 1, 1)]
    if pa.types.is_time(kind):
        return [datetime.time(0), datetime.time(12, 30), datetime.time(23, 59, 59)]
    zone = datetime.UTC if kind.tz else None
    return [datetime.datetime(2026, 3, 1, hour, tzinfo=zone) for hour in (0, 5, 23)]


def field_of(name: str, kind: pa.DataType) -> Field:
    return Field(0, name, types.from_arrow(kind, name), True)


def rows_of(expression: pc.Expression, table: pa.Table) -> list[int]:
    numbered = table.append_column("row", pa.array(range(table.num_rows)))
    found: list[int] = numbered.filter(expression).column("row").to_pylist()
    return found


def decided(expression: pc.Expression, table: pa.Table) -> list[int] | None:
    fields = [field_of(column.name, column.type) for column in table.schema]
    comparisons = comparisons_of(read_condition(expression), fields)
    if comparisons is None:
        return None
    columns = {
        field.name: vectors.from_arrow(table.column(field.name).combine_chunks(), field.type)
        for field in fields
    }
    found: list[int] = np.flatnonzero(decide(comparisons, columns)).tolist()
    return found


@st.composite
def cases(draw: st.DrawFn) -> tuple[pa.Table, pc.Expression]:
    kind = draw(st.sampled_from((*INTEGERS, *FLOATS, *TIMES)))
    values = draw(st.lists(st.none() | st.sampled_from(fitting(kind)), min_size=1, max_size=40))
    other = kind
    if kind not in TIMES:
        other = draw(st.sampled_from((kind, pa.int64(), pa.int8(), pa.float64(), pa.uint64())))
    scalar = pa.scalar(draw(st.sampled_from(fitting(other))), other)
    compare: Callable[[Any, Any], pc.Expression] = draw(st.sampled_from(OPERATORS))
    expression = compare(pc.field("x"), scalar)
    if draw(st.booleans()):
        expression = expression & draw(st.sampled_from(OPERATORS))(pc.field("y"), draw(st.integers(-3, 3)))
    if draw(st.booleans()) and kind in INTEGERS:
        chosen = draw(st.lists(st.sampled_from(fitting(kind)), max_size=4))
        expression = pc.field("x").isin(pa.array(chosen, kind)) & expression
    second = draw(st.lists(st.none() | st.integers(-4, 4), min_size=len(values), max_size=len(values)))
    return pa.table({"x": pa.array(values, kind), "y": pa.array(second, pa.int32())}), expression


@given(cases())
@settings(max_examples=500, deadline=None)
def test_the_rows_are_those_that_arrow_selects(case: tuple[pa.Table, pc.Expression]) -> None:
    table, expression = case
    found = decided(expression, table)
    if found is not None:
        assert found == rows_of(expression, table)


@pytest.mark.parametrize("kind", [*INTEGERS, *FLOATS, *TIMES], ids=str)
@pytest.mark.parametrize("compare", OPERATORS)
def test_a_constant_of_the_columns_type_is_decided_here(
    kind: pa.DataType, compare: Callable[[Any, Any], pc.Expression]
) -> None:
    table = pa.table({"x": pa.array([*fitting(kind), None], kind)})
    for value in fitting(kind):
        expression = compare(pc.field("x"), pa.scalar(value, kind))
        found = decided(expression, table)
        assert found is not None
        assert found == rows_of(expression, table)


@pytest.mark.parametrize(
    "expression",
    [
        (pc.field("x") > 1) | (pc.field("x") < 0),
        ~(pc.field("x") > 1),
        pc.field("x").is_null(),
        pc.field("x") > pc.field("x"),
        pc.field("x") > 1.5,
        pc.field("s") == "a",
        pc.field("b"),
        pc.field("x") > pa.scalar(None, pa.int64()),
        pc.field("x").isin([1, None]),
        (pc.field("x") > 1) & (pc.field("s") == "a"),
    ],
    ids=str,
)
def test_other_conditions_are_left_to_arrow(expression: pc.Expression) -> None:
    table = pa.table({"x": pa.array([1], pa.int64()), "s": ["a"], "b": [True]})
    assert decided(expression, table) is None
