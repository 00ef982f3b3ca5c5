"""Writers, compactors, an expirer, a cleaner, followers and scanners on one table, one killed every two seconds.

No commit fails but by a conflict that is given anew, no reader meets an error, what readers and followers see is exact
at every step, and at the end nothing is lost, nothing is there twice and no file is left over.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import tablestore as ts
from tablestore import orphans, pins
from tablestore.file import layout
from tests.retention.tables import documents, needed, on_disk
from tests.soak.crew import Crew, Member, lines
from tests.soak.oracle import (
    ABSENT,
    AFTER,
    BEFORE,
    INSERT,
    SCHEMA,
    WRITERS,
    Longs,
    Oracle,
    decode,
    difference,
    markers,
)  # fmt: skip
from tests.soak.worker import NOW

KILL_SECONDS = 2.0
OPTIONS = {
    "compaction": "manual",
    "compaction.trigger": 4,
    "compaction.stop": 12,
    "durability": "none",
    "block-rows": 200,
}


@dataclass
class Commits:
    """versions: of acknowledged commits by writer and number; last: the last commit of each writer in the table."""

    versions: dict[tuple[int, int], int]
    last: list[int]


def soak(table_path: Path, seconds: float) -> None:
    table = ts.create_table(
        table_path, SCHEMA, primary_key="id", partition_by="place", buckets=2, options=OPTIONS
    )
    crew = Crew(table_path, seed=int(seconds))
    crew.run(seconds, KILL_SECONDS)
    counts = crew.counts()
    kills = Counter({member.name: member.kills for member in crew.members})
    print(f"version {table.version}, {sum(kills.values())} kills {dict(kills)}, {counts}")
    assert not crew.failures, "\n\n".join([f"{len(crew.failures)} failures", *crew.failures])
    oracle = Oracle()
    commits = check_commits(table, crew, oracle)
    for member in crew.of("follow"):
        check_follower(member, oracle, commits)
    check_work(table, crew, counts)
    check_left_over(table)


def check_commits(table: ts.Table, crew: Crew, oracle: Oracle) -> Commits:
    """The table holds the first commits of each writer, at least those that were acknowledged; each once."""
    last = oracle.check_state(table.scan().to_arrow())
    versions: dict[tuple[int, int], int] = {}
    for writer in range(WRITERS):
        acknowledged = [line for line in crew.said("write", writer) if "commit" in line]
        numbers = [line["commit"] for line in acknowledged]
        assert len(set(numbers)) == len(numbers), "a commit was acknowledged twice"
        assert max(numbers, default=ABSENT) in (last[writer], last[writer] - 1)
        # What is not acknowledged was in the hands of a process that was killed.
        missing = len(set(range(last[writer] + 1)) - set(numbers))
        assert missing <= crew.of("write")[writer].kills
        published = (line for line in acknowledged if line["published"])
        versions.update({(writer, line["commit"]): line["version"] for line in published})
        with table.writer(f"writer-{writer}") as again:
            assert again.last_commit_id() == last[writer]
    assert len(set(versions.values())) == len(versions), "two commits were given one version"
    return Commits(versions, last)


def check_follower(member: Member, oracle: Oracle, commits: Commits) -> None:
    """Every life's stream, or the one of all lives, is exact; who was there at the end has seen everything."""
    if member.number != 2:
        numbers = check_stream(member.output, "state", member.kills, oracle, commits)
        assert numbers == commits.last
        return
    for life in range(1, member.lives + 1):
        path = member.output.with_name(f"follow-2-{life}.jsonl")
        if path.exists():
            starts = "next" if life % 2 else "state"
            numbers = check_stream(path, starts, 1, oracle, commits, cut=life < member.lives)
    assert path == member.output
    pairs = zip(numbers, commits.last, strict=True)
    assert all(number == last or (number is None and starts == "next") for number, last in pairs)


