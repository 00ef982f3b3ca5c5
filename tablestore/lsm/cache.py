"""Open files of a table, shared by scans, lookups and compactions. Files never change, so an open one stays right."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from tablestore.errors import FormatError
from tablestore.file import layout, partition, sst
from tablestore.file.manifest import Entry
from tablestore.file.schema import TableSchema
from tablestore.file.sst_reader import Expected, SstReader
from tablestore.lsm.blocks import BlockCache
from tablestore.lsm.run import OpenBucket, OpenRun, Run
from tablestore.storage import NotFoundError, Storage

READERS_MAX = 4096
BUCKET_FILES_MAX = 1024  # files of the buckets that are kept open side by side


class FileCache:
    """The most recently used readers; a reader that falls out is closed when its last user lets go of it."""

    def __init__(self, storage: Storage, schema: TableSchema) -> None:
        self.storage = storage
        self.schema = schema
        self._readers: OrderedDict[str, SstReader] = OrderedDict()
        self._buckets: OrderedDict[tuple[tuple[str, ...], ...], OpenBucket] = OrderedDict()
        self._bucket_files = 0
        self._directories: dict[bytes, str] = {}
        self.blocks = BlockCache()
        self._lock = threading.Lock()

    def open(self, entry: Entry) -> SstReader:
        """The reader of a data file, checked against its entry."""
        with self._lock:
            reader = self._readers.get(entry.file)
            if reader is not None:
                self._readers.move_to_end(entry.file)
                return reader
        path = self.path_of(entry.place, entry.file)
        expected = Expected(entry.file, entry.size, entry.digest, self.schema.table, sst.DATA_FILE)
        try:
            reader = SstReader(self.storage, path, expected)
        except NotFoundError:
            raise FormatError(
                "the data file is missing", code="missing-file", file=path, section="9.6"
            ) from None
        check_entry(reader, entry)
        with self._lock:
            self._readers[entry.file] = reader
            while len(self._readers) > READERS_MAX:
                self._readers.popitem(last=False)
        return reader

    def path_of(self, place: tuple[bytes, int], file: str) -> str:
        """Path of a data file (spec §9.3)."""
        directory = self._directories.get(place[0])
        if directory is None:
            fields = self.schema.partition_fields
            directory = partition.directory(fields, partition.decode(fields, place[0]))
            self._directories[place[0]] = directory
        return layout.data_path(directory, place[1], file)

    def open_runs(self, runs: Sequence[Run]) -> list[OpenRun]:
        """Open all files of `runs`."""
        return [
            OpenRun(run, [self.open(entry) for entry in run.files], self.schema.key_fields) for run in runs
        ]

    def open_bucket(self, runs: Sequence[Run]) -> OpenBucket:
        """All runs of a bucket, oldest first, side by side; the last ones are kept with what they have planned."""
        name = tuple(tuple(entry.file for entry in run.files) for run in runs)
        with self._lock:
            known = self._buckets.get(name)
            if known is not None:
                self._buckets.move_to_end(name)
                return known
        opened = OpenBucket(self.open_runs(runs))
        with self._lock:
            if self._buckets.setdefault(name, opened) is opened:
                self._bucket_files += _file_count(name)
            while self._bucket_files > BUCKET_FILES_MAX:
                self._bucket_files -= _file_count(self._buckets.popitem(last=False)[0])
        return opened

    def drop(self, entries: Sequence[Entry]) -> None:
        """Let go of files that the table no longer has; views of older snapshots open them again."""
        gone = {entry.file for entry in entries}
        with self._lock:
            for file in gone:
                self._readers.pop(file, None)
            for name in [name for name in self._buckets if any(not gone.isdisjoint(run) for run in name)]:
                del self._buckets[name]
                self._bucket_files -= _file_count(name)

    def forget(self) -> None:
        """Let go of all files; those in use are closed by their last user."""
        with self._lock:
            self._readers.clear()
            self._buckets.clear()
            self._bucket_files = 0


def _file_count(runs: tuple[tuple[str, ...], ...]) -> int:
    return sum(len(files) for files in runs)


def check_entry(reader: SstReader, entry: Entry) -> None:
    """An entry repeats facts of its file; both must agree (spec §9.2, §7.9)."""
    properties = reader.properties
    facts = (
        ("rows", entry.row_count, reader.footer.row_count),
        ("deletes", entry.delete_count, properties.delete_count),
        ("schema", entry.schema_id, properties.schema_id),
        ("bucket", entry.bucket, properties.bucket),
        ("partition", entry.partition, properties.partition),
        ("least key", entry.key_min, properties.key_min),
        ("greatest key", entry.key_max, properties.key_max),
    )
    for name, stated, found in facts:
        if stated != found:
            raise FormatError(
                f"the entry says {name} {stated!r}, the file {found!r}",
                code="bad-entry",
                file=reader.path,
                offset=reader.footer.properties_offset,
                section="9.2",
            )
