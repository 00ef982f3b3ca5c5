"""Lookups in decoded files that stay in memory: checked when they are handed over, asked any number of times."""

import numpy as np

from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from tablestore._native.view cimport (
    bytes_into, bytes_of, signed32_into, signed32_of, signed64_of, unsigned32_into, unsigned32_of, unsigned64_of,
)

from tablestore.errors import FormatError, LimitExceededError


cdef extern from "machine.h" nogil:
    uint32_t ts_load32(const void* source)

cdef extern from "keys.h" nogil:
    ctypedef struct ts_keys:
        const int64_t* offsets
        const uint8_t* data
        const uint8_t* end
    int ts_offsets_valid(const int64_t* offsets, size_t rows, size_t data_size)

cdef extern from "bloom.h" nogil:
    const size_t TS_FILTER_HEAD
    const size_t TS_FILTER_BLOCK

cdef extern from "resident.h" nogil:
    const uint32_t TS_NO_PLACE
    ctypedef struct ts_resident_file:
        const uint64_t* words
        ts_keys keys
        size_t rows
        const uint8_t* filter
        uint32_t filter_blocks
        const uint8_t* deleted
        uint32_t place
    ctypedef struct ts_resident_column:
        const uint8_t* values
        const int32_t* offsets
        const uint8_t* validity
        size_t rows
    void ts_newest_words(const ts_resident_file* files, const int64_t* start, const uint64_t* hashes,
                         const uint32_t* bucket, const uint64_t* probes, size_t count, int32_t* out_file,
                         uint32_t* out_row)
    void ts_newest_keys(const ts_resident_file* files, const int64_t* start, const uint64_t* hashes,
                        const uint32_t* bucket, const ts_keys* probes, size_t count, int32_t* out_file,
                        uint32_t* out_row)
    int ts_resident_rows_exist(const ts_resident_column* columns, size_t files, const int32_t* file,
                               const uint32_t* row, size_t count)
    void ts_take_resident_fixed(const ts_resident_column* columns, size_t width, const int32_t* file,
                                const uint32_t* row, size_t count, uint8_t* out)
    size_t ts_take_resident_bits(const ts_resident_column* columns, int validity, const int32_t* file,
                                 const uint32_t* row, size_t count, uint8_t* out)
    int64_t ts_take_resident_lengths(const ts_resident_column* columns, const int32_t* file, const uint32_t* row,
                                     size_t count, int32_t* out_offsets)
    void ts_take_resident_values(const ts_resident_column* columns, const int32_t* file, const uint32_t* row,
                                 size_t count, const int32_t* out_offsets, uint8_t* out)


cdef int bind_keys(ts_keys* keys, const int64_t[::1] offsets, const uint8_t[::1] data) except -1:
    cdef size_t size = <size_t>data.shape[0]
    if offsets.shape[0] < 1:
        raise ValueError("offsets must have at least one entry")
    keys.offsets = signed64_of(offsets)
    keys.data = bytes_of(data)
    keys.end = keys.data + size
    if not ts_offsets_valid(keys.offsets, <size_t>offsets.shape[0] - 1, size):
        raise ValueError("offsets must ascend and stay inside the data")
    return 0


