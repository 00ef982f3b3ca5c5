"""The filter against a plain model of spec ch. 6."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore._native import bloom as native
from tablestore.errors import FormatError

SALTS = [0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31]


def model_section(hashes: list[int], bits_per_key: int) -> bytes:
    blocks = max(1, -(-len(hashes) * bits_per_key // 256))
    words = [[0] * 8 for _ in range(blocks)]
    for hashed in hashes:
        place = (hashed % 2**32 * blocks) >> 32
        for i, salt in enumerate(SALTS):
            words[place][i] |= 1 << (((hashed >> 32) * salt % 2**32) >> 27)
    data = b"".join(word.to_bytes(4, "little") for block in words for word in block)
    return blocks.to_bytes(4, "little") + len(hashes).to_bytes(4, "little") + data


@given(
    st.lists(st.integers(0, 2**64 - 1), max_size=120),
    st.integers(1, 20),
    st.lists(st.integers(0, 2**64 - 1), max_size=50),
)
def test_section_is_the_model_and_holds_every_key(hashes: list[int], bits: int, others: list[int]) -> None:
    section = native.build(np.array(hashes, np.uint64), bits)
    assert section.tobytes() == model_section(hashes, bits)
    assert native.probe(section, np.array(hashes, np.uint64)).all()
    maybe = native.probe(section.tobytes(), np.array(others, np.uint64))
    for other, answer in zip(others, maybe, strict=True):
        alone = model_section([*hashes, other], bits)
        if len(alone) == len(section):
            assert answer == (alone[8:] == section.tobytes()[8:])


def test_false_positives_are_as_rare_as_promised() -> None:
    random = np.random.default_rng(2)
    hashes = random.integers(0, 2**64, 200000, dtype=np.uint64, endpoint=False)
    for bits, most in ((12, 0.008), (6, 0.12)):
        section = native.build(hashes[:100000], bits)
        assert native.probe(section, hashes[:100000]).all()
        assert native.probe(section, hashes[100000:]).mean() < most


def test_no_filter_without_bits() -> None:
    assert native.build(np.zeros(3, np.uint64), 0).size == 0
    for bits in (-1, 257):
        with pytest.raises(ValueError, match="bits_per_key"):
            native.build(np.zeros(3, np.uint64), bits)


def test_bad_sections_are_rejected() -> None:
    section = native.build(np.arange(100, dtype=np.uint64), 10)
    native.check(section)
    wrong = section.copy()
    wrong[0] += 1
    empty = section.copy()
    empty[8:] = 0
    none = np.zeros(8, np.uint8)
    for bad in (
        section[:-1],
        section[:8],
        section[:3],
        section[:0],
        wrong,
        empty,
        none,
        np.append(section, np.uint8(0)),
    ):
        with pytest.raises(FormatError) as caught:
            native.check(bad)
        assert caught.value.code == "bad-filter"
        if bad is not empty:
            with pytest.raises(FormatError):
                native.probe(bad, np.zeros(1, np.uint64))
