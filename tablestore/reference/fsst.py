"""Spec §4.14: symbols, and codes that stand for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tablestore.reference.cursor import Cursor, reject

SYMBOL_BYTES_MAX = 8
SYMBOLS_MAX = 255
ESCAPE = 255


def read_symbols(cursor: Cursor) -> list[bytes]:
    """The symbols of a node, by their codes."""
    start = cursor.offset
    counts = cursor.array(SYMBOL_BYTES_MAX, 1, "symbols", "4.14")
    if sum(counts) > SYMBOLS_MAX:
        reject("bad-symbol", f"{sum(counts)} symbols", "4.14", start)
    sizes = [size for size, count in enumerate(counts, 1) for _ in range(count)]
    return [cursor.take(size, f"symbol[{code}]", "4.14") for code, size in enumerate(sizes)]


def read_bundle(cursor: Cursor, symbols: Sequence[bytes], code_size: int, raw_size: int, name: str) -> bytes:
    """The `raw_size` bytes that the next `code_size` bytes stand for."""
    start = cursor.offset
    codes = iter(cursor.take(code_size, name, "4.14"))
    raw = b""
    for code in codes:
        if code < len(symbols):
            raw += symbols[code]
            continue
        literal = next(codes, None) if code == ESCAPE else None
        if literal is None:
            reject("bad-symbol", f"code {code} with {len(symbols)} symbols", "4.14", start)
        raw += bytes((literal,))
    if len(raw) != raw_size:
        reject("bad-symbol", f"codes of {len(raw)} bytes for {raw_size}", "4.14", start)
    return raw


def choose_symbols(values: Sequence[bytes]) -> list[bytes]:
    """A few pieces of the values that come often, in the order in which a node lists them."""
    pieces = Counter(
        value[at : at + size]
        for value in values
        for size in (1, 2, 4, 8)
        for at in range(len(value) - size + 1)
    )
    worth = sorted(pieces, key=lambda piece: (-pieces[piece] * len(piece), piece))
    return sorted(worth[:40], key=lambda piece: (len(piece), piece))


def write_symbols(symbols: Sequence[bytes]) -> bytes:
    """Numbers of symbols of each size, and their bytes; the symbols are in ascending order of their sizes."""
    sizes = Counter(len(symbol) for symbol in symbols)
    return bytes(sizes[size] for size in range(1, SYMBOL_BYTES_MAX + 1)) + b"".join(symbols)


def write_codes(raw: bytes, symbols: Sequence[bytes]) -> bytes:
    """Codes for the bytes of a bundle: of the longest symbol that fits, escapes elsewhere."""
    longest_first = sorted(range(len(symbols)), key=lambda code: -len(symbols[code]))
    codes = b""
    at = 0
    while at < len(raw):
        code = next((code for code in longest_first if raw.startswith(symbols[code], at)), ESCAPE)
        codes += bytes((code,)) if code != ESCAPE else bytes((ESCAPE, raw[at]))
        at += len(symbols[code]) if code != ESCAPE else 1
    return codes
