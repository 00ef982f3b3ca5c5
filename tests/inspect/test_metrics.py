"""`metrics`: the same figures as in Python, for Prometheus and as JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import tablestore as ts
from tablestore.inspect import status
from tests.inspect.conftest import Run


def test_the_command_says_the_same(tables: Path, run: Run) -> None:
    table = ts.open_table("users")
    outcome = run("metrics", table.path)
    assert outcome.status == status.OK
    own = ts.metrics.prometheus_text([table], process=False)
    assert outcome.out == own
    found = json.loads(run("metrics", "users", "--json").out)
    metrics = table.metrics()
    assert found["bytes"] == metrics.bytes > 0
    assert {lag["name"]: lag["snapshots"] for lag in found["consumers"]} == {"etl": 2, "gone": 5}
    assert {lag.name: lag.snapshots for lag in metrics.consumers} == {"etl": 2, "gone": 5}


def test_other_formats_hold_the_figures(tables: Path, run: Run) -> None:
    lines = run("metrics", "users", "--format", "csv").out.splitlines()
    assert lines[0] == "name,snapshots,millis"
    assert [line.split(",")[0] for line in lines[1:]] == ["etl", "gone"]


def test_a_damaged_manifest_is_a_finding(tables: Path, run: Run) -> None:
    for path in (tables / "users" / "manifest").glob("*.sst"):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    outcome = run("metrics", "users")
    assert outcome.status == status.FINDING
    assert re.search("checksum|digest", outcome.err)
    assert outcome.out == ""


def test_a_table_that_is_not_there(tmp_path: Path, run: Run) -> None:
    assert run("metrics", tmp_path / "none").status == status.UNSUITABLE
