"""A bound on open files: a table may have more live files than a process may have descriptors."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Protocol
from weakref import ReferenceType, ref

OPEN_FILES_MAX = 128


class Parkable(Protocol):
    """An open file that can let go of its descriptor and open itself again when it is read."""

    def park(self) -> None: ...


class OpenFiles:
    """The most recently read files of a store; others are parked. Thread-safe; keeps no file alive."""

    def __init__(self, limit: int = OPEN_FILES_MAX) -> None:
        self._limit = limit
        self._files: OrderedDict[int, ReferenceType[Parkable]] = OrderedDict()
        self._lock = threading.Lock()

    def used(self, file: Parkable) -> None:
        """`file` is open and about to be read."""
        number = id(file)
        parked: Parkable | None = None
        with self._lock:
            if number in self._files:
                self._files.move_to_end(number)
            else:
                self._files[number] = ref(file)
                if len(self._files) > self._limit:
                    parked = self._files.popitem(last=False)[1]()
        if parked is not None:
            parked.park()

    def closed(self, file: Parkable) -> None:
        """`file` has no descriptor any more."""
        with self._lock:
            self._files.pop(id(file), None)
