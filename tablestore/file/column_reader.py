"""Decodes columns of open SSTs: the chunks of any number of files are fetched, checked and decoded in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tablestore._native import block
from tablestore.errors import FormatError
from tablestore.file import nested
from tablestore.file import vector as vectors
from tablestore.file.sst_reader import SstReader
from tablestore.file.vector import Vector
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


@dataclass(slots=True)
class Chunks:
    """Chunks of one column in several files, to be decoded in one call; one list entry per piece."""

    piece: Piece
    blocks: npt.NDArray[np.int64]
    skip: U32
    take: U32


def read_column(pieces: Sequence[Piece], field: Field, wanted: npt.NDArray[np.bool_] | None = None) -> Vector:
    """The rows of `pieces`, one after another, of the column `field`.

    wanted: bool[chunks], over the blocks of all pieces in order: the rows of other chunks are left out.
    """
    plans = plan(pieces, wanted)
    if not plans:
        return vectors.nulls(field.type, 0)
    present: list[Vector | list[Chunks]] = []
    for chunks in plans:
        if chunks.piece.reader.ordinal(field.id) is None:
            present.append(vectors.nulls(field.type, int(chunks.take.sum())))
        elif present and isinstance(present[-1], list):
            present[-1].append(chunks)
        else:
            present.append([chunks])
    parts = [part if isinstance(part, Vector) else _decode(part, field) for part in present]
    return vectors.concat(parts)


def plan(pieces: Sequence[Piece], wanted: npt.NDArray[np.bool_] | None = None) -> list[Chunks]:
    """Blocks of each piece that are to be read, and the rows of interest in them."""
    plans = []
    place = 0
    for piece in pieces:
        if piece.stop <= piece.start:
            continue
        first, last = piece.blocks()
        starts = piece.reader.row_start
        blocks = np.arange(first, last)
        skip = np.zeros(last - first, np.uint32)
        take = piece.reader.directory.rows[first:last].astype(np.uint32)
        skip[0] = piece.start - starts[first]
        take[-1] -= int(starts[last] - piece.stop)
        take[0] -= skip[0]
        if wanted is not None:
            chosen = wanted[place : place + len(blocks)]
            place += len(blocks)
            if not chosen.all():
                blocks, skip, take = blocks[chosen], skip[chosen], take[chosen]
        if len(blocks):
            plans.append(Chunks(piece, blocks, skip, take))
    return plans


def _decode(plans: list[Chunks], field: Field) -> Vector:
    """Fetch and decode the chunks of one column from the files of `plans`."""
    column = field.type
    sizes = [p.piece.reader.directory.size[p.piece.reader.ordinal(field.id), p.blocks] for p in plans]
    size = np.concatenate(sizes)
    places = np.zeros(len(size) + 1, np.uint64)
    np.cumsum(size, out=places[1:])
    buffer = np.empty(int(places[-1]), np.uint8)
    at = 0
    for plan, plan_size in zip(plans, sizes, strict=True):
        stop = at + int(plan_size.sum(dtype=np.int64))
        ordinal = plan.piece.reader.ordinal(field.id)
        assert ordinal is not None
        _check_type(plan.piece.reader, ordinal, field)
        plan.piece.reader.fetch(ordinal, plan.blocks, buffer[at:stop])
        at = stop
    rows = np.concatenate([p.piece.reader.directory.rows[p.blocks] for p in plans])
    skip = np.concatenate([p.skip for p in plans])
    take = np.concatenate([p.take for p in plans])
    nulls = np.concatenate(
        [p.piece.reader.directory.nulls[p.piece.reader.ordinal(field.id), p.blocks] for p in plans]
    )
    raw = np.concatenate(
        [p.piece.reader.directory.raw_size[p.piece.reader.ordinal(field.id), p.blocks] for p in plans]
    )
    length = int(take.sum(dtype=np.int64))
    offset = places[:-1]
    try:
        if column.kind in ("list", "struct"):
            return _decode_nested(buffer, offset, size, rows, skip, take, raw, nulls, field)
        if column.kind == "fixed":
            values, validity, found = block.decode_fixed(
                buffer,
                offset,
                size,
                rows,
                skip,
                take,
                column.width,
                field.nullable,
                column.check,
                column.limit,
            )
            vector = Vector(column, length, values, validity=validity)
            _check_equal(raw, rows * np.uint32(column.width), "raw size differs")
        elif column.kind == "bits":
            values, validity, found = block.decode_bits(
                buffer, offset, size, rows, skip, take, field.nullable
            )
            vector = Vector(column, length, values, validity=validity)
            _check_equal(raw, (rows + np.uint32(7)) // np.uint32(8), "raw size differs")
        else:
            offsets, data, validity, found = block.decode_variable(
                buffer, offset, size, rows, skip, take, raw, field.nullable, column.utf8
            )
            vector = Vector(column, length, data, offsets, validity)
        _check_equal(nulls, found, "nulls differ")
    except FormatError as error:
        raise _located(error, plans, field) from None
    return vector


def _check_equal(stated: U32, found: U32, what: str) -> None:
    """Counts of chunks in the directory against those of the decoded chunks (spec §7.9)."""
    wrong = np.flatnonzero(stated != found)
    if len(wrong):
        message = f"{what} from the directory"
        error = FormatError(message, code="count-mismatch", offset=0, section="7.9")
        error.chunk = int(wrong[0])  # type: ignore[attr-defined]
        raise error


def _decode_nested(
    buffer: npt.NDArray[np.uint8],
    offset: Any,
    size: U32,
    rows: U32,
    skip: U32,
    take: U32,
    raw: U32,
    nulls: U32,
    field: Field,
) -> Vector:
    parts = []
    for index in range(len(size)):
        chunk = buffer[int(offset[index]) : int(offset[index]) + int(size[index])]
        try:
            array, raw_size = nested.decode_chunk(chunk, field.type, int(rows[index]), field.nullable)
            if raw_size != int(raw[index]) or array.null_count != int(nulls[index]):
                raise FormatError(
                    "raw size or nulls differ from the directory",
                    code="count-mismatch",
                    offset=0,
                    section="7.9",
                )
        except FormatError as error:
            error.chunk = index  # type: ignore[attr-defined]
            raise
        parts.append(array.slice(int(skip[index]), int(take[index])))
    joined = parts[0] if len(parts) == 1 else pa.concat_arrays(parts)
    return Vector(field.type, len(joined), nested=joined)


def _check_type(reader: SstReader, ordinal: int, field: Field) -> None:
    stored = reader.properties.columns[ordinal].field
    if stored.type != field.type or (stored.nullable and not field.nullable):
        raise FormatError(
            f"column {field.name!r} is {stored.type.name} in the file, the schema wants {field.type.name}",
            code="schema-mismatch",
            file=reader.path,
            offset=reader.footer.properties_offset,
            section="7.9",
        )


def _located(error: FormatError, plans: list[Chunks], field: Field) -> FormatError:
    """Name the file and absolute offset of a chunk's error."""
    index = int(getattr(error, "chunk", 0))
    for plan in plans:
        if index < len(plan.blocks):
            reader = plan.piece.reader
            ordinal = reader.ordinal(field.id)
            base = int(reader.directory.offset[ordinal, plan.blocks[index]])
            return error.located(reader.path, base)
        index -= len(plan.blocks)
    return error
