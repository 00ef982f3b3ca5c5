"""Ranges of open files into one buffer, in one call. Only `storage` calls this: it knows what the files are."""

from libc.errno cimport EINTR, errno
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from tablestore._native.cursor cimport bytes_at

cdef extern from "<unistd.h>" nogil:
    ssize_t pread(int descriptor, void* target, size_t size, long long offset)

cdef struct Source:
    int descriptor           # -1: `data` holds the whole file
    const uint8_t* data
    uint64_t size


cdef size_t touching(const uint32_t[::1] file_of, const uint64_t[::1] offset, const uint32_t[::1] size, size_t first,
                     uint64_t* total) noexcept nogil:
    """One past the last of the ranges from `first` on that lie side by side in one file, and their bytes."""
    cdef size_t k = first, count = file_of.shape[0]
    total[0] = 0
    while k < count and file_of[k] == file_of[first] and offset[k] == offset[first] + total[0]:
        total[0] += size[k]
        k += 1
    return k


cdef int read_whole(int descriptor, uint8_t* target, uint64_t size, uint64_t offset) noexcept nogil:
    """0, or -1 where the file ends early or cannot be read."""
    cdef ssize_t count
    while size:
        count = pread(descriptor, target, size, <long long>offset)
        if count < 0:
            if errno == EINTR:
                continue
            return -1
        if count == 0:
            return -1
        target += count
        offset += count
        size -= count
    return 0


def read_ranges(
    list files not None, const uint32_t[::1] file_of not None, const uint64_t[::1] offset not None,
    const uint32_t[::1] size not None, uint8_t[::1] target not None,
):
    """Fills `target` with ranges of `files`, one range after another; those that touch are read in one call.

    files: descriptors, or the bytes of whole files. Returns -1, or the number of a range that could not be read or lies
    beyond its file's end. A read that a signal interrupts goes on.
    """
    cdef size_t k, stop, count = file_of.shape[0], known = len(files)
    cdef uint64_t total = 0, room = target.shape[0]
    cdef const uint8_t[::1] view
    cdef list views = []
    cdef Source* source
    cdef Source* sources
    cdef uint8_t* out = <uint8_t*>bytes_at(target)
    cdef int outcome = 0
    if not offset.shape[0] == size.shape[0] == file_of.shape[0]:
        raise ValueError("file_of, offset and size differ in length")
    for k in range(count):
        if file_of[k] >= known:
            raise ValueError(f"range {k} is of file {file_of[k]} of {known}")
        total += size[k]
    if total != room:
        raise ValueError(f"ranges of {total} bytes do not fill {room}")
    sources = <Source*>malloc((known + 1) * sizeof(Source))
    if sources == NULL:
        raise MemoryError
    try:
        for k in range(known):
            sources[k].descriptor = -1
            if isinstance(files[k], int):
                sources[k].descriptor = files[k]
                continue
            view = files[k]
            views.append(view)
            sources[k].data = bytes_at(view)
            sources[k].size = view.shape[0]
        k = 0
        with nogil:
            while k < count:
                stop = touching(file_of, offset, size, k, &total)
                source = &sources[file_of[k]]
                if source.descriptor >= 0:
                    outcome = read_whole(source.descriptor, out, total, offset[k])
                elif offset[k] > source.size or total > source.size - offset[k]:
                    outcome = -1
                elif total:
                    memcpy(out, source.data + offset[k], total)
                if outcome:
                    break
                out += total
                k = stop
    finally:
        free(sources)
    return -1 if outcome == 0 else k
