from typing import Self

import numpy as np
import numpy.typing as npt
from typing_extensions import disjoint_base

@disjoint_base
class TextOutput:
    def __new__(cls, offsets: npt.NDArray[np.int32] | None = None, capacity: int = 0) -> Self: ...
