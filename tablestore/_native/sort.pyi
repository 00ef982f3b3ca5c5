import numpy as np
from numpy.typing import NDArray

def sort_words(
    words: NDArray[np.uint64],
    group: NDArray[np.uint32] | None = None,
    groups: int = 1,
    rank: NDArray[np.uint64] | None = None,
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]: ...
def sort_bytes(
    offsets: NDArray[np.int64],
    data: NDArray[np.uint8],
    group: NDArray[np.uint32] | None = None,
    groups: int = 1,
    rank: NDArray[np.uint64] | None = None,
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]: ...
