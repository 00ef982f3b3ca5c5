"""Spec chapter 6: the split-block Bloom filter."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from tablestore.reference.cursor import Cursor, reject

SALTS = (0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31)
WORDS = 8
BLOCK_BYTES = 32


def build(hashes: Sequence[int], bits_per_key: int) -> bytes:
    """The filter section of the key hashes (spec §6.4)."""
    blocks = max(1, -(-len(hashes) * bits_per_key // 256))
    words = [0] * (WORDS * blocks)
    for key_hash in hashes:
        first = WORDS * block_of(key_hash, blocks)
        for index, bit in enumerate(bits_of(key_hash)):
            words[first + index] |= 1 << bit
    return struct.pack(f"<II{len(words)}I", blocks, len(hashes) % 2**32, *words)


def check_size(size: int, keys: int, bits_per_key: int, offset: int) -> None:
    """A file's filter has the size that its number of keys asks for (spec §6.5)."""
    blocks = max(1, -(-keys * bits_per_key // 256))
    if size != (8 + BLOCK_BYTES * blocks if bits_per_key else 0):
        reject("bad-filter", f"a filter of {size} bytes", "6.5", offset)


def may_contain(words: Sequence[int], key_hash: int) -> bool:
    """Whether all eight bits of the hash are set (spec §6.3)."""
    first = WORDS * block_of(key_hash, len(words) // WORDS)
    return all(words[first + index] >> bit & 1 for index, bit in enumerate(bits_of(key_hash)))


def block_of(key_hash: int, blocks: int) -> int:
    return ((key_hash % 2**32) * blocks) >> 32


def bits_of(key_hash: int) -> list[int]:
    high = key_hash >> 32
    return [(high * salt % 2**32) >> 27 for salt in SALTS]


def decode_filter(cursor: Cursor, *, has_rows: bool = True) -> list[int]:
    """The words of the filter section that fills the cursor (spec §6.2, §6.5)."""
    start = cursor.offset
    if cursor.remaining < 8:
        reject("bad-filter", f"a filter of {cursor.remaining} bytes", "6.2", start)
    blocks = cursor.unsigned(4, "blocks", "6.2")
    cursor.unsigned(4, "keys", "6.2")
    if blocks == 0 or cursor.remaining != BLOCK_BYTES * blocks:
        reject("bad-filter", f"{blocks} blocks in {cursor.remaining} bytes", "6.2", start)
    words = cursor.array(WORDS * blocks, 4, "data", "6.2")
    if has_rows and not any(words):
        reject("bad-filter", "a filter without any key in a file with rows", "6.5", start)
    return words
