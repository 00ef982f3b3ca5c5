"""The role `lookup`: rows by primary key for lookup joins, straight from the table's files (spec §16.11).

What is asked for again and again is kept decoded in memory, so that a request decodes nothing; after a commit only its
new files are read. A table too large for that is looked up block by block.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tablestore import types
from tablestore.errors import ConnectorError, FormatError
from tablestore.file import keys
from tablestore.file import vector as vectors
from tablestore.file.vector import Vector
from tablestore.flink import batch
from tablestore.flink.amounts import memory_of
from tablestore.flink.protocol import Connection, integer_of, text_of
from tablestore.flink.role import Reply
from tablestore.lsm.condition import Condition, compile_condition, plain_column
from tablestore.lsm.equality import rows_equal
from tablestore.lsm.lineage import Version
from tablestore.lsm.resident import Resident, ResidentFiles
from tablestore.table import Table
from tablestore.types import Field
from tablestore.view import View, newest_view

LOOKUP_MEMORY: Final = 512 << 20
LOOKUP_MEMORY_MIN: Final = 0

_POSITION: Final = types.from_json("int32")

Places = npt.NDArray[np.int64]
Columns = dict[str, Vector]


class LookupRole:
    """Answers requests `lookup`. Entries of the HELLO: `lookup-keys` and `lookup-columns` (JSON arrays of names: what
    a request's batch holds, and what the answer shall), `lookup-filter` (text, optional; it may fix columns of the
    primary key that the keys lack), `refresh-millis`."""

    def __init__(self, table: Table, hello: Mapping[str, bytes], connection: Connection) -> None:
        self._table = table
        fields = {field.name: field for field in table._core.schema.fields}
        self._asked = [field_of(fields, name) for name in names_of(hello, "lookup-keys")]
        self._shown = [field_of(fields, name) for name in names_of(hello, "lookup-columns")]
        self._keys = table._core.schema.key_fields
        self._others = [field for field in self._asked if field not in self._keys]
        filter_text = hello.get("lookup-filter", b"").decode()
        self._condition = compile_condition(filter_text or None, table._core.schema)
        self._constants = {
            field.name: constant_of(field, self._condition)
            for field in self._keys
            if field not in self._asked
        }
        lacking = [name for name, column in self._constants.items() if column is None]
        if lacking:
            raise ConnectorError(
                f"a lookup needs the whole primary key ({', '.join(table.primary_key)}); it lacks {', '.join(lacking)}",
                code="bad-message",
            )
        self._request = [replace(field, nullable=True) for field in self._asked]
        used = {
            *(self._condition.columns if self._condition else ()),
            *(field.name for field in self._others),
        }
        shown = {field.name for field in self._shown}
        self._found = [field for name, field in fields.items() if name in used or name in shown]
        stored = [field for field in self._found if field not in self._keys]
        memory = memory_of(hello, "lookup-memory", LOOKUP_MEMORY, LOOKUP_MEMORY_MIN)
        self._resident = ResidentFiles(table._core.cache, stored, memory)
        self._known: tuple[int, Resident | None] = 0, None
        self._source = _Source(table, integer_of(hello, "refresh-millis") / 1000)

    def batch(self, payload: pa.Buffer) -> None:
        """A lookup takes no rows by themselves."""
        raise FormatError("a batch without a request", code="bad-message", file="message", section="16.11")

    def request(self, op: str, values: Mapping[str, bytes], payload: pa.Buffer | None) -> Reply:
        """lookup: rows of the keys of the batch. RESPONSE: `version`; the rows come with the position of their key in
        the request as the first column, ascending."""
        if op != "lookup" or payload is None:
            raise FormatError(
                f"a request {op[:60]!r} is not one for rows by key",
                code="bad-message",
                file="message",
                section="16.11",
            )
        asked = batch.decode(payload, self._request).batch
        view = self._source.view()
        version, parts = view._reading(lambda version: (version.id, self._answer(version, asked)))
        return Reply({"version": version}, parts=parts)

    def close(self) -> None:
        """Let go of the snapshot."""
        self._source.close()

    def _answer(self, version: Version, asked: pa.RecordBatch) -> list[Any]:
        """The rows of one version whose columns are equal to those of a row that was asked for."""
        positions = _without_nulls(asked)
        if positions is not None:
            asked = asked.take(pa.array(positions))
        columns = {
            field.name: vectors.from_arrow(column, field.type)
            for field, column in zip(self._asked, asked.columns, strict=True)
        }
        for name, constant in self._constants.items():
            assert constant is not None
            columns[name] = constant.take(np.zeros(asked.num_rows, np.uint32))
        found, places = self._find(version, columns, asked.num_rows)
        kept = self._fitting(found, columns, places)
        if kept is not None:
            index = np.flatnonzero(kept).astype(np.uint32)
            found = {name: column.take(index) for name, column in found.items()}
            places = places[index]
        positions = places if positions is None else positions[places]
        position = Vector(_POSITION, len(positions), positions.astype(np.int32).view(np.uint8))
        return batch.encode_columns(len(positions), [position, *(found[field.name] for field in self._shown)])

    def _find(self, version: Version, asked: Columns, count: int) -> tuple[Columns, Places]:
        """Rows by primary key: the columns that are needed, and the place of each row's key among those asked for."""
        resident = self._decoded(version)
        wanted = [asked[field.name] for field in self._keys]
        if resident is None or not count:
            return self._search(version, wanted)
        file, row = resident.find(keys.encode(wanted, count))
        places = np.flatnonzero(file >= 0)
        if len(places) < count:
            file, row = file[places], row[places]
        found: Columns = {}
        for field in self._found:
            if field not in self._keys:
                found[field.name] = resident.column(field, file, row)
            elif len(places) < count:
                found[field.name] = asked[field.name].take(places.astype(np.uint32))
            else:
                found[field.name] = asked[field.name]
        return found, places

    def _search(self, version: Version, wanted: Sequence[Vector]) -> tuple[Columns, Places]:
        """The same from the files."""
        schema = pa.schema([field.arrow for field in self._keys])
        table = pa.Table.from_arrays([column.to_arrow() for column in wanted], schema=schema)
        fields = self._found or list(self._keys)  # rows without columns could not be counted
        rows, places = self._table._core.points(version.snapshot).find(table, fields)
        found = {
            field.name: vectors.from_arrow(rows.column(number).combine_chunks(), field.type)
            for number, field in enumerate(fields)
        }
        return found, places

    def _decoded(self, version: Version) -> Resident | None:
        """The files of a version in memory, or None if they have no room there."""
        if self._known[0] != version.id:
            self._known = version.id, self._resident.at(self._table._core.files(version.snapshot))
        return self._known[1]

    def _fitting(self, found: Columns, asked: Columns, places: Places) -> npt.NDArray[np.bool_] | None:
        """Which rows fulfil the filter and the other equalities of the join; None: there are none of either."""
        kept = None
        if self._condition is not None:
            used = {name: found[name] for name in self._condition.columns}
            kept = self._condition.mask_of(used, len(places))
        for field in self._others:
            mask = _equal(found[field.name], asked[field.name].take(places.astype(np.uint32)))
            kept = mask if kept is None else kept & mask
        return kept


