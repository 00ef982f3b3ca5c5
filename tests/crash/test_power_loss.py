"""Power loss at every point of a table's life: acknowledged commits are there, others are wholly there or not
at all.

Every state is checked by its files: those that the newest visible snapshot refers to must be whole. A part of
the states is made real and opened, read, and written to with the library; TABLESTORE_CRASH=full takes a
larger part.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from crash_states import (
    CrashState,
    Tree,
    acknowledged_early,
    crash_states,
    published_first,
    without_syncs,
    write_tree,
)
from crash_tables import SCHEMA, Rows, check_alive, create, read_rows, rows_of, scratch

import tablestore as ts
from tablestore.file import layout, snapshot
from tablestore.storage import LocalStorage
from tablestore.storage.recorded import Operation, RecordedCalls

OPENED = 5_000 if os.environ.get("TABLESTORE_CRASH") == "full" else 60


@dataclass(frozen=True)
class Life:
    """log: of everything from create_table on.

    rows: by version. needed: files by version, with their contents.
    """

    log: list[Operation]
    rows: dict[int, Rows]
    needed: dict[int, Tree]


def live(path: Path, partitioned: bool) -> Life:
    """A short life of a table; each acknowledged version is marked in the log."""
    calls = RecordedCalls(path)
    table = create(LocalStorage(path, calls), partitioned)
    calls.mark(table.version)
    steps: list[Callable[[], object]] = [
        lambda: table.upsert(rows_of(0, 8, "a")),
        lambda: table.upsert(rows_of(4, 8, "b")),
        lambda: table.delete([1]),
        lambda: table.compact(full=True),
        lambda: table.upsert(rows_of(2, 4, "c")),
        lambda: table.overwrite(rows_of(50, 4, "d")),
    ]
    for step in steps:
        step()
        calls.mark(table.version)
    views = {version: ts.open_table(path).at(version=version) for version in range(1, table.version + 1)}
    needed = {version: needed_files(path, version, views[version]) for version in views}
    return Life(calls.log, {version: read_rows(view) for version, view in views.items()}, needed)


def needed_files(path: Path, version: int, view: ts.View) -> Tree:
    """Everything that reading a version needs."""
    document = (path / layout.snapshot_path(version)).read_bytes()
    decoded = snapshot.decode(document, "snapshot", version)
    names = [layout.snapshot_path(version), layout.schema_path(decoded.schema_id)]
    names += [layout.manifest_path(reference.file) for reference in decoded.manifests]
    names += view.files().column("path").to_pylist()
    return {name: (path / name).read_bytes() for name in names}


def visible(tree: Tree) -> int:
    """The newest snapshot whose name is there."""
    names = (layout.parse_snapshot_name(name.removeprefix("snapshot/")) for name in tree)
    return max((number for number in names if number is not None), default=0)


def fault_of(state: CrashState, life: Life) -> str | None:
    """What is wrong with a state, from its files alone."""
    newest = visible(state.tree)
    if newest < (state.acknowledged or 0):
        return f"version {state.acknowledged} was acknowledged, {newest} is there"
    if newest == 0:
        return None
    for name, data in life.needed[newest].items():
        if state.tree.get(name) != data:
            return f"version {newest} refers to {name}, which is {'damaged' if name in state.tree else 'missing'}"
    return None


@pytest.mark.parametrize("partitioned", [False, True], ids=["plain", "partitioned"])
def test_no_state_loses_or_tears_a_commit(partitioned: bool) -> None:
    with scratch() as directory:
        life = live(directory / "table", partitioned)
        states = list(crash_states(life.log))
        faults = [(state.step, fault) for state in states if (fault := fault_of(state, life)) is not None]
        assert faults == []
        assert len(states) > 500
        stride = max(1, len(states) // OPENED)
        for state in states[::stride]:
            path = directory / "state"
            write_tree(state.tree, path)
            open_and_go_on(path, state, life)
            shutil.rmtree(path)


def open_and_go_on(path: Path, state: CrashState, life: Life) -> None:
    """The library reads the newest version of a real copy of the state and commits the next."""
    newest = visible(state.tree)
    if newest == 0:
        table = ts.create_table(path, SCHEMA, primary_key=["id"], if_exists="open")
        assert read_rows(table) == {}
        newest, rows = 1, {}
    else:
        table = ts.open_table(path)
        rows = life.rows[newest]
    assert table.version == newest, state.step
    assert read_rows(table) == rows, state.step
    check_alive(path, rows, f"step {state.step}, version {newest}")


BROKEN: dict[str, Callable[[Sequence[Operation]], list[Operation]]] = {
    "no fsync": lambda log: without_syncs(log, files=True, directories=True),
    "no fsync of files": lambda log: without_syncs(log, files=True, directories=False),
    "no fsync of directories": lambda log: without_syncs(log, files=False, directories=True),
    "published before the data is durable": published_first,
    "acknowledged before the name is durable": acknowledged_early,
}


@pytest.mark.parametrize("broken", BROKEN)
def test_broken_protocols_are_found(broken: str) -> None:
    with scratch() as directory:
        life = live(directory / "table", partitioned=False)
        log = BROKEN[broken](life.log)
        assert sorted(map(repr, log)) == sorted(map(repr, life.log)) or len(log) < len(life.log)
        assert any(fault_of(state, life) for state in crash_states(log))


def test_the_library_meets_the_damage_of_a_broken_protocol_with_typed_errors() -> None:
    with scratch() as directory:
        life = live(directory / "table", partitioned=False)
        broken = [
            state
            for state in crash_states(without_syncs(life.log, files=True, directories=True))
            if (fault := fault_of(state, life)) is not None and "refers to" in fault
        ]
        assert len(broken) > 50
        for state in broken[:: max(1, len(broken) // 60)]:
            path = directory / "state"
            write_tree(state.tree, path)
            with pytest.raises(ts.FormatError) as caught:
                read_rows(ts.open_table(path))
            assert caught.value.file is not None
            shutil.rmtree(path)
