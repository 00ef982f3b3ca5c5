"""Filters: texts mean what SQL means, and what they say about single columns is always necessary."""

from __future__ import annotations

import datetime
import decimal
import random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tablestore.errors import FilterError
from tablestore.filter import Interval, conditions_of, parse_filter
from tablestore.types import from_arrow, plain_value

D = decimal.Decimal
ROWS = pa.table(
    {
        "id": pa.array([1, 2, 3, None, 5], pa.int64()),
        "small": pa.array([-128, 0, 127, None, 5], pa.int8()),
        "big": pa.array([0, (1 << 64) - 1, 5, None, 7], pa.uint64()),
        "name": pa.array(["a", "ab", "it's", None, "Ä"]),
        "day": pa.array([datetime.date(2013, 1, day) for day in (1, 2, 3, 4)] + [None]),
        "at": pa.array([0, 1_000_000, 2_000_000, None, -1], pa.timestamp("us")),
        "zoned": pa.array([0, 3_600_000, 7_200_000, None, -1], pa.timestamp("ms", "Europe/Berlin")),
        "clock": pa.array([0, 3_600, 86_399, None, 60], pa.time32("s")),
        "ratio": pa.array([0.5, -0.0, float("nan"), None, float("inf")], pa.float64()),
        "price": pa.array([D("1.25"), D("-3.00"), D("99.99"), None, D("0.00")], pa.decimal128(5, 2)),
        "flag": pa.array([True, False, True, None, False]),
        "raw": pa.array([b"", b"\x00\xff", b"b", None, b"c"], pa.binary()),
        "code": pa.array([b"ab", b"cd", b"ef", None, b"gh"], pa.binary(2)),
        "place": pa.array([{"x": 1}, {"x": None}, None, {"x": 4}, {"x": 5}], pa.struct([("x", pa.int32())])),
        "odd name": pa.array([1, 2, 3, 4, 5], pa.int16()),
    }
)


def rows_of(text: str) -> list[int]:
    """Numbers (from 1) of the rows that fulfil a filter text."""
    numbered = ROWS.append_column("row", pa.array(range(1, 6)))
    return numbered.filter(parse_filter(text, ROWS.schema))["row"].to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("id = 2", [2]),
        ("id == 2", [2]),
        ("2 = id", [2]),
        ("id != 2", [1, 3, 5]),
        ("id <> 2", [1, 3, 5]),
        ("3 < id", [5]),
        ("id <= +2", [1, 2]),
        ("ID_OF = 1", None),
        ("id = 1 or id = 2 and id = 3", [1]),
        ("(id = 1 OR id = 2) AND NOT id = 1", [2]),
        ("not not id = 1", [1]),
        ("id IS NULL", [4]),
        ("id is not null", [1, 2, 3, 5]),
        ("id in (1, 3, 9)", [1, 3]),
        ("id not in (1, 3)", [2, 5]),
        ("not id in (1, 3)", [2, 5]),
        ("id in (1, null)", [1]),
        ("id not in (1, null)", []),
        ("id between 2 and 3", [2, 3]),
        ("id not between 2 and 3", [1, 5]),
        ("id > 1.5", [2, 3, 5]),
        ("id >= 2.0", [2, 3, 5]),
        ("id < 2.5", [1, 2]),
        ("id = 2.5", []),
        ("id != 2.5", [1, 2, 3, 5]),
        ("not id = 2.5", [1, 2, 3, 5]),
        ("id in (2.5, 3)", [3]),
        ("id = 2e0", [2]),
        ("id > -1e400", [1, 2, 3, 5]),
        ("id < 1e400", [1, 2, 3, 5]),
        ("small < 1000", [1, 2, 3, 5]),
        ("small > 1000", []),
        ("small >= -128", [1, 2, 3, 5]),
        ("small > -129", [1, 2, 3, 5]),
        ("small = 128", []),
        ("not small = 128", [1, 2, 3, 5]),
        ("big = 18446744073709551615", [2]),
        ("big > -1", [1, 2, 3, 5]),
        ("name = 'a'", [1]),
        ("name = 'it''s'", [3]),
        ("name like 'a%'", [1, 2]),
        ("name like 'a_'", [2]),
        ("name not like 'a%'", [3, 5]),
        ("name >= 'b'", [3, 5]),
        ("name = 'Ä'", [5]),
        ("day = date '2013-01-02'", [2]),
        ("day > '2013-01-02'", [3, 4]),
        ("day in ('2013-01-01', DATE '2013-01-04')", [1, 4]),
        ("at = timestamp '1970-01-01 00:00:01'", [2]),
        ("at < '1970-01-01'", [5]),
        ("at >= '1970-01-01 00:00:01.5'", [3]),
        ("zoned = '1970-01-01 02:00:00+01:00'", [2]),
        ("zoned = '1970-01-01 01:00:00Z'", [2]),
        ("zoned = '1970-01-01 01:00:00'", [2]),
        ("clock = '01:00'", [2]),
        ("clock > TIME '01:00:00'", [3]),
        ("ratio = 0", [2]),
        ("ratio > 0.25", [1, 5]),
        ("not ratio > 0.25", [2, 3]),
        ("ratio < 1e308", [1, 2]),
        ("price = 1.25", [1]),
        ("price > 1.249", [1, 3]),
        ("price >= 1.251", [3]),
        ("price < 1000000", [1, 2, 3, 5]),
        ("price = '1.25'", [1]),
        ("price in (1.25, 0, 1.255)", [1, 5]),
        ("flag", [1, 3]),
        ("not flag", [2, 5]),
        ("flag = false", [2, 5]),
        ("flag and id = 1", [1]),
        ("raw = x'00ff'", [2]),
        ("raw > X'61'", [3, 5]),
        ("raw in (x'', x'62')", [1, 3]),
        ("code = x'6364'", [2]),
        ("place.x = 4", [4]),
        ("place.x is null", [2, 3]),
        ("place is null", [3]),
        ('"odd name" = 3', [3]),
        ("`odd name` = 3", [3]),
        ('"id" = "odd name"', [1, 2, 3, 5]),
        ("id < small", [3]),
        ("true", [1, 2, 3, 4, 5]),
        ("false or id = 1", [1]),
        ("  id=1\n\t", [1]),
    ],
)
def test_texts_mean_what_they_say(text: str, rows: list[int] | None) -> None:
    if rows is None:
        with pytest.raises(FilterError, match="no column"):
            rows_of(text)
        return
    assert rows_of(text) == rows


