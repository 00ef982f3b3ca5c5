"""Where there is no JDK, the tests say so; where they must run, they fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flink.distribution import ROOT

# A test of its own that wants Flink, run with nothing on the PATH.
WANTED = "tests/flink/test_java.py"


@pytest.mark.parametrize(
    ("required", "status", "outcome"), [("", 0, "1 skipped"), ("1", 1, "Flink tests must run")]
)
def test_without_a_jdk(required: str, status: int, outcome: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path), "TABLESTORE_REQUIRE_FLINK": required}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", WANTED]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == status, done.stdout
    assert outcome in done.stdout
    assert "no JDK: javac is not on the PATH" in done.stdout
