"""The system calls that LocalStorage makes, one method each, so that tests can fail, log, or stop at any of
them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from tablestore.storage.interface import Bytes

if sys.platform == "darwin":
    import fcntl

# Files may be FIFOs put there by somebody: O_NONBLOCK keeps an open from hanging.
READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
CREATE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
REPLACE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class SystemCalls:
    """The calls as they are. Names are relative to an open directory; EINTR is retried by the interpreter."""

    def open_root(self, path: str) -> int:
        """The table's directory; the only place where a link is followed, because the caller named it."""
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def open_directory(self, directory: int, name: str) -> int:
        return os.open(name, DIRECTORY_FLAGS, dir_fd=directory)

    def make_directory(self, directory: int, name: str) -> None:
        os.mkdir(name, 0o777, dir_fd=directory)

    def make_root(self, path: str) -> None:
        os.makedirs(path, exist_ok=True)

    def create(self, directory: int, name: str) -> int:
        return os.open(name, CREATE_FLAGS, 0o666, dir_fd=directory)

    def open(self, directory: int, name: str) -> int:
        return os.open(name, READ_FLAGS, dir_fd=directory)

    def replace(self, directory: int, name: str, data: bytes) -> None:
        """Overwrites a small file in place; after a crash it may hold anything.

        A rename would be tidier, but some file systems write data out when a file is renamed over another.
        """
        file = os.open(name, REPLACE_FLAGS, 0o666, dir_fd=directory)
        try:
            os.pwrite(file, data, 0)
            os.ftruncate(file, len(data))
        finally:
            os.close(file)

    def write(self, file: int, parts: Sequence[Bytes]) -> int:
        """Bytes written, which may be fewer than given."""
        return os.writev(file, parts)

    def read(self, file: int, targets: Sequence[memoryview], offset: int) -> int:
        """Bytes read, which may be fewer than there is room for; 0 at the end."""
        return os.preadv(file, targets, offset)

    def sync(self, file: int) -> None:
        """fsync of a file's contents or a directory's entries."""
        if sys.platform == "darwin":
            fcntl.fcntl(file, fcntl.F_FULLFSYNC)
        else:
            os.fsync(file)

    def close(self, file: int) -> None:
        os.close(file)

    def release(self, file: int) -> None:
        """Closes what was only read, where a failure has nothing to say."""
        with suppress(OSError):
            self.close(file)

    def link(self, directory: int, source: str, target: str) -> None:
        os.link(source, target, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)

    def rename(self, directory: int, source: str, target: str) -> None:
        """Over whatever has the name; never used to publish (spec §11.2)."""
        os.rename(source, target, src_dir_fd=directory, dst_dir_fd=directory)

    def unlink(self, directory: int, name: str) -> None:
        os.unlink(name, dir_fd=directory)

    def status(self, file: int) -> os.stat_result:
        return os.fstat(file)

    def status_of(self, directory: int, name: str) -> os.stat_result:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)

    def list(self, directory: int) -> list[str]:
        return os.listdir(directory)
