"""Figures of the comparison of connectors: every round's, and the medians that the tables show."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.flink_run import Measured

CASES = {
    "bridge": "the bridge alone",
    "sink": "sink",
    "read": "continuous read",
    "changes": "changelog catch-up",
    "lookup": "lookup join",
}


@dataclass(frozen=True)
class Done:
    """One job of one system in one setting: how many rows it was about, and what it took."""

    case: str
    system: str
    rows: int
    measured: Measured

    def values(self) -> dict[str, float]:
        """As they are kept."""
        return {
            "rows_per_second": self.rows / self.measured.seconds,
            "processor_seconds_per_million": self.measured.processor_seconds * 1e6 / self.rows,
            "worker_megabytes": self.measured.worker_megabytes,
        }

    def line(self) -> str:
        """For somebody who waits."""
        values = self.values()
        return (
            f"{self.case} {self.system}: {values['rows_per_second']:,.0f} rows/s, {self.measured.seconds:.1f} s,"
            f" {values['processor_seconds_per_million']:.2f} CPU s per M rows,"
            f" workers {self.measured.worker_megabytes:.0f} MB"
        )


@dataclass
class Figures:
    """`values[case][system][measure]` holds one number per round; `loads` the load average after each."""

    values: dict[str, dict[str, dict[str, list[float]]]] = field(default_factory=dict)
    loads: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # on how this run differs from the usual one

    @classmethod
    def read(cls, path: Path) -> Figures:
        """Those that there are."""
        return cls(**json.loads(path.read_text())) if path.exists() else cls()

    def write(self, path: Path) -> None:
        """Keep them."""
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self), indent=1))
        partial.rename(path)

    def add(self, done: Done) -> None:
        """Note a job."""
        measures = self.values.setdefault(done.case, {}).setdefault(done.system, {})
        for name, value in done.values().items():
            measures.setdefault(name, []).append(value)

    def median(self, case: str, system: str, measure: str = "rows_per_second") -> float | None:
        """The figure to show."""
        found = self.values.get(case, {}).get(system, {}).get(measure)
        return statistics.median(found) if found else None

    def ratio(self, case: str, system: str, other: str) -> float | None:
        """Rows per second of one setting over those of another one."""
        ours, theirs = self.median(case, system), self.median(case, other)
        return ours / theirs if ours is not None and theirs else None

    def fastest(self, case: str, name: str) -> str | None:
        """The fastest setting of a system: its own name, or one that begins with it and a comma."""
        found = {system: self.median(case, system) for system in self.values.get(case, {})}
        rates = {system: rate for system, rate in found.items() if rate and system.split(",")[0] == name}
        return max(rates, key=lambda system: rates[system], default=None)

    @property
    def complete(self) -> bool:
        """Whether every case has been measured."""
        return all(case in self.values for case in CASES)
