from libc.stdint cimport uint8_t, uint32_t, uint64_t

from tablestore._native.sink cimport Sink

# what values mean: the hints of types.py
cdef enum:
    HINT_OPAQUE = 0
    HINT_UNSIGNED = 1
    HINT_SIGNED = 2
    HINT_FLOAT32 = 3
    HINT_FLOAT64 = 4
    HINT_DECIMAL = 5

# widths and bases of the vectors of a BITPACK node, before it is written
cdef struct Plan:
    Sink bits
    Sink bases
    size_t size
    uint64_t least
    uint64_t greatest

# a decision that holds for some blocks: 0 open, 1 it pays, 2 it does not; `age` counts blocks since it was made
cdef struct Habit:
    int state
    int age

# memory and decisions that the writers of one call share
cdef struct Workspace:
    Plan plan
    Plan delta_plan
    Plan child_plan
    Sink deltas
    Sink codes
    Sink narrow
    Sink first
    Sink table
    Sink entries
    Sink run_lengths
    Sink run_values
    Sink digits
    Sink wrong
    Sink positions
    Sink halves
    Sink filled
    Sink lengths
    Sink shared
    Sink text
    Sink starts
    Sink matcher
    Sink trainer
    Habit zstd
    Habit dictionary
    Habit alp
    Habit fsst
    size_t fsst_rate          # bytes of a node per 1,000 of the values for which its symbols were chosen
    int exponent
    int factor
    bint exponent_known

cdef void release_workspace(Workspace* space) noexcept nogil
cdef bint worth_trying(Habit* habit) noexcept nogil
cdef void settle(Habit* habit, bint pays) noexcept nogil
cdef size_t begin_node(Sink* sink, int encoding, int parameter) except? 0 nogil
cdef int end_node(Sink* sink, size_t body) except -1 nogil
cdef int write_stream_in(Sink* sink, size_t body, Workspace* space, const uint8_t* data, size_t raw,
                         int level) except -1 nogil
cdef int plan_bitpack(Plan* plan, const uint8_t* values, size_t count, int width, bint is_signed) except -1 nogil
cdef int write_constant(Sink* sink, const uint8_t* value, size_t size) except -1 nogil
cdef int write_plain(Sink* sink, Workspace* space, const uint8_t* values, size_t size, int level) except -1 nogil
cdef int write_bitpack(Sink* sink, Plan* plan, const uint8_t* values, size_t count, int width,
                       bint is_signed) except -1 nogil
cdef int write_lengths(Sink* sink, Workspace* space, const uint8_t* lengths, size_t count, int width) except -1 nogil
cdef int write_delta(Sink* sink, Workspace* space, const uint8_t* values, size_t count, int width) except -1 nogil
cdef int write_rle(Sink* sink, Workspace* space, const uint8_t* values, size_t count, size_t width) except -1 nogil
cdef int write_codes(Sink* sink, Workspace* space, size_t count, int code_width) except -1 nogil
cdef int write_dictionary(Sink* sink, Workspace* space, const uint8_t* values, size_t count, size_t width, size_t most,
                          int level) except -1 nogil
cdef int write_alp(Sink* sink, Workspace* space, const uint8_t* values, size_t count, int exponent,
                   int factor) except -1 nogil
cdef int write_widen(Sink* sink, Workspace* space, const uint8_t* values, size_t count, bint key) except -1 nogil
cdef bint deltas_pay(Workspace* space, const uint8_t* values, size_t count, int width, bint key) noexcept nogil
