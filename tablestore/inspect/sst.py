"""One SST, with or without its table: parts, columns, blocks, checksums; and what is left of a damaged one."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tablestore.errors import ChecksumError, FormatError
from tablestore.file import sst
from tablestore.file.sst_reader import SstReader
from tablestore.inspect import hexdump
from tablestore.inspect.console import Console
from tablestore.inspect.document import type_text
from tablestore.inspect.report import Fact, Report, section
from tablestore.inspect.salvage import FileBytes, salvage, trace
from tablestore.inspect.target import Target
from tablestore.inspect.text import plural
from tablestore.inspect.values import bound_text, rank_text
from tablestore.reference.encoding import NAMES
from tablestore.storage import StorageFile

_KINDS: Final = {sst.DATA_FILE: "data file", sst.MANIFEST_FILE: "manifest"}
_COLUMNS: Final = (
    "column", "role", "type", "encodings", "bytes:bytes", "raw:bytes", "ratio:ratio", "nulls:count", "min", "max",
)  # fmt: skip
_BLOCKS: Final = ("block:number", "rows:count", "deletes:count", "bytes:bytes", "first", "last")
_PARTS: Final = ("part", "offset:number", "bytes:bytes", "share:share", "checksum")
_BLOCKS_ON_TERMINAL: Final = 12
_NESTED: Final = (3, 4)  # chunk kinds of spec §5.3


def show_file(target: Target, console: Console, *, hexadecimal: bool = False) -> Report:
    """Everything about one SST but its rows; `hexadecimal`: every byte outside the chunks with its field."""
    title = f"{_KINDS.get(_kind_of(target), 'SST')} {target.given}"
    try:
        with SstReader(target.storage, target.path) as reader:
            report = _whole(reader, target.given, title, console)
    except FormatError as error:
        report = _damaged(target, title, error)
    if hexadecimal:
        with target.storage.open(target.path) as file:
            _add_dump(report, file, target.given, console)
    return report


def _kind_of(target: Target) -> int:
    return {"data": sst.DATA_FILE, "manifest": sst.MANIFEST_FILE}.get(target.kind, 0)


# ---- a file that opens


def _whole(reader: SstReader, given: str, title: str, console: Console) -> Report:
    report = Report(title, main="columns")
    properties, footer = reader.properties, reader.footer
    key_fields = [column.field for column in properties.columns if column.role == "key"]
    report.facts = [
        Fact("file_id", reader.file_id.hex()),
        Fact("bytes", reader.size, "bytes"),
        Fact("digest", f"{reader.digest:016x}"),
        Fact("table", properties.table),
        Fact("schema", properties.schema_id),
        Fact("bucket", properties.bucket),
        Fact("partition", properties.partition.hex()),
        Fact("level", properties.level),
        Fact("rows", footer.row_count, "count"),
        Fact("deletes", properties.delete_count, "count"),
        Fact("blocks", footer.block_count, "count"),
        Fact("key_min", bound_text(key_fields, properties.key_min)),
        Fact("key_max", bound_text(key_fields, properties.key_max)),
        Fact("sequences", _sequences(properties.sequence_min, properties.sequence_max)),
        Fact("filter", _filter_text(footer.filter_size, int(footer.row_count), properties.bits_per_key)),
        Fact("created_by", properties.created_by),
    ]
    encodings, chunk_state = _read_chunks(reader, given, report)
    filter_state = "ok"
    try:
        reader.filter()
    except FormatError as error:
        filter_state = "BAD"
        report.fail(error, given)
    _add_parts(report, reader, chunk_state, filter_state)
    _add_columns(report, reader, encodings)
    _add_blocks(report, reader, key_fields, console)
    return report


def _sequences(low: int, high: int) -> str:
    return f"{low} to {high}" if high else "inherited from the entry that refers to the file"


def _filter_text(size: int, rows: int, bits: int) -> str:
    if not size:
        return "none"
    blocks = max(1, (size - 8) // 32)
    # Eight bits of a 256-bit block per key: the share of set bits to the power of eight.
    full = 1 - (1 - 1 / 32) ** (rows / blocks)
    wrong = 100 * full**8
    share = f"about {wrong:.2g}" if wrong >= 0.01 else "less than 0.01"
    return f"{bits} bits a key, {share} % false positives"


def _read_chunks(reader: SstReader, given: str, report: Report) -> tuple[list[set[str]], str]:
    """Check every chunk in the order of the file; encodings seen in each column, and a word on the checksums."""
    directory = reader.directory
    encodings: list[set[str]] = [set() for _ in reader.properties.columns]
    order = np.argsort(directory.offset.reshape(-1), kind="stable")
    blocks = directory.offset.shape[1]
    bad = 0
    for index in order.tolist():
        column, block = divmod(index, blocks)
        try:
            stored = reader.chunk(column, block)
        except ChecksumError as error:
            bad += 1
            if bad == 1:
                report.fail(error, given)
            continue
        encodings[column].add(outer_encoding(stored))
    count = plural(len(order), "chunk")
    return encodings, f"ok ({count})" if not bad else f"BAD ({bad:,} of {count})"


def outer_encoding(chunk: bytes) -> str:
    """The encoding of a chunk's values (spec §5.3); "nested" for lists and structs, "?" if there is none."""
    if len(chunk) < 8:
        return "?"
    if chunk[0] in _NESTED:
        return "nested"
    at = 8
    if chunk[1]:
        at += 8 + int.from_bytes(chunk[at + 4 : at + 8], "little")
    if at + 2 > len(chunk) or chunk[at] >= len(NAMES):
        return "?"
    return NAMES[chunk[at]] + (" zstd" if chunk[at + 1] == 1 else "")


