"""Tables on a local or network file system with hard links (spec §11.2, §11.3)."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress

from tablestore.errors import ChecksumError, FormatError, LimitExceededError, StorageError, UnsafePathError
from tablestore.storage.directories import Descriptor, DirectoryTree, split_path
from tablestore.storage.interface import (
    DOCUMENT_BYTES_MAX,
    AlreadyExistsError,
    AttemptGoneError,
    Bytes,
    FileStatus,
    NotFoundError,
    PublishUnknownError,
)
from tablestore.storage.pool import OpenFiles
from tablestore.storage.system import SystemCalls

_VECTORS_MAX = 512  # below IOV_MAX everywhere


class LocalFile:
    """A regular file, open for reading. A read that is under way in another thread outlives `close`.

    The descriptor is given up while many other files are read, and opened again when it is needed.
    """

    def __init__(
        self, storage: LocalStorage, descriptor: Descriptor, path: str, status: os.stat_result
    ) -> None:
        self.path = path
        self.size = status.st_size
        self._storage = storage
        self._calls = storage.calls
        self._identity = (status.st_dev, status.st_ino, status.st_size)
        self._descriptor: Descriptor | None = descriptor
        self._closed = False
        storage.open_files.used(self)

    def read_at(self, offset: int, size: int) -> bytes:
        buffer = bytearray(size)
        self._fill([memoryview(buffer)], offset)
        return bytes(buffer)

    def read_into(self, offset: int, target: memoryview) -> None:
        self._fill([target], offset)

    def read_ranges(self, ranges: Sequence[tuple[int, memoryview]]) -> None:
        first = 0
        while first < len(ranges):
            offset, target = ranges[first]
            targets, end, last = [target], offset + target.nbytes, first + 1
            while last < len(ranges) and ranges[last][0] == end and len(targets) < _VECTORS_MAX:
                targets.append(ranges[last][1])
                end += ranges[last][1].nbytes
                last += 1
            self._fill(targets, offset)
            first = last

    def _fill(self, targets: list[memoryview], offset: int) -> None:
        targets = [target.cast("B") for target in targets if target.nbytes]
        descriptor = self._open_descriptor()
        while targets:
            with _Failing("read", self.path):
                count = self._calls.read(descriptor.file, targets, offset)
            if count == 0:
                raise FormatError("the file ends early", code="truncated", file=self.path, offset=offset)
            offset += count
            while targets and count >= targets[0].nbytes:
                count -= targets.pop(0).nbytes
            if count:
                targets[0] = targets[0][count:]

    def _open_descriptor(self) -> Descriptor:
        if self._closed:
            raise StorageError(errno.EBADF, "read: the file has been closed", self.path)
        descriptor = self._descriptor
        if descriptor is None:
            descriptor, status = self._storage.open_descriptor(self.path)
            if (status.st_dev, status.st_ino, status.st_size) != self._identity:
                raise ChecksumError(
                    "the file was replaced while it was in use",
                    code="wrong-file",
                    file=self.path,
                    section="7.8",
                )
            self._descriptor = descriptor
        self._storage.open_files.used(self)
        return descriptor

    def plain_descriptor(self) -> Descriptor | None:
        """What a kernel may read from while the caller holds it; None where the system calls are not the plain ones."""
        return self._open_descriptor() if type(self._calls) is SystemCalls else None

    def park(self) -> None:
        self._descriptor = None

    def close(self) -> None:
        self._closed = True
        self._descriptor = None
        self._storage.open_files.closed(self)

    def __enter__(self) -> LocalFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class LocalStorage:
    """See `Storage`. One object may be used by several threads; processes need nothing in common but the
    directory.

    After a failed fsync of a directory `sync_directories` fails for good: nothing can prove any more that
    names written before it are durable. A new object starts afresh.
    """

    def __init__(self, root: str | os.PathLike[str], calls: SystemCalls | None = None) -> None:
        self.root = os.fspath(root)
        self.calls = self._calls = calls or SystemCalls()
        self.open_files = OpenFiles()
        self._tree = DirectoryTree(self.root, self._calls)

    # ---- writing

    def create(self, path: str, parts: Sequence[Bytes], durable: bool) -> None:
        directory, name = split_path(path)
        with _Failing("create", path):
            opened, file = self._create_in(directory, name)
            self._write_new(opened, file, name, parts, durable)
            self._tree.entered(directory)

    def sync_directories(self, durable: bool = True) -> None:
        with _Failing("synchronise", "."):
            self._tree.sync(durable)

    def sync_removals(self, directory: str) -> None:
        with _Failing("synchronise", directory), suppress(FileNotFoundError):
            self._tree.forget_removed(directory)
            self._tree.open(directory)
            self._tree.sync_one(directory)

    def publish(self, path: str, data: bytes, durable: bool) -> None:
        directory, name = split_path(path)
        temporary = "." + secrets.token_hex(12)
        with _Failing("publish", path):
            opened, file = self._create_in(directory, temporary)
            self._write_new(opened, file, temporary, [data], durable)
            if durable:
                try:
                    self._tree.sync_above(directory)
                except OSError:
                    self._discard(opened, temporary)
                    raise
        self._link(opened, temporary, name, path)
        if durable:
            try:
                self._tree.sync_one(directory)
            except OSError as error:
                raise PublishUnknownError(error.errno, f"synchronise the name: {error}", path) from error
        self._discard(opened, temporary)

    def replace(self, path: str, data: bytes) -> None:
        directory, name = split_path(path)
        temporary = "." + secrets.token_hex(12)
        with _Failing("replace", path):
            opened, file = self._create_in(directory, temporary)
            self._write_new(opened, file, temporary, [data], durable=False)
            try:
                self._calls.rename(opened.file, temporary, name)
            except OSError:
                self._discard(opened, temporary)
                raise

    def write_hint(self, path: str, data: bytes) -> None:
        directory, name = split_path(path)
        with suppress(OSError):
            opened = self._tree.open(directory, make=True)
            self._calls.replace(opened.file, name, data)

    def remove(self, path: str) -> None:
        directory, name = split_path(path)
        with _Failing("remove", path):
            opened = self._tree.open(directory)
            self._calls.unlink(opened.file, name)

    def probe(self) -> None:
        first, second = (".probe-" + secrets.token_hex(12) for _ in range(2))
        with _Failing("prepare", "."):
            self._tree.make_root()
            opened, file = self._create_in("", first)
            self._write_new(opened, file, first, [b"probe"], durable=False)
            try:
                self._calls.link(opened.file, first, second)
                exclusive = self._refuses_link(opened, first, second)
            except OSError as error:
                raise self._no_links(error.errno, error.strerror) from error
            finally:
                self._discard(opened, first)
                self._discard(opened, second)
        if not exclusive:
            raise self._no_links(errno.EOPNOTSUPP, "a link replaced a file that existed")

    def _refuses_link(self, opened: Descriptor, source: str, target: str) -> bool:
        try:
            self._calls.link(opened.file, source, target)
        except FileExistsError:
            return True
        return False

    def _no_links(self, number: int | None, reason: str | None) -> StorageError:
        return StorageError(
            number,
            f"the file system cannot publish safely, hard links fail ({reason}): "
            "put the table on one that has them, such as ext4, xfs, btrfs, apfs or nfs",
            self.root,
        )

    def _create_in(self, directory: str, name: str) -> tuple[Descriptor, int]:
        """A new file and its directory, which is made if it is missing."""
        for _ in range(8):
            opened = self._tree.open(directory, make=True)
            try:
                return opened, self._calls.create(opened.file, name)
            except FileNotFoundError:
                # Somebody removed the empty directory between the two calls: make it again.
                self._tree.forget_removed(directory)
        raise FileNotFoundError(errno.ENOENT, "the directory is removed again and again", directory)

    def _write_new(
        self, opened: Descriptor, file: int, name: str, parts: Sequence[Bytes], durable: bool
    ) -> None:
        try:
            try:
                self._write_all(file, parts)
                if durable:
                    self._calls.sync(file)
            finally:
                self._calls.close(file)
        except BaseException:
            self._discard(opened, name)
            raise

    def _write_all(self, file: int, parts: Sequence[Bytes]) -> None:
        views = [view for view in (memoryview(part).cast("B") for part in parts) if view.nbytes]
        first = 0
        while first < len(views):
            count = self._calls.write(file, views[first : first + _VECTORS_MAX])
            if count == 0:
                raise OSError(errno.EIO, "nothing was written")
            while first < len(views) and count >= views[first].nbytes:
                count -= views[first].nbytes
                first += 1
            if count:
                views[first] = views[first][count:]

    def _link(self, opened: Descriptor, temporary: str, name: str, path: str) -> None:
        """Step 4 of spec §11.3: only here may the document become visible."""
        try:
            self._calls.link(opened.file, temporary, name)
        except FileExistsError as error:
            if self._links(opened, temporary) != 2:
                self._discard(opened, temporary)
                raise AlreadyExistsError(errno.EEXIST, "the name is taken", path) from error
        except FileNotFoundError as error:
            # A cleaner has removed the temporary file (spec §15.7): there was nothing that could be linked.
            raise AttemptGoneError(error.errno, "link: the temporary file is gone", path) from error
        except OSError as error:
            if self._links(opened, temporary) != 2:
                raise PublishUnknownError(error.errno, f"link: {error.strerror}", path) from error

    def _links(self, opened: Descriptor, temporary: str) -> int:
        """Link count of the temporary file: 2 proves a link whose answer was lost (spec §11.4)."""
        try:
            return self._calls.status_of(opened.file, temporary).st_nlink
        except OSError:
            return 0

    def _discard(self, opened: Descriptor, name: str) -> None:
        with suppress(OSError):
            self._calls.unlink(opened.file, name)

    # ---- reading

    def read(self, path: str, limit: int = DOCUMENT_BYTES_MAX) -> bytes:
        with self.open(path) as file:
            if file.size > limit:
                raise LimitExceededError(
                    f"{file.size} bytes, the limit is {limit}",
                    code="limit-exceeded",
                    file=path,
                    section="0.5",
                )
            return file.read_at(0, file.size)

    def open(self, path: str) -> LocalFile:
        descriptor, status = self.open_descriptor(path)
        return LocalFile(self, descriptor, path, status)

    def open_descriptor(self, path: str) -> tuple[Descriptor, os.stat_result]:
        """A descriptor of a regular file, and its status. Raises as `open` does."""
        directory, name = split_path(path)
        with _Failing("open", path):
            try:
                opened = self._tree.open(directory)
                descriptor = Descriptor(self._calls, self._calls.open(opened.file, name))
            except FileNotFoundError:
                if not self._tree.forget_removed(directory):
                    raise
                opened = self._tree.open(directory)
                descriptor = Descriptor(self._calls, self._calls.open(opened.file, name))
            status = self._calls.status(descriptor.file)
        if not stat.S_ISREG(status.st_mode):
            raise _unsafe(path, "not a regular file")
        return descriptor, status

    def list(self, directory: str) -> list[str]:
        if directory:
            split_path(directory)
        with _Failing("list", directory or "."):
            self._tree.forget_removed(directory)
            # A fresh descriptor: reading entries moves a position that a shared one would share.
            opened = self._tree.open(directory)
            fresh = self._calls.open_directory(opened.file, ".")
            try:
                return self._calls.list(fresh)
            finally:
                self._calls.release(fresh)

    def exists(self, path: str) -> bool:
        directory, name = split_path(path)
        with _Failing("look up", path):
            try:
                self._tree.forget_removed(directory)
                found = self._calls.status_of(self._tree.open(directory).file, name)
            except FileNotFoundError:
                return False
        if not stat.S_ISREG(found.st_mode):
            raise _unsafe(path, "not a regular file")
        return True

    def size(self, path: str) -> int:
        return self._status(path).st_size

    def status(self, path: str) -> FileStatus:
        found = self._status(path)
        identity = f"{found.st_ino}-{found.st_mtime_ns}"
        return FileStatus(found.st_size, found.st_mtime_ns // 1_000_000, identity)

    def _status(self, path: str) -> os.stat_result:
        directory, name = split_path(path)
        with _Failing("look up", path):
            self._tree.forget_removed(directory)
            opened = self._tree.open(directory)
            status = self._calls.status_of(opened.file, name)
        if not stat.S_ISREG(status.st_mode):
            raise _unsafe(path, "not a regular file")
        return status


def _unsafe(path: str, reason: str) -> UnsafePathError:
    return UnsafePathError(reason, code="unsafe-path", file=path, section="0.6")


class _Failing:
    """Turns errors of the operating system into those of the seam. A class: a third of what a generator costs."""

    __slots__ = ("_action", "_path")

    def __init__(self, action: str, path: str) -> None:
        self._action = action
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, OSError) or isinstance(error, StorageError):
            return
        action, path = self._action, self._path
        if isinstance(error, FileNotFoundError):
            raise NotFoundError(error.errno, f"{action}: no such file or directory", path) from error
        if isinstance(error, FileExistsError):
            raise AlreadyExistsError(error.errno, f"{action}: exists already", path) from error
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
            raise _unsafe(path, "a link, or a part of the path that is no directory") from error
        raise StorageError(error.errno, f"{action}: {error.strerror or error}", path) from error
