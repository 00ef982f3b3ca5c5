"""Vectors of changes (spec ch. 14), answered by the comparison of images that reads of changes use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore import types
from tablestore.conformance import native_values
from tablestore.file import keys
from tablestore.file import vector as vectors
from tablestore.file.vector import Vector
from tablestore.ingest import ROW_KINDS
from tablestore.lsm.changes import difference_of
from tablestore.lsm.image import Image, Probes
from tablestore.types import ColumnType, Field

Input = Mapping[str, Any]
Visible = Mapping[str, list[Any]]  # key in hexadecimal → values of the visible row


@dataclass
class _Stored:
    """Rows in memory where an image expects those of files."""

    columns: dict[int, Vector]

    def column(self, field: Field) -> Vector:
        return self.columns[field.id]


def difference(
    given: Input, since: Sequence[Visible], until: Sequence[Visible], places: Sequence[Any]
) -> object:
    """The changes of the places, in order, from what is visible in each of them on both sides."""
    columns = [types.from_json(item) for item in given["types"]]
    fields = [Field(number, f"c{number}", column, True) for number, column in enumerate(columns)]
    shown = [fields[number] for number in given.get("columns", range(len(fields)))]
    found: list[object] = []
    for place, before, after in zip(places, since, until, strict=True):
        names = sorted({*before, *after}, key=bytes.fromhex)
        probes = _probes(names)
        rows = difference_of(
            _image(probes, names, before, fields), _image(probes, names, after, fields), len(names), shown
        )
        both = [*(name for name in names if name in before), *(name for name in names if name in after)]
        values = [native_values.array_forms(rows.column(field), field.type) for field in shown]
        for number, kind in enumerate(rows.kinds.tolist()):
            row = [column[number] for column in values]
            found.append([ROW_KINDS[kind], place[0], place[1], both[int(rows.index[number])], row])
    return found


def _probes(names: Sequence[str]) -> Probes:
    offsets, data = native_values.pack_variable([bytes.fromhex(name) for name in names])
    encoded = keys.ByteKeys(offsets.astype(np.int64), data)
    return Probes(encoded, encoded.hashes(), {})


def _image(probes: Probes, names: Sequence[str], visible: Visible, fields: Sequence[Field]) -> Image:
    probe: npt.NDArray[np.int64] = np.array([i for i, name in enumerate(names) if name in visible], np.int64)
    rows = [visible[names[i]] for i in probe.tolist()]
    stored = {
        field.id: _column(field.type, [row[number] for row in rows]) for number, field in enumerate(fields)
    }
    return Image(probes, probe, _Stored(stored))


def _column(column: ColumnType, values: list[Any]) -> Vector:
    if column.nested:
        return vectors.from_arrow(pa.array(values, column.arrow), column)
    return native_values.to_vector(column, values)
