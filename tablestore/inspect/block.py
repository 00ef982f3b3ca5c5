"""One block of an SST: its chunks, how they are encoded, and on request every byte with its field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tablestore._native import checksum
from tablestore.errors import ChecksumError, FormatError
from tablestore.file.sst import FileColumn
from tablestore.file.sst_reader import SstReader
from tablestore.inspect import hexdump, sst
from tablestore.inspect.console import Console
from tablestore.inspect.hexdump import Part
from tablestore.inspect.report import Fact, Report, Section, columns, section
from tablestore.inspect.status import UsageError
from tablestore.inspect.target import Target
from tablestore.inspect.values import bound_text, rank_text, reference_type
from tablestore.reference.block import decode_chunk
from tablestore.reference.cursor import Cursor, Field
from tablestore.reference.encoding import NAMES

_CHUNKS: Final = (
    "column", "role", "offset:number", "bytes:bytes", "raw:bytes", "nulls:count", "min", "max", "checksum", "encoding",
)  # fmt: skip


@dataclass
class _Chunk:
    """Stored bytes of a chunk, the fields read from them, and what is wrong with them."""

    ordinal: int
    column: FileColumn
    offset: int
    stored: bytes
    fields: list[Field]
    faults: list[FormatError]

    @property
    def checksum(self) -> str:
        return "BAD" if any(isinstance(fault, ChecksumError) for fault in self.faults) else "ok"


def show_block(target: Target, number: int, name: str | None, hexadecimal: bool, console: Console) -> Report:
    """The chunks of block `number`, of all columns or of `name`. Damaged chunks are decoded as far as they go."""
    try:
        reader = SstReader(target.storage, target.path)
    except FormatError:
        return sst.show_file(target, console, hexadecimal=hexadecimal)
    with reader:
        count = int(reader.footer.block_count)
        if not 0 <= number < count:
            raise UsageError(
                f"{target.given} has {count} blocks, 0 to {count - 1}: there is no block {number}"
            )
        report = Report(f"block {number} of {target.given}", main="chunks")
        chunks = [_read(target, reader, ordinal, number) for ordinal in _ordinals(reader, name)]
        for chunk in chunks:
            for fault in chunk.faults:
                report.fail(fault, target.given)
        key_fields = [column.field for column in reader.properties.columns if column.role == "key"]
        report.facts = [
            Fact("rows", int(reader.directory.rows[number]), "count"),
            Fact("deletes", int(reader.directory.deletes[number]), "count"),
            Fact("first_key", bound_text(key_fields, reader.directory.first.key(number))),
            Fact("last_key", bound_text(key_fields, reader.directory.last.key(number))),
        ]
        rows = [_row(reader, chunk, number) for chunk in chunks]
        report.sections.append(section("chunks", _CHUNKS, rows))
    if hexadecimal:
        _add_dump(report, chunks, console)
    return report


def _ordinals(reader: SstReader, name: str | None) -> list[int]:
    names = [column.field.name for column in reader.properties.columns]
    if name is None:
        return list(range(len(names)))
    if name not in names:
        raise UsageError(f"no column {name!r}; the file has {', '.join(names)}")
    return [names.index(name)]


def _read(target: Target, reader: SstReader, ordinal: int, block: int) -> _Chunk:
    directory = reader.directory
    column = reader.properties.columns[ordinal]
    offset, size = int(directory.offset[ordinal, block]), int(directory.size[ordinal, block])
    with target.storage.open(target.path) as file:
        stored = file.read_at(offset, size)
    chunk = _Chunk(ordinal, column, offset, stored, [], [])
    if checksum.context_crc(reader.file_id, ordinal, block, stored) != int(directory.crc[ordinal, block]):
        message = f"the checksum of column {column.field.name!r}, block {block}, is wrong"
        chunk.faults.append(ChecksumError(message, code="checksum-mismatch", offset=offset, section="7.6"))
    cursor = Cursor(stored, base=offset, trace=chunk.fields)
    try:
        decoded = decode_chunk(
            cursor,
            reference_type(column.field.type),
            column.field.nullable,
            int(directory.rows[block]),
            row_kind=column.role == "row_kind",
        )
    except FormatError as error:
        chunk.faults.append(error)
        return chunk
    stated = int(directory.nulls[ordinal, block]), int(directory.raw_size[ordinal, block])
    if (decoded.nulls, decoded.raw_size) != stated:
        message = f"column {column.field.name!r} has other nulls or raw bytes than its directory entry"
        chunk.faults.append(FormatError(message, code="count-mismatch", offset=offset, section="7.9"))
    return chunk


def _row(reader: SstReader, chunk: _Chunk, block: int) -> tuple[Any, ...]:
    directory = reader.directory
    low = high = None
    if directory.flags[chunk.ordinal, block] & 1:
        low = rank_text(chunk.column.field, int(directory.minimum[chunk.ordinal, block]))
        high = rank_text(chunk.column.field, int(directory.maximum[chunk.ordinal, block]))
    return (
        chunk.column.field.name, chunk.column.role, chunk.offset, len(chunk.stored),
        int(directory.raw_size[chunk.ordinal, block]), int(directory.nulls[chunk.ordinal, block]), low, high,
        chunk.checksum, encoding_text(chunk.fields),
    )  # fmt: skip


def encoding_text(fields: list[Field]) -> str:
    """The tree of encodings, such as "DICTIONARY(code BITPACK, entry VAR(length BITPACK))"."""
    names = {field.name: field.value for field in fields}
    nodes = [name.removesuffix(".encoding") for name in names if name.endswith(".encoding")]
    inner = {node: f"{node}.{_encoding(names, node)}." for node in nodes}

    def text(node: str, inside: str) -> str:
        head = _encoding(names, node) + (" zstd" if names.get(f"{node}.codec") == 1 else "")
        own = [other for other in nodes if other.startswith(inner[node])]
        children = [o for o in own if not any(o != p and o.startswith(inner[p]) for p in own)]
        listed = ", ".join(text(child, inner[node]) for child in children)
        label = node.removeprefix(inside)
        shown = f"{head}({listed})" if listed else head
        return shown if label == "values" else f"{label} {shown}"

    outer = [o for o in nodes if not any(o != p and o.startswith(inner[p]) for p in nodes)]
    return ", ".join(text(node, "") for node in outer)


def _encoding(names: dict[str, object], node: str) -> str:
    number = names[f"{node}.encoding"]
    return NAMES[number] if isinstance(number, int) and number < len(NAMES) else f"encoding {number}"


def _add_dump(report: Report, chunks: list[_Chunk], console: Console) -> None:
    listed = Section("fields", columns("column", *hexdump.FIELD_COLUMNS))
    for chunk in chunks:
        name = chunk.column.field.name
        parts = _parts(chunk)
        if console.format == "table":
            report.picture.append(f"column {name}, checksum {chunk.checksum}")
            report.picture += [*hexdump.lines(parts, console), ""]
        else:
            listed.rows += [(name, *row) for row in hexdump.records(parts).rows]
    if console.format == "table":
        report.sections, report.picture = [], report.picture[:-1]
    else:
        report.sections.append(listed)
        report.main = "fields"


def _parts(chunk: _Chunk) -> list[Part]:
    def read(at: int, size: int) -> bytes:
        return chunk.stored[at - chunk.offset : at - chunk.offset + size]

    return list(hexdump.parts(chunk.fields, chunk.offset, chunk.offset + len(chunk.stored), read))
