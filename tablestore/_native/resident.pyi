import numpy as np
from numpy.typing import NDArray

_Keys = NDArray[np.uint64] | tuple[NDArray[np.int64], NDArray[np.uint8]]
_File = tuple[_Keys, NDArray[np.uint8] | None, NDArray[np.uint8] | None, int]
_Part = tuple[NDArray[np.uint8], NDArray[np.int32] | None, NDArray[np.uint8] | None, int]
_Rows = tuple[NDArray[np.int32], NDArray[np.uint32]]
_Taken = tuple[NDArray[np.uint8], NDArray[np.int32] | None, NDArray[np.uint8] | None]

class Newest:
    def __init__(self, files: list[_File], start: NDArray[np.int64]) -> None: ...
    def find_words(
        self, probes: NDArray[np.uint64], hashes: NDArray[np.uint64], bucket: NDArray[np.uint32]
    ) -> _Rows: ...
    def find_bytes(
        self,
        offsets: NDArray[np.int64],
        data: NDArray[np.uint8],
        hashes: NDArray[np.uint64],
        bucket: NDArray[np.uint32],
    ) -> _Rows: ...

class Columns:
    def __init__(self, kind: str, width: int, parts: list[_Part]) -> None: ...
    def take(self, file: NDArray[np.int32], row: NDArray[np.uint32]) -> _Taken: ...
