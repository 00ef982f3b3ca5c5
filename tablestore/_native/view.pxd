"""Addresses of memoryviews: an empty view has no first element, and debug builds refuse its address."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t


cdef inline const uint8_t* bytes_of(const uint8_t[::1] view) noexcept:
    return &view[0] if view is not None and view.shape[0] else NULL


cdef inline const int32_t* signed32_of(const int32_t[::1] view) noexcept:
    return &view[0] if view is not None and view.shape[0] else NULL


cdef inline const int64_t* signed64_of(const int64_t[::1] view) noexcept:
    return &view[0] if view is not None and view.shape[0] else NULL


cdef inline const uint32_t* unsigned32_of(const uint32_t[::1] view) noexcept:
    return &view[0] if view is not None and view.shape[0] else NULL


cdef inline const uint64_t* unsigned64_of(const uint64_t[::1] view) noexcept:
    return &view[0] if view is not None and view.shape[0] else NULL


cdef inline uint8_t* bytes_into(uint8_t[::1] view) noexcept:
    return &view[0] if view.shape[0] else NULL


cdef inline int32_t* signed32_into(int32_t[::1] view) noexcept:
    return &view[0] if view.shape[0] else NULL


cdef inline int64_t* signed64_into(int64_t[::1] view) noexcept:
    return &view[0] if view.shape[0] else NULL


cdef inline uint32_t* unsigned32_into(uint32_t[::1] view) noexcept:
    return &view[0] if view.shape[0] else NULL


cdef inline uint64_t* unsigned64_into(uint64_t[::1] view) noexcept:
    return &view[0] if view.shape[0] else NULL
