"""What a path is, told by its contents: a table, a snapshot, a schema, a manifest or a data file."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Final

from tablestore.core import Core, read_schema
from tablestore.errors import FormatError, SnapshotExpiredError, TableNotFoundError, UnsafePathError
from tablestore.file import layout, sst
from tablestore.file.fileset import FileSet
from tablestore.file.snapshot import Snapshot
from tablestore.inspect.status import UnsuitableError
from tablestore.lease import guard
from tablestore.lsm.lineage import Lineage, Version
from tablestore.storage import NotFoundError, Storage, open_storage
from tablestore.table import View

_FORMAT: Final = re.compile(rb'"format"\s*:\s*"tablestore/(snapshot|schema)"')
_HEAD_SIZE: Final = 512
_ARTICLES: Final = {
    "table": "a table",
    "snapshot": "a snapshot",
    "schema": "a schema",
    "data": "a data file",
    "manifest": "a manifest",
    "sst": "an SST",
}


@dataclass(frozen=True)
class Target:
    """kind: table, snapshot, schema, data, manifest, or sst for an SST whose header does not say which.

    path: of the file in the store; "" for a table. given: as the user wrote it.
    """

    kind: str
    storage: Storage
    path: str
    given: str

    @property
    def is_sst(self) -> bool:
        return self.kind in ("data", "manifest", "sst")


def find(given: str) -> Target:
    """Look at the path. Raises UnsuitableError if it holds nothing of TableStore."""
    storage = open_storage(given)
    try:
        names = storage.list("")
    except NotFoundError:
        raise UnsuitableError(f"{given}: no such file or directory") from None
    except UnsafePathError:
        return _file(given)
    if "snapshot" in names or "schema" in names:
        return Target("table", storage, "", given)
    raise UnsuitableError(f"{given}: no table (a table has the directories snapshot and schema)")


def find_as(given: str, *kinds: str) -> Target:
    """As `find`, for a command that shows certain kinds only."""
    target = find(given)
    if target.kind not in kinds:
        wanted = " or ".join(_ARTICLES[kind] for kind in kinds if kind != "sst")
        raise UnsuitableError(f"{given}: {_ARTICLES[target.kind]}, not {wanted}")
    return target


def _file(given: str) -> Target:
    directory, name = posixpath.split(given)
    storage = open_storage(directory or ".")
    with storage.open(name) as file:
        head = file.read_at(0, min(_HEAD_SIZE, file.size))
        tail = file.read_at(max(0, file.size - 8), min(8, file.size))
    if head[:8] == sst.HEADER_MAGIC or tail == sst.FOOTER_MAGIC:
        kinds = {sst.DATA_FILE: "data", sst.MANIFEST_FILE: "manifest"}
        kind = kinds.get(head[20], "sst") if len(head) > 20 else "sst"
        return Target(kind, storage, name, given)
    match = _FORMAT.search(head)
    if match is not None:
        return Target(match[1].decode(), storage, name, given)
    if layout.parse_snapshot_name(name) is not None:
        return Target("snapshot", storage, name, given)
    if layout.parse_schema_name(name) is not None:
        return Target("schema", storage, name, given)
    raise UnsuitableError(f"{given}: neither an SST nor a snapshot or schema document")


@dataclass(frozen=True)
class Opened:
    """A table at one version."""

    core: Core
    found: Version
    given: str

    @property
    def snapshot(self) -> Snapshot:
        return self.found.snapshot

    @property
    def view(self) -> View:
        """The version as the library's users see it."""
        return View(self.core, self.found)

    def files(self) -> FileSet:
        """Live files."""
        with guard(self.core, self.found):
            return self.core.files(self.snapshot)


def open_version(given: str, version: int | None = None) -> Opened:
    """Open a table at its newest or the given version; an older version can be read even if newer ones are damaged."""
    target = find_as(given, "table")
    lineage = Lineage(target.storage)
    try:
        found = lineage.newest() if version is None else lineage.at(version)
    except SnapshotExpiredError:
        ids = lineage.ids()
        there = f"there are {ids[0]} to {ids[-1]}" if ids else "there are none"
        raise SnapshotExpiredError(f"there is no version {version}; {there}") from None
    except TableNotFoundError:
        raise UnsuitableError(f"{given}: a table without any snapshot") from None
    lineage.table = found.snapshot.table
    try:
        schema = read_schema(target.storage, found.snapshot)
    except NotFoundError:
        path = layout.schema_path(found.snapshot.schema_id)
        raise FormatError("the schema is missing", code="missing-file", file=path, section="8.2") from None
    return Opened(Core(target.storage, schema, lineage), found, given)
