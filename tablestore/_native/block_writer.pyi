from typing import TypeAlias

import numpy as np
import numpy.typing as npt

U8: TypeAlias = npt.NDArray[np.uint8]
U32: TypeAlias = npt.NDArray[np.uint32]
U64: TypeAlias = npt.NDArray[np.uint64]

# data, size, raw_size, nulls, minimum, maximum, flags
Encoded: TypeAlias = tuple[U8, U32, U32, U32, U64, U64, U8]

def encode_fixed(
    values: U8,
    width: int,
    validity: U8 | None,
    block_end: npt.NDArray[np.int64],
    hint: int,
    level: int,
    key: bool,
) -> Encoded: ...
def encode_bits(values: U8, validity: U8 | None, block_end: npt.NDArray[np.int64], level: int) -> Encoded: ...
def encode_variable(
    offsets: npt.NDArray[np.int32],
    data: U8,
    validity: U8 | None,
    block_end: npt.NDArray[np.int64],
    level: int,
    key: bool,
) -> Encoded: ...
def seal_nested(
    kind: int, width: int, rows: int, validity: U8 | None, lengths: U32 | None, children: list[bytes]
) -> bytes: ...
