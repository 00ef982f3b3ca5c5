"""What the next snapshots of a table bring to some of its buckets (spec §16.10): many small appends are read as one
chunk, anything else step by step. How steps are grouped makes no difference to the rows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from tablestore import lease, pins
from tablestore.changes import Step, step_of
from tablestore.core import Core, check_features
from tablestore.errors import SnapshotExpiredError
from tablestore.file import layout, manifest
from tablestore.file.fileset import FileSet
from tablestore.file.manifest import FILE, Entry
from tablestore.file.snapshot import ManifestReference
from tablestore.lsm import changes
from tablestore.lsm.changes import DELETE, ChangesRequest, Difference, PlacedFiles
from tablestore.lsm.condition import key_range
from tablestore.lsm.lineage import Version, check_parent
from tablestore.lsm.parallel import ordered_map
from tablestore.lsm.plan import entry_ranges, plan_files
from tablestore.lsm.run import sorted_runs
from tablestore.lsm.steps import Appended, StepRows, append_rows
from tablestore.storage import NotFoundError

STEPS_MAX = 128  # of a chunk
CHUNK_ROWS_MAX = 131_072  # stored rows that a chunk's appends bring to one bucket
SNAPSHOTS_KEPT = 2 * STEPS_MAX
_WITHOUT_ROWS = frozenset({"create", "compact", "clean"})

Place = tuple[bytes, int]


@dataclass(frozen=True)
class Chunk:
    """The steps to the snapshots `versions`, from the one `before`; not empty. step: of a single one that is read by
    itself, with its difference; otherwise the files that each place got, and those that it had."""

    before: Version
    versions: tuple[Version, ...]
    step: Step | None
    difference: Difference | None
    appended: dict[Place, Appended]
    base: dict[Place, list[Entry]]

    @property
    def last(self) -> int:
        """Id of the last snapshot."""
        return self.versions[-1].id


class Snapshots:
    """The snapshots of a table that a consumer keeps, as they are published."""

    def __init__(self, core: Core, consumer: str) -> None:
        self._core = core
        self._consumer = consumer
        self._known: OrderedDict[int, Version] = OrderedDict()
        self.newest = core.lineage.newest()  # that was seen

    def look(self, number: int) -> Version | None:
        """A snapshot, or None if it has not been published. Raises SnapshotExpiredError if it is gone."""
        found = self._known.get(number)
        if found is not None:
            return found
        with suppress(NotFoundError):
            if self._core.storage.exists(layout.snapshot_path(number)):
                found = self._core.lineage.read(number)
        self._check_kept(
            number
        )  # after it was read: before that nobody can put another in its place (spec §15.4)
        if found is not None:
            self._known[number] = found
            if number > self.newest.id:
                self.newest = found
            if len(self._known) > SNAPSHOTS_KEPT:
                self._known.popitem(last=False)
        return found

    def known(self, number: int) -> Version | None:
        """A snapshot if it has been looked at lately. May be called by any thread."""
        return self._known.get(number)

    def read(self, number: int) -> Version:
        """A snapshot that has been published. Raises SnapshotExpiredError if it is gone."""
        found = self.look(number)
        if found is None:
            raise self.expired(number)
        return found

    def refresh(self) -> Version:
        """The newest snapshot there is."""
        self.newest = max(self.newest, self._core.lineage.newest(), key=lambda version: version.id)
        return self.newest

    def _check_kept(self, number: int) -> None:
        if number >= self._core.lineage.boundary():
            return
        for consumer in pins.read_consumers(self._core):
            if consumer.name == self._consumer and not consumer.is_dropped and consumer.keeps <= number:
                return
        raise self.expired(number)

    def expired(self, number: int) -> SnapshotExpiredError:
        """What to say of a snapshot that is gone."""
        return SnapshotExpiredError(
            f"snapshot {number} of {self._core.storage.root}, where this job has to go on, has expired: the table "
            f"keeps those from {self._core.lineage.boundary()} on. Start the job without its savepoint, with another "
            "consumer-id, and 'scan.startup.mode' = 'latest-full' to begin with the whole state; a longer "
            "'consumer.expiration-time' keeps snapshots for longer while a job is stopped"
        )


class Chunks:
    """Finds chunks for the buckets of a request; the last one is kept, because all buckets ask for it in turn."""

    def __init__(self, core: Core, snapshots: Snapshots, request: ChangesRequest) -> None:
        self._core = core
        self._snapshots = snapshots
        self._request = request
        self._kept: Chunk | None = None
        self._entries: dict[int, list[Entry]] = {}  # by snapshot
        schema = core.schema
        self._joins = not schema.order_fields
        self._moves = not {field.id for field in schema.partition_fields} <= {
            field.id for field in schema.key_fields
        }

    def take(self, number: int, stop: int | None) -> Chunk | None:
        """The chunk that begins with the step to snapshot `number`, and ends with `stop` at the latest; None if the
        snapshot has not been published."""
        kept = self._kept
        if kept is not None and kept.before.id == number - 1 and (stop is None or kept.last <= stop):
            return kept
        if self._snapshots.look(number) is None:
            return None
        before = self._snapshots.read(number - 1)
        with lease.guard(self._core, before):
            self._kept = self._make(before, stop)
        return self._kept

    def _make(self, before: Version, stop: int | None) -> Chunk:
        """All steps there are, as long as they are small appends; or the first."""
        ahead = self._ahead(before, stop)
        if not self._is_small(ahead[0]):
            return self._single(before, ahead[0])
        self._load([version for version in ahead if version.snapshot.kind == "append"])
        brought: list[tuple[int, Entry]] = []
        rows: dict[int, int] = {}
        for step, after in enumerate(ahead):
            found = self._entries.get(after.id, []) if after.snapshot.kind == "append" else []
            if not _fits(found, rows):
                if not step:
                    return self._single(before, after)
                ahead = ahead[:step]
                break
            brought += [(step, entry) for entry in found]
        return self._joined(before, tuple(ahead), brought)

    def _ahead(self, before: Version, stop: int | None) -> list[Version]:
        """The next snapshots: one, or as many as may make a chunk."""
        versions: list[Version] = []
        while len(versions) < STEPS_MAX and (stop is None or before.id + len(versions) < stop):
            previous = versions[-1] if versions else before
            after = self._snapshots.look(previous.id + 1)
            if after is None:
                break
            check_parent(previous, after)
            check_features(after.snapshot)
            if versions and not self._is_small(after):
                break
            versions.append(after)
        return versions

    def _is_small(self, after: Version) -> bool:
        """Whether a step may be one of many, as long as it has few rows."""
        kind = after.snapshot.kind
        return kind in _WITHOUT_ROWS or (kind == "append" and self._joins)

    def _load(self, appends: Sequence[Version]) -> None:
        """Read which files of interest appends brought, in the order in which they count; all at once."""
        known, self._entries = self._entries, {}
        missing: list[tuple[int, ManifestReference]] = []
        for version in appends:
            if version.id in known:
                self._entries[version.id] = known[version.id]
                continue
            delta = set(version.snapshot.delta)
            missing += [(version.id, each) for each in version.snapshot.manifests if each.file in delta]
        if not missing:
            return
        core, request = self._core, self._request
        part = manifest.load_all(core.storage, core.schema.table, [reference for _, reference in missing])
        inserted = part.inserted()
        names = part.column(FILE).take(inserted).to_arrow().to_pylist()
        owners = np.repeat([number for number, _ in missing], np.diff(part.ends, prepend=0))[inserted]
        owner = dict(zip(names, owners.tolist(), strict=True))
        files = FileSet(len(part), part.column).take(inserted)
        bounds = key_range(request.condition, core.schema)
        chosen = plan_files(files, len(files), core.schema, request.condition, *bounds, request.buckets).files
        for entry in sorted(
            chosen.entries(), key=lambda entry: (entry.sequence_max, entry.ordinal, entry.file)
        ):
            self._entries.setdefault(owner[entry.file], []).append(entry)

    def _joined(
        self, before: Version, versions: tuple[Version, ...], brought: list[tuple[int, Entry]]
    ) -> Chunk:
        by_place: dict[Place, list[tuple[int, Entry]]] = {}
        for step, entry in brought:
            by_place.setdefault(entry.place, []).append((step, entry))
        appended = {
            place: Appended(tuple(entry for _, entry in some), tuple(step for step, _ in some))
            for place, some in sorted(by_place.items())
        }
        base: dict[Place, list[Entry]] = {}
        if appended:
            ranges = entry_ranges(self._request.condition, self._core.schema, self._request.buckets)
            base = PlacedFiles(self._core.files(before.snapshot, ranges)).entries(appended)
        return Chunk(before, versions, None, None, appended, base)

    def _single(self, before: Version, after: Version) -> Chunk:
        step = step_of(self._core, before, after, self._request)
        return Chunk(before, (after,), step, None if step is None else step.find(), {}, {})

    # ---- rows

    def rows(self, chunk: Chunk, bucket: int) -> Iterator[StepRows]:
        """The changes of a bucket, step by step; of each step those that a key's move to another partition calls for
        first: its deletes, and then everything else, both by partition and key."""
        with lease.guard(self._core, chunk.before), lease.guard(self._core, chunk.versions[-1]):
            if chunk.difference is not None:
                yield from self._single_rows(chunk.difference, bucket)
                return
            found = [self._append_rows(chunk, place) for place in chunk.appended if place[1] == bucket]
            parts = [part for part in found if part is not None]
            if parts:
                yield in_order(parts, self._moves)

    def _append_rows(self, chunk: Chunk, place: Place) -> StepRows | None:
        runs = sorted_runs(chunk.base.get(place, []))
        return append_rows(self._core.cache, place, runs, chunk.appended[place], self._request)

    def _single_rows(self, difference: Difference, bucket: int) -> Iterator[StepRows]:
        """Windows of a step in order. If keys may move and the step is too large to be put in order in memory, it is
        compared twice."""
        if not self._moves:
            yield from self._windows(difference, bucket)
            return
        kept: list[StepRows] = []
        rows = 0
        windows = self._windows(difference, bucket)
        for part in windows:
            kept.append(part)
            rows += len(part.kinds)
            if rows > CHUNK_ROWS_MAX:
                break
        else:
            if kept:
                yield in_order(kept, True)
            return
        for part in (*kept, *windows):
            yield _only(part, part.kinds == DELETE)
        del kept
        for part in self._windows(difference, bucket):
            yield _only(part, part.kinds != DELETE)

    def _windows(self, difference: Difference, bucket: int) -> Iterator[StepRows]:
        cache = self._core.cache
        request = replace(self._request, buckets=frozenset((bucket,)))

        def read(window: changes.ChangedWindow) -> StepRows:
            found = changes.compare(cache, window, request)
            columns = [found.column(field) for field in request.fields]
            return StepRows(np.zeros(len(found), np.int64), found.kinds, columns)

        yield from ordered_map(read, changes.windows(cache, difference, request))


def _fits(found: Sequence[Entry], rows: dict[int, int]) -> bool:
    """Count the rows of one more step by bucket; False, and nothing counted, if they become too many."""
    counts = dict(rows)
    for entry in found:
        counts[entry.bucket] = counts.get(entry.bucket, 0) + entry.row_count
    if max(counts.values(), default=0) > CHUNK_ROWS_MAX:
        return False
    rows.update(counts)
    return True


def in_order(parts: Sequence[StepRows], moves: bool) -> StepRows:
    """Parts of several places, or windows, by step; with `moves` the deletes of each step first."""
    if len(parts) == 1 and not moves:
        return parts[0]
    steps = np.concatenate([part.steps for part in parts])
    kinds = np.concatenate([part.kinds for part in parts])
    order = np.argsort(2 * steps + (kinds != DELETE) if moves else steps, kind="stable")
    joined = zip(*(part.columns for part in parts), strict=True)
    index = pa.array(order)
    columns = [(pa.concat_arrays(pieces) if len(pieces) > 1 else pieces[0]).take(index) for pieces in joined]
    return StepRows(steps[order], kinds[order], columns)


def _only(part: StepRows, mask: np.ndarray) -> StepRows:
    chosen = pa.array(np.flatnonzero(mask))
    return StepRows(part.steps[mask], part.kinds[mask], [column.take(chosen) for column in part.columns])
