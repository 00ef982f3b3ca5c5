"""What may lie in a table's directory on a real disk: links, pipes, holes, files that change while they are read."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import tablestore as ts
from tests.damage import forge, outcome
from tests.damage.forge import DATA, HINT, HONEST, MANIFEST, SCHEMA_FILE, THIRD, VISIBLE

UNSAFE = ("unsafe-path", "wrong-file", "truncated", "limit-exceeded")


@pytest.fixture
def table_directory(tmp_path: Path) -> Path:
    """The honest table on disk."""
    root = tmp_path / "table"
    for path, data in HONEST.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link_outside(path: Path) -> None:
    """The right bytes, but behind a link that leads out of the table."""
    outside = path.parents[3] / "outside"
    shutil.move(path, outside)
    path.symlink_to(outside)


def link_inside(path: Path) -> None:
    moved = path.with_name("moved")
    path.rename(moved)
    path.symlink_to(moved.name)


def link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def parent_is_a_link(path: Path) -> None:
    parent = path.parent
    moved = parent.with_name("moved")
    parent.rename(moved)
    parent.symlink_to(moved.name)


def hole_of_a_terabyte(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(1 << 40)


def device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


ATTACKS: tuple[Callable[[Path], None], ...] = (
    fifo, directory, link_outside, link_inside, link_to_nothing, link_to_itself, parent_is_a_link,
    hole_of_a_terabyte, device,
)  # fmt: skip


@pytest.mark.timeout(20)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
@pytest.mark.parametrize("path", [DATA, MANIFEST, SCHEMA_FILE, THIRD])
def test_what_is_no_plain_file(table_directory: Path, path: str, attack: Callable[[Path], None]) -> None:
    """M41, M47: nothing hangs, nothing outside is read, the error names the path."""
    (table_directory / HINT).unlink()
    attack(table_directory / path)
    with outcome.MemoryWatch():
        for name, read in outcome.READS.items():
            found = outcome.attempt(name, lambda read=read: read(ts.open_table(table_directory)))
            assert found.error is not None
            assert found.seconds < outcome.SECONDS_MAX
            if isinstance(found.error, ts.FormatError):
                assert found.error.file is not None
                assert found.error.file in (path, "snapshot")
                assert found.error.code in UNSAFE, str(found.error)
            else:
                assert isinstance(found.error, ts.UnsafePathError | ts.StorageError | ts.TableNotFoundError)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("attack", [fifo, directory, link_outside, link_to_nothing, link_to_itself, device])
def test_hint_that_is_no_plain_file(table_directory: Path, attack: Callable[[Path], None]) -> None:
    """M72: the hint is ignored, and a commit puts a new one in its place or lives without."""
    attack(table_directory / HINT)
    table = ts.open_table(table_directory)
    assert forge.visible(table) == VISIBLE
    assert table.delete([1]).published
    assert ts.open_table(table_directory).version == 4


def test_other_things_in_the_directory(table_directory: Path) -> None:
    """Files that nobody refers to, links among them, disturb neither reading nor verification."""
    (table_directory / "notes.txt").write_text("mine")
    (table_directory / "snapshot" / "..data").mkdir()
    (table_directory / "elsewhere").symlink_to("/")
    (table_directory / "bucket-0" / "loop").symlink_to("..")
    table = ts.open_table(table_directory)
    assert forge.visible(table) == VISIBLE
    assert table.verify(deep=True).ok


def test_file_cut_while_it_is_open(table_path: Path) -> None:
    """M42: a short read is an error, never a signal and never short rows."""
    values = [os.urandom(8) for _ in range(50_000)]
    rows = pa.table({"id": pa.array(range(50_000)), "v": pa.array(values, pa.binary())})
    table = ts.create_table(table_path, rows.schema, primary_key="id", options={"durability": "none"})
    table.upsert(rows)
    assert table.scan(columns=["id"], limit=1).count() == 1
    (path,) = table.files().column("path").to_pylist()
    with (table_path / path).open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(ts.FormatError) as caught:
        table.scan().to_arrow()
    outcome.check_error(caught.value, path, ("truncated", "checksum-mismatch", "wrong-file"))


def test_file_replaced_while_it_is_open(table_directory: Path) -> None:
    """An open file stays the file that was opened; a new reader notices the other one."""
    table = ts.open_table(table_directory)
    assert forge.visible(table) == VISIBLE
    other = table_directory / "other"
    other.write_bytes(b"x" * len(HONEST[DATA]))
    other.rename(table_directory / DATA)
    found = outcome.attempt("scan", lambda: forge.visible(ts.open_table(table_directory)))
    assert found.error is not None
    outcome.check_error(found.error, DATA, ("bad-magic",))


def test_file_changed_under_a_running_scan(table_directory: Path) -> None:
    """Bytes that change between two reads are found by the checksum of the part that is read."""
    stop = threading.Event()

    def scribble() -> None:
        with (table_directory / DATA).open("r+b") as file:
            while not stop.is_set():
                for place in range(48, 600, 7):
                    file.seek(place)
                    file.write(b"\xff")
                file.seek(0)
                file.write(HONEST[DATA])
                file.flush()

    writer = threading.Thread(target=scribble)
    writer.start()
    try:
        until = time.monotonic() + 1
        outcomes = []
        while time.monotonic() < until:
            found = outcome.attempt("scan", lambda: forge.visible(ts.open_table(table_directory)))
            outcome.check_error(found.error, DATA)
            outcomes.append(found.error is None)
    finally:
        stop.set()
        writer.join()
    assert outcomes


PARTITIONS = (
    "a/b", "a=b", "100%", "a:b", "*", "?", "a\nb", "a\0b", "\x1b[0m", "😀", "é", "e\u0301", "x" * 10_000, "", None,
    "%null", "%empty", "__DEFAULT__", ".", "..", "...", " ", "a ", "a.", "-", "~", "%2F", "%2f", "A", "a", "/", "//",
    "../../../etc/passwd", "CON", "\ufeff", "\u202e", "\\", "bucket-0", "snapshot", "x" * 120, "x" * 121, "x" * 96,
)  # fmt: skip


def test_partition_values_stay_apart_and_inside(table_path: Path) -> None:
    """M53: every legal value comes back as it was; different values never share a directory; none leaves the table."""
    schema = pa.schema(
        [pa.field("id", pa.int64(), nullable=False), pa.field("place/../x", pa.string()), ("v", pa.int64())]
    )
    table = ts.create_table(
        table_path, schema, primary_key="id", partition_by="place/../x", options={"durability": "none"}
    )
    rows = [{"id": n, "place/../x": place, "v": n} for n, place in enumerate(PARTITIONS)]
    table.upsert(rows)
    found = ts.open_table(table_path).scan().to_arrow().sort_by("id").to_pylist()
    assert found == rows
    paths = table.files().column("path").to_pylist()
    folders = {path.rsplit("/", 1)[0] for path in paths}
    assert len(folders) == len(PARTITIONS)
    on_disk = {p.relative_to(table_path).as_posix() for p in table_path.rglob("*.sst")}
    assert set(paths) <= on_disk
    assert all(path.isascii() and path.isprintable() for path in paths)
    assert [p.name for p in table_path.parent.iterdir()] == [table_path.name]
    assert all(len(part) <= 255 for path in paths for part in path.split("/"))
    assert table.verify(deep=True).ok
