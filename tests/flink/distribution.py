"""Flink's jars for the tests: unpacked once into `.flink/<version>`, from the package index and Maven Central.

`python -m tests.flink.distribution` unpacks what is not there yet. A distribution is complete or absent.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".flink"
VERSION = "2.3.0"
OLDER_VERSIONS = ("2.2.1", "1.20.5")
# Not part of the wheel; the SQL client and gateway do not start without it.
GATEWAY = "org.apache.flink:flink-sql-gateway"
SECONDS_TO_UNPACK = 900


def missing() -> str:
    """Why no Flink test can run here, or nothing."""
    for program, name in (("javac", "JDK"), ("java", "JDK"), ("mvn", "Maven")):
        if shutil.which(program) is None:
            return f"no {name}: {program} is not on the PATH"
    absent = [version for version in (VERSION, *OLDER_VERSIONS) if not (HOME / version / "pyflink").is_dir()]
    if absent or not list((HOME / VERSION / "gateway").glob("*.jar")):
        return f"Flink {', '.join(absent) or VERSION} is not unpacked: `make flink-env`"
    return ""


def library(version: str) -> Path:
    """The folder with the jars that every process of a cluster has on its class path."""
    return HOME / version / "pyflink" / "lib"


def gateway(version: str) -> Path:
    """The folder with the SQL gateway."""
    return HOME / version / "gateway"


def _unpack(version: str) -> None:
    """All of Flink, as the package that PyFlink has its jars from; it depends on nothing."""
    with tempfile.TemporaryDirectory(dir=HOME) as folder:
        package = f"apache-flink-libraries=={version}"
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-cache-dir"]
        command = [*install, "--target", folder, package]
        subprocess.run(command, check=True, timeout=SECONDS_TO_UNPACK)
        Path(folder).chmod(0o755)
        os.rename(folder, HOME / version)
        Path(folder).mkdir()  # for the end of the block


def _fetch_gateway(version: str) -> None:
    """The SQL gateway of this version, through Maven."""
    with tempfile.TemporaryDirectory(dir=HOME) as folder:
        artifact, target = f"-Dartifact={GATEWAY}:{version}", f"-DoutputDirectory={folder}"
        command = ["mvn", "-q", "-B", "dependency:copy", artifact, target]
        subprocess.run(command, cwd=folder, check=True, timeout=SECONDS_TO_UNPACK)
        gateway(version).mkdir()
        for jar in Path(folder).glob("*.jar"):
            os.rename(jar, gateway(version) / jar.name)


def prepare() -> None:
    """Unpack what is not there."""
    HOME.mkdir(exist_ok=True)
    for version in (VERSION, *OLDER_VERSIONS):
        if not (HOME / version).is_dir():
            print(f"unpacking Flink {version} (300 MB)", flush=True)
            _unpack(version)
    if not gateway(VERSION).is_dir():
        _fetch_gateway(VERSION)


if __name__ == "__main__":
    prepare()
