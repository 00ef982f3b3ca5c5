"""What callers hand in, as Arrow tables in the table's own columns, types and order.

Accepted: anything with `__arrow_c_stream__` or `__arrow_c_array__` (pyarrow, pandas, polars, duckdb,
datafusion), polars LazyFrames, datasets and scanners, a mapping of columns, and an iterable of mappings or of
Arrow batches. Arrow data stays in Arrow: no row passes through Python.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.conform import check_values, conform_column, from_values
from tablestore.errors import SchemaError
from tablestore.file.schema import TableSchema
from tablestore.types import Field, from_json

ROW_KIND_COLUMN: Final = "_row_kind"
ROW_KINDS: Final = ("+I", "-U", "+U", "-D")  # spec §5.6: the position is the code

_BATCH_ROWS: Final = 1 << 20
_BATCH_BYTES: Final = 1 << 28
_DICT_ROWS: Final = 1 << 16

# As callers give it; files hold the codes (types.ROW_KIND).
_KIND_FIELD: Final = Field(-2, ROW_KIND_COLUMN, from_json("string"), False)

Kinds = npt.NDArray[np.uint8]


def to_table(data: Any, schema: TableSchema) -> pa.Table:
    """All rows, in the columns of the schema; each column is one chunk.

    Raises SchemaError naming the column and, where one is to blame, the row.
    """
    return _joined(schema.fields, [table for table, _ in _tables(data, schema.fields, False, _BATCH_ROWS)])


def iter_tables(data: Any, schema: TableSchema, batch_rows: int = _BATCH_ROWS) -> Iterator[pa.Table]:
    """The rows in order, as tables like that of `to_table`, of at most `batch_rows` rows and some 256 MiB."""
    return (table for table, _ in _tables(data, schema.fields, False, batch_rows))


def changes_table(data: Any, schema: TableSchema) -> tuple[pa.Table, Kinds]:
    """All rows and their kinds, uint8[n], from a column `_row_kind` of "+I", "-U", "+U", "-D" or 0 … 3."""
    parts = list(_tables(data, schema.fields, True, _BATCH_ROWS))
    kinds = [kinds for _, kinds in parts]
    return _joined(schema.fields, [table for table, _ in parts]), np.concatenate(
        [*kinds, np.empty(0, np.uint8)]
    )


def iter_changes(
    data: Any, schema: TableSchema, batch_rows: int = _BATCH_ROWS
) -> Iterator[tuple[pa.Table, Kinds]]:
    """`changes_table` in parts, like `iter_tables`."""
    return _tables(data, schema.fields, True, batch_rows)


def keys_table(keys: Any, schema: TableSchema) -> pa.Table:
    """Primary keys as a table of the key columns, in primary key order; each column is one chunk.

    keys: tabular data that holds the key columns, others are ignored; or a list, array or series with one key
    each: a scalar for a single column, a tuple in primary key order for several, or a mapping.
    """
    fields = schema.key_fields
    names = [field.name for field in fields]
    if _is_tabular(keys):
        reader = _as_reader(keys, fields)
        _check_names(reader.schema.names, fields, ignore_others=True)
        parts = [_conform(part.select(names), fields, 0) for part in _slices(reader, _BATCH_ROWS)]
        return _joined(fields, parts)
    if isinstance(keys, (pa.Array, pa.ChunkedArray, np.ndarray)) or hasattr(keys, "to_numpy"):
        if len(fields) != 1:
            raise SchemaError(f"keys have {len(fields)} columns: give a table, tuples or mappings of {names}")
        values = keys if isinstance(keys, (pa.Array, pa.ChunkedArray)) else pa.array(keys, from_pandas=True)
        return _conform(pa.table([values], names=names), fields, 0)
    return _key_rows(list(keys), fields)


def is_single_key(key: Any, schema: TableSchema) -> bool:
    """Whether `key` is one key, such as an item of a list for `keys_table`, and not a collection of keys."""
    if isinstance(key, Mapping):
        return not any(
            isinstance(value, (list, np.ndarray, pa.Array, pa.ChunkedArray)) for value in key.values()
        )
    if _is_tabular(key):
        return False
    if isinstance(key, tuple):
        return len(schema.primary_key) > 1 and not any(isinstance(part, (tuple, Mapping)) for part in key)
    return isinstance(key, (str, bytes, pa.Scalar)) or not isinstance(key, Iterable)


# ---- batches


def _tables(
    data: Any, fields: Sequence[Field], changes: bool, batch_rows: int
) -> Iterator[tuple[pa.Table, Kinds]]:
    wanted = [*fields, _KIND_FIELD] if changes else fields
    reader = _as_reader(data, wanted)
    _check_names(reader.schema.names, wanted)
    first = 0
    for part in _slices(reader, batch_rows):
        kinds = _kinds(part.column(ROW_KIND_COLUMN), first) if changes else np.empty(0, np.uint8)
        yield _conform(part, fields, first), kinds
        first += part.num_rows


def _slices(reader: pa.RecordBatchReader, batch_rows: int) -> Iterator[pa.Table]:
    """The stream, cut and gathered into tables of up to `batch_rows` rows; none is empty."""
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in reader:
        whole = batch
        while whole.num_rows:
            # A batch may itself be too large: its rows are taken to be of one size.
            fitting = max(1, min(batch_rows, _BATCH_BYTES * whole.num_rows // max(1, whole.nbytes)))
            piece, whole = whole.slice(0, fitting), whole.slice(fitting)
            if waiting and (rows + piece.num_rows > batch_rows or size + piece.nbytes > _BATCH_BYTES):
                yield pa.Table.from_batches(waiting)
                waiting, rows, size = [], 0, 0
            waiting.append(piece)
            rows += piece.num_rows
            size += piece.nbytes
    if waiting:
        yield pa.Table.from_batches(waiting)


def _conform(part: pa.Table, fields: Sequence[Field], first: int) -> pa.Table:
    columns = []
    for field in fields:
        column = conform_column(part.column(field.name), field, first)
        check_values(column, field, first)
        columns.append(column)
    return pa.table(columns, schema=_arrow_schema(fields))


def _joined(fields: Sequence[Field], parts: list[pa.Table]) -> pa.Table:
    if len(parts) == 1:
        return parts[0]
    whole = pa.concat_tables(parts) if parts else _arrow_schema(fields).empty_table()
    try:
        return whole.combine_chunks()
    except pa.ArrowInvalid as error:
        raise SchemaError(f"too much text for one table, write it in parts: {error}") from None


def _arrow_schema(fields: Sequence[Field]) -> pa.Schema:
    return pa.schema([field.arrow for field in fields])


def _check_names(names: Sequence[str], fields: Sequence[Field], ignore_others: bool = False) -> None:
    for name in names:
        if names.count(name) > 1:
            raise SchemaError(f"column {name!r} occurs more than once in the data")
    missing = [field.name for field in fields if field.name not in names]
    if missing:
        raise SchemaError(
            f"column {missing[0]!r} is missing; the data has {', '.join(map(repr, names[:50])) or 'none'}"
        )
    wanted = {field.name for field in fields}
    others = [] if ignore_others else [name for name in names if name not in wanted]
    if others == [ROW_KIND_COLUMN]:
        raise SchemaError(f"the data has a column {ROW_KIND_COLUMN!r}: use apply_changes")
    if others:
        raise SchemaError(
            f"column {others[0]!r} is not a column of the table: {', '.join(map(repr, sorted(wanted)))}"
        )


# ---- row kinds


def _kinds(column: pa.ChunkedArray, first: int) -> Kinds:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type):
        codes = pc.if_else(pc.is_in(column, pa.array(range(4), column.type)), column, None)
    elif pa.types.is_string(column.type) or _is_other_text(column.type):
        codes = pc.index_in(column, pa.array(ROW_KINDS, column.type))
    else:
        raise SchemaError(f"column {ROW_KIND_COLUMN!r} is {column.type}, not text")
    if codes.null_count:
        row = int(pc.index(codes.is_null(), pa.scalar(True)).as_py())
        raise SchemaError(
            f"row {first + row}: {ROW_KIND_COLUMN} {column[row].as_py()!r} is none of {', '.join(ROW_KINDS)}"
        )
    kinds: Kinds = codes.cast(pa.uint8()).combine_chunks().to_numpy(zero_copy_only=False)
    return kinds


def _is_other_text(arrow: pa.DataType) -> bool:
    return pa.types.is_large_string(arrow) or str(arrow) == "string_view"


# ---- sources


def _is_tabular(data: Any) -> bool:
    if isinstance(data, (pa.Array, pa.ChunkedArray)):
        return False
    names = ("__arrow_c_stream__", "__arrow_c_array__", "to_reader", "scanner", "collect_schema")
    if any(hasattr(data, name) for name in names):
        # Series of data frame libraries export their one column as a stream, too.
        return not _is_series(data)
    return isinstance(data, Mapping)


def _is_series(data: Any) -> bool:
    return type(data).__name__ == "Series"


def _as_reader(data: Any, fields: Sequence[Field]) -> pa.RecordBatchReader:
    """Any input as a stream of batches in its own types."""
    if isinstance(data, pa.RecordBatchReader):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.RecordBatchReader.from_batches(data.schema, [data])
    if isinstance(data, pa.Table):
        return data.to_reader()
    if _module_of(data) == "pandas":
        return pa.Table.from_pandas(data, preserve_index=False).to_reader()
    if (
        _module_of(data) == "polars"
        and hasattr(data, "collect_schema")
        and not hasattr(data, "__arrow_c_stream__")
    ):
        return pa.RecordBatchReader.from_stream(data.collect())
    if hasattr(data, "__arrow_c_stream__") and not _is_series(data):
        return pa.RecordBatchReader.from_stream(data)
    if hasattr(data, "__arrow_c_array__") and not isinstance(data, pa.Array):
        batch = pa.record_batch(data)
        return pa.RecordBatchReader.from_batches(batch.schema, [batch])
    if hasattr(data, "scanner"):
        data = data.scanner()
    if hasattr(data, "to_reader"):
        return data.to_reader()
    if isinstance(data, Mapping):
        return _columns_reader(data, fields)
    if isinstance(data, Iterable) and not isinstance(
        data, (str, bytes, pa.Array, pa.ChunkedArray, np.ndarray)
    ):
        return _rows_reader(iter(data), fields)
    raise SchemaError(
        f"{type(data).__name__} is no table: give Arrow data, a data frame, a list of dicts, a dict of lists"
    )


def _module_of(data: Any) -> str:
    return type(data).__module__.partition(".")[0]


def _columns_reader(data: Mapping[str, Any], fields: Sequence[Field]) -> pa.RecordBatchReader:
    _check_names([str(name) for name in data], fields)
    columns = {}
    for field in fields:
        values = data[field.name]
        if isinstance(values, (pa.Array, pa.ChunkedArray)):
            columns[field.name] = values
        elif (
            isinstance(values, np.ndarray)
            or hasattr(values, "__arrow_c_array__")
            or hasattr(values, "to_numpy")
        ):
            columns[field.name] = pa.array(values, from_pandas=True)
        else:
            columns[field.name] = from_values(list(values), field, 0)
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise SchemaError(f"the columns differ in length: {lengths}")
    return pa.table(columns).to_reader()


def _rows_reader(rows: Iterator[Any], fields: Sequence[Field]) -> pa.RecordBatchReader:
    """Mappings, one a row; a name that a row lacks is null. Or Arrow batches and tables."""
    start = next(rows, None)
    schema = _arrow_schema([Field(f.id, f.name, f.type, True) for f in fields])
    if start is None:
        return pa.RecordBatchReader.from_batches(schema, [])
    rows = itertools.chain([start], rows)
    if isinstance(start, (pa.RecordBatch, pa.Table)):
        batches = itertools.chain.from_iterable(_batches_of(part, start.schema) for part in rows)
        return pa.RecordBatchReader.from_batches(start.schema, batches)
    return pa.RecordBatchReader.from_batches(schema, _row_batches(rows, fields, schema))


def _batches_of(part: Any, schema: pa.Schema) -> list[pa.RecordBatch]:
    if not isinstance(part, (pa.RecordBatch, pa.Table)) or not part.schema.equals(schema):
        raise SchemaError("the batches of the data differ in their columns")
    return [part] if isinstance(part, pa.RecordBatch) else part.to_batches()


def _row_batches(rows: Iterator[Any], fields: Sequence[Field], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    first = 0
    wanted = {field.name for field in fields}
    while chunk := list(itertools.islice(rows, _DICT_ROWS)):
        for position, row in enumerate(chunk):
            if not isinstance(row, Mapping):
                raise SchemaError(f"row {first + position} is {type(row).__name__}, not a mapping of columns")
            if not row.keys() <= wanted:
                _check_names(list(wanted | row.keys()), fields)
        columns = [from_values([row.get(field.name) for row in chunk], field, first) for field in fields]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
        first += len(chunk)


def _key_rows(keys: list[Any], fields: Sequence[Field]) -> pa.Table:
    names = [field.name for field in fields]
    if len(fields) == 1 and not any(
        issubclass(kind, (tuple, list, Mapping)) for kind in set(map(type, keys))
    ):
        return _conform(pa.table([from_values(keys, fields[0], 0)], names=names), fields, 0)
    columns: list[list[Any]] = [[] for _ in fields]
    for position, key in enumerate(keys):
        if isinstance(key, Mapping):
            missing = [name for name in names if name not in key]
            if missing:
                raise SchemaError(f"key {position} lacks the column {missing[0]!r}")
            parts: Sequence[Any] = [key[name] for name in names]
        elif len(fields) == 1 and not isinstance(key, tuple):
            parts = (key,)
        else:
            parts = key
        if not isinstance(parts, (tuple, list)) or len(parts) != len(fields):
            raise SchemaError(f"key {position} is {key!r}, not a tuple of {', '.join(names)}")
        for column, part in zip(columns, parts, strict=True):
            column.append(part)
    arrays = [from_values(column, field, 0) for column, field in zip(columns, fields, strict=True)]
    return _conform(pa.table(arrays, names=names), fields, 0)
