"""A growable byte array outside Python's heap, usable without the GIL: output of encoders, scratch of decoders."""

from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

cdef struct Sink:
    uint8_t* data
    size_t size
    size_t capacity


cdef inline int reserve(Sink* sink, size_t extra) except -1 nogil:
    """Makes room for `extra` bytes after the present ones, and 64 more that kernels may overwrite."""
    cdef size_t needed = sink.size + extra + 64
    cdef size_t capacity
    cdef uint8_t* data
    if needed > sink.capacity:
        capacity = max(needed, sink.capacity * 2)
        data = <uint8_t*>realloc(sink.data, capacity)
        if data == NULL:
            with gil:
                raise MemoryError("no memory for a chunk")
        sink.data = data
        sink.capacity = capacity
    return 0


cdef inline uint8_t* room(Sink* sink, size_t size) except NULL nogil:
    """Scratch of `size` bytes (and 64 more); what it held before is gone."""
    sink.size = 0
    reserve(sink, size)
    return sink.data


cdef inline int append(Sink* sink, const void* data, size_t size) except -1 nogil:
    reserve(sink, size)
    memcpy(sink.data + sink.size, data, size)
    sink.size += size
    return 0


cdef inline int append_u32(Sink* sink, uint32_t value) except -1 nogil:
    return append(sink, &value, 4)


cdef inline void release(Sink* sink) noexcept nogil:
    free(sink.data)
    sink.data = NULL
    sink.size = sink.capacity = 0
