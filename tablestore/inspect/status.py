"""Exit codes of the command line, and which error leads to which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tablestore.errors import (
    FilterError,
    FormatError,
    SchemaError,
    SnapshotExpiredError,
    StorageError,
    TableNotFoundError,
    TableStoreError,
    UnsupportedVersionError,
)
from tablestore.storage import NotFoundError

OK: Final = 0
FINDING: Final = 1
USAGE: Final = 2
UNSUITABLE: Final = 3
STORAGE: Final = 4
INTERNAL: Final = 5
INTERRUPTED: Final = 130

MEANINGS: Final = (
    (OK, "all is well"),
    (FINDING, "a finding: damage in a file, or a key that is not in the table"),
    (USAGE, "the command line is wrong: unknown option, column, filter, key or version"),
    (UNSUITABLE, "no table or file of this kind is there, or its format version is not supported"),
    (STORAGE, "the file system refused: permission, input/output error"),
    (INTERNAL, "a fault of this program"),
    (INTERRUPTED, "interrupted (Ctrl-C)"),
)

_UNSUPPORTED: Final = frozenset({"unsupported-version", "unknown-feature"})


class UsageError(Exception):
    """The command line asks for what does not exist or does not fit."""


class UnsuitableError(Exception):
    """The path holds nothing of the kind that the command shows."""


def of_codes(codes: Sequence[str]) -> int:
    """The exit code for faults: damage, unless all of them say something else."""
    if not codes:
        return OK
    if set(codes) <= _UNSUPPORTED:
        return UNSUITABLE
    return STORAGE if set(codes) == {"io-error"} else FINDING


def status_of(error: Exception) -> int:
    """The exit code for an error that ended a command."""
    if isinstance(error, (UsageError, SchemaError, FilterError, SnapshotExpiredError)):
        return USAGE
    if isinstance(error, (UnsuitableError, TableNotFoundError, UnsupportedVersionError, NotFoundError)):
        return UNSUITABLE
    if isinstance(error, FormatError):
        return FINDING
    if isinstance(error, (StorageError, OSError)):
        return STORAGE
    return STORAGE if isinstance(error, TableStoreError) else INTERNAL
