"""Spec chapter 16: messages, maps and batches between the Flink connector and its workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from tablestore.reference.cursor import Cursor, Field, reject
from tablestore.reference.type import FieldType, Type, from_physical, to_physical, utf8

PAYLOAD_MAX = 268_435_456
ROWS_MAX = 16_777_216
VALUE_MAX = 16_777_216
KINDS = {1: "HELLO", 2: "READY", 3: "REQUEST", 4: "RESPONSE", 5: "BATCH", 6: "ERROR"}
ALIGNMENT = 8
ROW_KINDS = 4


# ---- messages and maps


def decode_message(data: bytes) -> tuple[str, bytes]:
    """Kind and payload of one message (spec §16.2)."""
    cursor = Cursor(data)
    size = cursor.unsigned(4, "size", "16.2")
    kind = cursor.unsigned(1, "kind", "16.2")
    zeros = cursor.unsigned(1, "reserved", "16.2") + cursor.unsigned(2, "reserved", "16.2")
    if kind not in KINDS:
        reject("bad-message", f"a message of kind {kind}", "16.2", 4)
    if zeros:
        reject("bad-zero", "reserved bytes are not zero", "16.2", 5)
    if size > PAYLOAD_MAX:
        reject("limit-exceeded", f"a payload of {size} bytes", "16.2", 0)
    payload = cursor.take(size, "payload", "16.2")
    if cursor.remaining:
        reject("trailing-bytes", "bytes after the message", "16.2", cursor.offset)
    return KINDS[kind], payload


def encode_message(kind: str, payload: bytes) -> bytes:
    """A message (spec §16.2)."""
    number = {name: number for number, name in KINDS.items()}[kind]
    return len(payload).to_bytes(4, "little") + bytes([number, 0, 0, 0]) + payload


def decode_map(data: bytes, trace: list[Field] | None = None) -> dict[str, bytes]:
    """The entries of a map (spec §16.3)."""
    cursor = Cursor(data, trace=trace)
    values: dict[str, bytes] = {}
    for _ in range(cursor.unsigned(4, "count", "16.3")):
        start = cursor.offset
        size = cursor.unsigned(4, "length", "16.3")
        key = utf8(cursor.take(size, "key", "16.3"), "16.3", start + 4)
        if key in values:
            reject("bad-message", f"the key {key!r} is there twice", "16.3", start)
        size = cursor.unsigned(4, "length", "16.3")
        values[key] = cursor.take(size, "value", "16.3")
    if cursor.remaining:
        reject("trailing-bytes", "bytes after the last entry", "16.3", cursor.offset)
    return values


def encode_map(values: Mapping[str, bytes]) -> bytes:
    """A map (spec §16.3)."""
    parts = [len(values).to_bytes(4, "little")]
    for key, value in values.items():
        for piece in (key.encode(), value):
            parts += [len(piece).to_bytes(4, "little"), piece]
    return b"".join(parts)


# ---- batches


def buffer_count(type_: Type) -> int:
    """Buffers of a column (spec §16.5)."""
    own = {"bits": 2, "fixed": 2, "variable": 3, "list": 2, "struct": 1}[type_.form]
    return own + sum(buffer_count(child.type) for child in type_.children)


class _Buffers:
    """The buffers of a batch in order."""

    def __init__(self, data: bytes, columns: Sequence[FieldType], trace: list[Field] | None) -> None:
        cursor = Cursor(data, trace=trace)
        self.trace = trace
        self.values_max = 8 * len(data)  # no value of any type takes less than a bit
        self.rows = cursor.unsigned(4, "rows", "16.5")
        count = cursor.unsigned(4, "count", "16.5")
        if self.rows > ROWS_MAX:
            reject("limit-exceeded", f"a batch of {self.rows} rows", "16.5", 0)
        if count != 1 + sum(buffer_count(column.type) for column in columns):
            reject("count-mismatch", f"{count} buffers", "16.5", 4)
        lengths = cursor.array(count, 8, "lengths", "16.5")
        self._places: list[tuple[int, bytes]] = []
        self._taken = 0
        end = cursor.offset
        for length in lengths:
            start = -(-end // ALIGNMENT) * ALIGNMENT
            if length and start + length > len(data):
                reject("offset-out-of-range", "a buffer reaches past the end", "16.5", start)
            self._note(start - end, end, "padding", data)
            self._places.append((start, data[start : start + length]))
            end = start + length
        if len(data) - end >= ALIGNMENT:
            reject("trailing-bytes", "bytes after the last buffer", "16.5", end)
        self._note(len(data) - end, end, "padding", data)

    def _note(self, size: int, start: int, name: str, data: bytes) -> None:
        if self.trace is not None and size > 0:
            self.trace.append(Field(start, size, name, data[start : start + size], "16.5"))

    def take(self, size: int, name: str, *, optional: bool = False) -> Cursor:
        """The next buffer; its length is `size`, or 0 if it is optional."""
        start, data = self._places[self._taken]
        self._taken += 1
        if len(data) != size and not (optional and not data):
            reject("size-mismatch", f"{name} has {len(data)} bytes, not {size}", "16.5", start)
        return Cursor(data, base=start, trace=self.trace)

    def bits(self, count: int, name: str, *, optional: bool = False) -> list[bool]:
        cursor = self.take((count + 7) // 8, name, optional=optional)
        if not cursor.remaining:
            return [True] * count
        packed = cursor.take(cursor.remaining, name, "16.5")
        return [bool(packed[index // 8] >> index % 8 & 1) for index in range(count)]


def decode_batch(
    columns: Sequence[FieldType], data: bytes, trace: list[Field] | None = None
) -> tuple[list[int], list[list[object]]]:
    """Row kinds, and the values of each row (spec §16.5)."""
    buffers = _Buffers(data, columns, trace)
    rows = buffers.rows
    cursor = buffers.take(rows, "row kinds", optional=True)
    start = cursor.offset
    kinds = list(cursor.take(cursor.remaining, "row kinds", "5.6")) or [0] * rows
    if any(kind >= ROW_KINDS for kind in kinds):
        reject("bad-value", "a row kind above 3", "16.5", start)
    found = [_column(buffers, column, rows, column.name, None) for column in columns]
    return kinds, [list(row) for row in zip(*found, strict=True)] if columns else [[] for _ in range(rows)]


def _column(
    buffers: _Buffers, field: FieldType, count: int, name: str, parent: list[bool] | None
) -> list[object]:
    """The values of a column. parent: validity of the struct that it is a field of."""
    type_ = field.type
    if count > buffers.values_max:
        reject("size-mismatch", f"{name} has {count} values", "16.5")
    valid = buffers.bits(count, f"{name}: validity", optional=True)
    present = [True] * count if parent is None else parent
    if not field.nullable and any(there and not here for there, here in zip(present, valid, strict=True)):
        reject("null-in-required", f"{name} is null", "16.5")
    if type_.form == "struct":
        parts = [_column(buffers, child, count, f"{name}.{child.name}", valid) for child in type_.children]
        values: list[object] = [tuple(row) for row in zip(*parts, strict=True)]
    elif type_.form == "bits":
        values = [bool(bit) for bit in buffers.bits(count, f"{name}: bits")]
    elif type_.form == "fixed":
        values = _fixed(buffers, type_, count, name, valid)
    else:
        values = _variable(buffers, type_, count, name, valid)
    return [value if here else None for value, here in zip(values, valid, strict=True)]


def _fixed(buffers: _Buffers, type_: Type, count: int, name: str, valid: list[bool]) -> list[object]:
    cursor = buffers.take(count * type_.width, f"{name}: values")
    start = cursor.offset
    raw = cursor.array(count, type_.width, f"{name}: values", "16.5") if count else []
    return [
        from_physical(type_, value, start + index * type_.width) if here else None
        for index, (value, here) in enumerate(zip(raw, valid, strict=True))
    ]


def _variable(buffers: _Buffers, type_: Type, count: int, name: str, valid: list[bool]) -> list[object]:
    cursor = buffers.take(4 * (count + 1), f"{name}: offsets")
    start = cursor.offset
    raw = cursor.array(count + 1, 4, f"{name}: offsets", "16.5")
    ends = [value - (1 << 32) if value >> 31 else value for value in raw]
    if ends[0] or any(after < before for before, after in pairwise(ends)):
        reject("offset-out-of-range", f"the offsets of {name} do not begin with 0 or descend", "16.5", start)
    ranges = list(pairwise(ends))
    if type_.form == "list":
        child = type_.children[0]
        items = _column(buffers, child, ends[-1], f"{name}.{child.name}", None)
        return [items[first:last] for first, last in ranges]
    cursor = buffers.take(ends[-1], f"{name}: bytes")
    start = cursor.offset
    data = cursor.take(cursor.remaining, f"{name}: bytes", "16.5")
    values: list[object] = []
    for (first, last), here in zip(ranges, valid, strict=True):
        if here and last - first > VALUE_MAX:
            reject("limit-exceeded", f"a value of {last - first} bytes in {name}", "16.5", start + first)
        values.append(from_physical(type_, data[first:last], start + first) if here else None)
    return values


def encode_batch(
    columns: Sequence[FieldType], kinds: Sequence[int], rows: Sequence[Sequence[object]]
) -> bytes:
    """A batch without what may be left out (spec §16.5); nulls stand on zeros."""
    buffers = [bytes(kinds) if any(kinds) else b""]
    for index, column in enumerate(columns):
        _encode_column(column, [row[index] for row in rows], buffers)
    data = len(rows).to_bytes(4, "little") + len(buffers).to_bytes(4, "little")
    data += b"".join(len(buffer).to_bytes(8, "little") for buffer in buffers)
    for buffer in buffers:
        data += bytes(-len(data) % ALIGNMENT) + buffer
    return data


def _bits(values: Sequence[object]) -> bytes:
    number = sum(1 << index for index, value in enumerate(values) if value)
    return number.to_bytes((len(values) + 7) // 8, "little")


def _encode_column(field: FieldType, values: Sequence[object], buffers: list[bytes]) -> None:
    type_ = field.type
    buffers.append(_bits([v is not None for v in values]) if any(v is None for v in values) else b"")
    if type_.form == "struct":
        for index, child in enumerate(type_.children):
            _encode_column(child, [v[index] if isinstance(v, tuple) else None for v in values], buffers)
    elif type_.form == "bits":
        buffers.append(_bits(values))
    elif type_.form == "fixed":
        raw = [0 if value is None else to_physical(type_, value) for value in values]
        buffers.append(b"".join(int(value).to_bytes(type_.width, "little") for value in raw))
    else:
        pieces = [_piece(type_, value) for value in values]
        ends = [sum(map(len, pieces[:index])) for index in range(len(pieces) + 1)]
        buffers.append(b"".join(end.to_bytes(4, "little") for end in ends))
        if type_.form == "list":
            _encode_column(type_.children[0], [item for piece in pieces for item in piece], buffers)
        else:
            buffers.append(b"".join(piece for piece in pieces if isinstance(piece, bytes)))


def _piece(type_: Type, value: object) -> Sequence[object] | bytes:
    """The bytes or elements of a value."""
    if value is None:
        return b""
    if isinstance(value, list):
        return value
    raw = to_physical(type_, value)
    assert isinstance(raw, bytes)
    return raw
