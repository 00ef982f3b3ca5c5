"""Rows past their time (spec §13.9): which they are, and which files hold some."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tablestore.file.manifest import Entry
from tablestore.file.schema import TableSchema
from tablestore.file.sst import STATISTICS_ENTRY
from tablestore.file.vector import Vector
from tablestore.types import Field

_PER_MILLI = {"timestamp(ns": 1_000_000, "timestamp(us": 1_000, "timestamp(ms": 1, "int64": 1}
_MILLIS_OF = {"timestamp(s": 1_000, "date32": 86_400_000}
_SIGN = 1 << 63


@dataclass(frozen=True)
class Purge:
    """Rows whose `field` is less than `limit`, in the field's own unit, are past their time."""

    field: Field
    limit: int

    def kept(self, times: Vector) -> npt.NDArray[np.bool_]:
        """bool[n]: rows that stay; a row without a time stays for ever."""
        kept: npt.NDArray[np.bool_] = times.typed(f"i{self.field.type.width}") >= self.limit
        if times.validity is not None:
            kept |= np.unpackbits(times.validity, count=times.length, bitorder="little") == 0
        return kept

    def some_past(self, entry: Entry) -> bool:
        """Whether the file may hold a row past its time."""
        bounds = self._bounds(entry)
        return bounds is None or bounds[0] < self.limit

    def all_past(self, entry: Entry) -> bool:
        """Whether all rows of the file are past their time."""
        bounds = self._bounds(entry)
        return bounds is not None and bounds[1] < self.limit and bounds[2] == 0

    def _bounds(self, entry: Entry) -> tuple[int, int, int] | None:
        """Least and greatest time of a file, and rows without one (spec §9.5); None if that is not known."""
        for field, flags, nulls, low, high in np.frombuffer(entry.statistics, STATISTICS_ENTRY).tolist():
            if field == self.field.id:
                if flags & 1:
                    return low - _SIGN, high - _SIGN, nulls
                # No bounds: every row is without a time, or nothing is known.
                return (self.limit, self.limit, nulls) if nulls == entry.row_count else None
        return None


def purge_of(schema: TableSchema, now_millis: int) -> Purge | None:
    """What goes from a table now; None if rows live for ever."""
    options = schema.options
    if not options.ttl_millis:
        return None
    field = schema.field(options.ttl_column)
    return Purge(field, limit_of(field.type.name, now_millis - options.ttl_millis))


def limit_of(type_name: str, millis: int) -> int:
    """The least value of a time column that is not before `millis` since 1970 (spec §13.9)."""
    unit = type_name.rstrip(")").split(",")[0]
    limit = millis * _PER_MILLI[unit] if unit in _PER_MILLI else -(-millis // _MILLIS_OF[unit])
    return max(-(1 << 63), min(limit, (1 << 63) - 1))
