"""Decoded blocks of data files, kept for lookups of single keys; the least recently used go when the budget is full."""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from tablestore.file import column_reader
from tablestore.file.joint import JointDirectory
from tablestore.file.key_reader import read_extent_keys
from tablestore.file.keys import WordKeys
from tablestore.file.vector import Vector
from tablestore.types import ROW_KIND, Field

CACHE_BYTES_MIN = 128 << 20
CACHE_BYTES_MAX = 512 << 20
CACHE_SHARE = 32  # of the machine's memory one part, within these limits

Values = Callable[[int], Any]


class Block:
    """One decoded block: keys at once, columns when they are first asked for."""

    def __init__(self, joint: JointDirectory, index: int, key_fields: tuple[Field, ...]) -> None:
        self._extent = joint.whole(np.array([index], np.int64))
        self.keys, columns = read_extent_keys(self._extent, key_fields)
        self._words: memoryview | None = None
        if isinstance(self.keys, WordKeys):
            self._words = memoryview(np.ascontiguousarray(self.keys.words))  # type: ignore[arg-type]
        self._columns: dict[int, Values] = {
            field.id: values_of(column) for field, column in zip(key_fields, columns, strict=True)
        }
        self._kinds: Vector | None = None
        self._has_deletes = bool(joint.deletes[index])
        raw = joint.readers[0].directory.raw_size[:, index]
        self.nbytes = int(raw.sum(dtype=np.int64)) + 8 * self._extent.length

    def find(self, encoded: bytes) -> int:
        """Row of the block that holds the key, or -1."""
        if self._words is not None:
            word = int.from_bytes(encoded, "big")
            row = bisect_left(self._words, word)
            return row if row < len(self._words) and self._words[row] == word else -1
        row = self.keys.lower_bound(encoded[:64])
        while row < self.keys.length:
            found = self.keys.key(row)
            if found >= encoded:
                return row if found == encoded else -1
            row += 1
        return -1

    def is_delete(self, row: int) -> bool:
        """Whether the row is of a delete kind."""
        if not self._has_deletes:
            return False
        if self._kinds is None:
            self._kinds = column_reader.read(self._extent, ROW_KIND)
        return bool(self._kinds.values[row] & 1)

    def value(self, field: Field, row: int) -> Any:
        """A value as a Python object."""
        values = self._columns.get(field.id)
        if values is None:
            values = self._columns[field.id] = values_of(column_reader.read(self._extent, field))
        return values(row)


def values_of(column: Vector) -> Values:
    """The rows of a column as Python objects: those of Arrow, numbers and texts without it as far as none is null."""
    kind = column.type
    number = (
        pa.types.is_integer(kind.arrow) or pa.types.is_float32(kind.arrow) or pa.types.is_float64(kind.arrow)
    )
    if column.validity is None and number:
        sign = "f" if kind.floating else "i" if kind.signed else "u"
        numbers: Values = memoryview(column.typed(f"{sign}{kind.width}")).__getitem__  # type: ignore[arg-type]
        return numbers
    if column.validity is None and pa.types.is_string(kind.arrow):
        offsets = memoryview(column.offsets)  # type: ignore[arg-type]
        data = memoryview(column.values)  # type: ignore[arg-type]
        return lambda row: str(data[offsets[row] : offsets[row + 1]], "utf-8")
    array = column.to_arrow()
    return lambda row: array[row].as_py()


class BlockCache:
    """Blocks by (file, block). Thread-safe."""

    def __init__(self, budget: int | None = None) -> None:
        self._budget = cache_bytes() if budget is None else budget
        self._blocks: OrderedDict[tuple[bytes, int], Block] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, joint: JointDirectory, index: int, key_fields: tuple[Field, ...]) -> Block:
        """A block of the one file of `joint`, decoded now if it is not there."""
        name = (joint.readers[0].file_id, index)
        with self._lock:
            block = self._blocks.get(name)
            if block is not None:
                self._blocks.move_to_end(name)
                return block
        block = Block(joint, index, key_fields)
        with self._lock:
            if name not in self._blocks:
                self._blocks[name] = block
                self._bytes += block.nbytes
            while self._bytes > self._budget and len(self._blocks) > 1:
                self._bytes -= self._blocks.popitem(last=False)[1].nbytes
        return block


def cache_bytes() -> int:
    """Bytes of blocks that are kept on this machine."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return CACHE_BYTES_MIN
    return min(CACHE_BYTES_MAX, max(CACHE_BYTES_MIN, memory // CACHE_SHARE))
