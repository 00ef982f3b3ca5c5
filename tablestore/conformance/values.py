"""Values in vectors. JSON forms that every language reads without loss:

- integers are JSON integers below 2^53 in magnitude, else decimal strings;
- floats are their bits in hexadecimal digits, binary is hexadecimal;
- a struct is an array of its fields, a map an array of [key, value]; null is null.
"""

from __future__ import annotations

from collections.abc import Sequence

from tablestore.reference.type import FLOATS, Type

EXACT_MAX = 2**53


def number(value: int) -> int | str:
    """The JSON form of an integer."""
    return value if -EXACT_MAX < value < EXACT_MAX else str(value)


def from_number(value: object) -> int:
    assert isinstance(value, int | str)
    return int(value)


def to_json(type_: Type, value: object) -> object:
    """The JSON form of a Python value of a type."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [to_json(type_.children[0].type, item) for item in value]
    if isinstance(value, tuple):
        return [to_json(field.type, item) for field, item in zip(type_.children, value, strict=True)]
    assert isinstance(value, int)
    return f"{value:0{2 * type_.width}x}" if type_.name in FLOATS else number(value)


def from_json(type_: Type, value: object) -> object:
    """The Python value of a JSON form; the inverse of `to_json`."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, list):
        if type_.form == "struct":
            return tuple(
                from_json(field.type, item) for field, item in zip(type_.children, value, strict=True)
            )
        return [from_json(type_.children[0].type, item) for item in value]
    if type_.name == "string":
        return value
    if isinstance(value, str) and (type_.name == "binary" or type_.family == "fixed_binary"):
        return bytes.fromhex(value)
    if isinstance(value, str) and type_.name in FLOATS:
        return int(value, 16)
    return from_number(value)


def raw_to_json(width: int, values: Sequence[int] | Sequence[bytes]) -> list[object]:
    """Values of a node: integers for widths 1, 2, 4, 8 and bits, else hexadecimal of the stored bytes."""
    wide = width not in (0, 1, 2, 4, 8)
    forms: list[object] = []
    for value in values:
        if isinstance(value, bytes):
            forms.append(value.hex())
        else:
            forms.append(value.to_bytes(width, "little").hex() if wide else number(value))
    return forms


def raw_from_json(class_: str, width: int, values: Sequence[object]) -> list[int] | list[bytes]:
    if class_ == "variable":
        return [bytes.fromhex(str(value)) for value in values]
    if width in (0, 1, 2, 4, 8):
        return [from_number(value) for value in values]
    return [int.from_bytes(bytes.fromhex(str(value)), "little") for value in values]
