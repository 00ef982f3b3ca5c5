"""Cleaning (spec §15.7): files that no snapshot refers to go, fenced by the snapshot their writer had read last.

Candidates are listed before the used files are read, and a commit that could still publish one of them is refused by a
fence. No clock is needed for that: an age limit of 0 is right, and only makes more commits that are under way fail.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from tablestore import pins
from tablestore.core import Core
from tablestore.errors import CommitConflictError, FormatError, StorageError, UnsafePathError
from tablestore.file import claim, fileset, layout, manifest, partition, snapshot
from tablestore.file.manifest import FILE, REMOVED
from tablestore.file.snapshot import Snapshot
from tablestore.lease import is_missing
from tablestore.lsm.lineage import Version
from tablestore.results import OrphanResult
from tablestore.retention import cutoff_millis, first_since
from tablestore.storage import NotFoundError
from tablestore.transaction import Proposal, Transaction

Progress = Callable[[int, int], None]
PROGRESS_STEP = 256
ATTEMPTS_MAX = 100
TEMPORARY_MILLIS_MIN = 3_600_000  # of pins on their way to their place, whose writers are not fenced
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class _Candidate:
    """A file that may be garbage. file: its file id; "" for a temporary file."""

    path: str
    file: str
    size: int = 0


def remove(
    core: Core,
    dry_run: bool = True,
    older_than: datetime.datetime | datetime.timedelta = DAY,
    progress: Progress | None = None,
) -> OrphanResult:
    """Delete files that nothing refers to and that are older than the limit; dry_run: only find them.

    Raises StorageError, FormatError: then some are left for the next run.
    """
    cutoff = None if older_than == datetime.timedelta(0) else cutoff_millis(older_than)
    newest = core.lineage.newest()
    limit = newest.id if cutoff is None else _limit(core, newest, cutoff)
    candidates = [*_data_files(core, limit), *_manifests(core, limit)]
    temporaries = list(_temporaries(core, newest, cutoff))
    unused = list(_old(core, _unused(core, candidates), cutoff))
    version = newest.id
    if unused and not dry_run:
        version = _fence(core, max(layout.base_of(found.file) for found in unused) + 1)
        unused = _unused(core, unused)
    garbage = sorted([*unused, *temporaries], key=lambda found: found.path)
    if not dry_run:
        _delete(core, garbage, progress)
    is_manifest = [found.path.startswith(f"{layout.MANIFEST_DIRECTORY}/") for found in unused]
    return OrphanResult(
        version=version,
        dry_run=dry_run,
        files=len(unused) - sum(is_manifest),
        manifests=sum(is_manifest),
        temporaries=len(temporaries),
        bytes=sum(found.size for found in garbage),
        paths=tuple(found.path for found in garbage),
    )


def _limit(core: Core, newest: Version, cutoff: int) -> int:
    """Files of a smaller base are candidates: the writer began before the newest snapshot that is old enough; before
    the boundary if none is, which says nothing of its age."""
    kept = max(1, core.lineage.boundary())
    younger = first_since(core, kept, newest.id + 1, cutoff)
    return max(kept, younger - 1)


def _delete(core: Core, garbage: Sequence[_Candidate], progress: Progress | None) -> None:
    for done, found in enumerate(garbage, 1):
        with suppress(NotFoundError):
            core.storage.remove(found.path)
        if progress is not None and (done % PROGRESS_STEP == 0 or done == len(garbage)):
            progress(done, len(garbage))


# ---- the fence


def _fence(core: Core, wanted: int) -> int:
    """Publish a snapshot with a fence, unless there is one as great. The id of the newest snapshot."""

    def build(base: Version) -> Proposal | None:
        if base.snapshot.fence >= wanted:
            return None
        return Proposal("clean", (), fence=wanted)

    for _ in range(ATTEMPTS_MAX):
        with suppress(
            CommitConflictError
        ):  # others were faster, or expired it: look again, and publish another
            return Transaction(core, build).commit().version.id
    raise CommitConflictError(f"{core.storage.root} changes too fast to put up a fence; try again")


# ---- candidates


def _data_files(core: Core, limit: int) -> Iterator[_Candidate]:
    """Data files in directories of partitions and buckets of this table."""
    prefixes = [f"{partition.escape(field.name)}=" for field in core.schema.partition_fields]
    waiting = [("", 0)]
    while waiting:
        directory, depth = waiting.pop()
        for name in _names(core, directory):
            path = f"{directory}/{name}" if directory else name
            if depth < len(prefixes):
                if name.startswith(prefixes[depth]):
                    waiting.append((path, depth + 1))
            elif depth == len(prefixes):
                if layout.parse_bucket_name(name) is not None:
                    waiting.append((path, depth + 1))
            else:
                file = layout.parse_data_name(name)
                if file is not None and layout.base_of(file) < limit:
                    yield _Candidate(path, file)


def _manifests(core: Core, limit: int) -> Iterator[_Candidate]:
    for name in _names(core, layout.MANIFEST_DIRECTORY):
        file = layout.parse_manifest_name(name)
        if file is not None and layout.base_of(file) < limit:
            yield _Candidate(layout.manifest_path(file), file)


def _old(core: Core, candidates: Iterable[_Candidate], cutoff: int | None) -> Iterator[_Candidate]:
    """Those that were written before a time, with their sizes."""
    for found in candidates:
        with suppress(NotFoundError):
            status = core.storage.status(found.path)
            if cutoff is None or status.modified_millis <= cutoff:
                yield replace(found, size=status.size)


def _temporaries(core: Core, newest: Version, cutoff: int | None) -> Iterator[_Candidate]:
    """Files that never came to their place: snapshots whose id is taken, and in other directories old ones."""
    directories = (
        "",
        layout.SCHEMA_DIRECTORY,
        layout.SNAPSHOT_DIRECTORY,
        layout.BOUNDARY_DIRECTORY,
        layout.TAG_DIRECTORY,
        layout.CONSUMER_DIRECTORY,
        layout.LEASE_DIRECTORY,
        claim.DIRECTORY,
    )
    hour_ago = int(time.time() * 1000) - TEMPORARY_MILLIS_MIN
    old = hour_ago if cutoff is None else min(cutoff, hour_ago)
    for directory in directories:
        for name in _names(core, directory):
            if not layout.is_temporary_name(name):
                continue
            found = _Candidate(f"{directory}/{name}" if directory else name, "")
            with suppress(NotFoundError):
                taken = directory == layout.SNAPSHOT_DIRECTORY and _is_taken(core, found.path, newest.id)
                yield from _old(core, [found], cutoff if taken else old)


def _is_taken(core: Core, path: str, newest: int) -> bool:
    """Whether a snapshot document on its way has an id that is taken, or will never be whole: then its writer is dead,
    or loses the race and builds anew."""
    try:
        return snapshot.read_id(core.storage.read(path), path) <= newest
    except FormatError:
        return True


def _names(core: Core, directory: str) -> list[str]:
    try:
        return sorted(core.storage.list(directory))
    except (NotFoundError, UnsafePathError):
        return []  # a link, or no directory: nothing of this table


# ---- what is used


def _unused(core: Core, candidates: list[_Candidate]) -> list[_Candidate]:
    """Candidates that no snapshot refers to which is retained or pinned now."""
    if not candidates:
        return []
    for _ in range(ATTEMPTS_MAX):
        boundary = core.lineage.boundary()
        held = pins.read(core)
        ids = core.lineage.ids()
        try:
            used = _used(core, boundary, held, ids)
        except (FormatError, NotFoundError) as error:
            before = boundary, held.floor, ids
            if not is_missing(error) or before == _extent(core):
                raise
            continue  # an expirer is at work, which removes snapshots last
        return [found for found in candidates if found.file not in used]
    raise StorageError(f"{core.storage.root} changes too fast to see what is used; try again")


def _extent(core: Core) -> tuple[int, int | None, list[int]]:
    """What is retained by the boundary and by consumers, and what is there."""
    return core.lineage.boundary(), pins.read(core).floor, core.lineage.ids()


def _used(core: Core, boundary: int, held: pins.Pins, ids: Sequence[int]) -> set[str]:
    """File ids of all manifests and data files of snapshots that stay."""
    kept = boundary if held.floor is None else min(boundary, held.floor)
    newest = core.lineage.newest().id
    used: set[str] = set()
    before: Snapshot | None = None
    # A directory may be listed without what comes into it meanwhile: from the boundary on there are all.
    for id_ in sorted({*ids, *range(max(boundary, 1), newest + 1)}):
        if id_ >= kept:
            found = core.lineage.read(id_).snapshot
            whole = before is None or before.id + 1 != id_ or found.kind == "rollback"
            used.update(reference.file for reference in found.manifests)
            used.update(_live(core, found) if whole else _added(core, found))
            before = found
        elif id_ in held.snapshots:
            with suppress(NotFoundError):
                found = core.lineage.read(id_).snapshot
                used.update(reference.file for reference in found.manifests)
                used.update(_live_of_pinned(core, found))
    return used


def _live(core: Core, found: Snapshot) -> list[str]:
    files = fileset.live([core.manifest(reference) for reference in found.manifests])
    live: list[str] = files.column(FILE).to_arrow().to_pylist()
    return live


def _live_of_pinned(core: Core, found: Snapshot) -> list[str]:
    """A pin in force keeps its manifests; one that has failed may lack them, and keeps nothing."""
    try:
        return _live(core, found)
    except FormatError as error:
        if is_missing(error):
            return []
        raise


def _added(core: Core, found: Snapshot) -> Iterator[str]:
    """Files that a snapshot has and its parent has not."""
    delta = set(found.delta)
    for reference in found.manifests:
        if reference.file in delta:
            part = manifest.load(core.storage, core.schema.table, reference)
            names = part.column(FILE).to_arrow().to_pylist()
            yield from (
                name for name, kind in zip(names, part.kinds.tolist(), strict=True) if kind != REMOVED
            )
