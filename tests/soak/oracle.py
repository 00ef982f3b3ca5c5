"""What the table must hold: each writer owns its keys, and every commit of it is known from its number alone.

Key 0 of a writer is its marker: it holds the number of the last commit, so each snapshot says which commits it has.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("place", pa.string()),
        pa.field("stamp", pa.int32()),
        pa.field("value", pa.int64()),
        pa.field("text", pa.string()),
    ]
)
WRITERS = 4
KEYS = 2000  # of each writer
SPACE = 1_000_000  # key k of writer w is w * SPACE + k
STAMPED_ALIKE = 3  # so many commits put equal rows for equal keys: the second changes nothing
ABSENT = -1
KINDS = ("+I", "-U", "+U", "-D")
INSERT, BEFORE, AFTER, DELETE = range(4)
_PLACES = pa.array(["north", "south"])

Longs = NDArray[np.int64]
Key = tuple[int, int]


def commit(writer: int, number: int) -> tuple[Longs, Longs]:
    """Keys that a commit puts and those that it deletes, without the writer's part."""
    if number == 0:
        return np.arange(KEYS), np.empty(0, np.int64)
    random = np.random.default_rng([writer, number])
    size = 1000 if number % 40 == 0 else 60
    chosen = 1 + random.choice(KEYS - 1, size, replace=False).astype(np.int64)
    deletes = size // 6
    return np.concatenate(([0], chosen[deletes:])), chosen[:deletes]


