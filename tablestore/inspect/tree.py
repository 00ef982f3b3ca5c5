"""The picture of a table's trees: for each bucket its sorted runs, newest on top, as bars over the key range."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tablestore.file.manifest import Entry
from tablestore.inspect.console import Console
from tablestore.inspect.listing import partition_text
from tablestore.inspect.report import Fact, Report, section
from tablestore.inspect.target import Opened
from tablestore.inspect.text import human_bytes, padded, plural, short_id, shortened, width_of
from tablestore.inspect.values import bound_text
from tablestore.lsm.run import Run, sorted_runs

_BAR_WIDTH: Final = 40
_BUCKETS_ON_TERMINAL: Final = 16
_KEY_DIGITS: Final = 16  # bytes of a key, after the common prefix, that place it on the bar
_COLOURS: Final = {0: "yellow", 1: "green", 2: "cyan", 3: "blue"}
_RUNS: Final = (
    "partition", "bucket:number", "level", "run:number", "files:count", "rows:count", "deletes:count",
    "bytes:bytes", "key_min", "key_max", "sequence_min:number", "sequence_max:number", "file",
)  # fmt: skip


@dataclass(frozen=True)
class Bucket:
    """One bucket's runs, newest first, and the range that its bars stand for."""

    partition: str
    number: int
    runs: tuple[Run, ...]
    scale: Scale

    @property
    def rows(self) -> int:
        return sum(run.rows for run in self.runs)

    @property
    def size(self) -> int:
        return sum(run.size for run in self.runs)


@dataclass(frozen=True)
class Scale:
    """Maps key bounds to 0 … 1: bounds are read as numbers behind the prefix that all of them share."""

    low: bytes
    high: bytes

    def place(self, bound: bytes) -> float:
        """Where a bound lies between the least and the greatest."""
        shared = _shared(self.low, self.high)
        low, here, high = (_number(key, shared) for key in (self.low, bound, self.high))
        return (here - low) / (high - low) if high > low else 0.0


def _shared(low: bytes, high: bytes) -> int:
    length = min(len(low), len(high))
    return next((index for index in range(length) if low[index] != high[index]), length)


def _number(key: bytes, start: int) -> int:
    return int.from_bytes(key[start : start + _KEY_DIGITS].ljust(_KEY_DIGITS, b"\0"), "big")


def buckets_of(opened: Opened) -> Iterator[Bucket]:
    """All buckets with files, in the order of partitions and numbers."""
    found = opened.files()
    for start, stop in found.groups():
        entries = found.take(np.arange(start, stop)).entries()
        scale = Scale(min(e.key_min for e in entries), max(e.key_max for e in entries))
        name = partition_text(opened.core.schema, entries[0].partition)
        yield Bucket(name, entries[0].bucket, tuple(reversed(sorted_runs(entries))), scale)


def show_tree(opened: Opened, bucket: int | None, console: Console) -> Report:
    """The picture for people, one record a sorted run for programs."""
    chosen = [found for found in buckets_of(opened) if bucket in (None, found.number)]
    report = Report(facts=_facts(opened, chosen))
    if console.format != "table":
        rows = [row for found in chosen for row in _rows(opened, found)]
        report.sections.append(section("runs", _RUNS, rows))
        return report
    shown = chosen
    if console.terminal and len(chosen) > _BUCKETS_ON_TERMINAL:
        shown = chosen[:_BUCKETS_ON_TERMINAL]
    for found in shown:
        report.picture += [*_draw(opened, found, console), ""]
    if len(shown) < len(chosen):
        rest = f"{len(chosen) - len(shown):,} more buckets; --bucket N chooses one"
        report.picture += [f"{console.ellipsis} {rest}", ""]
    report.picture = report.picture[:-1]
    return report


def _facts(opened: Opened, chosen: Sequence[Bucket]) -> list[Fact]:
    deepest = max((len(found.runs) for found in chosen), default=0)
    return [
        Fact("table", opened.given),
        Fact("version", opened.snapshot.id),
        Fact("buckets", len(chosen), "count"),
        Fact("files", sum(len(run.files) for found in chosen for run in found.runs), "count"),
        Fact("rows", sum(found.rows for found in chosen), "count"),
        Fact("bytes", sum(found.size for found in chosen), "bytes"),
        Fact("read_amplification", deepest, "count"),
    ]


