"""Spec chapter 1 from the published algorithms: checksum, hash, identifiers; limits of spec §0.5."""

from __future__ import annotations

import re

from tablestore.reference.cursor import reject

# spec §0.5
BLOCK_ROWS_MAX = 65_536
CHUNK_BYTES_MAX = 33_554_432
CHUNK_RAW_MAX = 33_554_432
CHILD_ROWS_MAX = 33_554_432
COLUMNS_MAX = 4_096
BLOCKS_MAX = 4_194_304
SECTION_RAW_MAX = 536_870_912
KEY_BYTES_MAX = 65_536
VALUE_BYTES_MAX = 16_777_216
DEPTH_MAX = 32
JSON_BYTES_MAX = 16_777_216
COMMITTERS_MAX = 100_000
MANIFESTS_MAX = 10_000
INT64_MIN = -(2**63)
UINT64_MAX = 2**64 - 1

# spec §1.2: `block` of a section whose `column` is SECTION
SECTION = 0xFFFFFFFF
DIRECTORY, PROPERTIES, FILTER = 1, 2, 3

_CRC_POLYNOMIAL = 0x82F63B78
_PRIME_1 = 0x9E3779B185EBCA87
_PRIME_2 = 0xC2B2AE3D27D4EB4F
_PRIME_3 = 0x165667B19E3779F9
_PRIME_4 = 0x85EBCA77C2B2AE63
_PRIME_5 = 0x27D4EB2F165667C5

_IDENTIFIER = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{16}")


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (_CRC_POLYNOMIAL if byte & 1 else 0)
        table.append(byte)
    return table


_CRC_TABLE = _crc_table()


def crc32c(data: bytes, value: int = 0) -> int:
    """CRC-32C of the bytes (spec §1.2); `value` is the checksum of what came before."""
    crc = value ^ 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def context_crc(file_id: bytes, column: int, block: int, stored: bytes) -> int:
    """Checksum of stored bytes bound to their file and place (spec §1.2)."""
    return crc32c(file_id + column.to_bytes(4, "little") + block.to_bytes(4, "little") + stored)


def hash64(data: bytes) -> int:
    """XXH64 with seed 0 (spec §1.3)."""
    position = 0
    if len(data) >= 32:
        lanes = [_add(_PRIME_1, _PRIME_2), _PRIME_2, 0, _add(0, -_PRIME_1)]
        while position + 32 <= len(data):
            for lane in range(4):
                lanes[lane] = _round(lanes[lane], _word(data, position + 8 * lane, 8))
            position += 32
        state = 0
        for lane, shift in zip(lanes, (1, 7, 12, 18), strict=True):
            state = _add(state, _rotate(lane, shift))
        for lane in lanes:
            state = _add(_multiply(state ^ _round(0, lane), _PRIME_1), _PRIME_4)
    else:
        state = _PRIME_5
    state = _add(state, len(data))
    while position + 8 <= len(data):
        state ^= _round(0, _word(data, position, 8))
        state = _add(_multiply(_rotate(state, 27), _PRIME_1), _PRIME_4)
        position += 8
    if position + 4 <= len(data):
        state ^= _multiply(_word(data, position, 4), _PRIME_1)
        state = _add(_multiply(_rotate(state, 23), _PRIME_2), _PRIME_3)
        position += 4
    for byte in data[position:]:
        state = _multiply(_rotate(state ^ _multiply(byte, _PRIME_5), 11), _PRIME_1)
    state = _multiply(state ^ (state >> 33), _PRIME_2)
    state = _multiply(state ^ (state >> 29), _PRIME_3)
    return state ^ (state >> 32)


def identifier(text: str, code: str, name: str) -> bytes:
    """The 16 bytes of an identifier written as 32 lower-case hexadecimal digits (spec §1.4), else `code`."""
    if _IDENTIFIER.fullmatch(text) is None:
        reject(code, f"{name} is not 32 lower-case hexadecimal digits", "1.4")
    return bytes.fromhex(text)


def digest(text: str, code: str, name: str) -> int:
    """The digest written as 16 lower-case hexadecimal digits (spec §1.3), else `code`."""
    if _DIGEST.fullmatch(text) is None:
        reject(code, f"{name} is not 16 lower-case hexadecimal digits", "1.3")
    return int(text, 16)


def _word(data: bytes, position: int, size: int) -> int:
    return int.from_bytes(data[position : position + size], "little")


def _add(left: int, right: int) -> int:
    return (left + right) & UINT64_MAX


def _multiply(left: int, right: int) -> int:
    return (left * right) & UINT64_MAX


def _rotate(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & UINT64_MAX


def _round(state: int, word: int) -> int:
    return _multiply(_rotate(_add(state, _multiply(word, _PRIME_2)), 31), _PRIME_1)
