"""One column of foreign data as a column of the table: exact conversions only, and every rule of its type
checked.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import SchemaError
from tablestore.types import CHECK_BELOW, HINT_OPAQUE, ColumnType, Field

VALUE_BYTES_MAX: Final = 16_777_216  # spec §0.5


def conform_column(column: pa.ChunkedArray | pa.Array, field: Field, first: int) -> pa.Array:
    """The column in the canonical Arrow type of the field, in one chunk; first: number of its first row.

    Raises SchemaError if the types do not fit or a value would change.
    """
    target = field.type.arrow
    if not _convertible(column.type, field.type):
        raise SchemaError(
            f"column {field.name!r} is {target}, the data is {column.type}: {_remedy(column.type, target)}"
        )
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    try:
        for chunk in chunks:
            chunk.validate(full=True)
        converted = [_convert(chunk, field.type, field.name) for chunk in chunks]
        if len(converted) == 1:
            return converted[0]
        return pa.concat_arrays(converted) if converted else pa.array([], target)
    except (pa.ArrowException, OverflowError) as error:
        raise SchemaError(f"column {field.name!r} is {target}, {_rows(first, column)}: {error}") from None


def from_values(values: list[Any], field: Field, first: int) -> pa.Array:
    """Python values as an array of the field's type; None is null. Raises SchemaError naming the row."""
    try:
        return pa.array(values, field.type.arrow)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        for row, value in enumerate(values):
            try:
                pa.array([value], field.type.arrow)
            except (pa.ArrowException, TypeError, ValueError, OverflowError) as reason:
                shown = repr(value)[:100]
                raise SchemaError(f"column {field.name!r}, row {first + row}: {shown}: {reason}") from None
        raise SchemaError(f"column {field.name!r}: {error}") from None


def check_values(array: pa.Array, field: Field, first: int) -> None:
    """Checks what Arrow's types do not: required values, times of day, sizes.

    Raises SchemaError naming the row.
    """
    _check_required(array, field, field.name, first)
    _check_ranges(array, field.type, field.name, first)


def _check_required(array: pa.Array, field: Field, name: str, first: int) -> None:
    if not field.nullable and array.null_count:
        row = int(pc.index(array.is_null(), pa.scalar(True)).as_py())
        raise SchemaError(f"column {name!r} may not be null, row {first + row} is")


def _check_ranges(array: pa.Array, column_type: ColumnType, name: str, first: int) -> None:
    if column_type.check == CHECK_BELOW and len(array) > array.null_count:
        numbers = array.view(pa.int32() if column_type.width == 4 else pa.int64())
        limits = pc.min_max(numbers).as_py()
        if limits["min"] < 0 or limits["max"] >= column_type.limit:
            raise SchemaError(f"column {name!r} holds a time outside one day, {_rows(first, array)}")
    elif column_type.kind == "variable" and len(array) and array.nbytes > VALUE_BYTES_MAX:
        longest = pc.max(pc.binary_length(array)).as_py() or 0
        if longest > VALUE_BYTES_MAX:
            raise SchemaError(
                f"column {name!r} holds a value of {longest} bytes, at most {VALUE_BYTES_MAX} are possible"
            )
    elif column_type.nested:
        for child, values in _children(array, column_type):
            _check_required(values, child, f"{name}.{child.name}", first)
            _check_ranges(values, child.type, f"{name}.{child.name}", first)


def _children(array: pa.Array, column_type: ColumnType) -> list[tuple[Field, pa.Array]]:
    """The children of a nested array, without what lies under its nulls."""
    if column_type.kind == "list":
        child = column_type.children[0]
        if column_type.name == "list":
            return [(child, array.flatten())]
        present = array.drop_null() if array.null_count else array
        start, end = (present.offsets[0].as_py(), present.offsets[-1].as_py()) if len(present) else (0, 0)
        pair = zip(child.type.children, (present.keys, present.items), strict=True)
        return [(part, values.slice(start, end - start)) for part, values in pair]
    present = array.drop_null() if array.null_count else array
    return list(zip(column_type.children, present.flatten(), strict=True))


# ---- conversion


def _convert(array: pa.Array, column_type: ColumnType, name: str) -> pa.Array:
    if column_type.nested and not pa.types.is_null(array.type):
        return (
            _convert_list(array, column_type, name)
            if column_type.kind == "list"
            else _convert_struct(array, column_type, name)
        )
    return (
        array if array.type.equals(column_type.arrow, check_metadata=True) else array.cast(column_type.arrow)
    )


