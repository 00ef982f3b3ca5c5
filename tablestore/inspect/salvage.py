"""What can still be read of an SST that does not open: header, footer, and which sections are whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, cast

from tablestore._native import checksum
from tablestore.errors import FormatError
from tablestore.file import sst
from tablestore.reference import sst as reference_sst
from tablestore.reference.cursor import Cursor, Field
from tablestore.reference.properties import Properties, decode_properties
from tablestore.reference.stream import decompress
from tablestore.storage import StorageFile

HEADER_FIELDS: Final = (
    ("magic", 0), ("major", 2), ("minor", 2), ("required_features", 4), ("optional_features", 4),
    ("file_kind", 1), ("zero", 3), ("file_id", 0), ("zero", 4), ("header_crc", 4),
)  # fmt: skip
_BYTES: Final = {"magic": 8, "file_id": 16}
_FOOTER_END: Final = (("file_id", 0), ("major", 2), ("minor", 2), ("footer_crc", 4), ("magic", 0))
_SECTION_NUMBERS: Final = {
    "filter": sst.FILTER_SECTION,
    "properties": sst.PROPERTIES_SECTION,
    "directory": sst.DIRECTORY_SECTION,
}


class FileBytes:
    """A file that is sliced like bytes and read where it is sliced."""

    def __init__(self, file: StorageFile) -> None:
        self._file = file

    def __len__(self) -> int:
        return self._file.size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self._file.size)
        return self._file.read_at(start, max(0, stop - start))


@dataclass
class Salvaged:
    """fields: as they lie in the file; sections: (name, offset, size, "ok" | "BAD" | "outside the file")."""

    fields: list[Field] = field(default_factory=list)
    sections: list[tuple[str, int, int, str]] = field(default_factory=list)
    properties: Properties | None = None

    def value(self, name: str) -> Any:
        """The value of a field, or None."""
        return next((item.value for item in self.fields if item.name == name), None)


def salvage(file: StorageFile) -> Salvaged:
    """Read everything that does not depend on what is broken. Nothing of it is to be trusted."""
    found = Salvaged()
    data = cast(bytes, FileBytes(file))
    if file.size >= sst.HEADER_SIZE:
        _read_fields(
            Cursor(data, end=sst.HEADER_SIZE, path="header.", trace=found.fields), HEADER_FIELDS, "7.3"
        )
    footer_at = file.size - sst.FOOTER_SIZE
    if footer_at < sst.HEADER_SIZE or data[file.size - 8 : file.size] != sst.FOOTER_MAGIC:
        return found
    cursor = Cursor(data, start=footer_at, path="footer.", trace=found.fields)
    _read_fields(cursor, (*reference_sst.FOOTER_FIELDS, *_FOOTER_END), "7.4")
    for name in _SECTION_NUMBERS:
        _check_section(data, found, name, footer_at)
    return found


def _read_fields(cursor: Cursor, described: tuple[tuple[str, int], ...], section: str) -> None:
    for name, size in described:
        if size:
            cursor.unsigned(size, name, section)
        else:
            cursor.take(_BYTES[name], name, section)


def _check_section(data: bytes, found: Salvaged, name: str, limit: int) -> None:
    offset, size = found.value(f"footer.{name}_offset"), found.value(f"footer.{name}_size")
    if size == 0:
        return
    if offset < sst.HEADER_SIZE or offset + size > limit:
        found.sections.append((name, offset, size, "outside the file"))
        return
    stored = data[offset : offset + size]
    file_id = found.value("footer.file_id")
    crc = checksum.context_crc(file_id, sst.SECTION_COLUMN, _SECTION_NUMBERS[name], stored)
    whole = crc == found.value(f"footer.{name}_crc")
    found.sections.append((name, offset, size, "ok" if whole else "BAD"))
    if name == "properties" and whole:
        raw_size = found.value("footer.properties_raw_size")
        try:
            raw = stored if raw_size == size else decompress(stored, min(raw_size, 1 << 26), offset)
            found.properties = decode_properties(raw, offset)
        except FormatError:
            found.sections[-1] = (name, offset, size, "not readable")


def trace(file: StorageFile) -> tuple[list[Field], FormatError | None]:
    """Every field of header, footer and sections in the order of reading, and the fault that ended it."""
    fields: list[Field] = []
    try:
        reference_sst.decode_sst(cast(bytes, FileBytes(file)), trace=fields)
    except FormatError as error:
        known = {item.name for item in fields}
        fields.extend(item for item in salvage(file).fields if item.name not in known)
        return fields, error
    return fields, None
