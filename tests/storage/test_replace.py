"""The calls that leases, boundaries and cleaning need of a store."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tablestore.errors import StorageError
from tablestore.storage import AttemptGoneError, LocalStorage, NotFoundError
from tablestore.storage.faulty import FaultyCalls, FaultyStorage


def names(path: Path) -> list[str]:
    return sorted(file.name for file in path.iterdir())


def test_replace_puts_one_or_the_other(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.replace("lease/a", b"one")
    assert storage.read("lease/a") == b"one"
    first = storage.status("lease/a")
    storage.replace("lease/a", b"longer")
    assert storage.read("lease/a") == b"longer"
    second = storage.status("lease/a")
    assert (first.size, second.size) == (3, 6)
    assert first.identity != second.identity
    assert names(tmp_path / "lease") == ["a"]


def test_status_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        LocalStorage(tmp_path).status("lease/a")


def test_a_failed_replace_leaves_the_old_and_no_rest(tmp_path: Path) -> None:
    LocalStorage(tmp_path).replace("lease/a", b"old")
    for at in range(1, 20):
        calls = FaultyCalls(at, errno.ENOSPC)
        try:
            FaultyStorage(tmp_path, calls).replace("lease/a", b"new")
        except StorageError:
            assert (tmp_path / "lease" / "a").read_bytes() == b"old"
            assert names(tmp_path / "lease") == ["a"]
        else:
            if not calls.met:
                break
    assert (tmp_path / "lease" / "a").read_bytes() == b"new"


class Cleaned(FaultyCalls):
    """A cleaner comes between the temporary file and its link."""

    def __init__(self, directory: Path) -> None:
        super().__init__(0)
        self._directory = directory

    def link(self, directory: int, source: str, target: str) -> None:
        (self._directory / source).unlink()
        super().link(directory, source, target)


def test_a_document_that_was_cleaned_away_is_not_published(tmp_path: Path) -> None:
    storage = FaultyStorage(tmp_path, Cleaned(tmp_path / "snapshot"))
    with pytest.raises(AttemptGoneError):
        storage.publish("snapshot/a", b"x", durable=False)
    assert names(tmp_path / "snapshot") == []
