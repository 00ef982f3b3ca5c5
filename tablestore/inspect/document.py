"""Snapshot and schema documents, also damaged ones and ones without their table."""

from __future__ import annotations

import json
from typing import Any, Final

from tablestore import types
from tablestore.errors import FormatError
from tablestore.file import document, layout, schema, snapshot
from tablestore.file.schema import TableSchema
from tablestore.file.snapshot import Snapshot
from tablestore.inspect.report import Fact, Report, section
from tablestore.inspect.target import Target

_MANIFESTS: Final = (
    "file", "bytes:bytes", "sequence:number", "added:count", "removed:count", "bucket_min:number",
    "bucket_max:number", "partition_min", "partition_max", "digest", "new",
)  # fmt: skip


def show_file(target: Target) -> Report:
    """A snapshot or schema file by itself."""
    data = target.storage.read(target.path)
    title = f"{target.kind} {target.given}"
    try:
        number = _expected_id(target, data)
        if target.kind == "snapshot":
            return snapshot_report(snapshot.decode(data, target.path, number), title)
        return schema_report(schema.decode(data, target.path, number), title)
    except FormatError as error:
        report = Report(title, facts=_unchecked(data))
        report.fail(error, target.given)
        return report


def _expected_id(target: Target, data: bytes) -> int:
    """The id in the file's name; a copy under another name is taken at its word."""
    parse = layout.parse_snapshot_name if target.kind == "snapshot" else layout.parse_schema_name
    named = parse(target.path)
    if named is not None:
        return named
    stated = document.read_document(data, target.path).get("id")
    return stated if type(stated) is int else 0


def _unchecked(data: bytes) -> list[Fact]:
    """Members of a document that was refused, as far as any JSON parser can read them."""
    try:
        members = json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return [Fact("readable", "nothing: the document is no JSON")]
    if not isinstance(members, dict):
        return [Fact("readable", "nothing: the document is no JSON object")]
    return [
        Fact("note", "values below are not to be trusted"),
        *(Fact(name, members[name]) for name in members),
    ]


def snapshot_report(found: Snapshot, title: str) -> Report:
    """Everything that a snapshot says."""
    totals = found.totals
    report = Report(title, main="manifests")
    report.facts = [
        Fact("version", found.id),
        Fact("time", found.timestamp_millis, "time"),
        Fact("kind", found.kind),
        Fact("parent", found.parent),
        Fact("parent_digest", found.parent_digest),
        Fact("schema", found.schema_id),
        Fact("table", found.table),
        Fact("commit", found.commit),
        Fact("writer", found.writer and found.writer.id),
        Fact("commit_id", found.writer and found.writer.commit_id),
        Fact("watermark", found.watermark),
        Fact("rows", totals.rows, "count"),
        Fact("deletes", totals.deletes, "count"),
        Fact("files", totals.files, "count"),
        Fact("bytes", totals.bytes, "bytes"),
        Fact("committers", dict(found.committers) or None),
        Fact("fence", found.fence or None),
        Fact("writer_features", list(found.writer_features) or None),
    ]
    rows: list[tuple[Any, ...]] = [
        (
            m.file, m.size, m.sequence, m.added, m.removed, m.bucket_min, m.bucket_max, m.partition_min,
            m.partition_max, m.digest, m.file in found.delta,
        )
        for m in found.manifests
    ]  # fmt: skip
    report.sections = [section("manifests", _MANIFESTS, rows)]
    return report


def schema_report(found: TableSchema, title: str) -> Report:
    """Columns, keys and options of a schema."""
    report = Report(title, main="columns")
    report.facts = [
        Fact("schema", found.id),
        Fact("table", found.table),
        Fact("primary_key", [field.name for field in found.key_fields], "names"),
        Fact("partition_by", [field.name for field in found.partition_fields], "names"),
        Fact("buckets", found.buckets, "count"),
        Fact("merge_engine", found.merge_engine),
        Fact("sequence_fields", [field.name for field in found.order_fields], "names"),
        Fact("options", found.options.to_json() or None),
        Fact("last_field_id", found.last_field_id),
        Fact("writer_features", list(found.writer_features) or None),
    ]
    roles = {field.id: "value" for field in found.fields}
    for ids, role in ((found.sequence_fields, "sequence"), (found.partition_by, "partition")):
        roles.update(dict.fromkeys(ids, role))
    roles.update({number: f"key {place}" for place, number in enumerate(found.primary_key, 1)})
    rows: list[tuple[Any, ...]] = [
        (field.id, field.name, type_text(field.type), field.nullable, roles[field.id])
        for field in found.fields
    ]
    report.sections = [section("columns", ("id:number", "name", "type", "nullable", "role"), rows)]
    return report


def type_text(kind: types.ColumnType) -> str:
    """A column type on one line: int64, list<string>, struct<a: int32, b: string>."""
    if not kind.nested:
        return kind.name
    if kind.name == "map":
        key, value = kind.children[0].type.children
        return f"map<{type_text(key.type)}, {type_text(value.type)}>"
    if kind.name == "list":
        return f"list<{type_text(kind.children[0].type)}>"
    return f"struct<{', '.join(f'{child.name}: {type_text(child.type)}' for child in kind.children)}>"
