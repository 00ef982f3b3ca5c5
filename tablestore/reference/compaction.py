"""Spec chapter 13: which compactions are legal, what they write, and which are recommended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tablestore.reference.merge import Run, Version, greatest, versions
from tablestore.reference.type import Type

LEVEL_MAX = 3


@dataclass(frozen=True)
class RunSize:
    """A run as picking sees it."""

    level: int
    size: int


@dataclass(frozen=True)
class Pick:
    """Runs [first, end) of the order newest first, and the level of the output."""

    first: int
    end: int
    level: int


def is_legal(levels: Sequence[int], chosen: Sequence[int], output: int) -> bool:
    """Whether the runs `chosen` may be compacted to level `output` (spec §13.3).

    levels: of all runs, newest first; chosen: indexes into them.
    """
    if not chosen or not 0 <= output <= LEVEL_MAX:
        return False
    first, last = min(chosen), max(chosen)
    contiguous = sorted(chosen) == list(range(first, last + 1))
    if output == 0:
        return contiguous and all(levels[index] == 0 for index in chosen)
    older_are_below = all(level > output for level in levels[last + 1 :])
    newer_are_above = all(level < output for level in levels[:first])
    return contiguous and older_are_below and newer_are_above


def output_rows(runs: Sequence[Run], sequence_types: Sequence[Type], has_older: bool) -> list[Version]:
    """The rows that a compaction of `runs` writes (spec §13.3).

    Deletes go only if no older run exists and the table has no sequence fields, by which rows can be late.
    """
    winners = greatest(versions(runs, sequence_types))
    return [version for version in winners if has_older or sequence_types or not version.is_delete]


def pick(
    runs: Sequence[RunSize],
    trigger: int = 8,
    size_ratio_percent: int = 1,
    max_space_amplification_percent: int = 50,
    target_file_bytes: int = 67_108_864,
) -> Pick | None:
    """The recommended compaction of runs in the order newest first (spec §13.4), or None."""
    if len(runs) < trigger:
        return None
    newer = sum(run.size for run in runs[:-1])
    if newer * 100 > runs[-1].size * max_space_amplification_percent:
        return Pick(0, len(runs), LEVEL_MAX)
    end = _extend(runs, 1, size_ratio_percent)
    if end < 2:
        end = _extend(runs, max(len(runs) - trigger + 1, 2), size_ratio_percent)
    if end < len(runs) and runs[end].level <= 1:
        is_small = sum(run.size for run in runs[:end]) <= target_file_bytes
        if is_small and all(run.level == 0 for run in runs[:end]):
            return Pick(0, end, 0)
        while end < len(runs) and runs[end].level <= 1:
            end += 1
    return Pick(0, end, runs[end].level - 1 if end < len(runs) else LEVEL_MAX)


MILLIS_OF_UNIT = {
    "s": Fraction(1000),
    "ms": Fraction(1),
    "us": Fraction(1, 1000),
    "ns": Fraction(1, 1_000_000),
}


def is_past(kind: Type, value: int | None, now_millis: int, ttl_millis: int) -> bool:
    """Whether a row whose time column holds `value` is past its time (spec §13.9)."""
    if value is None:
        return False
    if kind.family == "date32":
        unit = Fraction(86_400_000)
    elif kind.family == "int64":
        unit = Fraction(1)
    else:
        unit = MILLIS_OF_UNIT[kind.name.removeprefix("timestamp(").rstrip(")").split(",")[0]]
    return value * unit < now_millis - ttl_millis


def _extend(runs: Sequence[RunSize], end: int, size_ratio_percent: int) -> int:
    """Add older runs while the sum so far is not much smaller than the next."""
    total = sum(run.size for run in runs[:end])
    while end < len(runs) and total * (100 + size_ratio_percent) >= runs[end].size * 100:
        total += runs[end].size
        end += 1
    return end
