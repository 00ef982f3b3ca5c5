"""The seam between the library and the world: what a store of tables must be able to do.

Paths are relative to the table, in POSIX form, such as "snapshot/snapshot-1.json". They are computed from
typed values (spec §0.6); a path with an empty, "." or ".." component is a mistake of the caller and refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tablestore.errors import StorageError

# Anything with the buffer protocol; Python 3.11 has no name for it.
Bytes = Any

DOCUMENT_BYTES_MAX = 16_777_216  # spec §0.5


class NotFoundError(StorageError):
    """The store says that the file or directory does not exist."""


class AlreadyExistsError(StorageError):
    """An exclusive create or a publish found the name taken."""


class PublishUnknownError(StorageError):
    """A publish failed at a point where the document may or may not be visible and durable (spec §11.4)."""


class AttemptGoneError(StorageError):
    """The temporary file of a publish was removed before it could be put in place: nothing was published (§15.7)."""


@dataclass(frozen=True)
class FileStatus:
    """Bytes of a regular file, when it was written by the clock of the store, and what tells it from another file that
    was put under its name later."""

    size: int
    modified_millis: int
    identity: str


class StorageFile(Protocol):
    """An immutable file, open for reading. Safe for use by several threads until it is closed."""

    path: str
    size: int

    def read_at(self, offset: int, size: int) -> bytes:
        """Exactly `size` bytes. Raises FormatError truncated if the file ends before."""

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fills `target`."""

    def read_ranges(self, ranges: Sequence[tuple[int, memoryview]]) -> None:
        """Fills every target from its offset; ranges that touch are read in one call."""

    def close(self) -> None: ...

    def __enter__(self) -> StorageFile: ...

    def __exit__(self, *exception: object) -> None: ...


class Storage(Protocol):
    """One table's place in a store."""

    root: str

    def create(self, path: str, parts: Sequence[Bytes], durable: bool) -> None:
        """Creates a file that does not exist and writes the parts one after another; missing directories are
        made.

        durable: the contents are synchronised before the call returns; its name is only after
        `sync_directories`. Raises AlreadyExistsError, StorageError. After an error the file may exist and is
        referred to by nobody.
        """

    def sync_directories(self, durable: bool = True) -> None:
        """Makes the names of all files created so far durable, and of the directories above (spec §11.3)."""

    def sync_removals(self, directory: str) -> None:
        """Makes durable that names are gone from a directory, whoever removed them; one that is missing has none."""

    def publish(self, path: str, data: bytes, durable: bool) -> None:
        """Puts a whole document in place if and only if its name is free (spec §11.2).

        Raises AlreadyExistsError: the name is taken. PublishUnknownError: it may be there or not.
        AttemptGoneError: the document was removed on its way. StorageError: it was not even tried.
        """

    def replace(self, path: str, data: bytes) -> None:
        """Puts a whole document in place of whatever was there: a reader finds the old one or the new one. It need
        not be durable when the call returns.
        """

    def read(self, path: str, limit: int = DOCUMENT_BYTES_MAX) -> bytes:
        """A whole small file. Raises NotFoundError, LimitExceededError, UnsafePathError."""

    def open(self, path: str) -> StorageFile:
        """Raises NotFoundError; UnsafePathError for a link, for a link above it, and for no regular file."""

    def list(self, directory: str) -> list[str]:
        """All names in the directory, unordered. "" is the table itself. Raises NotFoundError."""

    def exists(self, path: str) -> bool: ...

    def size(self, path: str) -> int:
        """Bytes of a regular file. Raises as `open` does."""

    def status(self, path: str) -> FileStatus:
        """Size and time of a regular file. Raises as `open` does."""

    def remove(self, path: str) -> None:
        """Raises NotFoundError if there is no such file."""

    def write_hint(self, path: str, data: bytes) -> None:
        """Replaces a small file whose loss or age does not matter (spec §10.5). Never raises StorageError."""

    def probe(self) -> None:
        """Makes sure that the store can publish. Creates the table's directory. Raises StorageError with a
        remedy.
        """
