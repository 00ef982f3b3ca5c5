"""The directories of one table on a local file system: safe walking, and which of them must be synchronised.

Every directory is opened relative to the one above it without following links, so that no path leaves the
table (spec §0.6).
"""

from __future__ import annotations

import errno
import os
import threading
from collections import OrderedDict
from contextlib import suppress
from functools import lru_cache

from tablestore.errors import StorageError, UnsafePathError
from tablestore.storage.system import SystemCalls

_OPEN_MAX = 32


class Descriptor:
    """An open file or directory; closed when nobody holds it any more.

    Whoever uses `file` holds the object meanwhile: another thread may drop it from where it came from, and
    the number would stand for some other file.
    """

    __slots__ = ("_calls", "file")

    def __init__(self, calls: SystemCalls, file: int) -> None:
        self._calls = calls
        self.file = file

    def __del__(self) -> None:
        self._calls.release(self.file)


@lru_cache(4096)
def split_path(path: str) -> tuple[str, str]:
    """Directory and name of a table-relative path. Raises UnsafePathError for one that is not plain."""
    parts = path.split("/")
    if not all(0 < len(part) <= 255 and part not in (".", "..") and "\0" not in part for part in parts):
        raise UnsafePathError(f"path {path!r} is not plain", code="bad-name", section="0.6")
    return "/".join(parts[:-1]), parts[-1]


def ancestors(directory: str) -> list[str]:
    """The directories above, the table ("") first."""
    if not directory:
        return []
    parts = directory.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts))]


class DirectoryTree:
    """Opens directories by path and remembers which have names that are not durable yet."""

    def __init__(self, root: str, calls: SystemCalls) -> None:
        self.root = root
        self._calls = calls
        self._open: OrderedDict[str, Descriptor] = OrderedDict()
        self._lock = threading.Lock()
        self._sync_lock = threading.Lock()
        self._pending: dict[str, None] = {}
        self._outside: list[str] = []
        # Directories whose own names, up to the table, this object has made durable. Another process may have
        # made a directory and not synchronised the one above yet, so the first use here synchronises the
        # chain too.
        self._anchored: set[str] = {""}
        self._failure: str | None = None

    # ---- walking

    def make_root(self) -> None:
        """Makes the table's directory and those above it."""
        missing = os.path.abspath(self.root)
        above: list[str] = []
        while not os.path.isdir(missing):
            missing = os.path.dirname(missing)
            above.append(missing)
        self._calls.make_root(self.root)
        with self._lock:
            self._outside += reversed(above)

    def open(self, path: str, make: bool = False) -> Descriptor:
        """The open directory.

        Raises OSError: ENOENT if missing, ELOOP or ENOTDIR if a link or no directory.
        """
        with self._lock:
            found = self._open.get(path)
            if found is not None:
                self._open.move_to_end(path)
                return found
        if not path:
            opened = Descriptor(self._calls, self._calls.open_root(self.root))
        else:
            above, _, name = path.rpartition("/")
            opened = self._open_child(self.open(above, make), above, name, make)
        with self._lock:
            # Of several threads that open the same directory the last one stays.
            self._open[path] = opened
            if len(self._open) > _OPEN_MAX:
                self._open.popitem(last=False)
        return opened

    def _open_child(self, parent: Descriptor, above: str, name: str, make: bool) -> Descriptor:
        try:
            return Descriptor(self._calls, self._calls.open_directory(parent.file, name))
        except FileNotFoundError:
            if not make:
                raise
        with suppress(FileExistsError):
            self._calls.make_directory(parent.file, name)
        with self._lock:
            self._pending[above] = None
        return Descriptor(self._calls, self._calls.open_directory(parent.file, name))

    def forget_removed(self, path: str) -> bool:
        """Drops directories of the path that were removed since they were opened; True if there was one."""
        with self._lock:
            last = self._open.get(path)
        if last is not None and self._calls.status(last.file).st_nlink > 0:
            return False  # what is still there keeps the directories above it
        removed = False
        for part in [*ancestors(path), path]:
            with self._lock:
                found = self._open.get(part)
                if found is None or self._calls.status(found.file).st_nlink > 0:
                    continue
                del self._open[part]
                self._anchored.discard(part)
                removed = True
        return removed

    # ---- durability

    def entered(self, path: str) -> None:
        """A name was put into the directory: it, and what leads to it, must be synchronised."""
        with self._lock:
            self._pending[path] = None
            if path not in self._anchored:
                self._pending.update(dict.fromkeys(ancestors(path)))

    def sync(self, durable: bool) -> None:
        """Synchronises all directories that got a name. A caller waits for a call that is under way in
        another thread.

        Raises StorageError. A failed fsync leaves a state that a second one cannot mend, so this object
        refuses to vouch for names from then on.
        """
        with self._sync_lock:
            if self._failure is not None:
                raise StorageError(errno.EIO, f"{self._failure}; open the table again", self.root)
            with self._lock:
                pending, outside = (
                    sorted(self._pending, key=lambda path: (path.count("/"), path)),
                    self._outside,
                )
                self._pending, self._outside = {}, []
            if not durable:
                return
            for path in outside:
                self._sync_outside(path)
            for path in pending:
                self.sync_one(path)
            with self._lock:
                self._anchored.update(pending)

    def sync_above(self, path: str) -> None:
        """Synchronises the chain that leads to a directory, unless that was done before."""
        if path in self._anchored:
            return
        with self._lock:
            self._pending.update(dict.fromkeys(ancestors(path)))
        self.sync(True)
        with self._lock:
            self._anchored.add(path)

    def sync_one(self, path: str) -> None:
        """Synchronises one directory. Raises OSError."""
        try:
            opened = self.open(path)
            self._calls.sync(opened.file)
        except OSError as error:
            self._failure = f"synchronising directory {path or '.'!r} failed ({error.strerror})"
            raise

    def _sync_outside(self, path: str) -> None:
        directory = Descriptor(self._calls, self._calls.open_root(path))
        try:
            self._calls.sync(directory.file)
        except OSError as error:
            self._failure = f"synchronising directory {path!r} failed ({error.strerror})"
            raise
