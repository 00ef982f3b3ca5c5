"""LocalStorage: exclusive creation, publishing, safe paths, and what is synchronised when (spec §0.6, §11.2,
§11.3).
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from tablestore.errors import FormatError, LimitExceededError, StorageError, UnsafePathError
from tablestore.storage import (
    AlreadyExistsError,
    LocalStorage,
    NotFoundError,
    PublishUnknownError,
    open_storage,
)
from tablestore.storage.directories import ancestors, split_path
from tablestore.storage.faulty import CountedCalls, FaultyCalls, FaultyStorage, ShortCalls
from tablestore.storage.interface import Bytes
from tablestore.storage.recorded import CreateFile, Link, RecordedCalls, Sync
from tablestore.storage.system import SystemCalls


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    made = LocalStorage(tmp_path / "table")
    made.probe()
    return made


def test_parts_are_written_one_after_another(storage: LocalStorage) -> None:
    parts: list[Bytes] = [b"ab", b"", bytearray(b"cd"), memoryview(b"efgh")[::1], b""]
    storage.create("a=1/bucket-0/file.sst", parts * 400, durable=True)
    assert storage.read("a=1/bucket-0/file.sst") == b"abcdefgh" * 400
    assert storage.size("a=1/bucket-0/file.sst") == 3200


def test_an_empty_file_can_be_written(storage: LocalStorage) -> None:
    storage.create("empty", [], durable=False)
    assert storage.read("empty") == b""


def test_create_is_exclusive(storage: LocalStorage) -> None:
    storage.create("x", [b"1"], durable=False)
    with pytest.raises(AlreadyExistsError):
        storage.create("x", [b"2"], durable=False)
    assert storage.read("x") == b"1"


def test_a_failed_create_leaves_no_file(tmp_path: Path) -> None:
    storage = FaultyStorage(tmp_path, calls := FaultyCalls(10**9))
    storage.create("a", [b"1"], durable=True)
    sync = calls.names.index("sync") + 1
    storage = FaultyStorage(tmp_path, FaultyCalls(sync, errno.ENOSPC))
    with pytest.raises(StorageError) as caught:
        storage.create("b", [b"1"], durable=True)
    assert caught.value.errno == errno.ENOSPC
    assert sorted(os.listdir(tmp_path)) == ["a"]


def test_publish_puts_a_document_only_once(storage: LocalStorage) -> None:
    storage.publish("snapshot/snapshot-1.json", b"first", durable=True)
    with pytest.raises(AlreadyExistsError):
        storage.publish("snapshot/snapshot-1.json", b"second", durable=True)
    assert storage.read("snapshot/snapshot-1.json") == b"first"
    assert storage.list("snapshot") == ["snapshot-1.json"]


def _race(root: str, rounds: int, barrier: object, wins: object) -> None:
    storage = LocalStorage(root)
    for number in range(rounds):
        barrier.wait()  # type: ignore[attr-defined]
        try:
            storage.publish(f"snapshot/snapshot-{number}.json", str(os.getpid()).encode(), durable=False)
        except AlreadyExistsError:
            continue
        wins.put((number, os.getpid()))  # type: ignore[attr-defined]


def test_each_name_has_one_winner_among_processes(storage: LocalStorage) -> None:
    context = multiprocessing.get_context("spawn")
    rounds, count = 50, 4
    barrier, wins = context.Barrier(count), context.Queue()
    racers = [context.Process(target=_race, args=(storage.root, rounds, barrier, wins)) for _ in range(count)]
    for racer in racers:
        racer.start()
    found = [wins.get(timeout=60) for _ in range(rounds)]
    for racer in racers:
        racer.join(60)
        assert racer.exitcode == 0
    assert wins.empty()
    assert sorted(number for number, _ in found) == list(range(rounds))
    for number, winner in found:
        assert storage.read(f"snapshot/snapshot-{number}.json") == str(winner).encode()


class LostAnswer(SystemCalls):
    """The link is made, or not, and the answer is an error in both cases."""

    def __init__(self, made: bool, number: int) -> None:
        self.made = made
        self.number = number

    def link(self, directory: int, source: str, target: str) -> None:
        if self.made:
            super().link(directory, source, target)
        raise OSError(self.number, "lost")


@pytest.mark.parametrize("number", [errno.EIO, errno.EEXIST, errno.ESTALE])
def test_a_link_whose_answer_is_lost_is_found_by_its_count(storage: LocalStorage, number: int) -> None:
    LocalStorage(storage.root, LostAnswer(True, number)).publish("s", b"mine", durable=True)
    assert storage.read("s") == b"mine"
    assert storage.list("") == ["s"]


def test_a_link_that_was_not_made_is_unknown(storage: LocalStorage) -> None:
    with pytest.raises(PublishUnknownError):
        LocalStorage(storage.root, LostAnswer(False, errno.EIO)).publish("s", b"mine", durable=True)
    assert not storage.exists("s")


def test_a_failed_sync_of_the_name_is_unknown(tmp_path: Path) -> None:
    calls = FaultyCalls(10**9)
    storage = FaultyStorage(tmp_path, calls)
    storage.publish("d/1", b"x", durable=True)
    calls.count, calls.names = 0, []
    storage.publish("d/2", b"x", durable=True)
    calls.at = calls.count + len(calls.names) - list(reversed(calls.names)).index("sync")
    with pytest.raises(PublishUnknownError):
        storage.publish("d/3", b"x", durable=True)


def test_after_a_failed_directory_sync_nothing_is_vouched_for(tmp_path: Path) -> None:
    calls = FaultyCalls(10**9)
    storage = FaultyStorage(tmp_path, calls)
    storage.create("d/1", [b"x"], durable=True)
    calls.at = calls.count + 1
    with pytest.raises(StorageError):
        storage.sync_directories()
    assert calls.failed == ["sync"]
    with pytest.raises(StorageError, match="open the table again"):
        storage.sync_directories()
    fresh = LocalStorage(tmp_path)
    fresh.create("d/2", [b"x"], durable=True)
    fresh.sync_directories()


def _synced(calls: RecordedCalls) -> list[int]:
    return [operation.node for operation in calls.log if isinstance(operation, Sync)]


def test_names_are_synchronised_up_to_the_table(tmp_path: Path) -> None:
    calls = RecordedCalls(tmp_path)
    storage = LocalStorage(tmp_path, calls)
    storage.create("a/b/file", [b"x"], durable=True)
    made = [operation.node for operation in calls.log if hasattr(operation, "node")]
    calls.log.clear()
    storage.sync_directories()
    assert sorted(_synced(calls)) == [0, *sorted(set(made))[:2]]
    calls.log.clear()
    storage.sync_directories()
    assert _synced(calls) == []
    storage.create("a/b/other", [b"x"], durable=True)
    calls.log.clear()
    storage.sync_directories()
    assert len(_synced(calls)) == 1


def test_directories_made_by_others_are_synchronised_too(tmp_path: Path) -> None:
    os.makedirs(tmp_path / "a" / "b")
    calls = RecordedCalls(tmp_path)
    storage = LocalStorage(tmp_path, calls)
    storage.create("a/b/file", [b"x"], durable=True)
    calls.log.clear()
    storage.sync_directories()
    assert len(_synced(calls)) == 3


def test_a_document_is_synchronised_before_its_name_and_the_name_before_the_answer(tmp_path: Path) -> None:
    calls = RecordedCalls(tmp_path)
    LocalStorage(tmp_path, calls).publish("snapshot/s", b"x", durable=True)
    kinds = [type(operation) for operation in calls.log]
    link = kinds.index(Link)
    file = next(operation.node for operation in calls.log if isinstance(operation, CreateFile))
    assert file in [op.node for op in calls.log[:link] if isinstance(op, Sync)]
    assert 0 in [op.node for op in calls.log[:link] if isinstance(op, Sync)], "the table names snapshot/"
    assert kinds[link + 1] is Sync


def test_without_durability_nothing_is_synchronised(tmp_path: Path) -> None:
    calls = CountedCalls()
    storage = FaultyStorage(tmp_path, calls)
    storage.create("a/f", [b"x"], durable=False)
    storage.sync_directories(durable=False)
    storage.publish("s", b"x", durable=False)
    storage.write_hint("h", b"x")
    assert "sync" not in calls.names


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./x", "a/", "a\0b", "x" * 256, "a/./b"]
)
def test_paths_that_are_not_plain_are_refused(storage: LocalStorage, path: str) -> None:
    for call in (storage.read, storage.open, storage.size, storage.exists, storage.remove):
        with pytest.raises(UnsafePathError) as caught:
            call(path)
        assert caught.value.code == "bad-name"
    with pytest.raises(UnsafePathError):
        storage.create(path, [b"x"], durable=False)
    with pytest.raises(UnsafePathError):
        storage.publish(path, b"x", durable=False)


def test_links_and_other_files_are_refused(storage: LocalStorage, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    root = Path(storage.root)
    (root / "dir").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    (root / "plain").write_bytes(b"x")
    (root / "real").mkdir()
    os.mkfifo(root / "fifo")
    for path in ("dir/secret", "file", "real", "fifo", "plain/below"):
        with pytest.raises(UnsafePathError) as caught:
            storage.read(path)
        assert (caught.value.code, caught.value.file) == ("unsafe-path", path)
        with pytest.raises(UnsafePathError):
            storage.size(path)
    with pytest.raises(UnsafePathError):
        storage.create("dir/new", [b"x"], durable=False)
    with pytest.raises(UnsafePathError):
        storage.list("dir")
    assert os.listdir(outside) == ["secret"]


def test_what_is_missing_is_not_found(storage: LocalStorage, tmp_path: Path) -> None:
    for call in (storage.read, storage.open, storage.size, storage.remove, storage.list):
        with pytest.raises(NotFoundError):
            call("no/such")
    assert not storage.exists("no/such")
    with pytest.raises(NotFoundError):
        LocalStorage(tmp_path / "nowhere").list("")


def test_large_documents_are_refused_before_they_are_read(storage: LocalStorage) -> None:
    with open(os.path.join(storage.root, "huge"), "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(LimitExceededError):
        storage.read("huge")


def test_ranges_are_read_and_an_early_end_is_told(storage: LocalStorage) -> None:
    data = bytes(range(256)) * 16
    storage.create("f", [data], durable=False)
    with storage.open("f") as file:
        assert file.size == 4096
        assert file.read_at(100, 50) == data[100:150]
        buffers = [bytearray(size) for size in (10, 20, 0, 30, 40)]
        offsets = [0, 10, 30, 30, 1000]
        file.read_ranges(
            [(offset, memoryview(buffer)) for offset, buffer in zip(offsets, buffers, strict=True)]
        )
        for offset, buffer in zip(offsets, buffers, strict=True):
            assert buffer == data[offset : offset + len(buffer)]
        with pytest.raises(FormatError) as caught:
            file.read_at(4000, 100)
        assert (caught.value.code, caught.value.file, caught.value.offset) == ("truncated", "f", 4096)


@pytest.mark.parametrize("seed", range(5))
def test_short_reads_and_writes_are_continued(tmp_path: Path, seed: int) -> None:
    storage = FaultyStorage(tmp_path, ShortCalls(seed))
    parts = [os.urandom(size) for size in (1, 1000, 3, 70_000)]
    storage.create("f", parts, durable=True)
    assert (tmp_path / "f").read_bytes() == b"".join(parts)
    with storage.open("f") as file:
        first, second = bytearray(500), bytearray(60_000)
        file.read_ranges([(10, memoryview(first)), (510, memoryview(second))])
        assert first + second == b"".join(parts)[10:60_510]


def test_a_directory_that_is_removed_and_made_again_is_noticed(storage: LocalStorage) -> None:
    storage.create("p/bucket-0/a", [b"1"], durable=True)
    storage.sync_directories()
    shutil.rmtree(os.path.join(storage.root, "p"))
    with pytest.raises(NotFoundError):
        storage.list("p/bucket-0")
    storage.create("p/bucket-0/b", [b"2"], durable=True)
    storage.sync_directories()
    assert storage.list("p/bucket-0") == ["b"]
    other = LocalStorage(storage.root)
    shutil.rmtree(os.path.join(storage.root, "p"))
    other.create("p/bucket-0/c", [b"3"], durable=True)
    assert storage.read("p/bucket-0/c") == b"3"
    assert storage.exists("p/bucket-0/c")


def test_hints_replace_each_other_and_never_fail(storage: LocalStorage) -> None:
    storage.write_hint("snapshot/LATEST", b"1\n")
    storage.write_hint("snapshot/LATEST", b"2\n")
    assert storage.read("snapshot/LATEST") == b"2\n"
    assert storage.list("snapshot") == ["LATEST"]
    for at in range(1, 40):
        FaultyStorage(storage.root, FaultyCalls(at)).write_hint("snapshot/LATEST", b"33\n")
    assert storage.read("snapshot/LATEST") == b"33\n"
    storage.write_hint("snapshot/LATEST", b"4\n")
    assert storage.read("snapshot/LATEST") == b"4\n"


def test_hints_do_not_follow_links(storage: LocalStorage, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"kept")
    (Path(storage.root) / "HINT").symlink_to(tmp_path / "outside")
    storage.write_hint("HINT", b"1\n")
    os.mkfifo(Path(storage.root) / "FIFO")
    storage.write_hint("FIFO", b"1\n")
    assert (tmp_path / "outside").read_bytes() == b"kept"


class NoLinks(SystemCalls):
    def link(self, directory: int, source: str, target: str) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")


class OverwritingLinks(SystemCalls):
    def link(self, directory: int, source: str, target: str) -> None:
        os.rename(source, target, src_dir_fd=directory, dst_dir_fd=directory)
        super().close(super().create(directory, source))


@pytest.mark.parametrize("calls", [NoLinks(), OverwritingLinks()])
def test_a_store_that_cannot_publish_is_refused_with_a_remedy(tmp_path: Path, calls: SystemCalls) -> None:
    with pytest.raises(StorageError, match="put the table on one"):
        LocalStorage(tmp_path / "t", calls).probe()
    assert os.listdir(tmp_path / "t") == []


def test_threads_share_one_storage(storage: LocalStorage) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(40):
                path = f"p={(number * 7 + step) % 50}/bucket-0/{number}-{step}"
                storage.create(path, [path.encode()], durable=False)
                storage.sync_directories()
                assert storage.read(path) == path.encode()
                assert path.split("/")[-1] in storage.list(path.rpartition("/")[0])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_few_descriptors_stay_open(storage: LocalStorage) -> None:
    before = len(os.listdir("/dev/fd"))
    for number in range(200):
        storage.create(f"p={number}/bucket-0/f", [b"x"], durable=False)
        storage.open(f"p={number}/bucket-0/f").close()
    assert len(os.listdir("/dev/fd")) <= before + 40


def test_split_and_ancestors() -> None:
    assert split_path("a/b/c") == ("a/b", "c")
    assert split_path("c") == ("", "c")
    assert ancestors("a/b/c") == ["", "a", "a/b"]
    assert ancestors("") == []


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("s3://bucket/table", "not available"),
        ("gs://x/y", "not available"),
        ("file://host/table", "no local file"),
        ("", "not a path"),
        ("a\0b", "not a path"),
    ],
)
def test_other_locations_are_refused(location: str, reason: str) -> None:
    with pytest.raises(StorageError, match=reason):
        open_storage(location)


def test_locations_of_the_file_system(tmp_path: Path, storage: LocalStorage) -> None:
    assert open_storage(storage) is storage
    roots: Sequence[str] = [
        open_storage(place).root for place in (tmp_path, str(tmp_path), f"file://{tmp_path}")
    ]
    assert set(roots) == {str(tmp_path)}
    with pytest.raises(StorageError, match="region"):
        open_storage(tmp_path, {"region": "x"})


def test_a_file_that_is_closed_answers_no_more(storage: LocalStorage) -> None:
    storage.create("f", [b"abc"], durable=False)
    file = storage.open("f")
    file.close()
    file.close()
    with pytest.raises(StorageError, match="closed"):
        file.read_at(0, 1)


def test_threads_that_open_one_directory_do_not_close_it_for_each_other(storage: LocalStorage) -> None:
    for number in range(60):
        storage.create(f"p={number}/bucket-0/f", [b"%d" % number], durable=False)
    failures: list[BaseException] = []
    fresh = LocalStorage(storage.root)

    def work() -> None:
        try:
            for step in range(1_500):
                number = step % 60
                assert fresh.read(f"p={number}/bucket-0/f") == b"%d" % number
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
