"""Ranks of whole columns (spec §2.4), worked out plainly with numpy: what verification compares directories with."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tablestore.file.vector import Vector
from tablestore.types import HINT_DECIMAL, HINT_FLOAT32, HINT_FLOAT64, HINT_SIGNED

_SIGN = np.uint64(1 << 63)


def chunk_statistics(vector: Vector) -> tuple[int, int] | None:
    """Least and greatest rank of the non-null values; None where spec §7.6 has no statistics."""
    ranks = column_ranks(vector)
    if ranks is None:
        return None
    if vector.validity is not None:
        ranks = ranks[np.unpackbits(vector.validity, count=vector.length, bitorder="little").astype(bool)]
    if not len(ranks):
        return None
    return int(ranks.min()), int(ranks.max())


def column_ranks(vector: Vector) -> npt.NDArray[np.uint64] | None:
    """uint64[length]; None for nested columns and columns with NaN."""
    kind = vector.type
    if vector.nested is not None:
        return None
    if kind.kind == "bits":
        bits = np.unpackbits(vector.values, count=vector.length, bitorder="little")
        return bits.astype(np.uint64)
    if kind.kind == "variable":
        return _prefixes(vector.values, vector.offsets[:-1].astype(np.int64), np.diff(vector.offsets))
    if kind.hint in (HINT_FLOAT32, HINT_FLOAT64):
        return _float_ranks(vector)
    if kind.hint == HINT_DECIMAL:
        upper: npt.NDArray[np.uint64] = vector.values[: vector.length * 16].view("<u8")[1::2]
        return upper ^ _SIGN
    if kind.width in (1, 2, 4, 8) and kind.exact_rank:
        if kind.hint == HINT_SIGNED:
            return vector.typed(f"i{kind.width}").astype(np.int64).view(np.uint64) ^ _SIGN
        return vector.typed(f"u{kind.width}").astype(np.uint64)
    starts = np.arange(vector.length, dtype=np.int64) * kind.width
    return _prefixes(vector.values, starts, np.full(vector.length, kind.width))


def _float_ranks(vector: Vector) -> npt.NDArray[np.uint64] | None:
    values = vector.typed(f"f{vector.type.width}").astype(np.float64)
    present = np.ones(vector.length, bool)
    if vector.validity is not None:
        present = np.unpackbits(vector.validity, count=vector.length, bitorder="little").astype(bool)
    if np.isnan(values[present]).any():
        return None
    bits = (values + 0.0).view(np.uint64)
    return np.where(bits < _SIGN, bits + _SIGN, ~bits)


def _prefixes(
    data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], lengths: npt.NDArray[Any]
) -> npt.NDArray[np.uint64]:
    """The first eight bytes of every value, big-endian, padded with zero bytes."""
    padded = np.concatenate([data, np.zeros(8, np.uint8)])
    result = np.zeros(len(starts), np.uint64)
    for place in range(8):
        byte = padded[np.minimum(starts + place, len(padded) - 1)].astype(np.uint64)
        result |= np.where(lengths > place, byte, 0).astype(np.uint64) << np.uint64(56 - 8 * place)
    return result
