"""examples/flink: its scripts run in Flink's SQL client, which makes a small cluster in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flink.distribution import ROOT
from tests.flink.jvm import archived

PROGRAM = ROOT / "examples" / "flink" / "run.py"
SECONDS = 240


def run(script: str, folder: Path) -> str:
    command = [sys.executable, str(PROGRAM), script, "--folder", str(folder)]
    done = subprocess.run(
        command,
        cwd=folder.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAVA_TOOL_OPTIONS": " ".join(archived())},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    assert done.stdout.rstrip().endswith("all right")
    return done.stdout


def test_mission(connector_jar: Path, tmp_path: Path) -> None:
    printed = [line.replace(" ", "") for line in run("mission.sql", tmp_path / "tables").splitlines()]
    moved = "|1|Alice|30|"
    assert any(line.startswith("|+I" + moved) and line.endswith("|Marketing|") for line in printed)
    assert any(line.startswith("|-D" + moved) and line.endswith("|Engineering|") for line in printed)


@pytest.mark.timeout(SECONDS)
def test_pipeline(connector_jar: Path, tmp_path: Path) -> None:
    run("pipeline.sql", tmp_path / "tables")


def test_every_script_is_run() -> None:
    """But for the one that wants PyFlink, which needs an environment of its own."""
    found = {path.name for path in PROGRAM.parent.iterdir() if path.is_file()}
    assert found == {"mission.sql", "pipeline.sql", "run.py", "from_pyflink.py"}
