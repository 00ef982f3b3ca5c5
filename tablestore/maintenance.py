"""Compaction of a table: plan bucket by bucket, merge on both cores, publish each result, lose races gracefully."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from tablestore.core import Core
from tablestore.errors import CommitConflictError
from tablestore.lsm import compaction
from tablestore.lsm.compaction import Compacted, Pick
from tablestore.lsm.lineage import Version
from tablestore.lsm.memtable import by_place
from tablestore.lsm.parallel import ordered_map
from tablestore.lsm.run import Run, sorted_runs
from tablestore.results import CompactResult
from tablestore.transaction import Outcome, Proposal, Transaction

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
        done = 0
        for outcome in ordered_map(lambda item: _one(core, base, *item), work):
            done += 1
            if outcome is None:
                lost += 1
            else:
                result = result.plus(outcome)
            if progress is not None:
                progress(done, len(work))
    return replace(result, version=core.lineage.newest().id, lost=lost)


def _plan(
    core: Core, base: Version, full: bool, only: set[Place] | None
) -> list[tuple[Place, Sequence[Run], Pick]]:
    work = []
    for place, entries in by_place(_candidates(core, base, full, only)).items():
        runs = sorted_runs(entries)
        chosen = compaction.pick_full(runs) if full else compaction.pick(runs, core.schema.options)
        if chosen is not None:
            work.append((place, runs, chosen))
    return work


def _candidates(core: Core, base: Version, full: bool, only: set[Place] | None) -> list:
    """Entries of the buckets that may need work; buckets with few files are passed over without making objects."""
    files = core.files(base.snapshot)
    least = 1 if full else core.schema.options.compaction_trigger
    entries = []
    for start, stop in files.groups():
        if stop - start >= least:
            group = files.take(range(start, stop))
            if only is None or _place_of(group) in only:
                entries.extend(group.entries())
    return entries


def _place_of(group) -> Place:
    first = group.take([0]).entries()[0]
    return first.place


def _one(core: Core, base: Version, place: Place, runs: Sequence[Run], chosen: Pick) -> Outcome | None:
    """Merge and publish one compaction; None if its inputs were gone at the end."""
    result = compaction.compact(core.cache, place, runs, chosen, base.id)
    transaction = Transaction(core, lambda newest: _propose(core, newest, result))
    try:
        return transaction.commit()
    except CommitConflictError:
        transaction.discard(result.outputs)
        return None


def _propose(core: Core, newest: Version, result: Compacted) -> Proposal:
    entries = [entry for entry in core.entries(newest.snapshot) if entry.place == result.place]
    if not compaction.still_legal(result.inputs, result.outputs, sorted_runs(entries)):
        raise CommitConflictError("another compaction has taken the files")
    return Proposal("compact", result.changes())


def after_commit(core: Core, outcome: Outcome) -> None:
    """Automatic compaction of the buckets that a commit touched. Never fails the commit that is already in."""
    if core.schema.options.compaction != "auto" or not outcome.published:
        return
    with suppress(CommitConflictError):
        run(core, places={change.entry.place for change in outcome.changes})
