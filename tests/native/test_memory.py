"""Memory that goes round: arrays never share bytes while they live, and what is kept stays within its limit."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from tablestore._native import memory

KEPT_MAX = 64 << 20


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    memory.release()


def address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


@pytest.mark.parametrize("count", [0, 1, 1000, 131_072, 1_000_003, 40_000_000])
@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.uint64])
def test_an_array_is_writable_and_of_the_size_asked_for(count: int, kind: type[np.generic]) -> None:
    array = memory.empty(count // np.dtype(kind).itemsize, kind)
    assert array.dtype == kind
    assert len(array) == count // np.dtype(kind).itemsize
    array[:] = 7
    assert np.all(array == 7)


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        memory.empty(-1, np.uint8)


def test_memory_is_used_again_only_when_nothing_refers_to_it() -> None:
    array = memory.empty(1 << 20, np.uint8)
    place = address(array)
    part = array[10:20]
    part[:] = 3
    del array
    other = memory.empty(1 << 20, np.uint8)
    assert address(other) != place
    other[:] = 9
    assert np.all(part == 3)
    del part
    assert address(memory.empty(1 << 20, np.uint8)) == place


def test_a_piece_is_not_wasted_on_something_much_smaller() -> None:
    place = address(memory.empty(8 << 20, np.uint8))
    small = memory.empty(1 << 20, np.uint8)
    assert not place <= address(small) < place + (8 << 20)


def test_what_is_kept_stays_within_the_limit_and_the_oldest_goes_first() -> None:
    arrays = [memory.empty(3 << 20, np.uint8) for _ in range(40)]
    arrays[-1][:] = 1
    newest = address(arrays[-1])
    while arrays:
        arrays.pop(0)
    assert address(memory.empty(3 << 20, np.uint8)) == newest
    assert 0 < memory.release() <= KEPT_MAX
    assert memory.release() == 0


def test_many_small_pieces_stay_within_the_limit() -> None:
    arrays = [memory.empty(200_000, np.uint8) for _ in range(500)]
    del arrays
    assert 0 < memory.release() <= KEPT_MAX


def test_random_use_by_threads_never_mixes_arrays_up() -> None:
    wrong: list[int] = []

    def use(seed: int) -> None:
        random = np.random.default_rng(seed)
        held: list[tuple[np.ndarray, int]] = []
        for _ in range(300):
            if held and random.random() < 0.5:
                array, mark = held.pop(int(random.integers(len(held))))
                if array[0] != mark or array[-1] != mark:
                    wrong.append(mark)
                del array
            array = memory.empty(int(random.integers(100_000, 400_000)), np.uint8)
            mark = int(random.integers(256))
            array[0] = array[-1] = mark
            held.append((array, mark))
            held = held[-8:]

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
