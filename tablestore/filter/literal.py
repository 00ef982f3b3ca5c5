"""Comparisons of a column with a literal of a filter text, in the column's own type.

A number that the column's type does not have, such as 5.5 or 300 for an int8, is moved to the next that it
has, so that the comparison stays exact and nothing overflows.
"""

from __future__ import annotations

import decimal
import re
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from tablestore.filter.condition import Operator

LiteralKind = Literal["number", "text", "bytes", "bool", "null"]

_DECIMALS = decimal.Context(prec=200)
_TIME = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?")
_TIME_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}


@dataclass(frozen=True)
class LiteralValue:
    """A literal as written: number has a Decimal, text a str, bytes a bytes, bool a bool."""

    kind: LiteralKind
    value: decimal.Decimal | str | bytes | bool | None


class UnfitError(Exception):
    """A literal does not fit the column; the message says why."""


def compare(
    column: pc.Expression, arrow: pa.DataType, operator: Operator, literal: LiteralValue
) -> pc.Expression:
    """column `operator` literal. Raises UnfitError."""
    if literal.kind == "null":
        raise UnfitError("comparing with NULL is never true: write IS NULL")
    if literal.kind == "number" and (pa.types.is_integer(arrow) or pa.types.is_decimal(arrow)):
        return _compare_number(column, arrow, operator, literal)
    return apply(operator, column, scalar_of(literal, arrow))


def apply(operator: Operator, left: pc.Expression, right: pc.Expression | pa.Scalar) -> pc.Expression:
    """The comparison as an expression."""
    if operator in ("=", "!="):
        return left == right if operator == "=" else left != right
    if operator in ("<", "<="):
        return left < right if operator == "<" else left <= right
    return left > right if operator == ">" else left >= right


def always(column: pc.Expression, value: bool) -> pc.Expression:
    """A constant that is null where the column is, as a comparison with it would be."""
    return pc.if_else(column.is_valid(), pc.scalar(value), pc.scalar(pa.scalar(None, pa.bool_())))


def scalar_of(literal: LiteralValue, arrow: pa.DataType) -> pa.Scalar:
    """The literal as a scalar of the column's type. Raises UnfitError if it has no such value."""
    value = literal.value
    try:
        if literal.kind == "number" and isinstance(value, decimal.Decimal):
            if pa.types.is_floating(arrow):
                return pa.scalar(float(value), arrow)
            if pa.types.is_decimal(arrow):
                return pa.scalar(value, arrow)
            if pa.types.is_integer(arrow) and value == value.to_integral_value():
                return pa.scalar(int(value), arrow)
        elif (literal.kind == "bool" and pa.types.is_boolean(arrow)) or (
            literal.kind == "bytes" and (pa.types.is_binary(arrow) or pa.types.is_fixed_size_binary(arrow))
        ):
            return pa.scalar(value, arrow)
        elif literal.kind == "text" and isinstance(value, str):
            return _text_scalar(value, arrow)
    except (pa.ArrowException, OverflowError, ValueError) as error:
        raise UnfitError(f"it is no value of type {arrow}: {error}") from None
    raise UnfitError(f"a {literal.kind} cannot be compared with a column of type {arrow}")


def _text_scalar(text: str, arrow: pa.DataType) -> pa.Scalar:
    if pa.types.is_string(arrow):
        return pa.scalar(text, arrow)
    if pa.types.is_decimal(arrow):
        return pa.scalar(decimal.Decimal(text), arrow)
    if pa.types.is_timestamp(arrow) and arrow.tz is not None:
        return _zoned(text, arrow)
    if pa.types.is_time(arrow):
        return _time(text, arrow)
    if pa.types.is_temporal(arrow):
        return pa.scalar(text).cast(arrow)
    raise UnfitError(f"a text cannot be compared with a column of type {arrow}")


def _time(text: str, arrow: pa.DataType) -> pa.Scalar:
    match = _TIME.fullmatch(text)
    if match is None:
        raise UnfitError("a time is written as '13:45:00' or '13:45:00.250'")
    hours, minutes, seconds = int(match[1]), int(match[2]), int(match[3] or 0)
    digits = _TIME_DIGITS[arrow.unit]
    fraction = (match[4] or "").rstrip("0")
    if hours > 23 or minutes > 59 or seconds > 59 or len(fraction) > digits:
        raise UnfitError(f"it is no value of type {arrow}")
    whole = (hours * 60 + minutes) * 60 + seconds
    return pa.scalar(whole * 10**digits + int(fraction.ljust(digits, "0") or 0), arrow)


def _zoned(text: str, arrow: pa.DataType) -> pa.Scalar:
    """An instant: with its own offset, or else in UTC."""
    try:
        return pa.scalar(text).cast(arrow)
    except pa.ArrowInvalid:
        naive = pa.scalar(text).cast(pa.timestamp(arrow.unit))
        return pa.scalar(naive.value, arrow)


def _compare_number(
    column: pc.Expression, arrow: pa.DataType, operator: Operator, literal: LiteralValue
) -> pc.Expression:
    """Exact comparison of an integer or decimal column with any number."""
    assert isinstance(literal.value, decimal.Decimal)
    scale = arrow.scale if pa.types.is_decimal(arrow) else 0
    least, most = _range(arrow)
    if literal.value.adjusted() + scale > 100:
        unscaled, exact = (most + 1 if literal.value > 0 else least - 1), False
    else:
        moved = literal.value.scaleb(scale, _DECIMALS)
        unscaled = int(moved.to_integral_value(decimal.ROUND_FLOOR))
        exact = moved == unscaled
    if operator in ("=", "!="):
        if not exact or not least <= unscaled <= most:
            return always(column, operator == "!=")
        return apply(operator, column, _unscaled_scalar(unscaled, arrow, scale))
    # With the floor f of a value between two numbers: v < value and v <= value are v <= f, the others v > f.
    if not exact:
        operator = "<=" if operator in ("<", "<=") else ">"
    if unscaled < least:
        return always(column, operator in (">", ">="))
    if unscaled > most:
        return always(column, operator in ("<", "<="))
    return apply(operator, column, _unscaled_scalar(unscaled, arrow, scale))


def _unscaled_scalar(unscaled: int, arrow: pa.DataType, scale: int) -> pa.Scalar:
    if pa.types.is_integer(arrow):
        return pa.scalar(unscaled, arrow)
    return pa.scalar(decimal.Decimal(unscaled).scaleb(-scale, _DECIMALS), arrow)


def _range(arrow: pa.DataType) -> tuple[int, int]:
    if pa.types.is_decimal(arrow):
        return 1 - 10**arrow.precision, 10**arrow.precision - 1
    values = 1 << arrow.bit_width
    return (-values // 2, values // 2 - 1) if pa.types.is_signed_integer(arrow) else (0, values - 1)
