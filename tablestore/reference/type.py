"""Spec chapter 2: types of columns, their names, physical forms, ranges and ranks."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from tablestore.reference.cursor import reject
from tablestore.reference.primitive import DEPTH_MAX

INTEGERS = {
    "int8": (1, True), "int16": (2, True), "int32": (4, True), "int64": (8, True),
    "uint8": (1, False), "uint16": (2, False), "uint32": (4, False), "uint64": (8, False),
    "date32": (4, True),
}  # fmt: skip
TIMES = {
    "time32(s)": (4, 86_400),
    "time32(ms)": (4, 86_400_000),
    "time64(us)": (8, 86_400_000_000),
    "time64(ns)": (8, 86_400_000_000_000),
}
FLOATS = {"float32": 4, "float64": 8}
KINDS = {"bits": 0, "fixed": 1, "variable": 2, "list": 3, "struct": 4}

_DECIMAL = re.compile(r"decimal128\(([1-9][0-9]?),(-?(?:0|[1-9][0-9]?))\)")
_FIXED_BINARY = re.compile(r"fixed_binary\(([1-9][0-9]{0,4})\)")
_TIMESTAMP = re.compile(r"timestamp\((s|ms|us|ns)(,[^)\x00-\x1f\x7f-\x9f]+)?\)")


@dataclass(frozen=True)
class Type:
    """A column type. form: bits, fixed, variable, list or struct; width: bytes of a fixed value, else 0.

    signed: integers are two's complement; limit: times and magnitudes of decimals are below it, 0 = none;
    children: the element of a list, the fields of a struct, the entries struct of a map.
    """

    name: str
    form: str
    width: int = 0
    signed: bool = False
    limit: int = 0
    children: tuple[FieldType, ...] = ()

    @property
    def family(self) -> str:
        """The name without its arguments: `timestamp` of `timestamp(us,UTC)`."""
        return self.name.partition("(")[0]


@dataclass(frozen=True)
class FieldType:
    """A field of a nested type, or a column."""

    name: str
    type: Type
    nullable: bool


def parse_type(value: object, depth: int = 1) -> Type:
    """The type that a JSON value names (spec §2.2); anything else is `schema-mismatch`."""
    if depth > DEPTH_MAX:
        reject("limit-exceeded", f"a type is nested deeper than {DEPTH_MAX}", "0.5")
    if isinstance(value, str):
        return _parse_name(value)
    if isinstance(value, dict) and len(value) == 1:
        (constructor, argument), *_ = value.items()
        if constructor == "list":
            return Type("list", "list", children=(parse_field(argument, depth + 1, "element"),))
        if constructor == "struct" and isinstance(argument, list) and argument:
            fields = tuple(parse_field(item, depth + 1) for item in argument)
            if len({field.name for field in fields}) != len(fields):
                reject("schema-mismatch", "two fields of a struct have one name", "2.2")
            return Type("struct", "struct", len(fields), children=fields)
        if constructor == "map" and isinstance(argument, list) and len(argument) == 2:
            key = parse_field(argument[0], depth + 1, "key")
            if key.nullable:
                reject("schema-mismatch", "the key of a map is nullable", "2.2")
            value_field = parse_field(argument[1], depth + 1, "value")
            entries = Type("struct", "struct", 2, children=(key, value_field))
            return Type("map", "list", children=(FieldType("entries", entries, False),))
    reject("schema-mismatch", f"{value!r} is not a type", "2.2")


def parse_field(value: object, depth: int, name: str | None = None) -> FieldType:
    """A field of a nested type (spec §2.2); `name` is the name that it must have, if any."""
    if not isinstance(value, dict):
        reject("schema-mismatch", f"{value!r} is not a field", "2.2")
    for member, kind in (("name", str), ("type", object), ("nullable", bool)):
        if member not in value:
            reject("json-missing", f"a field without {member!r}", "2.2")
        if not isinstance(value[member], kind):
            reject("json-type", f"{member!r} of a field is {value[member]!r}", "2.2")
    if name is not None and value["name"] != name:
        reject("schema-mismatch", f"the field is named {value['name']!r}, not {name!r}", "2.2")
    return FieldType(value["name"], parse_type(value["type"], depth), value["nullable"])


def _parse_name(name: str) -> Type:
    if name == "bool":
        return Type(name, "bits")
    if name in INTEGERS:
        width, signed = INTEGERS[name]
        return Type(name, "fixed", width, signed)
    if name in FLOATS:
        return Type(name, "fixed", FLOATS[name])
    if name in TIMES:
        width, limit = TIMES[name]
        return Type(name, "fixed", width, True, limit)
    if name in ("string", "binary"):
        return Type(name, "variable")
    if _TIMESTAMP.fullmatch(name):
        return Type(name, "fixed", 8, True)
    if match := _DECIMAL.fullmatch(name):
        if 1 <= int(match[1]) <= 38 and match[2] != "-0" and abs(int(match[2])) <= 38:
            return Type(name, "fixed", 16, True, 10 ** int(match[1]))
    elif (match := _FIXED_BINARY.fullmatch(name)) and 1 <= int(match[1]) <= 65_535:
        return Type(name, "fixed", int(match[1]))
    reject("schema-mismatch", f"{name!r} is not a type", "2.2")


def from_physical(type_: Type, raw: int | bytes, offset: int | None = None) -> object:
    """The Python value of a physical value: an unsigned integer for bits and fixed, bytes for variable.

    Floats come as their bits (an unsigned integer): every bit pattern is kept (spec §2.2).
    Values outside the type's range are `bad-value` or `invalid-utf8` (spec §5.5).
    """
    if isinstance(raw, bytes):
        return utf8(raw, "5.5", offset) if type_.name == "string" else raw
    if type_.form == "bits":
        return bool(raw)
    if type_.family == "fixed_binary":
        return raw.to_bytes(type_.width, "little")
    value = raw - (1 << 8 * type_.width) if type_.signed and raw >> (8 * type_.width - 1) else raw
    check_range(type_, value, offset)
    return value


def to_physical(type_: Type, value: object) -> int | bytes:
    """The inverse of `from_physical`; a float is given as its bits or as a Python float."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return int.from_bytes(value, "little") if type_.form == "fixed" else value
    if isinstance(value, float):
        return float_bits(type_, value)
    assert isinstance(value, int)
    check_range(type_, value)
    return value % (1 << 8 * type_.width) if type_.form == "fixed" else int(value)


