"""Decodes columns of open SSTs: the chunks of any number of files are fetched, checked and decoded in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore._native import block, memory
from tablestore.errors import FormatError
from tablestore.file import chunk_reader, nested
from tablestore.file import vector as vectors
from tablestore.file.joint import Extent, JointColumn, JointDirectory
from tablestore.file.sst_reader import SstReader
from tablestore.file.vector import Index, Vector
from tablestore.types import Field

U32 = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows [start, stop) of an open file."""

    reader: SstReader
    start: int
    stop: int

    def blocks(self) -> tuple[int, int]:
        """First and one past the last block that hold the rows."""
        starts = self.reader.row_start
        first = int(np.searchsorted(starts, self.start, "right")) - 1
        last = int(np.searchsorted(starts, self.stop, "left"))
        return first, last


def extent_of(pieces: Sequence[Piece], wanted: npt.NDArray[np.bool_] | None = None) -> Extent:
    """The rows of `pieces`, one after another; wanted: bool over the blocks of all pieces in order."""
    joint = JointDirectory([piece.reader for piece in pieces])
    bases = joint.row_start[joint.file_start[:-1]]
    starts = bases + np.array([piece.start for piece in pieces], np.int64)
    stops = bases + np.array([piece.stop for piece in pieces], np.int64)
    extent = joint.spans(starts, stops)
    return extent if wanted is None else extent.only(wanted)


def pieces_of(extent: Extent) -> list[Piece]:
    """The rows of an extent as pieces of its files."""
    joint, block, stops = extent.joint, extent.block, extent.skip + extent.take
    if len(block) == 0:
        return []
    whole = stops[:-1] == joint.rows[block[:-1]]
    follows = (block[1:] == block[:-1] + 1) & (joint.file_of[block[1:]] == joint.file_of[block[:-1]])
    breaks = np.flatnonzero(~(follows & whole & (extent.skip[1:] == 0))) + 1
    pieces = []
    for start, stop in zip([0, *breaks.tolist()], [*breaks.tolist(), len(block)], strict=True):
        reader, first = extent.place(start)
        _, last = extent.place(stop - 1)
        starts = reader.row_start
        rows = int(starts[first]) + int(extent.skip[start]), int(starts[last]) + int(stops[stop - 1])
        pieces.append(Piece(reader, *rows))
    return pieces


def read_column(pieces: Sequence[Piece], field: Field, wanted: npt.NDArray[np.bool_] | None = None) -> Vector:
    """The rows of `pieces`, one after another, of the column `field`.

    wanted: bool[chunks], over the blocks of all pieces in order: the rows of other chunks are left out.
    """
    return read(extent_of(pieces, wanted), field)


def read(extent: Extent, field: Field, index: Index | None = None) -> Vector:
    """The rows of an extent of the column `field`, nulls where a file does not have it.

    index: uint32[m], rows of the extent that are wanted, in this order; None for all. Blocks that hold none of them
    are better left out of the extent: their chunks are read all the same.
    """
    if len(extent.block) == 0:
        return vectors.nulls(field.type, 0)
    column = extent.joint.column(field)
    if column.present is None:
        return _decode(extent, column, field, index)
    parts = []
    present = column.present[extent.block]
    breaks = np.flatnonzero(present[1:] != present[:-1]) + 1
    for start, stop in zip([0, *breaks.tolist()], [*breaks.tolist(), len(present)], strict=True):
        part = Extent(
            extent.joint, extent.block[start:stop], extent.skip[start:stop], extent.take[start:stop]
        )
        known = bool(present[start])
        parts.append(_decode(part, column, field, None) if known else vectors.nulls(field.type, part.length))
    joined = vectors.concat(parts)
    return joined if index is None else joined.take(index)


