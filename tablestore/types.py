"""Column types: the names of spec §2.2, their physical form, and the way to and from Arrow.

A ColumnType says everything that the file layer and the native kernels must know about a column; its Arrow
type is only one of its fields. Types are immutable and comparable.
"""

from __future__ import annotations

import decimal
import math
import re
import struct
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, cast

import pyarrow as pa

from tablestore.errors import FormatError, LimitExceededError, SchemaError

Kind = Literal["bits", "fixed", "variable", "list", "struct"]

# Hints for the encoder of fixed values: how to order and pack them.
HINT_OPAQUE, HINT_UNSIGNED, HINT_SIGNED, HINT_FLOAT32, HINT_FLOAT64, HINT_DECIMAL = range(6)
# Checks of spec §5.5 that a decoder makes on fixed values.
CHECK_NONE, CHECK_BELOW, CHECK_PRECISION = range(3)

NESTING_MAX: Final = 32  # spec §0.5
# A type sits three levels deep in a schema or properties document: top object, array, column.
_JSON_LEVELS_OUTSIDE: Final = 3

JsonType = str | dict[str, Any]


@dataclass(frozen=True, slots=True)
class ColumnType:
    """One type of spec §2.2.

    name: its text in JSON, or "list", "struct", "map" for a nested type. A map is a list whose child is a
    struct of two (§5.3). width: bytes of a fixed value, else 0. check and limit: what a decoder verifies of
    each value. children: fields of a nested type, ids -1. arrow: the canonical Arrow type. exact_rank: §2.4.
    """

    name: str
    kind: Kind
    arrow: pa.DataType
    width: int = 0
    signed: bool = False
    hint: int = HINT_OPAQUE
    check: int = CHECK_NONE
    limit: int = 0
    utf8: bool = False
    exact_rank: bool = False
    key_allowed: bool = False
    children: tuple[Field, ...] = ()

    @property
    def nested(self) -> bool:
        return self.kind in ("list", "struct")

    @property
    def floating(self) -> bool:
        return self.hint in (HINT_FLOAT32, HINT_FLOAT64)

    @property
    def scale(self) -> int:
        """Scale of a decimal: the value is unscaled × 10^-scale."""
        return int(self.arrow.scale)


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a table (id ≥ 0), a system column (-1, -2) or a child of a nested type (-1)."""

    id: int
    name: str
    type: ColumnType
    nullable: bool

    @property
    def arrow(self) -> pa.Field:
        return pa.field(self.name, self.type.arrow, nullable=self.nullable)


def _integer(name: str, arrow: pa.DataType, width: int, signed: bool) -> ColumnType:
    hint = HINT_SIGNED if signed else HINT_UNSIGNED
    return ColumnType(name, "fixed", arrow, width, signed, hint, exact_rank=True, key_allowed=True)


def _time(name: str, arrow: pa.DataType, width: int, per_second: int) -> ColumnType:
    return replace(_integer(name, arrow, width, True), check=CHECK_BELOW, limit=86_400 * per_second)


_LEAVES: Final[dict[str, ColumnType]] = {
    leaf.name: leaf
    for leaf in (
        ColumnType("bool", "bits", pa.bool_(), hint=HINT_UNSIGNED, exact_rank=True, key_allowed=True),
        _integer("int8", pa.int8(), 1, True),
        _integer("int16", pa.int16(), 2, True),
        _integer("int32", pa.int32(), 4, True),
        _integer("int64", pa.int64(), 8, True),
        _integer("uint8", pa.uint8(), 1, False),
        _integer("uint16", pa.uint16(), 2, False),
        _integer("uint32", pa.uint32(), 4, False),
        _integer("uint64", pa.uint64(), 8, False),
        ColumnType("float32", "fixed", pa.float32(), 4, True, HINT_FLOAT32, exact_rank=True),
        ColumnType("float64", "fixed", pa.float64(), 8, True, HINT_FLOAT64, exact_rank=True),
        _integer("date32", pa.date32(), 4, True),
        _time("time32(s)", pa.time32("s"), 4, 1),
        _time("time32(ms)", pa.time32("ms"), 4, 1_000),
        _time("time64(us)", pa.time64("us"), 8, 1_000_000),
        _time("time64(ns)", pa.time64("ns"), 8, 1_000_000_000),
        ColumnType("string", "variable", pa.string(), utf8=True, key_allowed=True),
        ColumnType("binary", "variable", pa.binary(), key_allowed=True),
    )
}

# System columns of spec §5.6.
SEQUENCE: Final = Field(-1, "_sequence", _LEAVES["uint64"], False)
ROW_KIND: Final = Field(-2, "_row_kind", replace(_LEAVES["uint8"], check=CHECK_BELOW, limit=4), False)

_DECIMAL = re.compile(r"decimal128\(([1-9][0-9]?),(0|-?[1-9][0-9]?)\)")
_TIMESTAMP = re.compile(r"timestamp\((s|ms|us|ns)(?:,([^)]+))?\)")
_FIXED_BINARY = re.compile(r"fixed_binary\(([1-9][0-9]{0,4})\)")


def has_control(text: str) -> bool:
    """True if the text holds a control character (Unicode category Cc)."""
    return not text.isprintable() and any(unicodedata.category(character) == "Cc" for character in text)


def decimal128(precision: int, scale: int) -> ColumnType:
    arrow = pa.decimal128(precision, scale)
    return ColumnType(
        f"decimal128({precision},{scale})",
        "fixed",
        arrow,
        16,
        True,
        HINT_DECIMAL,
        CHECK_PRECISION,
        precision,
        key_allowed=True,
    )


def timestamp(unit: str, zone: str | None) -> ColumnType:
    name = f"timestamp({unit},{zone})" if zone else f"timestamp({unit})"
    return _integer(name, pa.timestamp(unit, zone or None), 8, True)


def fixed_binary(width: int) -> ColumnType:
    return ColumnType(f"fixed_binary({width})", "fixed", pa.binary(width), width, key_allowed=True)


def list_of(element: ColumnType, nullable: bool) -> ColumnType:
    child = Field(-1, "element", element, nullable)
    return ColumnType("list", "list", pa.list_(child.arrow), children=(child,))


def struct_of(children: tuple[Field, ...]) -> ColumnType:
    return ColumnType("struct", "struct", pa.struct([child.arrow for child in children]), children=children)


def map_of(key: ColumnType, value: ColumnType, value_nullable: bool) -> ColumnType:
    pair = (Field(-1, "key", key, False), Field(-1, "value", value, value_nullable))
    entries = Field(-1, "entries", struct_of(pair), False)
    return ColumnType("map", "list", pa.map_(pair[0].arrow, pair[1].arrow), children=(entries,))


# ---- JSON (spec §2.2)


def to_json(column_type: ColumnType) -> JsonType:
    """The type as it stands in JSON: a text, or an object for a nested type."""
    if column_type.name == "list":
        return {"list": _field_to_json(column_type.children[0])}
    if column_type.name == "struct":
        return {"struct": [_field_to_json(child) for child in column_type.children]}
    if column_type.name == "map":
        return {"map": [_field_to_json(child) for child in column_type.children[0].type.children]}
    return column_type.name


def from_json(value: object) -> ColumnType:
    """The type that a parsed JSON value names.

    Raises FormatError schema-mismatch, json-missing or json-type, without a file.
    """
    return _from_json(value, 1)


def _field_to_json(field: Field) -> dict[str, Any]:
    return {"name": field.name, "type": to_json(field.type), "nullable": field.nullable}


def _from_json(value: object, depth: int) -> ColumnType:
    if depth > NESTING_MAX:
        raise LimitExceededError("type nested too deeply", code="limit-exceeded", section="0.5")
    if isinstance(value, str):
        return _leaf_from_text(value)
    if not isinstance(value, dict) or len(value) != 1:
        raise _mismatch("a type is a text or an object with one member")
    (form, content), *_ = value.items()
    if form == "list":
        element = _field_from_json(content, depth, "element")
        return list_of(element.type, element.nullable)
    if form == "struct" and isinstance(content, list):
        children = tuple(_field_from_json(child, depth, None) for child in content)
        if not children or len({child.name for child in children}) != len(children):
            raise _mismatch("a struct has at least one field, and distinct names")
        return struct_of(children)
    if form == "map" and isinstance(content, list) and len(content) == 2:
        key = _field_from_json(content[0], depth, "key")
        item = _field_from_json(content[1], depth, "value")
        if key.nullable:
            raise _mismatch("the key of a map is nullable")
        return map_of(key.type, item.type, item.nullable)
    raise _mismatch(f"unknown type {form!r}")


def _field_from_json(value: object, depth: int, name: str | None) -> Field:
    if not isinstance(value, dict):
        raise _mismatch("a field is an object")
    for member, kind in (("name", str), ("type", object), ("nullable", bool)):
        if member not in value:
            raise _mismatch(f"a field without {member!r}", "json-missing")
        if not isinstance(value[member], kind):
            raise _mismatch(f"{member!r} of a field has the wrong type", "json-type")
    own_name, inner, nullable = value["name"], value["type"], value["nullable"]
    if name is not None and own_name != name:
        raise _mismatch(f"field {own_name!r} must be named {name!r}")
    return Field(-1, own_name, _from_json(inner, depth + 1), nullable)


def _leaf_from_text(text: str) -> ColumnType:
    leaf = _LEAVES.get(text)
    if leaf is not None:
        return leaf
    if match := _DECIMAL.fullmatch(text):
        precision, scale = int(match[1]), int(match[2])
        if precision <= 38 and -38 <= scale <= 38:
            return decimal128(precision, scale)
    elif match := _TIMESTAMP.fullmatch(text):
        if match[2] is None or not has_control(match[2]):
            return timestamp(match[1], match[2])
    elif (match := _FIXED_BINARY.fullmatch(text)) and int(match[1]) <= 65_535:
        return fixed_binary(int(match[1]))
    raise _mismatch(f"unknown type {text!r}")


def _mismatch(message: str, code: str = "schema-mismatch") -> FormatError:
    return FormatError(message, code=code, section="2.2")


# ---- ranks (spec §2.4)

# Every value that a column without nested types can have. Dates, times and timestamps are integers, decimals
# are not.
Plain = bool | int | float | str | bytes | decimal.Decimal

_RANK_BYTES: Final = 8
_SIGN: Final = 1 << 63
# Room for 38 digits and for a scale of 38 to move them.
_DECIMALS: Final = decimal.Context(prec=80)


def plain_value(value: Any, column_type: ColumnType) -> Plain | None:
    """A Python or Arrow scalar as a plain value of the type: what `pa.array([value], type)` takes and what
    sorts.

    Raises pa.ArrowException, TypeError, ValueError or OverflowError if the value is not one of the type.
    """
    if not isinstance(value, pa.Scalar):
        if type(value) is _plain_class(column_type):
            return cast(Plain, value)
        value = pa.scalar(value, column_type.arrow)
    if not value.is_valid:
        return None
    # The integer within a date, time or timestamp; as_py would make an object, and cannot for nanoseconds.
    inner = _plain_class(column_type) is int and hasattr(value, "value")
    return cast(Plain, value.value if inner else value.as_py())


def _plain_class(column_type: ColumnType) -> type:
    if column_type.kind == "bits":
        return bool
    if column_type.kind == "variable" or column_type.hint == HINT_OPAQUE:
        return str if column_type.utf8 else bytes
    if column_type.hint == HINT_DECIMAL:
        return decimal.Decimal
    return float if column_type.floating else int


def unscaled(value: decimal.Decimal, column_type: ColumnType) -> int:
    """The integer that stores a decimal."""
    return int(value.scaleb(column_type.scale, _DECIMALS))


def rank_of(value: Any, column_type: ColumnType) -> int | None:
    """The rank of a Python or Arrow scalar; None for null, NaN and nested values, which have none."""
    if column_type.nested:
        return None
    plain = plain_value(value, column_type)
    if plain is None:
        return None
    if isinstance(plain, float):
        return None if math.isnan(plain) else _float_rank(plain)
    if isinstance(plain, str):
        plain = plain.encode()
    if isinstance(plain, bytes):
        return int.from_bytes(plain[:_RANK_BYTES].ljust(_RANK_BYTES, b"\0"), "big")
    if isinstance(plain, decimal.Decimal):
        return (unscaled(plain, column_type) >> 64) + _SIGN
    return plain + _SIGN if column_type.signed else int(plain)


def _float_rank(value: float) -> int:
    # Adding zero turns -0.0 into +0.0.
    bits: int = struct.unpack("<Q", struct.pack("<d", value + 0.0))[0]
    return bits + _SIGN if bits < _SIGN else bits ^ ((1 << 64) - 1)


# ---- Arrow


def from_arrow(arrow: pa.DataType, name: str = "column") -> ColumnType:
    """The column type for an Arrow type. Views, large and dictionary forms become their plain type.

    name: of the column, for the message. Raises SchemaError for a type outside spec §2.2, with a remedy.
    """
    column_type = _from_arrow(arrow, name, 1)
    if _json_levels(column_type) > NESTING_MAX - _JSON_LEVELS_OUTSIDE:
        raise SchemaError(f"column {name!r}: type {arrow} is nested too deeply to be described (spec §0.5)")
    return column_type


_PLAIN: Final[dict[pa.DataType, str]] = {leaf.arrow: leaf.name for leaf in _LEAVES.values()}


def _from_arrow(arrow: pa.DataType, name: str, depth: int) -> ColumnType:
    if depth > NESTING_MAX:
        raise SchemaError(f"column {name!r}: type is nested deeper than {NESTING_MAX} levels (spec §0.5)")
    if (plain := _PLAIN.get(arrow)) is not None:
        return _LEAVES[plain]
    for accepts, convert in _CONVERSIONS:
        if accepts(arrow):
            return convert(arrow, name, depth)
    remedy = next((text for accepts, text in _REMEDIES if accepts(arrow)), "cast it to a type of spec §2.2")
    raise SchemaError(f"column {name!r}: type {arrow} cannot be stored: {remedy}")


def _from_timestamp(arrow: pa.DataType, name: str, depth: int) -> ColumnType:
    if arrow.tz and (")" in arrow.tz or has_control(arrow.tz)):
        raise SchemaError(f"column {name!r}: time zone {arrow.tz!r} may not hold ')' or control characters")
    return timestamp(arrow.unit, arrow.tz)


def _from_decimal(arrow: pa.DataType, name: str, depth: int) -> ColumnType:
    if not 1 <= arrow.precision <= 38 or not -38 <= arrow.scale <= 38:
        raise SchemaError(f"column {name!r}: {arrow}: precision must be 1 to 38 and scale -38 to 38")
    return decimal128(arrow.precision, arrow.scale)


def _from_fixed_binary(arrow: pa.DataType, name: str, depth: int) -> ColumnType:
    if not 1 <= arrow.byte_width <= 65_535:
        raise SchemaError(f"column {name!r}: {arrow}: width must be 1 to 65535; use binary")
    return fixed_binary(arrow.byte_width)


def _from_list(arrow: pa.DataType, name: str, depth: int) -> ColumnType:
    return list_of(_from_arrow(arrow.value_type, f"{name}.element", depth + 1), arrow.value_field.nullable)


def _from_struct(arrow: pa.DataType, name: str, depth: int) -> ColumnType:
    fields = [arrow.field(index) for index in range(arrow.num_fields)]
    if not fields or len({field.name for field in fields}) != len(fields):
        raise SchemaError(f"column {name!r}: a struct needs at least one field, and distinct names")
    children = (
        Field(-1, f.name, _from_arrow(f.type, f"{name}.{f.name}", depth + 1), f.nullable) for f in fields
    )
    return struct_of(tuple(children))


def _from_map(arrow: pa.DataType, name: str, depth: int) -> ColumnType:
    key = _from_arrow(arrow.key_type, f"{name}.key", depth + 1)
    value = _from_arrow(arrow.item_type, f"{name}.value", depth + 1)
    return map_of(key, value, arrow.item_field.nullable)


def _type_test(name: str) -> Callable[[pa.DataType], bool]:
    """A test of pyarrow.types by name; False on versions of Arrow that do not know the type."""
    test: Callable[[pa.DataType], bool] | None = getattr(pa.types, name, None)
    return test if test is not None else lambda arrow: False


Conversion = Callable[[pa.DataType, str, int], ColumnType]
_CONVERSIONS: Final[tuple[tuple[Callable[[pa.DataType], bool], Conversion], ...]] = (
    (pa.types.is_timestamp, _from_timestamp),
    (_type_test("is_decimal32"), _from_decimal),
    (_type_test("is_decimal64"), _from_decimal),
    (pa.types.is_decimal128, _from_decimal),
    (pa.types.is_large_string, lambda arrow, name, depth: _LEAVES["string"]),
    (_type_test("is_string_view"), lambda arrow, name, depth: _LEAVES["string"]),
    (pa.types.is_large_binary, lambda arrow, name, depth: _LEAVES["binary"]),
    (_type_test("is_binary_view"), lambda arrow, name, depth: _LEAVES["binary"]),
    (pa.types.is_fixed_size_binary, _from_fixed_binary),
    (pa.types.is_dictionary, lambda arrow, name, depth: _from_arrow(arrow.value_type, name, depth)),
    (pa.types.is_map, _from_map),
    (pa.types.is_list, _from_list),
    (pa.types.is_large_list, _from_list),
    (pa.types.is_struct, _from_struct),
)
_REMEDIES: Final[tuple[tuple[Callable[[pa.DataType], bool], str], ...]] = (
    (pa.types.is_null, "give the column a type, such as string"),
    (pa.types.is_float16, "use float32"),
    (pa.types.is_date64, "use date32 or timestamp('ms')"),
    (pa.types.is_duration, "use int64"),
    (pa.types.is_decimal256, "use decimal128 with a precision of at most 38"),
    (pa.types.is_fixed_size_list, "use list"),
    (_type_test("is_list_view"), "use list"),
    (_type_test("is_large_list_view"), "use list"),
    (_type_test("is_run_end_encoded"), "decode it to its value type"),
    (pa.types.is_union, "use a struct with one nullable field for each case"),
    (lambda arrow: isinstance(arrow, pa.BaseExtensionType), "use its storage type"),
)


def _json_levels(column_type: ColumnType) -> int:
    """How many objects and arrays the JSON of the type nests."""
    if not column_type.nested:
        return 0
    if column_type.name == "list":
        return 2 + _json_levels(column_type.children[0].type)
    members = column_type if column_type.name == "struct" else column_type.children[0].type
    return 3 + max(_json_levels(child.type) for child in members.children)
