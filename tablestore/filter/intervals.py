"""Conditions as intervals: which values a column must have for a row to qualify.

All of this is necessary and never sufficient: a strict bound may become a closed one, and what is not
understood allows every value. Nulls are outside of intervals, so a column that may be null has no condition.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any as Anything
from typing import Final

import pyarrow as pa

from tablestore.filter.condition import All, Among, Any, Compare, Condition, Constant, Not, Operator, Prefix
from tablestore.types import HINT_DECIMAL, HINT_SIGNED, HINT_UNSIGNED, ColumnType, Plain, plain_value


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed range of plain values of a column (see `types.plain_value`); None is open."""

    low: Anything
    high: Anything


# Of each column that has a condition, the intervals in ascending order, disjoint; columns that are missing
# may have any value. None instead of the mapping: no row can qualify.
Domains = dict[str, list[Interval]]

EVERYTHING: Final = Interval(None, None)
_INVERSE: Final[dict[Operator, Operator]] = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_UNITS: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
# Beyond this not every integer is a float64, and a comparison of the two is not exact.
_EXACT_FLOAT: Final = 1 << 53
_DECIMALS: Final = decimal.Context(prec=120)
_CODE_POINT_MAX: Final = 0x10FFFF


def domains_of(condition: Condition, types: Mapping[str, ColumnType]) -> Domains | None:
    """The values that columns must have where the condition is true."""
    return _domains(condition, types, True)


def _domains(condition: Condition, types: Mapping[str, ColumnType], wanted: bool) -> Domains | None:
    """The values where the condition is true, or where it is false (and not null)."""
    if isinstance(condition, Not):
        return _domains(condition.part, types, not wanted)
    if isinstance(condition, (All, Any)):
        parts = [_domains(part, types, wanted) for part in condition.parts]
        return _all_of(parts) if isinstance(condition, All) == wanted else _one_of(parts)
    if isinstance(condition, Constant):
        return {} if condition.value is wanted else None
    if isinstance(condition, Compare) and condition.column in types:
        operator = condition.operator if wanted else _INVERSE[condition.operator]
        # Not less is not the same as greater or equal for NaN.
        if wanted or not types[condition.column].floating:
            return _one_column(
                condition.column, _compared(operator, condition.value, types[condition.column])
            )
    elif isinstance(condition, Among) and wanted and not condition.null and condition.column in types:
        return _one_column(condition.column, _among(condition.values, types[condition.column]))
    elif isinstance(condition, Prefix) and wanted and condition.column in types:
        return _one_column(condition.column, _prefixed(condition, types[condition.column]))
    return {}


def _one_column(name: str, intervals: list[Interval]) -> Domains | None:
    if EVERYTHING in intervals:
        return {}
    return {name: intervals} if intervals else None


def _all_of(parts: Iterable[Domains | None]) -> Domains | None:
    result: Domains = {}
    for part in parts:
        if part is None:
            return None
        for name, intervals in part.items():
            both = _intersection(result[name], intervals) if name in result else intervals
            if not both:
                return None
            result[name] = both
    return result


def _one_of(parts: Iterable[Domains | None]) -> Domains | None:
    possible = [part for part in parts if part is not None]
    if not possible:
        return None
    shared = set(possible[0]).intersection(*possible[1:])
    joined = {name: _union(i for part in possible for i in part[name]) for name in shared}
    return {name: intervals for name, intervals in joined.items() if EVERYTHING not in intervals}


# ---- algebra of sorted, disjoint, closed intervals


def _union(intervals: Iterable[Interval]) -> list[Interval]:
    given = list(intervals)
    lowest = [interval for interval in given if interval.low is None]
    rest = sorted(
        (interval for interval in given if interval.low is not None), key=lambda interval: interval.low
    )
    result: list[Interval] = []
    for interval in [*lowest, *rest]:
        last = result[-1] if result else None
        if last is None or (last.high is not None and interval.low is not None and interval.low > last.high):
            result.append(interval)
        elif last.high is not None and (interval.high is None or interval.high > last.high):
            result[-1] = Interval(last.low, interval.high)
    return result


def _intersection(left: list[Interval], right: list[Interval]) -> list[Interval]:
    result = []
    i = j = 0
    while i < len(left) and j < len(right):
        low = _higher(left[i].low, right[j].low)
        high = _lower(left[i].high, right[j].high)
        if low is None or high is None or low <= high:
            result.append(Interval(low, high))
        if right[j].high is None or (left[i].high is not None and left[i].high <= right[j].high):
            i += 1
        else:
            j += 1
    return result


def _higher(left: Anything, right: Anything) -> Anything:
    if left is None or right is None:
        return right if left is None else left
    return max(left, right)


def _lower(left: Anything, right: Anything) -> Anything:
    if left is None or right is None:
        return right if left is None else left
    return min(left, right)


# ---- one comparison


def _compared(operator: Operator, value: pa.Scalar, column_type: ColumnType) -> list[Interval]:
    """The values v of the column for which `v operator value` can be true."""
    place = _place(value, column_type) if operator != "!=" else None
    if place is None:
        return [EVERYTHING]
    above, below = place
    least, most = _range(column_type)
    if operator == "=":
        # Between two neighbouring values of the type there is nothing that could be equal.
        possible = above <= below and (least is None or least <= above <= most)
        return [Interval(above, below)] if possible else []
    if operator in ("<", "<="):
        if least is not None and below < least:
            return []
        return [Interval(None, below if most is None or below < most else None)]
    if most is not None and above > most:
        return []
    return [Interval(above if least is None or above > least else None, None)]