cdef class Newest:
    """The files of all buckets, those of bucket b at [start[b], start[b + 1]); those of one place side by side, newest
    first.

    files: (keys, section, deleted, place) each. keys: ascending, uint64[n] or a pair of offsets int64[n + 1] and
    bytes, the same for all files. section: a filter (spec §6.2) that `bloom.check` has seen, None: any key may be
    there. deleted: uint8[n], 1 for deletes, or None. All are kept and must not change.
    """

    cdef ts_resident_file* _files
    cdef Py_ssize_t _count
    cdef bint _words
    cdef const int64_t[::1] _start
    cdef list _owners

    def __cinit__(self, list files not None, const int64_t[::1] start not None):
        cdef Py_ssize_t f
        cdef int64_t before = 0
        self._owners = [files, start]
        self._start = start
        self._count = len(files)
        self._files = <ts_resident_file*>calloc(self._count + 1, sizeof(ts_resident_file))
        if self._files == NULL:
            raise MemoryError
        for f in range(start.shape[0]):
            if start[f] < before or start[f] > self._count:
                raise ValueError("starts ascend up to the number of files")
            before = start[f]
        self._words = self._count > 0 and not isinstance(files[0][0], tuple)
        for f in range(self._count):
            keys, section, deleted, place = files[f]
            self._bind(&self._files[f], keys, section, deleted, place)

    def __dealloc__(self):
        free(self._files)

    cdef int _bind(self, ts_resident_file* file, keys, section, deleted, uint32_t place) except -1:
        cdef const uint64_t[::1] words
        cdef const uint8_t[::1] bits
        if isinstance(keys, tuple) == self._words:
            raise ValueError("keys of all files are of one form")
        if self._words:
            words = keys
            file.words = unsigned64_of(words)
            file.rows = <size_t>words.shape[0]
        else:
            bind_keys(&file.keys, keys[0], keys[1])
            file.rows = <size_t>(len(keys[0]) - 1)
        if section is not None:
            bits = section
            file.filter = bytes_of(bits)
            if <size_t>bits.shape[0] >= TS_FILTER_HEAD:
                file.filter_blocks = ts_load32(file.filter)
            if not file.filter_blocks or \
                    <size_t>bits.shape[0] != TS_FILTER_HEAD + TS_FILTER_BLOCK * <size_t>file.filter_blocks:
                raise FormatError("a filter of a wrong size", code="bad-filter", offset=0, section="6.2")
        if deleted is not None:
            bits = deleted
            if <size_t>bits.shape[0] != file.rows:
                raise ValueError(f"{bits.shape[0]} marks of deletes for {file.rows} rows")
            file.deleted = bytes_of(bits)
        if place == TS_NO_PLACE:
            raise ValueError("too many places")
        file.place = place
        return 0

    cdef int _check(self, const uint64_t[::1] hashes, const uint32_t[::1] bucket, Py_ssize_t count) except -1:
        cdef Py_ssize_t i
        cdef uint32_t most = 0
        if hashes.shape[0] != count or bucket.shape[0] != count:
            raise ValueError(f"{count} probes, {hashes.shape[0]} hashes, {bucket.shape[0]} buckets")
        for i in range(count):
            most = max(most, bucket[i])
        if count and <Py_ssize_t>most + 1 >= self._start.shape[0]:
            raise ValueError(f"bucket {most} of {self._start.shape[0] - 1}")
        return 0

    def find_words(self, const uint64_t[::1] probes not None, const uint64_t[::1] hashes not None,
                   const uint32_t[::1] bucket not None):
        """(file int32[m], row uint32[m]) of the newest row of each probe; file -1: none, or deleted."""
        cdef size_t count = <size_t>probes.shape[0]
        self._check(hashes, bucket, probes.shape[0])
        if self._count and not self._words:
            raise ValueError("the files hold keys of bytes")
        file, row = np.empty(probes.shape[0], np.int32), np.empty(probes.shape[0], np.uint32)
        cdef int32_t[::1] file_view = file
        cdef uint32_t[::1] row_view = row
        cdef int32_t* out_file = signed32_into(file_view)
        cdef uint32_t* out_row = unsigned32_into(row_view)
        cdef const int64_t* start = signed64_of(self._start)
        cdef const uint64_t* hashed = unsigned64_of(hashes)
        cdef const uint32_t* buckets = unsigned32_of(bucket)
        cdef const uint64_t* words = unsigned64_of(probes)
        with nogil:
            ts_newest_words(self._files, start, hashed, buckets, words, count, out_file, out_row)
        return file, row

    def find_bytes(self, const int64_t[::1] offsets not None, const uint8_t[::1] data not None,
                   const uint64_t[::1] hashes not None, const uint32_t[::1] bucket not None):
        """Like find_words for keys of any length."""
        cdef ts_keys probes
        bind_keys(&probes, offsets, data)
        cdef Py_ssize_t rows = offsets.shape[0] - 1
        cdef size_t count = <size_t>rows
        self._check(hashes, bucket, rows)
        if self._count and self._words:
            raise ValueError("the files hold keys of words")
        file, row = np.empty(rows, np.int32), np.empty(rows, np.uint32)
        cdef int32_t[::1] file_view = file
        cdef uint32_t[::1] row_view = row
        cdef int32_t* out_file = signed32_into(file_view)
        cdef uint32_t* out_row = unsigned32_into(row_view)
        cdef const int64_t* start = signed64_of(self._start)
        cdef const uint64_t* hashed = unsigned64_of(hashes)
        cdef const uint32_t* buckets = unsigned32_of(bucket)
        with nogil:
            ts_newest_keys(self._files, start, hashed, buckets, &probes, count, out_file, out_row)
        return file, row


