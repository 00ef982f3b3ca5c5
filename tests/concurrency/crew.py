"""Starts processes on one table, lets them go at the same moment, and collects what they were told."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
Ack = dict[str, Any]


@dataclass
class Crew:
    """Processes by role. `run` waits for those that end by themselves, then stops the others."""

    table: Path
    processes: list[tuple[str, subprocess.Popen[str]]] = field(default_factory=list)

    def add(self, role: str, number: int, count: int) -> None:
        """Start a process; it waits for `run`."""
        command = [
            sys.executable,
            "-m",
            "tests.concurrency.worker",
            role,
            str(self.table),
            str(number),
            str(count),
        ]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.processes.append((role, process))

    def run(self, seconds: float, until_stop: tuple[str, ...] = ()) -> dict[str, list[list[Ack]]]:
        """Acknowledgements by role and process. Fails if a process fails or takes longer than `seconds`."""
        try:
            for _, process in self.processes:
                assert process.stdout is not None
                assert json.loads(process.stdout.readline() or "{}") == {"ready": True}, (
                    process.communicate()[1]
                )
            (self.table.parent / "go").touch()
            ending = [item for item in self.processes if item[0] not in until_stop]
            others = [item for item in self.processes if item[0] in until_stop]
            results: dict[str, list[list[Ack]]] = {}
            for role, process in ending:
                results.setdefault(role, []).append(_finish(role, process, seconds))
            (self.table.parent / "stop").touch()
            for role, process in others:
                results.setdefault(role, []).append(_finish(role, process, seconds))
            return results
        finally:
            for _, process in self.processes:
                if process.poll() is None:
                    process.kill()
                    process.communicate()


def _finish(role: str, process: subprocess.Popen[str], seconds: float) -> list[Ack]:
    output, errors = process.communicate(timeout=seconds)
    assert process.returncode == 0, f"{role}: {errors}"
    return [json.loads(line) for line in output.splitlines()]
