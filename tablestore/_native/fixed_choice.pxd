from libc.stdint cimport uint8_t

from tablestore._native.fixed_writer cimport Workspace
from tablestore._native.sink cimport Sink

cdef int write_fixed(Sink* sink, Workspace* space, const uint8_t* values, size_t count, size_t width, int hint,
                     int level, bint key) except -1 nogil
cdef int write_bits(Sink* sink, Workspace* space, const uint8_t* bits, size_t count, int level) except -1 nogil
cdef int choose_exponent(Workspace* space, const uint8_t* values, size_t count) except -1 nogil