def _rows(opened: Opened, found: Bucket) -> Iterator[tuple[Any, ...]]:
    fields = opened.core.schema.key_fields
    for number, run in enumerate(found.runs):
        low, high = _sequences(run.files)
        yield (
            found.partition, found.number, f"L{run.level}", number, len(run.files), run.rows, run.deletes, run.size,
            bound_text(fields, run.files[0].key_min), bound_text(fields, run.files[-1].key_max), low, high,
            run.files[0].file if len(run.files) == 1 else None,
        )  # fmt: skip


def _sequences(files: Sequence[Entry]) -> tuple[int, int]:
    return min(entry.sequence_min for entry in files), max(entry.sequence_max for entry in files)


# ---- drawing


def _draw(opened: Opened, found: Bucket, console: Console) -> Iterator[str]:
    """A heading, one line a run, and the axis with the least and the greatest key."""
    name = f"bucket {found.number}" + (f"  {found.partition}" if found.partition else "")
    size = _size(found.size, console)
    runs = plural(len(found.runs), "run")
    yield f"{console.paint(name, 'bold')}   {plural(found.rows, 'row')}  {size}  {runs}"
    labels = [_label(run, console) for run in found.runs]
    widths = [max(width_of(label[index]) for label in labels) for index in range(len(labels[0]))]
    left, right = ("▕", "▏") if console.unicode else ("|", "|")
    for run, label in zip(found.runs, labels, strict=True):
        drawn = console.paint(bar(run, found.scale, console.unicode), _COLOURS[run.level])
        cells = zip(label[:-1], widths[:-1], strict=True)
        numbers = "  ".join(padded(cell, width, right=True) for cell, width in cells if width)
        yield f" L{run.level} {left}{drawn}{right} {numbers}  {label[-1]}".rstrip()
    yield "     " + console.paint(_axis(opened, found, console), "dim")


def _size(size: int, console: Console) -> str:
    return f"{size:,} bytes" if console.exact_bytes else human_bytes(size)


def _label(run: Run, console: Console) -> tuple[str, ...]:
    """Size, rows, deletes, sequences, and which file or how many."""
    low, high = _sequences(run.files)
    sequences = f"seq {low}" if low == high else f"seq {low}-{high}"
    files = short_id(run.files[0].file) if len(run.files) == 1 else plural(len(run.files), "file")
    deletes = plural(run.deletes, "delete") if run.deletes else ""
    return _size(run.size, console), plural(run.rows, "row"), deletes, sequences, files


def bar(run: Run, scale: Scale, unicode: bool) -> str:
    """The run's files on the key range, in half cells; touching files are parted where there is room."""
    steps = 2 * _BAR_WIDTH if unicode else _BAR_WIDTH
    filled = [False] * steps
    spans = [_span(entry, scale, steps) for entry in run.files]
    for index, (start, stop) in enumerate(spans):
        touching = index + 1 < len(spans) and spans[index + 1][0] <= stop
        if touching and stop - start >= 3:
            stop -= 1
            if spans[index + 1][0] < stop:
                stop = spans[index + 1][0]
        filled[start:stop] = [True] * (stop - start)
    if not unicode:
        return "".join("#" if full else " " for full in filled)
    shapes = {(True, True): "█", (True, False): "▌", (False, True): "▐", (False, False): " "}
    return "".join(shapes[filled[at], filled[at + 1]] for at in range(0, steps, 2))


def _span(entry: Entry, scale: Scale, steps: int) -> tuple[int, int]:
    """First and one past the last step of a file; never empty."""
    start = min(steps - 1, int(scale.place(entry.key_min) * steps))
    stop = int(scale.place(entry.key_max) * steps) + 1
    return start, max(start + 1, min(steps, stop))


def _axis(opened: Opened, found: Bucket, console: Console) -> str:
    """The least key on the left, the greatest on the right, the key's columns between them if they fit."""
    fields = opened.core.schema.key_fields
    low, high = (bound_text(fields, bound) for bound in (found.scale.low, found.scale.high))
    low, high = (shortened(text, _BAR_WIDTH, console.ellipsis) for text in (low, high))
    name = ", ".join(field.name for field in fields)
    room = _BAR_WIDTH - width_of(low) - width_of(high)
    if room < 2:
        return f"{low} {console.ellipsis} {high}"
    if room < width_of(name) + 4:
        return low + " " * room + high
    left = (room - width_of(name)) // 2
    return low + " " * left + name + " " * (room - left - width_of(name)) + high
