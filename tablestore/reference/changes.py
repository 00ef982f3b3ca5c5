"""Spec chapter 14: the exact difference of what two snapshots show, and the keys that it can be found by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tablestore.reference.merge import Run, deduplicate
from tablestore.reference.type import Type

Place = tuple[bytes, int]
Spot = tuple[bytes, int, bytes]
Values = tuple[object, ...]
Image = Mapping[Spot, Values]


@dataclass(frozen=True)
class Bucket:
    """The live runs of a place; values[run][row] are the columns of each of their rows."""

    partition: bytes
    bucket: int
    runs: Sequence[Run]
    values: Sequence[Sequence[Values]]


@dataclass(frozen=True)
class Change:
    """One row of changes: `+I`, `-U`, `+U` or `-D` (spec §14.2)."""

    kind: str
    spot: Spot
    values: Values


def image(
    buckets: Iterable[Bucket],
    sequence_types: Sequence[Type] = (),
    columns: Sequence[int] | None = None,
    condition: Callable[[Values], bool] = lambda values: True,
) -> Image:
    """The visible rows that fulfil the condition, by place and key, each cut down to `columns` (spec §14.3)."""
    found: dict[Spot, Values] = {}
    for bucket in buckets:
        for version in deduplicate(bucket.runs, sequence_types):
            values = bucket.values[version.run][version.row]
            if condition(values):
                chosen = values if columns is None else tuple(values[index] for index in columns)
                found[bucket.partition, bucket.bucket, version.key] = chosen
    return found


def difference(since: Image, until: Image) -> list[Change]:
    """The changes from one image to another (spec §14.3) in the order of spec §14.4.

    Floats stand for their bits (chapter 2), so values compare as they are stored.
    """
    changes = []
    for spot in sorted({*since, *until}):
        if spot not in since:
            changes.append(Change("+I", spot, until[spot]))
        elif spot not in until:
            changes.append(Change("-D", spot, since[spot]))
        elif since[spot] != until[spot]:
            changes.append(Change("-U", spot, since[spot]))
            changes.append(Change("+U", spot, until[spot]))
    return changes


def apply(rows: Image, changes: Iterable[Change]) -> Image:
    """The image that the changes lead to (spec §14.5)."""
    found = dict(rows)
    for change in changes:
        if change.kind in ("+I", "+U"):
            found[change.spot] = change.values
        else:
            del found[change.spot]
    return found


@dataclass(frozen=True)
class File:
    """A data file: its place and the keys of all its rows, deletes included."""

    partition: bytes
    bucket: int
    keys: Sequence[bytes]

    @property
    def spots(self) -> set[Spot]:
        return {(self.partition, self.bucket, key) for key in self.keys}


@dataclass(frozen=True)
class Step:
    """A snapshot: its kind and live files; None for one that can no longer be read."""

    kind: str
    live: frozenset[str]


def candidates(files: Mapping[str, File], steps: Sequence[Step | None]) -> list[Spot]:
    """Places and keys that can differ between the first and the last of `steps` (spec §14.6)."""
    changed: set[str] = set()
    for before, after in pairwise(steps):
        if before is None or after is None:
            first, last = steps[0], steps[-1]
            assert first is not None
            assert last is not None
            changed = set(first.live ^ last.live)
            break
        if after.kind == "append":
            changed |= after.live - before.live
        elif after.kind not in ("compact", "clean"):
            changed |= after.live ^ before.live
    return sorted({spot for name in changed for spot in files[name].spots})
