"""Ranges of many files in one call, read by the kernel and one by one: the same bytes and the same errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tablestore._native import reading
from tablestore.errors import FormatError, StorageError
from tablestore.storage import LocalStorage
from tablestore.storage.batch import read_batch
from tablestore.storage.faulty import FaultyStorage, ShortCalls

FILES = 70  # more than are held open at a time
SIZE = 500


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("batch")
    store = LocalStorage(root)
    for number in range(FILES):
        store.create(f"file-{number}", [contents(number)], durable=False)
    return root


def contents(number: int) -> bytes:
    return np.random.default_rng(number).integers(0, 256, SIZE, dtype=np.uint8).tobytes()


ranges = st.lists(
    st.tuples(st.integers(0, FILES - 1), st.integers(0, SIZE), st.integers(0, 40)).map(
        lambda r: (r[0], r[1], min(r[2], SIZE - r[1]))
    ),
    max_size=60,
)


@given(chosen=ranges, whole=st.sets(st.integers(0, FILES - 1)))
@settings(max_examples=60, deadline=None)
def test_ranges_come_one_after_another(
    directory: Path, chosen: list[tuple[int, int, int]], whole: set[int]
) -> None:
    chosen = sorted(chosen, key=lambda r: r[0])
    chosen += [(n, start + size, 5) for n, start, size in chosen[-1:] if start + size + 5 <= SIZE]
    file_of = np.array([n for n, _, _ in chosen], np.uint32)
    offset = np.array([start for _, start, _ in chosen], np.uint64)
    size = np.array([length for _, _, length in chosen], np.uint32)
    expected = b"".join(contents(n)[start : start + length] for n, start, length in chosen)
    for store in (LocalStorage(directory), FaultyStorage(directory, ShortCalls(3))):
        files = [
            np.frombuffer(contents(n), np.uint8) if n in whole else store.open(f"file-{n}")
            for n in range(FILES)
        ]
        target = np.zeros(len(expected), np.uint8)
        read_batch(files, file_of, offset, size, target)
        assert target.tobytes() == expected


@pytest.mark.parametrize("faulty", [False, True])
def test_a_file_that_ends_early_is_named(directory: Path, faulty: bool) -> None:
    store = FaultyStorage(directory, ShortCalls(1)) if faulty else LocalStorage(directory)
    files = [store.open("file-0"), store.open("file-1")]
    file_of = np.array([0, 1], np.uint32)
    with pytest.raises(FormatError) as caught:
        read_batch(
            files,
            file_of,
            np.array([0, 490], np.uint64),
            np.array([5, 20], np.uint32),
            np.zeros(25, np.uint8),
        )
    assert caught.value.code == "truncated"
    assert caught.value.file == "file-1"


def test_a_closed_file_is_refused(directory: Path) -> None:
    file = LocalStorage(directory).open("file-0")
    file.close()
    one = np.zeros(1, np.uint32)
    with pytest.raises(StorageError, match="closed"):
        read_batch([file], one, one.astype(np.uint64), one + 1, np.zeros(1, np.uint8))


def test_the_kernel_refuses_what_does_not_fit() -> None:
    one, place = np.ones(1, np.uint32), np.zeros(1, np.uint64)
    target = np.zeros(1, np.uint8)
    with pytest.raises(ValueError, match="of file 1 of 1"):
        reading.read_ranges([b"x"], one, place, one, target)
    with pytest.raises(ValueError, match="do not fill"):
        reading.read_ranges([b"x"], one - 1, place, one + 1, target)
    with pytest.raises(ValueError, match="length"):
        reading.read_ranges([b"x"], one, place, one[:0], target)
    assert reading.read_ranges([b"x"], one - 1, place, one, target) == -1
    assert target.tobytes() == b"x"
    assert reading.read_ranges([b"x"], one - 1, place + 1, one, target) == 0
    assert reading.read_ranges([b"x"], one - 1, place + (1 << 40), one, target) == 0
