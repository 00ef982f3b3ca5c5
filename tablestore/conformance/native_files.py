"""Whole files of vectors, read by the file layer from memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, cast

from tablestore._native.hash import hash64
from tablestore.conformance import native_values
from tablestore.conformance.values import number
from tablestore.errors import FormatError
from tablestore.file import column_reader, manifest, schema, snapshot, sst
from tablestore.file.column_reader import Piece
from tablestore.file.snapshot import ManifestReference
from tablestore.file.sst_reader import Expected, SstReader
from tablestore.lsm.lineage import Version, check_parent
from tablestore.storage import Storage
from tablestore.verify import verify_file

Input = Mapping[str, Any]
PATH = "file"


class MemoryFile:
    """A file in memory, with the methods of StorageFile."""

    def __init__(self, data: bytes) -> None:
        self.path = PATH
        self.size = len(data)
        self._data = data

    def read_at(self, offset: int, size: int) -> bytes:
        found = self._data[offset : offset + size]
        if len(found) != size:
            raise FormatError("the file ends early", code="truncated", file=PATH, offset=self.size)
        return found

    def read_into(self, offset: int, target: memoryview) -> None:
        target[:] = self.read_at(offset, len(target))

    def read_ranges(self, ranges: Sequence[tuple[int, memoryview]]) -> None:
        for offset, target in ranges:
            self.read_into(offset, target)

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> MemoryFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class MemoryStorage:
    """A store that holds one file under every path; only opening is possible."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def open(self, path: str) -> MemoryFile:
        return MemoryFile(self._data)


def _storage(data: bytes) -> Storage:
    return cast(Storage, MemoryStorage(data))


def _data(given: Input, name: str = "data") -> bytes:
    return bytes.fromhex(given[name])


def check_ascending(keys: Sequence[bytes]) -> None:
    """What opening a run's file finds: `key-order`."""
    for left, right in pairwise(keys):
        if right <= left:
            raise FormatError("keys do not ascend", code="key-order", section="7.7")


def read_sst(given: Input) -> object:
    wanted = given.get("expected", {})
    digest = int(wanted["digest"], 16) if "digest" in wanted else None
    expected = Expected(
        wanted.get("file_id"), wanted.get("size"), digest, wanted.get("table"), wanted.get("file_kind")
    )
    storage = _storage(_data(given))
    with SstReader(storage, PATH, expected) as reader:
        for finding in verify_file(storage, PATH):
            raise FormatError(
                finding.message, code=finding.code, offset=finding.offset, section=finding.section
            )
        pieces = [Piece(reader, 0, int(reader.footer.row_count))]
        fields = [column.field for column in reader.properties.columns]
        columns = [native_values.forms(column_reader.read_column(pieces, field)) for field in fields]
        return {
            "file_kind": reader.file_kind,
            "file_id": reader.file_id.hex(),
            "digest": f"{reader.digest:016x}",
            "blocks": reader.directory.rows.tolist(),
            "columns": [field.name for field in fields],
            "rows": [list(row) for row in zip(*columns, strict=True)],
        }


def read_schema(given: Input) -> object:
    found = schema.decode(_data(given), PATH, given["id"], given.get("table"))
    return {
        "table": found.table,
        "id": found.id,
        "fields": [field.name for field in found.fields],
        "primary_key": [field.name for field in found.key_fields],
        "partition_by": [field.name for field in found.partition_fields],
        "sequence_fields": [field.name for field in found.order_fields],
        "buckets": found.buckets,
        "merge_engine": found.merge_engine,
    }


def read_snapshot(given: Input) -> object:
    found = snapshot.decode(_data(given), PATH, given["id"], given.get("table"))
    return {
        "table": found.table,
        "id": found.id,
        "parent_digest": found.parent_digest,
        "schema_id": found.schema_id,
        "kind": found.kind,
        "manifests": [[reference.file, reference.sequence] for reference in found.manifests],
        "delta": list(found.delta),
        "committers": {writer: number(commit_id) for writer, commit_id in found.committers.items()},
        "fence": found.fence,
        "watermark": None if found.watermark is None else number(found.watermark),
    }


def lineage(given: Input) -> object:
    parent, child = _data(given, "parent"), _data(given, "child")
    older, newer = (snapshot.decode(data, PATH, id_) for data, id_ in ((parent, 1), (child, 2)))
    check_parent(Version(older, snapshot.digest(parent)), Version(newer, snapshot.digest(child)))
    return True


def read_manifest(given: Input) -> object:
    data = _data(given)
    storage = _storage(data)
    with SstReader(storage, PATH) as reader:
        file_id, table = reader.file_id.hex(), reader.properties.table
    digest = f"{hash64(data[-sst.FOOTER_SIZE :]):016x}"
    reference = ManifestReference(file_id, len(data), digest, 0, 0, 0, "", "", 0, 0)
    loaded = manifest.load(storage, table, reference)
    columns = [native_values.forms(column) for column in loaded.columns]
    names = [field.name for field in manifest.FIELDS]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return [
        {
            "kind": int(kind),
            "partition": row["partition"],
            "bucket": row["bucket"],
            "file": row["file"],
            "level": row["level"],
            "digest": f"{int(str(row['digest'])):016x}",
            "row_count": row["row_count"],
            "sequence": [row["sequence_min"], row["sequence_max"]],
        }
        for kind, row in zip(loaded.kinds, rows, strict=True)
    ]
