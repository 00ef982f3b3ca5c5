"""Decoded blocks of data files, kept for lookups of single keys; the least recently used go when the budget is full."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import OrderedDict
from typing import Any

import numpy as np

from tablestore.file import column_reader
from tablestore.file.column_reader import Piece
from tablestore.file.key_reader import read_keys
from tablestore.file.keys import WordKeys
from tablestore.file.sst_reader import SstReader
from tablestore.file.vector import Vector
from tablestore.types import ROW_KIND, Field

CACHE_BYTES = 128 << 20


class Block:
    """One decoded block: keys at once, columns when they are first asked for."""

    def __init__(self, reader: SstReader, index: int, key_fields: tuple[Field, ...]) -> None:
        start, stop = int(reader.row_start[index]), int(reader.row_start[index + 1])
        self._pieces = [Piece(reader, start, stop)]
        self.keys, columns = read_keys(self._pieces, key_fields)
        self._words: memoryview | None = None
        if isinstance(self.keys, WordKeys):
            self._words = memoryview(np.ascontiguousarray(self.keys.words))  # type: ignore[arg-type]
        self._columns: dict[int, Any] = {
            field.id: column.to_arrow() for field, column in zip(key_fields, columns, strict=True)
        }
        self._kinds: Vector | None = None
        self._has_deletes = bool(reader.directory.deletes[index])
        raw = reader.directory.raw_size[:, index]
        self.nbytes = int(raw.sum(dtype=np.int64)) + 8 * (stop - start)

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
            self._kinds = column_reader.read_column(self._pieces, ROW_KIND)
        return bool(self._kinds.values[row] & 1)

    def value(self, field: Field, row: int) -> Any:
        """A value as a Python object."""
        column = self._columns.get(field.id)
        if column is None:
            column = column_reader.read_column(self._pieces, field).to_arrow()
            self._columns[field.id] = column
        return column[row].as_py()


class BlockCache:
    """Blocks by (file, block). Thread-safe."""

    def __init__(self, budget: int = CACHE_BYTES) -> None:
        self._budget = budget
        self._blocks: OrderedDict[tuple[bytes, int], Block] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, reader: SstReader, index: int, key_fields: tuple[Field, ...]) -> Block:
        """The block, decoded now if it is not there."""
        name = (reader.file_id, index)
        with self._lock:
            block = self._blocks.get(name)
            if block is not None:
                self._blocks.move_to_end(name)
                return block
        block = Block(reader, index, key_fields)
        with self._lock:
            if name not in self._blocks:
                self._blocks[name] = block
                self._bytes += block.nbytes
            while self._bytes > self._budget and len(self._blocks) > 1:
                self._bytes -= self._blocks.popitem(last=False)[1].nbytes
        return block
