"""What TableStore has to reach: ratios against other systems in the same run, and absolute figures on two cores."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.measurements import LATENCIES, PHASES, SIZES, Measurements
from benchmarks.systems import SYSTEMS

TITLES = PHASES | {phase: title for phase, (title, _) in LATENCIES.items()} | SIZES
OURS = "tablestore"


@dataclass(frozen=True)
class Bar:
    """`phase` of TableStore over `other_phase` (default: the same) of `system`; the greatest ratio counts if there are
    several systems. Without a system: the figure itself, in seconds or megabytes."""

    phase: str
    limit: float
    system: str = ""
    other_phase: str = ""

    @property
    def title(self) -> str:
        """Such as "scan, unmerged / duckdb's scan, merged"."""
        if not self.system:
            return f"{TITLES[self.phase]}, {'MB' if self.phase in SIZES else 'seconds'}"
        other = f"'s {TITLES[self.other_phase]}" if self.other_phase else ""
        return f"{TITLES[self.phase]} / {self.system}{other}"

    def measured(self, measurements: Measurements) -> float | None:
        """The ratio or figure; None where one of the two is missing."""
        if not self.system:
            return measurements.median(OURS, self.phase)
        if self.system == "every peer":
            peers = (system.name for system in SYSTEMS if system.name != OURS)
            ratios = [measurements.ratio(self.phase, peer) for peer in peers]
            return max((ratio for ratio in ratios if ratio is not None), default=None)
        if self.other_phase:
            ours = measurements.median(OURS, self.phase)
            theirs = measurements.median(self.system, self.other_phase)
            return None if ours is None or not theirs else ours / theirs
        return measurements.ratio(self.phase, self.system)


RATIOS = (
    Bar("load", 0.45, "chdb"),
    Bar("load", 0.3, "paimon_rust"),
    Bar("upserts", 0.7, "chdb"),
    Bar("upserts", 0.35, "paimon_rust"),
    Bar("upserts", 0.25, "lance"),
    Bar("scan_unmerged", 0.12, "chdb"),
    Bar("scan_unmerged", 0.16, "paimon_rust"),
    Bar("scan_unmerged", 1.0, "duckdb", "scan_merged"),
    Bar("scan_unmerged", 1.2, "deltalake", "scan_merged"),
    Bar("scan_unmerged", 1.2, "lance", "scan_merged"),
    Bar("scan_2_columns", 0.08, "chdb"),
    Bar("scan_2_columns", 0.12, "paimon_rust"),
    Bar("scan_filter", 0.08, "chdb"),
    Bar("scan_filter", 0.12, "paimon_rust"),
    Bar("scan_merged", 0.6, "duckdb"),
    Bar("scan_merged", 0.8, "lance"),
    Bar("scan_merged", 0.8, "deltalake"),
    Bar("lookup_20k", 0.25, "rocksdb"),
    Bar("compact", 0.3, "chdb"),
    Bar("disk_unmerged", 1.0, "every peer"),
    Bar("disk_merged", 1.0, "every peer"),
)
LATENCY_BARS = (
    Bar("get_p50", 25e-6),
    Bar("get_p99", 100e-6),
    Bar("commit_p50", 5e-3),
)
FULL_SIZE_BARS = (  # of 5 M rows
    Bar("load", 1.5),
    Bar("upserts", 0.6),
    Bar("scan_unmerged", 0.30),
    Bar("scan_2_columns", 0.10),
    Bar("scan_filter", 0.15),
    Bar("lookup_20k", 0.06),
    Bar("compact", 1.0),
    Bar("scan_merged", 0.20),
    Bar("disk_unmerged", 110),
)
GROWTH_LIMIT = 1.5
