"""Spec chapter 11: decisions of the commit protocol as pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum


class Outcome(Enum):
    """Outcomes of an attempt (spec §11.4)."""

    COMMITTED = "committed"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"

    @property
    def may_delete_files(self) -> bool:
        """Only a proof of conflict allows to delete files of the attempt."""
        return self is Outcome.CONFLICT


def outcome(put: str, commit: str, found: str | None, synchronised: bool = True) -> Outcome:
    """Outcome of step 4 (spec §11.3). put: `created`, `exists` or `error`, the store's answer.

    commit: id of the attempt; found: `commit` of the snapshot as it is read after an answer other than
    `created`, None if it is absent or unreadable; synchronised: step 5 succeeded.
    """
    if found == commit or put == "created":
        return Outcome.COMMITTED if synchronised else Outcome.UNKNOWN
    return Outcome.CONFLICT if put == "exists" and found is not None else Outcome.UNKNOWN


def is_already_committed(committers: Mapping[str, int], writer: str, commit_id: int) -> bool:
    """Whether the newest snapshot already holds the commit of a writer (spec §11.5)."""
    return committers.get(writer, -1) >= commit_id


def carry_committers(committers: Mapping[str, int], writer: str | None, commit_id: int) -> dict[str, int]:
    """The `committers` of the snapshot that a commit publishes."""
    return {**committers, **({writer: commit_id} if writer is not None else {})}


def compaction_survives(inputs: Iterable[tuple[str, int]], live: Mapping[str, int]) -> bool:
    """Whether every (file, level) that a compaction read is still live at its level (spec §11.6)."""
    return all(live.get(file) == level for file, level in inputs)
