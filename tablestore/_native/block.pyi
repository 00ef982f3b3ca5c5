import numpy as np
import numpy.typing as npt

from tablestore._native.block_writer import (
    _U8,
    _U32,
    _U64,
    encode_bits,
    encode_fixed,
    encode_variable,
    seal_nested,
)

__all__ = [
    "decode_bits",
    "decode_fixed",
    "decode_variable",
    "encode_bits",
    "encode_fixed",
    "encode_variable",
    "open_nested",
    "seal_nested",
]

def decode_fixed(
    buffer: _U8,
    offset: _U64,
    size: _U32,
    rows: _U32,
    skip: _U32,
    take: _U32,
    width: int,
    nullable: bool,
    check: int = 0,
    limit: int = 0,
    index: _U32 | None = None,
) -> tuple[_U8, _U8 | None, _U32]: ...
def decode_bits(
    buffer: _U8,
    offset: _U64,
    size: _U32,
    rows: _U32,
    skip: _U32,
    take: _U32,
    nullable: bool,
    index: _U32 | None = None,
) -> tuple[_U8, _U8 | None, _U32]: ...
def decode_variable(
    buffer: _U8,
    offset: _U64,
    size: _U32,
    rows: _U32,
    skip: _U32,
    take: _U32,
    raw_size: _U32 | None,
    nullable: bool,
    utf8: bool,
    index: _U32 | None = None,
) -> tuple[npt.NDArray[np.int32], _U8, _U8 | None, _U32]: ...
def open_nested(chunk: _U8) -> tuple[int, int, int, _U8 | None, _U32 | None, list[tuple[int, int]]]: ...
