import numpy as np
import numpy.typing as npt
from typing_extensions import disjoint_base

from tablestore._native.chunk import Selection

@disjoint_base
class Chosen:
    @property
    def count(self) -> int: ...
    def __new__(cls, selection: Selection, index: npt.NDArray[np.uint32]) -> Chosen: ...
