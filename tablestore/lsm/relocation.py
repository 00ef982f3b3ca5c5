"""Deletes that must be worked out against a snapshot: keys deleted without their row, and keys that move between
partitions (spec §12.3, §12.5). Both write level 0 files of `-D` rows that carry the values of the row they end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tablestore.file import column_reader, keys
from tablestore.file import vector as vectors
from tablestore.file.column_reader import Piece
from tablestore.file.key_reader import read_keys
from tablestore.file.keys import Keys
from tablestore.file.manifest import Entry
from tablestore.file.part import KeyDeletes
from tablestore.file.sst_reader import SstReader
from tablestore.file.vector import Vector
from tablestore.lsm import memtable
from tablestore.lsm.cache import FileCache
from tablestore.lsm.lookup import Found, lookup
from tablestore.lsm.memtable import by_place
from tablestore.lsm.run import sorted_runs
from tablestore.lsm.window import ranks
from tablestore.types import ROW_KIND, Field

DELETE = 3
Place = tuple[bytes, int]


@dataclass
class _Rows:
    """Delete rows for one place, collected from several sources."""

    columns: list[dict[int, Vector]]

    def write(self, cache: FileCache, place: Place, base: int, ordinal: int) -> Entry:
        """Sort by key and write as one level 0 file."""
        schema = cache.schema
        joined = {
            field.id: vectors.concat([part[field.id] for part in self.columns]) for field in schema.fields
        }
        count = next(iter(joined.values())).length
        encoded = keys.encode([joined[field.id] for field in schema.key_fields], count)
        order, _ = encoded.sort(None, 1, None)
        taken = {field: column.take(order) for field, column in joined.items()}
        kinds = np.full(len(order), DELETE, np.uint8)
        return memtable.write_level0(cache, place, taken, encoded.take(order), kinds, base, ordinal)


def resolve_key_deletes(
    cache: FileCache, live: Sequence[Entry], own: Sequence[Entry], deletes: Sequence[KeyDeletes], base: int
) -> list[Entry]:
    """Write the deletes of `deletes` as rows: each key ends the greatest version in `live` and older own files.

    live: entries of the snapshot; own: files that this commit wrote. A key that is nowhere needs no delete.
    """
    written: list[Entry] = []
    for ordinal in sorted({item.ordinal for item in deletes}):
        rows: dict[Place, _Rows] = {}
        before = [*live, *(entry for entry in [*own, *written] if entry.ordinal < ordinal)]
        places = by_place(before)
        for item in (item for item in deletes if item.ordinal == ordinal):
            for place, entries in places.items():
                if place[1] != item.bucket:
                    continue
                found = lookup(cache, sorted_runs(_as_newest(entries)), item.keys, item.keys.hashes())
                found = found.restrict((found.kind & 1) == 0)
                if len(found):
                    rows.setdefault(place, _Rows([])).columns.append(_columns_of(cache, found))
        written.extend(part.write(cache, place, base, ordinal) for place, part in rows.items())
    return written


def _as_newest(entries: Sequence[Entry]) -> list[Entry]:
    """Own files have no sequence yet; give them one above all others so that they sort as the newest."""
    return [
        replace(entry, sequence_min=2**63, sequence_max=2**63) if entry.sequence_max == 0 else entry
        for entry in entries
    ]


def _columns_of(cache: FileCache, found: Found) -> dict[int, Vector]:
    return {field.id: found.column(field) for field in cache.schema.fields}


@dataclass
class _Winners:
    """The newest version of each key of a commit in one bucket: sorted keys, where each is, its kind."""

    keys: Keys
    hashes: npt.NDArray[np.uint64]
    partition: list[bytes]
    partition_of: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.uint8]
    pieces: list[Piece]
    rows: npt.NDArray[np.uint32]


def relocate(
    cache: FileCache, live: Sequence[Entry], own: Sequence[Entry], base: int, ordinal: int
) -> list[Entry]:
    """Write the deletes of spec §12.5 for the files `own` on top of the snapshot's files `live`."""
    rows: dict[Place, _Rows] = {}
    places = by_place(_as_newest([*live, *own]))
    for bucket in sorted({entry.bucket for entry in own}):
        winners = _winners(cache, [entry for entry in own if entry.bucket == bucket])
        late = np.zeros(len(winners.kinds), bool)
        late_by: list[tuple[npt.NDArray[np.int64], Found]] = []
        for place, entries in places.items():
            if place[1] != bucket:
                continue
            probes = np.flatnonzero(
                np.array([name != place[0] for name in winners.partition], bool)[winners.partition_of]
            )
            if not len(probes):
                continue
            found = lookup(
                cache,
                sorted_runs(entries),
                winners.keys.take(probes.astype(np.uint32)),
                winners.hashes[probes],
            )
            if not len(found):
                continue
            own_row = probes[found.probe]
            if cache.schema.order_fields:
                greater = _greater(cache, found, winners, own_row)
                if greater.any():
                    late[own_row[greater]] = True
                    late_by.append((own_row[greater], found.restrict(greater)))
                found, own_row = found.restrict(~greater), own_row[~greater]
            ends = (found.kind & 1) == 0
            if ends.any():
                columns = _columns_of(cache, found.restrict(ends))
                _take_order(cache, columns, winners, own_row[ends])
                rows.setdefault(place, _Rows([])).columns.append(columns)
        late[_beaten_at_home(cache, live, winners, np.flatnonzero(late), bucket)] = False
        _suppress_late(cache, winners, late, late_by, bucket, rows)
    return [part.write(cache, place, base, ordinal) for place, part in rows.items()]


