"""Rows between the connector and its worker in Arrow's memory layout (spec §16.5): no row and no value is copied."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tablestore import counters, types
from tablestore.conform import VALUE_BYTES_MAX
from tablestore.errors import FormatError, LimitExceededError, SchemaError
from tablestore.file.vector import Vector
from tablestore.types import CHECK_BELOW, CHECK_PRECISION, ColumnType, Field

ROWS_MAX: Final = 1 << 24
INSERT, UPDATE_BEFORE, UPDATE_AFTER, DELETE = range(4)

_HEAD: Final = struct.Struct("<II")
_ALIGNMENT: Final = 8
_OWN_BUFFERS: Final = {"bits": 2, "fixed": 2, "variable": 3, "list": 2, "struct": 1}

Kinds = npt.NDArray[np.uint8]


class Rows(NamedTuple):
    """A batch: its columns, and the kind of every row, uint8[n] (spec §5.6); None = all "+I"."""

    batch: pa.RecordBatch
    kinds: Kinds | None = None


# ---- receiving


def decode(payload: pa.Buffer, fields: Sequence[Field]) -> Rows:
    """The rows of a BATCH, as views of its payload: checked once, here (spec §16.5).

    fields: the columns that the batch is to have, in order. Raises FormatError for what the section rejects.
    """
    buffers = _Buffers(payload, fields)
    kinds = buffers.kinds()
    counters.CONNECTOR_ROWS_RECEIVED.add(buffers.rows)
    columns = [buffers.column(field, buffers.rows, field.name, None) for field in fields]
    if not columns:
        return Rows(no_columns(buffers.rows), kinds)
    return Rows(
        pa.RecordBatch.from_arrays(columns, schema=pa.schema([field.arrow for field in fields])), kinds
    )


def no_columns(rows: int) -> pa.RecordBatch:
    """A batch of rows without columns."""
    return pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), rows, [None]))


def buffer_count(column_type: ColumnType) -> int:
    """Buffers of a column."""
    return _OWN_BUFFERS[column_type.kind] + sum(buffer_count(child.type) for child in column_type.children)


class _Buffers:
    """Takes the buffers of a payload in order, and makes arrays of them."""

    def __init__(self, payload: pa.Buffer, fields: Sequence[Field]) -> None:
        self._payload = payload
        self._taken = 0
        view = memoryview(payload).cast("B")
        if len(view) < _HEAD.size:
            raise _bad("a batch without a head", "truncated", len(view))
        self.rows, count = _HEAD.unpack_from(view, 0)
        if self.rows > ROWS_MAX:
            raise _too_large(f"a batch of {self.rows} rows, at most {ROWS_MAX} are possible", 0)
        wanted = 1 + sum(buffer_count(field.type) for field in fields)
        if count != wanted:
            raise _bad(f"a batch of {count} buffers, its columns have {wanted}", "count-mismatch", 4)
        end = _HEAD.size + 8 * count
        if end > len(view):
            raise _bad("the lengths of the buffers reach past the end", "truncated", _HEAD.size)
        self._lengths: list[int] = np.frombuffer(view, "<u8", count, _HEAD.size).tolist()
        self._starts: list[int] = []
        for length in self._lengths:
            start = _aligned(end)
            end = start + length
            if length and end > len(view):
                raise _bad("a buffer reaches past the end", "offset-out-of-range", start)
            self._starts.append(start)
        if len(view) - end >= _ALIGNMENT:
            raise _bad("bytes are left over after the last buffer", "trailing-bytes", end)

    def _take(self, size: int, name: str, what: str, optional: bool = False) -> Any:
        """The next buffer, of exactly `size` bytes; None if it is optional and empty."""
        start, length = self._starts[self._taken], self._lengths[self._taken]
        self._taken += 1
        if optional and not length:
            return None
        if length != size:
            raise _bad(f"{name!r}: {length} bytes of {what} and not {size}", "size-mismatch", start)
        return self._payload.slice(start if length else 0, length)

    def kinds(self) -> Kinds | None:
        data = self._take(self.rows, "batch", "row kinds", optional=True)
        if data is None:
            return None
        kinds: Kinds = np.frombuffer(data, np.uint8)
        if len(kinds) and kinds.max() > DELETE:
            raise _bad("a row kind above 3", "bad-value", self._starts[0])
        return kinds

    def column(self, field: Field, rows: int, name: str, parent: pa.Buffer | None) -> pa.Array:
        """The array of a field that has `rows` values. parent: validity of the struct that it belongs to."""
        column_type = field.type
        bitmap_size = (rows + 7) >> 3
        validity = self._take(bitmap_size, name, "validity", optional=True)
        if validity is not None and not field.nullable:
            _check_required(validity, rows, name, parent)
        make, arrow = pa.Array.from_buffers, column_type.arrow
        if column_type.kind == "bits":
            return make(arrow, rows, [validity, self._take(bitmap_size, name, "bits")])
        if column_type.kind == "fixed":
            column = make(arrow, rows, [validity, self._take(rows * column_type.width, name, "values")])
            _check_values(column, column_type, name)
            return column
        if column_type.kind == "struct":
            children = column_type.children
            arrays = [self.column(child, rows, f"{name}.{child.name}", validity) for child in children]
            return make(arrow, rows, [validity], children=arrays)
        offsets, last = self._offsets(rows, name)
        if column_type.kind == "variable":
            column = make(arrow, rows, [validity, offsets, self._take(last, name, "bytes")])
            _check_texts(column, column_type, name)
            return column
        child = column_type.children[0]
        return make(
            arrow,
            rows,
            [validity, offsets],
            children=[self.column(child, last, f"{name}.{child.name}", None)],
        )

    def _offsets(self, rows: int, name: str) -> tuple[pa.Buffer, int]:
        """The next buffer, and where its last offset ends."""
        place = self._taken
        offsets = self._take(4 * (rows + 1), name, "offsets")
        ends = np.frombuffer(offsets, "<i4")
        if ends[0] or (ends[1:] < ends[:-1]).any():
            message = f"the offsets of {name!r} do not begin with 0 or descend"
            raise _bad(message, "offset-out-of-range", self._starts[place])
        return offsets, int(ends[-1])


def _check_required(validity: pa.Buffer, rows: int, name: str, parent: pa.Buffer | None) -> None:
    """No null, except where the parent is null."""
    bits = np.unpackbits(np.frombuffer(validity, np.uint8), count=rows, bitorder="little")
    if parent is not None:
        bits |= 1 - np.unpackbits(np.frombuffer(parent, np.uint8), count=rows, bitorder="little")
    if not bits.all():
        raise _bad(f"{name!r} may not be null, row {int(bits.argmin())} of the batch is", "null-in-required")


def _check_values(column: pa.Array, column_type: ColumnType, name: str) -> None:
    """Decimals are within their precision, times within a day."""
    if column_type.check == CHECK_PRECISION:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            raise _bad(f"{name!r}: {error}", "bad-value") from None
    elif column_type.check == CHECK_BELOW and len(column) > column.null_count:
        limits = pc.min_max(column.view(pa.int32() if column_type.width == 4 else pa.int64())).as_py()
        if limits["min"] < 0 or limits["max"] >= column_type.limit:
            raise _bad(f"{name!r} holds a time outside of one day", "bad-value")


def _check_texts(column: pa.Array, column_type: ColumnType, name: str) -> None:
    """Text is UTF-8, no value is too long."""
    if column_type.utf8:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            raise _bad(f"{name!r}: {error}", "invalid-utf8") from None
    if column.nbytes > VALUE_BYTES_MAX:
        longest = pc.max(pc.binary_length(column)).as_py() or 0
        if longest > VALUE_BYTES_MAX:
            raise _too_large(
                f"{name!r} holds a value of {longest} bytes, at most {VALUE_BYTES_MAX} are possible", None
            )


def _bad(message: str, code: str, offset: int | None = None) -> FormatError:
    return FormatError(message, code=code, file="batch", offset=offset, section="16.5")


def _too_large(message: str, offset: int | None) -> LimitExceededError:
    return LimitExceededError(message, code="limit-exceeded", file="batch", offset=offset, section="16.5")


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT


# ---- sending


def encode(rows: Rows) -> list[Any]:
    """The payload of a BATCH in parts, most of which are the buffers of the batch itself (spec §16.5).

    Columns must be of the canonical types of spec §2.2 (`types.Field.arrow`). Raises SchemaError for others.
    """
    buffers: list[Any] = [b"" if rows.kinds is None else np.ascontiguousarray(rows.kinds, np.uint8)]
    for column in rows.batch.columns:
        if not _is_canonical(column.type):
            raise SchemaError(f"a column of type {column.type} cannot be sent")
        _put(column, buffers)
    return _parts(rows.batch.num_rows, buffers)


def encode_columns(rows: int, columns: Sequence[Vector]) -> list[Any]:
    """`encode` for rows of kind "+I" whose columns are not Arrow's yet: of use where there are few rows at a time."""
    buffers: list[Any] = [b""]
    for column in columns:
        if column.nested is not None:
            _put(column.nested, buffers)
            continue
        buffers.append(b"" if column.validity is None else column.validity)
        if column.type.kind == "variable":
            buffers.append(column.offsets)
        buffers.append(column.values)
    return _parts(rows, buffers)


def _parts(rows: int, buffers: Sequence[Any]) -> list[Any]:
    """Head, buffers and the gaps between them."""
    counters.CONNECTOR_ROWS_SENT.add(rows)
    sizes = [memoryview(buffer).nbytes for buffer in buffers]
    parts: list[Any] = [_HEAD.pack(rows, len(buffers)) + struct.pack(f"<{len(sizes)}Q", *sizes)]
    gap = 0
    for buffer, size in zip(buffers, sizes, strict=True):
        parts += (bytes(gap), buffer) if gap else (buffer,)
        gap = -size % _ALIGNMENT
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
    else:
        width = arrow.bit_width >> 3
        buffers.append(own[1].slice(offset * width, rows * width) if rows else b"")


@cache
def _is_canonical(arrow: pa.DataType) -> bool:
    """Whether a column of the type has the buffers of spec §16.5."""
    try:
        return bool(types.from_arrow(arrow).arrow == arrow)
    except SchemaError:
        return False


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
