"""Zstd frames that a reader must refuse (spec §4.3): bombs, and frames of a kind that the format does not use."""

from __future__ import annotations

import struct
from functools import cache

import zstandard

MAGIC = b"\x28\xb5\x2f\xfd"


@cache
def zeros(size: int) -> bytes:
    """An honest frame of `size` zero bytes; the window stays within 8 MiB."""
    parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=20)
    compressor = zstandard.ZstdCompressor(compression_params=parameters)
    chunker = compressor.chunker(size=size, chunk_size=1 << 20)
    block = bytes(1 << 20)
    parts = []
    for _ in range(size >> 20):
        parts.extend(chunker.compress(block))
    parts.extend(chunker.finish())
    return b"".join(parts)


def without_size(raw: bytes) -> bytes:
    """A frame that does not say how large its content is."""
    return zstandard.ZstdCompressor(write_content_size=False).compress(raw)


def two_frames(raw: bytes) -> bytes:
    """The content in two frames."""
    compressor = zstandard.ZstdCompressor()
    half = len(raw) // 2
    return compressor.compress(raw[:half]) + compressor.compress(raw[half:])


def after_skippable(raw: bytes) -> bytes:
    """A skippable frame before the content."""
    return struct.pack("<II", 0x184D2A50, 4) + b"skip" + zstandard.ZstdCompressor().compress(raw)


def with_dictionary(raw: bytes) -> bytes:
    """A frame that names a dictionary."""
    dictionary = zstandard.ZstdCompressionDict(b"tablestore" * 100, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    frame = zstandard.ZstdCompressor(dict_data=dictionary).compress(raw)
    if zstandard.get_frame_parameters(frame).dict_id:
        return frame
    # A raw dictionary has id 0 and is not named: put a one-byte dictionary id into the header by hand.
    head = 5 if frame[4] & 0x20 else 6
    return frame[:4] + bytes([frame[4] | 1]) + frame[5:head] + b"\x07" + frame[head:]


def wide_window(raw: bytes) -> bytes:
    """A frame whose window is 2 GiB, in one raw block."""
    descriptor = 0x80  # content size in four bytes, a window descriptor follows
    window = (31 - 10) << 3
    block = struct.pack("<I", len(raw) << 3 | 1)[:3] + raw
    return MAGIC + bytes([descriptor, window]) + struct.pack("<I", len(raw)) + block


def false_size(raw: bytes) -> bytes:
    """A frame that states more bytes than it holds."""
    block = struct.pack("<I", len(raw) << 3 | 1)[:3] + raw
    return MAGIC + bytes([0xA0]) + struct.pack("<I", len(raw) + 100) + block
