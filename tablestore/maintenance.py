"""Compaction of a table: plan bucket by bucket, merge on both cores, publish each result, lose races gracefully."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from tablestore.core import Core
from tablestore.errors import CommitConflictError, TableStoreError
from tablestore.file.manifest import Entry
from tablestore.lsm import compaction
from tablestore.lsm.compaction import Compacted, Pick
from tablestore.lsm.lineage import Version
from tablestore.lsm.parallel import ordered_map
from tablestore.lsm.run import Run, sorted_runs
from tablestore.results import CompactResult
from tablestore.transaction import Outcome, Proposal, Transaction

LOG = logging.getLogger("tablestore")

Place = tuple[bytes, int]
Progress = Callable[[int, int], None]

PLANS_MAX = 64  # rounds of planning; each makes the table better, so the end is near long before


def run(
    core: Core, *, full: bool = False, places: Iterable[Place] | None = None, progress: Progress | None = None
) -> CompactResult:
    """Compact until nothing is left to pick. full: every bucket into one run of the last level, without deletes.

    progress(done, total) is called with buckets. A compaction that lost its inputs to another drops its output.
    """
    only = None if places is None else set(places)
    result = CompactResult(core.lineage.newest().id)
    lost = 0
    for _ in range(PLANS_MAX):
        base = core.lineage.newest()
        work = _plan(core, base, full, only)
        if not work:
            break
        outcomes = ordered_map(partial(_one, core, base), work)
        for done, outcome in enumerate(outcomes, 1):
            if outcome is None:
                lost += 1
            else:
                result = result.plus(outcome)
            if progress is not None:
                progress(done, len(work))
    return replace(result, version=core.lineage.newest().id, lost=lost)


@dataclass(frozen=True)
class _Work:
    """One compaction to be done: runs of a bucket, oldest first, and which of them to merge."""

    place: Place
    runs: Sequence[Run]
    chosen: Pick


def _plan(core: Core, base: Version, full: bool, only: set[Place] | None) -> list[_Work]:
    """What is to be compacted."""
    work = []
    for place, entries in _candidates(core, base, full, only):
        runs = sorted_runs(entries)
        chosen = (
            compaction.pick_full(runs, deletes_stay=bool(core.schema.order_fields))
            if full
            else compaction.pick(runs, core.schema.options)
        )
        if chosen is not None:
            work.append(_Work(place, runs, chosen))
    return work


def _candidates(
    core: Core, base: Version, full: bool, only: set[Place] | None
) -> Iterator[tuple[Place, list[Entry]]]:
    """Buckets with enough runs; the others are passed over without making objects of their files."""
    least = 1 if full else core.schema.options.compaction_trigger
    if only is not None:
        for place in sorted(only):
            entries = core.place_entries(base.snapshot, place)
            upper = sum(entry.level == 0 for entry in entries)
            if upper + len({entry.level for entry in entries if entry.level}) >= least:
                yield place, entries
        return
    files = core.files(base.snapshot)
    for (start, stop), runs in zip(files.groups(), files.run_counts().tolist(), strict=True):
        if runs >= least:
            entries = files.take(np.arange(start, stop)).entries()
            yield entries[0].place, entries


def _one(core: Core, base: Version, work: _Work) -> Outcome | None:
    """Merge and publish one compaction; None if its inputs were gone at the end."""
    result = compaction.compact(core.cache, work.place, work.runs, work.chosen, base.id)
    transaction = Transaction(core, lambda newest: _propose(core, newest, result))
    try:
        return transaction.commit()
    except CommitConflictError:
        transaction.discard(result.outputs)
        return None


def _propose(core: Core, newest: Version, result: Compacted) -> Proposal:
    entries = core.place_entries(newest.snapshot, result.place)
    if not compaction.still_legal(result.inputs, result.outputs, sorted_runs(entries)):
        raise CommitConflictError("another compaction has taken the files")
    return Proposal("compact", result.changes())


def after_commit(core: Core, outcome: Outcome) -> None:
    """Automatic compaction of the buckets that a commit touched. A failure does not fail the commit, which is in."""
    if core.schema.options.compaction != "auto" or not outcome.published:
        return
    try:
        run(core, places={change.entry.place for change in outcome.changes})
    except TableStoreError as error:
        LOG.warning("compaction after version %d of %s: %s", outcome.version.id, core.storage.root, error)
