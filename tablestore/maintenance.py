"""Compaction of a table: plan bucket by bucket, merge on both cores, publish each result, lose races gracefully."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from tablestore import claims, counters, lease
from tablestore.core import Core
from tablestore.errors import CommitConflictError, FormatError, SnapshotExpiredError
from tablestore.file.manifest import Entry, Place
from tablestore.lsm import compaction
from tablestore.lsm.compaction import Compacted, Pick
from tablestore.lsm.lineage import Version
from tablestore.lsm.parallel import ordered_map
from tablestore.lsm.purge import Purge, purge_of
from tablestore.lsm.run import Run, sorted_runs
from tablestore.results import CompactResult
from tablestore.transaction import Outcome, Proposal, Transaction

Progress = Callable[[int, int], None]
Proceed = Callable[[], None]

PLANS_MAX = 64  # rounds of planning; each makes the table better, so the end is near long before
SMALL_BYTES = 1 << 20  # up to here a compaction is over before a lease or a claim would pay


@dataclass(frozen=True)
class Work:
    """One compaction to be done: runs of a bucket, oldest first, and which of them to merge."""

    place: Place
    runs: Sequence[Run]
    chosen: Pick

    @property
    def size(self) -> int:
        """Bytes that it reads."""
        return sum(run.size for run in self.runs[self.chosen.start : self.chosen.stop])


def run(
    core: Core,
    *,
    full: bool = False,
    places: Iterable[Place] | None = None,
    progress: Progress | None = None,
    now_millis: int | None = None,
) -> CompactResult:
    """Compact until nothing is left to pick. full: every bucket into one run of the last level, without deletes.

    progress(done, total) is called with buckets. A compaction that lost its inputs to another drops its output.
    now_millis: what rows past their time (spec §13.9) are measured by; None = now.
    """
    only = None if places is None else set(places)
    purge = purge_of(core.schema, now_millis if now_millis is not None else int(time.time() * 1000))
    result = CompactResult(core.lineage.newest().id)
    for _ in range(PLANS_MAX):
        base, work = plan_newest(core, full, only, purge)
        if not work:
            break
        outcomes = ordered_map(partial(compact_one, core, base, purge=purge), work)
        for done, outcome in enumerate(outcomes, 1):
            result = replace(result, lost=result.lost + 1) if outcome is None else result.plus(outcome)
            if progress is not None:
                progress(done, len(work))
    return replace(result, version=core.lineage.newest().id)


def plan_newest(
    core: Core,
    full: bool = False,
    only: set[Place] | None = None,
    purge: Purge | None = None,
    known: Version | None = None,
) -> tuple[Version, list[Work]]:
    """The newest snapshot and what is to be compacted in it. known: one that was the newest a moment ago."""
    return lease.of_newest(core, lambda base: (base, plan(core, base, full, only, purge)), known)


def plan(
    core: Core, base: Version, full: bool = False, only: set[Place] | None = None, purge: Purge | None = None
) -> list[Work]:
    """What is to be compacted."""
    work = []
    for place, entries in _candidates(core, base, full or purge is not None, only):
        runs = sorted_runs(entries)
        chosen = (
            compaction.pick_full(runs, deletes_stay=bool(core.schema.order_fields))
            if full
            else compaction.pick(runs, core.schema.options)
        ) or compaction.pick_purge(runs, purge, full)
        if chosen is not None:
            work.append(Work(place, runs, chosen))
    return work


def _candidates(
    core: Core, base: Version, every: bool, only: set[Place] | None
) -> Iterator[tuple[Place, list[Entry]]]:
    """Buckets with enough runs; the others are passed over without making objects of their files."""
    least = 1 if every else core.schema.options.compaction_trigger
    if only is not None:
        for place in sorted(only):
            if core.run_count(base.snapshot, place) >= least:
                yield place, core.place_entries(base.snapshot, place)
        return
    files = core.files(base.snapshot)
    for (start, stop), runs in zip(files.groups(), files.run_counts().tolist(), strict=True):
        if runs >= least:
            entries = files.take(np.arange(start, stop)).entries()
            yield entries[0].place, entries


def compact_one(
    core: Core,
    base: Version,
    work: Work,
    purge: Purge | None = None,
    proceed: Proceed | None = None,
    claiming: bool = False,
) -> Outcome | None:
    """Merge and publish one compaction; None if another had taken the inputs at the end.

    claiming: also None at once if another works on the bucket.
    """
    begun = time.monotonic()
    try:
        outcome = _compact_claimed(core, base, work, purge, proceed, claiming)
    finally:
        counters.COMPACTION_SECONDS.add(time.monotonic() - begun)
    if outcome is None:
        counters.COMPACTIONS_LOST.add()
    return outcome


def _compact_claimed(
    core: Core, base: Version, work: Work, purge: Purge | None, proceed: Proceed | None, claiming: bool
) -> Outcome | None:
    with ExitStack() as stack:
        if claiming and work.size > SMALL_BYTES:
            claim = claims.claim_bucket(core, work.place)
            if claim is None:
                return None
            stack.enter_context(claim)
            proceed = _both(claim.renew, proceed)
        try:
            if work.size > SMALL_BYTES:
                stack.enter_context(lease.hold(core, base))
            result = compaction.compact(
                core.cache, work.place, work.runs, work.chosen, base.id, purge, proceed
            )
        except SnapshotExpiredError:
            return None
        except FormatError as error:
            if lease.is_missing(error) and not _is_live(core, work):
                return None  # compacted by another, expired and deleted since
            raise
        return publish(core, result)


def _both(first: Proceed, second: Proceed | None) -> Proceed:
    def proceed() -> None:
        first()
        if second is not None:
            second()

    return proceed


def _is_live(core: Core, work: Work) -> bool:
    """Whether all files that the compaction reads are still in the table."""
    entries = lease.of_newest(core, lambda newest: core.place_entries(newest.snapshot, work.place))
    live = {entry.file for entry in entries}
    chosen = work.runs[work.chosen.start : work.chosen.stop]
    return all(entry.file in live for run in chosen for entry in run.files)


def publish(core: Core, result: Compacted) -> Outcome | None:
    """Publish what was merged; None, and the output is gone, if the inputs are not what they were."""
    transaction = Transaction(core, lambda newest: _propose(core, newest, result))
    try:
        outcome = transaction.commit()
    except CommitConflictError:
        transaction.discard(result.outputs)
        return None
    core.cache.drop(result.inputs)
    return outcome


def _propose(core: Core, newest: Version, result: Compacted) -> Proposal:
    entries = core.place_entries(newest.snapshot, result.place)
    if not compaction.still_legal(result.inputs, result.outputs, sorted_runs(entries)):
        raise CommitConflictError("another compaction has taken the files")
    return Proposal("purge" if result.purged else "compact", result.changes())
