"""Spec chapter 12: the order of versions, deduplicate, and keys that move between partitions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from tablestore.reference.cursor import reject
from tablestore.reference.key import encode_tuple
from tablestore.reference.type import Type

DELETE_KINDS = (1, 3)


@dataclass(frozen=True)
class Run:
    """A sorted run. level: 0 – 3; sequence: sequence_max of its entries, resolved (spec §9.4); ordinal: of level 0.

    rows: (encoded key, explicit sequence or 0, row kind, values of the sequence fields), ascending by key.
    """

    level: int
    sequence: int
    ordinal: int
    rows: Sequence[tuple[bytes, int, int, tuple[object, ...]]]

    @property
    def age(self) -> tuple[int, int, int]:
        """Greater for newer runs (spec §12.2)."""
        return (-self.level, self.sequence, self.ordinal) if self.level == 0 else (-self.level, 0, 0)


@dataclass(frozen=True)
class Version:
    """A version of a key; `order` compares versions of one key (spec §12.2)."""

    key: bytes
    kind: int
    order: tuple[bytes, int, tuple[int, int, int]]
    run: int
    row: int

    @property
    def is_delete(self) -> bool:
        return self.kind in DELETE_KINDS


def versions(runs: Sequence[Run], sequence_types: Sequence[Type] = ()) -> list[Version]:
    """All versions in all runs; `run` and `row` are their indexes."""
    found = []
    for run_index, run in enumerate(runs):
        previous: bytes | None = None
        for row_index, (encoded, sequence, kind, fields) in enumerate(run.rows):
            if previous is not None and encoded <= previous:
                reject("key-order", f"keys of run {run_index} do not ascend", "7.7", row_index)
            previous = encoded
            order = (encode_tuple(sequence_types, fields), sequence or run.sequence, run.age)
            found.append(Version(encoded, kind, order, run_index, row_index))
    return found


def greatest(found: Iterable[Version]) -> list[Version]:
    """The greatest version of every key, deletes included, ascending by key."""
    winners: dict[bytes, Version] = {}
    for version in found:
        winner = winners.get(version.key)
        if winner is None or version.order > winner.order:
            winners[version.key] = version
    return [winners[encoded] for encoded in sorted(winners)]


def deduplicate(runs: Sequence[Run], sequence_types: Sequence[Type] = ()) -> list[Version]:
    """The visible rows (spec §12.4), ascending by key."""
    return [version for version in greatest(versions(runs, sequence_types)) if not version.is_delete]


class Move(Enum):
    """What a commit does if the newest version v of a key meets version u elsewhere (spec §12.5)."""

    NOTHING = "nothing"
    DELETE_ELSEWHERE = "delete-elsewhere"
    DELETE_HERE = "delete-here"


def resolve_move(v: Version, u: Version) -> Move:
    """The additional row that a commit of `v` writes; `u` is in another partition.

    DELETE_ELSEWHERE: in u's partition, with u's values and v's sequence fields. DELETE_HERE: in v's
    partition, with v's values and u's sequence fields.
    """
    if u.order > v.order:
        return Move.NOTHING if v.is_delete else Move.DELETE_HERE
    return Move.NOTHING if u.is_delete else Move.DELETE_ELSEWHERE
