"""Values of any column type in forms that JSON has; key bounds and ranks turned back into values."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from tablestore import types
from tablestore.errors import FormatError
from tablestore.file.keys import BOUND_SIZE
from tablestore.lsm.plan import partition_column
from tablestore.reference import key as reference_key
from tablestore.reference.type import Type, parse_type
from tablestore.types import ColumnType, Field

ROW_KINDS: Final = ("+I", "-U", "+U", "-D")
_OUT_OF_RANGE: Final = "<value out of range: "


def plain(array: pa.Array) -> list[Any]:
    """Python values that JSON can hold: times and decimals as texts, bytes as hexadecimal, a map as pairs."""
    kind = array.type
    if pa.types.is_temporal(kind):
        return _times(array)
    if pa.types.is_decimal(kind):
        return [None if value is None else str(value) for value in array.to_pylist()]
    if pa.types.is_float32(kind):
        return [None if value is None else float(value) for value in pc.cast(array, pa.string()).to_pylist()]
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return [None if value is None else value.hex() for value in array.to_pylist()]
    if pa.types.is_struct(kind):
        children = [plain(array.field(index)) for index in range(kind.num_fields)]
        names = [kind.field(index).name for index in range(kind.num_fields)]
        rows = zip(*children, strict=True) if children else iter([()] * len(array))
        return [
            dict(zip(names, row, strict=True)) if valid else None
            for row, valid in zip(rows, array.is_valid().to_pylist(), strict=True)
        ]
    if pa.types.is_map(kind):
        return [_pairs(scalar.values) if scalar.is_valid else None for scalar in array]
    if pa.types.is_list(kind):
        return [plain(scalar.values) if scalar.is_valid else None for scalar in array]
    values: list[Any] = array.to_pylist()
    return values


def _pairs(entries: pa.StructArray) -> list[list[Any]]:
    keys, values = plain(entries.field(0)), plain(entries.field(1))
    return [[key, value] for key, value in zip(keys, values, strict=True)]


def _times(array: pa.Array) -> list[str | None]:
    """Dates and times as ISO texts, instants in UTC with a Z; what no calendar has, as its number."""
    suffix = ""
    if pa.types.is_timestamp(array.type) and array.type.tz:
        suffix = "Z"
        array = array.view(pa.timestamp(array.type.unit))
    texts = pc.cast(array, pa.string()).to_pylist()
    return [None if text is None else _in_calendar(text, suffix) for text in texts]


def _in_calendar(text: str, suffix: str) -> str:
    return text[len(_OUT_OF_RANGE) : -1] if text.startswith(_OUT_OF_RANGE) else text + suffix


def value_text(value: Any) -> str:
    """A value of `plain` inside a line of text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def physical_text(field: Field, value: Any) -> str:
    """A physical value (spec §5.5: a date is a number) as text."""
    return value_text(plain(partition_column(field, [value]))[0])


# ---- keys


def reference_type(kind: ColumnType) -> Type:
    """The same type for the plain decoder."""
    return parse_type(types.to_json(kind))


def bound_text(fields: Sequence[Field], bound: bytes) -> str:
    """A key bound (spec §3.5) as the values of its columns; an ellipsis where the bound was cut."""
    parts = []
    rest = bound
    for index, field in enumerate(fields):
        piece, rest, whole = _component(field, rest, index == len(fields) - 1, len(bound) == BOUND_SIZE)
        try:
            if not whole:
                raise FormatError("the bound was cut", code="truncated")
            values = reference_key.decode_key([reference_type(field.type)], piece)
            parts.append(physical_text(field, values[0]))
        except FormatError:
            parts.append(piece.decode("utf-8", "ignore") + "…" if field.type.utf8 else piece.hex() + "…")
        if not whole:
            break
    return ", ".join(parts)


