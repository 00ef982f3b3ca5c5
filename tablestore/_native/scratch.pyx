"""Scratch of decoders, kept between calls: memory fresh from the system costs more to touch than to decode into."""

from tablestore._native.fixed_reader cimport release_scratch, scratch_size

cdef enum:
    IDLE_MAX = 4              # workspaces that are kept
    HELD_MAX = 16777216       # bytes that a kept one may hold

cdef list _idle = []


cdef class Workspace:
    """The scratch of one call at a time; zeroed when it is made, freed with it."""

    def __dealloc__(self):
        release_scratch(&self.scratch)


cdef Workspace borrow():
    """One that no other call uses."""
    return _idle.pop() if _idle else Workspace()


cdef int give_back(Workspace workspace) except -1:
    if len(_idle) < IDLE_MAX and scratch_size(&workspace.scratch) <= HELD_MAX:
        _idle.append(workspace)
    return 0
