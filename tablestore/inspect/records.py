"""Rows of any number in the four output formats, page by page as they come."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from tablestore.inspect.console import Console
from tablestore.inspect.report import Column
from tablestore.inspect.text import (
    finite,
    human_bytes,
    json_text,
    moment,
    padded,
    printable,
    shortened,
    width_of,
)

FORMATS = ("table", "json", "ndjson", "csv")
_RIGHT = ("number", "count", "bytes", "ratio")
_GAP = "  "
_CELL_MIN = 16
_BAR = 24
_ALIGNED_ROWS = 4_096
RowColour = Callable[[Sequence[Any]], str | None]


def record(columns: Sequence[Column], row: Sequence[Any]) -> dict[str, Any]:
    """A row as a JSON object."""
    return {
        column.name: machine_value(value, column.kind) for column, value in zip(columns, row, strict=True)
    }


def machine_value(value: Any, kind: str) -> Any:
    """A value for programs: exact, times in ISO form."""
    return moment(value).replace(" ", "T") if kind == "time" and value is not None else value


def human_value(value: Any, kind: str, console: Console) -> str:
    """A value for people, on one line."""
    if value is None:
        return "-"
    if kind == "time":
        return moment(value)
    if kind == "bytes":
        return f"{value:,}" if console.exact_bytes else human_bytes(value)
    if kind == "count":
        return f"{value:,}"
    if kind == "ratio":
        return f"{value:.2f}"
    if kind == "share":
        bar = ("█" if console.unicode else "#") * round(_BAR * value)
        return f"{100 * value:5.1f} % {bar}".rstrip()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if kind == "names":
        return printable(", ".join(value))
    if isinstance(value, (dict, list, tuple)):
        return printable(json_text(value))
    return printable(str(finite(value)))


def show_rows(
    columns: Sequence[Column],
    pages: Iterable[Sequence[Sequence[Any]]],
    console: Console,
    *,
    live: bool = False,
    colour_of: RowColour | None = None,
) -> int:
    """Write pages of rows as they come; returns how many rows there were. Only one page is held at a time.

    live: every page is written out before the next is asked for. colour_of: the colour of a row's line.
    """
    writers = {"json": _json_lines if live else _json_pages, "ndjson": _ndjson_pages, "csv": _csv_pages}
    count = 0

    def counted() -> Iterator[Sequence[Sequence[Any]]]:
        nonlocal count
        for page in pages:
            count += len(page)
            yield page
            if live:
                console.out.flush()

    if console.format == "table":
        _table_pages(columns, counted() if live else _filled(counted()), console, colour_of)
    else:
        writers[console.format](columns, counted(), console)
    return count


def _table_pages(
    columns: Sequence[Column],
    pages: Iterator[Sequence[Sequence[Any]]],
    console: Console,
    colour_of: RowColour | None,
) -> None:
    widths: list[int] | None = None
    for page in pages:
        cells = [
            [human_value(value, column.kind, console) for value, column in zip(row, columns, strict=True)]
            for row in page
        ]
        fresh = _widths(columns, cells, console.columns)
        if widths is None:
            _table_line([printable(column.name) for column in columns], columns, fresh, console, "dim")
        widths = fresh if widths is None else _grown(widths, fresh, console.columns)
        for row, shown in zip(page, cells, strict=True):
            _table_line(shown, columns, widths, console, colour_of(row) if colour_of else None)
    if widths is None:
        names = [printable(column.name) for column in columns]
        _table_line(names, columns, [width_of(name) for name in names], console, "dim")


def _grown(widths: list[int], fresh: list[int], room: int | None) -> list[int]:
    """Widths for the next page: those of the pages before, wider where it needs more and the terminal has room."""
    grown = [max(pair) for pair in zip(widths, fresh, strict=True)]
    return grown if room is None or sum(grown) + len(_GAP) * (len(grown) - 1) <= room else fresh


def _filled(pages: Iterator[Sequence[Sequence[Any]]]) -> Iterator[Sequence[Sequence[Any]]]:
    """The pages, joined until one is worth aligning: the first decides the widths of all."""
    gathered: list[Sequence[Any]] = []
    for page in pages:
        gathered.extend(page)
        if len(gathered) >= _ALIGNED_ROWS:
            yield gathered
            gathered = []
    if gathered:
        yield gathered


def _widths(columns: Sequence[Column], cells: Sequence[Sequence[str]], room: int | None) -> list[int]:
    """Width of each column. On a terminal the widest texts give way until a line fits; if none can fit, all stay
    whole and the terminal wraps them."""
    widths = [width_of(printable(column.name)) for column in columns]
    for row in cells:
        widths = [max(width, width_of(cell)) for width, cell in zip(widths, row, strict=True)]
    texts = [index for index, column in enumerate(columns) if column.kind == "text"]
    if room is None or not texts:
        return widths
    over = sum(widths) + len(_GAP) * (len(widths) - 1) - room
    if over > sum(max(0, widths[index] - _CELL_MIN) for index in texts):
        return widths
    for _ in range(over):
        widths[max(texts, key=lambda index: widths[index])] -= 1
    return widths


def _table_line(
    cells: Sequence[str],
    columns: Sequence[Column],
    widths: Sequence[int],
    console: Console,
    colour: str | None = None,
) -> None:
    """One aligned line. Cells are cut only where a terminal's width makes them; elsewhere nothing is lost."""
    shown = [
        shortened(cell, width, console.ellipsis) if console.terminal else cell
        for cell, width in zip(cells, widths, strict=True)
    ]
    line = _GAP.join(
        padded(cell, width, right=column.kind in _RIGHT)
        for cell, width, column in zip(shown, widths, columns, strict=True)
    ).rstrip()
    console.line(console.paint(line, colour) if colour else line)


def _json_pages(
    columns: Sequence[Column], pages: Iterator[Sequence[Sequence[Any]]], console: Console
) -> None:
    separator = "["
    for page in pages:
        for row in page:
            console.out.write(separator + "\n" + _json_row(columns, row, console))
            separator = ","
    console.line("[]" if separator == "[" else "\n]")


def _json_lines(
    columns: Sequence[Column], pages: Iterator[Sequence[Sequence[Any]]], console: Console
) -> None:
    """The same array, but every line is whole when it is written."""
    console.line("[")
    separator = ""
    for page in pages:
        for row in page:
            console.line(separator + _json_row(columns, row, console))
            separator = ","
    console.line("]")


def _ndjson_pages(
    columns: Sequence[Column], pages: Iterator[Sequence[Sequence[Any]]], console: Console
) -> None:
    for page in pages:
        for row in page:
            console.line(_json_row(columns, row, console))


def _json_row(columns: Sequence[Column], row: Sequence[Any], console: Console) -> str:
    return json_text(record(columns, row), ascii_only=not console.unicode)


def _csv_pages(columns: Sequence[Column], pages: Iterator[Sequence[Sequence[Any]]], console: Console) -> None:
    _csv_line([column.name for column in columns], console)
    for page in pages:
        for row in page:
            values = (machine_value(value, column.kind) for value, column in zip(row, columns, strict=True))
            _csv_line([_csv_cell(value) for value in values], console)


def _csv_line(cells: Sequence[str], console: Console) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow([printable(cell) for cell in cells])
    console.line(buffer.getvalue())


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (bool, dict, list, tuple)):
        return json_text(value)
    return str(finite(value))
