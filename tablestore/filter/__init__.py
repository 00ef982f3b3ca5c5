"""Filters: texts in the manner of SQL, and what filters of any form say about single columns."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import SchemaError
from tablestore.filter.condition import read_condition
from tablestore.filter.intervals import Interval, domains_of
from tablestore.filter.text import parse_filter
from tablestore.types import ColumnType, from_arrow

__all__ = ["Interval", "conditions_of", "parse_filter"]


def conditions_of(condition: str | pc.Expression, schema: pa.Schema) -> dict[str, list[Interval]]:
    """Necessary conditions on single columns: in a row that qualifies, the value of each column named here is
    not null and lies in one of the column's intervals, which are ascending and disjoint.

    A column that may have any value is left out. If no row can qualify, every column has an empty list.
    """
    expression = parse_filter(condition, schema) if isinstance(condition, str) else condition
    types: dict[str, ColumnType] = {}
    for field in schema:
        try:
            types[field.name] = from_arrow(field.type, field.name)
        except SchemaError:
            continue
    domains = domains_of(read_condition(expression), types)
    return {name: [] for name in schema.names} if domains is None else domains
