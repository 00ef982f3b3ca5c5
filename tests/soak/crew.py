"""Many processes on one table, one of them killed every so often and started again. Nobody may end by itself."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tablestore as ts

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_END = 300.0
ROLES = {"write": 4, "compact": 2, "expire": 1, "clean": 1, "follow": 3, "scan": 3}


@dataclass
class Member:
    """One place in the crew: a process, and those that had the place before."""

    role: str
    number: int
    table: Path
    kills: int = 0
    lives: int = 0
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    @property
    def name(self) -> str:
        return f"{self.role}-{self.number}"

    @property
    def output(self) -> Path:
        """Where this life says what it did. A follower that is new in every life has a file for each."""
        life = f"-{self.lives}" if self.name == "follow-2" else ""
        return self.table.parent / f"{self.name}{life}.jsonl"

    @property
    def errors(self) -> Path:
        return self.table.parent / f"{self.name}.errors"

    def start(self) -> None:
        """The next life."""
        self.lives += 1
        own = [str(self.number), str(self.lives), str(self.output)]
        command = [sys.executable, "-m", "tests.soak.worker", self.role, str(self.table), *own]
        if self.role == "compact":
            expiring = ["--keep-last", "5"] if self.number else []
            compactor = "tablestore.compact"
            command = [sys.executable, "-m", compactor, str(self.table), "--follow", "--jobs", "1", *expiring]
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=errors)

    def kill(self) -> None:
        """The end of this life."""
        self.process.kill()
        self.process.wait()
        self.kills += 1

    def ended(self) -> str:
        """How it ended by itself; empty while it runs."""
        if self.process.poll() is None:
            return ""
        return f"{self.name} ended with {self.process.returncode}: {self.errors.read_text()[-4000:]}"

    def finish(self) -> str:
        """Wait; what was wrong, or nothing."""
        try:
            status = self.process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            return f"{self.name} does not end: {self.errors.read_text()[-4000:]}"
        if self.role == "compact" and status == -signal.SIGTERM:
            return ""  # it had only just been started again
        return self.ended() if status else ""


class Crew:
    """All members. `run` is the whole life of the table."""

    def __init__(self, table: Path, seed: int) -> None:
        self.table = table
        self.failures: list[str] = []
        self._random = random.Random(seed)
        self._condemned: list[Member] = []
        self.members = [
            Member(role, number, table) for role, count in ROLES.items() for number in range(count)
        ]

    def run(self, seconds: float, kill_seconds: float) -> None:
        """Let them work, kill one every `kill_seconds`, then stop them: followers last, when they have seen all."""
        try:
            end = time.monotonic() + seconds
            next_kill = time.monotonic() + kill_seconds
            while (now := time.monotonic()) < end:
                time.sleep(0.05)
                for member in self.members:
                    failure = member.ended()
                    if failure:
                        self.failures.append(failure)
                        member.start()
                if now >= next_kill:
                    next_kill = now + kill_seconds
                    member = self._next_to_die()
                    member.kill()
                    member.start()
            self._stop()
        finally:
            for member in self.members:
                if member.process.poll() is None:
                    member.kill()

    def _next_to_die(self) -> Member:
        """In random order, and everybody once before anybody again."""
        if not self._condemned:
            self._condemned = self._random.sample(self.members, len(self.members))
        return self._condemned.pop()

    def _stop(self) -> None:
        (self.table.parent / "stop").touch()
        self.failures.extend(filter(None, (member.finish() for member in self.of("write"))))
        for member in self.of("compact"):
            member.process.send_signal(signal.SIGTERM)
        others = [member for member in self.members if member.role not in ("write", "follow")]
        self.failures.extend(filter(None, (member.finish() for member in others)))
        partial = self.table.parent / "last-version.partial"
        partial.write_text(str(ts.open_table(self.table).version))
        partial.rename(self.table.parent / "last-version")
        self.failures.extend(filter(None, (member.finish() for member in self.of("follow"))))

    def of(self, role: str) -> list[Member]:
        """Members of a role."""
        return [member for member in self.members if member.role == role]

    def said(self, role: str, number: int) -> Iterator[dict[str, Any]]:
        """What all lives of a member said, without a last line that is cut off."""
        for path in sorted(self.table.parent.glob(f"{role}-{number}*.jsonl")):
            yield from lines(path)

    def counts(self) -> dict[str, Counter[str]]:
        """How often each kind of line was said, by role."""
        return {
            role: Counter(next(iter(line)) for number in range(count) for line in self.said(role, number))
            for role, count in ROLES.items()
        }


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Whole lines of a file."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)
