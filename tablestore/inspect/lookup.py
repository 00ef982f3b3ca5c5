"""`lookup`: the row of a key, and with a trace the way to it: hash, bucket, and in each file range, filter, block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from tablestore._native import hash as hashing
from tablestore.file import keys
from tablestore.file import vector as vectors
from tablestore.file.manifest import Entry
from tablestore.file.sst_reader import SstReader
from tablestore.inspect import status
from tablestore.inspect.console import Console
from tablestore.inspect.listing import partition_text
from tablestore.inspect.records import human_value, show_rows
from tablestore.inspect.render import show
from tablestore.inspect.report import Column, Fact, Report, section
from tablestore.inspect.status import UsageError
from tablestore.inspect.target import Opened
from tablestore.inspect.text import padded, plural, short_id, width_of
from tablestore.inspect.values import ROW_KINDS, bound_text, parse_keys, plain
from tablestore.lsm.lookup import Found, Step, lookup
from tablestore.lsm.point import PointReader
from tablestore.types import SEQUENCE

_STEPS: Final = (
    "key", "partition", "level", "file", "range", "filter", "block:number", "offset:number", "result",
    "sequence:number",
)  # fmt: skip
_VISITS_ON_TERMINAL: Final = 16


@dataclass(frozen=True)
class _Visit:
    """One file that was looked at, in words."""

    partition: str
    level: str
    file: str
    range: str
    filter: str
    block: int | None
    offset: int | None
    result: str
    sequence: int | None


@dataclass
class _Trace:
    """The way of one key."""

    text: str
    encoded: bytes
    hash: int
    bucket: int
    visits: list[_Visit]
    row: dict[str, Any] | None
    bytes_read: int = 0


def look_up(opened: Opened, texts: Sequence[str], trace: bool, console: Console) -> None:
    """Show the rows of the keys; the outcome is a finding if one of them is not in the table."""
    schema = opened.core.schema
    try:
        wanted = parse_keys(texts, schema.key_fields)
    except ValueError as error:
        raise UsageError(str(error)) from None
    points = PointReader(opened.core.cache, opened.files())
    traces = [_trace(opened, points, text, wanted.slice(index, 1)) for index, text in enumerate(texts)]
    absent = [found.text for found in traces if found.row is None]
    if console.format == "table" and trace:
        for found in traces:
            _draw(opened, found, console)
    elif trace:
        rows = [_visit_row(found, visit) for found in traces for visit in found.visits]
        facts = [Fact("found", [_summary(found) for found in traces])]
        show(Report(facts=facts, sections=[section("steps", _STEPS, rows)]), console)
    else:
        described = [Column(field.name, "number" if field.type.signed else "text") for field in schema.fields]
        page = [tuple(found.row.values()) for found in traces if found.row is not None]
        if page or console.format != "table":
            show_rows(described, [page] if page else [], console)
    if absent:
        console.status = status.FINDING
        for text in absent:
            console.note(f"{text}: not in the table")


def _summary(found: _Trace) -> dict[str, Any]:
    return {
        "key": found.text,
        "encoded": found.encoded.hex(),
        "hash": f"{found.hash:016x}",
        "bucket": found.bucket,
        "row": found.row,
        "bytes_read": found.bytes_read,
    }


def _trace(opened: Opened, points: PointReader, text: str, wanted: pa.Table) -> _Trace:
    """Look one key up, bucket by bucket of every partition, and note each file."""
    schema, cache = opened.core.schema, opened.core.cache
    parts = [
        vectors.from_arrow(wanted.column(index).combine_chunks(), field.type)
        for index, field in enumerate(schema.key_fields)
    ]
    encoded = keys.encode(parts, 1)
    hashes = encoded.hashes()
    bucket = int(hashing.buckets(hashes, schema.buckets)[0])
    result = _Trace(text, encoded.key(0), int(hashes[0]), bucket, [], None)
    for runs in points.runs(bucket):
        steps: list[Step] = []
        found = lookup(cache, runs, encoded, hashes, trace=steps)
        entries = {entry.file: entry for run in runs for entry in run.files}
        for step in steps:
            result.visits.append(_visit(opened, entries[step.file], step, found))
            result.bytes_read += _bytes_read(opened, entries[step.file], step, found)
        if len(found) and not int(found.kind[0]) & 1:
            columns = [plain(found.column(field).to_arrow())[0] for field in schema.fields]
            result.row = dict(zip(schema.arrow.names, columns, strict=True))
    return result


def _winner(found: Found) -> SstReader | None:
    return found.reader[int(found.reader_of[0])] if len(found) else None


def _visit(opened: Opened, entry: Entry, step: Step, found: Found) -> _Visit:
    partition = partition_text(opened.core.schema, entry.partition)
    fields = opened.core.schema.key_fields
    bounds = f"{bound_text(fields, entry.key_min)} to {bound_text(fields, entry.key_max)}"
    level, inside = f"L{entry.level}", bool(step.in_range)
    if not inside:
        return _Visit(partition, level, entry.file, f"no: {bounds}", "", None, None, "skipped", None)
    reader = opened.core.cache.open(entry)
    filtered = "none" if reader.filter() is None else "pass" if step.passed_filter else "no"
    block = step.blocks[0] if step.blocks else None
    offset = None if block is None else int(reader.directory.offset[0, block])
    sequence = None
    if step.found:
        winner = _winner(found)
        result = "found, an older version"
        if winner is not None and winner.file_id.hex() == entry.file:
            result = f"found {ROW_KINDS[int(found.kind[0])]}"
            sequence = int(found.column(SEQUENCE).typed("u8")[0]) or entry.sequence_min
    elif not step.passed_filter:
        result = "skipped"
    elif reader.filter() is None:
        result = "not found"
    else:
        result = "not found: a false positive of the filter"
    return _Visit(partition, level, entry.file, "yes", filtered, block, offset, result, sequence)


def _bytes_read(opened: Opened, entry: Entry, step: Step, found: Found) -> int:
    """Filter, key chunks of the block, and the row's block in all columns if the row is from here."""
    if not step.in_range:
        return 0
    reader = opened.core.cache.open(entry)
    size = int(reader.footer.filter_size)
    directory = reader.directory
    winner = _winner(found)
    from_here = step.found and winner is not None and winner.file_id.hex() == entry.file
    count = len(reader.properties.columns) if from_here else len(opened.core.schema.key_fields)
    return size + sum(int(directory.size[:count, block].sum()) for block in step.blocks)


