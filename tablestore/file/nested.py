"""Chunks of list, struct and map columns (spec §5.3): a tree of chunks, taken apart and put together per block."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore._native import block
from tablestore.errors import FormatError, LimitExceededError
from tablestore.file import sst
from tablestore.file import vector as vectors
from tablestore.file.vector import Vector
from tablestore.types import ColumnType

KIND_LIST = 3
KIND_STRUCT = 4
DEPTH_MAX = 32


def encode_chunks(vector: Vector, block_end: npt.NDArray[np.int64], level: int) -> Any:
    """Encode a nested column; the same tuple as `_native.block.encode_fixed`."""
    assert vector.nested is not None
    chunks: list[bytes] = []
    raw_sizes: list[int] = []
    null_counts: list[int] = []
    start = 0
    for stop in block_end.tolist():
        array = vector.nested.slice(start, stop - start)
        chunk, raw_size = _encode(array, vector.type, level)
        chunks.append(chunk)
        raw_sizes.append(raw_size)
        null_counts.append(array.null_count)
        start = stop
    count = len(chunks)
    zeros = np.zeros(count, np.uint64)
    size = np.array([len(chunk) for chunk in chunks], np.uint32)
    data = np.frombuffer(b"".join(chunks), np.uint8)
    nulls = np.array(null_counts, np.uint32)
    return data, size, np.array(raw_sizes, np.uint32), nulls, zeros, zeros, np.zeros(count, np.uint8)


def decode_chunk(
    chunk: npt.NDArray[np.uint8], column_type: ColumnType, rows: int, nullable: bool, depth: int = 0
) -> tuple[pa.Array, int]:
    """One chunk as an Arrow array and its raw size; FormatError offsets count from the chunk's start."""
    if depth > DEPTH_MAX:
        raise LimitExceededError("chunks nest too deep", code="limit-exceeded", offset=0, section="0.5")
    if rows == 0:
        if chunk.tobytes() != _empty_header(column_type):
            raise FormatError("a chunk without rows is not empty", code="bad-value", offset=0, section="5.3")
        return pa.array([], column_type.arrow), 0
    if column_type.kind not in ("list", "struct"):
        return _decode_leaf(chunk, column_type, rows, nullable)
    kind, width, stored_rows, validity, lengths, children = block.open_nested(chunk)
    _check_shape(column_type, kind, width, stored_rows, rows)
    if validity is not None and not nullable:
        raise FormatError("null in a required field", code="null-in-required", offset=8, section="5.3")
    if column_type.kind == "struct":
        return _decode_struct(chunk, column_type, rows, validity, children, depth)
    assert lengths is not None
    total = int(lengths.sum(dtype=np.uint64))
    if total > np.iinfo(np.int32).max:
        raise LimitExceededError("too many list elements", code="limit-exceeded", offset=8, section="0.5")
    offsets = np.zeros(rows + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    if validity is not None:
        present = np.unpackbits(validity, count=rows, bitorder="little")
        if np.any(lengths[present == 0]):
            raise FormatError("a null list has elements", code="bad-value", offset=8, section="5.3")
    (start, size) = children[0]
    element = column_type.children[0]
    child, child_raw = _located(chunk, start, size, element.type, total, element.nullable, depth)
    buffers = [_buffer(validity), pa.py_buffer(offsets)]
    array = pa.Array.from_buffers(column_type.arrow, rows, buffers, children=[child])
    return array, 4 * rows + child_raw


def _decode_struct(
    chunk: npt.NDArray[np.uint8],
    column_type: ColumnType,
    rows: int,
    validity: npt.NDArray[np.uint8] | None,
    children: list[tuple[int, int]],
    depth: int,
) -> tuple[pa.Array, int]:
    arrays = []
    raw_size = 0
    for field, (start, size) in zip(column_type.children, children, strict=True):
        child, child_raw = _located(chunk, start, size, field.type, rows, field.nullable, depth)
        arrays.append(child)
        raw_size += child_raw
    return pa.Array.from_buffers(column_type.arrow, rows, [_buffer(validity)], children=arrays), raw_size


def _located(
    chunk: npt.NDArray[np.uint8],
    start: int,
    size: int,
    child: ColumnType,
    rows: int,
    nullable: bool,
    depth: int,
) -> tuple[pa.Array, int]:
    try:
        return decode_chunk(chunk[start : start + size], child, rows, nullable, depth + 1)
    except FormatError as error:
        error.offset = start + (error.offset or 0)
        raise


def _check_shape(column_type: ColumnType, kind: int, width: int, stored_rows: int, rows: int) -> None:
    expected_kind = KIND_STRUCT if column_type.kind == "struct" else KIND_LIST
    expected_width = len(column_type.children) if column_type.kind == "struct" else 0
    if kind != expected_kind or width != expected_width:
        raise FormatError(
            "the chunk is not of the column's type", code="schema-mismatch", offset=0, section="5.3"
        )
    if stored_rows != rows:
        raise FormatError(
            f"chunk has {stored_rows} rows, not {rows}", code="count-mismatch", offset=4, section="5.3"
        )


def _decode_leaf(
    chunk: npt.NDArray[np.uint8], column_type: ColumnType, rows: int, nullable: bool
) -> tuple[pa.Array, int]:
    vector, raw_size = decode_leaves(chunk, column_type, rows, nullable)
    return vector.to_arrow(), raw_size


def decode_leaves(
    chunk: npt.NDArray[np.uint8], column_type: ColumnType, rows: int, nullable: bool
) -> tuple[Vector, int]:
    """One leaf chunk whose raw size no directory tells."""
    offset = np.zeros(1, np.uint64)
    size = np.array([len(chunk)], np.uint32)
    count = np.array([rows], np.uint32)
    skip = np.zeros(1, np.uint32)
    if column_type.kind == "fixed":
        if rows * column_type.width > sst.CHUNK_SIZE_MAX:
            raise LimitExceededError(
                "a chunk is beyond the limit", code="limit-exceeded", offset=4, section="0.5"
            )
        values, validity, _ = block.decode_fixed(
            chunk,
            offset,
            size,
            count,
            skip,
            count,
            column_type.width,
            nullable,
            column_type.check,
            column_type.limit,
        )
        return Vector(column_type, rows, values, validity=validity), rows * column_type.width
    if column_type.kind == "bits":
        values, validity, _ = block.decode_bits(chunk, offset, size, count, skip, count, nullable)
        return Vector(column_type, rows, values, validity=validity), (rows + 7) // 8
    offsets, data, validity, _ = block.decode_variable(
        chunk, offset, size, count, skip, count, None, nullable, column_type.utf8
    )
    return Vector(column_type, rows, data, offsets, validity), int(offsets[-1])


def _empty_header(column_type: ColumnType) -> bytes:
    """The whole chunk of a child without rows."""
    kind = {"bits": 0, "fixed": 1, "variable": 2, "list": KIND_LIST, "struct": KIND_STRUCT}[column_type.kind]
    return struct.pack("<BBHI", kind, 0, _width(column_type), 0)


def _width(column_type: ColumnType) -> int:
    """The width field of a chunk's header (spec §5.3)."""
    return len(column_type.children) if column_type.kind == "struct" else column_type.width


def _buffer(validity: npt.NDArray[np.uint8] | None) -> pa.Buffer | None:
    return None if validity is None else pa.py_buffer(validity)


def _encode(array: pa.Array, column_type: ColumnType, level: int, nullable: bool = True) -> tuple[bytes, int]:
    """One chunk of `array` and its raw size. What is not nullable may be null under a null parent: it is written as
    zero, empty text or empty list there."""
    rows = len(array)
    if rows == 0:
        return _empty_header(column_type), 0
    if column_type.kind not in ("list", "struct"):
        return _encode_leaf(array, column_type, level, nullable)
    validity = None
    if array.null_count and nullable:
        present = np.asarray(array.is_valid().to_numpy(zero_copy_only=False), bool)
        validity = np.packbits(present, bitorder="little")
    if column_type.kind == "struct":
        parts = [
            _encode(array.field(index), field.type, level, field.nullable)
            for index, field in enumerate(column_type.children)
        ]
        chunk = block.seal_nested(KIND_STRUCT, len(parts), rows, validity, None, [part for part, _ in parts])
        return chunk, sum(raw for _, raw in parts)
    lengths, child = _list_parts(array)
    element = column_type.children[0]
    part, raw = _encode(child, element.type, level, element.nullable)
    return block.seal_nested(KIND_LIST, 0, rows, validity, lengths, [part]), 4 * rows + raw


def _list_parts(array: pa.Array) -> tuple[npt.NDArray[np.uint32], pa.Array]:
    """Element counts (0 for nulls) and exactly the elements of the non-null lists, in order."""
    offsets = np.frombuffer(array.buffers()[1], np.int32, len(array) + 1, array.offset * 4)
    lengths = np.diff(offsets)
    values = _all_elements(array)
    if array.null_count and lengths.any():
        present = np.asarray(array.is_valid().to_numpy(zero_copy_only=False), bool)
        if lengths[~present].any():
            kept = np.concatenate(
                [np.arange(a, b) for a, b, keep in zip(offsets, offsets[1:], present, strict=False) if keep]
                or [np.zeros(0, np.int64)]
            )
            return np.where(present, lengths, 0).astype(np.uint32), values.take(
                pa.array(kept.astype(np.int64))
            )
    return lengths.astype(np.uint32), values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))


