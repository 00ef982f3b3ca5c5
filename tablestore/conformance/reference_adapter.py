"""The operations of the vectors, answered by the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tablestore.conformance import reference_flink, reference_retention
from tablestore.conformance import values as forms
from tablestore.reference import (
    bloom,
    changes,
    commit,
    compaction,
    document,
    encoding,
    key,
    manifest,
    merge,
    snapshot,
)
from tablestore.reference import schema as schemas
from tablestore.reference.block import decode_chunk
from tablestore.reference.cursor import Cursor
from tablestore.reference.encoding_writer import encode_node
from tablestore.reference.primitive import context_crc, crc32c, hash64
from tablestore.reference.sst import NOTHING, Expected, decode_sst
from tablestore.reference.type import Type, parse_type, rank

Input = Mapping[str, Any]
Operation = Callable[[Input], object]
CLASSES = {"bits": "BITS", "fixed": "FIXED", "variable": "VAR"}


def answer(noun: str, operation: str, given: Input) -> object:
    """The output of an operation; FormatError where the input must be rejected, KeyError if unknown."""
    return OPERATIONS[noun, operation](given)


def _data(given: Input, name: str = "data") -> bytes:
    return bytes.fromhex(given[name])


def _types(given: Input, name: str = "types") -> list[Type]:
    return [parse_type(item) for item in given.get(name, [])]


def _values(types: list[Type], items: list[object]) -> list[object]:
    return [forms.from_json(type_, item) for type_, item in zip(types, items, strict=True)]


def _forms(types: list[Type], found: list[object]) -> list[object]:
    return [forms.to_json(type_, value) for type_, value in zip(types, found, strict=True)]


def _context_crc(given: Input) -> object:
    crc = context_crc(_data(given, "file_id"), given["column"], given["block"], _data(given, "stored"))
    return f"{crc:08x}"


def _read_document(given: Input) -> object:
    return document.write_json(document.parse_envelope(_data(given)), None)


def _write_document(given: Input) -> object:
    return document.write_envelope(document.parse_object(given["text"].encode())).hex()


def _physical(given: Input) -> object:
    type_ = parse_type(given["type"])
    return {"form": type_.form, "width": type_.width if type_.form == "fixed" else 0}


def _rank(given: Input) -> object:
    type_ = parse_type(given["type"])
    found = rank(type_, forms.from_json(type_, given["value"]))
    return None if found is None else f"{found:016x}"


def _key(function: Callable[[list[Type], list[object]], bytes]) -> Operation:
    def run(given: Input) -> object:
        types = _types(given)
        return function(types, _values(types, given["values"])).hex()

    return run


def _key_values(function: Callable[[list[Type], bytes], list[object]]) -> Operation:
    def run(given: Input) -> object:
        types = _types(given)
        return _forms(types, function(types, _data(given)))

    return run


def _class(given: Input) -> encoding.Class:
    return encoding.Class(CLASSES[given["class"]], given.get("width", 0))


def _decode_node(given: Input) -> object:
    class_ = _class(given)
    cursor = Cursor(_data(given))
    found = encoding.decode_node(cursor, class_, given["count"])
    cursor.finish("4.2")
    return forms.raw_to_json(class_.width, found)


def _encode_node(given: Input) -> object:
    class_ = _class(given)
    raw = forms.raw_from_json(given["class"], class_.width, given["values"])
    names = ("bundle", "exponent", "factor", "signed")
    options = {name: given[name] for name in names if name in given}
    return encode_node(class_, raw, encoding.NAMES.index(given["encoding"]), **options).hex()


def _decode_chunk(given: Input) -> object:
    type_ = parse_type(given["type"])
    row_kind = given.get("role") == "row_kind"
    chunk = decode_chunk(Cursor(_data(given)), type_, given["nullable"], given["rows"], row_kind=row_kind)
    found = [forms.to_json(type_, value) for value in chunk.values]
    return {"values": found, "nulls": chunk.nulls, "raw_size": chunk.raw_size}


def _build_filter(given: Input) -> object:
    return bloom.build([int(item, 16) for item in given["hashes"]], given["bits_per_key"]).hex()


def _probe_filter(given: Input) -> object:
    words = bloom.decode_filter(Cursor(_data(given)))
    return [bloom.may_contain(words, int(item, 16)) for item in given["hashes"]]


def _expected(given: Input) -> Expected:
    wanted = given.get("expected", {})
    if not wanted:
        return NOTHING
    return Expected(
        size=wanted.get("size"),
        digest=int(wanted["digest"], 16) if "digest" in wanted else None,
        file_id=bytes.fromhex(wanted["file_id"]) if "file_id" in wanted else None,
        table=wanted.get("table"),
        file_kind=wanted.get("file_kind"),
    )


def _read_sst(given: Input) -> object:
    file = decode_sst(_data(given), _expected(given))
    columns = file.properties.columns
    rows = [
        [forms.to_json(column.type, row.values[column.name]) for column in columns] for row in file.rows()
    ]
    return {
        "file_kind": file.header["file_kind"],
        "file_id": file.file_id.hex(),
        "digest": f"{file.digest:016x}",
        "blocks": file.directory.rows,
        "columns": [column.name for column in columns],
        "rows": rows,
    }


def _read_schema(given: Input) -> object:
    found = schemas.decode_schema(_data(given), given.get("id"), given.get("table"))
    return {
        "table": found.table,
        "id": found.id,
        "fields": [field.name for field in found.fields],
        "primary_key": [field.name for field in found.primary_key],
        "partition_by": [field.name for field in found.partition_by],
        "sequence_fields": [field.name for field in found.sequence_fields],
        "buckets": found.buckets,
        "merge_engine": found.merge_engine,
    }


def _read_manifest(given: Input) -> object:
    return [_change_form(change) for change in manifest.decode_manifest(_data(given), _expected(given))]


def _change_form(change: manifest.Change) -> object:
    entry = change.entry
    return {
        "kind": change.kind,
        "partition": entry.partition.hex(),
        "bucket": entry.bucket,
        "file": entry.file,
        "level": entry.level,
        "digest": f"{entry.digest:016x}",
        "row_count": forms.number(entry.row_count),
        "sequence": [forms.number(entry.sequence_min), forms.number(entry.sequence_max)],
    }


def _directories(given: Input) -> object:
    return manifest.partition_directories(given["names"], _types(given), _data(given, "partition"))


def _live(given: Input) -> object:
    manifests = [
        (item["sequence"], [_change(change) for change in item["changes"]]) for item in given["manifests"]
    ]
    found = manifest.live_files(manifests, given["buckets"])
    return [[entry.file, entry.level, entry.sequence_min, entry.sequence_max] for entry in found]


def _change(item: Input) -> manifest.Change:
    """A change from the members that matter for liveness; the others have fixed values."""
    entry = manifest.Entry(
        partition=bytes.fromhex(item.get("partition", "")),
        bucket=item.get("bucket", 0),
        file=item["file"],
        level=item["level"],
        size=item.get("size", 1000),
        digest=0,
        row_count=1,
        delete_count=0,
        key_min=bytes.fromhex(item["key_min"]),
        key_max=bytes.fromhex(item["key_max"]),
        sequence_min=item.get("sequence_min", 0),
        sequence_max=item.get("sequence_max", 0),
        ordinal=item.get("ordinal", 0),
        schema_id=0,
        statistics=b"",
    )
    return manifest.Change(item["kind"], entry)


def _read_snapshot(given: Input) -> object:
    found = snapshot.decode_snapshot(_data(given), given.get("id"), given.get("table"))
    return {
        "table": found.table,
        "id": found.id,
        "parent_digest": f"{found.parent_digest:016x}",
        "schema_id": found.schema_id,
        "kind": found.kind,
        "manifests": [[reference.file, reference.sequence] for reference in found.manifests],
        "delta": list(found.delta),
        "committers": {writer: forms.number(commit_id) for writer, commit_id in found.committers.items()},
        "fence": found.fence,
        "watermark": None if found.watermark is None else forms.number(found.watermark),
    }


def _lineage(given: Input) -> object:
    snapshot.check_lineage(_data(given, "parent"), snapshot.decode_snapshot(_data(given, "child")))
    return True


def _runs(given: Input) -> list[merge.Run]:
    types = _types(given, "sequence_types")
    return [
        merge.Run(
            item["level"],
            item["sequence"],
            item["ordinal"],
            [
                (bytes.fromhex(row[0]), row[1], row[2], tuple(_values(types, row[3] if types else [])))
                for row in item["rows"]
            ],
        )
        for item in given["runs"]
    ]


def _deduplicate(given: Input) -> object:
    found = merge.deduplicate(_runs(given), _types(given, "sequence_types"))
    return [[version.run, version.row] for version in found]


def _move(given: Input) -> object:
    v, u = merge.versions(_runs(given), _types(given, "sequence_types"))
    return merge.resolve_move(v, u).value


def _output_rows(given: Input) -> object:
    types = _types(given, "sequence_types")
    found = compaction.output_rows(_runs(given), types, given["has_older"])
    return [[version.run, version.row] for version in found]


def _pick(given: Input) -> object:
    runs = [compaction.RunSize(level, size) for level, size in given["runs"]]
    names = ("trigger", "size_ratio_percent", "max_space_amplification_percent", "target_file_bytes")
    found = compaction.pick(runs, **{name: given[name] for name in names if name in given})
    return None if found is None else {"first": found.first, "end": found.end, "level": found.level}


def _image(given: Input, name: str) -> changes.Image:
    types = _types(given)
    buckets = [
        changes.Bucket(
            _data(item, "partition"),
            item["bucket"],
            _runs({**given, "runs": item["runs"]}),
            [[tuple(_values(types, row[4])) for row in run["rows"]] for run in item["runs"]],
        )
        for item in given[name]
    ]
    if "where" not in given:
        return changes.image(buckets, _types(given, "sequence_types"), given.get("columns"))
    column, value = given["where"][0], forms.from_json(types[given["where"][0]], given["where"][1])
    return changes.image(
        buckets, _types(given, "sequence_types"), given.get("columns"), lambda values: values[column] == value
    )


def _difference(given: Input) -> object:
    types = _types(given)
    shown = types if "columns" not in given else [types[index] for index in given["columns"]]
    return [
        [
            change.kind,
            change.spot[0].hex(),
            change.spot[1],
            change.spot[2].hex(),
            _forms(shown, list(change.values)),
        ]
        for change in changes.difference(_image(given, "since"), _image(given, "until"))
    ]


def _candidates(given: Input) -> object:
    files = {
        name: changes.File(_data(item, "partition"), item["bucket"], [bytes.fromhex(k) for k in item["keys"]])
        for name, item in given["files"].items()
    }
    steps = [
        None if item is None else changes.Step(item["kind"], frozenset(item["live"]))
        for item in given["snapshots"]
    ]
    return [
        [partition.hex(), bucket, key_.hex()] for partition, bucket, key_ in changes.candidates(files, steps)
    ]


def _outcome(given: Input) -> object:
    found = commit.outcome(given["put"], given["commit"], given["found"], given["synchronised"])
    return {"outcome": found.value, "may_delete_files": found.may_delete_files}


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("primitive", "crc32c"): lambda given: f"{crc32c(_data(given)):08x}",
    ("primitive", "context_crc"): _context_crc,
    ("primitive", "hash64"): lambda given: f"{hash64(_data(given)):016x}",
    ("primitive", "read_document"): _read_document,
    ("primitive", "write_document"): _write_document,
    ("type", "physical"): _physical,
    ("type", "rank"): _rank,
    ("key", "encode"): _key(key.encode_key),
    ("key", "decode"): _key_values(key.decode_key),
    ("key", "encode_tuple"): _key(key.encode_tuple),
    ("key", "decode_tuple"): _key_values(key.decode_tuple),
    ("key", "hash"): lambda given: f"{hash64(_data(given)):016x}",
    ("key", "bucket"): lambda given: key.bucket(_data(given), given["buckets"]),
    ("key", "bound"): lambda given: key.bound(_data(given)).hex(),
    ("encoding", "decode"): _decode_node,
    ("encoding", "encode"): _encode_node,
    ("block", "decode"): _decode_chunk,
    ("bloom", "build"): _build_filter,
    ("bloom", "probe"): _probe_filter,
    ("sst", "read"): _read_sst,
    ("schema", "read"): _read_schema,
    ("manifest", "read"): _read_manifest,
    ("manifest", "directories"): _directories,
    ("manifest", "live"): _live,
    ("snapshot", "read"): _read_snapshot,
    ("snapshot", "hint"): lambda given: snapshot.id_of_hint(_data(given)),
    ("snapshot", "name"): lambda given: snapshot.id_of_name(given["file"]),
    ("snapshot", "lineage"): _lineage,
    ("merge", "deduplicate"): _deduplicate,
    ("merge", "move"): _move,
    ("compaction", "legal"): lambda given: compaction.is_legal(
        given["levels"], given["chosen"], given["level"]
    ),
    ("compaction", "output"): _output_rows,
    ("compaction", "pick"): _pick,
    ("compaction", "is_past"): lambda given: compaction.is_past(
        parse_type(given["type"]), given["value"], given["now_millis"], given["ttl_millis"]
    ),
    ("changes", "difference"): _difference,
    ("changes", "candidates"): _candidates,
    ("commit", "outcome"): _outcome,
    ("commit", "is_already_committed"): lambda given: commit.is_already_committed(
        given["committers"], given["writer"], given["commit_id"]
    ),
    ("commit", "compaction_survives"): lambda given: commit.compaction_survives(
        given["inputs"], given["live"]
    ),
    **reference_retention.OPERATIONS,
    **reference_flink.OPERATIONS,
}