@pytest.mark.parametrize(
    ("text", "reason", "position"),
    [
        ("", "expected a column", 1),
        ("id", "is no condition", 3),
        ("5", "expected a condition", 1),
        ("id = ", "expected a column or a literal at the end", 6),
        ("id = 1 and", "at the end", 11),
        ("id = 1 id = 2", "unexpected words", 8),
        ("(id = 1", "expected )", 8),
        ("id = 1)", "unexpected words", 7),
        ("nope = 1", "no column 'nope'", 1),
        ("place.y = 1", "has no field 'y'", 1),
        ("id.x = 1", "has no field 'x'", 1),
        ("id = 'x'", "cannot be compared", 1),
        ("id = x'00'", "cannot be compared", 1),
        ("id = true", "cannot be compared", 1),
        ("name = 5", "cannot be compared", 1),
        ("flag = 1", "cannot be compared", 1),
        ("place = 1", "cannot be compared", 1),
        ("id = null", "IS NULL", 1),
        ("id in ()", "expected a column or a literal", 8),
        ("id in (1, 'x')", "cannot be compared", 11),
        ("id between 1", "expected AND", 13),
        ("id like 'x'", "LIKE compares a string column", 9),
        ("id not = 1", "expected IN, BETWEEN or LIKE", 8),
        ("id is 5", "expected NULL", 7),
        ("name = 'abc", "unexpected", 8),
        ("id @ 5", "unexpected '@", 4),
        ("id = 1; drop", "unexpected ';", 7),
        ("1 = 1", "two literals", 1),
        ("name = id", "cannot be compared", 1),
        ("day = '2013-13-01'", "no value of type", 1),
        ("clock = '25:00'", "no value of type", 1),
        ("clock = '1:00'", "is written as", 1),
        ("clock = '01:00:00.5'", "no value of type", 1),
        ("raw = x'0'", "odd number", 7),
        ("id = 5x", "unexpected", 6),
        ("(" * 80 + "id = 1" + ")" * 80, "levels", 66),
        ("not " * 80 + "id = 1", "levels", None),
        ("id = --1", "expected a column or a literal", 6),
        ("len(name) = 1", "no column 'len'", 1),
    ],
)
def test_mistakes_are_told_with_their_position(text: str, reason: str, position: int | None) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text, ROWS.schema)
    assert reason in str(caught.value)
    if position is not None:
        assert f"(position {position} of" in str(caught.value)


