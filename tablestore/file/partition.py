"""Partition values: one nullable tuple as bytes (spec §3.3), as values, and as directory names (spec §9.3).

Values are *physical*: bool, int (also for dates, times, timestamps and the unscaled decimal), str, bytes or
None.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from typing import NoReturn

from tablestore import types
from tablestore._native.hash import hash64
from tablestore.errors import FormatError
from tablestore.types import ColumnType, Field

Value = bool | int | str | bytes | None

_ESCAPED_MAX = 120
_ESCAPED_KEPT = 96
_EPOCH_ORDINAL = datetime.date(1970, 1, 1).toordinal()
_KEPT = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_ESCAPES = [chr(byte) if byte in _KEPT else f"%{byte:02X}" for byte in range(256)]
_TERMINATED = re.compile(rb"((?:[^\x00\x01]|\x01[\x00\x01])*)\x00", re.DOTALL)
_ESCAPE_PAIR = re.compile(rb"\x01([\x00\x01])", re.DOTALL)
_SPECIAL = re.compile(rb"[\x00\x01]")


# ---- directory names


def directory(fields: Sequence[Field], values: Sequence[Value]) -> str:
    """The directories of a partition, joined by "/"; "" without partition columns."""
    return "/".join(
        escape(field.name) + "=" + _cut(_text(field.type, value))
        for field, value in zip(fields, values, strict=True)
    )


def escape(text: str) -> str:
    """The escaped form of a name, cut if it is long (spec §9.3)."""
    return _cut(_escape(text))


def _text(column_type: ColumnType, value: Value) -> str:
    if value is None:
        return "%null"
    if value in ("", b""):
        return "%empty"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str):
        return _escape(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if column_type.name == "date32" and 1 <= value + _EPOCH_ORDINAL <= datetime.date.max.toordinal():
        return datetime.date.fromordinal(value + _EPOCH_ORDINAL).isoformat()
    return str(value)


def _escape(text: str) -> str:
    data = text.encode()
    escaped = [_ESCAPES[byte] for byte in data]
    for index in range(1, len(data)):
        if data[index] == 0x2E:
            escaped[index] = "."
    return "".join(escaped)


def _cut(escaped: str) -> str:
    if len(escaped) <= _ESCAPED_MAX:
        return escaped
    return f"{escaped[:_ESCAPED_KEPT]}%h{hash64(escaped.encode()):016x}"


# ---- tuples of bytes


def encode(fields: Sequence[Field], values: Sequence[Value]) -> bytes:
    """The tuple of spec §3.3. Values must be physical values of their columns."""
    return b"".join(
        b"\0" if value is None else b"\1" + _encode_value(field.type, value)
        for field, value in zip(fields, values, strict=True)
    )


def decode(fields: Sequence[Field], data: bytes) -> tuple[Value, ...]:
    """The values of a tuple. Raises FormatError bad-key, bad-value or invalid-utf8, without a file (spec
    §3.7).
    """
    values: list[Value] = []
    position = 0
    for field in fields:
        tag = data[position : position + 1]
        position += 1
        if tag == b"\0":
            values.append(None)
        elif tag == b"\1":
            value, position = _decode_value(field.type, data, position)
            values.append(value)
        else:
            _reject("a value begins with neither 00 nor 01", position - 1)
    if position != len(data):
        _reject("bytes are left over", position)
    return tuple(values)


def decode_key(fields: Sequence[Field], data: bytes) -> tuple[Value, ...]:
    """The values of an encoded key (spec §3.2). Raises FormatError as `decode` does."""
    values: list[Value] = []
    position = 0
    for field in fields:
        if field is fields[-1] and field.type.kind == "variable":
            raw = data[position:]
            values.append(_decode_text(raw, position) if field.type.utf8 else raw)
            position = len(data)
        else:
            value, position = _decode_value(field.type, data, position)
            values.append(value)
    if position != len(data):
        _reject("bytes are left over", position)
    return tuple(values)


def _encode_value(column_type: ColumnType, value: bool | int | str | bytes) -> bytes:
    if column_type.kind == "variable":
        raw = value.encode() if isinstance(value, str) else value
        assert isinstance(raw, bytes)
        return _SPECIAL.sub(lambda special: b"\1" + special[0], raw) + b"\0"
    if isinstance(value, bytes):
        return value
    assert isinstance(value, int)
    if column_type.kind == "bits":
        return bytes([value])
    flip = 1 << (8 * column_type.width - 1) if column_type.signed else 0
    return (value + flip).to_bytes(column_type.width, "big")


def _decode_value(column_type: ColumnType, data: bytes, position: int) -> tuple[Value, int]:
    if column_type.kind == "variable":
        match = _TERMINATED.match(data, position)
        if match is None:
            _reject("a text without terminator, or with an unknown escape", position)
        raw = _ESCAPE_PAIR.sub(lambda pair: pair[1], match[1])
        return (_decode_text(raw, position) if column_type.utf8 else raw), match.end()
    width = 1 if column_type.kind == "bits" else column_type.width
    raw = data[position : position + width]
    if len(raw) != width:
        _reject("a value ends early", position)
    end = position + width
    if column_type.kind == "bits":
        if raw not in (b"\0", b"\1"):
            _reject("a bool is neither 00 nor 01", position)
        return raw == b"\1", end
    if column_type.hint == types.HINT_OPAQUE:
        return raw, end
    value = int.from_bytes(raw, "big")
    if column_type.signed:
        value -= 1 << (8 * width - 1)
    _check_range(column_type, value, position)
    return value, end


def _decode_text(raw: bytes, position: int) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError(
            "a partition value is not UTF-8", code="invalid-utf8", offset=position, section="3.7"
        ) from None


def _check_range(column_type: ColumnType, value: int, position: int) -> None:
    if column_type.check == types.CHECK_BELOW:
        valid = 0 <= value < column_type.limit
    else:
        valid = column_type.check != types.CHECK_PRECISION or abs(value) < 10**column_type.limit
    if not valid:
        raise FormatError(
            "a partition value is outside its type", code="bad-value", offset=position, section="5.5"
        )


def _reject(message: str, position: int) -> NoReturn:
    raise FormatError(f"partition: {message}", code="bad-key", offset=position, section="3.7")
