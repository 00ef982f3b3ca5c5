"""What all operations on one open table share: its store, schema, snapshots, open files and decoded manifests."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Any

from tablestore.errors import FormatError, UnsupportedVersionError
from tablestore.file import fileset, layout, manifest, schema
from tablestore.file.fileset import FileSet
from tablestore.file.livefiles import LiveFiles
from tablestore.file.manifest import Entry, KeyRange, Manifest, Place
from tablestore.file.schema import TableSchema
from tablestore.file.snapshot import ManifestReference, Snapshot
from tablestore.lsm.cache import FileCache
from tablestore.lsm.lineage import Lineage
from tablestore.lsm.point import PointReader
from tablestore.storage import NotFoundError, Storage

ENTRIES_CACHED_MAX = 2_000_000
MANIFESTS_CACHED_MAX = 256
MANIFEST_READ_WHOLE_MAX = 200_000  # entries of a manifest that is kept in memory for the sake of one bucket
FILES_READ_WHOLE_MAX = (
    20_000  # up to so many files a plan reads all entries, and later plans find them in memory
)


class Core:
    """Shared state of a table handle. Thread-safe: caches only hold what never changes."""

    def __init__(self, storage: Storage, table_schema: TableSchema, lineage: Lineage) -> None:
        self.storage = storage
        self.schema = table_schema
        self.lineage = lineage
        self.cache = FileCache(storage, table_schema)
        self.live = LiveFiles()
        self.background: Any = None  # compaction beside the writers, which is made when it is needed
        self._manifests: OrderedDict[str, Manifest] = OrderedDict()
        self._entries_cached = 0
        self._files: tuple[tuple[str, ...], FileSet] | None = None
        self._points: tuple[int, PointReader] | None = None
        self._lock = threading.Lock()

    def files(self, snapshot: Snapshot, ranges: Sequence[KeyRange] | None = None) -> FileSet:
        """Live files of a snapshot (spec §9.6).

        ranges: encoded keys of the entries of interest; a large table then answers with those and some others.
        """
        check_features(snapshot)
        wanted = tuple(reference.file for reference in snapshot.manifests)
        with self._lock:
            if self._files is not None and self._files[0] == wanted:
                return self._files[1]
        if ranges is not None and snapshot.totals.files > FILES_READ_WHOLE_MAX:
            parts = [
                manifest.load(self.storage, self.schema.table, reference, ranges)
                for reference in snapshot.manifests
            ]
            return fileset.live(parts)
        found = fileset.live([self.manifest(reference) for reference in snapshot.manifests])
        with self._lock:
            self._files = wanted, found
        return found

    def points(self, snapshot: Snapshot) -> PointReader:
        """Lookups in a snapshot; the last one is kept."""
        found = self._points
        if found is None or found[0] != snapshot.id:
            found = snapshot.id, PointReader(self.cache, self.files(snapshot))
            self._points = found
        return found[1]

    def manifest(self, reference: ManifestReference) -> Manifest:
        """One manifest; the most recently used stay in memory."""
        with self._lock:
            loaded = self._manifests.get(reference.file)
            if loaded is not None:
                self._manifests.move_to_end(reference.file)
                return loaded
        loaded = manifest.load(self.storage, self.schema.table, reference)
        self.keep(reference.file, loaded)
        return loaded

    def keep(self, file: str, loaded: Manifest) -> None:
        """Hold a manifest in memory; the least recently used go when there are too many entries."""
        with self._lock:
            before = self._manifests.pop(file, ())
            self._manifests[file] = loaded
            self._entries_cached += len(loaded) - len(before)
            while (
                self._entries_cached > ENTRIES_CACHED_MAX or len(self._manifests) > MANIFESTS_CACHED_MAX
            ) and len(self._manifests) > 1:
                self._entries_cached -= len(self._manifests.popitem(last=False)[1])

    def entries(self, snapshot: Snapshot) -> list[Entry]:
        """Live files of a snapshot as objects."""
        return self.files(snapshot).entries()

    def place_entries(self, snapshot: Snapshot, place: Place) -> list[Entry]:
        """Live files of a partition and bucket; costs little in a large table, and next to nothing after a commit."""
        found = self.live.get(snapshot.id, place)
        if found is None:
            check_features(snapshot)
            ranges = [manifest.place_range(*place)]
            parts = [self._part(snapshot, reference, ranges) for reference in snapshot.manifests]
            found = fileset.live_rows(parts, [part.rows_of(place) for part in parts]).entries()
            self.live.put(snapshot.id, place, found)
        return found

    def run_count(self, snapshot: Snapshot, place: Place) -> int:
        """Sorted runs (spec §12.2) of a bucket."""
        found = self.live.runs(snapshot.id, place)
        if found is None:
            entries = self.place_entries(snapshot, place)
            upper = sum(entry.level == 0 for entry in entries)
            found = upper + len({entry.level for entry in entries if entry.level})
        return found

    def bucket_entries(self, snapshot: Snapshot, buckets: Collection[int]) -> list[Entry]:
        """Live files of some buckets of all partitions."""
        check_features(snapshot)
        parts = [self.manifest(reference) for reference in snapshot.manifests]
        return fileset.live_rows(parts, [part.rows_of_buckets(buckets) for part in parts]).entries()

    def _part(self, snapshot: Snapshot, reference: ManifestReference, ranges: Sequence[KeyRange]) -> Manifest:
        """A manifest, or of a large table's one that is not in memory the blocks that hold `ranges`."""
        if snapshot.totals.files > FILES_READ_WHOLE_MAX:
            with self._lock:
                loaded = self._manifests.get(reference.file)
            if loaded is None and reference.added + reference.removed > MANIFEST_READ_WHOLE_MAX:
                return manifest.load(self.storage, self.schema.table, reference, ranges)
        return self.manifest(reference)


def open_core(storage: Storage) -> Core:
    """Open the table in a store: its newest snapshot names the schema."""
    lineage = Lineage(storage)
    snapshot = lineage.newest().snapshot
    lineage.table = snapshot.table
    return Core(storage, read_schema(storage, snapshot), lineage)


def read_schema(storage: Storage, snapshot: Snapshot) -> TableSchema:
    """The schema that a snapshot names. Raises FormatError, missing-file if there is none."""
    path = layout.schema_path(snapshot.schema_id)
    try:
        data = storage.read(path)
    except NotFoundError:
        raise FormatError("the schema is missing", code="missing-file", file=path, section="8.2") from None
    return schema.decode(data, path, snapshot.schema_id, snapshot.table)


def check_features(snapshot: Snapshot) -> None:
    """Refuse what this version does not know (spec §0.4)."""
    if snapshot.reader_features:
        raise UnsupportedVersionError(
            f"reading needs the feature {snapshot.reader_features[0][:60]!r}",
            code="unknown-feature",
            file=layout.snapshot_path(snapshot.id),
            section="0.4",
        )
