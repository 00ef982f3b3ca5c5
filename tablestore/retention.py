"""Expiry and rollback (spec §15.6, §15.8): the boundary moves first, then files go that no snapshot needs.

What goes is worked out from the changes of the snapshots that expire, not from the table: a file that was live in one
of them and is live in none that stays was removed by the delta of one of them. Run again after a crash it goes on.
"""

from __future__ import annotations

import datetime
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from tablestore import pins, tags
from tablestore.core import Core
from tablestore.errors import CommitUnknownError, FormatError, SchemaError, StorageError
from tablestore.file import boundary as boundaries
from tablestore.file import fileset, layout, manifest, snapshot
from tablestore.file.boundary import Boundary
from tablestore.file.fileset import FileSet
from tablestore.file.manifest import BUCKET, FILE, PARTITION, REMOVED, SIZE, Manifest
from tablestore.file.snapshot import ManifestReference, Outline
from tablestore.lease import is_missing
from tablestore.lsm.lineage import Version
from tablestore.results import ExpireResult, RollbackResult
from tablestore.storage import AlreadyExistsError, AttemptGoneError, NotFoundError
from tablestore.transaction import Proposal, Transaction

Progress = Callable[[int, int], None]
PROGRESS_STEP = 256
ATTEMPTS_MAX = 100
_PLACED = pa.schema(
    [("partition", pa.binary()), ("bucket", pa.int32()), ("file", pa.string()), ("size", pa.uint64())]
)


def expire(
    core: Core,
    keep_last: int,
    older_than: datetime.datetime | datetime.timedelta | None,
    progress: Progress | None = None,
) -> ExpireResult:
    """Expire all but the newest `keep_last` snapshots, of those only the ones older than `older_than`.

    Raises StorageError, FormatError: nothing that is needed is gone, and another run goes on.
    """
    if type(keep_last) is not int or keep_last < 1:
        raise SchemaError(f"keep_last is a number of snapshots, at least 1, not {keep_last!r}")
    cutoff = cutoff_millis(older_than)
    newest = core.lineage.newest()
    known = core.lineage.list_boundary()
    wanted = newest.id - keep_last + 1
    if cutoff is not None and wanted > known:
        wanted = min(wanted, first_since(core, max(1, known), wanted, cutoff))
    pins.drop_expired(core)
    floor = pins.read(core).floor
    boundary = max(known, min(wanted, wanted if floor is None else floor))
    if boundary > max(known, 1):
        _publish(core, boundary)
    boundary = core.lineage.list_boundary()
    _remove_older(core, boundary)
    plan, garbage = _plan(core)
    if plan.going:  # a tag that came back after a power loss must not name what is gone
        core.storage.sync_removals(layout.TAG_DIRECTORY)
    _delete(core, [*garbage.files, *garbage.manifests, *map(layout.snapshot_path, plan.going)], progress)
    return ExpireResult(
        version=newest.id,
        boundary=boundary,
        snapshots=len(plan.going),
        files=len(garbage.files),
        manifests=len(garbage.manifests),
        bytes=garbage.bytes,
        pinned=len([id_ for id_ in plan.staying if id_ < boundary]),
    )


def cutoff_millis(limit: datetime.datetime | datetime.timedelta | None) -> int | None:
    """A point in time, or an age before now, in milliseconds since the epoch. Raises SchemaError."""
    if limit is None:
        return None
    if isinstance(limit, datetime.timedelta):
        return int((time.time() - limit.total_seconds()) * 1000)
    if isinstance(limit, datetime.datetime):
        moment = limit if limit.tzinfo else limit.astimezone()
        return int(moment.timestamp() * 1000)
    raise SchemaError(f"older_than is a datetime or a timedelta, not {limit!r:.60}")


def first_since(core: Core, first: int, end: int, millis: int) -> int:
    """The first snapshot of [first, end) that is not older than a time, else `end`: their times ascend (spec §10.2)."""
    while first < end:
        middle = (first + end) // 2
        try:
            is_older = core.lineage.read(middle).snapshot.timestamp_millis < millis
        except NotFoundError:
            is_older = True  # another expirer was faster
        first, end = (middle + 1, end) if is_older else (first, middle)
    return first


