"""Stored bytes of many chunks of one column, in any number of files: fetched in one call and checked in one call."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tablestore._native import checksum
from tablestore.errors import ChecksumError
from tablestore.file.joint import Extent, JointColumn
from tablestore.storage.batch import read_batch

Bytes = npt.NDArray[np.uint8]


def fetch(extent: Extent, column: JointColumn, target: Bytes) -> None:
    """Read and check the chunks of a column in all blocks of an extent, one after another, into `target`."""
    joint, block = extent.joint, extent.block
    file_of, offset, size = joint.file_of[block], column.offset[block], column.size[block]
    read_batch(joint.sources, file_of, offset, size, target)
    places = np.zeros(len(size), np.uint64)
    np.cumsum(size[:-1], out=places[1:])
    bad = checksum.verify_chunks(
        target, places, size, column.crc[block], column.ordinal[block], joint.block_of[block], joint.file_ids, file_of
    )  # fmt: skip
    if bad >= 0:
        reader, number = extent.place(bad)
        name = reader.properties.columns[int(column.ordinal[block[bad]])].field.name
        raise ChecksumError(
            f"wrong checksum of column {name!r}, block {number}",
            code="checksum-mismatch",
            file=reader.path,
            offset=int(offset[bad]),
            section="7.6",
        )
