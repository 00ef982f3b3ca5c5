"""Spec §4.3: streams, stored as they are or as one zstd frame."""

from __future__ import annotations

import zstandard

from tablestore.reference.cursor import Cursor, reject

NONE, ZSTD = 0, 1
WINDOW_MAX = 8 * 1024 * 1024
_MAGIC = 0xFD2FB528
_CONTENT_SIZE_BYTES = (0, 2, 4, 8)


def read_stream(cursor: Cursor, codec: int, raw_size: int, section: str) -> bytes:
    """The stream that ends a node, decompressed; its raw size is known before."""
    if codec == NONE:
        return cursor.take(raw_size, "stream", section)
    start = cursor.offset
    if raw_size == 0:
        reject("bad-codec", "an empty stream is compressed", "4.3", start)
    return decompress(cursor.take(cursor.remaining, "stream", section), raw_size, start)


def decompress(frame: bytes, raw_size: int, offset: int) -> bytes:
    """The contents of exactly one zstd frame of `raw_size` bytes; anything else is `bad-codec`."""
    _check_frame_header(frame, raw_size, offset)
    try:
        decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW_MAX)
        raw: bytes = decompressor.decompress(frame, max_output_size=raw_size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        reject("bad-codec", f"a zstd frame does not decompress: {error}", "4.3", offset)
    if len(raw) != raw_size:
        reject("bad-codec", f"a zstd frame of {len(raw)} bytes, not {raw_size}", "4.3", offset)
    return raw


def compress(raw: bytes, level: int = 3) -> bytes:
    """One zstd frame with its content size."""
    frame: bytes = zstandard.ZstdCompressor(level=level, write_content_size=True).compress(raw)
    return frame


def _check_frame_header(frame: bytes, raw_size: int, offset: int) -> None:
    """Frame header of RFC 8878: magic, descriptor, [window descriptor], [dictionary id], content size."""
    if len(frame) < 6 or int.from_bytes(frame[:4], "little") != _MAGIC:
        reject("bad-codec", "not a zstd frame", "4.3", offset)
    descriptor = frame[4]
    single_segment = bool(descriptor & 0x20)
    size_bytes = _CONTENT_SIZE_BYTES[descriptor >> 6] or (1 if single_segment else 0)
    if descriptor & 0x08 or descriptor & 0x03 or size_bytes == 0:
        reject("bad-codec", "a zstd frame has a reserved bit, a dictionary id or no size", "4.3", offset)
    position = 5 if single_segment else 6
    if len(frame) < position + size_bytes:
        reject("bad-codec", "a zstd frame ends in its header", "4.3", offset)
    content = int.from_bytes(frame[position : position + size_bytes], "little")
    content += 256 if size_bytes == 2 else 0
    exponent, mantissa = frame[5] >> 3, frame[5] & 7
    window = content if single_segment else (1 << (10 + exponent)) // 8 * (8 + mantissa)
    if content != raw_size or window > WINDOW_MAX:
        reject("bad-codec", f"a zstd frame of {content} bytes with a window of {window}", "4.3", offset)
