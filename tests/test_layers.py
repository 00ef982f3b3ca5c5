"""The house rules as tests: which module may import which, how long things are, and words that are not used."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "tablestore"

# Lower layers first; a module imports its own layer and lower ones.
LAYERS = (
    {"errors", "version", "counters"},
    {"types", "rank"},
    {"options"},
    {"_native"},
    {"storage"},
    {"file"},
    {"filter", "conform", "ingest"},
    {"lsm"},
    {"dataset"},
    {"core", "metadata", "lease", "pins"},
    {"transaction"},
    {
        "results",
        "session",
        "prepared",
        "background",
        "claims",
        "compact",
        "maintenance",
        "retention",
        "orphans",
        "tags",
        "verify",
        "writer",
    },
    {"view", "changes", "progress", "follow", "metrics", "table"},
    {"flink"},
    {"inspect"},
)
# The slow implementation stands beside the others: it uses errors alone, and only these use it.
REFERENCE_USERS = {"reference", "inspect", "conformance"}
FILE_LINES_MAX = 500
LINE_MAX = 120
FUNCTION_LINES_MAX = 60
CASE_LINES_MAX = 100  # a function that lists the cases of one chapter
BANNED_WORDS = {"manager", "helper", "helpers", "utils", "util", "handler", "info", "misc", "common"}
# Outside storage/ nobody touches the file system. What is left of `os` names no file or only formats a path.
OS_ALLOWED = {
    *(
        "fspath",
        "PathLike",
        "sched_getaffinity",
        "cpu_count",
        "environ",
        "register_at_fork",
        "getpid",
        "sysconf",
    ),
}
# The command line reads loose files and writes its output; conformance reads vectors and talks to processes.
OUTSIDE_THE_SEAM = {"inspect", "conformance"}
# A worker beside a Flink subtask talks through a socket that it takes away, prints to stderr, and ends with its parent.
TALKING = {
    "flink/protocol.py": {"socket"},
    "flink/worker.py": {"socket", "lstat", "unlink", "rmdir", "dup2", "_exit"},
}


@cache
def modules() -> dict[str, ast.Module]:
    """All Python modules of the package by path, parsed."""
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(), str(path))
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def part_of(path: str) -> str:
    """The part of the package that a module belongs to: its folder, or its own name."""
    return path.split("/")[0].removesuffix(".py")


def imported(tree: ast.Module) -> Iterator[str]:
    """Full names of what a module imports from the package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parts_imported(tree: ast.Module) -> set[str]:
    names = (name.split(".") for name in imported(tree))
    return {name[1] for name in names if name[0] == "tablestore" and len(name) > 1}


def rank(part: str) -> int | None:
    return next((place for place, layer in enumerate(LAYERS) if part in layer), None)


def test_every_module_has_a_layer() -> None:
    parts = {part_of(path) for path in modules()} - {"__init__", "__main__"}
    assert parts - REFERENCE_USERS <= set().union(*LAYERS)


@pytest.mark.parametrize("path", modules())
def test_imports_point_down(path: str) -> None:
    part = part_of(path)
    own = rank(part)
    if own is None:
        return
    above = {found for found in parts_imported(modules()[path]) if (rank(found) or 0) > own}
    assert not above, f"{path} imports {above}"


@pytest.mark.parametrize("path", modules())
def test_only_inspection_and_conformance_use_the_reference(path: str) -> None:
    part = part_of(path)
    found = parts_imported(modules()[path])
    if part == "reference":
        assert found <= {"reference", "errors"}, f"the reference stands alone, {path} imports {found}"
    elif part not in REFERENCE_USERS:
        assert "reference" not in found


@pytest.mark.parametrize("path", modules())
def test_only_storage_touches_files(path: str) -> None:
    if part_of(path) in {"storage", *OUTSIDE_THE_SEAM}:
        return
    names = set(imported(modules()[path]))
    roots = {name.split(".")[0] for name in names}
    banned = {"shutil", "pathlib", "tempfile", "glob", "mmap", "fcntl", "socket", "subprocess"}
    allowed = TALKING.get(path, set())
    assert not roots & banned - allowed, path
    for node in ast.walk(modules()[path]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "open", f"{path}:{node.lineno}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            assert node.attr in OS_ALLOWED | allowed, f"{path}:{node.lineno} os.{node.attr}"


@pytest.mark.parametrize("path", modules())
def test_no_code_from_data(path: str) -> None:
    roots = {name.split(".")[0] for name in imported(modules()[path])}
    assert not roots & {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "imp"}, path
    for node in ast.walk(modules()[path]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec", "compile", "__import__"}, f"{path}:{node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            named = all(isinstance(argument, (ast.Constant, ast.JoinedStr)) for argument in node.args)
            assert node.func.attr != "import_module" or named, path


def sources() -> list[Path]:
    """Source files of the package and its tests, native ones included."""
    found = [path for folder in (PACKAGE, ROOT / "tests") for path in folder.rglob("*") if path.is_file()]
    return [
        path
        for path in sorted(found)
        if path.suffix in {".py", ".pyx", ".pxd", ".pyi", ".h"} and "__pycache__" not in path.parts
    ]


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_fit_a_reader(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= FILE_LINES_MAX


def test_lines_of_the_connector_fit_a_screen() -> None:
    """As ruff sees to it in Python."""
    connector = sorted((PACKAGE / "flink" / "connector" / "src").rglob("*.java"))
    assert len(connector) > 60
    wide = [
        f"{path.name}:{number}"
        for path in connector
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > LINE_MAX
    ]
    assert wide == []


@pytest.mark.parametrize("path", modules())
def test_functions_fit_a_screen_or_two(path: str) -> None:
    for node in ast.walk(modules()[path]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            limit = CASE_LINES_MAX if path.startswith("conformance/cases/") else FUNCTION_LINES_MAX
            assert lines <= limit, f"{path}:{node.lineno} {node.name} has {lines} lines"


def words(name: str) -> set[str]:
    """The words of an identifier."""
    return set(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_"))


@pytest.mark.parametrize("path", modules())
def test_names_say_something(path: str) -> None:
    assert not words(Path(path).stem) & BANNED_WORDS
    for node in ast.walk(modules()[path]):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            assert not words(node.name) & BANNED_WORDS, f"{path}:{node.lineno} {node.name}"


@pytest.mark.parametrize("path", modules())
def test_no_work_is_left_for_later(path: str) -> None:
    text = (PACKAGE / path).read_text()
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text)
    assert "NotImplementedError" not in text.replace("ArrowNotImplementedError", "")


def test_every_native_module_is_typed() -> None:
    public = {path.stem for path in (PACKAGE / "_native").glob("*.pyx")}
    assert public <= {path.stem for path in (PACKAGE / "_native").glob("*.pyi")}


def test_the_package_imports_without_tests_or_tools() -> None:
    """Nothing is imported at the top that only developers install, or that callers may do without."""
    tools = {"pytest", "hypothesis", "pandas", "polars", "rich", "Cython", "setuptools"}
    for path, tree in modules().items():
        top = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
        roots = {name.split(".")[0] for name in imported(top)}
        assert not roots & tools or part_of(path) == "inspect", path