def check_range(type_: Type, value: int, offset: int | None = None) -> None:
    """Decimals are within their precision, times within a day (spec §5.5)."""
    if type_.limit and not (-type_.limit if type_.family == "decimal128" else -1) < value < type_.limit:
        reject("bad-value", f"{value} is out of the range of {type_.name}", "5.5", offset)


def utf8(data: bytes, section: str, offset: int | None = None) -> str:
    """The text of UTF-8 bytes (`invalid-utf8`); `offset` is where they were read."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        reject("invalid-utf8", f"a string is not UTF-8 at its byte {error.start}", section, offset)


def float_bits(type_: Type, value: float) -> int:
    """Bits of a Python float in the type's width."""
    return int.from_bytes(struct.pack("<f" if type_.width == 4 else "<d", value), "little")


def rank(type_: Type, value: object) -> int | None:
    """The rank of a value (spec §2.4): u64, or None for NaN and nested values."""
    if isinstance(value, str | bytes):
        data = value.encode() if isinstance(value, str) else value
        return int.from_bytes(data[:8].ljust(8, b"\0"), "big")
    if not isinstance(value, int):
        return None
    if type_.family in FLOATS:
        layout = ("<f", 4) if type_.width == 4 else ("<d", 8)
        (number,) = struct.unpack(layout[0], value.to_bytes(layout[1], "little"))
        if number != number:
            return None
        bits = int.from_bytes(struct.pack("<d", number + 0.0), "little")
        return bits + 2**63 if bits < 2**63 else bits ^ (2**64 - 1)
    if type_.family == "decimal128":
        return (value >> 64) + 2**63
    return value + 2**63 if type_.signed else int(value)


def rank_is_exact(type_: Type) -> bool:
    """Equal ranks are equal values (spec §2.4)."""
    return type_.form in ("bits", "fixed") and type_.family not in ("decimal128", "fixed_binary")
