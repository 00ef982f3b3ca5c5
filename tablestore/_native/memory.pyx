"""Arrays for columns on their way, in memory that goes round: fresh pages cost more to touch than to compute into."""

import numpy as np

from cpython.buffer cimport PyBuffer_FillInfo
from libc.stdlib cimport free, malloc

cdef enum:
    LEAST = 131072            # smaller arrays are numpy's own
    GREATEST = 33554432       # larger ones too
    HELD_MAX = 67108864       # bytes that are kept for arrays to come
    COUNT_MAX = 64            # and in how many pieces
    GRAIN = 65536

cdef extern from *:
    """
    #include <stdint.h>
    #include <sys/mman.h>
    #define PAGE_BYTES 4096
    /* Large pages for what is large, where the system has them on request: fewer faults. */
    static void prefer_large_pages(void *data, size_t size) {
    #ifdef MADV_HUGEPAGE
        const size_t skip = PAGE_BYTES - (uintptr_t)data % PAGE_BYTES;
        if (size >= (size_t)1 << 22)
            madvise((char *)data + skip, (size - skip) / PAGE_BYTES * PAGE_BYTES, MADV_HUGEPAGE);
    #endif
    }
    """
    void prefer_large_pages(void* data, size_t size) noexcept nogil

cdef struct Piece:
    void* data
    size_t size

# Only touched by holders of the interpreter lock. The piece given back last lies last.
cdef Piece[COUNT_MAX] idle
cdef size_t idle_count = 0
cdef size_t idle_bytes = 0


cdef class Memory:
    """Bytes of one array; kept for another one when nothing refers to them any more."""
    cdef Piece piece
    cdef Py_ssize_t length

    def __getbuffer__(self, Py_buffer* view, int flags):
        PyBuffer_FillInfo(view, self, self.piece.data, self.length, 0, flags)

    def __dealloc__(self):
        put_back(&self.piece)


cdef int put_back(Piece* piece) noexcept:
    """Keep a piece; older ones give way to it."""
    global idle_count, idle_bytes
    if piece.data == NULL:
        return 0
    while idle_count and (idle_count == COUNT_MAX or idle_bytes + piece.size > HELD_MAX):
        free(idle[0].data)
        remove_idle(0)
    idle[idle_count] = piece[0]
    idle_count += 1
    idle_bytes += piece.size
    return 0


cdef int remove_idle(size_t place) noexcept:
    global idle_count, idle_bytes
    idle_count -= 1
    idle_bytes -= idle[place].size
    while place < idle_count:
        idle[place] = idle[place + 1]
        place += 1
    return 0


cdef bint find_idle(size_t size, Piece* found) noexcept:
    """The smallest kept piece of at least `size` bytes, unless a quarter of it would lie waste."""
    cdef size_t place, best = COUNT_MAX
    for place in range(idle_count):
        if size <= idle[place].size <= size + size // 4 + GRAIN:
            if best == COUNT_MAX or idle[place].size <= idle[best].size:
                best = place
    if best == COUNT_MAX:
        return False
    found[0] = idle[best]
    remove_idle(best)
    return True


def empty(Py_ssize_t count, kind):
    """An array of `count` values of the numpy type `kind`, anything in it: np.empty but for where it comes from."""
    cdef Py_ssize_t width = np.dtype(kind).itemsize
    cdef size_t size = <size_t>(count * width) if count > 0 else 0
    cdef Memory memory
    if size < LEAST or size > GREATEST:
        return np.empty(count, kind)
    memory = Memory()
    if not find_idle(size, &memory.piece):
        size = (size + GRAIN - 1) // GRAIN * GRAIN
        memory.piece.data = malloc(size)
        if memory.piece.data == NULL:
            raise MemoryError
        memory.piece.size = size
        prefer_large_pages(memory.piece.data, size)
    memory.length = count * width
    return np.frombuffer(memory, kind)


def release():
    """Give kept memory back to the system; bytes that were kept."""
    cdef size_t before = idle_bytes
    while idle_count:
        free(idle[idle_count - 1].data)
        remove_idle(idle_count - 1)
    return before