def _publish(core: Core, boundary: int) -> None:
    """Step 1 of spec §15.6: durable, whatever the table's option says, because files go afterwards."""
    made = Boundary(core.schema.table, boundary, int(time.time() * 1000))
    with suppress(AlreadyExistsError, AttemptGoneError):
        core.storage.publish(layout.boundary_path(boundary), boundaries.encode(made), durable=True)


def _remove_older(core: Core, boundary: int) -> None:
    """Readers that look for the file of an older boundary must miss it before anything is deleted."""
    with suppress(NotFoundError):
        for name in core.storage.list(layout.BOUNDARY_DIRECTORY):
            number = layout.parse_boundary_name(name)
            if number is not None and number < boundary:
                with suppress(NotFoundError):
                    core.storage.remove(layout.boundary_path(number))


# ---- what goes


@dataclass(frozen=True)
class _Plan:
    """Ids of snapshots whose documents are there: those that go and those that stay, ascending. kept: from here on all
    stay; those below that stay are pinned."""

    kept: int
    going: Sequence[int]
    staying: Sequence[int]


@dataclass(frozen=True)
class _Garbage:
    """Paths to delete, and how many bytes they hold."""

    files: Sequence[str] = ()
    manifests: Sequence[str] = ()
    bytes: int = 0


def _plan(core: Core) -> tuple[_Plan, _Garbage]:
    """What is to be deleted, by the boundary and the pins of this moment. Another expirer may be at work: what it has
    deleted since the directories were listed makes it look again."""
    for _ in range(ATTEMPTS_MAX):
        boundary = core.lineage.boundary()
        held = pins.read(core)
        kept = boundary if held.floor is None else min(boundary, held.floor)
        ids = core.lineage.ids()
        if core.lineage.boundary() != boundary:
            continue  # the list may have neither a snapshot that has gone nor one that came meanwhile
        pinned = held.snapshots
        going = [id_ for id_ in ids if id_ < kept and id_ not in pinned]
        plan = _Plan(kept, going, [id_ for id_ in ids if id_ >= kept or id_ in pinned])
        if not going:
            return plan, _Garbage()
        try:
            return plan, _garbage(core, plan)
        except (FormatError, NotFoundError) as error:
            if not is_missing(error) or core.lineage.ids() == ids:
                raise
    raise StorageError(f"{core.storage.root} changes too fast to see what has expired; try again")


def _garbage(core: Core, plan: _Plan) -> _Garbage:
    """Data files and manifests of the snapshots that go and of none that stays."""
    staying = {id_: _outline(core, id_) for id_ in plan.staying}
    manifests: dict[str, int] = {}
    parts: list[pa.Table] = []
    following: Outline | None = None
    for id_ in reversed(plan.going):
        found = _outline(core, id_)
        if following is None or following.id != id_ + 1:
            following = staying.get(id_ + 1)
        removed = _removed_after(core, found, following)
        parts.extend(_live(core, found) if removed is None else removed)
        manifests.update((reference.file, reference.size) for reference in found.manifests)
        following = found
    used = {reference.file for outline in staying.values() for reference in outline.manifests}
    unused = {file: size for file, size in manifests.items() if file not in used}
    files = _not_live(core, parts, _that_decide(staying, plan.kept)) if parts else _PLACED.empty_table()
    places = zip(*(files.column(name).to_pylist() for name in ("partition", "bucket", "file")), strict=True)
    return _Garbage(
        [core.cache.path_of((partition, bucket), file) for partition, bucket, file in places],
        [layout.manifest_path(file) for file in sorted(unused)],
        sum(unused.values()) + (pc.sum(files.column("size")).as_py() or 0),
    )


def _outline(core: Core, id_: int) -> Outline:
    path = layout.snapshot_path(id_)
    return snapshot.outline(core.storage.read(path), path, id_, core.schema.table)


