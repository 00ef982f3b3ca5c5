from libc.stdint cimport uint8_t, uint32_t

from tablestore._native.fixed_writer cimport Workspace
from tablestore._native.sink cimport Sink

cdef int write_var(Sink* sink, Workspace* space, const uint8_t* data, const uint32_t* offsets, size_t count,
                   int level) except -1 nogil
cdef int write_prefix(Sink* sink, Workspace* space, const uint8_t* data, const uint32_t* offsets, size_t count,
                      int bundle, int level, bint ascending) except -1 nogil
cdef int write_text_dictionary(Sink* sink, Workspace* space, const uint8_t* data, const uint32_t* offsets, size_t count,
                               size_t most, int level) except -1 nogil
cdef int write_fsst(Sink* sink, Workspace* space, const uint8_t* data, const uint32_t* offsets, size_t count,
                    size_t bundle) except -1 nogil
cdef int choose_symbols(Workspace* space, const uint8_t* data, const uint32_t* offsets, size_t count) except -1 nogil
cdef int write_variable(Sink* sink, Workspace* space, const uint8_t* data, const uint32_t* offsets, size_t count,
                        int level, bint key) except -1 nogil
