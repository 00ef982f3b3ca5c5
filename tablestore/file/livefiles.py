"""Live files of single buckets (spec §9.6), kept up to date by what this process commits."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from tablestore.file.manifest import LEVEL_MAX, REMOVED, Change, Entry, Place

ENTRIES_MAX = 100_000


class _Bucket:
    """Files of one bucket by name, and how many there are of each level."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.files: dict[str, Entry] = {}
        self.levels = [0] * (LEVEL_MAX + 1)
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        self.remove(entry.file)
        self.files[entry.file] = entry
        self.levels[entry.level] += 1

    def remove(self, file: str) -> None:
        entry = self.files.pop(file, None)
        if entry is not None:
            self.levels[entry.level] -= 1


class LiveFiles:
    """Entries of the buckets that were asked for, at one snapshot. Thread-safe.

    A commit changes a few buckets of a table: their files follow from those before it and from its changes, whatever
    the table's size.
    """

    def __init__(self) -> None:
        self._version = 0
        self._places: dict[Place, _Bucket] = {}
        self._count = 0
        self._lock = threading.Lock()

    def get(self, version: int, place: Place) -> list[Entry] | None:
        """Files of a bucket at a snapshot, or None if they are not known."""
        with self._lock:
            found = self._places.get(place) if version == self._version else None
            return None if found is None else list(found.files.values())

    def runs(self, version: int, place: Place) -> int | None:
        """Sorted runs (spec §12.2) of a bucket at a snapshot, or None if that is not known."""
        with self._lock:
            found = self._places.get(place) if version == self._version else None
            return None if found is None else found.levels[0] + sum(map(bool, found.levels[1:]))

    def put(self, version: int, place: Place, entries: Sequence[Entry]) -> None:
        """Remember the files of a bucket at a snapshot; what is known of older snapshots goes."""
        with self._lock:
            if version < self._version:
                return
            if version > self._version or self._count + len(entries) > ENTRIES_MAX:
                self._places.clear()
                self._count = 0
                self._version = version
            before = self._places.get(place)
            self._places[place] = _Bucket(entries)
            self._count += len(entries) - (len(before.files) if before is not None else 0)

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
                bucket = self._places.get(change.entry.place)
                if bucket is None:
                    continue
                self._count -= len(bucket.files)
                if change.kind == REMOVED:
                    bucket.remove(change.entry.file)
                else:
                    bucket.add(resolved(change.entry, version))
                self._count += len(bucket.files)


def resolved(entry: Entry, sequence: int) -> Entry:
    """The entry with its inherited sequence (spec §9.4)."""
    if entry.sequence_max:
        return entry
    return replace(entry, sequence_min=sequence, sequence_max=sequence)