def _removed_after(core: Core, found: Outline, following: Outline | None) -> list[pa.Table] | None:
    """What the next snapshot no longer has, by its delta; None if that does not tell."""
    if following is None or following.id != found.id + 1 or following.parent_digest != found.digest:
        return None
    if following.kind == "rollback":
        return None
    delta = set(following.delta)
    try:
        return [
            placed(part, (part.kinds == REMOVED).tolist())
            for reference in following.manifests
            if reference.file in delta and reference.removed
            for part in [_load(core, reference)]
        ]
    except FormatError as error:
        if is_missing(error):
            return None  # an interrupted run has deleted it, perhaps while this snapshot was pinned
        raise


def _live(core: Core, found: Outline) -> list[pa.Table]:
    """All files of a snapshot; none if an interrupted run has deleted its manifests, and with them its files."""
    try:
        return [placed(fileset.live([_load(core, reference) for reference in found.manifests]))]
    except FormatError as error:
        if is_missing(error):
            return []
        raise


def _load(core: Core, reference: ManifestReference) -> Manifest:
    return manifest.load(core.storage, core.schema.table, reference)


def placed(part: FileSet | Manifest, mask: list[bool] | None = None) -> pa.Table:
    """Partition, bucket, file and size of the entries."""
    columns = [part.column(index).to_arrow() for index in (PARTITION, BUCKET, FILE, SIZE)]
    table = pa.Table.from_arrays(columns, schema=_PLACED)
    return table if mask is None else table.filter(pa.array(mask, pa.bool_()))


def _that_decide(staying: dict[int, Outline], kept: int) -> Iterator[Outline]:
    """Snapshots that together have every file of those that go which one that stays has: those that are pinned
    below, the first from which all stay, and rollbacks. Others have besides only what was added later (spec §15.6)."""
    first = min((id_ for id_ in staying if id_ >= kept), default=0)
    for id_, outline in staying.items():
        if id_ <= first or outline.kind == "rollback" or id_ == max(staying):
            yield outline


def _not_live(core: Core, parts: list[pa.Table], outlines: Iterator[Outline]) -> pa.Table:
    """The files of `parts`, each once, that are in none of the snapshots."""
    joined = pa.concat_tables(parts)
    files = joined.group_by("file", use_threads=False).aggregate(
        [("partition", "first"), ("bucket", "first"), ("size", "first")]
    )
    files = files.select(["partition_first", "bucket_first", "file", "size_first"]).rename_columns(
        _PLACED.names
    )
    for outline in outlines:
        if not files.num_rows:
            break
        try:
            found = fileset.live([core.manifest(reference) for reference in outline.manifests])
        except FormatError as error:
            if is_missing(error) and outline.id < core.lineage.boundary():
                continue  # a pin that has failed: what is in force keeps its manifests
            raise
        live = found.column(FILE).to_arrow()
        files = files.filter(pc.invert(pc.is_in(files.column("file"), value_set=live)))
    return files


def _delete(core: Core, paths: Sequence[str], progress: Progress | None) -> None:
    for done, path in enumerate(paths, 1):
        with suppress(NotFoundError):
            core.storage.remove(path)
        if progress is not None and (done % PROGRESS_STEP == 0 or done == len(paths)):
            progress(done, len(paths))


# ---- rollback


def rollback(core: Core, version: Version) -> RollbackResult:
    """Publish the contents of an older snapshot anew. A tag keeps it meanwhile, which no clock drops."""
    name = f"rollback-{version.id}-{secrets.token_hex(4)}"
    tags.create(core, name, version)

    def build(base: Version) -> Proposal | None:
        if base.id == version.id:
            return None
        return Proposal("rollback", (), source=version.snapshot)

    try:
        outcome = Transaction(core, build).commit()
    except CommitUnknownError as error:
        error.add_note(f"the tag {name!r} keeps version {version.id} until it is removed")
        raise
    except BaseException:
        tags.remove(core, name)
        raise
    tags.remove(core, name)
    return RollbackResult(outcome.version.id, version.id, outcome.published, outcome.retries)
