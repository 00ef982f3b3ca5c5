"""Streams and their zstd frames (spec §4.3).

zstd is the one that the `zstandard` package brings. Frames are decompressed without the GIL by the C function behind
its cffi module; where that module does not load, and to compress, its Python objects are called. A frame's header and
extent are checked here before any memory is given to it.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_FromMemory

from tablestore._native.cursor cimport Cursor, fail, rest, take
from tablestore._native.sink cimport Sink, append, room

import threading

import zstandard

_LEVEL_MAX = 19  # its window is the 8 MiB that spec §4.3 allows

cdef uint32_t ZSTD_MAGIC = 0xFD2FB528
cdef uint64_t WINDOW_MAX = 8 << 20
cdef int PyBUF_READ_FLAG = 0x100

# zstandard's objects may not be shared between threads
cdef object _local = threading.local()


ctypedef size_t (*Decompress)(void* out, size_t capacity, const void* frame, size_t size) noexcept nogil

cdef Decompress decompress = NULL


cdef object _find_decompress():
    """Sets `decompress` to ZSTD_decompress; the module that it lives in is returned and must be kept."""
    global decompress
    try:
        from zstandard import _cffi
        address = int(_cffi.ffi.cast("uintptr_t", _cffi.ffi.addressof(_cffi.lib, "ZSTD_decompress")))
    except (ImportError, AttributeError):
        return None
    decompress = <Decompress><size_t>address
    return _cffi


cdef object _library = _find_decompress()


cdef object _decompressor():
    try:
        return _local.decompressor
    except AttributeError:
        _local.decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW_MAX)
        return _local.decompressor


cdef object _compressor(int level):
    try:
        compressors = _local.compressors
    except AttributeError:
        compressors = _local.compressors = {}
    found = compressors.get(level)
    if found is None:
        if not 1 <= level <= _LEVEL_MAX:
            raise ValueError(f"zstd level {level} is not in 1..{_LEVEL_MAX}")
        found = compressors[level] = zstandard.ZstdCompressor(
            level=level, write_content_size=True, write_checksum=False
        )
    return found


cdef int check_frame(const Cursor* cursor, uint64_t raw) except -1 nogil:
    """The frame header of RFC 8878 §3.1.1 at the cursor, against spec §4.3."""
    cdef const uint8_t* frame = cursor.at
    cdef size_t size = rest(cursor)
    cdef uint32_t magic
    cdef uint64_t content = 0, window
    cdef uint8_t descriptor, exponent
    cdef size_t at = 5, content_bytes
    cdef bint single
    if size < 6:
        fail(cursor.start, frame, b"bad-codec", b"4.3", b"not a zstd frame")
    memcpy(&magic, frame, 4)
    if magic != ZSTD_MAGIC:
        fail(cursor.start, frame, b"bad-codec", b"4.3", b"not a zstd frame")
    descriptor = frame[4]
    single = descriptor >> 5 & 1
    if descriptor & 0x08:
        fail(cursor.start, frame + 4, b"bad-codec", b"4.3", b"reserved bit in a zstd frame")
    if descriptor & 0x03:
        fail(cursor.start, frame + 4, b"bad-codec", b"4.3", b"zstd frame with a dictionary id")
    content_bytes = (<size_t>1 << (descriptor >> 6)) if descriptor >> 6 else (1 if single else 0)
    if content_bytes == 0:
        fail(cursor.start, frame + 4, b"bad-codec", b"4.3", b"zstd frame without content size")
    if size < at + (0 if single else 1) + content_bytes:
        fail(cursor.start, frame, b"bad-codec", b"4.3", b"zstd frame ends early")
    window = 0
    if not single:
        exponent = frame[at] >> 3
        window = <uint64_t>1 << (10 + exponent)
        window += (window >> 3) * (frame[at] & 7)
        at += 1
    memcpy(&content, frame + at, content_bytes)
    if content_bytes == 2:
        content += 256
    if single:
        window = content
    if content != raw:
        fail(cursor.start, frame + at, b"bad-codec", b"4.3", b"content size of a zstd frame differs from the raw size")
    if window > WINDOW_MAX:
        fail(cursor.start, frame + at, b"bad-codec", b"4.3", b"zstd window above 8 MiB")
    return 0


cdef bint is_one_frame(const uint8_t* frame, size_t size) noexcept nogil:
    """Whether the frame that begins here, its header checked, ends exactly at `size` (RFC 8878 §3.1.1)."""
    cdef uint8_t descriptor = frame[4]
    cdef bint single = descriptor >> 5 & 1, last = False
    cdef size_t content_bytes = (<size_t>1 << (descriptor >> 6)) if descriptor >> 6 else (1 if single else 0)
    cdef size_t at = 5 + (0 if single else 1) + content_bytes
    cdef uint32_t head
    while not last:
        if size - at < 3:
            return False
        head = frame[at] | <uint32_t>frame[at + 1] << 8 | <uint32_t>frame[at + 2] << 16
        last = head & 1
        at += 3
        head = 1 if (head >> 1 & 3) == 1 else head >> 3  # a run takes one byte
        if size - at < head:
            return False
        at += head
    return size - at == (4 if descriptor & 0x04 else 0)


cdef int inflate(Cursor* cursor, size_t raw, uint8_t* out) except -1 nogil:
    """Decompresses the rest of the cursor, one frame, into out[raw]."""
    cdef size_t stored = rest(cursor)
    cdef bint good = False
    if raw == 0:
        fail(cursor.start, cursor.at, b"bad-codec", b"4.3", b"an empty stream has no frame")
    check_frame(cursor, raw)
    if decompress != NULL:
        if not is_one_frame(cursor.at, stored) or decompress(out, raw, cursor.at, stored) != raw:
            fail(cursor.start, cursor.at, b"bad-codec", b"4.3", b"damaged zstd frame")
        cursor.at = cursor.end
        return 0
    with gil:
        frame = PyMemoryView_FromMemory(<char*>cursor.at, stored, PyBUF_READ_FLAG)
        try:
            data = _decompressor().decompress(
                frame, max_output_size=raw, read_across_frames=False, allow_extra_data=False
            )
            if PyBytes_GET_SIZE(data) == <Py_ssize_t>raw:
                memcpy(out, PyBytes_AS_STRING(data), raw)
                good = True
        except zstandard.ZstdError:
            pass
    if not good:
        fail(cursor.start, cursor.at, b"bad-codec", b"4.3", b"damaged zstd frame")
    cursor.at = cursor.end
    return 0


cdef int read_stream(Cursor* cursor, int codec, size_t raw, uint8_t* out) except -1 nogil:
    """The rest of the cursor, a stream of `raw` bytes, into out[raw]."""
    if codec == 1:
        return inflate(cursor, raw, out)
    memcpy(out, take(cursor, raw, b"4.3"), raw)
    return 0


cdef const uint8_t* take_stream(Cursor* cursor, int codec, size_t raw, Sink* scratch) except NULL nogil:
    """The stream's bytes: those of the chunk itself, or `scratch` for a zstd frame."""
    if codec == 0:
        return take(cursor, raw, b"4.3")
    inflate(cursor, raw, room(scratch, raw))
    return scratch.data


cdef int write_stream(Sink* sink, const uint8_t* data, size_t raw, int level, double keep) except -1 nogil:
    """Appends the stream; returns its codec. zstd is used when its frame takes at most `keep` of the raw size."""
    cdef size_t size
    if level > 0 and raw > 16:
        with gil:
            source = PyMemoryView_FromMemory(<char*>data, raw, PyBUF_READ_FLAG)
            frame = _compressor(level).compress(source)
            size = PyBytes_GET_SIZE(frame)
            if size <= <size_t>(keep * raw):
                append(sink, PyBytes_AS_STRING(frame), size)
                return 1
    append(sink, data, raw)
    return 0


cdef int would_pay(const uint8_t* data, size_t raw, int level) except -1 nogil:
    """Whether zstd saves at least 12 % of this sample."""
    cdef size_t size
    if level <= 0 or raw < 64:
        return 0
    with gil:
        source = PyMemoryView_FromMemory(<char*>data, raw, PyBUF_READ_FLAG)
        size = PyBytes_GET_SIZE(_compressor(level).compress(source))
    return size <= raw - raw * 12 // 100
