"""Figures of one comparison: every round's, and the medians that the tables show."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from benchmarks.answer import Answer

PHASES = {
    "load": "load",
    "upserts": "8 upserts",
    "scan_unmerged": "scan, unmerged",
    "scan_2_columns": "2 columns",
    "scan_filter": "filter",
    "lookup_20k": "20 k keys",
    "compact": "compact",
    "scan_merged": "scan, merged",
}
IDLE_COMPACTION = 0.01  # of the load's time: a compaction this short found nothing to merge
LATENCIES = {  # title, and what a second is multiplied by
    "get_p50": ("one key, p50 µs", 1e6),
    "get_p99": ("one key, p99 µs", 1e6),
    "commit_p50": ("1-row commit, p50 ms", 1e3),
}
SIZES = {"disk_unmerged": "MB unmerged", "disk_merged": "MB merged", "memory": "peak MB"}


@dataclass
class Measurements:
    """`figures[system][phase]` holds one number per round: seconds, or megabytes for sizes. `loads` holds the load
    average of the machine after each process, which tells whether others were using it."""

    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)

    def add(self, line: dict[str, object], expected: dict[str, Answer]) -> None:
        """Take one JSON line of a peer process; a wrong answer becomes a fault and leaves no figure."""
        system, phase = str(line["peer"]), str(line["phase"])
        answer = line.get("answer")
        if answer is not None and answer != expected[phase]:
            self.faults.append(f"{system}, {phase}: answered {answer}, right is {expected[phase]}")
            return
        value = line["seconds"] if "seconds" in line else line["megabytes"]
        assert isinstance(value, int | float)
        self.figures.setdefault(system, {}).setdefault(phase, []).append(float(value))

    def median(self, system: str, phase: str) -> float | None:
        """The figure to show, or None where the system has no such phase."""
        values = self.figures.get(system, {}).get(phase)
        return statistics.median(values) if values else None

    def ratio(self, phase: str, system: str, base: str = "tablestore") -> float | None:
        """`base` over `system`: below 1 means `base` needs less."""
        ours, theirs = self.median(base, phase), self.median(system, phase)
        if ours is None or not theirs or (phase == "compact" and self._nothing_to_merge(system)):
            return None
        return ours / theirs

    def _nothing_to_merge(self, system: str) -> bool:
        load, compaction = self.median(system, "load"), self.median(system, "compact")
        return load is not None and compaction is not None and compaction < load * IDLE_COMPACTION
