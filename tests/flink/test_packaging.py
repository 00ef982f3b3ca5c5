"""The connector's jar: what is in it, where the command line finds it, and that wheels carry it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tablestore.flink import __main__ as command_line
from tablestore.flink import jar
from tablestore.version import __version__
from tests.flink.distribution import ROOT

SERVICE = "META-INF/services/org.apache.flink.table.factories.Factory"
FACTORY = "org.tablestore.flink.TableStoreDynamicTableFactory"
BYTES_MAX = 300_000


def test_the_jar_holds_the_connector_and_nothing_else(connector_jar: Path) -> None:
    assert connector_jar.name == f"tablestore-flink-{__version__}.jar"
    assert connector_jar.stat().st_size < BYTES_MAX
    with zipfile.ZipFile(connector_jar) as opened:
        names = [name for name in opened.namelist() if not name.endswith("/")]
        assert opened.read(SERVICE).decode().split() == [FACTORY]
        assert f"Implementation-Version: {__version__}" in opened.read("META-INF/MANIFEST.MF").decode()
    classes = [name for name in names if name.endswith(".class")]
    assert FACTORY.replace(".", "/") + ".class" in classes
    assert {name.rpartition("/")[0].split("/")[:3][-1] for name in classes} == {"flink"}
    assert all(name.startswith("org/tablestore/flink/") for name in classes)
    assert set(names) - set(classes) == {"META-INF/MANIFEST.MF", SERVICE}
    assert not [name for name in names if "Test" in name or "/testing/" in name]


def test_the_command_prints_where_the_jar_is(connector_jar: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["jar"]) == 0
    assert Path(capsys.readouterr().out.strip()).samefile(connector_jar)


def test_the_command_copies_the_jar(
    connector_jar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = tmp_path / "lib"
    library.mkdir()
    (library / "flink-dist-2.3.0.jar").write_bytes(b"")
    link = tmp_path / "link"
    link.symlink_to(library)
    for folder in (library, library, link):  # a second copy replaces the first
        assert command_line.main(["jar", "--copy-to", f"{folder}/"]) == 0
        copy = Path(capsys.readouterr().out.strip())
        assert copy == folder / connector_jar.name
        assert copy.read_bytes() == connector_jar.read_bytes()
        assert copy.stat().st_mode & 0o444
    assert sorted(path.name for path in library.iterdir()) == ["flink-dist-2.3.0.jar", connector_jar.name]


def test_two_versions_do_not_come_together(
    connector_jar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tablestore-flink-0.0.1.jar").write_bytes(b"")
    assert command_line.main(["jar", "--copy-to", str(tmp_path)]) == 1
    assert "tablestore-flink-0.0.1.jar" in capsys.readouterr().err
    assert not (tmp_path / connector_jar.name).exists()


def test_a_folder_that_is_not_there(
    connector_jar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["jar", "--copy-to", str(tmp_path / "lib")]) == 1
    assert "is not a folder" in capsys.readouterr().err
    assert not (tmp_path / "lib").exists()


def test_a_jar_that_is_not_built_says_how_to_build_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(jar, "files", lambda package: tmp_path)
    for arguments in (["jar"], ["jar", "--copy-to", str(tmp_path)]):
        assert command_line.main(arguments) == 1
        assert "`make flink`" in capsys.readouterr().err


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        command_line.main(["jra"])
    assert exit_.value.code == 2
    assert "jar" in capsys.readouterr().err


def test_a_wheel_carries_the_jar(connector_jar: Path, tmp_path: Path) -> None:
    """The wheel as setuptools builds it from this tree, without its kernels, which have nothing to do with the jar."""
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns(
        "__pycache__", "*.so", "*.c", "*.pyx", "target", "src", "reference", "inspect"
    )
    shutil.copytree(ROOT / "tablestore", source / "tablestore", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy(ROOT / name, source)
    (source / "setup.py").write_text("from setuptools import setup\nsetup()\n")
    build = "from setuptools import build_meta; build_meta.build_wheel('dist')"
    environment = {**os.environ, "PYTHONPATH": ""}
    (source / "dist").mkdir()
    subprocess.run(
        [sys.executable, "-c", build],
        cwd=source,
        env=environment,
        check=True,
        timeout=120,
        capture_output=True,
    )
    (wheel,) = (source / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        name = f"tablestore/flink/jars/{connector_jar.name}"
        assert opened.read(name) == connector_jar.read_bytes()
        assert "tablestore/flink/__main__.py" in opened.namelist()
        assert not [name for name in opened.namelist() if "/connector/" in name], "sources belong elsewhere"
