"""hash64 against a plain model of the published algorithm, and buckets (spec §1.3, §3.4)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore._native import hash as native

MASK = 2**64 - 1
P1, P2, P3, P4, P5 = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)


def rotate(value: int, by: int) -> int:
    return ((value << by) | (value >> (64 - by))) & MASK


def one_round(lane: int, value: int) -> int:
    return rotate((lane + value * P2) & MASK, 31) * P1 & MASK


def model_hash(data: bytes) -> int:
    at = 0
    hashed = P5
    if len(data) >= 32:
        lanes = [(P1 + P2) & MASK, P2, 0, -P1 & MASK]
        while at + 32 <= len(data):
            for lane in range(4):
                lanes[lane] = one_round(lanes[lane], int.from_bytes(data[at : at + 8], "little"))
                at += 8
        hashed = sum(rotate(v, r) for v, r in zip(lanes, (1, 7, 12, 18), strict=True)) & MASK
        for lane in lanes:
            hashed = ((hashed ^ one_round(0, lane)) * P1 + P4) & MASK
    hashed = (hashed + len(data)) & MASK
    for size in (
        [8] * ((len(data) - at) // 8) + [4] * ((len(data) - at) % 8 // 4) + [1] * ((len(data) - at) % 4)
    ):
        value = int.from_bytes(data[at : at + size], "little")
        at += size
        if size == 8:
            hashed = (rotate(hashed ^ one_round(0, value), 27) * P1 + P4) & MASK
        elif size == 4:
            hashed = (rotate(hashed ^ (value * P1 & MASK), 23) * P2 + P3) & MASK
        else:
            hashed = rotate(hashed ^ (value * P5 & MASK), 11) * P1 & MASK
    hashed = (hashed ^ (hashed >> 33)) * P2 & MASK
    hashed = (hashed ^ (hashed >> 29)) * P3 & MASK
    return hashed ^ (hashed >> 32)


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", 0xEF46DB3751D8E999), (b"a", 0xD24EC4F1A98C6E5B), (b"abc", 0x44BC2CF5AD770999)],
)
def test_published_values(data: bytes, expected: int) -> None:
    assert native.hash64(data) == expected == model_hash(data)


@given(st.binary(max_size=200))
def test_hash64_is_the_model(data: bytes) -> None:
    assert native.hash64(data) == model_hash(data)
    assert native.hash64(memoryview(bytearray(data))) == model_hash(data)


@given(st.lists(st.binary(max_size=70), max_size=20))
def test_hash_bytes_is_hash64_of_each_key(keys: list[bytes]) -> None:
    offsets = np.cumsum([0] + [len(k) for k in keys]).astype(np.int64)
    hashes = native.hash_bytes(offsets, np.frombuffer(b"".join(keys), np.uint8))
    assert hashes.tolist() == [model_hash(k) for k in keys]


@given(st.integers(1, 8), st.lists(st.integers(0, MASK), max_size=20))
def test_hash_words_is_hash64_of_the_low_bytes(size: int, words: list[int]) -> None:
    hashes = native.hash_words(np.array(words, np.uint64), size)
    assert hashes.tolist() == [model_hash(w.to_bytes(8, "big")[8 - size :]) for w in words]


@given(st.integers(1, 65536), st.lists(st.integers(0, MASK), max_size=20))
def test_buckets_are_ranges_of_hashes(count: int, hashes: list[int]) -> None:
    assert native.buckets(np.array(hashes, np.uint64), count).tolist() == [h * count >> 64 for h in hashes]


def test_read_only_input_is_accepted_and_nonsense_refused() -> None:
    words = np.arange(4, dtype=np.uint64)
    words.flags.writeable = False
    assert len(native.hash_words(words, 8)) == 4
    for size in (0, 9):
        with pytest.raises(ValueError, match="1 to 8"):
            native.hash_words(words, size)
    for count in (0, 65537):
        with pytest.raises(ValueError, match="buckets"):
            native.buckets(words, count)
    data = np.zeros(4, np.uint8)
    for offsets in ([0, 3, 2], [0, 5], [-1, 2], []):
        with pytest.raises(ValueError, match="offsets"):
            native.hash_bytes(np.array(offsets, np.int64), data)
