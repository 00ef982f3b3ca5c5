"""Fixed structures of an SST (spec §7): header, footer, properties and the columns of a file."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tablestore import types
from tablestore._native import checksum
from tablestore._native import hash as hashing
from tablestore.errors import ChecksumError, FormatError, UnsupportedVersionError
from tablestore.file import document
from tablestore.types import Field

MAJOR = 1
MINOR = 0
DATA_FILE = 1
MANIFEST_FILE = 2

HEADER_SIZE = 48
FOOTER_SIZE = 112
HEADER_MAGIC = bytes.fromhex("895453540d0a1a0a")
FOOTER_MAGIC = bytes.fromhex("0a1a0a0d54535489")

SECTION_COLUMN = 0xFFFFFFFF  # spec §1.2
DIRECTORY_SECTION = 1
PROPERTIES_SECTION = 2
FILTER_SECTION = 3

ROWS_MAX = 65_536
CHUNK_SIZE_MAX = 33_554_432
COLUMNS_MAX = 4_096
BLOCKS_MAX = 4_194_304
SECTION_RAW_MAX = 536_870_912

_HEADER = struct.Struct("<8sHHIIB3s16sI")
_FOOTER = struct.Struct("<QIIQIIQQIIIIQHHI16sHH")

STATISTICS_ENTRY = np.dtype(
    [("field", "<u4"), ("flags", "u1"), ("nulls", "<u8"), ("minimum", "<u8"), ("maximum", "<u8")]
)  # spec §9.5

SEQUENCE = types.SEQUENCE
ROW_KIND = types.ROW_KIND


@dataclass(frozen=True)
class FileColumn:
    """A column as a file stores it; role is key, sequence, row_kind or value."""

    field: Field
    role: str


def file_columns(keys: Sequence[Field], values: Sequence[Field]) -> tuple[FileColumn, ...]:
    """The columns of a file in their order (spec §7.5)."""
    return (
        *(FileColumn(field, "key") for field in keys),
        FileColumn(SEQUENCE, "sequence"),
        FileColumn(ROW_KIND, "row_kind"),
        *(FileColumn(field, "value") for field in values),
    )


def describe_columns(columns: Sequence[FileColumn]) -> list[dict[str, Any]]:
    """The `columns` member of the properties."""
    return [
        {
            "id": column.field.id,
            "name": column.field.name,
            "role": column.role,
            "type": types.to_json(column.field.type),
            "nullable": column.field.nullable,
        }
        for column in columns
    ]


_DESCRIBED: dict[tuple[FileColumn, ...], bytes] = {}


def described_json(columns: Sequence[FileColumn]) -> bytes:
    """`describe_columns` as compact JSON; a table's files all say the same, so it is kept."""
    key = tuple(columns)
    found = _DESCRIBED.get(key)
    if found is None:
        if len(_DESCRIBED) > 1000:
            _DESCRIBED.clear()
        found = _DESCRIBED[key] = document.compact_json(describe_columns(columns))
    return found


@dataclass(frozen=True)
class Footer:
    """The footer's fields (spec §7.4) without magic, version and checksum."""

    directory_offset: int
    directory_size: int
    directory_raw_size: int
    properties_offset: int
    properties_size: int
    properties_raw_size: int
    filter_offset: int
    filter_size: int
    directory_crc: int
    properties_crc: int
    filter_crc: int
    block_count: int
    row_count: int
    column_count: int
    file_id: bytes


def encode_header(file_kind: int, file_id: bytes) -> bytes:
    """The 48 bytes of spec §7.3."""
    head = _HEADER.pack(HEADER_MAGIC, MAJOR, MINOR, 0, 0, file_kind, b"\0\0\0", file_id, 0)
    return head + struct.pack("<I", checksum.crc32c(head))


def encode_footer(footer: Footer, header: bytes) -> bytes:
    """The 112 bytes of spec §7.4."""
    body = _FOOTER.pack(
        footer.directory_offset,
        footer.directory_size,
        footer.directory_raw_size,
        footer.properties_offset,
        footer.properties_size,
        footer.properties_raw_size,
        footer.filter_offset,
        footer.filter_size,
        footer.directory_crc,
        footer.properties_crc,
        footer.filter_crc,
        footer.block_count,
        footer.row_count,
        footer.column_count,
        FOOTER_SIZE,
        0,
        footer.file_id,
        MAJOR,
        MINOR,
    )
    return body + struct.pack("<I", checksum.crc32c(header[:44] + body)) + FOOTER_MAGIC


def digest_of(footer: bytes) -> int:
    """Digest of an SST: hash64 of its footer."""
    return int(hashing.hash64(footer))


def decode_footer(header: bytes, footer: bytes, size: int, file: str) -> tuple[int, Footer]:
    """Check header and footer in the order of spec §7.9; returns file_kind and the footer."""
    base = size - FOOTER_SIZE

    def fail(
        message: str, code: str, offset: int, section: str, kind: type[FormatError] = FormatError
    ) -> FormatError:
        return kind(message, code=code, file=file, offset=offset, section=section)

    if footer[104:] != FOOTER_MAGIC:
        raise fail("the footer's magic is wrong", "bad-magic", base + 104, "7.4")
    fields = _FOOTER.unpack_from(footer)
    footer_size, zero, file_id, major, minor = fields[-5:]
    if major != MAJOR:
        raise fail(
            f"format version {major} is not supported", "unsupported-version", base + 96, "0.4",
            UnsupportedVersionError,
        )  # fmt: skip
    if footer_size != FOOTER_SIZE:
        raise fail(f"footer size is {footer_size}", "size-mismatch", base + 74, "7.4")
    if zero:
        raise fail("a field that must be zero is not", "bad-zero", base + 76, "7.4")
    file_kind = _decode_header(header, file_id, (major, minor), fail)
    (stored,) = struct.unpack_from("<I", footer, 100)
    if stored != checksum.crc32c(header[:44] + footer[:100]):
        raise fail("the footer's checksum is wrong", "checksum-mismatch", base + 100, "7.4", ChecksumError)
    members = [*fields[:-5], file_id]
    return file_kind, Footer(*members)


def _decode_header(header: bytes, file_id: bytes, version: tuple[int, int], fail: Any) -> int:
    magic, major, minor, required, _, file_kind, zeros, header_id, zero = _HEADER.unpack_from(header)
    if magic != HEADER_MAGIC:
        raise fail("the header's magic is wrong", "bad-magic", 0, "7.3")
    if major != MAJOR:
        raise fail(
            f"format version {major} is not supported",
            "unsupported-version",
            8,
            "0.4",
            UnsupportedVersionError,
        )
    if required:
        raise fail(
            f"unknown required features {required:#x}", "unknown-feature", 12, "0.4", UnsupportedVersionError
        )
    if zeros != b"\0\0\0" or zero:
        raise fail("a field that must be zero is not", "bad-zero", 21 if zero == 0 else 40, "7.3")
    (stored,) = struct.unpack_from("<I", header, 44)
    if stored != checksum.crc32c(header[:44]):
        raise fail("the header's checksum is wrong", "checksum-mismatch", 44, "7.3", ChecksumError)
    if file_kind not in (DATA_FILE, MANIFEST_FILE):
        raise fail(f"file kind {file_kind} is unknown", "bad-value", 20, "7.3")
    if header_id != file_id or (major, minor) != version:
        raise fail("header and footer disagree", "wrong-file", 24, "7.4", ChecksumError)
    return int(file_kind)
