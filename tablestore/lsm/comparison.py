"""Conditions that are decided on decoded values as they are: comparisons of columns with constants, joined by AND.

Everything else is Arrow's. The outcome is that of the Arrow expression, row by row: a row counts where it is true,
which it is not where a value is null.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore import types
from tablestore.file.vector import Vector
from tablestore.filter.condition import All, Among, Compare, Condition, Operator
from tablestore.types import ColumnType, Field

Mask = npt.NDArray[np.bool_]

AMONG_MAX: Final = 1024
_TESTS: Final[dict[Operator, Callable[[Any, Any], Any]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# Up to here every integer is one of the floats of a width.
_EXACT: Final = {4: 1 << 24, 8: 1 << 53}


@dataclass(frozen=True)
class Comparison:
    """A column against a number, or against several: a value must be one of these."""

    column: str
    dtype: str
    operator: Operator
    value: Any

    def mask(self, column: Vector) -> Mask:
        """bool[length]: where it is true."""
        values = column.typed(self.dtype)
        if isinstance(self.value, np.ndarray):
            found: Mask = np.isin(values, self.value)
        else:
            found = _TESTS[self.operator](values, self.value)
        if column.validity is not None:
            found &= np.unpackbits(column.validity, count=column.length, bitorder="little").view(bool)
        return found


def comparisons_of(condition: Condition, fields: Sequence[Field]) -> tuple[Comparison, ...] | None:
    """The comparisons that a condition consists of; None if it says anything that is not one of them."""
    found: list[Comparison] = []
    by_name = {field.name: field.type for field in fields}
    waiting = [condition]
    while waiting:
        part = waiting.pop()
        if isinstance(part, All):
            waiting.extend(part.parts)
            continue
        if not isinstance(part, (Compare, Among)):
            return None
        kind = by_name.get(part.column)
        comparison = None if kind is None else _comparison(part, kind)
        if comparison is None:
            return None
        found.append(comparison)
    return tuple(reversed(found))


def decide(comparisons: Sequence[Comparison], columns: Mapping[str, Vector]) -> Mask:
    """bool[length]: the rows for which all comparisons are true."""
    mask = comparisons[0].mask(columns[comparisons[0].column])
    for comparison in comparisons[1:]:
        mask &= comparison.mask(columns[comparison.column])
    return mask


def _comparison(part: Compare | Among, kind: ColumnType) -> Comparison | None:
    if kind.kind != "fixed" or kind.width not in (1, 2, 4, 8):
        return None
    if kind.hint in (types.HINT_OPAQUE, types.HINT_DECIMAL):
        return None
    dtype = f"{'f' if kind.floating else 'i' if kind.signed else 'u'}{kind.width}"
    if isinstance(part, Compare):
        value = _number(part.value, kind, dtype)
        return None if value is None else Comparison(part.column, dtype, part.operator, value)
    if part.null or len(part.values) > AMONG_MAX or kind.floating:
        return None
    numbers = [_number(value, kind, dtype) for value in part.values]
    if any(number is None for number in numbers):
        return None
    return Comparison(part.column, dtype, "=", np.array(numbers, dtype))


def _number(value: pa.Scalar, kind: ColumnType, dtype: str) -> Any:
    """The scalar as a number of the column's type that compares alike, or None."""
    source = value.type
    if not value.is_valid:
        return None
    if source.equals(kind.arrow):
        plain = value.as_py() if pa.types.is_integer(source) or kind.floating else value.value
        return np.array([plain], dtype)[0]
    if not pa.types.is_integer(source):
        return None
    number = value.as_py()
    if kind.floating:
        return np.array([number], dtype)[0] if abs(number) <= _EXACT[kind.width] else None
    if not pa.types.is_integer(kind.arrow) or pa.types.is_uint64(source) or pa.types.is_uint64(kind.arrow):
        return None
    limits = np.iinfo(dtype)
    return np.array([number], dtype)[0] if limits.min <= number <= limits.max else None
