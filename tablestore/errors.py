"""Every error of the library. All are TableStoreError; each also is the built-in that a caller would expect.

Codes are those of spec Appendix A.
"""

from __future__ import annotations


class TableStoreError(Exception):
    """Base of all errors raised on purpose by this package."""


class FormatError(TableStoreError, ValueError):
    """A file breaks the spec.

    code: error code of Appendix A; file: path inside the table or of the file; offset: byte offset in the file,
    or None where no offset makes sense; section: spec section such as "7.4".
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        file: str | None = None,
        offset: int | None = None,
        section: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.file = file
        self.offset = offset
        self.section = section

    def __str__(self) -> str:
        place = _printable(self.file) if self.file else "input"
        if self.offset is not None:
            place += f" at offset {self.offset}"
        section = f", spec §{self.section}" if self.section else ""
        return f"{place}: {_printable(self.message)} ({self.code}{section})"

    def located(self, file: str, base: int = 0) -> FormatError:
        """The same error for `file`, its offset counted from `base`; keeps a file that is already named."""
        if self.file is not None:
            return self
        offset = base if self.offset is None else base + self.offset
        return type(self)(self.message, code=self.code, file=file, offset=offset, section=self.section)


class ChecksumError(FormatError):
    """Bytes do not match their checksum: the file was damaged or a part of it is in the wrong place."""


class UnsupportedVersionError(FormatError):
    """The file or table needs a version or feature that this library does not have."""


class LimitExceededError(FormatError):
    """A size or count is beyond the limits of spec §0.5."""


class UnsafePathError(FormatError):
    """A name or link would lead out of the table, or a file is not a regular file."""


class TableNotFoundError(TableStoreError, FileNotFoundError):
    """There is no table at the path."""


class TableExistsError(TableStoreError, FileExistsError):
    """There is a table at the path already."""


class SchemaError(TableStoreError, TypeError):
    """Data, keys, columns or options do not fit the table."""


class FilterError(TableStoreError, ValueError):
    """A filter string cannot be parsed or does not fit the columns."""


class CommitConflictError(TableStoreError):
    """Another commit makes this one impossible; nothing of it is visible and its files are gone."""


class PreparedGoneError(CommitConflictError):
    """Files that were prepared for a commit were deleted before it was published, or may be deleted at any moment (spec
    §11.6, §15.7, §16.8)."""


class CommitUnknownError(TableStoreError):
    """The store failed while the snapshot was published: the commit is either wholly in or wholly out.

    Open the table again and look for the commit (`commit_id`), or repeat it with the same writer id and commit id.
    """


class SnapshotExpiredError(TableStoreError, LookupError):
    """The snapshot asked for does not exist (any more)."""


class StorageError(TableStoreError, OSError):
    """The file system or object store refused or failed a call."""


class LocationError(StorageError, ValueError):
    """A path or URI names no place that this library can use; trying again does not help."""


class ConnectorError(TableStoreError):
    """A Flink job and its worker cannot go on together.

    code: error code of Appendix A; retry: whether restarting the job may help.
    """

    def __init__(self, message: str, *, code: str, retry: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.retry = retry


def _printable(text: str, limit: int = 400) -> str:
    """Text from files may hold control characters: escape them and cut the rest."""
    cleaned = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return cleaned if len(cleaned) <= limit else cleaned[:limit] + "…"
