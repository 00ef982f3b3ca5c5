"""The operations of the vectors of chapter 16, answered by the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tablestore.conformance import values as forms
from tablestore.reference import flink, flink_rule, part, schema
from tablestore.reference.type import FieldType, parse_field

Input = Mapping[str, Any]


def columns_of(given: Input) -> list[FieldType]:
    return [parse_field(column, 1) for column in given["columns"]]


def _read_message(given: Input) -> object:
    kind, payload = flink.decode_message(bytes.fromhex(given["data"]))
    return [kind, payload.hex()]


def _read_map(given: Input) -> object:
    return [[key, value.hex()] for key, value in flink.decode_map(bytes.fromhex(given["data"])).items()]


def _write_map(given: Input) -> object:
    return flink.encode_map({key: bytes.fromhex(value) for key, value in given["entries"]}).hex()


def _read_batch(given: Input) -> object:
    columns = columns_of(given)
    kinds, rows = flink.decode_batch(columns, bytes.fromhex(given["data"]))
    values = [
        [forms.to_json(column.type, value) for column, value in zip(columns, row, strict=True)]
        for row in rows
    ]
    return {"kinds": kinds, "rows": values}


def _write_batch(given: Input) -> object:
    columns = columns_of(given)
    rows = [
        [forms.from_json(column.type, value) for column, value in zip(columns, row, strict=True)]
        for row in given["rows"]
    ]
    return flink.encode_batch(columns, given["kinds"], rows).hex()


def _read_part(given: Input) -> object:
    table = schema.decode_schema(bytes.fromhex(given["schema"]))
    return part_form(part.decode(bytes.fromhex(given["data"]), table))


def part_form(found: part.Part) -> object:
    """A part in JSON: files as arrays of partition, bucket, file, size, digest, rows, deletes, bounds, ordinal and
    statistics."""
    files = [
        [
            entry.partition.hex(), entry.bucket, entry.file, forms.number(entry.size), f"{entry.digest:016x}",
            forms.number(entry.row_count), forms.number(entry.delete_count), entry.key_min.hex(), entry.key_max.hex(),
            entry.ordinal, entry.statistics.hex(),
        ]
        for entry in found.files
    ]  # fmt: skip
    deletes = [[item.bucket, item.ordinal, [key.hex() for key in item.keys]] for item in found.key_deletes]
    return {"ordinals": found.ordinals, "files": files, "key_deletes": deletes}


def _route(given: Input) -> object:
    return flink_rule.writer_of(given["bucket"], given["buckets"], given["writers"])


def _commit(given: Input) -> object:
    return flink_rule.commit(
        given["last"], given["checkpoint"], given["restored"], given["tried"], given["parts"]
    )


def _restore(given: Input) -> object:
    return flink_rule.restore(given["last"], given["restored"], given["accept"])


def _order(given: Input) -> object:
    return flink_rule.order(given["parts"], given["moves"])


def _is_over(given: Input) -> object:
    return flink_rule.is_over(given["split"])


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
