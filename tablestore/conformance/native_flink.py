"""The operations of the vectors of chapter 16, answered by the worker's own code."""

from __future__ import annotations

import decimal
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from tablestore import types
from tablestore.conformance import native_values
from tablestore.conformance.values import from_number, number
from tablestore.errors import ConnectorError, FormatError
from tablestore.file import part, schema
from tablestore.file.snapshot import WriterIdentity
from tablestore.flink import batch, chunks, committer, protocol, reader, writer
from tablestore.lsm.steps import StepRows
from tablestore.types import ColumnType, Field

Input = Mapping[str, Any]


def _fields(given: Input) -> list[Field]:
    return [
        Field(-1, column["name"], types.from_json(column["type"]), column["nullable"])
        for column in given["columns"]
    ]


def _read_message(given: Input) -> object:
    connection, other = protocol.pair()
    try:
        other.sendall(bytes.fromhex(given["data"]))
        other.close()
        kind, payload = connection.receive()
        connection.expect_end()
    except protocol.Disconnected:
        raise FormatError("the message ends early", code="truncated", file="message") from None
    finally:
        connection.close()
    return [protocol.KINDS[kind], payload.to_pybytes().hex()]


def _read_map(given: Input) -> object:
    found = protocol.decode_map(bytes.fromhex(given["data"]))
    return [[key, value.hex()] for key, value in found.items()]


def _write_map(given: Input) -> object:
    return protocol.encode_map({key: bytes.fromhex(value) for key, value in given["entries"]}).hex()


def _read_batch(given: Input) -> object:
    fields = _fields(given)
    found = batch.decode(pa.py_buffer(bytes.fromhex(given["data"])), fields)
    count = found.batch.num_rows
    columns = [
        native_values.array_forms(array, field.type)
        for array, field in zip(found.batch.columns, fields, strict=True)
    ]
    rows = [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in range(count)]
    return {"kinds": [0] * count if found.kinds is None else found.kinds.tolist(), "rows": rows}


def _write_batch(given: Input) -> object:
    fields, kinds = _fields(given), np.array(given["kinds"], np.uint8)
    arrays = [
        pa.array([_plain(row[index], field.type) for row in given["rows"]], field.type.arrow)
        for index, field in enumerate(fields)
    ]
    schema = pa.schema([field.arrow for field in fields])
    rows = pa.RecordBatch.from_arrays(arrays, schema=schema) if fields else batch.no_columns(len(kinds))
    parts = batch.encode(batch.Rows(rows, kinds if kinds.any() else None))
    return b"".join(bytes(memoryview(part).cast("B")) for part in parts).hex()


def _plain(value: Any, type_: ColumnType) -> Any:
    """What `pa.array` takes for a JSON form."""
    if value is None or type_.kind == "bits" or type_.utf8:
        return value
    if type_.name == "map":
        key, item = type_.children[0].type.children
        return [(_plain(pair[0], key.type), _plain(pair[1], item.type)) for pair in value]
    if type_.name == "list":
        return [_plain(item, type_.children[0].type) for item in value]
    if type_.name == "struct":
        pairs = zip(type_.children, value, strict=True)
        return {field.name: _plain(item, field.type) for field, item in pairs}
    if type_.kind == "variable" or type_.hint == types.HINT_OPAQUE:
        return bytes.fromhex(value)
    if type_.floating:
        return native_values.float_of(value, type_)
    number = from_number(value)
    if type_.hint == types.HINT_DECIMAL:
        return decimal.Decimal(number).scaleb(-type_.scale, decimal.Context(prec=80))
    return number


def _read_part(given: Input) -> object:
    described = bytes.fromhex(given["schema"])
    table = schema.decode(described, "schema", 0)
    found = part.decode(bytes.fromhex(given["data"]), table)
    files = [
        [
            entry.partition.hex(), entry.bucket, entry.file, number(entry.size), f"{entry.digest:016x}",
            number(entry.row_count), number(entry.delete_count), entry.key_min.hex(), entry.key_max.hex(),
            entry.ordinal, entry.statistics.hex(),
        ]
        for entry in found.entries
    ]  # fmt: skip
    deletes = [
        [item.bucket, item.ordinal, [item.keys.key(row).hex() for row in range(item.keys.length)]]
        for item in found.key_deletes
    ]
    return {"ordinals": found.ordinals, "files": files, "key_deletes": deletes}


def _route(given: Input) -> object:
    return writer.writer_of(given["bucket"], given["buckets"], given["writers"])


def _commit(given: Input) -> object:
    replay = given["tried"] or given["checkpoint"] <= given["restored"]  # as the connector says
    identity = WriterIdentity("s", given["checkpoint"])
    with _rejecting():
        if committer.is_known("t", identity, given["last"], replay):
            return "known"
    return "publish" if given["parts"] else "empty"


def _restore(given: Input) -> object:
    with _rejecting():
        is_newer = committer.is_newer("t", "s", given["restored"], given["last"], given["accept"])
    return "new" if is_newer else "same"


@contextmanager
def _rejecting() -> Iterator[None]:
    """Errors of a job as rejections."""
    try:
        yield
    except ConnectorError as error:
        raise FormatError(str(error), code=error.code) from error


def _order(given: Input) -> object:
    parts = [
        StepRows(np.array([row[0] for row in part]), np.array([row[1] for row in part], np.uint8),
                 [pa.array([row[2] for row in part], pa.int64())])
        for part in given["parts"]
    ]  # fmt: skip
    return chunks.in_order(parts, given["moves"]).columns[0].to_pylist()


def _is_over(given: Input) -> object:
    return reader.splits_of(json.dumps([given["split"]]))[0].is_over


OPERATIONS: dict[tuple[str, str], Callable[[Input], object]] = {
    ("flink", "read_message"): _read_message,
    ("flink", "read_map"): _read_map,
    ("flink", "write_map"): _write_map,
    ("flink", "read_batch"): _read_batch,
    ("flink", "write_batch"): _write_batch,
    ("flink", "read_part"): _read_part,
    ("flink", "route"): _route,
    ("flink", "commit"): _commit,
    ("flink", "restore"): _restore,
    ("flink", "order"): _order,
    ("flink", "is_over"): _is_over,
}
