"""Headers and validity of chunks (spec §5.3), and what a call that decodes many chunks shares."""

import numpy as np

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from tablestore._native.cursor cimport bytes_at, fail, take_u8, take_u16, take_u32
from tablestore._native.fixed_reader cimport Scratch, read_bits
from tablestore._native.sink cimport Sink, append, room

from tablestore._native import gather

cdef extern from "bits.h" nogil:
    uint64_t count_ones(const uint8_t* bits, uint64_t count)
    void copy_bits(uint8_t* out, uint64_t out_at, const uint8_t* source, uint64_t source_at, uint64_t count)
    void set_bits(uint8_t* out, uint64_t at, uint64_t count, int value)
    bint bit_at(const uint8_t* bits, uint64_t i)

cdef extern from "rows.h" nogil:
    void take_row_bits(const uint8_t* bits, const uint32_t* row, size_t chosen, uint8_t* out, uint64_t at)

cdef extern from "integer.h" nogil:
    bint any_at_least(const uint8_t* values, int width, size_t count, uint64_t limit)

cdef extern from "decimal128.h" nogil:
    size_t first_large_decimal(const uint8_t* values, size_t count, int precision, const uint8_t* validity)


cdef int read_head(Chunk* chunk, const uint8_t* data, size_t size) except -1 nogil:
    """Sets the fields of the header; `nulls` is 1 if a validity node follows. Nothing is compared with a type yet."""
    cdef uint8_t kind = 0, flags = 0
    cdef uint16_t width = 0
    chunk.cursor.start = data
    chunk.cursor.at = data
    chunk.cursor.end = data + size
    chunk.validity = NULL
    if size > CHUNK_MAX:
        fail(data, data, b"limit-exceeded", b"0.5", b"stored bytes of a chunk")
    take_u8(&chunk.cursor, &kind, b"5.3")
    take_u8(&chunk.cursor, &flags, b"5.3")
    take_u16(&chunk.cursor, &width, b"5.3")
    take_u32(&chunk.cursor, &chunk.rows, b"5.3")
    chunk.kind = kind
    chunk.width = width
    chunk.nulls = flags
    return 0


cdef int check_flags(const Chunk* chunk) except -1 nogil:
    if chunk.nulls > 1:
        fail(chunk.cursor.start, chunk.cursor.start + 1, b"bad-zero", b"5.3", b"unknown flag of a chunk")
    return 0


