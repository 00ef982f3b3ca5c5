"""The folder that `table-path` names: what is wrong with it that no restart of the job can help."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from tablestore.errors import ConnectorError, FormatError, LocationError, StorageError, TableNotFoundError
from tablestore.file import layout
from tablestore.storage import NotFoundError, Storage, open_storage
from tablestore.table import Table, open_table

# What the owner of the folder has to change. All else, such as EIO, ENOSPC or ESTALE, may be better next time.
PERMANENT: Final = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.EOPNOTSUPP, errno.EINVAL}
)
# As are these when a table is made: a link that leads nowhere, and file systems in which nobody makes folders.
PERMANENT_FOR_NEW: Final = PERMANENT | {errno.EEXIST, errno.ENOENT}
NAMES_SHOWN: Final = 3
_EXPECTED: Final = frozenset({
    layout.SCHEMA_DIRECTORY, layout.SNAPSHOT_DIRECTORY, layout.BOUNDARY_DIRECTORY, "lost+found",
})  # fmt: skip


def open_table_at(path: str) -> Table:
    """Open the table at a path. Raises TableNotFoundError, and ConnectorError for a path that cannot hold a table."""
    return _explained(path, lambda: open_table(path), PERMANENT)


def make_table_at(path: str, make: Callable[[], Table]) -> Table:
    """Make a table, or open the one that others have made meanwhile; in a folder that is missing or empty, so that it
    is not mixed up with files of others. Raises ConnectorError."""

    def check_and_make() -> Table:
        foreign = sorted(_foreign(open_storage(path)))
        if not foreign:
            return make()
        with suppress(TableNotFoundError):
            return open_table(path)
        more = f" and {len(foreign) - NAMES_SHOWN} more" if len(foreign) > NAMES_SHOWN else ""
        shown = ", ".join(repr(name[:100]) for name in foreign[:NAMES_SHOWN])
        raise ConnectorError(
            f"'table-path' = '{path}' is no TableStore table, and no empty folder in which to make one: it holds "
            f"{shown}{more}. Name a new folder, or that of a table",
            code="",
        )

    return _explained(path, check_and_make, PERMANENT_FOR_NEW)


def _foreign(storage: Storage) -> Iterator[str]:
    """What is in the folder that a table which is being made does not have."""
    for name in _names(storage, ""):
        if name not in _EXPECTED and not name.startswith("."):
            yield name
    for directory, parse in (
        (layout.SCHEMA_DIRECTORY, layout.parse_schema_name),
        (layout.SNAPSHOT_DIRECTORY, layout.parse_snapshot_name),
    ):
        for name in _names(storage, directory):
            if (
                parse(name) is None
                and not name.startswith(".")
                and f"{directory}/{name}" != layout.LATEST_HINT
            ):
                yield f"{directory}/{name}"


def _names(storage: Storage, directory: str) -> list[str]:
    with suppress(NotFoundError):
        return storage.list(directory)
    return []


def _explained(path: str, use: Callable[[], Table], permanent: frozenset[int]) -> Table:
    """What `use` gives; an error of it as one of the job if that is what it is. Raises ConnectorError."""
    try:
        return use()
    except LocationError as error:
        reason = str(error)
    except TableNotFoundError:
        raise
    except FormatError as error:
        if error.code != "unsafe-path":
            raise
        reason = f"{error.file}: {error.message}"
    except StorageError as error:
        if error.errno not in permanent:
            raise
        reason = str(error.strerror or error)
    raise ConnectorError(
        f"'table-path' = '{path}' cannot be used: {reason}. Name a folder that all hosts of the cluster see, and that "
        "the user of the TaskManagers may read and write",
        code="",
    )
