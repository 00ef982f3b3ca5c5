"""Spec chapter 5: chunks. Physical values on the inside (integers and bytes), Python values on the outside.

Floats are their bits as unsigned integers; a map is a list of tuples, a struct a tuple, a null None.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from tablestore.reference.cursor import Cursor, reject
from tablestore.reference.encoding import BITS, COUNTS, VARIABLE, Class, decode_node, fixed, fixed_values
from tablestore.reference.encoding_writer import choose_node, count_node
from tablestore.reference.primitive import CHILD_ROWS_MAX, CHUNK_BYTES_MAX, CHUNK_RAW_MAX, VALUE_BYTES_MAX
from tablestore.reference.stream import NONE
from tablestore.reference.type import KINDS, Type, from_physical, parse_type, to_physical

HEAD = struct.Struct("<BBHI")
HAS_VALIDITY = 1
ROW_KINDS = ("+I", "-U", "+U", "-D")

SEQUENCE = parse_type("uint64")
ROW_KIND = parse_type("uint8")


@dataclass(frozen=True)
class Chunk:
    """values: Python values, None for nulls; raw_size: spec §5.4; nulls: without those of children."""

    values: list[object]
    raw_size: int
    nulls: int


@dataclass
class _Budget:
    """Rows of child chunks that a chunk may still have (spec §0.5)."""

    rows: int = CHILD_ROWS_MAX


def decode_chunk(cursor: Cursor, type_: Type, nullable: bool, rows: int, *, row_kind: bool = False) -> Chunk:
    """The chunk that fills the cursor: `rows` values of a column. row_kind: values are 0 – 3."""
    if cursor.remaining > CHUNK_BYTES_MAX:
        reject("limit-exceeded", f"a chunk of {cursor.remaining} bytes", "0.5", cursor.offset)
    start = cursor.offset
    chunk = _decode(cursor, type_, nullable, rows, _Budget())
    for value in chunk.values if row_kind else ():
        if isinstance(value, int) and value > 3:
            reject("bad-value", f"row kind {value}", "5.5", start)
    return chunk


def _decode(cursor: Cursor, type_: Type, nullable: bool, rows: int, budget: _Budget) -> Chunk:
    start = cursor.offset
    if rows == 0:
        if cursor.take(cursor.remaining, "chunk without rows", "5.3") != chunk_head(type_, 0, False):
            reject("bad-value", "a chunk without rows is more than its header", "5.3", start)
        return Chunk([], 0, 0)
    kind = cursor.unsigned(1, "kind", "5.3")
    if kind != KINDS[type_.form]:
        reject("schema-mismatch", f"a chunk of kind {kind} in a column of {type_.name}", "5.3", start)
    flags = cursor.unsigned(1, "flags", "5.3")
    if flags > HAS_VALIDITY:
        reject("bad-zero", f"flags {flags:#x} of a chunk", "5.3", start + 1)
    width = cursor.unsigned(2, "width", "5.3")
    if width != type_.width:
        reject("schema-mismatch", f"a chunk of width {width} in a column of {type_.name}", "5.3", start + 2)
    found = cursor.unsigned(4, "rows", "5.3")
    if found != rows:
        reject("count-mismatch", f"a chunk of {found} rows, not {rows}", "5.3", start + 4)
    if flags and not nullable:
        reject("null-in-required", "a validity node in a column that is not nullable", "5.3", start + 1)
    if type_.form == "fixed" and rows * width > CHUNK_RAW_MAX:
        reject("limit-exceeded", f"{rows} rows of {width} bytes", "0.5", start + 4)
    valid = _read_validity(cursor, rows) if flags else [1] * rows
    if type_.form == "list":
        chunk = _decode_list(cursor, type_, valid, budget)
    elif type_.form == "struct":
        chunk = _decode_struct(cursor, type_, valid, budget)
    else:
        chunk = _decode_values(cursor, type_, valid)
    if chunk.raw_size > CHUNK_RAW_MAX:
        reject("limit-exceeded", f"a chunk of {chunk.raw_size} raw bytes", "0.5", start)
    return chunk


def _read_validity(cursor: Cursor, rows: int) -> list[int]:
    start = cursor.offset
    valid = [int(bit) for bit in decode_node(cursor, BITS, rows, "validity")]
    if 0 not in valid:
        reject("bad-value", "a validity node without a null", "5.3", start)
    return valid


def _decode_values(cursor: Cursor, type_: Type, valid: list[int]) -> Chunk:
    start = cursor.offset
    rows = len(valid)
    stored: Sequence[int | bytes] = decode_node(cursor, class_of(type_), rows, "values")
    cursor.finish("5.3")
    values: list[object] = []
    for raw, present in zip(stored, valid, strict=True):
        if not present and isinstance(raw, bytes) and raw:
            reject("bad-value", "a null has bytes", "5.3", start)
        values.append(_checked(type_, raw, start) if present else None)
    return Chunk(values, _raw_size(type_, stored, rows), valid.count(0))


def _checked(type_: Type, raw: int | bytes, offset: int) -> object:
    if isinstance(raw, bytes) and len(raw) > VALUE_BYTES_MAX:
        reject("limit-exceeded", f"a value of {len(raw)} bytes", "0.5", offset)
    return from_physical(type_, raw, offset)


def _decode_list(cursor: Cursor, type_: Type, valid: list[int], budget: _Budget) -> Chunk:
    start = cursor.offset
    lengths = fixed_values(cursor, 4, len(valid), "length", COUNTS)
    for length, present in zip(lengths, valid, strict=True):
        if length and not present:
            reject("bad-value", "a null list has elements", "5.3", start)
    (child,) = _decode_children(cursor, type_, sum(lengths), budget)
    values: list[object] = []
    position = 0
    for length, present in zip(lengths, valid, strict=True):
        values.append(child.values[position : position + length] if present else None)
        position += length
    return Chunk(values, 4 * len(valid) + child.raw_size, valid.count(0))


def _decode_struct(cursor: Cursor, type_: Type, valid: list[int], budget: _Budget) -> Chunk:
    children = _decode_children(cursor, type_, len(valid), budget)
    rows = zip(*(child.values for child in children), strict=True)
    values: list[object] = [row if present else None for row, present in zip(rows, valid, strict=True)]
    return Chunk(values, sum(child.raw_size for child in children), valid.count(0))


def _decode_children(cursor: Cursor, type_: Type, rows: int, budget: _Budget) -> list[Chunk]:
    """The child chunks that end a nested chunk, each of `rows` rows; their sizes are checked first."""
    start = cursor.offset
    budget.rows -= rows * len(type_.children)
    if budget.rows < 0:
        reject("limit-exceeded", f"more than {CHILD_ROWS_MAX} rows in child chunks", "0.5", start)
    parts = []
    for field in type_.children:
        size = cursor.unsigned(4, f"size of {field.name}", "5.3")
        parts.append(cursor.within(size, field.name, "5.3"))
    cursor.finish("5.3")
    fields = zip(parts, type_.children, strict=True)
    return [_decode(part, field.type, field.nullable, rows, budget) for part, field in fields]


def class_of(type_: Type) -> Class:
    """Class of the values node of a chunk (spec §5.3)."""
    if type_.form == "bits":
        return BITS
    return VARIABLE if type_.form == "variable" else fixed(type_.width)


def _raw_size(type_: Type, stored: Sequence[int | bytes], rows: int) -> int:
    if type_.form == "bits":
        return -(-rows // 8)
    if type_.form == "fixed":
        return rows * type_.width
    return sum(len(value) for value in stored if isinstance(value, bytes))


def encode_chunk(type_: Type, values: Sequence[object], codec: int = NONE) -> bytes:
    """A chunk in plain, sensible encodings; None is null, and a null slot repeats the value before it."""
    if not values:
        return chunk_head(type_, 0, False)
    nulls = [value is None for value in values]
    validity = choose_node(BITS, [int(not null) for null in nulls]) if any(nulls) else b""
    if type_.form == "list":
        rows = [list(value) if isinstance(value, list) else [] for value in values]
        child = encode_chunk(type_.children[0].type, [item for row in rows for item in row], codec)
        body = count_node([len(row) for row in rows], 4) + seal_child(child)
    elif type_.form == "struct":
        empty = tuple(default_value(field.type, field.nullable) for field in type_.children)
        rows_of_fields = [value if isinstance(value, tuple) else empty for value in values]
        body = b"".join(
            seal_child(encode_chunk(field.type, [row[index] for row in rows_of_fields], codec))
            for index, field in enumerate(type_.children)
        )
    else:
        body = choose_node(class_of(type_), physical_values(type_, values), codec)
    return chunk_head(type_, len(values), bool(validity)) + validity + body


def physical_values(type_: Type, values: Sequence[object]) -> list[int] | list[bytes]:
    """Values as a node stores them, null slots filled."""
    if type_.form == "variable":
        return [b"" if value is None else bytes_of(to_physical(type_, value)) for value in values]
    numbers: list[int] = []
    for value in values:
        previous = numbers[-1] if numbers else 0
        numbers.append(previous if value is None else int(to_physical(type_, value)))
    return numbers


def bytes_of(value: int | bytes) -> bytes:
    assert isinstance(value, bytes)
    return value


def chunk_head(type_: Type, rows: int, has_validity: bool) -> bytes:
    return HEAD.pack(KINDS[type_.form], int(has_validity), type_.width, rows)


def seal_child(chunk: bytes) -> bytes:
    """A child chunk with its size before it."""
    return struct.pack("<I", len(chunk)) + chunk


def default_value(type_: Type, nullable: bool) -> object:
    """What a child of a null struct holds."""
    if nullable:
        return None
    if type_.form == "list":
        return []
    if type_.form == "struct":
        return tuple(default_value(field.type, field.nullable) for field in type_.children)
    if type_.form == "bits":
        return False
    if type_.form == "variable" or type_.family == "fixed_binary":
        return b"\0" * type_.width
    return 0
