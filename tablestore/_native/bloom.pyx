"""Split-block Bloom filter sections (spec ch. 6)."""

import numpy as np

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from tablestore._native.view cimport bytes_into, bytes_of, unsigned64_of

from tablestore.errors import FormatError, LimitExceededError


cdef extern from "machine.h" nogil:
    uint32_t ts_load32(const void* source)

cdef extern from "bloom.h" nogil:
    const size_t TS_FILTER_HEAD
    const size_t TS_FILTER_BLOCK
    void ts_filter_build(uint8_t* section, uint32_t blocks, const uint64_t* hashes, size_t count)
    void ts_filter_probe(
        const uint8_t* section, uint32_t blocks, const uint64_t* hashes, size_t count, uint8_t* out
    )
    bint ts_filter_is_empty(const uint8_t* section, size_t size)


def build(const uint64_t[::1] hashes not None, int bits_per_key):
    """uint8[]: the whole section over the key hashes; empty (no section) if bits_per_key is 0.

    Errors: ValueError for bits_per_key outside 0 to 256, LimitExceededError for more than 2^32 - 1 filter
    blocks.
    """
    if not 0 <= bits_per_key <= 256:
        raise ValueError(f"bits_per_key must be 0 to 256, not {bits_per_key}")
    if bits_per_key == 0:
        return np.empty(0, np.uint8)
    keys = hashes.shape[0]
    blocks = max(1, -(-keys * bits_per_key // 256))
    if blocks > 0xFFFFFFFF:
        raise LimitExceededError(
            f"{keys} keys need too many filter blocks", code="limit-exceeded", section="6.2"
        )
    size = TS_FILTER_HEAD + TS_FILTER_BLOCK * blocks
    # filter blocks begin at a cache line, so that none lies on two
    room = np.zeros(size + 64, np.uint8)
    start = -(room.ctypes.data + TS_FILTER_HEAD) % 64
    section = room[start : start + size]
    section[:8] = np.array([blocks, keys & 0xFFFFFFFF], "<u4").view(np.uint8)
    cdef uint8_t[::1] view = section
    cdef uint8_t* target = bytes_into(view)
    cdef const uint64_t* source = unsigned64_of(hashes)
    cdef uint32_t block_count = blocks
    cdef size_t count = keys
    with nogil:
        ts_filter_build(target, block_count, source, count)
    return section


cdef uint32_t _block_count(const uint8_t[::1] section) except? 0:
    cdef size_t size = <size_t>section.shape[0]
    cdef uint32_t blocks = 0
    if size >= TS_FILTER_HEAD:
        blocks = ts_load32(bytes_of(section))
    if blocks == 0 or size != TS_FILTER_HEAD + TS_FILTER_BLOCK * <size_t>blocks:
        raise FormatError(
            f"a filter of {blocks} blocks in a section of {size} bytes",
            code="bad-filter",
            offset=0,
            section="6.2",
        )
    return blocks


def probe(const uint8_t[::1] section not None, const uint64_t[::1] hashes not None):
    """uint8[m]: an answer for each hash.

    1 where the key may be present, 0 where it is not. Errors: FormatError bad-filter for a wrong size.
    """
    cdef uint32_t blocks = _block_count(section)
    cdef size_t count = <size_t>hashes.shape[0]
    result = np.empty(hashes.shape[0], np.uint8)
    cdef uint8_t[::1] view = result
    cdef uint8_t* out = bytes_into(view)
    cdef const uint8_t* source = bytes_of(section)
    cdef const uint64_t* keys = unsigned64_of(hashes)
    with nogil:
        ts_filter_probe(source, blocks, keys, count, out)
    return result


def check(const uint8_t[::1] section not None):
    """Rejects a section of a wrong size, or of a file with rows whose filter has no bit set (spec §6.5)."""
    _block_count(section)
    cdef const uint8_t* source = bytes_of(section)
    cdef size_t size = <size_t>section.shape[0]
    cdef bint empty
    with nogil:
        empty = ts_filter_is_empty(source, size)
    if empty:
        raise FormatError(
            "no bit is set in any filter block", code="bad-filter", offset=TS_FILTER_HEAD, section="6.5"
        )
