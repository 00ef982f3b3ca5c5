"""Bytes with the names of their fields: every byte of a range appears once, decoded or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tablestore.inspect.console import Console
from tablestore.inspect.report import Section, columns
from tablestore.inspect.text import padded, printable
from tablestore.reference.cursor import Field

LINE: Final = 16
_HEX_WIDTH: Final = 3 * LINE - 1
_LABEL_WIDTH_MAX: Final = 64
_WHOLE_LINES: Final = 4  # a longer field is folded on a terminal
_VALUES_SHOWN: Final = 4
FIELD_COLUMNS: Final = ("offset:number", "size:number", "field", "value", "spec", "bytes")


@dataclass(frozen=True)
class Part:
    """A field with its bytes. name "" for bytes that no field covers; raw None for a range that is not shown."""

    offset: int
    size: int
    name: str
    value: object
    section: str
    raw: bytes | None


def parts(
    fields: Sequence[Field], start: int, end: int, read: Callable[[int, int], bytes], gaps: bool = True
) -> Iterator[Part]:
    """The innermost fields of [start, end) in order, and what lies between them. gaps: read those bytes, too."""
    position = start
    for field in _innermost(fields):
        if field.offset < position or field.offset + field.size > end:
            continue
        if field.offset > position:
            yield _gap(position, field.offset, read, gaps)
        raw = read(field.offset, field.size)
        yield Part(field.offset, field.size, field.name, field.value, field.section, raw)
        position = field.offset + field.size
    if position < end:
        yield _gap(position, end, read, gaps)


def _gap(start: int, end: int, read: Callable[[int, int], bytes], gaps: bool) -> Part:
    return Part(start, end - start, "", None, "", read(start, end - start) if gaps else None)


def _innermost(fields: Sequence[Field]) -> Iterator[Field]:
    """Fields that hold no other field, by offset. A section that was read as a whole gives way to its fields."""
    ordered = sorted((field for field in fields if field.size), key=lambda field: (field.offset, -field.size))
    for index, field in enumerate(ordered):
        following = ordered[index + 1] if index + 1 < len(ordered) else None
        end = field.offset + field.size
        if following is None or following.offset >= end or following.offset + following.size > end:
            yield field


def lines(found: Sequence[Part], console: Console, base: int = 0) -> Iterator[str]:
    """The dump as text; offsets are counted from `base` on. Long fields are folded on a terminal only."""
    width = max((len(str(part.offset + part.size)) for part in found), default=1)
    labels = [_label(part) for part in found]
    room = min(_LABEL_WIDTH_MAX, max((len(label) for label in labels), default=0))
    for part, label in zip(found, labels, strict=True):
        citation = f"§{part.section}" if part.section else ""
        if not console.unicode:
            citation = citation.replace("§", "spec ")
        if part.raw is None:
            text = f"{part.size:,} bytes of chunks: `block` shows them"
            yield f"{part.offset + base:>{width}}  {console.ellipsis} {text}"
            continue
        rows = [part.raw[at : at + LINE].hex(" ") for at in range(0, len(part.raw), LINE)]
        for index, row in enumerate(rows):
            if _folded(index, len(rows), console):
                if index == 2:
                    yield f"{'':>{width}}  {console.ellipsis} {(len(rows) - 3) * LINE:,} bytes folded"
                continue
            head = f"{part.offset + base + index * LINE:>{width}}  {row:<{_HEX_WIDTH}}"
            yield (head if index else f"{head}  {padded(label, room)}  {citation}").rstrip()


def _folded(index: int, count: int, console: Console) -> bool:
    return console.terminal and count > _WHOLE_LINES and 2 <= index < count - 1


def _label(part: Part) -> str:
    if not part.name:
        return "(not decoded)"
    is_checksum = part.name.endswith("crc") and isinstance(part.value, int)
    shown = f"{part.value:#010x}" if is_checksum else value_summary(part.value)
    return printable(f"{part.name} = {shown}" if shown else part.name)


def value_summary(value: object) -> str:
    """A field's value in a few words; "" where the bytes say it all."""
    if isinstance(value, (list, tuple)):
        shown = ", ".join(str(item) for item in value[:_VALUES_SHOWN])
        more = ", ..." if len(value) > _VALUES_SHOWN else ""
        return f"[{len(value)}] {shown}{more}"
    if isinstance(value, bytes):
        return repr(value.decode()) if value and len(value) <= LINE and _is_text(value) else ""
    return str(value)


def _is_text(value: bytes) -> bool:
    return all(0x20 <= byte < 0x7F for byte in value)


def records(found: Sequence[Part], name: str = "fields") -> Section:
    """The dump as records, for programs."""
    result = Section(name, columns(*FIELD_COLUMNS))
    for part in found:
        value: Any = part.value.hex() if isinstance(part.value, bytes) else part.value
        raw = None if part.raw is None else part.raw.hex()
        result.rows.append((part.offset, part.size, part.name or None, value, part.section or None, raw))
    return result
