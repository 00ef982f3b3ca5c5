"""Folders that `table-path` names and that no restart of the job makes usable: an error that says so, at once."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.errors import ConnectorError, StorageError
from tablestore.flink import ddl, location
from tablestore.flink.protocol import decode_map, encode_map
from tablestore.flink.worker import may_help
from tablestore.storage.system import SystemCalls
from tests.flink.client import Client, WorkerError, hello_of

SCHEMA = pa.schema([pa.field("id", pa.int64(), False), ("name", pa.string())])


def open_at(path: Path | str) -> ts.Table:
    return ddl.open_or_create(decode_map(encode_map(hello_of("writer", path, SCHEMA, ["id"]))))


def refused(path: Path | str) -> str:
    with pytest.raises(ConnectorError) as raised:
        open_at(path)
    assert not may_help(raised.value)
    assert f"'table-path' = '{path}'" in str(raised.value)
    assert ". Name a " in str(raised.value), "it says what to do"
    return str(raised.value)


@pytest.mark.parametrize("path", ["s3://bucket/t", "hdfs://name/t", "fiel:///tmp/t", "file://tmp/t"])
def test_uris_of_no_store(path: str) -> None:
    assert path.partition(":")[0] in refused(path)


def test_a_worker_says_that_a_restart_does_not_help() -> None:
    with Client() as client, pytest.raises(WorkerError, match="s3:// is not available") as raised:
        client.hello(hello_of("planner", "s3://bucket/t", SCHEMA, ["id"]))
    assert not raised.value.retry


def test_a_file_and_what_would_be_below_it(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for path in (file, file / "t"):
        assert "no directory" in refused(path)


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    dangling, circle = tmp_path / "dangling", tmp_path / "circle"
    dangling.symlink_to(tmp_path / "nowhere")
    circle.symlink_to(circle)
    refused(dangling)
    refused(circle)


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    assert "too long" in refused(tmp_path / ("x" * 300))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_folders_that_nobody_may_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    open_at(tmp_path / "t")
    monkeypatch.setattr(SystemCalls, "open_root", failing(number))
    assert os.strerror(number) in refused(tmp_path / "t")


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOSPC, errno.ETIMEDOUT])
def test_failures_that_may_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    open_at(tmp_path / "t")
    monkeypatch.setattr(SystemCalls, "open_root", failing(number))
    with pytest.raises(StorageError) as raised:
        open_at(tmp_path / "t")
    assert may_help(raised.value)


def failing(number: int) -> Callable[[SystemCalls, str], int]:
    def call(self: SystemCalls, path: str) -> int:
        raise OSError(number, os.strerror(number))

    return call


@pytest.mark.parametrize(
    "names",
    [
        ["part-0.parquet"],
        ["_delta_log/0.json"],
        ["snapshot/snapshot-1", "schema/schema-0", "snapshot/LATEST"],
    ],
)
def test_folders_of_other_formats(tmp_path: Path, names: list[str]) -> None:
    """Nothing is mixed up with files of others, not even where folders have the same names."""
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    text = refused(tmp_path)
    assert "is no TableStore table" in text
    assert repr(names[0].partition("/")[0])[:-1] in text
    assert sorted(
        str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()
    ) == sorted(names)


def test_folders_in_which_a_table_may_be_made(tmp_path: Path) -> None:
    """Empty ones, those of a disk, and what is left of an attempt that died."""
    open_at(tmp_path / "model")
    whole, begun, disk = tmp_path / "empty", tmp_path / "begun", tmp_path / "disk"
    whole.mkdir()
    (begun / "schema").mkdir(parents=True)
    (begun / ".probe-00").write_text("")
    (begun / "schema" / ".00").write_text("")
    (tmp_path / "model/schema/schema-0.json").rename(begun / "schema/schema-0.json")
    (disk / "lost+found").mkdir(parents=True)
    for path in (whole, begun, disk):
        assert open_at(path).version == 1


def test_a_table_that_others_make_meanwhile(tmp_path: Path) -> None:
    """What a faster worker has written is not what keeps a slower one out."""
    table = open_at(tmp_path / "t")
    table.upsert([{"id": 1, "name": "a"}])
    assert location.make_table_at(str(tmp_path / "t"), lambda: pytest.fail("made twice")).version == 2
