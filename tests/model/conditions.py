"""Random filters over a layout's columns, as expressions and, where the grammar has them, as text."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tests.model import value_pool
from tests.model.layouts import Layout

_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


def comparison(name: str, operator: str, value: Any) -> pc.Expression:
    """name operator value."""
    field = pc.field(name)
    return {
        "==": field == value,
        "!=": field != value,
        "<": field < value,
        "<=": field <= value,
        ">": field > value,
        ">=": field >= value,
    }[operator]


def _scalar(layout: Layout, rows: pa.Table, name: str, source: random.Random) -> pa.Scalar:
    """A value of the column: one that occurs, mostly, or any."""
    kind = layout.schema.field(name).type
    if rows.num_rows and source.random() < 0.7:
        found = rows.column(name)[source.randrange(rows.num_rows)]
        if found.is_valid:
            return found
    return value_pool.to_array([value_pool.draw(kind, source, False)], kind)[0]


def leaf(layout: Layout, rows: pa.Table, source: random.Random) -> tuple[pc.Expression, str | None]:
    """One predicate; its text if the filter grammar can say it with plain literals."""
    field = source.choice(list(layout.schema))
    name = field.name
    quoted = '"' + name.replace('"', '""') + '"'
    if pa.types.is_nested(field.type) or source.random() < 0.1:
        if source.random() < 0.5:
            return pc.field(name).is_null(), f"{quoted} is null"
        return pc.field(name).is_valid(), f"{quoted} IS NOT NULL"
    if source.random() < 0.25:
        values = [_scalar(layout, rows, name, source) for _ in range(source.randint(1, 4))]
        texts = [_literal(value) for value in values]
        array = pa.concat_arrays([pa.repeat(value, 1) for value in values])
        text = None if None in texts else f"{quoted} in ({', '.join(str(t) for t in texts)})"
        return pc.field(name).isin(array), text
    operator = source.choice(_COMPARISONS)
    value = _scalar(layout, rows, name, source)
    literal = _literal(value)
    text = None if literal is None else f"{quoted} {operator} {literal}"
    return comparison(name, operator, value), text


def _literal(value: pa.Scalar) -> str | None:
    """The value in the filter grammar; None for types whose literals are not spelled here."""
    if pa.types.is_integer(value.type):
        return str(value.as_py())
    if pa.types.is_string(value.type) and "\0" not in value.as_py():
        return "'" + value.as_py().replace("'", "''") + "'"
    if pa.types.is_boolean(value.type):
        return str(value.as_py()).lower()
    return None


def condition(layout: Layout, rows: pa.Table, source: random.Random) -> tuple[pc.Expression, str | None]:
    """A filter of one to three predicates."""
    expression, text = leaf(layout, rows, source)
    for _ in range(source.choice((0, 0, 1, 2))):
        other, other_text = leaf(layout, rows, source)
        both = source.random() < 0.5
        expression = expression & other if both else expression | other
        word = "and" if both else "OR"
        text = None if None in (text, other_text) else f"({text}) {word} ({other_text})"
    if source.random() < 0.15:
        # The text has no part here: "not (x in (…))" is null for a null in SQL, and true in Arrow.
        expression, text = ~expression, None
    return expression, text
