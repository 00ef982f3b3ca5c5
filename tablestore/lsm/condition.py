"""A scan's filter, seen three ways: exactly, by the columns it needs, and by what it lets a plan leave out."""

from __future__ import annotations

import decimal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tablestore import types
from tablestore._native import hash as hashing
from tablestore.errors import FilterError
from tablestore.file import keys
from tablestore.file import vector as vectors
from tablestore.file.joint import Extent
from tablestore.file.schema import TableSchema
from tablestore.file.vector import Vector
from tablestore.filter import Interval, conditions_of, parse_filter
from tablestore.filter.condition import read_condition
from tablestore.lsm.comparison import Comparison, comparisons_of, decide
from tablestore.types import Field

_EXACT = decimal.Context(prec=80)
KEYS_MAX = 4096  # combinations of key values that are worth turning into buckets


@dataclass(frozen=True)
class Condition:
    """expression: what rows must fulfil. columns: names it may refer to. intervals: per column, closed ranges one of
    which a value must lie in for a row to qualify (necessary, never sufficient). comparisons: all that the expression
    says, or None if it says more."""

    expression: pc.Expression
    columns: tuple[str, ...]
    intervals: Mapping[str, Sequence[Interval]]
    comparisons: tuple[Comparison, ...] | None = None

    def mask_of(self, columns: Mapping[str, Vector], length: int) -> npt.NDArray[np.bool_]:
        """bool[length]: which rows of `columns`, all that the expression uses, fulfil it."""
        if self.comparisons:
            return decide(self.comparisons, columns)
        arrays = {name: column.to_arrow() for name, column in columns.items()}
        return self.mask(pa.table(arrays or {"__none": pa.nulls(length)}))

    def mask(self, table: pa.Table) -> npt.NDArray[np.bool_]:
        """bool[rows]: which rows fulfil the expression."""
        count = table.num_rows
        numbered = table.append_column("__row", pa.array(np.arange(count, dtype=np.uint32)))
        try:
            kept = numbered.filter(self.expression).column("__row")
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError) as error:
            raise FilterError(f"the filter cannot be applied: {error}") from None
        mask = np.zeros(count, bool)
        mask[kept.to_numpy()] = True
        return mask


def compile_condition(condition: Any, schema: TableSchema) -> Condition | None:
    """A Condition from a pyarrow Expression, a SQL-like text, or None."""
    if condition is None:
        return None
    if isinstance(condition, str):
        expression = parse_filter(condition, schema.arrow)
    elif isinstance(condition, pc.Expression):
        expression = condition
    else:
        raise FilterError(f"a filter is a text or a pyarrow Expression, not {type(condition).__name__}")
    text = str(expression)
    names = [field.name for field in schema.fields]
    used = tuple(names) if "FieldRef" in text else tuple(name for name in names if name in text)
    comparisons = comparisons_of(read_condition(expression), schema.fields)
    return Condition(expression, used, conditions_of(expression, schema.arrow), comparisons)


def key_buckets(condition: Condition | None, schema: TableSchema) -> frozenset[int] | None:
    """Buckets that rows of interest can be in, or None for all: the key columns are fixed to few values."""
    if condition is None:
        return None
    choices: list[list[Any]] = []
    total = 1
    for field in schema.key_fields:
        intervals = condition.intervals.get(field.name)
        if intervals is None or any(i.low is None or i.low != i.high for i in intervals):
            return None
        choices.append([interval.low for interval in intervals])
        total *= len(intervals)
    if total > KEYS_MAX:
        return None
    rows = list(product(*choices))
    if not rows:
        return frozenset()
    columns = [plain_column([row[i] for row in rows], field) for i, field in enumerate(schema.key_fields)]
    hashes = keys.encode(columns, len(rows)).hashes()
    return frozenset(hashing.buckets(hashes, schema.buckets).tolist())


def key_range(condition: Condition | None, schema: TableSchema) -> tuple[bytes | None, bytes | None]:
    """Bounds [low, high) of the keys of interest, from the first key column; None = open."""
    field = schema.key_fields[0]
    intervals = condition.intervals.get(field.name) if condition else None
    if not intervals:
        return None, None
    last = len(schema.key_fields) == 1
    lows = [None if i.low is None else _encode(field, i.low, last) for i in intervals]
    highs = [None if i.high is None else _encode(field, i.high, last) for i in intervals]
    low = None if None in lows else min(low for low in lows if low is not None)[: keys.BOUND_SIZE]
    high = None if None in highs else _after(max(high for high in highs if high is not None), field, last)
    return low, high


def plain_column(values: Sequence[Any], field: Field) -> Vector:
    """Plain values (`types.plain_value`, none of them null) as a column of the field's type.

    Decimals are made from their unscaled integers: Arrow refuses some of negative scale that it can hold.
    """
    if field.type.hint != types.HINT_DECIMAL:
        return vectors.from_arrow(pa.array(values, field.type.arrow), field.type)
    unscaled = [int(_EXACT.scaleb(value, field.type.scale)) for value in values]
    raw = b"".join(number.to_bytes(16, "little", signed=True) for number in unscaled)
    return Vector(field.type, len(values), np.frombuffer(raw, np.uint8))


def _encode(field: Field, value: Any, last: bool) -> bytes:
    """The value as the first component of an encoded key."""
    column = plain_column([value], field)
    if last:
        return keys.encode([column], 1).key(0)
    return keys.encode_tuples([column], 1).key(0)[1:]


def _after(encoded: bytes, field: Field, last: bool) -> bytes | None:
    """A bound greater than every key that begins with (or, for a last variable column, equals) `encoded`."""
    if last and field.type.kind == "variable" and len(encoded) < keys.BOUND_SIZE:
        return encoded + b"\0"
    number = int.from_bytes(encoded[: keys.BOUND_SIZE], "big") + 1
    size = min(len(encoded), keys.BOUND_SIZE)
    return number.to_bytes(size, "big") if number < 1 << (8 * size) else None


def matching_blocks(
    condition: Condition, fields: Mapping[str, Field], extent: Extent
) -> npt.NDArray[np.bool_]:
    """bool[blocks of the extent]: False where the statistics of a block rule out every row (spec §7.6)."""
    mask = np.ones(len(extent.block), bool)
    for name, intervals in condition.intervals.items():
        field = fields.get(name)
        if field is not None:
            mask &= may_match(intervals, field, *extent.joint.statistics(field, extent.block))
    return mask


def may_match(
    intervals: Sequence[Interval],
    field: Field,
    minimum: npt.NDArray[np.uint64],
    maximum: npt.NDArray[np.uint64],
    known: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_]:
    """Whether values between the ranks `minimum` and `maximum` can lie in one of the intervals."""
    result = ~known
    for interval in intervals:
        low = None if interval.low is None else types.rank_of(interval.low, field.type)
        high = None if interval.high is None else types.rank_of(interval.high, field.type)
        fits = np.ones(len(minimum), bool)
        if low is not None:
            fits &= maximum >= np.uint64(low)
        if high is not None:
            fits &= minimum <= np.uint64(high)
        result = result | fits
    return result
