"""A log of what LocalStorage asks the system to change, from which the states after a power loss are
computed.

Files and directories are numbered; the table's directory is 0. The log says what was asked for, not what
reached the disk: that is for the reader of the log to choose, bound only by `Sync`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from tablestore.storage.interface import Bytes
from tablestore.storage.system import SystemCalls

ROOT = 0
OUTSIDE = -1


@dataclass(frozen=True)
class MakeDirectory:
    parent: int
    name: str
    node: int


@dataclass(frozen=True)
class CreateFile:
    parent: int
    name: str
    node: int


@dataclass(frozen=True)
class Write:
    """Bytes appended to a file."""

    node: int
    data: bytes


@dataclass(frozen=True)
class Sync:
    """fsync of a file or directory that succeeded."""

    node: int


@dataclass(frozen=True)
class Link:
    """A further name, in the same directory."""

    parent: int
    source: str
    target: str


@dataclass(frozen=True)
class Replace:
    """All contents of a file, overwritten in place; node: the number that the file gets if there is none yet."""

    parent: int
    name: str
    node: int
    data: bytes


@dataclass(frozen=True)
class Rename:
    """A name that takes the place of another, in the same directory."""

    parent: int
    source: str
    target: str


@dataclass(frozen=True)
class Unlink:
    parent: int
    name: str


@dataclass(frozen=True)
class Mark:
    """Something that the caller wants to find again in the log."""

    label: object


Operation = MakeDirectory | CreateFile | Write | Sync | Link | Replace | Rename | Unlink | Mark


class RecordedCalls(SystemCalls):
    """Makes the calls and logs those that change something and succeed. For use by one thread at a time."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        """root: the table's directory; what happens above it is not logged."""
        self.log: list[Operation] = []
        self._root = os.path.abspath(root)
        self._nodes: dict[tuple[int, int], int] = {}
        self._open: dict[int, int] = {}
        self._next = ROOT + 1

    def mark(self, label: object) -> None:
        """Puts a mark into the log."""
        self.log.append(Mark(label))

    def _opened(self, file: int, node: int | None = None) -> int:
        """Remembers what the descriptor stands for; node: if it is new, whatever had its inode before."""
        status = os.fstat(file)
        inode = (status.st_dev, status.st_ino)
        if node is not None or inode not in self._nodes:
            self._nodes[inode] = self._new_node() if node is None else node
        self._open[file] = self._nodes[inode]
        return file

    def _new_node(self) -> int:
        self._next += 1
        return self._next - 1

    def open_root(self, path: str) -> int:
        return self._opened(super().open_root(path), ROOT if os.path.abspath(path) == self._root else OUTSIDE)

    def open_directory(self, directory: int, name: str) -> int:
        return self._opened(super().open_directory(directory, name))

    def make_directory(self, directory: int, name: str) -> None:
        super().make_directory(directory, name)
        node = self._new_node()
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        self._nodes[status.st_dev, status.st_ino] = node
        self.log.append(MakeDirectory(self._open[directory], name, node))

    def create(self, directory: int, name: str) -> int:
        node = self._new_node()
        file = self._opened(super().create(directory, name), node)
        self.log.append(CreateFile(self._open[directory], name, node))
        return file

    def write(self, file: int, parts: Sequence[Bytes]) -> int:
        count = super().write(file, parts)
        data = b"".join(bytes(memoryview(part).cast("B")) for part in parts)
        self.log.append(Write(self._open[file], data[:count]))
        return count

    def sync(self, file: int) -> None:
        super().sync(file)
        if self._open[file] != OUTSIDE:
            self.log.append(Sync(self._open[file]))

    def close(self, file: int) -> None:
        self._open.pop(file, None)
        super().close(file)

    def link(self, directory: int, source: str, target: str) -> None:
        super().link(directory, source, target)
        self.log.append(Link(self._open[directory], source, target))

    def replace(self, directory: int, name: str, data: bytes) -> None:
        super().replace(directory, name, data)
        self.log.append(Replace(self._open[directory], name, self._new_node(), data))

    def rename(self, directory: int, source: str, target: str) -> None:
        super().rename(directory, source, target)
        self.log.append(Rename(self._open[directory], source, target))

    def unlink(self, directory: int, name: str) -> None:
        super().unlink(directory, name)
        self.log.append(Unlink(self._open[directory], name))
