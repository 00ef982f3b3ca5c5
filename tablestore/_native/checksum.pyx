"""CRC-32C of bytes, and of chunks in their context (spec §1.2)."""

import numpy as np

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from tablestore._native.cursor cimport bytes_at

cdef extern from "crc32c.h" nogil:
    void crc32c_prepare()
    uint32_t crc32c_extend(uint32_t value, const uint8_t* data, size_t size)
    uint32_t crc32c_by_table(uint32_t crc, const uint8_t* data, size_t size)

crc32c_prepare()


def crc32c(const uint8_t[::1] data not None, uint32_t value=0):
    """crc32c of `data`; `value` is the crc32c of bytes that come before, or 0."""
    cdef const uint8_t* start = bytes_at(data)
    cdef size_t size = data.shape[0]
    with nogil:
        value = crc32c_extend(value, start, size)
    return value


def crc32c_portable(const uint8_t[::1] data not None):
    """crc32c by tables alone, as on processors without the instruction."""
    return ~crc32c_by_table(0xFFFFFFFF, bytes_at(data), data.shape[0]) & 0xFFFFFFFF


cdef uint32_t in_context(const uint8_t* file_id, uint32_t column, uint32_t block, const uint8_t* stored,
                         size_t size) noexcept nogil:
    cdef uint8_t[24] head
    memcpy(head, file_id, 16)
    memcpy(&head[16], &column, 4)
    memcpy(&head[20], &block, 4)
    return crc32c_extend(crc32c_extend(0, head, 24), stored, size)


def context_crc(
    const uint8_t[::1] file_id not None, uint32_t column, uint32_t block, const uint8_t[::1] stored not None
):
    """crc32c(file_id[16] ‖ u32 column ‖ u32 block ‖ stored)."""
    check_file_id(file_id)
    cdef uint32_t crc
    cdef const uint8_t* start = bytes_at(stored)
    cdef size_t size = stored.shape[0]
    with nogil:
        crc = in_context(&file_id[0], column, block, start, size)
    return crc


cdef int check_file_id(const uint8_t[::1] file_id) except -1:
    if file_id.shape[0] != 16:
        raise ValueError("a file id has 16 bytes")
    return 0


def verify_chunks(
    const uint8_t[::1] buffer not None, const uint64_t[::1] offset not None, const uint32_t[::1] size not None,
    const uint32_t[::1] crc not None, const uint32_t[::1] column not None, const uint32_t[::1] block not None,
    const uint8_t[::1] file_ids not None, const uint32_t[::1] file_of not None,
):
    """Index of the first chunk whose stored bytes do not have its crc, or -1.

    Chunk k is of the file whose id is file_ids[16 * file_of[k]:].
    """
    cdef size_t k = 0, count = check_places(buffer, offset, size, column, block, file_ids[:16])
    if <size_t>crc.shape[0] != count or <size_t>file_of.shape[0] != count:
        raise ValueError("crc, file_of and offset differ in length")
    for k in range(count):
        if 16 * (<uint64_t>file_of[k] + 1) > <uint64_t>file_ids.shape[0]:
            raise ValueError(f"no file {file_of[k]}")
    cdef const uint8_t* start = bytes_at(buffer)
    k = 0
    with nogil:
        while k < count and in_context(
            &file_ids[16 * <size_t>file_of[k]], column[k], block[k], start + offset[k], size[k]
        ) == crc[k]:
            k += 1
    return k if k < count else -1


def chunk_crcs(
    const uint8_t[::1] buffer not None, const uint64_t[::1] offset not None, const uint32_t[::1] size not None,
    const uint32_t[::1] column not None, const uint32_t[::1] block not None, const uint8_t[::1] file_id not None,
):
    """context_crc of every chunk: u32[k]."""
    cdef size_t k, count = check_places(buffer, offset, size, column, block, file_id)
    crcs = np.empty(count, np.uint32)
    cdef uint32_t[::1] out = crcs
    cdef const uint8_t* start = bytes_at(buffer)
    with nogil:
        for k in range(count):
            out[k] = in_context(&file_id[0], column[k], block[k], start + offset[k], size[k])
    return crcs


cdef size_t check_places(const uint8_t[::1] buffer, const uint64_t[::1] offset, const uint32_t[::1] size,
                         const uint32_t[::1] column, const uint32_t[::1] block, const uint8_t[::1] file_id) except? 0:
    """The number of chunks, all inside the buffer."""
    cdef size_t k, count = offset.shape[0]
    check_file_id(file_id)
    if not size.shape[0] == column.shape[0] == block.shape[0] == offset.shape[0]:
        raise ValueError("offset, size, column and block differ in length")
    for k in range(count):
        if offset[k] > <uint64_t>buffer.shape[0] or size[k] > <uint64_t>buffer.shape[0] - offset[k]:
            raise ValueError(f"chunk {k} is not inside the buffer")
    return count
