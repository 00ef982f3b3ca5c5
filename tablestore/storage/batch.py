"""Many ranges of many files in one call: what a scan or lookup reads of one column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tablestore._native import reading
from tablestore.storage.interface import Bytes, StorageFile
from tablestore.storage.local import LocalFile

FILES_MAX = 64  # whose descriptors are held at a time

Ranges = tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint64], npt.NDArray[np.uint32]]


def read_batch(
    files: Sequence[StorageFile | Bytes],
    file_of: npt.NDArray[np.uint32],
    offset: npt.NDArray[np.uint64],
    size: npt.NDArray[np.uint32],
    target: npt.NDArray[np.uint8],
) -> None:
    """Fills `target` with ranges of `files`, one after another: range k is `size[k]` bytes of file `file_of[k]`.

    files: open files, or the bytes of a whole file where they are known. file_of ascends. Files on a local file system
    are read without the interpreter; others range by range. Raises as `StorageFile.read_at`.
    """
    breaks = np.flatnonzero(file_of[1:] != file_of[:-1]) + 1
    edges = [0, *breaks.tolist(), len(file_of)] if len(file_of) else [0]
    place = 0
    for first in range(0, len(edges) - 1, FILES_MAX):
        last = min(first + FILES_MAX, len(edges) - 1)
        start, stop = edges[first], edges[last]
        used = [files[int(file_of[edge])] for edge in edges[first:last]]
        counts = np.diff(edges[first : last + 1])
        local = np.repeat(np.arange(len(used), dtype=np.uint32), counts)
        end = place + int(size[start:stop].sum(dtype=np.int64))
        _read(used, (local, offset[start:stop], size[start:stop]), target[place:end])
        place = end


def _read(files: Sequence[StorageFile | Bytes], ranges: Ranges, target: npt.NDArray[np.uint8]) -> None:
    sources: list[int | Bytes] = []
    held = []
    for file in files:
        if isinstance(file, LocalFile):
            descriptor = file.plain_descriptor()
            if descriptor is None:
                return _read_one_by_one(files, ranges, target)
            held.append(descriptor)
            sources.append(descriptor.file)
        elif hasattr(file, "read_at"):
            return _read_one_by_one(files, ranges, target)
        else:
            sources.append(file)
    if reading.read_ranges(sources, *ranges, target) >= 0:
        _read_one_by_one(files, ranges, target)  # raises what is wrong with the file


def _read_one_by_one(
    files: Sequence[StorageFile | Bytes], ranges: Ranges, target: npt.NDArray[np.uint8]
) -> None:
    file_of, offset, size = ranges
    view = memoryview(target)  # type: ignore[arg-type]
    edges = np.searchsorted(file_of, np.arange(len(files) + 1)).tolist()
    place = 0
    for number, file in enumerate(files):
        wanted = []
        for k in range(edges[number], edges[number + 1]):
            wanted.append((int(offset[k]), view[place : place + int(size[k])]))
            place += int(size[k])
        if hasattr(file, "read_ranges"):
            file.read_ranges(wanted)
            continue
        whole: Bytes = file
        for start, part in wanted:
            part[:] = memoryview(whole)[start : start + part.nbytes]
