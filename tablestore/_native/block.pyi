import numpy as np
import numpy.typing as npt

from tablestore._native.block_writer import (
    U8,
    U32,
    U64,
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
    buffer: U8,
    offset: U64,
    size: U32,
    rows: U32,
    skip: U32,
    take: U32,
    width: int,
    nullable: bool,
    check: int = 0,
    limit: int = 0,
) -> tuple[U8, U8 | None, U32]: ...
def decode_bits(
    buffer: U8, offset: U64, size: U32, rows: U32, skip: U32, take: U32, nullable: bool
) -> tuple[U8, U8 | None, U32]: ...
def decode_variable(
    buffer: U8,
    offset: U64,
    size: U32,
    rows: U32,
    skip: U32,
    take: U32,
    raw_size: U32 | None,
    nullable: bool,
    utf8: bool,
) -> tuple[npt.NDArray[np.int32], U8, U8 | None, U32]: ...
def open_nested(chunk: U8) -> tuple[int, int, int, U8 | None, U32 | None, list[tuple[int, int]]]: ...
