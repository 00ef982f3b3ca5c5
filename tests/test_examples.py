"""The programs under examples/ run and find their own checks right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("program", "option", "ending"),
    [("employees.py", [], ""), ("flights_demo.py", ["--path"], "all right")],
)
def test_example(program: str, option: list[str], ending: str, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples" / program), *option, str(tmp_path / "table")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith(ending)


def test_every_example_is_run() -> None:
    """Those of examples/flink by tests/flink/test_examples.py."""
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == {"employees.py", "flights_demo.py"}