def check_stream(
    path: Path, starts: str, kills: int, oracle: Oracle, commits: Commits, cut: bool = False
) -> list[int | None]:
    """Each step is one commit, the next of its writer, and changes what it must; the last numbers. starts: with a
    "state" or with the "next" change. cut: nobody came back to end the last step."""
    numbers: list[int | None] = [ABSENT if starts == "state" else None] * WRITERS
    before = 0
    for version, codes in steps(path, kills, cut):
        assert version > before, "a version comes again"
        found = markers(codes)
        if starts == "state" and not before and (decode(codes)[1] == INSERT).all():
            # All rows of a snapshot, perhaps those of a first commit.
            parts = [oracle.writers[writer].changes(ABSENT, number) for writer, number in found.items()]
            expected = np.concatenate(parts)
            numbers = [found.get(writer, ABSENT) for writer in range(WRITERS)]
        else:
            ((writer, number),) = found.items()
            assert numbers[writer] in (None, number - 1), (version, writer, numbers[writer], number)
            assert commits.versions.get((writer, number), version) == version
            expected = oracle.writers[writer].changes(number - 1, number)
            numbers[writer] = number
        assert np.array_equal(np.sort(codes), np.sort(expected)), (version, difference(codes, expected))
        check_order(codes)
        before = version
    return numbers


def steps(path: Path, kills: int, cut: bool) -> Iterator[tuple[int, Longs]]:
    """Changes version by version. A batch that was in hand when the process was killed comes again, the very same."""
    before: dict[str, object] = {}
    version, again = 0, 0
    parts: list[int] = []
    for line in lines(path):
        if line == before:
            again += 1
            continue
        before = line
        if line["version"] != version and parts:
            yield version, np.array(parts, np.int64)
            parts = []
        version = line["version"]
        parts += line["codes"]
    if parts and not cut:
        yield version, np.array(parts, np.int64)
    assert again <= kills


def check_order(codes: Longs) -> None:
    """A row before its change comes directly before the row after it."""
    ids, kinds, _ = decode(codes)
    first = np.flatnonzero(kinds == BEFORE)
    assert np.array_equal(first + 1, np.flatnonzero(kinds == AFTER))
    assert np.array_equal(ids[first], ids[first + 1])


def check_work(table: ts.Table, crew: Crew, counts: dict[str, Counter[str]]) -> None:
    """Everybody has done something, and compaction has kept up."""
    assert sum(member.kills for member in crew.members) > 0
    assert all(line["expired"] >= 0 for line in crew.said("expire", 0))
    assert sum(line["expired"] for line in crew.said("expire", 0)) > 0
    assert sum(line["cleaned"] for line in crew.said("clean", 0) if "cleaned" in line) > 0
    kinds = Counter(
        line["read"] for number in range(3) for line in crew.said("scan", number) if "read" in line
    )
    assert set(kinds) == {"newest", "held", "streamed", "looked_up", "tagged"}, kinds
    assert counts["write"]["commit"] > 0
    assert counts["write"]["unknown"] == 0
    refused = [line for number in range(WRITERS) for line in crew.said("write", number) if "conflict" in line]
    fenced = [line for line in refused if "was cleaned since" in line["error"]]
    cleanings = counts["clean"].total() + crew.of("clean")[0].kills
    assert len(fenced) <= WRITERS * cleanings, (
        "a cleaning refuses no more than the commits that are under way"
    )
    runs: Counter[tuple[str, int]] = Counter()
    for row in table.levels().to_pylist():
        runs[row["place"], row["bucket"]] += row["runs"]
    assert max(runs.values()) <= OPTIONS["compaction.stop"] + WRITERS


def check_left_over(table: ts.Table) -> None:
    """All is well, and after a last cleaning nothing is on disk but the newest snapshots: the pins of processes that
    were killed are dropped when their time has passed."""
    result = table.verify(deep=True)
    assert result.ok, result.findings
    path = Path(table.path)
    for name in table.tags().column("name").to_pylist():
        table.untag(name)
    with pytest.MonkeyPatch.context() as patch:
        later = SimpleNamespace(time=lambda: time.time() + 3 * 86_400)
        patch.setattr(pins, "time", later)
        patch.setattr(orphans, "time", later)
        table.expire_snapshots(keep_last=1)
        table.remove_orphan_files(dry_run=False, older_than=NOW)
    assert documents(path)[-1] == table.version
    assert len(documents(path)) <= 2
    assert on_disk(path) == needed(path, documents(path))
    assert pins.read(table._core) == pins.Pins((), {}, ())
    assert not [*path.glob("lease/*"), *path.glob("tag/*")]
    assert not [found for found in path.rglob("*") if layout.is_temporary_name(found.name)]


def test_processes_are_killed_and_come_back(table_path: Path) -> None:
    soak(table_path, 45)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_processes_are_killed_and_come_back_for_long(table_path: Path, soak_seconds: int) -> None:
    soak(table_path, soak_seconds)
