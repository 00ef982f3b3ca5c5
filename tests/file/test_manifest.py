"""Manifests: entries in and out, ranges of them, and merging parts of a list without changing what lives (spec §9)."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tablestore.errors import FormatError
from tablestore.file import fileset, manifest
from tablestore.file.manifest import ADDED, MOVED, REMOVED, Change, Entry, Manifest
from tablestore.reference import manifest as reference
from tests.damage.memory_store import MemoryStore

TABLE = "00112233445566778899aabbccddeeff"
PARTITIONS = (b"", b"\x00", b"\x01\x01\x01\x00", b"\x01a\x00", b"\x01ab\x00", b"\x01" + b"x" * 80 + b"\x00")


def entry(number: int, source: random.Random) -> Entry:
    low, high = sorted((source.randbytes(8), source.randbytes(8)))
    return Entry(
        partition=source.choice(PARTITIONS), bucket=source.randrange(4), file=f"{number:032x}",
        level=source.randrange(4),
        size=source.randrange(160, 1 << 40), digest=source.getrandbits(64), row_count=source.randrange(1, 1 << 40),
        delete_count=0, key_min=low, key_max=high, sequence_min=0, sequence_max=0, ordinal=source.randrange(5),
        schema_id=0, statistics=b"",
    )  # fmt: skip


def history(seed: int, commits: int) -> list[list[Change]]:
    """Changes of commits in order: files are added, moved and removed."""
    source = random.Random(seed)
    live: dict[str, Entry] = {}
    number = 0
    found = []
    for _ in range(commits):
        changes: dict[str, Change] = {}
        for _ in range(source.randint(1, 4)):
            number += 1
            made = entry(number, source)
            changes[made.file] = Change(ADDED, made)
        for name in source.sample(sorted(live), min(len(live), source.randint(0, 3))):
            if source.random() < 0.6:
                changes[name] = Change(REMOVED, live.pop(name))
            else:
                live[name] = replace(live[name], level=source.randrange(4))
                changes[name] = Change(MOVED, live[name])
        live.update((name, change.entry) for name, change in changes.items() if change.kind == ADDED)
        found.append(list(changes.values()))
    return found


def stored(store: MemoryStore, changes: list[Change], sequence: int) -> Manifest:
    written = manifest.write(store, TABLE, 1, changes, sequence, False)
    return manifest.load(store, TABLE, written.reference)


def live(parts: list[Manifest]) -> list[Entry]:
    return fileset.live(parts, strict=True).entries()


def plain(commits: list[list[Change]]) -> list[Entry]:
    """What is live after the commits, by the reference; sequences are the commits' numbers."""
    given = [
        (sequence, [reference.Change(c.kind, reference.Entry(**_fields(c.entry))) for c in changes])
        for sequence, changes in enumerate(commits, 2)
    ]
    state: dict[tuple[bytes, int, str], reference.Entry] = {}
    for sequence, changes in given:
        for change in changes:
            if change.kind == REMOVED:
                del state[change.entry.key]
            else:
                first = state.get(change.entry.key)
                number = first.sequence_min if first else sequence
                state[change.entry.key] = replace(change.entry, sequence_min=number, sequence_max=number)
    return [Entry(**_fields(state[key])) for key in sorted(state)]


def _fields(found: Entry | reference.Entry) -> dict[str, object]:
    return {name: getattr(found, name) for name in Entry.__slots__}


def as_stored(commits: list[list[Change]], sequences: bool) -> list[list[Change]]:
    """The changes as a transaction writes them: a moved or removed file repeats its resolved sequence."""
    number: dict[str, int] = {}
    result = []
    for sequence, changes in enumerate(commits, 2):
        made = []
        for change in changes:
            if change.kind == ADDED:
                number[change.entry.file] = sequence
                made.append(change)
            else:
                own = number[change.entry.file]
                made.append(Change(change.kind, replace(change.entry, sequence_min=own, sequence_max=own)))
        result.append(made)
    return result if sequences else commits


