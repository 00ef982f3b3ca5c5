from libc.stdint cimport uint8_t, uint32_t

from tablestore._native.cursor cimport Cursor
from tablestore._native.sink cimport Sink

cdef int inflate(Cursor* cursor, size_t raw, uint8_t* out) except -1 nogil
cdef const uint8_t* take_stream(Cursor* cursor, int codec, size_t raw, Sink* scratch) except NULL nogil
cdef int read_stream(Cursor* cursor, int codec, size_t raw, uint8_t* out) except -1 nogil
cdef int write_stream(Sink* sink, const uint8_t* data, size_t raw, int level, double keep) except -1 nogil
cdef int would_pay(const uint8_t* data, size_t raw, int level) except -1 nogil