def _range(column_type: ColumnType) -> tuple[Anything | None, Anything | None]:
    """Least and greatest value of a type of numbers, (None, None) for others."""
    if column_type.hint == HINT_DECIMAL:
        most = decimal.Decimal(10**column_type.limit - 1).scaleb(-column_type.scale, _DECIMALS)
        return -most, most
    if column_type.kind != "fixed" or column_type.hint not in (HINT_UNSIGNED, HINT_SIGNED):
        return None, None
    values = 1 << (8 * column_type.width)
    return (-values // 2, values // 2 - 1) if column_type.signed else (0, values - 1)


def _among(values: pa.Array, column_type: ColumnType) -> list[Interval]:
    plain = values.type.equals(column_type.arrow) and not column_type.floating
    if plain and (column_type.kind == "variable" or pa.types.is_integer(values.type)):
        return [Interval(value, value) for value in sorted(set(values.to_pylist()))]
    return _union(interval for value in values for interval in _compared("=", value, column_type))


def _place(value: pa.Scalar, column_type: ColumnType) -> tuple[Anything, Anything] | None:
    """(least value that is not less, greatest that is not greater) of the column, or None if that is not
    known.

    If the type has the value both are it; if the value lies between two values of the type the first is the
    upper one.
    """
    if pa.types.is_dictionary(value.type):
        value = value.value
    source, target = value.type, column_type.arrow
    if column_type.nested:
        return None
    if source.equals(target):
        plain = plain_value(value, column_type)
        return None if plain is None or plain != plain else _widened(plain, column_type)
    if pa.types.is_integer(target) or pa.types.is_decimal(target):
        return _number_place(value, column_type)
    if column_type.floating and (pa.types.is_integer(source) or pa.types.is_floating(source)):
        number = value.as_py()
        if isinstance(number, int) and abs(number) > _EXACT_FLOAT:
            return None
        return None if math.isnan(number) else _widened(float(number), column_type)
    if column_type.kind == "variable":
        return _text_place(value.as_py(), column_type)
    if pa.types.is_timestamp(target) and pa.types.is_timestamp(source):
        same = (source.tz is None) == (target.tz is None)
        return _scaled(value.value, _UNITS[target.unit], _UNITS[source.unit]) if same else None
    if pa.types.is_time(target) and pa.types.is_time(source):
        return _scaled(value.value, _UNITS[target.unit], _UNITS[source.unit])
    return None


def _widened(value: Plain, column_type: ColumnType) -> tuple[Plain, Plain]:
    """A float may be compared in half its width: both it and its neighbour there are meant."""
    if not isinstance(value, float) or math.isinf(value):
        return value, value
    narrow = _as_float32(value)
    return min(value, narrow), max(value, narrow)


def _as_float32(value: float) -> float:
    number: float = pa.scalar(value, pa.float64()).cast(pa.float32(), safe=False).as_py()
    return number


def _number_place(value: pa.Scalar, column_type: ColumnType) -> tuple[Plain, Plain] | None:
    number = value.as_py()
    if isinstance(number, bool) or not isinstance(number, (int, float, decimal.Decimal)):
        return None
    # Decimals are compared with floats as floats, which is not exact.
    if isinstance(number, float) and (column_type.hint == HINT_DECIMAL or not abs(number) < _EXACT_FLOAT):
        return None
    if column_type.hint != HINT_DECIMAL:
        return math.ceil(number), math.floor(number)
    step = decimal.Decimal(1).scaleb(-column_type.scale, _DECIMALS)
    exact = decimal.Decimal(number)
    if exact.adjusted() > 76:
        return None
    low = exact.quantize(step, decimal.ROUND_CEILING, _DECIMALS)
    return low, exact.quantize(step, decimal.ROUND_FLOOR, _DECIMALS)


def _text_place(value: object, column_type: ColumnType) -> tuple[Plain, Plain] | None:
    if column_type.utf8:
        return (value, value) if isinstance(value, str) else None
    if isinstance(value, str):
        value = value.encode()
    return (value, value) if isinstance(value, bytes) else None


def _scaled(value: int, per_second: int, source_per_second: int) -> tuple[int, int]:
    numerator = value * per_second
    return -(-numerator // source_per_second), numerator // source_per_second


def _prefixed(condition: Prefix, column_type: ColumnType) -> list[Interval]:
    prefix = condition.prefix
    if column_type.kind != "variable" or not prefix:
        return [EVERYTHING]
    if column_type.utf8:
        return [Interval(prefix, prefix if condition.whole else _next_text(prefix))]
    data = prefix.encode()
    return [Interval(data, data if condition.whole else _next_bytes(data))]


def _next_bytes(prefix: bytes) -> bytes | None:
    """The least byte string greater than all that begin with the prefix."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else None


def _next_text(prefix: str) -> str | None:
    """A text greater than all that begin with the prefix."""
    while prefix:
        following = ord(prefix[-1]) + 1
        if following == 0xD800:  # surrogates are no characters
            following = 0xE000
        if following <= _CODE_POINT_MAX:
            return prefix[:-1] + chr(following)
        prefix = prefix[:-1]
    return None
