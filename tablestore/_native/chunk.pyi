import numpy as np
import numpy.typing as npt

class Selection:
    @property
    def count(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def rows_max(self) -> int: ...
    def __init__(
        self,
        buffer: npt.NDArray[np.uint8],
        offset: npt.NDArray[np.uint64],
        size: npt.NDArray[np.uint32],
        rows: npt.NDArray[np.uint32],
        skip: npt.NDArray[np.uint32],
        take: npt.NDArray[np.uint32],
    ) -> None: ...

class ValidityOutput:
    def __init__(self, selection: Selection, nullable: bool) -> None: ...