class _Source:
    """The view that is read: always the newest snapshot, or one that is held until it is `seconds` old."""

    def __init__(self, table: Table, seconds: float) -> None:
        self._table = table
        self._seconds = seconds
        self._held: View | None = None
        self._since = 0.0

    def view(self) -> View:
        if not self._seconds:
            return self._table
        now = time.monotonic()
        if self._held is None or now - self._since >= self._seconds:
            if self._held is None or self._held.version != self._table.version:
                self._held = newest_view(self._table._core)
            self._since = now
        return self._held

    def close(self) -> None:
        self._held = None


def names_of(hello: Mapping[str, bytes], key: str) -> list[str]:
    """A JSON array of names. Raises FormatError."""
    try:
        names: Any = json.loads(text_of(hello, key))
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FormatError(
            f"the value of {key!r} is not a JSON array of names",
            code="bad-message",
            file="HELLO",
            section="16.11",
        )
    return names


def field_of(fields: Mapping[str, Field], name: str) -> Field:
    """A column of the table by name. Raises FormatError."""
    found = fields.get(name)
    if found is None:
        raise FormatError(
            f"the table has no column {name[:60]!r}", code="bad-message", file="HELLO", section="16.11"
        )
    return found


def constant_of(field: Field, condition: Condition | None) -> Vector | None:
    """The one value that a filter leaves for a column, as a column of one row; None if it leaves more."""
    intervals = condition.intervals.get(field.name) if condition else None
    if (
        not intervals
        or len(intervals) != 1
        or intervals[0].low is None
        or intervals[0].low != intervals[0].high
    ):
        return None
    return plain_column([intervals[0].low], field)


def _equal(left: Vector, right: Vector) -> npt.NDArray[np.bool_]:
    """Where SQL finds two columns equal; nothing of `right` is null."""
    if left.type.nested:
        return rows_equal(left, right)
    mask: npt.NDArray[np.bool_] = pc.fill_null(pc.equal(left.to_arrow(), right.to_arrow()), False).to_numpy(
        zero_copy_only=False
    )
    return mask


def _without_nulls(asked: pa.RecordBatch) -> Places | None:
    """Rows in which nothing is null: a null equals nothing. None: all of them."""
    if not any(column.null_count for column in asked.columns):
        return None
    valid = np.ones(asked.num_rows, bool)
    for column in asked.columns:
        valid &= column.is_valid().to_numpy(zero_copy_only=False)
    return np.flatnonzero(valid)