def test_long_texts_are_parsed_and_limited() -> None:
    for word in ("OR", "AND"):
        many = parse_filter(f" {word} ".join(f"id = {number}" for number in range(1_000)), ROWS.schema)
        assert ROWS.filter(many).num_rows == (4 if word == "OR" else 0)
        assert conditions_of(many, ROWS.schema) is not None
    many = parse_filter(f"id in ({', '.join(map(str, range(50_000)))})", ROWS.schema)
    assert ROWS.filter(many).num_rows == 4
    with pytest.raises(FilterError, match="use IN"):
        parse_filter("id = 1 OR " * 1_000 + "id = 1", ROWS.schema)
    with pytest.raises(FilterError, match="limit"):
        parse_filter("id = 1 OR " * 200_000 + "id = 1", ROWS.schema)


# ---- conditions on single columns


def points(*values: Any) -> list[Interval]:
    return [Interval(value, value) for value in values]


FIELD = pc.field
NOTHING: dict[str, list[Interval]] = {name: [] for name in ROWS.schema.names}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("id = 5 and name = 'x'", {"id": points(5), "name": points("x")}),
        ("id in (3, 1)", {"id": points(1, 3)}),
        ("id > 5", {"id": [Interval(5, None)]}),
        ("not id > 5", {"id": [Interval(None, 5)]}),
        ("id between 1 and 4 or id between 3 and 9 or id = 20", {"id": [Interval(1, 9), Interval(20, 20)]}),
        ("id >= 1 and id <= 4", {"id": [Interval(1, 4)]}),
        ("id = 1 or name = 'x'", {}),
        ("(id = 1 and name = 'x') or (id = 2 and small = 3)", {"id": points(1, 2)}),
        ("id = 1 or id is null", {}),
        ("id is null", {}),
        ("id is not null", {}),
        ("id != 1", {}),
        ("id not in (1, 2)", {}),
        ("id = 1 and id = 2", NOTHING),
        ("id = 1 and (id = 2 or id = 3)", NOTHING),
        ("false", NOTHING),
        ("true", {}),
        ("small > 1000", NOTHING),
        ("small = 1.5", NOTHING),
        ("name like 'ab%'", {"name": [Interval("ab", "ac")]}),
        ("name like 'ab'", {"name": points("ab")}),
        ("name like '%b'", {}),
        ("name like 'a_b'", {"name": [Interval("a", "b")]}),
        ("flag", {"flag": points(True)}),
        ("day = '1970-01-03'", {"day": points(2)}),
        ("place.x = 1 and id = 1", {"id": points(1)}),
        ("id = small and small = 2", {"small": points(2)}),
        (FIELD("id").isin([1, 2, None]), {}),
        (FIELD("id").isin(pa.array([2, 1])), {"id": points(1, 2)}),
        (FIELD("id").isin([]), NOTHING),
        (FIELD("id") == 5.5, NOTHING),
        (FIELD("id") >= 5.5, {"id": [Interval(6, None)]}),
        (FIELD("id") == 2.0**60, {}),
        (FIELD("id").cast(pa.int32()) == 5, {}),
        ((FIELD("id") == 5) & (FIELD("id") + 1 == 6), {"id": points(5)}),
        (pc.equal(FIELD("id"), FIELD("small")), {}),
        (FIELD("ratio") > 0.5, {"ratio": [Interval(0.5, None)]}),
        (~(FIELD("ratio") > 0.5), {}),
        (FIELD("ratio") == float("nan"), {}),
        (FIELD("ratio").is_null(nan_is_null=True), {}),
        (FIELD("at") == datetime.datetime(1970, 1, 1, 0, 0, 1), {"at": points(1_000_000)}),
        (FIELD("at") == pa.scalar(1, pa.timestamp("s")), {"at": points(1_000_000)}),
        (FIELD("at") <= pa.scalar(1_500, pa.timestamp("ns")), {"at": [Interval(None, 1)]}),
        (FIELD("at") == pa.scalar(1_500, pa.timestamp("ns")), NOTHING),
        (FIELD("price") == D("1.2"), {"price": points(D("1.20"))}),
        (FIELD("price") > D("1.255"), {"price": [Interval(D("1.26"), None)]}),
        (FIELD("big") == pa.scalar((1 << 64) - 1, pa.uint64()), {"big": points((1 << 64) - 1)}),
        (FIELD("raw") < b"x", {"raw": [Interval(None, b"x")]}),
        (pc.starts_with(FIELD("name"), "a"), {"name": [Interval("a", "b")]}),
        (pc.starts_with(FIELD("name"), "\ud7ff"), {"name": [Interval("\ud7ff", "\ue000")]}),
        (pc.starts_with(FIELD("name"), "\U0010ffff"), {"name": [Interval("\U0010ffff", None)]}),
        (pc.starts_with(FIELD("name"), "a", ignore_case=True), {}),
        (
            pc.if_else(
                FIELD("id").is_valid(),
                FIELD("id").isin(pa.array([1, 2])),
                pc.scalar(pa.scalar(None, pa.bool_())),
            ),
            {"id": points(1, 2)},
        ),
        (pc.scalar(True), {}),
        (pc.scalar(False), NOTHING),
        (pc.field("no such column") == 1, {}),
        (pc.field("line\nend: 'equal'") == 1, {}),
    ],
    ids=str,
)
def test_conditions(condition: Any, expected: dict[str, list[Interval]]) -> None:
    assert conditions_of(condition, ROWS.schema) == expected


