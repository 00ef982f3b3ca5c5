"""What a source reads is, bucket by bucket, the state of a snapshot and then the exact steps (spec §16.10), wherever it
is stopped and resumed: against full scans of random histories."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import tablestore as ts
from tablestore.changes import changes_request
from tablestore.flink import chunks, stream
from tablestore.flink.chunks import Snapshots
from tablestore.flink.stream import BucketReader, Portion, Position, Split
from tablestore.reference import changes as reference
from tests.changes.histories import History, small_budgets
from tests.model import value_pool

HISTORIES = 60
GROUPS = 4
KINDS = ("+I", "-U", "+U", "-D")
Row = tuple[Any, ...]
View = tuple[list[str] | None, str | None]


def moves(history: History) -> bool:
    return not set(history.kit.partition_by) <= set(history.kit.key_names)


def expected_rows(
    history: History, bucket: int, start: Position, end: int, view: View, upsert: bool
) -> list[Row]:
    """(version, kind, values) of a bucket."""
    columns, condition = view
    rows: list[Row] = []
    following = start.next
    if start.state:
        image = history.image(following, columns, condition)
        rows += [(following, "+I", *image[spot]) for spot in sorted(image) if spot[1] == bucket]
        following += 1
    for version in range(following, end + 1):
        images = [history.image(number, columns, condition) for number in (version - 1, version)]
        found = [change for change in reference.difference(*images) if change.spot[1] == bucket]
        if upsert:
            found = [change for change in found if change.kind != "-U"]
        if moves(history):
            found.sort(key=lambda change: change.kind != "-D")
        rows += [(version, change.kind, *change.values) for change in found]
    return rows


def rows_of(portion: Portion) -> list[Row]:
    assert portion.rows is not None
    batch, kinds = portion.rows
    batch.validate(full=True)
    versions: list[int] = []
    for segment in portion.segments:
        assert segment.end > len(versions), "an empty segment"
        versions += [segment.version] * (segment.end - len(versions))
    assert len(versions) == batch.num_rows > 0
    names = ["+I"] * batch.num_rows if kinds is None else [KINDS[kind] for kind in kinds.tolist()]
    values = value_pool.rows_of(batch) if batch.num_columns else [()] * batch.num_rows
    return [(version, kind, *row) for version, kind, row in zip(versions, names, values, strict=True)]


def positions_within(split: Split, portion: Portion) -> Iterator[tuple[int, Position]]:
    """After how many rows of a portion one may stop, and where that is: as the connector counts."""
    assert portion.rows is not None
    at = split.position
    done = 0
    for segment in portion.segments:
        rows = at.rows if at.next == segment.version else 0
        for row in range(done, segment.end):
            yield row + 1, Position(segment.version, rows + row + 1 - done, at.state)
        done = segment.end


def open_reader(path: Path, history: History, view: View, upsert: bool) -> tuple[BucketReader, Snapshots]:
    core = ts.open_table(path)._core
    snapshots = Snapshots(core, "none")
    return BucketReader(core, snapshots, changes_request(core, *view), upsert), snapshots


def read_all(
    path: Path, history: History, splits: list[Split], view: View, upsert: bool
) -> dict[int, list[Row]]:
    """Read all splits to their ends as one subtask does, with stops at random rows."""
    source = history.source
    reader, _ = open_reader(path, history, view, upsert)
    left = {split.bucket: split for split in splits if not split.is_over}
    rows: dict[int, list[Row]] = {split.bucket: [] for split in splits}
    while left:
        split = min(left.values(), key=lambda split: split.order)
        others = [other for other in left.values() if other is not split]
        before = split
        for portion in reader.portions(split, others):
            found = [] if portion.rows is None else rows_of(portion)
            if found and source.random() < 0.1:
                count, position = source.choice(list(positions_within(split, portion)))
                rows[split.bucket] += found[:count]
                split = Split(split.bucket, position, split.end)
                reader, _ = open_reader(path, history, view, upsert)
                break
            rows[split.bucket] += found
            if found:
                assert list(positions_within(split, portion))[-1][1] == portion.split.position
            split = portion.split
        assert split != before, "nothing was read"
        left[split.bucket] = split
        left = {bucket: some for bucket, some in left.items() if not some.is_over}
    return rows


def check(path: Path, seed: int) -> None:
    history = History(path, seed)
    source = history.source
    patches = (
        mock.patch.object(chunks, "STEPS_MAX", source.choice((1, 3, 128))),
        mock.patch.object(chunks, "CHUNK_ROWS_MAX", source.choice((0, 3, 20, 131_072))),
        mock.patch.object(stream, "BATCH_ROWS", source.choice((1, 3, 32_768))),
        mock.patch.object(stream, "BATCH_BYTES", source.choice((1, 8 << 20))),
    )
    with small_budgets(source), patches[0], patches[1], patches[2], patches[3]:
        for _ in range(10):
            history.step()
        newest = history.table.version
        view, upsert = history.view(), source.random() < 0.3
        splits = []
        for bucket in range(history.kit.buckets):
            start, end = sorted((source.randint(1, newest), source.randint(1, newest)))
            state = source.random() < 0.4
            splits.append(Split(bucket, Position(start if state else start + 1, 0, state), end))
        if source.random() < 0.5:  # as they are when a job begins
            splits = [Split(bucket, splits[0].position, splits[0].end) for bucket in range(len(splits))]
        found = read_all(path, history, splits, view, upsert)
        for split in splits:
            assert split.end is not None
            wanted = expected_rows(history, split.bucket, split.position, split.end, view, upsert)
            assert found[split.bucket] == wanted, f"seed {seed}, {split}, {view} of {history.done}"


@pytest.mark.parametrize("group", range(GROUPS))
def test_streams_of_random_histories(tmp_path: Path, group: int) -> None:
    share = HISTORIES // GROUPS
    for seed in range(group * share, (group + 1) * share):
        check(tmp_path / str(seed), seed)
        shutil.rmtree(tmp_path / str(seed))
