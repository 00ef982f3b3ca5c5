"""Tags: names for snapshots, which stay while they have one (spec §15.5)."""

from __future__ import annotations

import time
from contextlib import suppress

import pyarrow as pa

from tablestore import pins
from tablestore.core import Core
from tablestore.errors import CommitConflictError, FormatError, SnapshotExpiredError
from tablestore.file import layout, partition
from tablestore.file import tag as documents
from tablestore.file.tag import Tag
from tablestore.lsm.lineage import Version
from tablestore.storage import AlreadyExistsError, NotFoundError

_TAGS = pa.schema([("name", pa.string()), ("version", pa.int64()), ("timestamp", pa.timestamp("ms", "UTC"))])


def create(core: Core, name: str, version: Version) -> None:
    """Puts a tag on a snapshot. Raises CommitConflictError if the name is taken by another, SnapshotExpiredError."""
    path = documents.path(name)
    made = Tag(core.schema.table, name, version.id, version.digest, int(time.time() * 1000))
    try:
        core.storage.publish(path, documents.encode(made), core.schema.options.durable)
    except AlreadyExistsError:
        found = read(core, name)
        if (found.snapshot, found.snapshot_digest) != (version.id, version.digest):
            raise CommitConflictError(
                f"there is a tag {name!r} already, of version {found.snapshot}: untag() it first"
            ) from None
        return
    try:
        if not _keeps_another(core, made):
            core.lineage.check_kept(version.id)
    except BaseException:
        remove(core, name)
        raise


def _keeps_another(core: Core, made: Tag) -> bool:
    """Whether an expired snapshot has a further tag, which kept it until this one was there."""
    if made.snapshot >= core.lineage.boundary():
        return False
    return any(tag.snapshot == made.snapshot and tag.name != made.name for tag in pins.read_tags(core))


def read(core: Core, name: str) -> Tag:
    """A tag. Raises SnapshotExpiredError if there is none of the name."""
    path = documents.path(name)
    try:
        data = core.storage.read(path)
    except NotFoundError:
        raise SnapshotExpiredError(f"there is no tag {name!r}; tags() lists those there are") from None
    return documents.decode(data, path, partition.escape(name), core.schema.table)


def remove(core: Core, name: str) -> None:
    """Removes a tag; none of the name is no error."""
    with suppress(NotFoundError):
        core.storage.remove(documents.path(name))


def version_of(core: Core, name: str) -> Version:
    """The snapshot that a tag names. Raises SnapshotExpiredError, and FormatError if it is not the one it was."""
    tag = read(core, name)
    path = layout.snapshot_path(tag.snapshot)
    try:
        version = core.lineage.read(tag.snapshot)
    except NotFoundError:
        read(core, name)
        if tag.snapshot < core.lineage.boundary():
            # A power loss has undone the removal of the tag, and not that of the snapshot.
            raise SnapshotExpiredError(f"the snapshot of the tag {name!r} has expired; untag() it") from None
        raise FormatError(
            f"the snapshot of the tag {name!r} is missing", code="missing-file", file=path, section="15.2"
        ) from None
    if version.digest != tag.snapshot_digest:
        raise FormatError(
            f"the tag {name!r} names another snapshot of this id", code="lineage", file=path, section="15.2"
        )
    return version


def table(core: Core) -> pa.Table:
    """All tags: name, version, time."""
    rows = [
        {"name": tag.name, "version": tag.snapshot, "timestamp": tag.timestamp_millis}
        for tag in pins.read_tags(core)
    ]
    return pa.Table.from_pylist(rows, schema=_TAGS)
