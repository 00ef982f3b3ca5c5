"""Reads SSTs (spec §7).

One read of the tail opens a file; chunks are fetched in large ranges, checked, and decoded in one call per column.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tablestore._native import bloom, checksum
from tablestore.errors import ChecksumError, FormatError, LimitExceededError
from tablestore.file import sst
from tablestore.file.directory import Directory, decode_directory
from tablestore.file.properties import Properties, decode_properties
from tablestore.file.sst import Footer
from tablestore.file.zstd import decompress
from tablestore.storage import Storage, StorageFile

TAIL_SIZE = 65_536


@dataclass(frozen=True)
class Expected:
    """What the referring entry says of a file; None = not known (a file without its table)."""

    file_id: str | None = None
    size: int | None = None
    digest: int | None = None
    table: str | None = None
    file_kind: int | None = None


class SstReader:
    """An open SST. Footer, directory and properties are checked on opening; chunks each time they are read."""

    def __init__(self, storage: Storage, path: str, expected: Expected | None = None) -> None:
        self.path = path
        self._file: StorageFile = storage.open(path)
        self._filter: npt.NDArray[np.uint8] | None = None
        self._filter_missed = 0
        self._lock = threading.Lock()
        try:
            self._open(expected or Expected())
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def __enter__(self) -> SstReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._file.size

    def _open(self, expected: Expected) -> None:
        size = self._file.size
        if expected.size is not None and size != expected.size:
            code = "truncated" if size < expected.size else "wrong-file"
            raise self._error(
                f"the file has {size} bytes, its entry says {expected.size}", code, size, "7.9", ChecksumError
            )
        if size < sst.HEADER_SIZE + sst.FOOTER_SIZE:
            raise self._error(f"{size} bytes are too few for an SST", "truncated", size, "7.2")
        tail_start = max(0, size - TAIL_SIZE)
        tail = self._file.read_at(tail_start, size - tail_start)
        header = tail[: sst.HEADER_SIZE] if tail_start == 0 else self._file.read_at(0, sst.HEADER_SIZE)
        footer_bytes = tail[-sst.FOOTER_SIZE :]
        self.file_kind, self.footer = sst.decode_footer(header, footer_bytes, size, self.path)
        self.file_id = self.footer.file_id
        self.digest = sst.digest_of(footer_bytes)
        if expected.digest is not None and self.digest != expected.digest:
            raise self._error(
                "the file is not the one its entry refers to",
                "wrong-file",
                size - sst.FOOTER_SIZE,
                "7.9",
                ChecksumError,
            )
        if expected.file_id is not None and self.file_id.hex() != expected.file_id:
            raise self._error("the file id is not that of its name", "wrong-file", 24, "7.9", ChecksumError)
        if expected.file_kind is not None and self.file_kind != expected.file_kind:
            raise self._error("the file is of another kind", "wrong-file", 20, "7.3", ChecksumError)
        self._whole = np.frombuffer(tail, np.uint8) if tail_start == 0 else None
        self._check_sections(size)
        footer = self.footer
        properties = self._section(footer.properties_offset, footer.properties_size, footer.properties_raw_size,
                                   footer.properties_crc, sst.PROPERTIES_SECTION, tail, tail_start)  # fmt: skip
        self.properties: Properties = decode_properties(properties, self.path, footer.properties_offset)
        if len(self.properties.columns) != footer.column_count:
            raise self._error(
                "properties and footer disagree in columns", "count-mismatch", footer.properties_offset, "7.5"
            )
        if expected.table is not None and self.properties.table != expected.table:
            raise self._error(
                "the file belongs to another table", "wrong-table", footer.properties_offset, "7.9"
            )
        raw = self._section(footer.directory_offset, footer.directory_size, footer.directory_raw_size,
                            footer.directory_crc, sst.DIRECTORY_SECTION, tail, tail_start)  # fmt: skip
        self.directory: Directory = decode_directory(raw, footer, self.properties, self.path)
        self._check_filter_size()
        self._ordinals = {column.field.id: ordinal for ordinal, column in enumerate(self.properties.columns)}

    def _check_sections(self, size: int) -> None:
        """Section bounds (spec §7.2, §7.9): filter, properties and directory follow each other up to the footer."""
        f: Footer = self.footer
        base = size - sst.FOOTER_SIZE
        if f.column_count > sst.COLUMNS_MAX or f.block_count > sst.BLOCKS_MAX:
            raise self._error(
                "too many columns or blocks", "limit-exceeded", base + 60, "0.5", LimitExceededError
            )
        if f.block_count == 0 or f.column_count == 0 or f.row_count == 0:
            raise self._error(
                "a file has at least one row, block and column", "count-mismatch", base + 60, "7.6"
            )
        ends = (
            f.filter_offset,
            f.filter_offset + f.filter_size,
            f.properties_offset + f.properties_size,
            f.directory_offset + f.directory_size,
        )
        starts = (sst.HEADER_SIZE, f.properties_offset, f.directory_offset, base)
        ordered = (
            f.filter_offset >= sst.HEADER_SIZE
            and ends[1] == starts[1]
            and ends[2] == starts[2]
            and ends[3] == base
        )
        if not ordered:
            raise self._error(
                "the sections do not follow each other up to the footer", "offset-out-of-range", base, "7.4"
            )
        if f.filter_size == 0 and f.filter_crc:
            raise self._error("a filter checksum without a filter", "bad-zero", base + 56, "7.4")
        for stored, raw, place in (
            (f.directory_size, f.directory_raw_size, 8),
            (f.properties_size, f.properties_raw_size, 24),
        ):
            if stored > raw:
                raise self._error(
                    "a section is larger than its raw size", "size-mismatch", base + place, "7.4"
                )
            if raw > sst.SECTION_RAW_MAX or raw > 1024 * stored + 65_536:
                raise self._error(
                    "a section's raw size is beyond the limit",
                    "limit-exceeded",
                    base + place + 4,
                    "0.5",
                    LimitExceededError,
                )

    def _check_filter_size(self) -> None:
        """A filter of a wrong size is found without reading it (spec §6.5)."""
        footer, bits = self.footer, self.properties.bits_per_key
        wanted = 8 + 32 * max(1, -(-footer.row_count * bits // 256)) if bits else 0
        if footer.filter_size != wanted:
            raise self._error(
                f"a filter of {footer.filter_size} bytes for {footer.row_count} keys of {bits} bits",
                "bad-filter",
                footer.filter_offset,
                "6.5",
            )

    def _section(
        self, offset: int, size: int, raw_size: int, crc: int, section: int, tail: bytes, tail_start: int
    ) -> bytes:
        if offset >= tail_start:
            stored = tail[offset - tail_start : offset - tail_start + size]
        else:
            stored = self._file.read_at(offset, size)
        if checksum.context_crc(self.file_id, sst.SECTION_COLUMN, section, stored) != crc:
            raise self._error(
                "the section's checksum is wrong", "checksum-mismatch", offset, "7.4", ChecksumError
            )
        if size == raw_size:
            return stored
        try:
            return decompress(stored, raw_size)
        except FormatError as error:
            raise error.located(self.path, offset) from None

    def _error(
        self, message: str, code: str, offset: int, section: str, kind: type[FormatError] = FormatError
    ) -> FormatError:
        return kind(message, code=code, file=self.path, offset=offset, section=section)

    @property
    def source(self) -> StorageFile | npt.NDArray[np.uint8]:
        """The file, or all its bytes if opening it has read them."""
        return self._file if self._whole is None else self._whole

    def ordinal(self, field_id: int) -> int | None:
        """Place of a column in the file, or None if the file does not have it."""
        return self._ordinals.get(field_id)

    @cached_property
    def row_start(self) -> npt.NDArray[np.int64]:
        """First row of each block and, last, the row count: int64[B + 1]."""
        starts = np.zeros(self.footer.block_count + 1, np.int64)
        np.cumsum(self.directory.rows, out=starts[1:])
        return starts

    def filter(self) -> npt.NDArray[np.uint8] | None:
        """The Bloom filter section (spec §6), checked, or None if the file has none."""
        if self._filter is None and self.footer.filter_size:
            raw = self._file.read_at(self.footer.filter_offset, self.footer.filter_size)
            crc = checksum.context_crc(self.file_id, sst.SECTION_COLUMN, sst.FILTER_SECTION, raw)
            if crc != self.footer.filter_crc:
                raise self._error(
                    "the filter's checksum is wrong",
                    "checksum-mismatch",
                    self.footer.filter_offset,
                    "6.5",
                    ChecksumError,
                )
            section = np.frombuffer(raw, np.uint8)
            try:
                bloom.check(section)
            except FormatError as error:
                raise error.located(self.path, self.footer.filter_offset) from None
            self._filter = section
        return self._filter

    def filter_for(self, saving: int) -> npt.NDArray[np.uint8] | None:
        """The filter, unless it is not in memory yet and larger than what it may have saved, in bytes, up to now."""
        if self._filter is None:
            self._filter_missed += saving
            if self._filter_missed < self.footer.filter_size:
                return None
        return self.filter()

    @property
    def filter_is_read(self) -> bool:
        """Whether asking the filter costs no read; a file without one has nothing to read."""
        return self._filter is not None or not self.footer.filter_size

    def chunk(self, ordinal: int, block_index: int) -> bytes:
        """Stored bytes of one chunk, checked."""
        offset = int(self.directory.offset[ordinal, block_index])
        size = int(self.directory.size[ordinal, block_index])
        stored = self._file.read_at(offset, size)
        if checksum.context_crc(self.file_id, ordinal, block_index, stored) != int(
            self.directory.crc[ordinal, block_index]
        ):
            raise self._error(
                "the chunk's checksum is wrong", "checksum-mismatch", offset, "7.6", ChecksumError
            )
        return stored
