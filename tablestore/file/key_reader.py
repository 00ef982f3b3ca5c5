"""Decodes keys of open SSTs and checks them once: order inside a file, and agreement with the bounds of blocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tablestore.errors import FormatError
from tablestore.file import column_reader, keys
from tablestore.file.column_reader import Piece, extent_of
from tablestore.file.joint import Extent
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
    return read_extent_keys(extent_of(pieces, wanted), key_fields)


def read_extent_keys(extent: Extent, key_fields: Sequence[Field]) -> tuple[Keys, list[Vector]]:
    """Encoded keys of the rows of an extent, and the key columns they were made from; checked as by `read_keys`."""
    columns = [column_reader.read(extent, field) for field in key_fields]
    encoded = keys.encode(columns, columns[0].length)
    if encoded.length:
        _check_order(extent, encoded)
        _check_bounds(extent, encoded)
    return encoded, columns


def _check_order(extent: Extent, encoded: Keys) -> None:
    """Keys ascend within each file; rows of one file lie side by side in an extent."""
    file_of = extent.joint.file_of[extent.block]
    last = np.flatnonzero(file_of[1:] != file_of[:-1])
    ends = extent.row_start[np.append(last, len(file_of) - 1) + 1]
    row = encoded.first_disorder(ends)
    if row >= 0:
        block = int(np.searchsorted(extent.row_start, row, "right")) - 1
        raise _disorder(extent, block, "keys do not ascend", "7.7")


def _check_bounds(extent: Extent, encoded: Keys) -> None:
    """First and last keys of blocks that were read to these ends are those of the directory."""
    joint, block, starts = extent.joint, extent.block, extent.row_start
    from_start = np.flatnonzero(extent.skip == 0)
    to_end = np.flatnonzero(extent.skip + extent.take == joint.rows[block])
    for chosen, rows, bounds in (
        (from_start, starts[from_start], joint.first),
        (to_end, starts[to_end + 1] - 1, joint.last),
    ):
        wrong = encoded.first_mismatch(rows, bounds, block[chosen])
        if wrong >= 0:
            raise _disorder(extent, int(chosen[wrong]), "a key differs from its block's bound", "7.9")


def _disorder(extent: Extent, block: int, message: str, section: str) -> FormatError:
    reader, index = extent.place(block)
    return FormatError(
        f"block {index}: {message}",
        code="key-order",
        file=reader.path,
        offset=int(reader.directory.offset[0, index]),
        section=section,
    )