def _convert_list(array: pa.Array, column_type: ColumnType, name: str) -> pa.Array:
    """A list or map, without the elements that lie under nulls."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if column_type.name == "map":
        lengths = np.diff(array.offsets.to_numpy())
    else:
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    if array.null_count:
        lengths = np.where(array.is_null().to_numpy(zero_copy_only=False), 0, lengths)
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
    # A null among the offsets makes the row null.
    absent = np.append(array.is_null().to_numpy(zero_copy_only=False), False) if array.null_count else None
    offsets = pa.array(ends, pa.int32(), mask=absent)
    element = column_type.children[0]
    if column_type.name == "list":
        values = _convert_child(array.flatten(), element, None, name)
        return pa.ListArray.from_arrays(offsets, values, type=column_type.arrow)
    present = array.drop_null() if array.null_count else array
    start, size = (present.offsets[0].as_py() if len(present) else 0), int(ends[-1])
    keys, items = (
        _convert_child(values.slice(start, size), child, None, name)
        for values, child in zip((present.keys, present.items), element.type.children, strict=True)
    )
    return pa.MapArray.from_arrays(offsets, keys, items).cast(column_type.arrow)


def _convert_struct(array: pa.Array, column_type: ColumnType, name: str) -> pa.Array:
    absent = array.is_null() if array.null_count else None
    parts = [
        _convert_child(array.field(index), child, absent, name)
        for index, child in enumerate(column_type.children)
    ]
    return pa.StructArray.from_arrays(
        parts, fields=[child.arrow for child in column_type.children], mask=absent
    )


def _convert_child(array: pa.Array, child: Field, absent: pa.Array | None, name: str) -> pa.Array:
    """A child of a nested array; absent: rows where the parent is null, in which a required child gets any
    value.
    """
    converted = _convert(array, child.type, f"{name}.{child.name}")
    if child.nullable or not converted.null_count:
        return converted
    missing = converted.is_null()
    exposed = missing if absent is None else pc.and_not(missing, absent)
    if pc.any(exposed).as_py():
        row = int(pc.index(exposed, pa.scalar(True)).as_py())
        raise SchemaError(f"column '{name}.{child.name}' may not be null, value {row} is")
    filler = pa.array([_any_value(child.type)], child.type.arrow)
    rows = pc.if_else(missing, len(converted), pa.array(np.arange(len(converted))))
    return pa.concat_arrays([converted, filler]).take(rows)


def _any_value(column_type: ColumnType) -> Any:
    if column_type.kind == "list":
        return []
    if column_type.kind == "struct":
        return {child.name: _any_value(child.type) for child in column_type.children}
    if column_type.kind == "variable" or column_type.hint == HINT_OPAQUE:
        return "" if column_type.utf8 else bytes(column_type.width)
    return False if column_type.kind == "bits" else 0


# ---- which types may become which


def _convertible(source: pa.DataType, target: ColumnType) -> bool:
    """Whether a cast keeps the meaning of values; that it keeps each value is left to the checked cast."""
    return bool(_kinship(source, target))


def _kinship(source: pa.DataType, target: ColumnType) -> object:
    arrow = target.arrow
    if source.equals(arrow) or pa.types.is_null(source):
        return True
    if pa.types.is_dictionary(source):
        return _convertible(source.value_type, target)
    if pa.types.is_integer(arrow) or pa.types.is_decimal(arrow):
        return (
            pa.types.is_integer(source)
            or pa.types.is_decimal(source)
            or (pa.types.is_integer(arrow) and pa.types.is_floating(source))
        )
    if pa.types.is_floating(arrow):
        return pa.types.is_integer(source) or (
            pa.types.is_floating(source) and source.bit_width <= arrow.bit_width
        )
    if pa.types.is_timestamp(arrow):
        return pa.types.is_timestamp(source) and (source.tz is None) == (arrow.tz is None)
    if pa.types.is_time(arrow):
        return pa.types.is_time(source)
    if pa.types.is_date32(arrow):
        return pa.types.is_date(source)
    if target.kind == "variable" or pa.types.is_fixed_size_binary(arrow):
        return _is_text(source) or (not target.utf8 and _is_bytes(source))
    return target.nested and _nested_convertible(source, target)


def _nested_convertible(source: pa.DataType, target: ColumnType) -> bool:
    if target.name == "list":
        is_list = (
            pa.types.is_list(source) or pa.types.is_large_list(source) or pa.types.is_fixed_size_list(source)
        )
        return is_list and _convertible(source.value_type, target.children[0].type)
    if target.name == "map":
        key, value = target.children[0].type.children
        return (
            pa.types.is_map(source)
            and _convertible(source.key_type, key.type)
            and _convertible(source.item_type, value.type)
        )
    return (
        pa.types.is_struct(source)
        and [source.field(index).name for index in range(source.num_fields)]
        == [child.name for child in target.children]
        and all(
            _convertible(source.field(index).type, child.type) for index, child in enumerate(target.children)
        )
    )


def _is_text(arrow: pa.DataType) -> bool:
    return pa.types.is_string(arrow) or pa.types.is_large_string(arrow) or str(arrow) == "string_view"


def _is_bytes(arrow: pa.DataType) -> bool:
    return (
        pa.types.is_binary(arrow)
        or pa.types.is_large_binary(arrow)
        or pa.types.is_fixed_size_binary(arrow)
        or str(arrow) == "binary_view"
    )


def _remedy(source: pa.DataType, target: pa.DataType) -> str:
    if pa.types.is_timestamp(source) and pa.types.is_timestamp(target):
        return "one has a time zone and the other has none; say which zone is meant"
    if pa.types.is_floating(source) and pa.types.is_floating(target):
        return "digits would be lost; cast it if that is meant"
    return "cast it first"


def _rows(first: int, column: pa.Array | pa.ChunkedArray) -> str:
    return f"rows {first} to {first + max(len(column), 1) - 1}"
