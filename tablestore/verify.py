"""Verification of a table or of one file: every checksum, count and order that the spec states, without raising.

Shallow: snapshots, schema, manifests, footers, directories. Deep: also every chunk, key order, bounds, filters,
statistics, sequence ranges and the place of every key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tablestore import pins
from tablestore._native import bloom
from tablestore._native import hash as hashing
from tablestore.core import Core, read_schema
from tablestore.errors import FormatError, SnapshotExpiredError, TableStoreError
from tablestore.file import column_reader, fileset, keys, layout, manifest, partition, sst
from tablestore.file.column_reader import Piece
from tablestore.file.key_reader import read_keys
from tablestore.file.manifest import Entry, Manifest
from tablestore.file.snapshot import ManifestReference, Snapshot, Totals
from tablestore.file.sst_reader import SstReader
from tablestore.file.statistics import chunk_statistics
from tablestore.lease import Lease, acquire
from tablestore.lsm.lineage import Lineage, Version, check_parent
from tablestore.lsm.memtable import by_place, data_columns
from tablestore.lsm.parallel import ordered_map
from tablestore.pins import Pins
from tablestore.results import Finding, VerifyResult
from tablestore.storage import NotFoundError, Storage
from tablestore.types import ROW_KIND, SEQUENCE

Progress = Callable[[int, int], None]
_DOCUMENTS = ("schema", "snapshot", "boundary", "tag", "consumer", "lease")


def verify(
    storage: Storage, version: int | None = None, deep: bool = False, progress: Progress | None = None
) -> VerifyResult:
    """Verify the newest snapshot, or `version`, with everything that it refers to, and the chain of snapshots."""
    findings: list[Finding] = []
    lineage = Lineage(storage)
    chain = _chain(lineage, version, findings)
    chosen = next((v for v in chain if v.id == version), None) if version else (chain[-1] if chain else None)
    if chosen is None:
        if not findings:
            lineage.newest()
            findings.append(
                _finding(
                    FormatError(
                        "the snapshot is absent", code="missing-file", file=layout.snapshot_path(version or 1)
                    )
                )
            )
        return VerifyResult(version or 0, 0, 0, len(chain), 0, 0, deep, tuple(findings))
    snapshot = chosen.snapshot
    lineage.table = snapshot.table
    held: Lease | None = None
    pinned: Pins | None = None
    try:
        core = Core(storage, read_schema(storage, snapshot), lineage)
        held = _lease(core, chosen)
        pinned = _pins(core, findings)
        entries = _entries(core, snapshot, deep, findings)
    except TableStoreError as error:
        findings.append(_finding(error))
        entries = []
    checked = ordered_map(lambda entry: _file(core, entry, deep), entries)
    for done, problems in enumerate(checked, 1):
        findings.extend(problems)
        if progress is not None:
            progress(done, len(entries))
    if held is not None:
        held.release()
    elif version is None and findings and snapshot.id < _boundary(lineage, findings):
        return verify(storage, None, deep, progress)  # the newest has expired before it was held
    return VerifyResult(
        version=snapshot.id,
        files=len(entries),
        manifests=len(snapshot.manifests),
        snapshots=len(chain),
        rows=sum(entry.row_count for entry in entries),
        bytes=sum(entry.size for entry in entries),
        deep=deep,
        findings=tuple(findings),
        orphans=tuple(_orphans(core, chain, pinned)) if pinned is not None and not findings else (),
    )


def verify_file(storage: Storage, path: str, deep: bool = True) -> list[Finding]:
    """Verify one SST without its table."""
    try:
        reader = SstReader(storage, path)
    except TableStoreError as error:
        return [_finding(error)]
    with reader:
        return [_finding(error) for error in _contents(reader, None)] if deep else []


def _finding(error: Exception) -> Finding:
    if isinstance(error, FormatError):
        return Finding(error.code, error.file or "", error.offset, error.section, error.message)
    return Finding("io-error", "", None, None, str(error))


def _chain(lineage: Lineage, wanted: int | None, findings: list[Finding]) -> list[Version]:
    """All snapshots from the boundary on that can be read; faults of others and of their links become findings."""
    chain: list[Version] = []
    kept = _boundary(lineage, findings)
    for number in lineage.ids():
        if number < kept and number != wanted:
            continue  # expired: what is left of it waits for the next expiry (spec §15.6)
        try:
            version = lineage.read(number)
            if chain and chain[-1].snapshot.table != version.snapshot.table:
                path = layout.snapshot_path(number)
                raise FormatError(
                    "the snapshot is of another table", code="wrong-table", file=path, section="10.3"
                )
            if chain and chain[-1].id == number - 1:
                check_parent(chain[-1], version)
        except TableStoreError as error:
            if not isinstance(error, NotFoundError) or number >= _boundary(lineage, findings):
                findings.append(_finding(error))
            continue
        chain.append(version)
    return chain


def _boundary(lineage: Lineage, findings: list[Finding]) -> int:
    try:
        return lineage.boundary()
    except FormatError as error:
        findings.append(_finding(error))
        return 0


def _lease(core: Core, chosen: Version) -> Lease | None:
    """Keeps the files while they are verified; of an expired snapshot a tag may."""
    try:
        return acquire(core, chosen)
    except SnapshotExpiredError:
        return None


def _pins(core: Core, findings: list[Finding]) -> Pins | None:
    """Tags, consumers and leases; a fault of one is a finding."""
    try:
        return pins.read(core)
    except FormatError as error:
        findings.append(_finding(error))
        return None


def _entries(core: Core, snapshot: Snapshot, deep: bool, findings: list[Finding]) -> list[Entry]:
    """Live files; manifests, history, levels and totals are checked on the way."""
    loaded = []
    for reference in snapshot.manifests:
        try:
            part = manifest.load(core.storage, core.schema.table, reference)
            _check_reference(reference, part)
            loaded.append(part)
            if deep:
                with manifest.open_manifest(core.storage, core.schema.table, reference) as reader:
                    findings.extend(_finding(error) for error in _contents(reader, None))
        except TableStoreError as error:
            findings.append(_finding(error))
    if findings:
        return []
    path = layout.snapshot_path(snapshot.id)
    try:
        entries = fileset.live(loaded, strict=True).entries()
        _check_entries(core, entries, path)
    except FormatError as error:
        findings.append(_finding(error.located(path)))
        return fileset.live(loaded).entries()
    totals = Totals(
        len(entries),
        sum(entry.size for entry in entries),
        sum(entry.row_count for entry in entries),
        sum(entry.delete_count for entry in entries),
    )
    if totals != snapshot.totals:
        wrong = "totals differ from the live files"
        findings.append(_finding(FormatError(wrong, code="count-mismatch", file=path, section="10.3")))
    return entries


def _check_reference(reference: ManifestReference, part: Manifest) -> None:
    """A reference's counts and bounds against the manifest (spec §10.2)."""
    removed = int((part.kinds == manifest.REMOVED).sum())
    bucket = part.column(manifest.BUCKET).typed("i4")
    partitions = part.column(manifest.PARTITION).to_arrow()
    stated = (reference.added, reference.removed, reference.bucket_min, reference.bucket_max)
    found = (len(part) - removed, removed, int(bucket.min()), int(bucket.max()))
    bounds = (
        partitions[0].as_py()[: keys.BOUND_SIZE].hex(),
        partitions[len(partitions) - 1].as_py()[: keys.BOUND_SIZE].hex(),
    )
    if stated != found or bounds != (reference.partition_min, reference.partition_max):
        raise FormatError(
            "the reference does not describe the manifest",
            code="bad-entry",
            file=layout.manifest_path(reference.file),
            section="10.2",
        )


