"""Decodes keys of open SSTs and checks them once: order inside a file, and agreement with the bounds of blocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tablestore.errors import FormatError
from tablestore.file import column_reader, keys
from tablestore.file.column_reader import Chunks, Piece
from tablestore.file.keys import Keys
from tablestore.file.vector import Vector
from tablestore.types import Field


def read_keys(
    pieces: Sequence[Piece], key_fields: Sequence[Field], wanted: npt.NDArray[np.bool_] | None = None
) -> tuple[Keys, list[Vector]]:
    """Encoded keys of the rows of `pieces`, and the key columns they were made from.

    wanted: as for `read_column`. Raises FormatError `key-order` for keys that a merge or search must not trust
    (spec §7.7, §7.9).
    """
    columns = [column_reader.read_column(pieces, field, wanted) for field in key_fields]
    encoded = keys.encode(columns, columns[0].length)
    plans = column_reader.plan(pieces, wanted)
    _check_order(plans, encoded)
    row = 0
    for chunks in plans:
        row = _check_bounds(chunks, encoded, row)
    return encoded, columns


def _check_order(plans: Sequence[Chunks], encoded: Keys) -> None:
    """Keys ascend within each piece."""
    ends = np.cumsum([int(chunks.take.sum(dtype=np.int64)) for chunks in plans]).astype(np.int64)
    row = encoded.first_disorder(ends)
    if row < 0:
        return
    number = int(np.searchsorted(ends, row, "right"))
    chunks = plans[number]
    inside = row - (int(ends[number - 1]) if number else 0)
    block = int(np.searchsorted(np.cumsum(chunks.take), inside, "right"))
    raise _disorder(chunks, block, "keys do not ascend", "7.7")


def _check_bounds(chunks: Chunks, encoded: Keys, row: int) -> int:
    """First and last keys of blocks that were read to these ends are those of the directory; returns the next row."""
    directory = chunks.piece.reader.directory
    ends = row + np.cumsum(chunks.take, dtype=np.int64)
    starts = ends - chunks.take
    whole_start = np.flatnonzero(chunks.skip == 0)
    whole_end = np.flatnonzero(chunks.skip + chunks.take == directory.rows[chunks.blocks])
    for chosen, rows, bounds in (
        (whole_start, starts[whole_start], directory.first),
        (whole_end, ends[whole_end] - 1, directory.last),
    ):
        wrong = encoded.first_mismatch(rows, bounds, chunks.blocks[chosen])
        if wrong >= 0:
            raise _disorder(chunks, int(chosen[wrong]), "a key differs from its block's bound", "7.9")
    return int(ends[-1])


def _disorder(chunks: Chunks, block: int, message: str, section: str) -> FormatError:
    reader = chunks.piece.reader
    index = int(chunks.blocks[block])
    return FormatError(
        f"block {index}: {message}",
        code="key-order",
        file=reader.path,
        offset=int(reader.directory.offset[0, index]),
        section=section,
    )
