"""PyFlink and Flink's own shell scripts with the connector's jar; they need an environment of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flink import distribution

CLIENTS = distribution.HOME / "clients"
PYTHON = CLIENTS / "bin" / "python"
SECONDS = 280

pytestmark = [
    pytest.mark.skipif(not PYTHON.exists(), reason="PyFlink is not installed: `make flink-clients`"),
    pytest.mark.timeout(SECONDS),
]


def worker_python(folder: Path) -> Path:
    """The Python of this process, with the package in this tree."""
    program = folder / "python3"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{distribution.ROOT}" exec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    return program


def run(command: list[str], folder: Path, **environment: str) -> str:
    """What a program prints that ends well."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    return done.stdout


def test_pyflink(connector_jar: Path, tmp_path: Path) -> None:
    program = distribution.ROOT / "examples" / "flink" / "from_pyflink.py"
    arguments = [
        "--jar",
        str(connector_jar),
        "--python",
        str(worker_python(tmp_path)),
        "--folder",
        str(tmp_path),
    ]
    assert run([str(PYTHON), str(program), *arguments], tmp_path).rstrip().endswith("all right")


def test_the_script_of_the_sql_client(connector_jar: Path, tmp_path: Path) -> None:
    """`sql-client.sh -f`, with the gateway's jar in the folder that stands for opt/."""
    (home,) = CLIENTS.glob("lib/python*/site-packages/pyflink")
    for name, jars in {
        "lib": [*home.glob("lib/*.jar"), connector_jar],
        "opt": [*home.glob("opt/*.jar"), *distribution.gateway(distribution.VERSION).glob("*.jar")],
    }.items():
        (tmp_path / name).mkdir()
        for jar in jars:
            (tmp_path / name / jar.name).symlink_to(jar)
    conf = tmp_path / "conf"
    conf.mkdir()
    settings = (home / "conf" / "config.yaml").read_text()
    assert "numberOfTaskSlots: 1" in settings
    settings = settings.replace(
        "numberOfTaskSlots: 1", "numberOfTaskSlots: 4"
    )  # the script's parallelism is 2
    (conf / "config.yaml").write_text(f"{settings}\nexecution.target: local\n")
    for name in ("log4j-cli.properties", "log4j.properties"):
        (conf / name).write_text("rootLogger.level = OFF\n")
    worker_python(tmp_path)
    script = (distribution.ROOT / "examples" / "flink" / "mission.sql").read_text()
    (tmp_path / "mission.sql").write_text(script.replace("/tmp/tablestore", str(tmp_path)))
    printed = run(
        [str(home / "bin" / "sql-client.sh"), "-f", str(tmp_path / "mission.sql")],
        tmp_path,
        FLINK_HOME=str(home),
        FLINK_LIB_DIR=str(tmp_path / "lib"),
        FLINK_OPT_DIR=str(tmp_path / "opt"),
        FLINK_CONF_DIR=str(conf),
        FLINK_LOG_DIR=str(tmp_path),
        PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
    )
    rows = [line.replace(" ", "") for line in printed.splitlines()]
    assert any(row.startswith("|+I|1|Alice|30|") and row.endswith("|Marketing|") for row in rows), printed[
        -6000:
    ]
    assert "[ERROR]" not in printed
