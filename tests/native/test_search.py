"""Searches for many probes at once against plain searches of sorted lists."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore._native import bloom, search

BOUND = 64
WORDS = st.integers(0, 2**64 - 1) | st.integers(0, 30)
TEXTS = st.binary(max_size=6) | st.binary(max_size=3).map(lambda tail: b"\xff" * BOUND + tail) | st.sampled_from(
    [b"", b"\0", b"a" * BOUND, b"a" * (BOUND - 1), b"a" * (BOUND + 1), b"\xff" * 70]
)  # fmt: skip


def offsets_of(texts: list[bytes]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    ends = np.array([0, *accumulate(len(text) for text in texts)], np.int64)
    return ends, np.frombuffer(b"".join(texts), np.uint8)


def cut(keys: list, sizes: list[int]) -> list[list]:
    """Consecutive parts of the sorted keys; the last part takes what is left."""
    parts, start = [], 0
    for size in sizes:
        parts.append(keys[start : start + size])
        start += size
    return [part for part in [*parts, keys[start:]] if part]


def starts_of(parts: list[list]) -> npt.NDArray[np.int64]:
    return np.array([0, *accumulate(len(part) for part in parts)], np.int64)


def plain_find(keys: list, probe: object) -> int:
    at = bisect_left(keys, probe)
    return at if at < len(keys) and keys[at] == probe else -1


SIZES = st.lists(st.integers(1, 40), max_size=6)


@given(st.sets(WORDS, max_size=150), SIZES, st.lists(WORDS, max_size=40), st.randoms())
def test_find_words(keys: set[int], sizes: list[int], others: list[int], random: object) -> None:
    ordered = sorted(keys)
    parts = cut(ordered, sizes)
    probes = [*others, *random.sample(ordered, min(len(ordered), 40))]  # type: ignore[attr-defined]
    pairs = [(block, probe) for block in range(len(parts)) for probe in range(len(probes))]
    block = np.array([pair[0] for pair in pairs], np.uint32)
    probe = np.array([pair[1] for pair in pairs], np.uint32)
    start = starts_of(parts)
    found = search.find_words(np.array(ordered, np.uint64), start, block, probe, np.array(probes, np.uint64))
    for (b, p), row in zip(pairs, found.tolist(), strict=True):
        expected = plain_find(parts[b], probes[p])
        assert row == (expected if expected < 0 else expected + start[b])


@given(st.sets(TEXTS, max_size=80), SIZES, st.lists(TEXTS, max_size=20))
def test_find_bytes(keys: set[bytes], sizes: list[int], others: list[bytes]) -> None:
    ordered = sorted(keys)
    parts = cut(ordered, sizes)
    probes = [*others, *ordered[::3]]
    pairs = [(block, probe) for block in range(len(parts)) for probe in range(len(probes))]
    block = np.array([pair[0] for pair in pairs], np.uint32)
    probe = np.array([pair[1] for pair in pairs], np.uint32)
    start = starts_of(parts)
    found = search.find_bytes(*offsets_of(ordered), start, block, probe, *offsets_of(probes))
    for (b, p), row in zip(pairs, found.tolist(), strict=True):
        expected = plain_find(parts[b], probes[p])
        assert row == (expected if expected < 0 else expected + start[b])


@given(st.sets(WORDS, min_size=1, max_size=120), SIZES, st.lists(WORDS, min_size=1, max_size=40))
def test_locate_words(keys: set[int], sizes: list[int], probes: list[int]) -> None:
    blocks = cut(sorted(keys), sizes)
    files = [blocks[::2], blocks[1::2], []]
    flat = [block for file in files for block in file]
    pairs = [(file, probe) for file in range(3) for probe in range(len(probes))]
    found = search.locate_words(
        np.array([block[0] for block in flat], np.uint64),
        np.array([block[-1] for block in flat], np.uint64),
        starts_of(files),
        np.array([pair[0] for pair in pairs], np.uint32),
        np.array([pair[1] for pair in pairs], np.uint32),
        np.array(probes, np.uint64),
    )
    for (f, p), block in zip(pairs, found.tolist(), strict=True):
        enclosing = [
            number
            for number in range(starts_of(files)[f], starts_of(files)[f + 1])
            if flat[number][0] <= probes[p] <= flat[number][-1]
        ]
        assert [block] == (enclosing or [-1])


@given(st.sets(TEXTS, min_size=1, max_size=60), SIZES, st.lists(TEXTS, min_size=1, max_size=20))
def test_locate_bytes(keys: set[bytes], sizes: list[int], others: list[bytes]) -> None:
    blocks = cut(sorted(keys), sizes)
    files = [blocks, []]
    probes = sorted({*others, *list(keys)[::4]})
    pairs = [(file, probe) for file in range(2) for probe in range(len(probes))]
    first = [block[0][:BOUND] for block in blocks]
    last = [block[-1][:BOUND] for block in blocks]
    found, count = search.locate_bytes(
        *offsets_of(first),
        *offsets_of(last),
        starts_of(files),
        np.array([pair[0] for pair in pairs], np.uint32),
        np.array([pair[1] for pair in pairs], np.uint32),
        *offsets_of(probes),
    )
    for (f, p), block, blocks_found in zip(pairs, found.tolist(), count.tolist(), strict=True):
        bound = probes[p][:BOUND]
        enclosing = [n for n in range(len(blocks)) if f == 0 and first[n] <= bound <= last[n]]
        assert list(range(block, block + blocks_found)) == enclosing


@given(st.sets(TEXTS, max_size=40), st.lists(st.tuples(TEXTS, TEXTS), max_size=12))
def test_within_bytes(keys: set[bytes], ranges: list[tuple[bytes, bytes]]) -> None:
    probes = sorted(keys)
    bounds = [(min(pair)[:BOUND], max(pair)[:BOUND]) for pair in ranges]
    low, high = search.within_bytes(
        *offsets_of(probes),
        *offsets_of([low for low, _ in bounds]),
        *offsets_of([high for _, high in bounds]),
    )
    for (least, most), start, stop in zip(bounds, low.tolist(), high.tolist(), strict=True):
        inside = [row for row, probe in enumerate(probes) if least <= probe[:BOUND] <= most]
        assert list(range(start, stop)) == inside


HASHES = st.lists(st.integers(0, 2**64 - 1), max_size=60)


@given(st.lists(HASHES | st.none(), max_size=5), HASHES, st.data())
def test_filters_together(held: list[list[int] | None], asked: list[int], data: st.DataObject) -> None:
    asked = [*asked, *(hashed for hashes in held if hashes for hashed in hashes[:5])]
    sections = [None if hashes is None else bloom.build(np.array(hashes, np.uint64), 10) for hashes in held]
    filters = bloom.Filters(sections)
    probes = np.array(asked, np.uint64)
    ranges = [
        (data.draw(st.integers(0, len(asked))), data.draw(st.integers(0, len(asked)))) for _ in sections
    ]
    ranges = [(min(pair), max(pair)) for pair in ranges]
    probe, file = filters.candidates(
        probes,
        np.array([low for low, _ in ranges], np.int64),
        np.array([high for _, high in ranges], np.int64),
    )
    answers = [
        np.ones(len(asked), np.uint8) if section is None else bloom.probe(section, probes)
        for section in sections
    ]
    expected = [
        (p, f)
        for p in range(len(asked))
        for f, (low, high) in enumerate(ranges)
        if low <= p < high and answers[f][p]
    ]
    assert list(zip(probe.tolist(), file.tolist(), strict=True)) == expected
    for p, hashed in enumerate(asked):
        found, chain = filters.next(hashed), []
        while found >= 0:
            chain.append(found)
            found = filters.next(hashed, found + 1)
        assert chain == [f for f in range(len(sections)) if answers[f][p]]


def test_wrong_arguments() -> None:
    words, start, one = np.arange(4, dtype=np.uint64), np.array([0, 4], np.int64), np.zeros(1, np.uint32)
    assert search.find_words(words, start, one, one, words).tolist() == [0]
    for bad in (np.array([0, 5], np.int64), np.array([3, 2], np.int64), np.array([-1, 4], np.int64)):
        with pytest.raises(ValueError, match="start"):
            search.find_words(words, bad, one, one, words)
        with pytest.raises(ValueError, match="start"):
            search.locate_words(words, words, bad, one, one, words)
    for block, probe in ((one + 1, one), (one, one + 4)):
        with pytest.raises(ValueError, match="out of range"):
            search.find_words(words, start, block.astype(np.uint32), probe.astype(np.uint32), words)
    with pytest.raises(ValueError, match="probes"):
        search.find_words(words, start, one, np.zeros(2, np.uint32), words)
    filters = bloom.Filters([None])
    for low, high in (([0], [5]), ([-1], [1]), ([0, 0], [1, 1])):
        with pytest.raises(ValueError, match="range"):
            filters.candidates(words, np.array(low, np.int64), np.array(high, np.int64))
