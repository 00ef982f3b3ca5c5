"""Amounts of memory as Flink's users write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tablestore.errors import SchemaError
from tablestore.flink import ddl

_MEMORY: Final = re.compile(r"([0-9]{1,15})\s*(b|bytes|k|kb|kib|m|mb|mib|g|gb|gib)?", re.IGNORECASE)
_SHIFTS: Final = {"": 0, "b": 0, "k": 10, "m": 20, "g": 30}


def memory_of(hello: Mapping[str, bytes], option: str, default: int, least: int) -> int:
    """Bytes of an option such as '128 mb'. Raises SchemaError for what is no amount, or less than `least`."""
    text = ddl.declaration(hello).options.get(option, "")
    if not text:
        return default
    found = _MEMORY.fullmatch(text.strip())
    size = int(found[1]) << _SHIFTS[(found[2] or "").lower()[:1]] if found else -1
    if size < least:
        raise SchemaError(
            f"option {option!r} = {text[:60]!r} is no amount of memory of at least {least >> 20} mb, such as '256 mb'"
        )
    return size
