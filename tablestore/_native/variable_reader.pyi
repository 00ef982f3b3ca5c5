import numpy as np
import numpy.typing as npt

class TextOutput:
    def __init__(self, offsets: npt.NDArray[np.int32], capacity: int) -> None: ...
