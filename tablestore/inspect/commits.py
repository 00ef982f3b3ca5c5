"""What each snapshot did to the files of a table, told by its own manifests: for `timeline` and the page of `tree`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from tablestore.core import Core
from tablestore.errors import FormatError
from tablestore.file import manifest
from tablestore.file.manifest import ADDED, BUCKET, LEVEL, MOVED, PARTITION, REMOVED, SIZE, Manifest
from tablestore.file.snapshot import Snapshot
from tablestore.inspect.listing import partition_text
from tablestore.inspect.report import Report
from tablestore.lsm.lineage import Version
from tablestore.storage import NotFoundError


@dataclass
class Commit:
    """Files that a snapshot added, moved to another level and removed. levels: number of files by level, of moved ones
    by that which they moved to; before: the snapshot's parent if it is there; complete: whether all its manifests could
    be read."""

    snapshot: Snapshot
    before: Snapshot | None
    added: int = 0
    moved: int = 0
    removed: int = 0
    bytes_added: int = 0
    bytes_removed: int = 0
    levels_in: Counter[int] = field(default_factory=Counter)
    levels_out: Counter[int] = field(default_factory=Counter)
    levels_moved: Counter[int] = field(default_factory=Counter)
    places: set[tuple[bytes, int]] = field(default_factory=set)
    complete: bool = True

    @property
    def compacts(self) -> bool:
        """Whether it merged files rather than bring rows."""
        return self.snapshot.kind in ("compact", "purge")

    @property
    def rows_change(self) -> int | None:
        """Stored rows more than before; None if that is not known."""
        if self.before is None:
            return self.snapshot.totals.rows if self.snapshot.id == 1 else None
        return self.snapshot.totals.rows - self.before.totals.rows

    def take(self, part: Manifest) -> None:
        """Count the entries of one manifest."""
        kinds = np.asarray(part.kinds)
        sizes = part.column(SIZE).typed("u8").astype(np.int64)
        levels = part.column(LEVEL).typed("i1")
        self.added += int(np.count_nonzero(kinds == ADDED))
        self.moved += int(np.count_nonzero(kinds == MOVED))
        self.removed += int(np.count_nonzero(kinds == REMOVED))
        self.bytes_added += int(sizes[kinds == ADDED].sum())
        self.bytes_removed += int(sizes[kinds == REMOVED].sum())
        self.levels_in.update(levels[kinds == REMOVED].tolist())
        self.levels_out.update(levels[kinds == ADDED].tolist())
        self.levels_moved.update(levels[kinds == MOVED].tolist())
        buckets = part.column(BUCKET).typed("i4").tolist()
        self.places.update(zip(part.column(PARTITION).to_arrow().to_pylist(), buckets, strict=True))

    def place_text(self, core: Core) -> str:
        """The bucket that was changed, or how many."""
        if len(self.places) != 1:
            return f"{len(self.places):,} buckets"
        ((encoded, bucket),) = self.places
        name = partition_text(core.schema, encoded)
        return f"bucket {bucket}" + (f" of {name}" if name else "")


def commits(core: Core, newest: int, limit: int | None, report: Report) -> Iterator[Commit]:
    """The snapshots up to `newest` that are there, oldest first; of them the last `limit`. What cannot be read
    becomes a fault of the report."""
    ids = [number for number in core.lineage.ids() if number <= newest]
    first = 0 if limit is None else max(0, len(ids) - limit)
    before = _read(core, ids[first - 1], report) if first else None
    for number in ids[first:]:
        version = _read(core, number, report)
        if version is None:
            continue
        parent = before.snapshot if before is not None and before.id == number - 1 else None
        commit = Commit(version.snapshot, parent)
        _count(core, commit, report)
        yield commit
        before = version


def _read(core: Core, number: int, report: Report) -> Version | None:
    try:
        return core.lineage.read(number)
    except NotFoundError:
        return None  # expired since it was listed
    except FormatError as error:
        report.fail(error)
        return None


def _count(core: Core, commit: Commit, report: Report) -> None:
    """Read the manifests that the snapshot brought."""
    delta = set(commit.snapshot.delta)
    for reference in commit.snapshot.manifests:
        if reference.file not in delta:
            continue
        try:
            commit.take(manifest.load(core.storage, core.schema.table, reference))
        except FormatError as error:
            commit.complete = False
            if error.code != "missing-file" or commit.snapshot.id >= core.lineage.boundary():
                report.fail(error)
