from tablestore._native.fixed_reader cimport Scratch


cdef class Workspace:
    cdef Scratch scratch

cdef Workspace borrow()
cdef int give_back(Workspace workspace) except -1
