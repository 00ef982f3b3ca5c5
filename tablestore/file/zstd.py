"""One zstd frame of known raw size (spec §4.3), checked before a byte is decompressed."""

from __future__ import annotations

import zstandard

from tablestore.errors import FormatError

WINDOW_MAX = 8 * 1024 * 1024


def decompress(stored: bytes, raw_size: int) -> bytes:
    """The frame's contents. FormatError `bad-codec` for anything but one plain frame of `raw_size` bytes."""
    try:
        frame = zstandard.get_frame_parameters(stored)
        if frame.content_size != raw_size or frame.dict_id or frame.window_size > max(WINDOW_MAX, 1024):
            raise FormatError("the zstd frame is not as declared", code="bad-codec", offset=0, section="4.3")
        raw = zstandard.ZstdDecompressor().decompress(stored, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise FormatError(f"zstd: {error}", code="bad-codec", offset=0, section="4.3") from None
    if len(raw) != raw_size:
        raise FormatError("the zstd frame is not as declared", code="bad-codec", offset=0, section="4.3")
    return raw
