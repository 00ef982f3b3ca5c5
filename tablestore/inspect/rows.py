"""`cat`: merged rows of a table, or the stored rows of one SST with their sequences and row kinds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa

from tablestore.errors import FilterError, FormatError
from tablestore.file import column_reader
from tablestore.file.column_reader import Piece
from tablestore.file.sst_reader import SstReader
from tablestore.filter import parse_filter
from tablestore.inspect.console import Console
from tablestore.inspect.records import RowColour, show_rows
from tablestore.inspect.report import Column
from tablestore.inspect.status import FINDING, UsageError
from tablestore.inspect.target import Opened, Target
from tablestore.inspect.values import ROW_KINDS, plain

LIMIT_ON_TERMINAL: Final = 100
_PAGE: Final = 4_096
Rows = list[tuple[Any, ...]]


def cat_table(
    opened: Opened, names: Sequence[str] | None, where: str | None, limit: int | None, console: Console
) -> None:
    """Rows as a reader of the table sees them, partition by partition, bucket by bucket, in key order."""
    asked = asked_rows(limit, console)
    found = opened.view.scan(columns=names, filter=where, limit=_one_more(asked))
    described = [Column(field.name, kind_of(field.type)) for field in found.schema]
    show_cut(described, pages_of(found.to_batches()), asked, limit is None, console)


def cat_file(
    target: Target, names: Sequence[str] | None, where: str | None, limit: int | None, console: Console
) -> None:
    """Stored rows of one SST. Blocks that cannot be read are named and left out."""
    asked = asked_rows(limit, console)
    with SstReader(target.storage, target.path) as reader:
        schema = pa.schema([_arrow_field(column.field.arrow) for column in reader.properties.columns])
        unknown = [name for name in names or () if name not in schema.names]
        if unknown:
            raise UsageError(f"no column {unknown[0]!r}; the file has {', '.join(schema.names)}")
        condition = parse_filter(where, schema) if where is not None else None
        wanted = list(names) if names is not None else list(schema.names)
        described = [Column(name, kind_of(schema.field(name).type)) for name in wanted]

        def batches() -> Iterator[pa.RecordBatch]:
            for table in _blocks(reader, schema, console):
                kept = table if condition is None else _filtered(table, condition)
                yield from kept.select(wanted).to_batches()

        show_cut(described, pages_of(batches()), asked, limit is None, console)


def _blocks(reader: SstReader, schema: pa.Schema, console: Console) -> Iterator[pa.Table]:
    for index in range(int(reader.footer.block_count)):
        piece = [Piece(reader, int(reader.row_start[index]), int(reader.row_start[index + 1]))]
        try:
            columns = [
                column_reader.read_column(piece, column.field).to_arrow()
                for column in reader.properties.columns
            ]
        except FormatError as error:
            console.status = FINDING
            console.note(f"block {index} left out: {error}")
            continue
        kinds = next(i for i, c in enumerate(reader.properties.columns) if c.role == "row_kind")
        columns[kinds] = pa.array([ROW_KINDS[kind] for kind in columns[kinds].to_pylist()], pa.string())
        yield pa.Table.from_arrays(columns, schema=schema)


def _arrow_field(field: pa.Field) -> pa.Field:
    """Row kinds are shown, and compared with, as texts."""
    return pa.field(field.name, pa.string(), False) if field.name == "_row_kind" else field


def _filtered(table: pa.Table, condition: Any) -> pa.Table:
    try:
        return table.filter(condition)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError) as error:
        raise FilterError(f"the filter cannot be applied: {error}") from None


def asked_rows(limit: int | None, console: Console) -> int | None:
    """Rows to show: what was asked for; else all, but on a terminal a screenful or two."""
    if limit is not None:
        return limit if limit >= 0 else None
    return LIMIT_ON_TERMINAL if console.terminal else None


def _one_more(limit: int | None) -> int | None:
    return None if limit is None else limit + 1


def pages_of(batches: Iterable[pa.RecordBatch]) -> Iterator[Rows]:
    """Arrow batches as pages of plain values."""
    for batch in batches:
        for start in range(0, batch.num_rows, _PAGE):
            part = batch.slice(start, _PAGE)
            yield list(zip(*(plain(column) for column in part.columns), strict=True))


def show_cut(
    described: Sequence[Column],
    pages: Iterator[Rows],
    asked: int | None,
    chosen_here: bool,
    console: Console,
    colour_of: RowColour | None = None,
) -> None:
    """Write at most `asked` rows and say so if there are more."""
    more = False

    def cut() -> Iterator[Rows]:
        nonlocal more
        left = asked
        for page in pages:
            if left is None:
                yield page
                continue
            yield page[:left]
            if len(page) > left:
                more = True
                return
            left -= len(page)

    shown = show_rows(described, cut(), console, colour_of=colour_of)
    if more and chosen_here:
        console.note(f"the first {shown:,} rows; --limit N shows more, --limit all every row")


def kind_of(kind: pa.DataType) -> str:
    """How a column of this type is shown."""
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return "number" if numeric else "text"
