"""The reference stands alone: it can check every other part because it uses none of them."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[2] / "tablestore" / "reference"
ALLOWED = {"zstandard", "tablestore.errors"}
LINES_MAX = 310


@pytest.mark.parametrize("path", sorted(REFERENCE.glob("*.py")), ids=lambda path: path.stem)
def test_imports(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            is_standard = name.partition(".")[0] in sys.stdlib_module_names
            assert is_standard or name in ALLOWED or name.startswith("tablestore.reference"), name


@pytest.mark.parametrize("path", sorted(REFERENCE.glob("*.py")), ids=lambda path: path.stem)
def test_modules_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES_MAX
