"""Values, chunks and damage that the tests of encodings and blocks share."""

from __future__ import annotations

import numpy as np

from tablestore._native import block
from tablestore.errors import FormatError

SIZES = [1, 2, 63, 64, 65, 1023, 1024, 1025, 8192, 65536]
INTEGERS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
SHAPES = ["equal", "full", "sorted", "small", "runs", "few", "step", "bits"]

# codes of Appendix A that damaged chunk bytes may lead to
CODES = {
    "bad-codec",
    "bad-dictionary",
    "bad-encoding",
    "bad-exception",
    "bad-parameter",
    "bad-prefix",
    "bad-run",
    "bad-symbol",
    "bad-value",
    "bad-width",
    "bad-zero",
    "count-mismatch",
    "invalid-utf8",
    "length-sum",
    "limit-exceeded",
    "null-in-required",
    "schema-mismatch",
    "size-mismatch",
    "truncated",
}


def integers(dtype: type[np.generic], shape: str, count: int, seed: int = 0) -> np.ndarray:
    """`count` integers whose best encoding depends on `shape`."""
    rng = np.random.default_rng(seed)
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    full = rng.integers(low, high, count, dtype=dtype, endpoint=True)
    if shape == "equal":
        return np.full(count, full[0], dtype)
    if shape == "sorted":
        return np.sort(full)
    if shape == "small":
        return rng.integers(0, 50, count).astype(dtype)
    if shape == "runs":
        return np.repeat(full, 30)[:count]
    if shape == "few":
        return rng.choice(full[:5], count)
    if shape == "step":
        return (np.arange(count, dtype=np.uint64) * np.uint64(3)).astype(dtype)
    if shape == "bits":  # every vector has its own width
        width = np.repeat(rng.integers(0, high.bit_length(), count // 1024 + 1), 1024)[:count]
        return (full.astype(np.uint64) & ((np.uint64(1) << width.astype(np.uint64)) - np.uint64(1))).astype(
            dtype
        )
    return full


def strings(shape: str, count: int, seed: int = 0) -> list[bytes]:
    rng = np.random.default_rng(seed)
    numbers = rng.integers(0, 10**9, count)
    if shape == "equal":
        return [b"the same"] * count
    if shape == "empty":
        return [b""] * count
    if shape == "few":
        words = ["engineering", "x", "", "a word of more than sixteen bytes", "größe", "東京"]
        return [words[i % 6].encode() for i in numbers]
    if shape == "sorted":
        return sorted(f"user_{i:09d}".encode() for i in numbers)
    if shape == "wide":
        return [f"{i:0{i % 70}d}".encode() for i in numbers]
    if shape == "text":
        return [f"näme {i % 997} von {i:x}".encode() for i in numbers]
    return [str(i).encode() for i in numbers]


TEXTS = ["equal", "empty", "few", "sorted", "wide", "text", "digits"]


def arrow(values: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """offsets and data"""
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum([len(value) for value in values], out=offsets[1:])
    return offsets, np.frombuffer(b"".join(values), np.uint8)


def bitmap(bits: np.ndarray) -> np.ndarray:
    return np.packbits(bits.astype(bool), bitorder="little")


def ends(count: int, rows: int) -> np.ndarray:
    return np.minimum(np.arange(rows, count + rows, rows), count).astype(np.int64)


class Column:
    """An encoded column and the arrays that a decoder wants."""

    def __init__(self, encoded: tuple[np.ndarray, ...], block_end: np.ndarray) -> None:
        self.data, self.size, self.raw_size, self.nulls, self.minimum, self.maximum, self.flags = encoded
        self.rows = np.diff(block_end, prepend=0).astype(np.uint32)
        self.offset = np.cumsum(self.size, dtype=np.uint64) - self.size
        self.skip = np.zeros(len(self.rows), np.uint32)
        self.take = self.rows

    def places(self) -> tuple[np.ndarray, ...]:
        return self.data, self.offset, self.size, self.rows, self.skip, self.take

    def fixed(self, width: int, nullable: bool = True, check: int = 0, limit: int = 0):
        return block.decode_fixed(*self.places(), width, nullable, check, limit)

    def bits(self, nullable: bool = True):
        return block.decode_bits(*self.places(), nullable)

    def variable(self, utf8: bool = True, nullable: bool = True, told: bool = True):
        return block.decode_variable(*self.places(), self.raw_size if told else None, nullable, utf8)


def outcome(decode, *arguments):
    """The result, or the code of the FormatError; any other exception is the test's failure."""
    try:
        return decode(*arguments)
    except FormatError as caught:
        error = caught
    assert error.code in CODES, error
    assert error.section is not None
    assert error.offset is not None
    assert error.offset >= 0
    return error.code


NULLS = ["none", "all", "first", "last", "half", "rare", "blocks"]


def present(pattern: str, count: int) -> np.ndarray:
    """bool[count], False = null"""
    rng = np.random.default_rng(count)
    out = np.ones(count, bool)
    if pattern == "all":
        out[:] = False
    elif pattern == "first":
        out[: count // 3 + 1] = False
    elif pattern == "last":
        out[-1] = False
    elif pattern == "half":
        out = rng.random(count) < 0.5
    elif pattern == "rare":
        out[rng.integers(0, count, count // 500 + 1)] = False
    elif pattern == "blocks":
        out = np.arange(count) // 700 % 2 == 0
    return out


def fixed(
    values: np.ndarray, valid: np.ndarray | None = None, *, rows: int = 8192, hint: int = 0, **options
) -> Column:
    count, width = len(values), values.nbytes // len(values)
    bytes_ = np.ascontiguousarray(values).view(np.uint8).ravel()
    validity = None if valid is None else bitmap(valid)
    stops = ends(count, rows)
    level, key = options.get("level", 1), options.get("key", False)
    return Column(block.encode_fixed(bytes_, width, validity, stops, hint, level, key), stops)


def bits(values: np.ndarray, valid: np.ndarray | None = None, rows: int = 8192) -> Column:
    stops = ends(len(values), rows)
    return Column(
        block.encode_bits(bitmap(values), None if valid is None else bitmap(valid), stops, 1), stops
    )


def variable(
    values: list[bytes],
    valid: np.ndarray | None = None,
    *,
    rows: int = 8192,
    level: int = 1,
    key: bool = False,
):
    stops = ends(len(values), rows)
    offsets, data = arrow(values)
    validity = None if valid is None else bitmap(valid)
    return Column(block.encode_variable(offsets, data, validity, stops, level, key), stops)


def selections(column: Column, seed: int) -> list[np.ndarray]:
    """Sets skip and take at random; returns the chosen rows of the whole column."""
    rng = np.random.default_rng(seed)
    column.skip = np.array([rng.integers(0, rows + 1) for rows in column.rows], np.uint32)
    column.take = np.array(
        [rng.integers(0, r - s + 1) for r, s in zip(column.rows, column.skip, strict=True)], np.uint32
    )
    start = np.cumsum(column.rows.astype(np.int64)) - column.rows
    return np.concatenate(
        [np.arange(a + s, a + s + t) for a, s, t in zip(start, column.skip, column.take, strict=True)]
    ).astype(np.int64)


def raw_column(chunk: bytes, rows: int) -> Column:
    data = np.frombuffer(chunk, np.uint8)
    one = np.ones(1, np.uint32)
    zero = np.zeros(1, np.uint64)
    return Column(
        (data, one * np.uint32(len(chunk)), one, one, zero, zero, one.astype(np.uint8)), np.array([rows])
    )


DOUBLES = {
    "money": lambda rng, n: np.round(rng.uniform(-1e6, 1e6, n), 2),
    "whole": lambda rng, n: rng.integers(-1000, 1000, n).astype(np.float64),
    "noise": lambda rng, n: rng.standard_normal(n),
    "mixed": lambda rng, n: np.where(
        rng.random(n) < 0.02, rng.standard_normal(n), np.round(rng.random(n), 3)
    ),
    "large": lambda rng, n: rng.integers(0, 2**63 - 1, n).astype(np.float64) * 1e30,
    "special": lambda rng, n: rng.choice(
        np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1.5, 5e-324, 1.7e308]), n
    ),
    "edge": lambda rng, n: rng.choice(
        np.array([2.0**51, -(2.0**51), 2.0**51 - 1, 2.0**51 - 0.25, 2.0**52, 0.5]), n
    ),
}
