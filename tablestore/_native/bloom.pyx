"""Split-block Bloom filter sections (spec ch. 6)."""

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from tablestore._native.view cimport bytes_into, bytes_of, signed64_of, unsigned32_into, unsigned64_of

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
    bint ts_filter_may_hold(const uint8_t* section, uint32_t blocks, uint64_t hash)
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


cdef class Filters:
    """The filter sections of several files, asked together. None stands for a file without one, which may hold any key.

    sections: checked by `check`; kept alive and never to change. Errors: FormatError bad-filter for a wrong size.
    """

    cdef const uint8_t** _section
    cdef uint32_t* _blocks
    cdef readonly Py_ssize_t count
    cdef list _owners

    def __cinit__(self, list sections not None):
        cdef const uint8_t[::1] view
        cdef Py_ssize_t f
        self.count = len(sections)
        self._owners = []
        self._section = <const uint8_t**>calloc(self.count + 1, sizeof(uint8_t*))
        self._blocks = <uint32_t*>calloc(self.count + 1, sizeof(uint32_t))
        if self._section == NULL or self._blocks == NULL:
            raise MemoryError
        for f in range(self.count):
            if sections[f] is not None:
                view = sections[f]
                self._blocks[f] = _block_count(view)
                self._section[f] = bytes_of(view)
                self._owners.append(view.base)

    def __dealloc__(self):
        free(self._section)
        free(self._blocks)

    def next(self, uint64_t hashed, Py_ssize_t start=0):
        """The first file from `start` on that may hold a key, or -1."""
        cdef Py_ssize_t f
        for f in range(max(start, 0), self.count):
            if self._section[f] == NULL or ts_filter_may_hold(self._section[f], self._blocks[f], hashed):
                return f
        return -1

    def candidates(
        self, const uint64_t[::1] hashes not None, const int64_t[::1] low not None, const int64_t[::1] high not None
    ):
        """(probe uint32[m], file uint32[m]): which files may hold which of the keys, by probe, then by file.

        File f is asked for the probes [low[f], high[f]) only.
        """
        cdef Py_ssize_t f, count = hashes.shape[0]
        cdef size_t room = 0, asked
        if low.shape[0] != self.count or high.shape[0] != self.count:
            raise ValueError(f"{self.count} files need as many ranges of probes")
        for f in range(self.count):
            if not 0 <= low[f] <= max(low[f], high[f]) <= count:
                raise ValueError(f"the range of file {f} is outside the {count} probes")
            room += <size_t>max(high[f] - low[f], 0)
        cdef uint8_t* answers = <uint8_t*>calloc(room + 1, 1)
        cdef int64_t* places = <int64_t*>calloc(<size_t>count + 1, sizeof(int64_t))
        cdef const uint64_t* keys = unsigned64_of(hashes)
        cdef const int64_t* lows = signed64_of(low)
        cdef const int64_t* highs = signed64_of(high)
        cdef uint32_t[::1] view
        cdef uint32_t* probes
        cdef uint32_t* files
        try:
            if answers == NULL or places == NULL:
                raise MemoryError
            with nogil:
                asked = self._ask(keys, lows, highs, <size_t>count, answers, places)
            probe = np.empty(asked, np.uint32)
            file = np.empty(asked, np.uint32)
            view = probe
            probes = unsigned32_into(view)
            view = file
            files = unsigned32_into(view)
            with nogil:
                self._collect(lows, highs, answers, places, probes, files)
        finally:
            free(answers)
            free(places)
        return probe, file

    cdef size_t _ask(self, const uint64_t* keys, const int64_t* low, const int64_t* high, size_t count,
                     uint8_t* answers, int64_t* places) noexcept nogil:
        """An answer for every file and probe, file by file; places[p] becomes the number of answers before probe p."""
        cdef Py_ssize_t f
        cdef size_t i, size, total = 0, found
        for f in range(self.count):
            if high[f] <= low[f]:
                continue
            size = <size_t>(high[f] - low[f])
            if self._section[f] == NULL:
                for i in range(size):
                    answers[i] = 1
            else:
                ts_filter_probe(self._section[f], self._blocks[f], keys + low[f], size, answers)
            for i in range(size):
                places[<size_t>low[f] + i] += answers[i]
            answers += size
        for i in range(count):
            found = <size_t>places[i]
            places[i] = <int64_t>total
            total += found
        return total

    cdef void _collect(self, const int64_t* low, const int64_t* high, const uint8_t* answers, int64_t* places,
                       uint32_t* probes, uint32_t* files) noexcept nogil:
        cdef Py_ssize_t f
        cdef int64_t p
        for f in range(self.count):
            for p in range(low[f], high[f]):
                if answers[0]:
                    probes[places[p]] = <uint32_t>p
                    files[places[p]] = <uint32_t>f
                    places[p] += 1
                answers += 1
