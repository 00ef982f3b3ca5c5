"""Spec chapter 3: encoded keys, partition tuples, hashes, buckets and bounds."""

from __future__ import annotations

from collections.abc import Sequence

from tablestore.reference.cursor import Cursor, reject
from tablestore.reference.primitive import KEY_BYTES_MAX, hash64
from tablestore.reference.type import FLOATS, Type, check_range, utf8

BOUND_BYTES = 64


def check_key_type(type_: Type) -> None:
    """Floats and nested types are not allowed in keys (spec §3.2)."""
    if type_.form in ("list", "struct") or type_.name in FLOATS:
        reject("schema-mismatch", f"{type_.name} is not allowed in a key", "3.2")


def encode_key(types: Sequence[Type], values: Sequence[object]) -> bytes:
    """The encoded key of one row (spec §3.2)."""
    last = len(types) - 1
    encoded = b"".join(
        _encode(type_, value, escaped=index < last)
        for index, (type_, value) in enumerate(zip(types, values, strict=True))
    )
    if len(encoded) > KEY_BYTES_MAX:
        reject("limit-exceeded", f"a key of {len(encoded)} bytes", "3.6")
    return encoded


def encode_tuple(types: Sequence[Type], values: Sequence[object]) -> bytes:
    """A tuple of nullable values (spec §3.3)."""
    encoded = b"".join(
        b"\0" if value is None else b"\1" + _encode(type_, value, escaped=True)
        for type_, value in zip(types, values, strict=True)
    )
    if len(encoded) > KEY_BYTES_MAX:
        reject("limit-exceeded", f"a tuple of {len(encoded)} bytes", "3.6")
    return encoded


def decode_key(types: Sequence[Type], data: bytes) -> list[object]:
    """The values of an encoded key (spec §3.7)."""
    cursor = Cursor(data)
    last = len(types) - 1
    values = []
    for index, type_ in enumerate(types):
        values.append(_decode(cursor, type_, escaped=index < last))
    _finish(cursor)
    return values


def decode_tuple(types: Sequence[Type], data: bytes) -> list[object]:
    """The values of a nullable tuple (spec §3.3)."""
    cursor = Cursor(data)
    values: list[object] = []
    for type_ in types:
        start = cursor.offset
        tag = _take(cursor, 1)[0]
        if tag > 1:
            reject("bad-key", f"a tag {tag} in a tuple", "3.3", start)
        values.append(_decode(cursor, type_, escaped=True) if tag else None)
    _finish(cursor)
    return values


def bucket(encoded: bytes, buckets: int) -> int:
    """The bucket of an encoded key (spec §3.4)."""
    return (hash64(encoded) * buckets) >> 64


def bound(encoded: bytes) -> bytes:
    """The bound of an encoded key (spec §3.5)."""
    return encoded[:BOUND_BYTES]


def _encode(type_: Type, value: object, *, escaped: bool) -> bytes:
    check_key_type(type_)
    if value is None:
        reject("null-in-required", "a key column is null", "3.6")
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        if type_.form == "fixed" or not escaped:
            return value
        return value.replace(b"\1", b"\1\1").replace(b"\0", b"\1\0") + b"\0"
    assert isinstance(value, int)
    check_range(type_, value)
    width = type_.width or 1
    return (value + (1 << (8 * width - 1)) * type_.signed).to_bytes(width, "big")


def _decode(cursor: Cursor, type_: Type, *, escaped: bool) -> object:
    check_key_type(type_)
    start = cursor.offset
    if type_.form == "variable":
        data = _unescape(cursor) if escaped else _take(cursor, cursor.remaining)
        return utf8(data, "3.7") if type_.name == "string" else data
    data = _take(cursor, type_.width or 1)
    if type_.family == "fixed_binary":
        return data
    value = int.from_bytes(data, "big") - (1 << (8 * len(data) - 1)) * type_.signed
    if type_.form == "bits":
        if value > 1:
            reject("bad-key", f"a bool with value {value}", "3.7", start)
        return bool(value)
    check_range(type_, value)
    return value


def _unescape(cursor: Cursor) -> bytes:
    data = bytearray()
    while (byte := _take(cursor, 1)[0]) != 0:
        if byte == 1:
            start = cursor.offset
            byte = _take(cursor, 1)[0]
            if byte > 1:
                reject("bad-key", f"an escape followed by {byte:02x}", "3.7", start)
        data.append(byte)
    return bytes(data)


def _take(cursor: Cursor, size: int) -> bytes:
    if size > cursor.remaining:
        reject("bad-key", f"a key column needs {size} bytes, {cursor.remaining} left", "3.7", cursor.offset)
    return cursor.take(size, "key", "3.2")


def _finish(cursor: Cursor) -> None:
    if cursor.remaining:
        reject("bad-key", f"{cursor.remaining} bytes left over after a key", "3.7", cursor.offset)
