"""Live files of single buckets (spec §9.6), kept up to date by what this process commits."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from tablestore.file.manifest import REMOVED, Change, Entry, Place

ENTRIES_MAX = 100_000


class LiveFiles:
    """Entries of the buckets that were asked for, at one snapshot. Thread-safe.

    A commit changes a few buckets of a table: their files follow from those before it and from its changes, whatever
    the table's size.
    """

    def __init__(self) -> None:
        self._version = 0
        self._places: dict[Place, dict[str, Entry]] = {}
        self._count = 0
        self._lock = threading.Lock()

    def get(self, version: int, place: Place) -> list[Entry] | None:
        """Files of a bucket at a snapshot, or None if they are not known."""
        with self._lock:
            found = self._places.get(place) if version == self._version else None
            return None if found is None else list(found.values())

    def put(self, version: int, place: Place, entries: Sequence[Entry]) -> None:
        """Remember the files of a bucket at a snapshot; what is known of older snapshots goes."""
        with self._lock:
            if version < self._version:
                return
            if version > self._version or self._count + len(entries) > ENTRIES_MAX:
                self._places.clear()
                self._count = 0
                self._version = version
            self._count += len(entries) - len(self._places.get(place, ()))
            self._places[place] = {entry.file: entry for entry in entries}

    def follow(self, base: int, version: int, changes: Sequence[Change] | None) -> None:
        """The snapshot `version` was published on `base` with these changes; None: with other files altogether."""
        with self._lock:
            if self._version != base:
                return
            if changes is None:
                self._places.clear()
                self._count = 0
                return
            self._version = version
            for change in changes:
                files = self._places.get(change.entry.place)
                if files is None:
                    continue
                self._count -= len(files)
                if change.kind == REMOVED:
                    files.pop(change.entry.file, None)
                else:
                    files[change.entry.file] = resolved(change.entry, version)
                self._count += len(files)


def resolved(entry: Entry, sequence: int) -> Entry:
    """The entry with its inherited sequence (spec §9.4)."""
    if entry.sequence_max:
        return entry
    return replace(entry, sequence_min=sequence, sequence_max=sequence)
