"""The programs that measure run, at sizes that say nothing about speed: their answers are checked by themselves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, f"benchmarks/{script}", *arguments]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def test_other_keys_columns_and_updates(tmp_path: Path) -> None:
    printed = run("variants.py", "--rows", "4000", "--rounds", "1", "--scratch", str(tmp_path))
    assert "Multiple of the int64 case per byte" in printed
    assert "FAULT" not in printed


@pytest.mark.parametrize("part", ["rows", "plan", "commit"])
def test_large_tables(tmp_path: Path, part: str) -> None:
    sizes = ("--rows", "20000", "--files", "4000")
    printed = run(
        "scale.py", *sizes, "--only", part, "--scratch", str(tmp_path), "--output", str(tmp_path / "S")
    )
    assert "1-row commit into 100,000 files" in printed
    assert not (tmp_path / "S").exists(), "small sizes are not written down"


def test_the_comparison_holds_every_bar(tmp_path: Path) -> None:
    printed = run(
        "compare.py", "--rows", "20000", "--rounds", "1", "--peers", "tablestore", "--scratch", str(tmp_path)
    )
    for bar in ("one key, p99 µs", "1-row commit, p50 ms", "scan, unmerged / duckdb's scan, merged"):
        assert bar in printed
