"""The one seam to the world: nothing outside this package touches a file system or network."""

from __future__ import annotations

import os
from collections.abc import Mapping

from tablestore.errors import LocationError
from tablestore.storage.interface import (
    AlreadyExistsError,
    AttemptGoneError,
    FileStatus,
    NotFoundError,
    PublishUnknownError,
    Storage,
    StorageFile,
)
from tablestore.storage.local import LocalStorage

__all__ = [
    "AlreadyExistsError",
    "AttemptGoneError",
    "FileStatus",
    "LocalStorage",
    "NotFoundError",
    "PublishUnknownError",
    "Storage",
    "StorageFile",
    "open_storage",
]


def open_storage(
    location: str | os.PathLike[str] | Storage, storage_options: Mapping[str, str] | None = None
) -> Storage:
    """The store for a table's path, "file://" URI, or a store itself, which is used as it is.

    Raises LocationError for object stores, and for storage options, which a file system does not have.
    """
    if not isinstance(location, (str, os.PathLike)):
        return location
    path = os.fspath(location)
    scheme, separator, rest = path.partition("://")
    if separator and scheme.replace("+", "").isalnum():
        if scheme != "file":
            raise LocationError(f"{scheme}:// is not available in this version: use a path on a file system")
        host, slash, absolute = rest.partition("/")
        if host not in ("", "localhost") or not slash:
            raise LocationError(f"{path!r} names no local file: write file:///absolute/path")
        path = slash + absolute
    if not path or "\0" in path:
        raise LocationError(f"{path!r} is not a path")
    if storage_options:
        raise LocationError(
            f"a file system takes no storage options, got {', '.join(sorted(storage_options))}"
        )
    return LocalStorage(path)
