"""crc32c and checksums in context (spec §1.2)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore._native import checksum

FILE_ID = bytes(range(16))


def bitwise_crc32c(data: bytes) -> int:
    """Straight from the polynomial, a bit at a time."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_published_values(data: bytes, expected: int) -> None:
    assert checksum.crc32c(data) == expected
    assert checksum.crc32c_portable(data) == expected


@pytest.mark.parametrize("size", [1, 7, 8, 9, 767, 768, 769, 1535, 6143, 6144, 6145, 13000])
@pytest.mark.parametrize("start", [0, 1, 5])
def test_hardware_and_tables_agree_with_the_polynomial(size: int, start: int) -> None:
    data = np.random.default_rng(size).integers(0, 256, start + size, dtype=np.uint8)[start:]
    expected = bitwise_crc32c(data.tobytes())
    assert checksum.crc32c(data) == expected
    assert checksum.crc32c_portable(data) == expected


@given(st.binary(max_size=3000), st.integers(0, 3000))
def test_value_continues_a_checksum(data: bytes, cut: int) -> None:
    whole = checksum.crc32c(data)
    assert checksum.crc32c(data[cut:], checksum.crc32c(data[:cut])) == whole
    assert whole == checksum.crc32c_portable(data)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.binary(max_size=64))
def test_context_comes_before_the_bytes(column: int, block: int, stored: bytes) -> None:
    head = FILE_ID + column.to_bytes(4, "little") + block.to_bytes(4, "little")
    assert checksum.context_crc(FILE_ID, column, block, stored) == bitwise_crc32c(head + stored)


FILES = np.zeros(4, np.uint32)


def chunks() -> tuple[np.ndarray, ...]:
    buffer = np.random.default_rng(7).integers(0, 256, 1000, dtype=np.uint8)
    offset = np.array([0, 100, 350, 1000], np.uint64)
    size = np.array([100, 250, 650, 0], np.uint32)
    column = np.array([0, 0, 1, 1], np.uint32)
    block = np.array([0, 1, 0, 1], np.uint32)
    return buffer, offset, size, column, block


def test_chunk_crcs_are_those_of_their_context() -> None:
    buffer, offset, size, column, block = chunks()
    crcs = checksum.chunk_crcs(buffer, offset, size, column, block, FILE_ID)
    for k in range(4):
        stored = buffer[int(offset[k]) : int(offset[k]) + int(size[k])].tobytes()
        assert crcs[k] == checksum.context_crc(FILE_ID, int(column[k]), int(block[k]), stored)
    assert checksum.verify_chunks(buffer, offset, size, crcs, column, block, FILE_ID, FILES) == -1


def test_verify_names_the_first_bad_chunk() -> None:
    buffer, offset, size, column, block = chunks()
    crcs = checksum.chunk_crcs(buffer, offset, size, column, block, FILE_ID)
    for byte, bad in [(0, 0), (99, 0), (100, 1), (349, 1), (999, 2)]:
        damaged = buffer.copy()
        damaged[byte] ^= 4
        assert checksum.verify_chunks(damaged, offset, size, crcs, column, block, FILE_ID, FILES) == bad
    assert checksum.verify_chunks(buffer, offset, size, crcs, column, block, b"x" * 16, FILES) == 0


def test_every_chunk_is_checked_with_the_id_of_its_own_file() -> None:
    buffer, offset, size, column, block = chunks()
    other = b"x" * 16
    crcs = checksum.chunk_crcs(buffer, offset, size, column, block, FILE_ID)
    crcs[2:] = checksum.chunk_crcs(buffer, offset, size, column, block, other)[2:]
    files = np.array([0, 0, 1, 1], np.uint32)
    assert checksum.verify_chunks(buffer, offset, size, crcs, column, block, FILE_ID + other, files) == -1
    assert checksum.verify_chunks(buffer, offset, size, crcs, column, block, other + FILE_ID, files) == 0
    assert checksum.verify_chunks(buffer, offset, size, crcs, column, block, FILE_ID + other, FILES) == 2
    with pytest.raises(ValueError, match="no file 1"):
        checksum.verify_chunks(buffer, offset, size, crcs, column, block, FILE_ID, files)


def test_chunks_that_change_places_are_found() -> None:
    buffer, offset, size, column, block = chunks()
    crcs = checksum.chunk_crcs(buffer, offset, size, column, block, FILE_ID)
    assert checksum.verify_chunks(buffer, offset, size, crcs, column, block[::-1].copy(), FILE_ID, FILES) == 0


def test_places_outside_the_buffer_are_refused() -> None:
    buffer, offset, size, column, block = chunks()
    crcs = np.zeros(4, np.uint32)
    for k, wrong in [(1, 751), (3, 1)]:
        beyond = size.copy()
        beyond[k] = wrong + 250 if k == 1 else wrong
        with pytest.raises(ValueError, match=f"chunk {k}"):
            checksum.verify_chunks(buffer, offset, beyond, crcs, column, block, FILE_ID, FILES)
    with pytest.raises(ValueError, match="16 bytes"):
        checksum.chunk_crcs(buffer, offset, size, column, block, b"short")
    with pytest.raises(ValueError, match="length"):
        checksum.verify_chunks(buffer, offset, size, crcs[:3], column, block, FILE_ID, FILES)
