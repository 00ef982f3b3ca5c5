"""A bounds-checked reader of bytes that remembers every field it reads.

The trace names each byte of a file: field, value and the spec section that defines it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from tablestore.errors import (
    ChecksumError,
    FormatError,
    LimitExceededError,
    UnsafePathError,
    UnsupportedVersionError,
)

ERROR_CLASSES: dict[str, type[FormatError]] = {
    "checksum-mismatch": ChecksumError,
    "wrong-file": ChecksumError,
    "limit-exceeded": LimitExceededError,
    "unsupported-version": UnsupportedVersionError,
    "unknown-feature": UnsupportedVersionError,
    "bad-name": UnsafePathError,
    "unsafe-path": UnsafePathError,
}


def reject(code: str, message: str, section: str, offset: int | None = None) -> NoReturn:
    """Fail with the error class that belongs to the code of Appendix A."""
    raise ERROR_CLASSES.get(code, FormatError)(message, code=code, offset=offset, section=section)


@dataclass(frozen=True)
class Field:
    """One field as it was read: `size` bytes at `offset` of `source` ("" is the input, else a section)."""

    offset: int
    size: int
    name: str
    value: object
    section: str
    source: str = ""


class Cursor:
    """Reads data[position:end]; offsets in errors and in the trace are counted from `base`.

    path: prefix of field names; trace: list that receives a Field per read, or None; source: as in Field.
    """

    def __init__(
        self,
        data: bytes,
        *,
        start: int = 0,
        end: int | None = None,
        base: int = 0,
        path: str = "",
        trace: list[Field] | None = None,
        source: str = "",
    ) -> None:
        self.data = data
        self.position = start
        self.end = len(data) if end is None else end
        self.base = base
        self.path = path
        self.trace = trace
        self.source = source

    @property
    def offset(self) -> int:
        """Offset of the next byte, counted from the base."""
        return self.base + self.position

    @property
    def remaining(self) -> int:
        return self.end - self.position

    def note(self, offset: int, size: int, name: str, value: object, section: str) -> None:
        """Add a field to the trace; `offset` is counted from the base."""
        if self.trace is not None:
            self.trace.append(Field(offset, size, self.path + name, value, section, self.source))

    def take(self, size: int, name: str, section: str) -> bytes:
        """The next `size` bytes; `truncated` if there are fewer."""
        if size > self.remaining:
            self._truncated(size, name, section)
        taken = self.data[self.position : self.position + size]
        self.note(self.offset, size, name, taken, section)
        self.position += size
        return taken

    def unsigned(self, size: int, name: str, section: str) -> int:
        """The next little-endian unsigned integer of `size` bytes."""
        if size > self.remaining:
            self._truncated(size, name, section)
        value = int.from_bytes(self.data[self.position : self.position + size], "little")
        self.note(self.offset, size, name, value, section)
        self.position += size
        return value

    def array(self, count: int, size: int, name: str, section: str) -> list[int]:
        """`count` little-endian unsigned integers of `size` bytes each, as one field of the trace."""
        if count * size > self.remaining:
            self._truncated(count * size, name, section)
        places = range(self.position, self.position + count * size, size)
        values = [int.from_bytes(self.data[at : at + size], "little") for at in places]
        self.note(self.offset, count * size, name, values, section)
        self.position += count * size
        return values

    def within(self, size: int, name: str, section: str) -> Cursor:
        """A cursor over the next `size` bytes, which this cursor skips; its fields are named `name.`…"""
        if size > self.remaining:
            self._truncated(size, name, section)
        inner = Cursor(
            self.data,
            start=self.position,
            end=self.position + size,
            base=self.base,
            path=f"{self.path}{name}.",
            trace=self.trace,
            source=self.source,
        )
        self.position += size
        return inner

    def _truncated(self, size: int, name: str, section: str) -> NoReturn:
        message = f"{self.path}{name} needs {size} bytes, {self.remaining} left"
        reject("truncated", message, section, self.offset)

    def finish(self, section: str) -> None:
        """Reject bytes left over (`size-mismatch`)."""
        if self.remaining:
            message = f"{self.path or 'input '}has {self.remaining} bytes left over"
            reject("size-mismatch", message, section, self.offset)
