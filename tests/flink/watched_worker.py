"""A worker that is watched and hurt: `python -m tests.flink.watched_worker FOLDER … tablestore.flink.worker SOCKET`.

It stands where `python.executable` is expected and serves as any other worker, but
- leaves `<role>-<pid>` in FOLDER, so that a test finds whom to kill;
- the committer says in `commits` which checkpoint of which sink it was asked for, and how that ended;
- the committer that meets `crash-after-publish` in FOLDER takes the file away and dies by `kill -9` when a commit was
  published, before it says so;
- a worker that meets `hang-<role>` takes the next message, leaves `hung-<role>-<pid>` and never comes back.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from tablestore.flink import worker
from tablestore.flink.protocol import Connection, text_of
from tablestore.flink.role import MakeRole, Reply, Role
from tablestore.table import Table


class WatchedRole:
    """A role, and what is done to it."""

    def __init__(self, role: Role, name: str, folder: Path) -> None:
        self._role, self._name, self._folder = role, name, folder

    def batch(self, payload: pa.Buffer) -> None:
        self._hang_if_asked()
        self._role.batch(payload)

    def request(self, op: str, values: Mapping[str, bytes], payload: pa.Buffer | None) -> Reply:
        self._hang_if_asked()
        reply = self._role.request(op, values, payload)
        if self._name == "committer" and op == "commit":
            outcome = str(reply.values["outcome"])
            if outcome == "published":
                self._crash_if_asked()
            line = " ".join((text_of(values, "sink"), text_of(values, "checkpoint"), outcome))
            with (self._folder / "commits").open("a") as lines:
                lines.write(line + "\n")
        return reply

    def close(self) -> None:
        self._role.close()

    def _hang_if_asked(self) -> None:
        if (self._folder / f"hang-{self._name}").exists():
            print(f"{self._name} hangs", flush=True)
            (self._folder / f"hung-{self._name}-{os.getpid()}").touch()
            while True:
                time.sleep(3600)

    def _crash_if_asked(self) -> None:
        try:
            (self._folder / "crash-after-publish").unlink()
        except FileNotFoundError:
            return
        (self._folder / f"crashed-{os.getpid()}").touch()
        os.kill(os.getpid(), signal.SIGKILL)


def watch(folder: Path) -> None:
    """Let every role of this process be watched."""
    role_of = worker.role_of

    def watched_role_of(hello: Mapping[str, bytes]) -> MakeRole:
        make = role_of(hello)
        name = text_of(hello, "role")
        (folder / f"{name}-{os.getpid()}").touch()

        def make_watched(table: Table, hello: Mapping[str, bytes], connection: Connection) -> Role:
            return WatchedRole(make(table, hello, connection), name, folder)

        return make_watched

    worker.role_of = watched_role_of


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
    status = 1
    try:
        status = worker.main(sys.argv[-1:])
    finally:
        sys.stderr.flush()
        os._exit(status)