def _all_elements(array: pa.Array) -> pa.Array:
    if not pa.types.is_map(array.type):
        return array.values
    entries = pa.struct([array.type.key_field, array.type.item_field])
    return pa.StructArray.from_arrays([array.keys, array.items], fields=list(entries))


def _without_nulls(array: pa.Array, column_type: ColumnType) -> Vector:
    if column_type.kind == "variable":
        return vectors.from_arrow(array.fill_null("" if column_type.utf8 else b""), column_type)
    vector = vectors.from_arrow(array, column_type)
    present = np.asarray(array.is_valid())
    if column_type.kind == "bits":
        values = vector.values & np.packbits(present, bitorder="little")
    else:
        values = vector.values.reshape(len(array), column_type.width) * present[:, None].view(np.uint8)
    return Vector(column_type, len(array), values.reshape(-1))


def _encode_leaf(array: pa.Array, column_type: ColumnType, level: int, nullable: bool) -> tuple[bytes, int]:
    rows = len(array)
    if array.null_count and not nullable:
        vector = _without_nulls(array, column_type)
    else:
        vector = vectors.from_arrow(array, column_type)
    end = np.array([rows], np.int64)
    if column_type.kind == "fixed":
        encoded = block.encode_fixed(
            vector.values, column_type.width, vector.validity, end, column_type.hint, level, False
        )
    elif column_type.kind == "bits":
        encoded = block.encode_bits(vector.values, vector.validity, end, level)
    else:
        encoded = block.encode_variable(vector.offsets, vector.values, vector.validity, end, level, False)
    return encoded[0].tobytes(), int(encoded[2][0])
