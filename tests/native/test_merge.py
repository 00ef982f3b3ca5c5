"""Merging against a plain model: random runs, duplicates across runs, ranks, every path of the kernel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tablestore._native import merge as native

EDGES = [0, 1, 2, 2**63, 2**64 - 2, 2**64 - 1]
WORDS = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 30), st.sampled_from(EDGES))
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


def model(runs: list[list], rank: list[int] | None) -> list[int]:
    best: dict = {}
    for row, key in enumerate(key for run in runs for key in run):
        if key not in best or rank is None or rank[row] >= rank[best[key]]:
            best[key] = row
    return [best[key] for key in sorted(best)]


def ends_of(runs: list) -> np.ndarray:
    return np.cumsum([len(run) for run in runs]).astype(np.int64)


def packed(keys: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0] + [len(k) for k in keys]).astype(np.int64)
    return offsets, np.frombuffer(b"".join(keys), np.uint8)


@st.composite
def sorted_runs(draw: st.DrawFn, keys: st.SearchStrategy) -> tuple[list[list], list[int] | None]:
    runs = [sorted(run) for run in draw(st.lists(st.sets(keys, max_size=60), max_size=7))]
    rows = sum(len(run) for run in runs)
    ranks = st.lists(st.sampled_from([0, 1, 2, 2**64 - 1]), min_size=rows, max_size=rows)
    return runs, draw(st.none() | ranks)


def as_rank(rank: list[int] | None) -> np.ndarray | None:
    return None if rank is None else np.array(rank, np.uint64)


@settings(max_examples=300)
@given(sorted_runs(WORDS))
def test_merge_words_is_the_model(case: tuple) -> None:
    runs, rank = case
    words = np.array([w for run in runs for w in run], np.uint64)
    assert native.merge_words(words, ends_of(runs), as_rank(rank)).tolist() == model(runs, rank)


@settings(max_examples=300)
@given(sorted_runs(KEYS) | sorted_runs(COMPOSITES))
def test_merge_bytes_is_the_model(case: tuple) -> None:
    runs, rank = case
    keys = [k for run in runs for k in run]
    assert native.merge_bytes(*packed(keys), ends_of(runs), as_rank(rank)).tolist() == model(runs, rank)


def expected_words(words: np.ndarray, rank: np.ndarray | None) -> np.ndarray:
    rows = np.arange(len(words))
    order = np.lexsort((rows, rows * 0 if rank is None else rank, words))
    last = np.ones(len(words), bool)
    last[:-1] = words[order][1:] != words[order][:-1]
    return order[last]


def run_shapes() -> dict[str, list[np.ndarray]]:
    random = np.random.default_rng(11)

    def draw(rows: int, bits: int, start: int = 0) -> np.ndarray:
        return np.unique(random.integers(0, 2**bits, rows, dtype=np.uint64) + np.uint64(start))

    return {
        "equal random": [draw(40000, 63) for _ in range(9)],
        "equal dense": [draw(40000, 17) for _ in range(5)],
        "half dense": [draw(20000, 18) for _ in range(6)],
        "big and small": [draw(200000, 50), *(draw(9000, 50) for _ in range(8))],
        "very small first": [draw(300, 40), draw(150000, 40), draw(5, 40), draw(4000, 40)],
        "disjoint": [draw(30000, 20, n << 30) for n in (3, 1, 2, 0)],
        "touching": [np.arange(n * 50000, n * 50000 + 50001, dtype=np.uint64) for n in range(4)],
        "same keys": [np.arange(0, 900000, 9, dtype=np.uint64) << np.uint64(30)] * 3,
        "clustered": [np.concatenate([draw(20000, 16), draw(100, 63)]) for _ in range(4)],
        "many runs": [draw(150, 40) for _ in range(300)],
        "one row each": [draw(1, 63) for _ in range(200)],
        "with empties": [draw(0, 8), draw(70000, 40), draw(0, 8), draw(70000, 40), draw(0, 8)],
        "edges": [np.array(EDGES, np.uint64), draw(70000, 63), np.array(EDGES, np.uint64)],
    }


@pytest.mark.parametrize("shape", run_shapes())
@pytest.mark.parametrize("ranked", [False, True])
def test_merge_words_of_many_shapes(shape: str, ranked: bool) -> None:
    runs = [np.unique(run) for run in run_shapes()[shape]]
    words = np.concatenate(runs)
    rank = np.random.default_rng(5).integers(0, 3, len(words)).astype(np.uint64) if ranked else None
    merged = native.merge_words(words, ends_of(runs), rank)
    assert merged.dtype == np.uint32
    assert np.array_equal(merged, expected_words(words, rank))


def key_shapes() -> dict[str, list[list[bytes]]]:
    random = np.random.default_rng(13)

    def draw(form: bytes, rows: int, most: int) -> list[bytes]:
        return [form % n for n in random.integers(0, most, rows)]

    return {
        "equal length": [draw(b"user_%07d", 12000, 10**7) for _ in range(5)],
        "digits": [draw(b"%d", 12000, 10**9) for _ in range(5)],
        "wide ties": [
            [b"tenant-%02d/" % (n % 9) + k for n, k in enumerate(draw(b"%08d", 9000, 10**6))]
            for _ in range(6)
        ],
        "long": [draw(b"https://example.org/some/path/%d/index.html", 9000, 10**6) for _ in range(4)],
        "big and small": [
            draw(b"k%09d", 60000, 10**9),
            draw(b"k%09d", 500, 10**9),
            draw(b"k%08d", 100, 10**8),
        ],
        "disjoint": [
            draw(b"a%06d", 20000, 10**6),
            draw(b"b%06d", 20000, 10**6),
            draw(b"a%06d\0", 20000, 10**6),
        ],
        "nul tails": [[b"k" + b"\0" * int(n) for n in random.integers(0, 300, 200)] for _ in range(4)],
        "random bytes": [[random.bytes(int(n)) for n in random.integers(0, 12, 9000)] for _ in range(4)],
        "composite": [
            [bytes([n % 7]) * 4 + k for n, k in enumerate(draw(b"%08d", 9000, 30000))] for _ in range(4)
        ],
        "short pairs": [draw(b"x%d", 3000, 10**9) + draw(b"x%d\0", 3000, 10**12) for _ in range(4)],
        "many runs": [draw(b"%05d", 40, 10**5) for _ in range(150)],
        "pairs": [
            [k + bytes([n % 3]) * (n % 4) for n, k in enumerate(draw(b"%08d", 9000, 4000))] for _ in range(4)
        ],
    }


@pytest.mark.parametrize("shape", key_shapes())
@pytest.mark.parametrize("ranked", [False, True])
def test_merge_bytes_of_many_shapes(shape: str, ranked: bool) -> None:
    runs = [sorted(set(run)) for run in key_shapes()[shape]]
    keys = [key for run in runs for key in run]
    rank = np.random.default_rng(5).integers(0, 3, len(keys)).astype(np.uint64) if ranked else None
    merged = native.merge_bytes(*packed(keys), ends_of(runs), rank)
    assert merged.tolist() == model(runs, None if rank is None else rank.tolist())


@given(st.lists(st.lists(WORDS, max_size=40), max_size=5))
def test_unsorted_runs_stay_inside_the_arrays(runs: list[list[int]]) -> None:
    words = np.array([w for run in runs for w in run], np.uint64)
    merged = native.merge_words(words, ends_of(runs))
    assert len(merged) <= len(words)
    assert (merged < len(words)).all()


def test_large_unsorted_runs_stay_inside_the_arrays() -> None:
    random = np.random.default_rng(1)
    for bits in (8, 18, 64):
        words = random.integers(0, 2**bits, 300000, dtype=np.uint64, endpoint=False)
        merged = native.merge_words(words, np.array([100000, 100500, 300000]))
        assert len(merged) <= len(words)
        assert (merged < len(words)).all()
        offsets, data = packed([int(w).to_bytes(8, "big") for w in words[:90000]])
        merged = native.merge_bytes(offsets, data, np.array([40000, 90000]))
        assert len(merged) <= 90000
        assert (merged < 90000).all()


@given(sorted_runs(KEYS), KEYS)
def test_lower_bounds(case: tuple, key: bytes) -> None:
    runs, _ = case
    ends = ends_of(runs)
    starts = np.concatenate([[0], ends[:-1]]).astype(np.int64) if len(runs) else ends
    found = native.lower_bounds_bytes(*packed([k for run in runs for k in run]), starts, ends, key)
    assert found.tolist() == [int(s) + sum(k < key for k in run) for s, run in zip(starts, runs, strict=True)]


@given(st.sets(WORDS, max_size=80), st.lists(WORDS, max_size=40))
def test_search_words(words: set[int], probes: list[int]) -> None:
    order = sorted(words)
    probes += order[::3]
    found = native.search_words(np.array(order, np.uint64), np.array(probes, np.uint64))
    assert found.tolist() == [order.index(p) if p in words else -1 for p in probes]


@given(st.sets(KEYS, max_size=60), st.lists(KEYS, max_size=30))
def test_search_bytes(keys: set[bytes], probes: list[bytes]) -> None:
    order = sorted(keys)
    probes += order[::3]
    found = native.search_bytes(*packed(order), *packed(probes))
    assert found.tolist() == [order.index(p) if p in keys else -1 for p in probes]


def test_bad_shapes_are_refused() -> None:
    words = np.arange(4, dtype=np.uint64)
    for ends in ([3], [5], [3, 2, 4], []):
        with pytest.raises(ValueError, match="run"):
            native.merge_words(words, np.array(ends, np.int64))
    with pytest.raises(ValueError, match="ranks for 4 rows"):
        native.merge_words(words, np.array([4]), np.zeros(3, np.uint64))
    with pytest.raises(ValueError, match="offsets"):
        native.merge_bytes(np.array([0, 9], np.int64), np.zeros(3, np.uint8), np.array([1]))
    with pytest.raises(ValueError, match="outside"):
        native.lower_bounds_bytes(*packed([b"a"]), np.array([0]), np.array([2]), b"a")
