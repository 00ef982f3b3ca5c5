"""The jars of this tree: the connector as it is delivered, and the generator of rows for tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.flink import distribution

CONNECTOR = distribution.ROOT / "tablestore" / "flink" / "connector"
TESTING = CONNECTOR / "src" / "test" / "java" / "org" / "tablestore" / "flink" / "testing"
RESOURCES = CONNECTOR / "src" / "test" / "resources"


def connector() -> Path:
    """The connector's jar, built by `make flink`."""
    found = sorted((distribution.ROOT / "tablestore" / "flink" / "jars").glob("tablestore-flink-*.jar"))
    assert len(found) == 1, f"{len(found)} jars of the connector: `make flink`"
    return found[0]


def testing(folder: Path) -> Path:
    """A jar with the generator's table factory and with the program that runs scripts, built in `folder`."""
    classes = folder / "classes"
    libraries = f"{distribution.library(distribution.VERSION)}/*"
    sources = [str(path) for path in sorted(TESTING.glob("*.java"))]
    main = ["-implicit:none", "-sourcepath", str(CONNECTOR / "src" / "main" / "java")]
    target = ["-cp", libraries, *main, "-d", str(classes)]
    compile_ = ["javac", "-nowarn", "-XDsuppressNotes", "-proc:none", "--release", "17", *target]
    subprocess.run([*compile_, *sources], check=True, timeout=120)
    jar = folder / "tablestore-testing.jar"
    command = ["jar", "--create", "--file", str(jar), "-C", str(classes), ".", "-C", str(RESOURCES), "."]
    subprocess.run(command, check=True, timeout=60)
    return jar