def _check_entries(core: Core, entries: Sequence[Entry], path: str) -> None:
    for place, group in by_place(entries).items():
        if place[1] >= core.schema.buckets:
            raise FormatError(
                f"bucket {place[1]} is out of range", code="bad-entry", file=path, section="9.6"
            )
        partition.decode(core.schema.partition_fields, place[0])
        for level in (1, 2, 3):
            files = sorted((e for e in group if e.level == level), key=lambda entry: entry.key_min)
            for left, right in pairwise(files):
                touching = left.key_max == right.key_min and len(left.key_max) == keys.BOUND_SIZE
                if right.key_min <= left.key_max and not touching:
                    raise FormatError(
                        f"files {left.file} and {right.file} of level {level} overlap",
                        code="bad-entry",
                        file=path,
                        section="9.6",
                    )


def _file(core: Core, entry: Entry, deep: bool) -> list[Finding]:
    try:
        reader = core.cache.open(entry)
        _check_columns(core, reader)
    except TableStoreError as error:
        return [_finding(error)]
    if not deep:
        return []
    problems = [_finding(error) for error in _contents(reader, (core, entry))]
    core.cache.forget()
    return problems


def _check_columns(core: Core, reader: SstReader) -> None:
    expected = {column.field.id: column for column in data_columns(core.schema)}
    for column in reader.properties.columns:
        known = expected.get(column.field.id)
        if known is None or known.role != column.role or known.field.type != column.field.type:
            raise FormatError(
                f"column {column.field.name!r} is not one of the schema",
                code="schema-mismatch",
                file=reader.path,
                offset=reader.footer.properties_offset,
                section="7.9",
            )


def _contents(reader: SstReader, place: tuple[Core, Entry] | None) -> Iterator[TableStoreError]:
    """Decode a file block by block and compare it with everything that is said of it."""
    key_fields = [column.field for column in reader.properties.columns if column.role == "key"]
    previous: bytes | None = None
    try:
        section = reader.filter()
        for index in range(reader.footer.block_count):
            start, stop = int(reader.row_start[index]), int(reader.row_start[index + 1])
            piece = [Piece(reader, start, stop)]
            encoded, _ = read_keys(piece, key_fields)
            previous = _check_keys(reader, index, encoded, previous)
            _check_system(reader, index, piece)
            _check_statistics(reader, index, piece)
            hashes = encoded.hashes()
            if section is not None and not bloom.probe(section, hashes).all():
                raise _damage(
                    reader,
                    "the filter misses a key of the file",
                    "bad-filter",
                    reader.footer.filter_offset,
                    "6.4",
                )
            if place is not None:
                _check_place(reader, place, hashes, piece)
    except TableStoreError as error:
        yield error


