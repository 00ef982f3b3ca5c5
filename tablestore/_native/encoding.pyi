from typing import Any

import numpy as np
import numpy.typing as npt

def encode_node(
    values: Any,
    class_: str,
    width: int,
    encoding: int = -1,
    *,
    rows: int | None = None,
    level: int = 0,
    hint: int = 0,
    key: bool = False,
    bundle: int = 16,
    exponent: int | None = None,
    factor: int | None = None,
) -> bytes: ...
def decode_node(data: bytes | npt.NDArray[np.uint8], class_: str, width: int, n: int) -> Any: ...
