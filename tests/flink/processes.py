"""Processes of a test: they never outlive it, whatever kills it."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

PORTS = 10_000, 32_000
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if os.name == "posix" else None


def _die_with_parent() -> None:
    if _libc is not None and hasattr(_libc, "prctl"):
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port() -> int:
    """A port that nobody listens on now, and that no outgoing connection is given: those have the ports above."""
    while True:
        port = random.SystemRandom().randrange(*PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Process:
    """A program that writes to a log; killed at the latest when the tests end."""

    def __init__(self, name: str, command: list[str], log: Path, environment: Mapping[str, str]) -> None:
        self.name, self.command, self.log, self._environment = name, command, log, dict(environment)
        self.lives = 0
        self.was_killed = False
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """The first or the next life."""
        assert not self.is_alive, f"{self.name} is running"
        self.lives += 1
        self.was_killed = False
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.log.parent,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,
            )

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """`kill -9`."""
        self.was_killed = True
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def tail(self, lines: int = 40) -> str:
        """The end of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def parents() -> dict[int, int]:
    """The parent of every process on this machine."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended meanwhile
    return found


def command_line(pid: int) -> list[str]:
    """The command line of a process; empty when it ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def descendants(pids: set[int]) -> set[int]:
    """Children of these processes, their children and so on."""
    above = parents()
    found: set[int] = set()
    while True:
        more = {pid for pid, parent in above.items() if parent in pids | found} - found
        if not more:
            return found
        found |= more
