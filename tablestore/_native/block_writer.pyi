from typing import TypeAlias

import numpy as np
import numpy.typing as npt

_U8: TypeAlias = npt.NDArray[np.uint8]
_U32: TypeAlias = npt.NDArray[np.uint32]
_U64: TypeAlias = npt.NDArray[np.uint64]

# data, size, raw_size, nulls, minimum, maximum, flags
_Encoded: TypeAlias = tuple[_U8, _U32, _U32, _U32, _U64, _U64, _U8]

def encode_fixed(
    values: _U8,
    width: int,
    validity: _U8 | None,
    block_end: npt.NDArray[np.int64],
    hint: int,
    level: int,
    key: bool,
) -> _Encoded: ...
def encode_bits(
    values: _U8, validity: _U8 | None, block_end: npt.NDArray[np.int64], level: int
) -> _Encoded: ...
def encode_variable(
    offsets: npt.NDArray[np.int32],
    data: _U8,
    validity: _U8 | None,
    block_end: npt.NDArray[np.int64],
    level: int,
    key: bool,
) -> _Encoded: ...
def seal_nested(
    kind: int, width: int, rows: int, validity: _U8 | None, lengths: _U32 | None, children: list[bytes]
) -> bytes: ...