cdef int read_validity(Chunk* chunk, Scratch* scratch) except -1 nogil:
    """The validity node, if the header has one, into scratch.validity."""
    cdef uint8_t* bits
    check_flags(chunk)
    if chunk.nulls == 0:
        return 0
    bits = room(&scratch.validity, (<size_t>chunk.rows + 7) // 8)
    if chunk.rows:
        read_bits(&chunk.cursor, chunk.rows, bits)
    chunk.nulls = <uint32_t>(chunk.rows - count_ones(bits, chunk.rows))
    if chunk.nulls == 0:
        fail(chunk.cursor.start, chunk.cursor.start + 8, b"bad-value", b"5.3", b"a validity node without a null")
    chunk.validity = bits
    return 0


cdef int open_chunk(Chunk* chunk, Scratch* scratch, const uint8_t* data, size_t size, int kind, uint32_t width,
                    uint32_t rows, bint nullable) except -1 nogil:
    """Header and validity of a chunk of a known type; the cursor then is at the values node."""
    read_head(chunk, data, size)
    if chunk.kind != kind:
        fail(data, data, b"schema-mismatch", b"5.3", b"the chunk is of another kind than its column")
    check_flags(chunk)
    if chunk.width != width:
        fail(data, data + 2, b"schema-mismatch", b"5.3", b"the chunk is of another width than its column")
    if chunk.rows != rows:
        fail(data, data + 4, b"count-mismatch", b"5.3", b"the chunk has another number of rows")
    if chunk.nulls and not nullable:
        fail(data, data + 1, b"null-in-required", b"5.3", b"nulls in a column that is not nullable")
    if rows > CHUNK_MAX or <uint64_t>rows * width > CHUNK_MAX:
        fail(data, data + 4, b"limit-exceeded", b"0.5", b"rows or raw size of a chunk")
    return read_validity(chunk, scratch)


cdef int write_head(Sink* sink, int kind, uint32_t width, uint32_t rows, bint has_validity) except -1 nogil:
    cdef uint8_t[8] head
    cdef uint16_t word = <uint16_t>width
    head[0] = <uint8_t>kind
    head[1] = has_validity
    memcpy(&head[2], &word, 2)
    memcpy(&head[4], &rows, 4)
    return append(sink, head, 8)


cdef int check_arguments(int width, int check, limit) except -1:
    if check == CHECK_LIMIT and (width not in (1, 2, 4, 8) or not 1 <= limit < 1 << 64):
        raise ValueError("check 1 needs an integer width and a limit of 1 or more")
    if check == CHECK_DECIMAL and (width != 16 or not 1 <= limit <= 38):
        raise ValueError("check 2 needs width 16 and a precision in 1..38")
    if not CHECK_NONE <= check <= CHECK_DECIMAL:
        raise ValueError(f"no check {check}")
    return 0


cdef bint is_out_of_range(const uint8_t* values, size_t count, int width, int check, uint64_t limit) noexcept nogil:
    if check == CHECK_DECIMAL:
        return first_large_decimal(values, count, <int>limit, NULL) != count
    return any_at_least(values, width, count, limit)


cdef int check_values(const Chunk* chunk, const uint8_t* values, const uint32_t* row, size_t count, int width,
                      int check, uint64_t limit) except -1 nogil:
    """Spec §5.5, of rows row[0..count), of the first `count` rows if that is NULL.

    First all slots at once; only when that fails the values one by one, without those of nulls.
    """
    cdef size_t i
    if check == CHECK_NONE or not is_out_of_range(values, count, width, check, limit):
        return 0
    for i in range(count):
        if chunk.validity != NULL and not bit_at(chunk.validity, i if row == NULL else row[i]):
            continue
        if is_out_of_range(values + i * width, 1, width, check, limit):
            fail(chunk.cursor.start, chunk.cursor.start, b"bad-value", b"5.5",
                 b"a value is out of the range of its type")
    return 0


cdef class Selection:
    """Rows [skip, skip + take) of each of `count` chunks that lie in one buffer."""

    def __cinit__(
        self,
        const uint8_t[::1] buffer not None,
        const uint64_t[::1] offset not None,
        const uint32_t[::1] size not None,
        const uint32_t[::1] rows not None,
        const uint32_t[::1] skip not None,
        const uint32_t[::1] take not None,
    ):
        cdef size_t k, length = buffer.shape[0]
        self.count = offset.shape[0]
        if not size.shape[0] == rows.shape[0] == skip.shape[0] == take.shape[0] == offset.shape[0]:
            raise ValueError("offset, size, rows, skip and take differ in length")
        self.owners = (buffer.base, offset.base, size.base, rows.base, skip.base, take.base)
        self.total = 0
        self.rows_max = 0
        if self.count == 0:
            return
        self.buffer = bytes_at(buffer)
        self.offset = &offset[0]
        self.size = &size[0]
        self.rows = &rows[0]
        self.skip = &skip[0]
        self.keep = &take[0]
        for k in range(self.count):
            if offset[k] > length or size[k] > length - offset[k]:
                raise ValueError(f"chunk {k} is not inside the buffer")
            if <uint64_t>skip[k] + take[k] > rows[k]:
                raise ValueError(f"skip and take of chunk {k} are beyond its rows")
            self.total += take[k]
            self.rows_max = max(self.rows_max, rows[k])


cdef class ValidityOutput:
    """The bitmap of all rows taken, and the nulls of each whole chunk."""

    def __cinit__(self, size_t chunks, size_t rows, bint nullable):
        cdef uint8_t[::1] bits
        cdef uint32_t[::1] nulls
        self.null_counts = np.zeros(chunks, np.uint32)
        self.bits = NULL
        self.nulls = NULL
        if chunks:
            nulls = self.null_counts
            self.nulls = &nulls[0]
        if nullable and rows:
            self.array = np.zeros((rows + 7) // 8, np.uint8)
            bits = self.array
            self.bits = &bits[0]

    cdef void add(self, size_t index, const Chunk* chunk, size_t skip, size_t keep) noexcept nogil:
        self.nulls[index] = chunk.nulls
        if self.bits == NULL or keep == 0:
            return
        if chunk.validity == NULL:
            set_bits(self.bits, self.rows, keep, 1)
        else:
            copy_bits(self.bits, self.rows, chunk.validity, skip, keep)
        self.rows += keep
        self.found += chunk.nulls

    cdef void add_rows(self, size_t index, const Chunk* chunk, const uint32_t* row, size_t chosen) noexcept nogil:
        self.nulls[index] = chunk.nulls
        if self.bits == NULL or chosen == 0:
            return
        if chunk.validity == NULL:
            set_bits(self.bits, self.rows, chosen, 1)
        else:
            take_row_bits(chunk.validity, row, chosen, self.bits, self.rows)
        self.rows += chosen
        self.found += chunk.nulls

    cdef object taken(self, const uint32_t[::1] index):
        """Those of the rows of `index` alone; None if there is no null among them."""
        cdef const uint8_t[::1] bits
        validity = self.view()
        if validity is None or index.shape[0] == 0:
            return None
        bits = validity = gather.take_bits(validity, index)
        return None if count_ones(&bits[0], index.shape[0]) == <uint64_t>index.shape[0] else validity

    cdef object view(self):
        """None if there is no null among the rows."""
        if self.found == 0 or count_ones(self.bits, self.rows) == self.rows:
            return None
        return self.array
