"""Reads a whole table with the reference alone: what a third party can build from the specification."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tablestore.reference import manifest, merge, snapshot
from tablestore.reference.key import bucket, decode_tuple
from tablestore.reference.manifest import Entry
from tablestore.reference.primitive import hash64
from tablestore.reference.schema import Schema, decode_schema
from tablestore.reference.snapshot import Snapshot, check_lineage, decode_snapshot
from tablestore.reference.sst import Expected, Row, decode_sst

Values = dict[str, object]


@dataclass(frozen=True)
class ReferenceTable:
    """One snapshot of a table in a directory."""

    root: Path
    schema: Schema
    snapshot: Snapshot

    def entries(self) -> list[Entry]:
        """The live files; totals of the snapshot are checked (spec §10.3)."""
        manifests = []
        for reference in self.snapshot.manifests:
            data = (self.root / "manifest" / f"manifest-{reference.file}.sst").read_bytes()
            expected = Expected(
                reference.size, reference.digest, bytes.fromhex(reference.file), self.snapshot.table
            )
            changes = manifest.decode_manifest(data, expected)
            removed = sum(change.kind == manifest.REMOVED for change in changes)
            assert (reference.added, reference.removed) == (len(changes) - removed, removed)
            manifests.append((reference.sequence, changes))
        live = manifest.live_files(manifests, self.schema.buckets)
        totals = {
            "files": len(live),
            "bytes": sum(entry.size for entry in live),
            "rows": sum(entry.row_count for entry in live),
            "deletes": sum(entry.delete_count for entry in live),
        }
        assert totals == self.snapshot.totals
        return live

    def rows(self) -> list[Values]:
        """The visible rows of all buckets: values by column name, floats as their bits."""
        groups: dict[tuple[bytes, int], list[Entry]] = defaultdict(list)
        for entry in self.entries():
            groups[entry.partition, entry.bucket].append(entry)
        return [row for place, entries in groups.items() for row in self._bucket(place, entries)]

    def _bucket(self, place: tuple[bytes, int], entries: Sequence[Entry]) -> list[Values]:
        files = [self._file(entry) for entry in entries]
        sequence_types = [field.type for field in self.schema.sequence_fields]
        runs = [
            merge.Run(entry.level, entry.sequence_max, entry.ordinal, [self._version(row) for row in rows])
            for entry, rows in zip(entries, files, strict=True)
        ]
        found = []
        for version in merge.deduplicate(runs, sequence_types):
            row = files[version.run][version.row]
            values = {
                name: value for name, value in row.values.items() if name not in ("_sequence", "_row_kind")
            }
            self._check_place(place, row, values)
            found.append(values)
        return found

    def _version(self, row: Row) -> tuple[bytes, int, int, tuple[object, ...]]:
        fields = tuple(row.values[field.name] for field in self.schema.sequence_fields)
        return row.key, row.sequence, row.kind, fields

    def _file(self, entry: Entry) -> list[Row]:
        """All rows of a data file; every rule of spec §7.9 is checked on the way."""
        names = [field.name for field in self.schema.partition_by]
        types = [field.type for field in self.schema.partition_by]
        data = (self.root / manifest.data_path(names, types, entry)).read_bytes()
        expected = Expected(entry.size, entry.digest, bytes.fromhex(entry.file), self.schema.table, 1)
        file = decode_sst(data, expected)
        rows = list(file.rows())
        assert len(rows) == entry.row_count
        assert (file.properties.key_min, file.properties.key_max) == (entry.key_min, entry.key_max)
        return rows

    def _check_place(self, place: tuple[bytes, int], row: Row, values: Values) -> None:
        """The row is in the partition and bucket that its values and key belong to."""
        partition, number = place
        fields = self.schema.partition_by
        assert decode_tuple([field.type for field in fields], partition) == [values[f.name] for f in fields]
        assert bucket(row.key, self.schema.buckets) == number


def open_table(root: Path, version: int | None = None) -> ReferenceTable:
    """The newest snapshot, or `version`, of the table; the whole chain of snapshots is checked."""
    ids = [snapshot.id_of_name(path.name) for path in (root / "snapshot").iterdir()]
    documents = {
        id_: (root / "snapshot" / f"snapshot-{id_}.json").read_bytes() for id_ in sorted(filter(None, ids))
    }
    snapshots = {id_: decode_snapshot(data, id_) for id_, data in documents.items()}
    for id_, child in snapshots.items():
        if id_ - 1 in documents:
            check_lineage(documents[id_ - 1], child)
            assert hash64(documents[id_ - 1]) == child.parent_digest
    chosen = snapshots[max(snapshots) if version is None else version]
    path = root / "schema" / f"schema-{chosen.schema_id}.json"
    return ReferenceTable(root, decode_schema(path.read_bytes(), chosen.schema_id, chosen.table), chosen)