def _visit_row(found: _Trace, visit: _Visit) -> tuple[Any, ...]:
    return (
        found.text, visit.partition, visit.level, visit.file, visit.range, visit.filter or None, visit.block,
        visit.offset, visit.result, visit.sequence,
    )  # fmt: skip


# ---- drawing


def _draw(opened: Opened, found: _Trace, console: Console) -> None:
    arrow, mark = ("→", "§") if console.unicode else ("->", "spec ")
    buckets = opened.core.schema.buckets
    console.line(
        f"key {human_value(found.text, 'text', console)}  encoded {found.encoded.hex(' ')}  ({mark}3.2)"
    )
    console.line(f"hash {found.hash:016x} {arrow} bucket {found.bucket} of {buckets}  ({mark}3.4)")
    visits, folded = _worth_a_line(found.visits, console)
    cells = [_cells(visit, console) for visit in visits]
    widths = [max(width_of(row[index]) for row in cells) for index in range(5)] if cells else []
    for row in cells:
        line = "  ".join(padded(cell, width) for cell, width in zip(row, widths, strict=False))
        text = f"  {line}  {row[-1]}".rstrip()
        console.line(console.paint(text, "green") if "FOUND" in row[-1] else text)
    if folded:
        console.line(f"  {console.ellipsis} {plural(folded, 'file')} whose range does not hold the key")
    elif not cells:
        console.line("  no file in this bucket")
    _draw_outcome(found, console)


def _worth_a_line(visits: list[_Visit], console: Console) -> tuple[list[_Visit], int]:
    """All visits; on a terminal, if they are many, without the files that were out of the question."""
    if not console.terminal or len(visits) <= _VISITS_ON_TERMINAL:
        return visits, 0
    inside = [visit for visit in visits if visit.range == "yes"]
    return inside, len(visits) - len(inside)


def _cells(visit: _Visit, console: Console) -> tuple[str, ...]:
    yes, no = ("✓", "✗") if console.unicode else ("yes", "no")
    place = f"{visit.partition}  {visit.level}".strip()
    if visit.range != "yes":
        outside = visit.range.removeprefix("no: ")
        if not console.unicode:
            outside = outside.replace("…", "...")
        return place, short_id(visit.file), f"range {no}", "", "", f"outside {outside}"
    mark = {"pass": f"bloom {yes}", "no": f"bloom {no}", "none": "no filter"}[visit.filter]
    block = "" if visit.block is None else f"block {visit.block} @ {visit.offset:,}"
    result = visit.result
    if visit.sequence is not None:
        result = f"{result.removeprefix('found ')} seq {visit.sequence}  FOUND"
    return place, short_id(visit.file), f"range {yes}", mark, block, result


def _draw_outcome(found: _Trace, console: Console) -> None:
    opened_files = [visit for visit in found.visits if visit.range == "yes"]
    blocks = sum(visit.block is not None for visit in opened_files)
    size = human_value(found.bytes_read, "bytes", console)
    cost = f"{plural(len(opened_files), 'file')}, {plural(blocks, 'block')}, {size} read"
    if found.row is None:
        deleted = any(visit.result in ("found -D", "found -U") for visit in found.visits)
        console.line(f"  {'deleted' if deleted else 'not in the table'}   {cost}")
    else:
        console.line(f"  {human_value(found.row, 'text', console)}   {cost}")