def stamps(keys: Longs, number: int) -> Longs:
    """What a commit writes in column `stamp`; all other columns follow from key and stamp."""
    return np.where(keys == 0, number, number // STAMPED_ALIKE)


def rows(ids: Longs, stamped: Longs) -> pa.Table:
    """Whole rows."""
    value = _values(ids, stamped)
    place = pc.take(_PLACES, pa.array(_places(value)))
    columns = [ids, place, stamped.astype(np.int32), value, pc.cast(pa.array(value), pa.string())]
    return pa.table(columns, schema=SCHEMA)


def rows_of(writer: int, number: int) -> tuple[pa.Table, list[int]]:
    """Rows that a commit puts, and ids that it deletes."""
    put, gone = commit(writer, number)
    return rows(put + writer * SPACE, stamps(put, number)), (gone + writer * SPACE).tolist()


def _values(ids: Longs, stamped: Longs) -> Longs:
    mixed = ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= (stamped.astype(np.uint64) + np.uint64(1)) * np.uint64(0xC2B2AE3D27D4EB4F)
    return ((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(1)).astype(np.int64)


def _places(values: Longs) -> Longs:
    return (values >> 7) & 1


class WriterHistory:
    """The states of one writer's keys: the stamp of each, or ABSENT."""

    EVERY = 256

    def __init__(self, writer: int) -> None:
        self.writer = writer
        self._number = ABSENT
        self._state = np.full(KEYS, ABSENT, np.int64)
        self._kept = {ABSENT: self._state.copy()}

    def at(self, number: int) -> Longs:
        """After commit `number`; before the first for ABSENT."""
        if number < self._number:
            self._number = max(kept for kept in self._kept if kept <= number)
            self._state = self._kept[self._number].copy()
        while self._number < number:
            self._number += 1
            put, gone = commit(self.writer, self._number)
            self._state[put] = stamps(put, self._number)
            self._state[gone] = ABSENT
            if self._number % self.EVERY == 0:
                self._kept[self._number] = self._state.copy()
        return self._state.copy()

    def changes(self, since: int, until: int) -> Longs:
        """The difference of two states as sorted codes."""
        before, after = self.at(since), self.at(until)
        ids = np.arange(KEYS) + self.writer * SPACE
        differs = before != after
        was, is_ = before != ABSENT, after != ABSENT
        moves = _places(_values(ids, before)) != _places(_values(ids, after))
        stays = differs & was & is_ & ~moves
        ends = differs & was & ~stays
        begins = differs & is_ & ~stays
        parts = (
            (ends, DELETE, before),
            (begins, INSERT, after),
            (stays, BEFORE, before),
            (stays, AFTER, after),
        )
        codes = [encode(ids[mask], np.full(mask.sum(), kind), state[mask]) for mask, kind, state in parts]
        return np.sort(np.concatenate(codes))


def encode(ids: Longs, kinds: Longs, stamped: Longs) -> Longs:
    """A change in one integer: key, kind, stamp."""
    return (ids * 4 + kinds << 32) | stamped


def decode(codes: Longs) -> tuple[Longs, Longs, Longs]:
    """Ids, kinds and stamps of changes."""
    return codes >> 34, (codes >> 32) & 3, codes & 0xFFFFFFFF


class Oracle:
    """All writers."""

    @cached_property
    def writers(self) -> list[WriterHistory]:
        return [WriterHistory(writer) for writer in range(WRITERS)]

    def check_state(self, found: pa.Table) -> list[int]:
        """Rows are what each writer's first commits make of the table; how many is returned as their last numbers."""
        ids, stamped = checked(found)
        assert len(np.unique(ids)) == len(ids), "a key is there twice"
        numbers = []
        for history in self.writers:
            own = ids // SPACE == history.writer
            keys, state = ids[own] - history.writer * SPACE, np.full(KEYS, ABSENT, np.int64)
            state[keys] = stamped[own]
            numbers.append(int(state[0]))
            wrong = np.flatnonzero(state != history.at(numbers[-1]))
            assert not len(wrong), (
                f"writer {history.writer} after commit {numbers[-1]}: keys {wrong[:10]} hold {state[wrong[:10]]}, "
                f"not {history.at(numbers[-1])[wrong[:10]]} ({len(wrong)} in all)"
            )
        return numbers

    def check_difference(self, before: list[int], found: pa.Table) -> list[int]:
        """Net changes from one state to a later one; the last numbers of that."""
        codes = encode_changes(found)
        numbers = list(before)
        for writer, number in markers(codes).items():
            numbers[writer] = number
        parts = zip(self.writers, before, numbers, strict=True)
        expected = np.concatenate([history.changes(old, new) for history, old, new in parts])
        assert np.array_equal(np.sort(codes), np.sort(expected)), difference(codes, expected)
        return numbers


def markers(codes: Longs) -> dict[int, int]:
    """What changes say is the last commit of writers. Markers are never deleted, but move from place to place."""
    ids, kinds, stamped = decode(codes)
    own = (ids % SPACE == 0) & ((kinds == INSERT) | (kinds == AFTER))
    return dict(zip((ids[own] // SPACE).tolist(), stamped[own].tolist(), strict=True))


def checked(found: pa.Table) -> tuple[Longs, Longs]:
    """Ids and stamps of rows whose other columns fit them."""
    ids = found.column("id").to_numpy()
    stamped = found.column("stamp").to_numpy().astype(np.int64)
    assert found.select(SCHEMA.names).equals(rows(ids, stamped)), "values of a row do not belong together"
    return ids, stamped


def encode_changes(found: pa.Table) -> Longs:
    """Rows of `changes` or `follow` as codes, in their order."""
    kinds = pc.index_in(found.column("_row_kind").cast(pa.string()), pa.array(KINDS)).to_numpy()
    ids, stamped = checked(found)
    return encode(ids, kinds.astype(np.int64), stamped)


def difference(found: Longs, expected: Longs) -> str:
    """What is too many and what is missing, for a message."""

    def show(codes: Longs) -> str:
        some = zip(*(part.tolist() for part in decode(codes[:5])), strict=True)
        return f"{len(codes)}: " + ", ".join(
            f"{KINDS[kind]} {id_} stamp {stamp}" for id_, kind, stamp in some
        )

    return f"too many {show(np.setdiff1d(found, expected))}; missing {show(np.setdiff1d(expected, found))}"
