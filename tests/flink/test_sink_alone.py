"""Jobs without checkpoints, in one process: what ends is committed at its end, what does not end is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import tablestore as ts
from tests.flink import distribution
from tests.flink.generated import Generated, differences
from tests.flink.jvm import java
from tests.flink.test_traps import ddl

STREAM = Generated(rows=60_000, keys=6_000)
SECONDS = 180


def test_without_checkpoints(connector_jar: Path, testing_jar: Path, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{distribution.ROOT}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    path = tmp_path / "users"
    script = [
        STREAM.ddl(),
        ddl(path, partition_keys="department", python__executable=str(python)),
        ddl(tmp_path / "copied", "copied", python__executable=str(python)),
        "INSERT INTO users SELECT * FROM changes",
        "INSERT INTO copied SELECT * FROM users",
    ]
    (tmp_path / "script.sql").write_text(";\n".join([*script, ""]))
    (tmp_path / "config.yaml").write_text("parallelism.default: 2\n")
    (tmp_path / "log4j.properties").write_text("rootLogger.level = OFF\n")
    class_path = f"{connector_jar}:{testing_jar}"
    program = "org.tablestore.flink.testing.RunScript"
    done = subprocess.run(
        [*java(768, class_path, tmp_path, short=True), program, str(tmp_path / "script.sql")],
        cwd=tmp_path,
        env={**os.environ, "FLINK_CONF_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert path.exists(), done.stderr[-4000:]
    table = ts.open_table(path)
    assert differences(table.scan().to_arrow(), STREAM.table()) == "", done.stderr[-4000:]
    assert [row["commit_id"] for row in table.history().to_pylist() if row["writer_id"]] == [1]
    assert table.verify(deep=True).ok
    assert done.returncode != 0
    assert "the input of table 'copied' has no end, so that nothing would ever be committed" in done.stderr
    assert "SET 'execution.checkpointing.interval'" in done.stderr
    assert not (tmp_path / "copied").exists()