def _component(field: Field, rest: bytes, last: bool, full: bool) -> tuple[bytes, bytes, bool]:
    """One column's encoded value without escapes, what follows it, and whether it is all there."""
    if field.type.kind != "variable":
        width = field.type.width or 1
        return rest[:width], rest[width:], len(rest) >= width
    if last:
        return rest, b"", not full
    value = bytearray()
    position = 0
    while position < len(rest) and rest[position] != 0:
        if rest[position] == 1:
            position += 1
        value += rest[position : position + 1]
        position += 1
    return bytes(value), rest[position + 1 :], position < len(rest)


def parse_keys(texts: Sequence[str], fields: Sequence[Field]) -> pa.Table:
    """Keys from the command line as a table of the primary key columns.

    A key is the value itself, or for several columns the values separated by commas; a JSON array or object says it
    without doubt. Raises ValueError with the text that does not fit.
    """
    rows = [_key_values(text, fields) for text in texts]
    columns = []
    for index, field in enumerate(fields):
        try:
            columns.append(_parsed([row[index] for row in rows], field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
            shown = ", ".join(repr(row[index]) for row in rows[:3])
            raise ValueError(f"{shown} is no {field.type.name} for column {field.name!r}: {error}") from None
    return pa.table(columns, schema=pa.schema([field.arrow for field in fields]))


def _key_values(text: str, fields: Sequence[Field]) -> list[str]:
    names = [field.name for field in fields]
    values: list[Any]
    if text[:1] in ("[", "{") and (len(fields) > 1 or text[:1] == "["):
        try:
            parsed = json.loads(text)
            values = [parsed[name] for name in names] if isinstance(parsed, dict) else list(parsed)
        except (ValueError, KeyError) as error:
            raise ValueError(f"{text!r} is no key in JSON: {error}") from None
    else:
        values = text.split(",") if len(fields) > 1 else [text]
    if len(values) != len(fields):
        raise ValueError(f"{text!r} has {len(values)} values; a key has {len(fields)}: {', '.join(names)}")
    return [
        value.strip() if len(fields) > 1 and isinstance(value, str) else _json_word(value) for value in values
    ]


def _json_word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _parsed(texts: Sequence[Any], kind: ColumnType) -> pa.Array:
    words = [_json_word(text) for text in texts]
    if kind.kind == "variable" and not kind.utf8:
        return pa.array([bytes.fromhex(word) for word in words], kind.arrow)
    if kind.name.startswith("fixed_binary"):
        return pa.array([bytes.fromhex(word) for word in words], kind.arrow)
    if pa.types.is_timestamp(kind.arrow) and kind.arrow.tz:
        plain_words = [word.removesuffix("Z") for word in words]
        return pc.cast(pa.array(plain_words), pa.timestamp(kind.arrow.unit)).view(kind.arrow)
    return pc.cast(pa.array(words, pa.string()), kind.arrow)


# ---- ranks


def rank_text(field: Field, rank: int) -> str | None:
    """The value of a rank (spec §2.4), or the beginning of a text; None where a rank tells nothing to people."""
    kind = field.type
    if kind.kind == "variable" or kind.name.startswith("fixed_binary"):
        raw = rank.to_bytes(8, "big")
        cut = raw.rstrip(b"\0")
        more = "…" if len(cut) == 8 else ""
        return (cut.decode("utf-8", "ignore") if kind.utf8 else cut.hex()) + more
    if not kind.exact_rank:
        return None
    if kind.floating:
        bits = rank - (1 << 63) if rank >> 63 else rank ^ ((1 << 64) - 1)
        (number,) = struct.unpack("<d", bits.to_bytes(8, "little"))
        return value_text(plain(pa.array([number], kind.arrow))[0])
    if kind.kind == "bits":
        return physical_text(field, bool(rank))
    value = rank - (1 << 63) if kind.signed else rank
    if not -(1 << (8 * kind.width - 1)) <= value < 1 << (8 * kind.width):
        return None
    return physical_text(field, value)
