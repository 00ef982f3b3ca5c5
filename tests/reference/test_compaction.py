"""Merging and compacting in the reference: a legal compaction changes no visible row, now or later."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from tablestore.reference.compaction import RunSize, is_legal, output_rows, pick
from tablestore.reference.merge import Run, deduplicate
from tablestore.reference.type import Type, parse_type

KEYS = [b"a", b"b", b"c", b"d"]
FIELD_TYPES = [parse_type("int8")]
Rows = list[tuple[bytes, int, int, tuple[object, ...]]]


@st.composite
def stacks(draw: st.DrawFn, fields: bool) -> list[Run]:
    """Runs of one bucket, newest first: some of level 0, then at most one each of levels 1 to 3.

    Two neighbours are of one commit, told apart by their ordinals alone.
    """
    levels = [0] * draw(st.integers(1, 4))
    levels += sorted(draw(st.sets(st.integers(1, 3))))
    runs = []
    ordinal = 0
    for age, level in enumerate(reversed(levels), 1):
        commit = (age + 1) // 2
        ordinal = draw(st.integers(0, 3)) + (ordinal + 1 if age % 2 == 0 else 0)
        keys = sorted(draw(st.sets(st.sampled_from(KEYS), min_size=1)))
        rows: Rows = []
        for key in keys:
            field = (draw(st.sampled_from([None, 0, 1])),) if fields else ()
            rows.append((key, commit if level else 0, draw(st.sampled_from([0, 1, 2, 3])), field))
        runs.append(Run(level, commit, ordinal, rows))
    return runs[::-1]


def visible(runs: list[Run], types: list[Type]) -> dict[bytes, tuple[int, int, object]]:
    """Commit sequence, kind and sequence fields of the visible row of each key: they tell versions apart."""
    found = {}
    for version in deduplicate(runs, types):
        run = runs[version.run]
        key, sequence, kind, fields = run.rows[version.row]
        found[key] = (sequence or run.sequence, kind, fields)
    return found


def compacted(runs: list[Run], chosen: list[int], level: int, types: list[Type]) -> list[Run]:
    """The runs after the compaction of `chosen`."""
    inputs = [runs[index] for index in chosen]
    has_older = max(chosen) + 1 < len(runs)
    rows: Rows = []
    for version in output_rows(inputs, types, has_older):
        run = inputs[version.run]
        key, sequence, kind, fields = run.rows[version.row]
        rows.append((key, sequence or run.sequence, kind, fields))
    newest = max(inputs, key=lambda run: run.age)
    sequence = max(run.sequence for run in inputs)
    output = replace(newest, level=level, sequence=sequence, rows=rows)
    rest = [run for index, run in enumerate(runs) if index not in chosen]
    return [*rest[: min(chosen)], *([output] if rows else []), *rest[min(chosen) :]]


def _check(runs: list[Run], later: Rows, types: list[Type]) -> int:
    levels = [run.level for run in runs]
    before = visible(runs, types)
    newer = Run(0, 99, 0, later)
    before_later = visible([newer, *runs], types)
    legal = 0
    for size in range(1, len(runs) + 1):
        for chosen in combinations(range(len(runs)), size):
            for level in range(4):
                if is_legal(levels, chosen, level):
                    legal += 1
                    after = compacted(runs, list(chosen), level, types)
                    assert visible(after, types) == before
                    assert visible([newer, *after], types) == before_later
    return legal


@given(stacks(fields=False))
def test_legal_compactions_change_nothing(runs: list[Run]) -> None:
    later: Rows = [(b"a", 0, 3, ()), (b"b", 0, 0, ())]
    assert _check(runs, later, []) > 0


@given(stacks(fields=True), st.sampled_from([None, 0, 1]))
def test_legal_compactions_change_nothing_with_sequence_fields(runs: list[Run], field: int | None) -> None:
    """A late row that comes afterwards stays late."""
    later: Rows = [(b"a", 0, 3, (field,)), (b"b", 0, 0, (field,))]
    assert _check(runs, later, FIELD_TYPES) > 0


@given(
    st.lists(st.integers(1, 10_000), min_size=1, max_size=12),
    st.lists(st.integers(1, 10_000_000), max_size=3),
    st.integers(2, 6),
    st.integers(0, 20_000),
)
def test_what_is_picked_is_legal(
    level_0: list[int], deeper: list[int], trigger: int, file_bytes: int
) -> None:
    runs = [RunSize(0, size) for size in level_0]
    runs += [RunSize(level, size) for level, size in zip((1, 2, 3), deeper, strict=False)]
    found = pick(runs, trigger, target_file_bytes=file_bytes)
    if len(runs) < trigger:
        assert found is None
        return
    assert found is not None
    chosen = range(found.first, found.end)
    assert is_legal([run.level for run in runs], chosen, found.level)
    assert len(chosen) >= 2