def _winners(cache: FileCache, own: Sequence[Entry]) -> _Winners:
    """Merge the commit's own files of a bucket, all partitions together, by ordinal."""
    schema = cache.schema
    ordered = sorted(own, key=lambda entry: entry.ordinal)
    readers: list[SstReader] = [cache.open(entry) for entry in ordered]
    pieces = [Piece(reader, 0, int(reader.footer.row_count)) for reader in readers]
    encoded, _ = read_keys(pieces, schema.key_fields)
    run_end = np.cumsum([piece.stop for piece in pieces]).astype(np.int64)
    rank = None
    if schema.order_fields:
        columns = [column_reader.read_column(pieces, field) for field in schema.order_fields]
        rank = ranks(columns, encoded.length)
    chosen = encoded.merge(run_end, rank)
    file_of = np.searchsorted(run_end, chosen, "right")
    names = sorted({entry.partition for entry in ordered})
    number = np.array([names.index(entry.partition) for entry in ordered], np.int64)
    kinds = column_reader.read_column(pieces, ROW_KIND).typed("u1")[chosen]
    winners = encoded.take(chosen)
    return _Winners(winners, winners.hashes(), names, number[file_of], kinds, pieces, chosen)


def _own_column(winners: _Winners, field: Field, rows: npt.NDArray[np.int64]) -> Vector:
    column = column_reader.read_column(winners.pieces, field)
    return column.take(winners.rows[rows])


def _greater(
    cache: FileCache, found: Found, winners: _Winners, own_row: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Whether each found version beats the commit's own by its sequence fields; equal ones do not."""
    both = [
        vectors.concat([found.column(field), _own_column(winners, field, own_row)])
        for field in cache.schema.order_fields
    ]
    order = ranks(both, 2 * len(found))
    result: npt.NDArray[np.bool_] = order[: len(found)] > order[len(found) :]
    return result


def _take_order(
    cache: FileCache, columns: dict[int, Vector], winners: _Winners, own_row: npt.NDArray[np.int64]
) -> None:
    """Deletes in the old partition carry the sequence fields of the row that ends the old one."""
    for field in cache.schema.order_fields:
        columns[field.id] = _own_column(winners, field, own_row)


def _beaten_at_home(
    cache: FileCache, live: Sequence[Entry], winners: _Winners, late: npt.NDArray[np.int64], bucket: int
) -> npt.NDArray[np.int64]:
    """Those of the late rows that lose to a version in their own partition and need nothing more.

    A delete for them could end the very row that beats them: it may be one that moved here, and its sequence
    fields are then those of the delete that it left behind elsewhere.
    """
    places = by_place(live)
    beaten: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)]
    for number, name in enumerate(winners.partition):
        mine = late[winners.partition_of[late] == number]
        entries = places.get((name, bucket))
        if not len(mine) or not entries:
            continue
        probes = winners.keys.take(mine.astype(np.uint32))
        found = lookup(cache, sorted_runs(entries), probes, winners.hashes[mine])
        if len(found):
            own_row = mine[found.probe]
            beaten.append(own_row[_greater(cache, found, winners, own_row)])
    return np.concatenate(beaten)


def _suppress_late(
    cache: FileCache,
    winners: _Winners,
    late: npt.NDArray[np.bool_],
    late_by: Sequence[tuple[npt.NDArray[np.int64], Found]],
    bucket: int,
    rows: dict[Place, _Rows],
) -> None:
    """Late values of the commit get a delete in their own partition with the sequence fields that beat them."""
    chosen = np.flatnonzero(late & ((winners.kinds & 1) == 0))
    if not len(chosen):
        return
    own_rows = np.concatenate([own for own, _ in late_by])
    beats = {
        field.id: vectors.concat([found.column(field) for _, found in late_by])
        for field in cache.schema.order_fields
    }
    order = ranks(list(beats.values()), len(own_rows))
    best = np.lexsort((order, own_rows))
    last = np.ones(len(best), bool)
    last[:-1] = own_rows[best][1:] != own_rows[best][:-1]
    by_row = dict(zip(own_rows[best][last].tolist(), best[last].tolist(), strict=True))
    for number, name in enumerate(winners.partition):
        mine = chosen[winners.partition_of[chosen] == number]
        if not len(mine):
            continue
        columns = {field.id: _own_column(winners, field, mine) for field in cache.schema.fields}
        source = np.array([by_row[row] for row in mine.tolist()], np.uint32)
        for field_id, column in beats.items():
            columns[field_id] = column.take(source)
        rows.setdefault((name, bucket), _Rows([])).columns.append(columns)
