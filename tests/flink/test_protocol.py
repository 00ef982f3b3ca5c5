"""Messages, maps and batches (spec §16.2, §16.3, §16.5): round trips, comparison with the reference, and damage."""

from __future__ import annotations

import random
import socket
import threading
import tracemalloc
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore import types
from tablestore.conformance import corpus, native_adapter, reference_adapter
from tablestore.errors import FormatError, LimitExceededError, SchemaError
from tablestore.file import vector as vectors
from tablestore.flink import batch, protocol
from tablestore.flink.batch import Rows
from tablestore.reference import flink as reference
from tests.flink.client import fields_of
from tests.model import value_pool

LEAVES = [pa.field("v", kind) for kind in value_pool.VALUE_TYPES]
BATCHES = [case for case in corpus.load(nouns=["flink"]) if case.operation == "read_batch" and case.is_valid]
MAPS = [case for case in corpus.load(nouns=["flink"]) if case.operation == "read_map" and case.is_valid]


def table_of(fields: Sequence[pa.Field], count: int, seed: int) -> pa.RecordBatch:
    """Rows of awkward values."""
    source = random.Random(seed)
    arrays = []
    for field in fields:
        values = [value_pool.draw(field.type, source, field.nullable) for _ in range(count)]
        arrays.append(value_pool.to_array(values, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def payload_of(rows: Rows) -> pa.Buffer:
    return pa.py_buffer(b"".join(bytes(memoryview(part).cast("B")) for part in batch.encode(rows)))


def same(found: pa.RecordBatch, wanted: pa.RecordBatch) -> bool:
    pairs = zip(found.columns, wanted.columns, strict=True)
    return found.schema.equals(wanted.schema) and all(
        value_pool.from_array(a) == value_pool.from_array(pa.concat_arrays([b])) for a, b in pairs
    )


# ---- batches


@pytest.mark.parametrize("field", LEAVES, ids=lambda field: str(field.type))
@pytest.mark.parametrize(("start", "count"), [(0, 50), (1, 40), (8, 16), (17, 0), (3, 1)])
def test_rows_of_every_type_come_back(field: pa.Field, start: int, count: int) -> None:
    """Also those of a slice, which begins in the middle of a byte of its bitmaps."""
    rows = table_of([field], 60, 7).slice(start, count)
    kinds = np.arange(count, dtype=np.uint8) % 4
    found = batch.decode(payload_of(Rows(rows, kinds)), fields_of(rows.schema))
    found.batch.validate(full=True)
    assert same(found.batch, rows)
    assert found.kinds is not None or not count
    assert found.kinds is None or found.kinds.tolist() == kinds.tolist()


@given(
    st.lists(st.sampled_from(value_pool.VALUE_TYPES), max_size=6),
    st.integers(0, 40),
    st.integers(0, 9),
    st.integers(0, 2**16),
)
def test_random_batches_are_the_reference_s(
    kinds: list[pa.DataType], count: int, start: int, seed: int
) -> None:
    """Both read the bytes of the sender alike; a received batch is sent on as it was."""
    columns = [pa.field(f"c{index}", kind) for index, kind in enumerate(kinds)]
    rows = table_of(columns, count + start, seed).slice(start) if columns else batch.no_columns(count)
    payload = payload_of(Rows(rows))
    fields = fields_of(rows.schema)
    found = batch.decode(payload, fields)
    assert found.kinds is None
    assert found.batch.num_rows == count
    assert same(found.batch, rows)
    assert payload_of(found).to_pybytes() == payload.to_pybytes()
    columns_of = [{"name": f.name, "type": types.to_json(f.type), "nullable": f.nullable} for f in fields]
    slow, fast = answers("read_batch", {"columns": columns_of, "data": payload.to_pybytes().hex()})
    assert slow == fast
    assert isinstance(slow, dict)
    assert len(slow["rows"]) == count


def test_received_columns_are_views_of_the_payload() -> None:
    rows = table_of([pa.field("a", pa.int64()), pa.field("b", pa.string())], 1000, 1)
    payload = payload_of(Rows(rows))
    found = batch.decode(payload, fields_of(rows.schema))
    buffers = [buffer for column in found.batch.columns for buffer in column.buffers() if buffer is not None]
    assert len(buffers) == 5
    for buffer in buffers:
        assert payload.address <= buffer.address < payload.address + payload.size


def test_sent_columns_are_the_buffers_of_the_batch() -> None:
    rows = table_of([pa.field("a", pa.int64(), False), pa.field("b", pa.string(), False)], 1000, 1)
    addresses = {pa.py_buffer(part).address for part in batch.encode(Rows(rows)) if len(part) > 8}
    for column, positions in ((rows.column(0), [1]), (rows.column(1), [1, 2])):
        assert {column.buffers()[position].address for position in positions} <= addresses


@pytest.mark.parametrize("field", LEAVES, ids=lambda field: str(field.type))
def test_columns_that_are_not_arrow_s_yet_are_sent_alike(field: pa.Field) -> None:
    rows = table_of([field], 30, 9).slice(3, 20)
    (own,) = fields_of(rows.schema)
    parts = batch.encode_columns(20, [vectors.from_arrow(rows.column(0), own.type)])
    payload = pa.py_buffer(b"".join(bytes(memoryview(part).cast("B")) for part in parts))
    assert same(batch.decode(payload, [own]).batch, rows)


def test_other_types_are_not_sent() -> None:
    for array in (pa.array(["a"], pa.large_string()), pa.array(["a"]).dictionary_encode(), pa.nulls(1)):
        with pytest.raises(SchemaError, match="cannot be sent"):
            batch.encode(Rows(pa.RecordBatch.from_arrays([array], names=["v"])))


def answers(noun_operation: str, given_input: dict[str, object]) -> list[object]:
    """Of the reference and of the worker's code: an output, or None for a rejection."""
    found = []
    for answer in (reference_adapter.answer, native_adapter.answer):
        try:
            found.append(answer("flink", noun_operation, given_input))
        except FormatError:
            found.append(None)
    return found


@pytest.mark.parametrize("case", BATCHES, ids=lambda case: case.name)
def test_damaged_batches_are_judged_as_by_the_reference(case: corpus.Case) -> None:
    """Truncations, and bits flipped everywhere: a rejection, or the same values."""
    data = bytes.fromhex(str(case.input["data"]))
    draw = random.Random(case.name)
    changed = [data[:size] for size in draw.sample(range(len(data)), 12)]
    for bit in draw.sample(range(8 * len(data)), 40):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        changed.append(bytes(flipped))
    for item in changed:
        slow, fast = answers("read_batch", {**case.input, "data": item.hex()})
        assert slow == fast, item.hex()


def test_damaged_batches_allocate_no_more_than_they_are_long_for() -> None:
    """Sizes are checked against the payload before anything is made of them."""
    nested = [
        case for case in BATCHES if case.name in ("batch-map-of-list", "batch-list-of-struct", "batch-small")
    ]
    assert len(nested) == 3
    draw = random.Random(5)
    tracemalloc.start()
    try:
        for case in nested:
            data = bytes.fromhex(str(case.input["data"]))
            for _ in range(300):
                start = draw.randrange(0, len(data) - 4, 4)
                item = data[:start] + draw.randbytes(4) + data[start + 4 :]
                answers_given = native_or_none({**case.input, "data": item.hex()})
                assert answers_given is None or isinstance(answers_given, dict)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def native_or_none(given_input: dict[str, object]) -> object:
    try:
        return native_adapter.answer("flink", "read_batch", given_input)
    except FormatError:
        return None


def test_a_value_may_not_be_too_long() -> None:
    """16 MiB and one byte (spec §0.5)."""
    for size, fits in ((16_777_216, True), (16_777_217, False)):
        rows = pa.RecordBatch.from_arrays([pa.array([b"x" * size])], names=["v"])
        payload = payload_of(Rows(rows))
        if fits:
            assert batch.decode(payload, fields_of(rows.schema)).batch.num_rows == 1
        else:
            with pytest.raises(LimitExceededError, match="'v'"):
                batch.decode(payload, fields_of(rows.schema))


# ---- maps


@given(st.dictionaries(st.text(max_size=20), st.binary(max_size=50), max_size=8))
def test_maps_come_back(values: dict[str, bytes]) -> None:
    data = protocol.encode_map(values)
    assert data == reference.encode_map(values)
    assert protocol.decode_map(data) == values


@pytest.mark.parametrize("case", MAPS, ids=lambda case: case.name)
def test_damaged_maps_are_judged_as_by_the_reference(case: corpus.Case) -> None:
    data = bytes.fromhex(str(case.input["data"]))
    changed = [data[:size] for size in range(len(data))]
    for bit in range(8 * min(len(data), 60)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        changed.append(bytes(flipped))
    for item in changed:
        slow, fast = answers("read_map", {"data": item.hex()})
        assert slow == fast, item.hex()


def test_values_of_maps() -> None:
    values = protocol.decode_map(
        protocol.encode_map({"text": "é", "number": -12, "bytes": b"\xff", "odd": "\udcff"})
    )
    assert protocol.text_of(values, "text") == "é"
    assert protocol.integer_of(values, "number") == -12
    assert protocol.text_of(values, "odd") == "\\udcff"
    for read, key, code in (
        (protocol.text_of, "none", "bad-message"),
        (protocol.text_of, "bytes", "invalid-utf8"),
        (protocol.integer_of, "text", "bad-message"),
    ):
        with pytest.raises(FormatError) as raised:
            read(values, key)
        assert raised.value.code == code


@pytest.mark.parametrize("text", ["", "-", "1.0", "٣", "1e3", " 1", "9" * 20, "--1"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(FormatError):
        protocol.integer_of({"n": text.encode()}, "n")


# ---- connections


def talk(send: Callable[[protocol.Connection], None], receive: Callable[[protocol.Connection], None]) -> None:
    """Both ends at once, with small buffers between them."""
    here, there = socket.socketpair()
    for end in (here, there):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        end.settimeout(20)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            send(protocol.Connection(here))
        except BaseException as error:
            errors.append(error)
        finally:
            here.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        receive(protocol.Connection(there))
    finally:
        there.close()
        thread.join(20)
    assert not thread.is_alive()
    assert errors == []


@pytest.mark.parametrize("columns", [1, 700])
def test_messages_cross_a_socket_in_many_pieces(columns: int) -> None:
    """More buffers than one call takes, and more bytes than the socket holds."""
    rows = table_of([pa.field(f"c{index}", pa.string()) for index in range(columns)], 2000 // columns + 50, 3)

    def send(connection: protocol.Connection) -> None:
        connection.send_map(protocol.REQUEST, {"op": "x", "batch": 1})
        connection.send(protocol.BATCH, batch.encode(Rows(rows)))

    def receive(connection: protocol.Connection) -> None:
        kind, payload = connection.receive()
        assert (kind, protocol.decode_map(payload)) == (protocol.REQUEST, {"op": b"x", "batch": b"1"})
        kind, payload = connection.receive()
        assert kind == protocol.BATCH
        assert same(batch.decode(payload, fields_of(rows.schema)).batch, rows)
        with pytest.raises(protocol.Disconnected):
            connection.receive()

    talk(send, receive)


def test_too_large_messages_are_not_begun() -> None:
    connection, other = protocol.pair()
    block = bytes(1 << 26)
    with pytest.raises(LimitExceededError, match="fewer rows"):
        connection.send(protocol.BATCH, [block] * 4 + [b"x"])
    connection.close()
    assert other.recv(1) == b""
    other.close()


def test_what_was_sent_by_an_ended_process_is_read_first() -> None:
    connection, other = protocol.pair()
    sender = protocol.Connection(other)
    sender.send_map(protocol.ERROR, {"message": "why"})
    sender.close()
    assert protocol.decode_map(connection.receive().payload) == {"message": b"why"}
    with pytest.raises(protocol.Disconnected):
        connection.receive()
    connection.close()
