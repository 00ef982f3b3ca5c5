"""python -m tablestore.compact: alone, in company, told to stop; and writers that wait for it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

import tablestore as ts
from tablestore import background, claims, maintenance
from tablestore.compact import main

SCHEMA = pa.schema([("id", pa.int64()), ("value", pa.int64()), ("text", pa.string())])


def table_of(path: Path, **options: str | int) -> ts.Table:
    given: dict[str, str | int] = {"durability": "none", "compaction": "manual"}
    return ts.create_table(path, SCHEMA, primary_key="id", buckets=4, options={**given, **options})


def put(table: ts.Table, value: int, rows: int = 100, keys: int = 1000) -> dict[int, int]:
    random = np.random.default_rng(value)
    ids = random.choice(keys, min(rows, keys), replace=False)
    table.upsert({"id": ids, "value": [value] * len(ids), "text": [f"{value} of {key}" for key in ids]})
    return dict.fromkeys(ids.tolist(), value)


def state(table: ts.Table) -> dict[int, int]:
    found = table.scan(columns=["id", "value"]).to_arrow().to_pydict()
    return dict(zip(found["id"], found["value"], strict=True))


def runs(table: ts.Table) -> int:
    counts: dict[int, int] = {}
    for row in table.levels().to_pylist():
        counts[row["bucket"]] = counts.get(row["bucket"], 0) + row["runs"]
    return max(counts.values())


def start(path: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tablestore.compact", str(path), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until(what: str, fulfilled: object, seconds: float = 60) -> None:
    assert callable(fulfilled)
    end = time.monotonic() + seconds
    while not fulfilled():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def test_once_until_nothing_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = table_of(tmp_path / "t")
    expected: dict[int, int] = {}
    for value in range(12):
        expected.update(put(table, value))
    assert main([str(tmp_path / "t")]) == 0
    assert "4 compactions" in capsys.readouterr().out
    assert runs(table) < 8
    assert main([str(tmp_path / "t")]) == 0
    assert "nothing to compact" in capsys.readouterr().out
    table.delete([0, 1, 2])
    assert main([str(tmp_path / "t"), "--full", "--keep-last", "2"]) == 0
    assert "expired up to version" in capsys.readouterr().out
    assert table.levels().column("deletes").to_pylist() == [0] * 4
    assert len(table.history()) == 2
    for key in (0, 1, 2):
        expected.pop(key, None)
    assert state(table) == expected
    assert not list((tmp_path / "t" / "claim").iterdir())


def test_failures_and_wrong_usage_have_a_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none")]) == 1
    assert "TableNotFoundError" in capsys.readouterr().err
    table = table_of(tmp_path / "t")
    for value in range(8):
        put(table, value)
    next((tmp_path / "t" / "bucket-2").iterdir()).write_bytes(b"x" * 500)
    assert main([str(tmp_path / "t"), "--jobs", "1"]) == 1
    assert "Error" in capsys.readouterr().err
    for given in (["--jobs", "0"], ["--keep-last", "x"], []):
        with pytest.raises(SystemExit) as caught:
            main(["t", *given] if given else [])
        assert caught.value.code == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_several_follow_a_writer_and_stop_cleanly(tmp_path: Path, number: int) -> None:
    table = table_of(
        tmp_path / "t", **{"compaction.trigger": 4, "compaction.stop": 8, "stall-timeout": "20 s"}
    )
    helpers = [start(tmp_path / "t", "--follow", "--jobs", "1") for _ in range(2)]
    try:
        wait_until("the compactors register", lambda: claims.compactor_is_alive(table._core))
        expected: dict[int, int] = {}
        for value in range(60):
            expected.update(put(table, value))
            assert runs(table) <= 8, "the writer went on at compaction.stop"
        wait_until("the rest is compacted", lambda: runs(table) < 4)
    finally:
        for helper in helpers:
            helper.send_signal(number)
        outputs = [helper.communicate(timeout=60) for helper in helpers]
    assert [helper.returncode for helper in helpers] == [0, 0], outputs
    assert state(table) == expected
    assert not list((tmp_path / "t" / "claim").iterdir())
    result = table.verify(deep=True)
    assert result.ok
    # What races lost was deleted: every data file is or was in a snapshot.
    assert not result.orphans
    kinds = [row["kind"] for row in table.history().to_pylist()]
    assert kinds.count("append") == 60
    assert kinds.count("compact") >= 4


def test_a_writer_does_not_wait_for_nobody(tmp_path: Path) -> None:
    table = table_of(tmp_path / "t", **{"compaction.trigger": 2, "compaction.stop": 3})
    core = table._core
    started = time.monotonic()
    for value in range(6):
        put(table, value)
    assert runs(table) == 6
    dead = claims.register(core, clock=lambda: time.time() - 2 * claims.CLAIM_SECONDS)
    assert not claims.compactor_is_alive(core)
    put(table, 7)
    dead.release()
    assert time.monotonic() - started < 20, "no stall-timeout has passed"


def test_a_writer_goes_on_after_the_stall_timeout(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = table_of(
        tmp_path / "t", **{"compaction.trigger": 2, "compaction.stop": 3, "stall-timeout": "300 ms"}
    )
    for value in range(3):
        put(table, value)
    with claims.register(table._core):
        started = time.monotonic()
        put(table, 4)
        assert 0.3 <= time.monotonic() - started < 20
    assert "has not kept up for 300 ms" in caplog.text
    assert runs(table) == 4


def test_a_writer_that_waits_sees_the_compaction(tmp_path: Path) -> None:
    table = table_of(tmp_path / "t", **{"compaction.trigger": 2, "compaction.stop": 3})
    for value in range(3):
        put(table, value)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            maintenance.run(ts.open_table(tmp_path / "t")._core)

    with claims.register(table._core), pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            background, "time", SimpleNamespace(sleep=pause, monotonic=time.monotonic, time=time.time)
        )
        put(table, 4)
    assert len(pauses) == 3
    assert pauses == sorted(pauses)


def test_claims_are_exclusive_until_they_run_out(tmp_path: Path) -> None:
    core = table_of(tmp_path / "t")._core
    now = 1_000_000.0

    def clock() -> float:
        return now

    place, other = (b"", 0), (b"\x01", 0)
    first = claims.claim_bucket(core, place, clock)
    assert first is not None
    assert claims.claim_bucket(core, place, clock) is None
    assert claims.claim_bucket(core, other, clock) is not None
    now += claims.CLAIM_SECONDS - 1
    assert claims.claim_bucket(core, place, clock) is None
    first.renew()
    now += 2
    assert claims.is_claimed(core, place, clock)
    now += claims.CLAIM_SECONDS
    assert not claims.is_claimed(core, place, clock)
    second = claims.claim_bucket(core, place, clock)
    assert second is not None
    second.release()
    assert claims.claim_bucket(core, place, clock) is not None


def test_claims_of_killed_compactors_do_not_pile_up(tmp_path: Path) -> None:
    core = table_of(tmp_path / "t")._core
    now = 1_000_000.0

    def clock() -> float:
        return now

    first, second = claims.register(core, clock), claims.register(core, clock)
    assert len(list((tmp_path / "t" / "claim").iterdir())) == 2
    now += claims.CLAIM_SECONDS - 1
    second.renew()
    now += 1
    third = claims.register(core, clock)
    found = {path.name for path in (tmp_path / "t" / "claim").iterdir()}
    assert found == {Path(held.path).name for held in (second, third)}
    # One that was only asleep is there again.
    first.renew()
    assert len(list((tmp_path / "t" / "claim").iterdir())) == 3
    assert claims.compactor_is_alive(core, clock)


def test_a_claim_that_cannot_be_read_holds_nobody_up(tmp_path: Path) -> None:
    core = table_of(tmp_path / "t")._core
    first = claims.claim_bucket(core, (b"", 1))
    assert first is not None
    (tmp_path / "t" / first.path).write_text("{}")
    assert claims.claim_bucket(core, (b"", 1)) is not None


def test_large_compactions_of_a_bucket_are_not_done_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "SMALL_BYTES", 0)
    table = table_of(tmp_path / "t")
    for value in range(9):
        put(table, value)
    core = table._core
    base = core.lineage.newest()
    work = maintenance.plan(core, base)
    with claims.claim_bucket(core, work[0].place) or pytest.fail("not claimed"):
        assert maintenance.compact_one(core, base, work[0], claiming=True) is None
    assert maintenance.compact_one(core, base, work[0], claiming=True) is not None
    assert maintenance.compact_one(core, base, work[0], claiming=True) is None, "the inputs are gone"
