from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from _typeshed import ReadableBuffer as Buffer

def read_ranges(
    files: Sequence[int | Buffer],
    file_of: npt.NDArray[np.uint32],
    offset: npt.NDArray[np.uint64],
    size: npt.NDArray[np.uint32],
    target: npt.NDArray[np.uint8],
) -> int: ...
