"""Values as people read them: sizes, counts, times; and text from files made harmless for a terminal."""

from __future__ import annotations

import datetime
import json
import math
import unicodedata
from typing import Any, Final

_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def printable(text: str) -> str:
    """The text with every control, format and unassigned character escaped: it cannot steer a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def json_text(value: Any, *, ascii_only: bool = False) -> str:
    """One line of valid JSON that holds no control character; numbers that JSON lacks become texts."""
    text = json.dumps(finite(value), ensure_ascii=ascii_only, separators=(", ", ": "))
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def finite(value: Any) -> Any:
    """NaN and infinities as texts, everywhere in a value."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


def human_bytes(size: int) -> str:
    """1,048,576 as "1.0 MiB"."""
    if size < 0:
        return "-" + human_bytes(-size)
    value = float(size)
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            break
        value /= 1024
    return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"


def moment(millis: int) -> str:
    """Milliseconds since the epoch as a time of day in UTC."""
    when = datetime.datetime.fromtimestamp(0, datetime.UTC) + datetime.timedelta(milliseconds=millis)
    return when.strftime("%Y-%m-%d %H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


def width_of(text: str) -> int:
    """Columns that a terminal needs for the text."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def padded(text: str, width: int, *, right: bool = False) -> str:
    """The text with spaces up to `width` columns; longer text stays whole."""
    space = " " * max(0, width - width_of(text))
    return space + text if right else text + space


def shortened(text: str, width: int, ellipsis: str) -> str:
    """The text cut to `width` columns, with an ellipsis if anything was cut."""
    if width_of(text) <= width:
        return text
    kept = ""
    for character in text:
        if width_of(kept + character) > width - len(ellipsis):
            break
        kept += character
    return kept + ellipsis


def plural(count: int, noun: str) -> str:
    """ "1 file", "12,000 files"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def short_id(file_id: str) -> str:
    """The part of a file id that tells files of one table apart."""
    return file_id[-8:]
