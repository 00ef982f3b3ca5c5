"""Every single bit of every file of a small table: a flip is noticed, wherever it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.damage import forge, outcome
from tests.damage.forge import DATA, FIRST, HINT, HONEST, MANIFEST, SCHEMA_FILE, SECOND, THIRD, VISIBLE
from tests.damage.memory_store import MemoryStore


def flips(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The bytes with each bit flipped in turn."""
    buffer = bytearray(data)
    for bit in range(8 * len(data)):
        buffer[bit // 8] ^= 1 << bit % 8
        yield bit, bytes(buffer)
        buffer[bit // 8] ^= 1 << bit % 8


def test_the_honest_table_is_read() -> None:
    table = forge.open_files(HONEST)
    assert forge.visible(table) == VISIBLE
    assert forge.looked_up(table) == VISIBLE
    assert table.verify(deep=True).ok
    assert len(HONEST[DATA]) < 4096


def test_data_file() -> None:
    files = dict(HONEST)
    table = forge.open_files(files)
    forge.visible(table)
    with outcome.MemoryWatch():
        for bit, data in flips(HONEST[DATA]):
            files[DATA] = data
            noticed = 0
            for name, act in outcome.READS.items():
                if noticed and bit % 8:
                    continue
                table._core.cache.forget()
                found = outcome.attempt(f"{name}, bit {bit}", lambda act=act: act(table))
                outcome.check_error(found.error, DATA)
                assert found.seconds < outcome.SECONDS_MAX
                noticed += found.error is not None
            if not noticed:
                assert DATA in outcome.found_by_verify(files), f"bit {bit}"


@pytest.mark.parametrize("path", [MANIFEST, SCHEMA_FILE, THIRD])
def test_metadata_that_a_read_needs(path: str) -> None:
    files = dict(HONEST)
    with outcome.MemoryWatch():
        for bit, data in flips(HONEST[path]):
            files[path] = data
            found = outcome.attempt(f"bit {bit}", lambda: forge.visible(forge.open_files(files)))
            outcome.check_error(found.error, path)
            assert found.seconds < outcome.SECONDS_MAX
            if found.error is None:
                assert path in outcome.found_by_verify(files), f"bit {bit} of {path} was not noticed"


@pytest.mark.parametrize("path", [FIRST, SECOND])
def test_older_snapshots(path: str) -> None:
    """The newest snapshot is read as before; the chain is not whole, and verification says where."""
    files = dict(HONEST)
    for bit, data in flips(HONEST[path]):
        if bit % 61:
            continue
        files[path] = data
        for found in outcome.read(files):
            assert found.error is None
        assert path in outcome.found_by_verify(files), f"bit {bit}"
        version = int(path.removesuffix(".json").rsplit("-", 1)[1])
        found = outcome.attempt("at", lambda n=version: forge.visible(forge.open_files(files).at(version=n)))
        assert found.error is not None
        outcome.check_error(found.error, path)


def test_hint() -> None:
    """The hint never decides."""
    files = dict(HONEST)
    for _, data in flips(HONEST[HINT]):
        files[HINT] = data
        assert forge.visible(forge.open_files(files)) == VISIBLE


@pytest.mark.parametrize("path", [DATA, MANIFEST, SCHEMA_FILE, THIRD])
def test_truncated_at_every_byte(path: str) -> None:
    whole = HONEST[path]
    files = dict(HONEST)
    table = forge.open_files(files)
    for size in range(len(whole)):
        files[path] = whole[:size]
        if path != DATA:
            found = outcome.attempt(f"{size} bytes", lambda: forge.visible(forge.open_files(files)))
        else:
            table._core.cache.forget()
            found = outcome.attempt(f"{size} bytes", lambda: forge.visible(table))
        assert found.error is not None, f"{path} cut to {size} bytes"
        outcome.check_error(found.error, path)


@pytest.mark.parametrize("path", [DATA, MANIFEST, SCHEMA_FILE, THIRD])
@pytest.mark.parametrize("more", [b"\0", b"\n", b"\0" * 4096, "itself"])
def test_bytes_appended(path: str, more: bytes | str) -> None:
    files = dict(HONEST)
    files[path] += files[path] if isinstance(more, str) else more
    outcome.check(files, path)


@pytest.mark.parametrize("path", [DATA, MANIFEST, SCHEMA_FILE, THIRD])
@pytest.mark.parametrize("fill", [b"\0", b"\xff", b"\xa5"])
def test_runs_of_bytes_overwritten(path: str, fill: bytes) -> None:
    whole = HONEST[path]
    for size in (1, 2, 8, 64, 512, 4096):
        for start in range(0, len(whole), max(1, size // 2) + 13):
            damaged = whole[:start] + fill * min(size, len(whole) - start) + whole[start + size :]
            if damaged == whole:
                continue
            files = {**HONEST, path: damaged}
            found = [*outcome.read(files)]
            for one in found:
                outcome.check_error(one.error, path)
            if any(one.error is None for one in found):
                assert path in outcome.found_by_verify(files)


def test_store_is_not_changed_by_reads() -> None:
    files = dict(HONEST)
    store = MemoryStore(files)
    table = forge.open_files(files)
    forge.visible(table)
    table.verify(deep=True)
    assert store.files == HONEST
