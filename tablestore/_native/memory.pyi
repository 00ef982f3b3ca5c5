from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import disjoint_base

@disjoint_base
class Memory: ...

def empty(count: int, kind: type[np.generic]) -> npt.NDArray[Any]: ...
def release() -> int: ...
