"""Sorting for a flush against a plain model: order, groups, ranks, ties (all of which are semantics)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore._native import sort as native

WORDS = st.one_of(
    st.integers(0, 2**64 - 1),
    st.integers(0, 20),
    st.sampled_from([0, 1, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1, 2**32, 2**32 - 1]),
    st.integers(0, 3).map(lambda v: v << 62 | 7),
)
KEYS = st.one_of(
    st.binary(max_size=12),
    st.integers(0, 99).map(lambda v: b"%016d" % v),
    st.text(alphabet="\0a", max_size=20).map(str.encode),
    st.tuples(st.binary(max_size=2), st.integers(0, 12)).map(
        lambda t: b"common/prefix/" + t[0] + b"\0" * t[1]
    ),
    st.sampled_from(
        [b"", b"\0", b"\0\0", b"a", b"a\0", b"12345678", b"12345678\0", b"1234567", b"1234567\0"]
    ),
)

COMPOSITES = st.tuples(st.integers(0, 3), st.integers(0, 2**64 - 1) | st.integers(0, 9)).map(
    lambda t: t[0].to_bytes(4, "big") + t[1].to_bytes(8, "big")
)  # equally long, two words


def model(
    keys: list, group: list[int] | None, groups: int, rank: list[int] | None
) -> tuple[list[int], list[int]]:
    best: dict = {}
    for row, key in enumerate(keys):
        place = (group[row] if group else 0, key)
        if place not in best or rank is None or rank[row] >= rank[best[place]]:
            best[place] = row
    order = sorted(best)
    ends = [sum(1 for g, _ in order if g <= last) for last in range(groups)]
    return [best[place] for place in order], ends


def packed(keys: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0] + [len(k) for k in keys]).astype(np.int64)
    return offsets, np.frombuffer(b"".join(keys), np.uint8)


@st.composite
def batches(draw: st.DrawFn, keys: st.SearchStrategy, most: int = 120) -> tuple:
    rows = draw(st.lists(keys, max_size=most))
    groups = draw(st.integers(1, 4))
    with_group, with_rank = draw(st.booleans()), draw(st.booleans())
    size = st.lists(st.integers(0, groups - 1), min_size=len(rows), max_size=len(rows))
    ranks = st.lists(st.sampled_from([0, 1, 2, 2**64 - 1]), min_size=len(rows), max_size=len(rows))
    return rows, draw(size) if with_group else None, groups, draw(ranks) if with_rank else None


def arrays(group: list[int] | None, rank: list[int] | None) -> tuple[np.ndarray | None, np.ndarray | None]:
    return (
        None if group is None else np.array(group, np.uint32),
        None if rank is None else np.array(rank, np.uint64),
    )


@given(batches(WORDS))
def test_sort_words_is_the_model(batch: tuple) -> None:
    words, group, groups, rank = batch
    group_array, rank_array = arrays(group, rank)
    perm, ends = native.sort_words(np.array(words, np.uint64), group_array, groups, rank_array)
    assert (perm.tolist(), ends.tolist()) == model(words, group, groups, rank)


@given(batches(KEYS) | batches(COMPOSITES))
def test_sort_bytes_is_the_model(batch: tuple) -> None:
    keys, group, groups, rank = batch
    group_array, rank_array = arrays(group, rank)
    perm, ends = native.sort_bytes(*packed(keys), group_array, groups, rank_array)
    assert (perm.tolist(), ends.tolist()) == model(keys, group, groups, rank)


def word_patterns(rows: int) -> list[np.ndarray]:
    random = np.random.default_rng(7)
    full = random.integers(0, 2**64, rows, dtype=np.uint64, endpoint=False)
    return [
        full,
        random.permutation(rows).astype(np.uint64) + np.uint64(2**63),
        full >> np.uint64(40),
        full & np.uint64(0xFF000000000000FF),
        full % np.uint64(max(1, rows // 10)) << np.uint64(44),
        np.where(full % np.uint64(50) == 0, full, full % np.uint64(3)),
        np.arange(rows, dtype=np.uint64),
        np.arange(rows, dtype=np.uint64)[::-1].copy(),
        np.full(rows, 2**64 - 1, np.uint64),
        np.uint64(1) << (full & np.uint64(63)),
        full * np.uint64(2**32) + random.permutation(rows).astype(np.uint64),
    ]


@pytest.mark.parametrize("rows", [25, 300, 5000, 70000])
def test_sort_words_of_many_shapes(rows: int) -> None:
    random = np.random.default_rng(rows)
    group = random.integers(0, 5, rows).astype(np.uint32)
    rank = random.integers(0, 3, rows).astype(np.uint64)
    for words in word_patterns(rows):
        for group_array, rank_array in ((None, None), (group, None), (group, rank)):
            groups = 5 if group_array is not None else 1
            perm, ends = native.sort_words(words, group_array, groups, rank_array)
            place = np.zeros(rows, np.uint32) if group_array is None else group_array
            order = np.lexsort((np.arange(rows), rank if rank_array is not None else place, words, place))
            last = np.ones(rows, bool)
            last[:-1] = (words[order][1:] != words[order][:-1]) | (place[order][1:] != place[order][:-1])
            expected = order[last]
            assert np.array_equal(perm, expected)
            assert ends.tolist() == [int((place[expected] <= g).sum()) for g in range(groups)]


@pytest.mark.parametrize(
    "shape", ["same", "prefixes", "long ties", "nul tails", "random", "one long", "composite"]
)
def test_sort_bytes_of_many_shapes(shape: str) -> None:
    random = np.random.default_rng(3)
    rows = 3000
    keys = {
        "same": [b"x" * 40] * rows,
        "prefixes": [b"a" * int(n) for n in random.integers(0, 400, rows)],
        "long ties": [b"tenant-%04d/" % (n % 7) + b"%010d" % random.integers(0, 900) for n in range(rows)],
        "nul tails": [b"k" + b"\0" * int(n) for n in random.integers(0, 40, rows)],
        "random": [random.bytes(int(n)) for n in random.integers(0, 20, rows)],
        "composite": [
            int(d).to_bytes(4, "big") + int(n).to_bytes(8, "big")
            for d, n in zip(random.integers(0, 50, rows), random.integers(0, 60, rows), strict=True)
        ],
        "one long": [b"z" * 60000, *(b"%d" % n for n in random.integers(0, 10**9, rows))],
    }[shape]
    perm, ends = native.sort_bytes(*packed(keys))
    assert (perm.tolist(), ends.tolist()) == model(keys, None, 1, None)


def test_bad_shapes_are_refused() -> None:
    words = np.zeros(3, np.uint64)
    with pytest.raises(ValueError, match="not below 2"):
        native.sort_words(words, np.array([0, 2, 1], np.uint32), 2)
    with pytest.raises(ValueError, match="groups for 3 rows"):
        native.sort_words(words, np.zeros(2, np.uint32), 2)
    with pytest.raises(ValueError, match="ranks for 3 rows"):
        native.sort_words(words, None, 1, np.zeros(4, np.uint64))
    with pytest.raises(ValueError, match="at least one group"):
        native.sort_words(words, None, 0)
    with pytest.raises(ValueError, match="offsets"):
        native.sort_bytes(np.array([0, 2, 1], np.int64), np.zeros(2, np.uint8))
    with pytest.raises(ValueError, match="dtype"):
        native.sort_words(np.zeros(3, np.int32))  # type: ignore[arg-type]
