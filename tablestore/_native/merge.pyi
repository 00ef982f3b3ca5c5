import numpy as np
from numpy.typing import NDArray

def merge_words(
    words: NDArray[np.uint64], run_end: NDArray[np.int64], rank: NDArray[np.uint64] | None = None
) -> NDArray[np.uint32]: ...
def merge_bytes(
    offsets: NDArray[np.int64],
    data: NDArray[np.uint8],
    run_end: NDArray[np.int64],
    rank: NDArray[np.uint64] | None = None,
) -> NDArray[np.uint32]: ...
def lower_bounds_bytes(
    offsets: NDArray[np.int64],
    data: NDArray[np.uint8],
    run_start: NDArray[np.int64],
    run_end: NDArray[np.int64],
    key: bytes | NDArray[np.uint8],
) -> NDArray[np.int64]: ...
def search_words(sorted: NDArray[np.uint64], probe: NDArray[np.uint64]) -> NDArray[np.int64]: ...
def search_bytes(
    offsets: NDArray[np.int64],
    data: NDArray[np.uint8],
    probe_offsets: NDArray[np.int64],
    probe_data: NDArray[np.uint8],
) -> NDArray[np.int64]: ...
