"""A store in a dict, so that a test can change any byte of a table without touching a disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tablestore.errors import FormatError, LimitExceededError
from tablestore.storage import AlreadyExistsError, FileStatus, NotFoundError

Files = dict[str, bytes]


class MemoryFile:
    """A file of a MemoryStore, open for reading."""

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.size = len(data)
        self._data = data

    def read_at(self, offset: int, size: int) -> bytes:
        if offset + size > len(self._data):
            raise FormatError("the file ends early", code="truncated", file=self.path, offset=len(self._data))
        return self._data[offset : offset + size]

    def read_into(self, offset: int, target: memoryview) -> None:
        target[:] = self.read_at(offset, target.nbytes)

    def read_ranges(self, ranges: Sequence[tuple[int, memoryview]]) -> None:
        for offset, target in ranges:
            self.read_into(offset, target)

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> MemoryFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class MemoryStore:
    """See `tablestore.storage.Storage`. `files` may be changed at any time."""

    root = "memory"

    def __init__(self, files: Files) -> None:
        self.files = files

    def create(self, path: str, parts: Sequence[Any], durable: bool) -> None:
        if path in self.files:
            raise AlreadyExistsError(f"{path} exists")
        self.files[path] = b"".join(bytes(part) for part in parts)

    def publish(self, path: str, data: bytes, durable: bool) -> None:
        self.create(path, [data], durable)

    def sync_removals(self, directory: str) -> None:
        pass

    def sync_directories(self, durable: bool = True) -> None:
        """Nothing can be lost."""

    def read(self, path: str, limit: int = 16_777_216) -> bytes:
        data = self._found(path)
        if len(data) > limit:
            raise LimitExceededError(f"{len(data)} bytes", code="limit-exceeded", file=path, section="0.5")
        return data

    def open(self, path: str) -> MemoryFile:
        return MemoryFile(path, self._found(path))

    def _found(self, path: str) -> bytes:
        if path not in self.files:
            raise NotFoundError(f"{path} does not exist")
        return self.files[path]

    def list(self, directory: str) -> list[str]:
        prefix = f"{directory}/" if directory else ""
        names = {path[len(prefix) :].split("/")[0] for path in self.files if path.startswith(prefix)}
        if directory and not names:
            raise NotFoundError(f"{directory} does not exist")
        return sorted(names)

    def exists(self, path: str) -> bool:
        return path in self.files

    def size(self, path: str) -> int:
        return len(self._found(path))

    def remove(self, path: str) -> None:
        self._found(path)
        del self.files[path]

    def replace(self, path: str, data: bytes) -> None:
        self.files[path] = data

    def status(self, path: str) -> FileStatus:
        return FileStatus(len(self._found(path)), 0, path)

    def write_hint(self, path: str, data: bytes) -> None:
        self.files[path] = data

    def probe(self) -> None:
        """A dict can always publish."""


def load(directory: Path) -> Files:
    """All files of a table on disk."""
    return dict(_walk(directory))


def _walk(directory: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            yield path.relative_to(directory).as_posix(), path.read_bytes()