def _add_parts(report: Report, reader: SstReader, chunks: str, filter_state: str) -> None:
    footer = reader.footer
    listed = [
        ("header", 0, sst.HEADER_SIZE, "ok"),
        ("chunks", sst.HEADER_SIZE, footer.filter_offset - sst.HEADER_SIZE, chunks),
        ("filter", footer.filter_offset, footer.filter_size, filter_state),
        ("properties", footer.properties_offset, footer.properties_size, "ok"),
        ("directory", footer.directory_offset, footer.directory_size, "ok"),
        ("footer", reader.size - sst.FOOTER_SIZE, sst.FOOTER_SIZE, "ok"),
    ]
    rows: list[tuple[Any, ...]] = [
        (name, offset, size, round(size / reader.size, 4), state)
        for name, offset, size, state in listed
        if size
    ]
    report.sections.append(section("parts", _PARTS, rows))


def _add_columns(report: Report, reader: SstReader, encodings: list[set[str]]) -> None:
    directory = reader.directory
    rows: list[tuple[Any, ...]] = []
    for ordinal, column in enumerate(reader.properties.columns):
        known = directory.flags[ordinal] & 1 == 1
        low = high = None
        if known.any():
            low = rank_text(column.field, int(directory.minimum[ordinal][known].min()))
            high = rank_text(column.field, int(directory.maximum[ordinal][known].max()))
        stored, raw = int(directory.size[ordinal].sum()), int(directory.raw_size[ordinal].sum())
        rows.append(
            (
                column.field.name, column.role, type_text(column.field.type), ", ".join(sorted(encodings[ordinal])),
                stored, raw, raw / stored if stored else None, int(directory.nulls[ordinal].sum()), low, high,
            )
        )  # fmt: skip
    report.sections.append(section("columns", _COLUMNS, rows))


def _add_blocks(report: Report, reader: SstReader, key_fields: list[Any], console: Console) -> None:
    directory = reader.directory
    count = len(directory.rows)
    shown = count
    if console.terminal and console.format == "table" and count > _BLOCKS_ON_TERMINAL:
        shown = _BLOCKS_ON_TERMINAL
    size = directory.size.sum(axis=0, dtype=np.int64)
    rows: list[tuple[Any, ...]] = [
        (
            index, int(directory.rows[index]), int(directory.deletes[index]), int(size[index]),
            bound_text(key_fields, directory.first.key(index)), bound_text(key_fields, directory.last.key(index)),
        )
        for index in range(shown)
    ]  # fmt: skip
    listed = section("blocks", _BLOCKS, rows)
    if shown < count:
        listed.notes.append(f"{console.ellipsis} {count - shown:,} more blocks; a pipe gets them all")
    report.sections.append(listed)


# ---- a file that does not open


def _damaged(target: Target, title: str, error: FormatError) -> Report:
    report = Report(title)
    report.fail(error, target.given)
    with target.storage.open(target.path) as file:
        report.facts = [Fact("bytes", file.size, "bytes")]
        found = salvage(file)
    report.facts.append(Fact("note", "what follows was read past a fault: it is not to be trusted"))
    if found.value("footer.magic") is None:
        report.facts.append(Fact("footer", f"missing: a whole file ends in {sst.FOOTER_MAGIC.hex(' ')}"))
    if found.properties is not None:
        properties = found.properties
        report.facts += [
            Fact("table", properties.table),
            Fact("bucket", properties.bucket),
            Fact("level", properties.level),
            Fact("deletes", properties.delete_count, "count"),
            Fact("columns", ", ".join(column.name for column in properties.columns)),
            Fact("created_by", properties.created_by),
        ]
    fields: list[tuple[Any, ...]] = [
        (
            item.offset,
            item.name,
            item.value.hex() if isinstance(item.value, bytes) else item.value,
            item.section,
        )
        for item in found.fields
    ]
    if found.sections:
        parts: list[tuple[Any, ...]] = [(*row[:3], row[3]) for row in found.sections]
        report.sections.append(section("parts", ("part", "offset:number", "bytes:bytes", "checksum"), parts))
    described = ("offset:number", "field", "value", "spec")
    report.sections.append(section("fields", described, fields))
    return report


# ---- bytes


def _add_dump(report: Report, file: StorageFile, given: str, console: Console) -> None:
    """Header, sections and footer byte by byte; sections that are compressed once more as they are inside."""
    fields, error = trace(file)
    if error is not None and not report.faults:
        report.fail(error, given)
    data = FileBytes(file)
    here = [item for item in fields if not item.source]
    found = list(
        hexdump.parts(here, 0, file.size, lambda at, size: data[at : at + size], gaps=bool(report.faults))
    )
    if console.format == "table":
        report.sections = []
        report.picture = list(hexdump.lines(found, console))
    else:
        report.sections = [hexdump.records(found)]
        report.main = "fields"
    inside = [item for item in fields if item.source]
    if inside:
        rows: list[tuple[Any, ...]] = [
            (item.offset, item.size, item.name, hexdump.value_summary(item.value), item.section)
            for item in inside
        ]
        name = f"{inside[0].source} after decompression"
        report.sections.append(
            section(name, ("offset:number", "size:number", "field", "value", "spec"), rows)
        )
