"""Picking and legality (spec §13): against the vectors, and against the rule written out over every small bucket."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, combinations_with_replacement
from pathlib import Path
from typing import Any

import pytest

from tablestore.file.manifest import Entry
from tablestore.lsm import compaction
from tablestore.lsm.compaction import Pick
from tablestore.lsm.run import Run, sorted_runs
from tablestore.options import TableOptions

VECTORS = Path(__file__).resolve().parents[2] / "spec" / "vectors" / "compaction" / "valid"


def vectors(prefix: str) -> list[dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in sorted(VECTORS.glob(f"{prefix}-*.json"))]
    assert found
    return found


def entry(number: int, level: int, size: int = 1000) -> Entry:
    """A file; of two files of level 0 that with the greater number is newer."""
    return Entry(
        partition=b"", bucket=0, file=f"{number:032x}", level=level, size=size, digest=0, row_count=1, delete_count=0,
        key_min=b"a", key_max=b"z", sequence_min=number + 1, sequence_max=number + 1, ordinal=0, schema_id=0,
        statistics=b"",
    )  # fmt: skip


def bucket(levels: Sequence[int], sizes: Sequence[int] | None = None) -> list[Run]:
    """Runs oldest first from levels newest first."""
    chosen = sizes or [1000] * len(levels)
    count = len(levels)
    return sorted_runs([entry(count - i, level, chosen[i]) for i, level in enumerate(levels)])


def legal(levels: Sequence[int], chosen: Sequence[int], level: int) -> bool:
    """The rule of spec §13.3 in its own words; positions count from the newest run."""
    if not chosen or level > 3:
        return False
    if list(chosen) != list(range(chosen[0], chosen[-1] + 1)):
        return False
    if level == 0:
        return all(levels[i] == 0 for i in chosen)
    older, newer = levels[chosen[-1] + 1 :], levels[: chosen[0]]
    return all(other > level for other in older) and not any(other >= level for other in newer)


def ask(levels: Sequence[int], chosen: Sequence[int], level: int) -> bool:
    runs = bucket(levels)
    inputs = [runs[len(runs) - 1 - i].files[0] for i in chosen]
    return compaction.still_legal(inputs, [entry(99, level)], runs)


@pytest.mark.parametrize("vector", vectors("legal"), ids=lambda vector: vector["name"])
def test_legality_vectors(vector: dict[str, Any]) -> None:
    given = vector["input"]
    assert legal(given["levels"], given["chosen"], given["level"]) == vector["output"]
    if given["chosen"] and given["level"] <= 3:
        assert ask(given["levels"], given["chosen"], given["level"]) == vector["output"]


def every_bucket(runs_max: int) -> list[list[int]]:
    """All buckets with up to so many runs: levels newest first, at most one run of each level above 0."""
    found = []
    for count in range(1, runs_max + 1):
        for levels in combinations_with_replacement(range(4), count):
            if all(levels.count(level) <= 1 for level in (1, 2, 3)):
                found.append(list(levels))
    return found


@pytest.mark.parametrize("levels", every_bucket(5), ids=str)
def test_legality_of_every_choice(levels: list[int]) -> None:
    for size in range(1, len(levels) + 1):
        for chosen in combinations(range(len(levels)), size):
            for level in range(4):
                assert ask(levels, chosen, level) == legal(levels, chosen, level), (chosen, level)


def test_inputs_that_are_gone_or_moved() -> None:
    runs = bucket([0, 0, 3])
    newest = runs[-1].files[0]
    assert compaction.still_legal([newest], [entry(99, 2)], runs) is False
    assert not compaction.still_legal([entry(50, 0)], [entry(99, 3)], runs)
    moved = [entry(3, 1)]
    assert not compaction.still_legal(moved, [entry(99, 1)], runs)


def test_part_of_a_run_is_not_a_run() -> None:
    left, right = entry(1, 3), entry(2, 3)
    run = Run(3, (left, right))
    assert compaction.still_legal([left, right], [entry(99, 3)], [run])
    assert not compaction.still_legal([left], [entry(99, 3)], [run])


@pytest.mark.parametrize("vector", vectors("pick"), ids=lambda vector: vector["name"])
def test_pick_vectors(vector: dict[str, Any]) -> None:
    given = vector["input"]
    runs = bucket([level for level, _ in given["runs"]], [size for _, size in given["runs"]])
    names = {"trigger": "compaction_trigger"}
    options = replace(TableOptions(), **{names.get(k, k): v for k, v in given.items() if k != "runs"})
    picked = compaction.pick(runs, options)
    expected = vector["output"]
    if expected is None:
        assert picked is None
        return
    count = len(runs)
    assert picked == Pick(count - expected["end"], count - expected["first"], expected["level"])


def test_every_pick_is_legal_and_ends() -> None:
    """Compacting until nothing is picked ends, each step being legal, whatever the sizes."""
    source = random.Random(5)
    for _ in range(300):
        options, _ = TableOptions.parse(
            {
                "compaction.trigger": source.choice((2, 3, 8)),
                "compaction.size-ratio-percent": source.choice((0, 1, 1000)),
                "compaction.max-space-amplification-percent": source.choice((0, 50, 1_000_000)),
                "target-file-bytes": source.choice((4096, 1 << 20)),
            }
        )
        levels = sorted([0] * source.randint(0, 12) + source.sample((1, 2, 3), source.randint(0, 3)))
        if not levels:
            continue
        sizes = [source.randint(1, 10 ** source.randint(1, 7)) for _ in levels]
        runs = bucket(levels, sizes)
        for step in range(40):
            picked = compaction.pick(runs, options)
            if picked is None:
                break
            merged = runs[picked.start : picked.stop]
            inputs = [file for run in merged for file in run.files]
            output = entry(1000 + step, picked.level, sum(run.size for run in merged))
            assert len(merged) >= 2 or picked.level == 3
            assert compaction.still_legal(inputs, [output], runs)
            newest = max(file.sequence_max for file in inputs)
            kept = [file for run in runs for file in run.files if file not in inputs]
            runs = sorted_runs([*kept, _with_sequence(output, newest)])
        else:
            pytest.fail(f"no end: {levels} {sizes} {options}")


def _with_sequence(file: Entry, sequence: int) -> Entry:
    return replace(file, sequence_min=sequence, sequence_max=sequence)


def test_full_compaction_is_done_once() -> None:
    assert compaction.pick_full([]) is None
    assert compaction.pick_full(bucket([0])) == Pick(0, 1, 3)
    assert compaction.pick_full(bucket([3])) is None
    assert compaction.pick_full(bucket([0, 1, 2, 3])) == Pick(0, 4, 3)