@pytest.mark.parametrize("seed", range(5))
def test_the_reference_reads_what_is_written(seed: int) -> None:
    store = MemoryStore({})
    (changes, *_) = history(seed, 1)
    written = manifest.write(store, TABLE, 1, changes, 7, False)
    (data,) = store.files.values()
    found = reference.decode_manifest(data)
    expected = sorted(
        changes, key=lambda change: (change.entry.partition, change.entry.bucket, change.entry.file)
    )
    assert [(change.kind, _fields(change.entry)) for change in found] == [
        (change.kind, _fields(change.entry)) for change in expected
    ]
    stated = written.reference
    assert (stated.size, stated.added, stated.removed) == (len(data), len(changes), 0)
    assert live([manifest.load(store, TABLE, stated)]) == [
        replace(change.entry, sequence_min=7, sequence_max=7) for change in expected
    ]


@pytest.mark.parametrize("seed", range(12))
def test_merging_any_part_changes_nothing(seed: int) -> None:
    """Any contiguous part of the list may become one manifest; what is live, and in which order, stays."""
    commits = as_stored(history(seed, 9), True)
    store = MemoryStore({})
    parts = [stored(store, changes, sequence) for sequence, changes in enumerate(commits, 2)]
    expected = plain(commits)
    assert live(parts) == expected
    source = random.Random(seed)
    for _ in range(12):
        start = source.randrange(len(parts))
        stop = source.randrange(start + 1, len(parts) + 1)
        merged = fileset.merge(store, TABLE, 1, parts[start:stop], stop + 1, start == 0, False)
        between = [manifest.load(store, TABLE, merged.reference)] if merged else []
        assert fileset.live([*parts[:start], *between, *parts[stop:]]).entries() == expected
        if start == 0 and between:
            assert set(between[0].kinds.tolist()) <= {ADDED}
        parts = [*parts[:start], *between, *parts[stop:]]
        if len(parts) < 2:
            break


@pytest.mark.parametrize("seed", range(4))
def test_ranges_hold_all_their_entries(seed: int) -> None:
    store = MemoryStore({})
    (changes, *_) = [[change for part in history(seed, 60) for change in part if change.kind == ADDED]]
    written = manifest.write(store, TABLE, 1, changes, 2, False)
    for partition in PARTITIONS:
        for bucket in range(4):
            part = manifest.load(store, TABLE, written.reference, [manifest.place_range(partition, bucket)])
            found = [e.file for e in fileset.live([part]).entries() if e.place == (partition, bucket)]
            expected = sorted(c.entry.file for c in changes if c.entry.place == (partition, bucket))
            assert found == expected


@pytest.mark.parametrize(
    "order", [[REMOVED], [MOVED], [ADDED, ADDED], [ADDED, REMOVED, REMOVED], [ADDED, REMOVED, MOVED]]
)
def test_changes_out_of_turn(order: list[int]) -> None:
    """Spec §9.6: added twice, or moved or removed and not live."""
    made = entry(1, random.Random(1))
    store = MemoryStore({})
    parts = [stored(store, [Change(kind, made)], number) for number, kind in enumerate(order, 2)]
    with pytest.raises(FormatError) as caught:
        live(parts)
    assert caught.value.code == "bad-entry"


def test_nothing_is_live() -> None:
    assert live([]) == []
    made = entry(1, random.Random(1))
    store = MemoryStore({})
    parts = [stored(store, [Change(kind, made)], number) for number, kind in ((2, ADDED), (3, REMOVED))]
    assert live(parts) == []
    assert fileset.merge(store, TABLE, 1, parts, 3, True, False) is None


def test_a_file_that_comes_back() -> None:
    """A removed file may be added again; a part of such a history means the same as its manifests one by one."""
    made = entry(1, random.Random(1))
    kinds = [ADDED, REMOVED, ADDED, REMOVED, ADDED]
    for length in range(1, 6):
        store = MemoryStore({})
        parts = [stored(store, [Change(kind, made)], number) for number, kind in enumerate(kinds[:length], 2)]
        expected = [item.file for item in live(parts)]
        assert len(expected) == length % 2
        for start in range(length):
            for stop in range(start + 1, length + 1):
                merged = fileset.merge(store, TABLE, 1, parts[start:stop], stop + 1, start == 0, False)
                between = [manifest.load(store, TABLE, merged.reference)] if merged else []
                again = fileset.live([*parts[:start], *between, *parts[stop:]]).entries()
                assert [item.file for item in again] == expected, (length, start, stop)
