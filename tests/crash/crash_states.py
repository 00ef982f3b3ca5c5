"""The states in which a power loss can leave a table, computed from a log of what was asked of the file
system.

What was not synchronised may be there or not: of names that were put into directories any part, of the bytes
of a file none, a part, all, or zeros. What was synchronised is there. This is weaker than what real file
systems do, on purpose.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tablestore.storage.recorded import (
    ROOT,
    CreateFile,
    Link,
    MakeDirectory,
    Mark,
    Operation,
    Rename,
    Replace,
    Sync,
    Unlink,
    Write,
)

Tree = dict[str, bytes]
Names = dict[str, int]
CONTENT_MODES = ("lost", "kept", "torn", "zeroed")


@dataclass(frozen=True)
class NameChange:
    """One change of a directory that is not durable yet: names that go, and a name that comes."""

    directory: int
    removed: str | None
    added: tuple[str, int] | None


@dataclass
class Directory:
    durable: Names = field(default_factory=dict)
    now: Names = field(default_factory=dict)
    pending: list[NameChange] = field(default_factory=list)

    def change(self, change: NameChange) -> None:
        apply(self.now, change)
        self.pending.append(change)


@dataclass
class File:
    data: bytes = b""
    durable: bytes = b""

    def content(self, mode: str) -> bytes:
        if mode == "kept" or self.data == self.durable:
            return self.data
        if mode == "lost":
            return self.durable
        # What was appended is torn or zeroed, or all of it if it was overwritten.
        kept = self.durable if self.data.startswith(self.durable) else b""
        unsynced = self.data[len(kept) :]
        return kept + (bytes(len(unsynced)) if mode == "zeroed" else unsynced[: len(unsynced) // 2])


def apply(names: Names, change: NameChange) -> None:
    if change.removed is not None:
        names.pop(change.removed, None)
    if change.added is not None:
        name, node = change.added
        names[name] = node


class Disk:
    """The file system while a log is played: what is there now, and what is durable."""

    def __init__(self) -> None:
        self.directories: dict[int, Directory] = {ROOT: Directory()}
        self.files: dict[int, File] = {}

    def play(self, operation: Operation) -> None:
        if isinstance(operation, MakeDirectory):
            self.directories[operation.node] = Directory()
            self._change(operation.parent, None, (operation.name, operation.node))
        elif isinstance(operation, CreateFile):
            self.files[operation.node] = File()
            self._change(operation.parent, None, (operation.name, operation.node))
        elif isinstance(operation, Write):
            self.files[operation.node].data += operation.data
        elif isinstance(operation, Link):
            node = self.directories[operation.parent].now[operation.source]
            self._change(operation.parent, None, (operation.target, node))
        elif isinstance(operation, Rename):
            # One change: after a crash the old name, the new one or neither moved, never both gone.
            node = self.directories[operation.parent].now[operation.source]
            self._change(operation.parent, operation.source, (operation.target, node))
        elif isinstance(operation, Replace):
            found = self.directories[operation.parent].now.get(operation.name)
            if found is None:
                found = operation.node
                self.files[found] = File()
                self._change(operation.parent, None, (operation.name, found))
            self.files[found].data = operation.data
        elif isinstance(operation, Unlink):
            self._change(operation.parent, operation.name, None)
        elif isinstance(operation, Sync):
            self._sync(operation.node)

    def _change(self, directory: int, removed: str | None, added: tuple[str, int] | None) -> None:
        self.directories[directory].change(NameChange(directory, removed, added))

    def _sync(self, node: int) -> None:
        if node in self.files:
            self.files[node].durable = self.files[node].data
        else:
            directory = self.directories[node]
            directory.durable, directory.pending = dict(directory.now), []

    def trees(self, source: random.Random) -> Iterator[Tree]:
        """The states after a power loss now."""
        pending = [change for directory in self.directories.values() for change in directory.pending]
        unsynced = any(file.data != file.durable for file in self.files.values())
        for chosen in _subsets(pending, source):
            for mode in CONTENT_MODES if unsynced else CONTENT_MODES[:1]:
                yield self._tree(chosen, mode)

    def _tree(self, chosen: Sequence[NameChange], mode: str) -> Tree:
        names = {node: dict(directory.durable) for node, directory in self.directories.items()}
        for change in chosen:
            apply(names[change.directory], change)
        tree: Tree = {}
        waiting = [("", ROOT)]
        while waiting:
            path, node = waiting.pop()
            for name, child in names[node].items():
                if child in self.files:
                    tree[path + name] = self.files[child].content(mode)
                else:
                    waiting.append((f"{path}{name}/", child))
        return tree


def _subsets(changes: list[NameChange], source: random.Random) -> Iterator[Sequence[NameChange]]:
    """None, all, each, all but each, and some at random: the order of the rest is kept."""
    if len(changes) <= 5:
        for count in range(len(changes) + 1):
            yield from itertools.combinations(changes, count)
        return
    yield ()
    yield changes
    for index in range(len(changes)):
        yield [changes[index]]
        yield changes[:index] + changes[index + 1 :]
    for _ in range(16):
        yield [change for change in changes if source.random() < 0.5]


@dataclass(frozen=True)
class CrashState:
    """tree: files by path; acknowledged: label of the last mark before the crash, or None; step: place in the
    log.
    """

    tree: Tree
    acknowledged: object
    step: int


def crash_states(log: Sequence[Operation], seed: int = 0) -> Iterator[CrashState]:
    """All states at all points of the log; a state that was yielded for the same mark is left out."""
    source = random.Random(seed)
    disk = Disk()
    acknowledged: object = None
    seen: set[int] = set()
    for step, operation in enumerate(log):
        if isinstance(operation, Mark):
            acknowledged = operation.label
        else:
            disk.play(operation)
        for tree in disk.trees(source):
            known = hash((acknowledged, frozenset(tree.items())))
            if known not in seen:
                seen.add(known)
                yield CrashState(tree, acknowledged, step)


def write_tree(tree: Tree, path: Path) -> None:
    """Makes the files of a state."""
    path.mkdir(parents=True)
    for name, data in tree.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


# ---- protocols with a step left out or moved, which the checks must find


def without_syncs(log: Sequence[Operation], files: bool, directories: bool) -> list[Operation]:
    """The log with no fsync of files, or of directories, or of both."""
    made = {operation.node for operation in log if isinstance(operation, CreateFile)}
    return [
        operation
        for operation in log
        if not isinstance(operation, Sync) or not (files if operation.node in made else directories)
    ]


def published_first(log: Sequence[Operation]) -> list[Operation]:
    """Every fsync moved behind the link that it should come before."""
    result: list[Operation] = []
    delayed: list[Operation] = []
    for operation in log:
        if isinstance(operation, Sync):
            delayed.append(operation)
            continue
        if isinstance(operation, Mark):
            result += delayed
            delayed = []
        result.append(operation)
    return result


def acknowledged_early(log: Sequence[Operation]) -> list[Operation]:
    """The acknowledgement moved before the fsync of the directory that holds the new name."""
    result: list[Operation] = []
    held: list[Operation] = []
    linked = False
    for operation in log:
        if linked and not isinstance(operation, Mark):
            held.append(operation)
            continue
        result.append(operation)
        if isinstance(operation, Mark):
            result += held
            held, linked = [], False
        linked = linked or isinstance(operation, Link)
    return result + held
