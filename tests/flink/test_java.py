"""The connector's own tests, in Java: they need no cluster."""

from __future__ import annotations

import os
import subprocess

from tests.flink.jars import CONNECTOR

SECONDS = 300


def test_the_tests_of_the_connector_pass(flink: str) -> None:
    command = ["mvn", "-B", "-ntp", "-f", str(CONNECTOR / "pom.xml"), "test"]
    short = {**os.environ, "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, env=short)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "Tests run: " in done.stdout, "Maven found no tests"