def _decode(extent: Extent, column: JointColumn, field: Field, index: Index | None) -> Vector:
    """Fetch and decode the chunks of one column of an extent."""
    chosen = extent.block
    size = column.size[chosen]
    places = np.zeros(len(size) + 1, np.uint64)
    np.cumsum(size, out=places[1:])
    stored = int(places[-1])
    if field.type.nested:  # its arrays refer to the buffer
        buffer = np.empty(stored, np.uint8)
        chunk_reader.fetch(extent, column, buffer)
        found = _decode_nested(buffer, extent, column, field)
        return found if index is None else found.take(index)
    buffer = memory.empty(stored, np.uint8)
    chunk_reader.fetch(extent, column, buffer)
    return _decode_flat(buffer, places[:-1], size, extent, column, field, index)


def _decode_flat(
    buffer: npt.NDArray[np.uint8],
    offset: npt.NDArray[np.uint64],
    size: U32,
    extent: Extent,
    column: JointColumn,
    field: Field,
    index: Index | None,
) -> Vector:
    """The rows of chunks that are not nested."""
    kind = field.type
    rows = extent.joint.rows[extent.block]
    raw = column.raw_size[extent.block]
    chunks = (buffer, offset, size, rows, extent.skip, extent.take)
    length = extent.length if index is None else len(index)
    try:
        if kind.kind == "fixed":
            values, validity, nulls = block.decode_fixed(
                *chunks, kind.width, field.nullable, kind.check, kind.limit, index
            )
            vector = Vector(kind, length, values, validity=validity)
            _check_equal(raw, rows * np.uint32(kind.width), "raw size differs")
        elif kind.kind == "bits":
            values, validity, nulls = block.decode_bits(*chunks, field.nullable, index)
            vector = Vector(kind, length, values, validity=validity)
            _check_equal(raw, (rows + np.uint32(7)) // np.uint32(8), "raw size differs")
        else:
            offsets, data, validity, nulls = block.decode_variable(
                *chunks, raw, field.nullable, kind.utf8, index
            )
            vector = Vector(kind, length, data, offsets, validity)
        _check_equal(column.nulls[extent.block], nulls, "nulls differ")
    except FormatError as error:
        raise _located(error, extent, column) from None
    return vector


def _check_equal(stated: U32, found: U32, what: str) -> None:
    """Counts of chunks in the directory against those of the decoded chunks (spec §7.9)."""
    if not np.array_equal(stated, found):
        message = f"{what} from the directory"
        error = FormatError(message, code="count-mismatch", offset=0, section="7.9")
        error.chunk = int(np.flatnonzero(stated != found)[0])  # type: ignore[attr-defined]
        raise error


def _decode_nested(
    buffer: npt.NDArray[np.uint8], extent: Extent, column: JointColumn, field: Field
) -> Vector:
    parts = []
    start = 0
    for index, number in enumerate(extent.block.tolist()):
        stop = start + int(column.size[number])
        chunk = buffer[start:stop]
        start = stop
        try:
            rows = int(extent.joint.rows[number])
            array, raw_size = nested.decode_chunk(chunk, field.type, rows, field.nullable)
            if raw_size != int(column.raw_size[number]) or array.null_count != int(column.nulls[number]):
                raise FormatError(
                    "raw size or nulls differ from the directory",
                    code="count-mismatch",
                    offset=0,
                    section="7.9",
                )
        except FormatError as error:
            error.chunk = index  # type: ignore[attr-defined]
            raise _located(error, extent, column) from None
        parts.append(array.slice(int(extent.skip[index]), int(extent.take[index])))
    joined = parts[0] if len(parts) == 1 else pa.concat_arrays(parts)
    return Vector(field.type, len(joined), nested=joined)


def _located(error: FormatError, extent: Extent, column: JointColumn) -> FormatError:
    """Name the file and absolute offset of a chunk's error."""
    index: Any = getattr(error, "chunk", 0)
    if not 0 <= index < len(extent.block):
        return error
    reader, _ = extent.place(index)
    return error.located(reader.path, int(column.offset[extent.block[index]]))