cdef class Columns:
    """One column of all files.

    kind: "fixed" (of `width` bytes), "bits" or "variable". parts: (values, offsets, validity, rows) each, in Arrow's
    layout as in file/vector.py. All are kept and must not change.
    """

    cdef ts_resident_column* _parts
    cdef Py_ssize_t _count
    cdef size_t _width
    cdef str _kind
    cdef bint _nulls
    cdef list _owners

    def __cinit__(self, str kind not None, Py_ssize_t width, list parts not None):
        cdef Py_ssize_t f
        if kind not in ("fixed", "bits", "variable"):
            raise ValueError(f"a column of kind {kind!r}")
        if kind == "fixed" and width < 1:
            raise ValueError(f"a row has at least one byte, not {width}")
        self._owners = parts
        self._kind = kind
        self._width = <size_t>width
        self._count = len(parts)
        self._parts = <ts_resident_column*>calloc(self._count + 1, sizeof(ts_resident_column))
        if self._parts == NULL:
            raise MemoryError
        for f in range(self._count):
            values, offsets, validity, rows = parts[f]
            self._bind(&self._parts[f], values, offsets, validity, rows)

    def __dealloc__(self):
        free(self._parts)

    cdef int _bind(self, ts_resident_column* part, const uint8_t[::1] values, const int32_t[::1] offsets,
                   const uint8_t[::1] validity, Py_ssize_t rows) except -1:
        cdef Py_ssize_t i, least = (rows + 7) // 8
        cdef int32_t before = 0
        if rows < 0:
            raise ValueError("fewer than no rows")
        if validity is not None:
            if validity.shape[0] < least:
                raise ValueError("the validity is too short")
            self._nulls = True
        if self._kind == "variable":
            if offsets is None or offsets.shape[0] != rows + 1:
                raise ValueError(f"{rows} values have {rows + 1} offsets")
            for i in range(rows + 1):
                if offsets[i] < before:
                    raise ValueError("offsets must ascend and stay inside the data")
                before = offsets[i]
            least = before
        elif self._kind == "fixed":
            least = rows * <Py_ssize_t>self._width
        if values.shape[0] < least:
            raise ValueError("the values are too short")
        part.values = bytes_of(values)
        part.offsets = signed32_of(offsets)
        part.validity = bytes_of(validity)
        part.rows = <size_t>rows
        return 0

    def take(self, const int32_t[::1] file not None, const uint32_t[::1] row not None):
        """(values uint8[], offsets int32[m + 1] or None, validity uint8[] or None) of some rows of some files.

        Errors: ValueError for a row that there is not, LimitExceededError for more than 2^31 - 1 bytes.
        """
        cdef size_t count = <size_t>file.shape[0]
        cdef const int32_t* files = signed32_of(file)
        cdef const uint32_t* rows = unsigned32_of(row)
        if row.shape[0] != file.shape[0]:
            raise ValueError(f"{file.shape[0]} files and {row.shape[0]} rows")
        if not ts_resident_rows_exist(self._parts, <size_t>self._count, files, rows, count):
            raise ValueError("a file or a row is out of range")
        validity = self._bits(True, files, rows, count) if self._nulls else None
        if self._kind == "bits":
            return self._bits(False, files, rows, count), None, validity
        if self._kind == "variable":
            values, offsets = self._texts(files, rows, count)
            return values, offsets, validity
        values = np.empty(file.shape[0] * <Py_ssize_t>self._width, np.uint8)
        cdef uint8_t[::1] view = values
        cdef uint8_t* out = bytes_into(view)
        with nogil:
            ts_take_resident_fixed(self._parts, self._width, files, rows, count, out)
        return values, None, validity

    cdef _bits(self, bint validity, const int32_t* file, const uint32_t* row, size_t count):
        bits = np.zeros((count + 7) // 8, np.uint8)
        cdef uint8_t[::1] view = bits
        cdef size_t unset = ts_take_resident_bits(self._parts, validity, file, row, count, bytes_into(view))
        return None if validity and not unset else bits

    cdef _texts(self, const int32_t* file, const uint32_t* row, size_t count):
        offsets = np.empty(count + 1, np.int32)
        cdef int32_t[::1] offset_view = offsets
        cdef int32_t* places = signed32_into(offset_view)
        cdef int64_t needed
        with nogil:
            needed = ts_take_resident_lengths(self._parts, file, row, count, places)
        if needed > INT32_MAX:
            raise LimitExceededError(
                "the values taken exceed 2^31 - 1 bytes", code="limit-exceeded", section="0.5"
            )
        values = np.empty(needed, np.uint8)
        cdef uint8_t[::1] view = values
        cdef uint8_t* out = bytes_into(view)
        with nogil:
            ts_take_resident_values(self._parts, file, row, count, places, out)
        return values, offsets
