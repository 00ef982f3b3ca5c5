from typing import Self

import numpy as np
import numpy.typing as npt
from typing_extensions import disjoint_base

@disjoint_base
class Selection:
    @property
    def count(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def rows_max(self) -> int: ...
    def __new__(
        cls,
        buffer: npt.NDArray[np.uint8],
        offset: npt.NDArray[np.uint64],
        size: npt.NDArray[np.uint32],
        rows: npt.NDArray[np.uint32],
        skip: npt.NDArray[np.uint32],
        take: npt.NDArray[np.uint32],
    ) -> Self: ...

@disjoint_base
class ValidityOutput:
    def __new__(cls, chunks: int, rows: int, nullable: bool) -> Self: ...
