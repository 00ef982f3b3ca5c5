"""The operations of the vectors, answered by the native kernels and the file layer above them.

Operations that the library does not have as such (an encoded key is never decoded, for one) are answered by KeyError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from tablestore import types
from tablestore._native import bloom, checksum, encoding, key
from tablestore._native import hash as hashing
from tablestore.conformance import native_changes, native_files, native_flink, native_retention, native_values
from tablestore.conformance.native_values import cut_variable, pack_variable, to_bytes
from tablestore.conformance.values import raw_from_json, raw_to_json
from tablestore.file import document, keys, layout, nested, partition
from tablestore.file import vector as vectors
from tablestore.file.manifest import Entry
from tablestore.lsm import compaction, purge
from tablestore.lsm.run import Run
from tablestore.options import TableOptions
from tablestore.types import ROW_KIND, ColumnType, Field

Input = Mapping[str, Any]
Operation = Callable[[Input], object]
ENCODINGS = ("CONSTANT", "PLAIN", "BITPACK", "DELTA", "DICTIONARY", "VAR", "PREFIX", "RLE", "ALP", "WIDEN")
WORD_BYTES = 8


def is_supported(noun: str, operation: str, given: Input) -> bool:
    """Whether the library has the operation, and does not refuse such an input before it comes to it."""
    if (noun, operation) not in OPERATIONS:
        return False
    if noun == "key" and operation.startswith("encode"):
        columns = _columns(given)
        has_null = operation == "encode" and None in given["values"]
        return bool(columns) and not has_null and all(column.key_allowed for column in columns)
    return True


def answer(noun: str, operation: str, given: Input) -> object:
    """The output of an operation; FormatError where the input must be rejected, KeyError if not supported."""
    if not is_supported(noun, operation, given):
        raise KeyError((noun, operation))
    return OPERATIONS[noun, operation](given)


def _data(given: Input, name: str = "data") -> bytes:
    return bytes.fromhex(given[name])


def _columns(given: Input, name: str = "types") -> list[ColumnType]:
    return [types.from_json(item) for item in given.get(name, [])]


def _context_crc(given: Input) -> object:
    crc = checksum.context_crc(
        _data(given, "file_id"), given["column"], given["block"], _data(given, "stored")
    )
    return f"{crc:08x}"


def _read_document(given: Input) -> object:
    return document.compact_json(document.read_document(_data(given), "document")).decode()


def _write_document(given: Input) -> object:
    return document.write_document(document.parse_strict_json(given["text"].encode(), "document")).hex()


def _physical(given: Input) -> object:
    type_ = types.from_json(given["type"])
    return {"form": type_.kind, "width": type_.width if type_.kind == "fixed" else 0}


def _rank(given: Input) -> object:
    type_ = types.from_json(given["type"])
    if type_.floating:
        found = types.rank_of(native_values.float_of(given["value"], type_), type_)
    else:
        found = types.rank_of(native_values.to_vector(type_, [given["value"]]).to_arrow()[0], type_)
    return None if found is None else f"{found:016x}"


def _encode_key(given: Input) -> object:
    columns = _columns(given)
    cells = [
        native_values.to_vector(type_, [value]) for type_, value in zip(columns, given["values"], strict=True)
    ]
    return keys.encode(cells, 1).key(0).hex()


def _encode_tuple(given: Input) -> object:
    columns = _columns(given)
    cells = [
        native_values.to_vector(type_, [value]) for type_, value in zip(columns, given["values"], strict=True)
    ]
    return keys.encode_tuples(cells, 1).key(0).hex()


def _decode_tuple(given: Input) -> object:
    columns = _columns(given)
    fields = [Field(index, f"c{index}", type_, True) for index, type_ in enumerate(columns)]
    found = partition.decode(fields, _data(given))
    return [value.hex() if isinstance(value, bytes) else value for value in found]


def _hash_key(given: Input) -> int:
    """The hash of one key by every kernel that can take it."""
    data = _data(given)
    found = {
        hashing.hash64(data),
        int(hashing.hash_bytes(np.array([0, len(data)], np.int64), to_bytes(data))[0]),
    }
    if 1 <= len(data) <= WORD_BYTES:
        found.add(int(hashing.hash_words(np.array([int.from_bytes(data, "big")], np.uint64), len(data))[0]))
    if len(found) != 1:
        raise AssertionError(f"kernels disagree about the hash of {data.hex()}: {found}")
    return found.pop()


def _bucket(given: Input) -> object:
    return int(hashing.buckets(np.array([_hash_key(given)], np.uint64), given["buckets"])[0])


def _bound(given: Input) -> object:
    data = _data(given)
    offsets = np.array([0, len(data)], np.int64)
    _, bound = key.bytes_bounds(offsets, to_bytes(data), np.zeros(1, np.int64), keys.BOUND_SIZE)
    return bound.tobytes().hex()


def _decode_node(given: Input) -> object:
    class_, width, count = given["class"], given.get("width", 0), given["count"]
    found = encoding.decode_node(to_bytes(_data(given)), class_, width, count)
    if class_ == "bits":
        return [int(bit) for bit in native_values.unpack_bits(found, count)]
    if class_ == "variable":
        return [value.hex() for value in cut_variable(*found)]
    raw = found.tobytes()
    numbers = [int.from_bytes(raw[at : at + width], "little") for at in range(0, len(raw), width)]
    return raw_to_json(width, numbers)


def _encode_node(given: Input) -> object:
    class_, width = given["class"], given.get("width", 0)
    raw: Sequence[Any] = raw_from_json(class_, width, given["values"])
    values: Any
    if class_ == "bits":
        values = native_values.pack_bits(raw)
    elif class_ == "variable":
        values = pack_variable(raw)
    else:
        values = to_bytes(b"".join(value.to_bytes(width, "little") for value in raw))
    options = {name: given[name] for name in ("bundle", "exponent", "factor") if name in given}
    hint = types.HINT_SIGNED if given.get("signed") else types.HINT_UNSIGNED
    number = ENCODINGS.index(given["encoding"])
    return encoding.encode_node(values, class_, width, number, rows=len(raw), hint=hint, **options).hex()


def _decode_chunk(given: Input) -> object:
    type_ = ROW_KIND.type if given.get("role") == "row_kind" else types.from_json(given["type"])
    chunk = to_bytes(_data(given))
    array, raw_size = nested.decode_chunk(chunk, type_, given["rows"], given["nullable"])
    return {
        "values": native_values.array_forms(array, type_),
        "nulls": array.null_count,
        "raw_size": raw_size,
    }


def _build_filter(given: Input) -> object:
    hashes = np.array([int(item, 16) for item in given["hashes"]], np.uint64)
    return bloom.build(hashes, given["bits_per_key"]).tobytes().hex()


def _probe_filter(given: Input) -> object:
    section = to_bytes(_data(given))
    bloom.check(section)
    hashes = np.array([int(item, 16) for item in given["hashes"]], np.uint64)
    return [bool(found) for found in bloom.probe(section, hashes).tolist()]


def _directories(given: Input) -> object:
    columns = _columns(given)
    fields = [
        Field(index, name, type_, True)
        for index, (name, type_) in enumerate(zip(given["names"], columns, strict=True))
    ]
    found = partition.directory(fields, partition.decode(fields, _data(given, "partition")))
    return found.split("/") if found else []


def _merged(given: Input) -> list[tuple[int, int, int]]:
    """(run, row, row kind) of the greatest version of every key, by the merge kernels."""
    runs = sorted(enumerate(given["runs"]), key=lambda item: _age(item[1]))
    places = [(index, row) for index, run in runs for row in range(len(run["rows"]))]
    rows = [row for _, run in runs for row in run["rows"]]
    if not rows:
        return []
    run_end = np.cumsum([len(run["rows"]) for _, run in runs]).astype(np.int64)
    encoded = [bytes.fromhex(row[0]) for row in rows]
    offsets, data = pack_variable(encoded)
    parts = keys.ByteKeys(offsets.astype(np.int64), data)
    start = 0
    for end in run_end.tolist():
        native_files.check_ascending(encoded[start:end])
        start = end
    rank = _ranks(given, runs) if given.get("sequence_types") else None
    winners = parts.merge(run_end, rank).tolist()
    size = len(encoded[0])
    if 1 <= size <= WORD_BYTES and all(len(item) == size for item in encoded):
        words = np.array([int.from_bytes(item, "big") for item in encoded], np.uint64)
        if keys.WordKeys(words, size).merge(run_end, rank).tolist() != winners:
            raise AssertionError("the merge kernels for words and for bytes disagree")
    return [(*places[winner], rows[winner][2]) for winner in winners]


def _age(run: Mapping[str, Any]) -> tuple[int, int, int]:
    return (-run["level"], run["sequence"], run["ordinal"]) if run["level"] == 0 else (-run["level"], 0, 0)


def _ranks(given: Input, runs: Sequence[tuple[int, Mapping[str, Any]]]) -> Any:
    columns = _columns(given, "sequence_types")
    orders = []
    for _, run in runs:
        for _, sequence, _, values, *_ in run["rows"]:
            cells = [
                native_values.to_vector(type_, [value]) for type_, value in zip(columns, values, strict=True)
            ]
            resolved: int = sequence or run["sequence"]
            # A tuple is free of prefixes (spec §3.3): what follows it decides between equal tuples only.
            orders.append(keys.encode_tuples(cells, 1).key(0) + resolved.to_bytes(8, "big"))
    return native_values.rank_words(orders)


def _deduplicate(given: Input) -> object:
    return [[run, row] for run, row, kind in _merged(given) if kind % 2 == 0]


def _difference(given: Input) -> object:
    """Changes of all places, of which the merge kernels say what is visible."""
    places: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for side in (0, 1):
        for item in given[("since", "until")[side]]:
            place = item["partition"], item["bucket"]
            places.setdefault(place, [{}, {}])[side] = _visible({**given, "runs": item["runs"]})
    ordered = sorted(places, key=lambda place: (bytes.fromhex(place[0]), place[1]))
    sides = [[places[place][side] for place in ordered] for side in (0, 1)]
    return native_changes.difference(given, sides[0], sides[1], ordered)


def _visible(given: Input) -> dict[str, Any]:
    rows = [given["runs"][run]["rows"][row] for run, row, kind in _merged(given) if kind % 2 == 0]
    if "where" in given:
        column, value = given["where"]
        rows = [row for row in rows if row[4][column] == value]
    return {row[0]: row[4] for row in rows}


def _output_rows(given: Input) -> object:
    keeps_deletes = given["has_older"] or bool(given.get("sequence_types"))
    return [[run, row] for run, row, kind in _merged(given) if keeps_deletes or kind % 2 == 0]


def _pick(given: Input) -> object:
    options = TableOptions(
        compaction_trigger=given.get("trigger", 8),
        size_ratio_percent=given.get("size_ratio_percent", 1),
        max_space_amplification_percent=given.get("max_space_amplification_percent", 50),
        target_file_bytes=given.get("target_file_bytes", 67_108_864),
    )
    newest_first = [Run(level, (replace(_ENTRY, level=level, size=size),)) for level, size in given["runs"]]
    found = compaction.pick(newest_first[::-1], options)
    if found is None:
        return None
    count = len(newest_first)
    return {"first": count - found.stop, "end": count - found.start, "level": found.level}


def _is_past(given: Input) -> object:
    column = types.from_json(given["type"])
    values = pa.array([given["value"]], pa.int32() if column.width == 4 else pa.int64())
    limit = purge.limit_of(column.name, given["now_millis"] - given["ttl_millis"])
    kept = purge.Purge(Field(1, "at", column, True), limit).kept(vectors.from_arrow(values, column))
    return not kept[0]


_ENTRY = Entry(b"", 0, "0" * 32, 0, 0, 0, 1, 0, b"", b"", 1, 1, 0, 0, b"")

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("primitive", "crc32c"): lambda given: f"{checksum.crc32c(_data(given)):08x}",
    ("primitive", "context_crc"): _context_crc,
    ("primitive", "hash64"): lambda given: f"{hashing.hash64(_data(given)):016x}",
    ("primitive", "read_document"): _read_document,
    ("primitive", "write_document"): _write_document,
    ("type", "physical"): _physical,
    ("type", "rank"): _rank,
    ("key", "encode"): _encode_key,
    ("key", "encode_tuple"): _encode_tuple,
    ("key", "decode_tuple"): _decode_tuple,
    ("key", "hash"): lambda given: f"{_hash_key(given):016x}",
    ("key", "bucket"): _bucket,
    ("key", "bound"): _bound,
    ("encoding", "decode"): _decode_node,
    ("encoding", "encode"): _encode_node,
    ("block", "decode"): _decode_chunk,
    ("bloom", "build"): _build_filter,
    ("bloom", "probe"): _probe_filter,
    ("sst", "read"): native_files.read_sst,
    ("schema", "read"): native_files.read_schema,
    ("manifest", "read"): native_files.read_manifest,
    ("manifest", "directories"): _directories,
    ("snapshot", "read"): native_files.read_snapshot,
    ("snapshot", "hint"): lambda given: layout.parse_hint(_data(given)),
    ("snapshot", "name"): lambda given: layout.parse_snapshot_name(given["file"]),
    ("snapshot", "lineage"): native_files.lineage,
    ("merge", "deduplicate"): _deduplicate,
    ("changes", "difference"): _difference,
    ("compaction", "output"): _output_rows,
    ("compaction", "pick"): _pick,
    ("compaction", "is_past"): _is_past,
    **native_retention.OPERATIONS,
    **native_flink.OPERATIONS,
}
