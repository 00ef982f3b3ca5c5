"""Figures of tables and of this process, as values and as text for Prometheus.

ts.metrics.counters()                      # what this process has done: {"commits": 12, …}
ts.open_table(path).metrics()              # how a table is: TableMetrics
ts.metrics.prometheus_text([table, …])     # both, as a scrape returns them
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tablestore import counters as process_counters
from tablestore import lease, maintenance, pins
from tablestore.core import Core
from tablestore.errors import FormatError
from tablestore.file.consumer import Consumer
from tablestore.lsm.lineage import Version
from tablestore.storage import NotFoundError

if TYPE_CHECKING:
    from tablestore.view import View

PREFIX: Final = "tablestore_"

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ConsumerLag:
    """How far a consumer is behind. snapshots: that it has not read to the end. millis: age of the oldest of them."""

    name: str
    snapshots: int
    millis: int


@dataclass(frozen=True)
class TableMetrics:
    """A table at its newest version. rows and deletes are stored rows (spec §12.6); runs: the most that a bucket has;
    backlog: buckets that compaction would take up now, and the bytes that it would read; ages in milliseconds.
    leases: reads that are in force."""

    version: int
    snapshot_age_millis: int
    snapshots: int
    rows: int
    deletes: int
    files: int
    bytes: int
    buckets: int
    runs: int
    backlog_buckets: int
    backlog_bytes: int
    leases: int
    tags: int
    consumers: tuple[ConsumerLag, ...]


_GAUGES: Final = {
    "version": ("version", "id of the newest snapshot", 1.0),
    "snapshot_age_millis": ("snapshot_age_seconds", "time since the newest snapshot", 0.001),
    "snapshots": ("snapshots", "snapshots that are kept from the boundary on", 1.0),
    "rows": ("stored_rows", "rows in live files, replaced ones included", 1.0),
    "deletes": ("stored_deletes", "deletes among them", 1.0),
    "files": ("files", "live data files", 1.0),
    "bytes": ("bytes", "bytes of live data files", 1.0),
    "buckets": ("buckets", "buckets of all partitions that have files", 1.0),
    "runs": ("bucket_runs_max", "sorted runs of the bucket that has the most", 1.0),
    "backlog_buckets": ("compaction_backlog_buckets", "buckets that wait for compaction", 1.0),
    "backlog_bytes": ("compaction_backlog_bytes", "bytes that their compaction would read", 1.0),
    "leases": ("leases", "reads under way that keep their snapshot", 1.0),
    "tags": ("tags", "named snapshots", 1.0),
}
_LAGS: Final = {
    "snapshots": ("consumer_lag_snapshots", "snapshots that a consumer has not read to the end", 1.0),
    "millis": ("consumer_lag_seconds", "age of the oldest snapshot that a consumer has not read", 0.001),
}


def of_table(core: Core) -> TableMetrics:
    """Figures of the newest snapshot. Costs about as much as planning a scan of the whole table."""
    return lease.of_newest(core, lambda newest: _of_version(core, newest))


def _of_version(core: Core, newest: Version) -> TableMetrics:
    now = int(time.time() * 1000)
    totals = newest.snapshot.totals
    runs = core.files(newest.snapshot).run_counts()
    work = maintenance.plan(core, newest)
    return TableMetrics(
        version=newest.id,
        snapshot_age_millis=max(0, now - newest.snapshot.timestamp_millis),
        snapshots=newest.id - max(1, core.lineage.boundary()) + 1,
        rows=totals.rows,
        deletes=totals.deletes,
        files=totals.files,
        bytes=totals.bytes,
        buckets=len(runs),
        runs=int(runs.max(initial=0)),
        backlog_buckets=len(work),
        backlog_bytes=sum(item.size for item in work),
        leases=sum(found.expires_millis >= now for _, found in pins.read_leases(core)),
        tags=sum(1 for _ in pins.read_tags(core)),
        consumers=tuple(
            _lag(core, newest, found, now) for found in pins.read_consumers(core) if not found.is_dropped
        ),
    )


def _lag(core: Core, newest: Version, consumer: Consumer, now: int) -> ConsumerLag:
    behind = max(0, newest.id - consumer.next + 1)
    millis = 0
    if behind:
        oldest = newest.snapshot
        with suppress(NotFoundError, FormatError):  # expired: the consumer learns of it by itself
            oldest = core.lineage.read(consumer.next).snapshot
        millis = max(0, now - oldest.timestamp_millis)
    return ConsumerLag(consumer.name, behind, millis)


def counters() -> dict[str, float]:
    """What this process has done since it began, by name; `tablestore.counters` says what each means."""
    return process_counters.read()


def prometheus_text(tables: Iterable[View] = (), process: bool = True) -> str:
    """Counters of this process (unless process is False) and figures of tables in Prometheus' text format 0.0.4."""
    lines: list[str] = []
    if process:
        for counter in process_counters.ALL:
            name = f"{PREFIX}{counter.name}_total"
            lines += _head(name, "counter", counter.meaning)
            lines.append(f"{name} {_number(counter.value)}")
    return "".join(f"{line}\n" for line in lines) + text_of_tables(
        [(table.path, of_table(table._core)) for table in tables]
    )


def text_of_tables(found: Sequence[tuple[str, TableMetrics]]) -> str:
    """Figures of tables by their paths, in the same format."""
    lines: list[str] = []
    values: list[tuple[Labels, float]]
    for attribute, (name, meaning, scale) in _GAUGES.items():
        values = [((("table", path),), getattr(metrics, attribute) * scale) for path, metrics in found]
        lines += _family(PREFIX + name, meaning, values)
    for attribute, (name, meaning, scale) in _LAGS.items():
        values = [
            ((("table", path), ("consumer", consumer.name)), getattr(consumer, attribute) * scale)
            for path, metrics in found
            for consumer in metrics.consumers
        ]
        lines += _family(PREFIX + name, meaning, values)
    return "".join(f"{line}\n" for line in lines)


def _family(name: str, meaning: str, values: list[tuple[Labels, float]]) -> Iterator[str]:
    if not values:
        return
    yield from _head(name, "gauge", meaning)
    for labels, value in values:
        shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        yield f"{name}{{{shown}}} {_number(value)}"


def _head(name: str, kind: str, meaning: str) -> list[str]:
    return [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6f}".rstrip("0")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