def _damage(reader: SstReader, message: str, code: str, offset: int, section: str) -> FormatError:
    return FormatError(message, code=code, file=reader.path, offset=offset, section=section)


def _check_keys(reader: SstReader, index: int, encoded: keys.Keys, previous: bytes | None) -> bytes:
    """Order inside the block and after the block before, and the block's bounds (spec §7.7)."""
    offset = int(reader.directory.offset[0, index])
    first, last = encoded.key(0), encoded.key(encoded.length - 1)
    if encoded.first_disorder() >= 0 or (previous is not None and first <= previous):
        raise _damage(reader, f"keys of block {index} are not in order", "key-order", offset, "7.7")
    bounds = (reader.directory.first.key(index), reader.directory.last.key(index))
    if (first[: keys.BOUND_SIZE], last[: keys.BOUND_SIZE]) != bounds:
        raise _damage(reader, f"keys of block {index} differ from its bounds", "key-order", offset, "7.9")
    return last


def _check_system(reader: SstReader, index: int, piece: Sequence[Piece]) -> None:
    """Row kinds and commit sequences (spec §5.6, §7.5)."""
    kinds = column_reader.read_column(piece, ROW_KIND).typed("u1")
    if int((kinds & 1).sum()) != int(reader.directory.deletes[index]):
        offset = int(reader.directory.offset[reader.ordinal(ROW_KIND.id) or 0, index])
        raise _damage(reader, f"block {index} has another number of deletes", "count-mismatch", offset, "7.6")
    sequence = column_reader.read_column(piece, SEQUENCE).typed("u8")
    low, high = np.uint64(reader.properties.sequence_min), np.uint64(reader.properties.sequence_max)
    if np.any((sequence != 0) & ((sequence < low) | (sequence > high))):
        offset = int(reader.directory.offset[reader.ordinal(SEQUENCE.id) or 0, index])
        raise _damage(reader, f"a sequence of block {index} is out of range", "sequence-range", offset, "7.9")


def _check_statistics(reader: SstReader, index: int, piece: Sequence[Piece]) -> None:
    """Ranks and null counts of every chunk (spec §7.6)."""
    for ordinal, column in enumerate(reader.properties.columns):
        vector = column_reader.read_column(piece, column.field)
        if not reader.directory.flags[ordinal, index] & 1:
            continue
        stated = int(reader.directory.minimum[ordinal, index]), int(reader.directory.maximum[ordinal, index])
        if chunk_statistics(vector) != stated:
            offset = int(reader.directory.offset[ordinal, index])
            message = f"statistics of column {column.field.name!r}, block {index}, are wrong"
            raise _damage(reader, message, "bad-value", offset, "7.6")


def _check_place(
    reader: SstReader, place: tuple[Core, Entry], hashes: npt.NDArray[np.uint64], piece: Sequence[Piece]
) -> None:
    """Every key belongs to the bucket, every row to the partition (spec §3.4, §9.3)."""
    core, entry = place
    if np.any(hashing.buckets(hashes, core.schema.buckets) != entry.bucket):
        raise _damage(reader, "a key belongs to another bucket", "bad-entry", sst.HEADER_SIZE, "3.4")
    fields = core.schema.partition_fields
    if fields:
        columns = [column_reader.read_column(piece, field) for field in fields]
        tuples = keys.encode_tuples(columns, len(hashes))
        wrong = any(tuples.key(row) != entry.partition for row in (0, len(hashes) - 1))
        joined = tuples.data.tobytes() != entry.partition * len(hashes)
        if wrong or joined:
            raise _damage(reader, "a row belongs to another partition", "bad-entry", sst.HEADER_SIZE, "9.3")


def _orphans(core: Core, chain: Sequence[Version], pinned: Pins) -> Iterator[str]:
    """Data files and manifests that no snapshot refers to of the chain or that is pinned."""
    used: set[str] = set()
    known = {version.id for version in chain}
    try:
        others = [core.lineage.read(id_) for id_ in sorted(pinned.kept(core.lineage.ids()) - known)]
    except TableStoreError:
        return
    for version in [*chain, *others]:
        used.update(reference.file for reference in version.snapshot.manifests)
        try:
            files = core.files(version.snapshot).column(manifest.FILE).to_arrow().to_pylist()
        except TableStoreError:
            return
        used.update(files)
    for path in walk(core.storage, ""):
        name = path.rsplit("/", 1)[-1]
        file = layout.parse_manifest_name(name) or layout.parse_data_name(name)
        if file is not None and file not in used:
            yield path


def walk(storage: Storage, directory: str) -> Iterator[str]:
    """Paths of all SSTs under a directory of the table."""
    for name in sorted(storage.list(directory)):
        path = f"{directory}/{name}" if directory else name
        if name.endswith(".sst"):
            yield path
        elif "." not in name and name not in _DOCUMENTS:
            try:
                yield from walk(storage, path)
            except (NotFoundError, NotADirectoryError, TableStoreError):
                continue
