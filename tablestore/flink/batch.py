"""Rows between the connector and its worker in Arrow's memory layout (spec §16.5): no row and no value is copied."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore.conform import check_values
from tablestore.errors import FormatError, LimitExceededError, SchemaError
from tablestore.types import Field

ROWS_MAX: Final = 1 << 24
INSERT, UPDATE_BEFORE, UPDATE_AFTER, DELETE = range(4)

_HEAD: Final = struct.Struct("<II")
_ALIGNMENT: Final = 8

Kinds = npt.NDArray[np.uint8]


class Rows(NamedTuple):
    """A batch: its columns, and the kind of every row, uint8[n] (spec §5.6); None = all "+I"."""

    batch: pa.RecordBatch
    kinds: Kinds | None = None


# ---- receiving


def decode(payload: pa.Buffer, fields: Sequence[Field]) -> Rows:
    """The rows of a BATCH, as views of its payload: checked once, here (spec §16.5).

    fields: the columns that the batch is to have, in order. Raises FormatError if the payload is damaged, SchemaError
    if a value does not fit its column.
    """
    cursor = _Cursor(payload)
    kinds = cursor.kinds()
    columns = []
    for field in fields:
        try:
            column = cursor.column(field, cursor.rows, field.name)
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            raise cursor.bad(f"column {field.name!r}: {error}", _code(error)) from None
        check_values(column, field, 0)
        columns.append(column)
    cursor.end()
    schema = pa.schema([field.arrow for field in fields])
    if not columns:
        batch = pa.RecordBatch.from_struct_array(
            pa.StructArray.from_buffers(pa.struct([]), cursor.rows, [None])
        )
        return Rows(batch, kinds)
    return Rows(pa.RecordBatch.from_arrays(columns, schema=schema), kinds)


def _code(error: pa.ArrowInvalid) -> str:
    text = str(error)
    if "UTF8" in text or "UTF-8" in text:
        return "invalid-utf8"
    return "bad-value" if "precision" in text or "range" in text else "bad-batch"


class _Cursor:
    """Takes the buffers of a payload in order."""

    def __init__(self, payload: pa.Buffer) -> None:
        self._payload = payload
        self._next = 0
        if payload.size < _HEAD.size:
            raise self.bad("a batch without a head")
        view = memoryview(payload).cast("B")
        self.rows, count = _HEAD.unpack_from(view, 0)
        if self.rows > ROWS_MAX:
            raise LimitExceededError(
                f"a batch of {self.rows} rows, at most {ROWS_MAX} are possible",
                code="limit-exceeded",
                file="batch",
                offset=0,
                section="16.5",
            )
        start = _HEAD.size + 8 * count
        if start > payload.size:
            raise self.bad(f"the lengths of {count} buffers reach past the end")
        self._lengths: list[int] = np.frombuffer(view, "<u8", count, _HEAD.size).tolist()
        self._starts: list[int] = []
        for length in self._lengths:
            start = _aligned(start)
            self._starts.append(start)
            start += length
            if length and start > payload.size:
                raise self.bad("a buffer reaches past the end")
        if _aligned(start) < payload.size:
            raise self.bad("bytes are left over after the last buffer")

    def kinds(self) -> Kinds | None:
        data = self._take(self.rows, "row kinds", optional=True)
        if data is None:
            return None
        kinds: Kinds = np.frombuffer(data, np.uint8)
        if len(kinds) and kinds.max() > DELETE:
            raise self.bad("a row kind is none of 0 … 3", "bad-value")
        return kinds

    def column(self, field: Field, rows: int, name: str) -> pa.Array:
        """The array of a field that has `rows` values."""
        column_type = field.type
        arrow = column_type.arrow
        validity = self._take((rows + 7) >> 3, f"validity of {name!r}", optional=True)
        if column_type.kind == "bits":
            return pa.Array.from_buffers(arrow, rows, [validity, self._take((rows + 7) >> 3, name)])
        if column_type.kind == "fixed":
            return pa.Array.from_buffers(arrow, rows, [validity, self._take(rows * column_type.width, name)])
        if column_type.kind == "struct":
            children = [self.column(child, rows, f"{name}.{child.name}") for child in column_type.children]
            return self._array(field, rows, [validity], children, name)
        offsets = self._take(4 * (rows + 1), f"offsets of {name!r}")
        ends = np.frombuffer(offsets, "<i4")
        last = int(ends[-1])
        if ends[0] or last < 0:
            raise self.bad(f"the offsets of column {name!r} begin at {ends[0]} and end at {last}")
        if column_type.kind == "variable":
            return pa.Array.from_buffers(arrow, rows, [validity, offsets, self._take(last, name)])
        child = column_type.children[0]
        return self._array(
            field, rows, [validity, offsets], [self.column(child, last, f"{name}.{child.name}")], name
        )

    def _array(
        self, field: Field, rows: int, buffers: list[Any], children: list[pa.Array], name: str
    ) -> pa.Array:
        for child, array in zip(field.type.children, children, strict=True):
            if not child.nullable and array.null_count:
                raise SchemaError(f"column {name!r}: {child.name!r} may not be null")
        return pa.Array.from_buffers(field.type.arrow, rows, buffers, children=children)

    def _take(self, size: int, name: str, optional: bool = False) -> Any:
        """The next buffer, of exactly `size` bytes; None if it is optional and empty."""
        if self._next == len(self._lengths):
            raise self.bad(f"there is no buffer for {name}")
        start, length = self._starts[self._next], self._lengths[self._next]
        self._next += 1
        if optional and not length:
            return None
        if length != size:
            raise self.bad(f"the buffer of {name} has {length} bytes and not {size}")
        return self._payload.slice(start, length)

    def end(self) -> None:
        if self._next != len(self._lengths):
            raise self.bad(f"{len(self._lengths)} buffers and not {self._next}")

    def bad(self, message: str, code: str = "bad-batch") -> FormatError:
        return FormatError(message, code=code, file="batch", section="16.5")


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT


# ---- sending


def encode(rows: Rows) -> list[Any]:
    """The payload of a BATCH in parts, most of which are the buffers of the batch itself (spec §16.5).

    Columns must be of the canonical types of spec §2.2 (`types.Field.arrow`). Raises SchemaError for others.
    """
    buffers: list[Any] = [b"" if rows.kinds is None else np.ascontiguousarray(rows.kinds, np.uint8)]
    for column in rows.batch.columns:
        _put(column, buffers)
    sizes = [memoryview(buffer).nbytes for buffer in buffers]
    head = _HEAD.pack(rows.batch.num_rows, len(buffers)) + struct.pack(f"<{len(sizes)}Q", *sizes)
    parts: list[Any] = [head]
    for buffer, size in zip(buffers, sizes, strict=True):
        parts.append(buffer)
        if size % _ALIGNMENT:
            parts.append(bytes(_ALIGNMENT - size % _ALIGNMENT))
    return parts


def _put(column: pa.Array, buffers: list[Any]) -> None:
    """The buffers of a column in order, without what lies outside of its slice."""
    arrow, rows, offset = column.type, len(column), column.offset
    own = column.buffers()
    buffers.append(b"" if not column.null_count else _bits(own[0], offset, rows))
    if pa.types.is_boolean(arrow):
        buffers.append(_bits(own[1], offset, rows))
    elif pa.types.is_struct(arrow):
        for position in range(arrow.num_fields):
            _put(column.field(position), buffers)
    elif pa.types.is_string(arrow) or pa.types.is_binary(arrow):
        first, last = _put_offsets(own[1], offset, rows, buffers)
        buffers.append(own[2].slice(first, last - first) if last > first else b"")
    elif pa.types.is_list(arrow) or pa.types.is_map(arrow):
        first, last = _put_offsets(own[1], offset, rows, buffers)
        _put(column.values.slice(first, last - first), buffers)
    elif _is_fixed(arrow):
        width = arrow.bit_width >> 3
        buffers.append(own[1].slice(offset * width, rows * width) if rows else b"")
    else:
        raise SchemaError(f"a column of type {arrow} cannot be sent")


def _is_fixed(arrow: pa.DataType) -> bool:
    tests = pa.types
    plain = tests.is_integer(arrow) or tests.is_float32(arrow) or tests.is_float64(arrow)
    timed = tests.is_date32(arrow) or tests.is_time(arrow) or tests.is_timestamp(arrow)
    return bool(plain or timed or tests.is_decimal128(arrow) or tests.is_fixed_size_binary(arrow))


def _bits(buffer: pa.Buffer, offset: int, rows: int) -> Any:
    """A bitmap that begins with bit 0 of a byte."""
    size = (rows + 7) >> 3
    if not rows:
        return b""
    if not offset & 7:
        return buffer.slice(offset >> 3, size)
    last = (offset + rows + 7) >> 3
    packed = np.frombuffer(buffer, np.uint8, last - (offset >> 3), offset >> 3)
    bits = np.unpackbits(packed, bitorder="little")[offset & 7 :][:rows]
    return np.packbits(bits, bitorder="little")


def _put_offsets(buffer: pa.Buffer | None, offset: int, rows: int, buffers: list[Any]) -> tuple[int, int]:
    """Offsets that begin with zero; the range of the values that they cover."""
    if not rows or buffer is None:
        buffers.append(bytes(4))
        return 0, 0
    ends = np.frombuffer(buffer, "<i4", rows + 1, 4 * offset)
    first = int(ends[0])
    buffers.append(ends if not first else ends - np.int32(first))
    return first, int(ends[-1])
