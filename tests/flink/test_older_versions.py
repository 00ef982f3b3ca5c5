"""The same jar on older versions of Flink, which run in one process here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.compute as pc
import pytest

import tablestore as ts
from tests.flink import distribution
from tests.flink.generated import COLUMNS, Generated, differences
from tests.flink.jvm import java

STREAM = Generated(rows=120_000, keys=12_000)
SECONDS = 180


@pytest.mark.parametrize("version", distribution.OLDER_VERSIONS)
def test_write_and_read(version: str, connector_jar: Path, testing_jar: Path, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{distribution.ROOT}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    path = tmp_path / "users"
    options = {
        "connector": "tablestore",
        "table-path": str(path),
        "partition-keys": "department",
        "num-buckets": "4",
        "python.executable": str(python),
    }
    listed = ", ".join(f"'{key}' = '{value}'" for key, value in options.items())
    script = [
        STREAM.ddl(),
        f"CREATE TABLE users ({COLUMNS}) WITH ({listed})",
        "INSERT INTO users SELECT * FROM changes",
        "SELECT department, name, id FROM users /*+ OPTIONS('scan.bounded' = 'true') */ WHERE id < 200",
    ]
    script += ["SET 'parallelism.default' = '2'", "SET 'execution.checkpointing.interval' = '1 s'"]
    (tmp_path / "script.sql").write_text(";\n".join([*script, ""]))
    (tmp_path / "log4j.properties").write_text("rootLogger.level = OFF\n")
    class_path = f"{connector_jar}:{testing_jar}"
    done = subprocess.run(
        [
            *java(768, class_path, tmp_path, short=True, version=version),
            "org.tablestore.flink.testing.RunScript",
            str(tmp_path / "script.sql"),
        ],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "FLINK_CONF_DIR"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-8000:]
    expected = STREAM.table()
    assert not differences(ts.open_table(path).scan().to_arrow(), expected)
    few = expected.filter(pc.field("id") < 200).to_pylist()
    printed = [line.split() for line in done.stdout.splitlines() if line.startswith("| +I ")]
    assert sorted((int(line[7]), line[3], line[5]) for line in printed) == [
        (row["id"], row["department"], row["name"]) for row in few
    ]