def test_deep_expressions_are_left_alone() -> None:
    expression = FIELD("id") == 0
    for number in range(2_000):
        expression = expression | (FIELD("id") == number)
    assert conditions_of(expression, ROWS.schema) == {}


def _holds(value: Any, intervals: list[Interval]) -> bool:
    return any(
        (interval.low is None or interval.low <= value) and (interval.high is None or value <= interval.high)
        for interval in intervals
    )


def _literal(source: random.Random, name: str) -> Any:
    own = ROWS[name].drop_null()
    value = own[source.randrange(len(own))]
    if name in ("id", "small", "odd name"):
        return source.choice(
            [value, pa.scalar(source.choice([-1.5, 0.0, 2.5, 3.0])), pa.scalar(source.randrange(-200, 200))]
        )
    if name == "ratio":
        return source.choice([value, pa.scalar(source.randrange(-3, 3)), pa.scalar(0.5, pa.float32())])
    if name == "price":
        return source.choice(
            [value, pa.scalar(D(source.choice(["1.255", "0", "-3.001", "99.99", "12345.678"])))]
        )
    if name == "at":
        return source.choice([value, pa.scalar(source.randrange(-2, 3), pa.timestamp("s"))])
    return value


def _expression(source: random.Random, depth: int) -> pc.Expression:
    if depth and source.random() < 0.6:
        left, right = _expression(source, depth - 1), _expression(source, depth - 1)
        return source.choice([left & right, left | right, ~left, pc.if_else(left, right, ~left)])
    names = ["id", "small", "name", "day", "at", "ratio", "price", "raw", "flag", "odd name"]
    name = source.choice(names)
    column, literal = FIELD(name), _literal(source, name)
    choices = [column == literal, column != literal, column.is_null(), column.is_valid()]
    if name != "flag":
        choices += [column < literal, column <= literal, column > literal, column >= literal]
        choices += [FIELD(name).isin(ROWS[name].slice(source.randrange(4), 2).combine_chunks())]
    if name == "name":
        choices += [pc.starts_with(column, "a"), pc.match_like(column, "a%")]
    return source.choice(choices)


def test_conditions_are_necessary_for_random_expressions() -> None:
    """No row that qualifies may lie outside: this is what keeps a plan from leaving out live rows."""
    source = random.Random(1)
    types = {field.name: from_arrow(field.type) for field in ROWS.schema}
    told = qualified = 0
    for _ in range(4_000):
        expression = _expression(source, 3)
        found = ROWS.filter(expression)
        conditions = conditions_of(expression, ROWS.schema)
        told += bool(conditions)
        qualified += found.num_rows
        for name, intervals in conditions.items():
            assert intervals == sorted(
                intervals, key=lambda interval: (interval.low is not None, interval.low)
            )
            for value in found[name]:
                assert value.is_valid, (str(expression), name)
                assert _holds(plain_value(value, types[name]), intervals), (str(expression), name, value)
    assert told > 1_000
    assert qualified > 2_000
