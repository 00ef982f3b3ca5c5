"""The compactor beside a sink's committer: merges sorted runs while the job writes, in a process of its own, so that no
checkpoint and no commit ever waits for it (spec §13.10)."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from typing import Final

import pyarrow as pa

from tablestore.compact import POLL_SECONDS, Compactor
from tablestore.errors import ConnectorError
from tablestore.flink.protocol import Connection, Value
from tablestore.flink.role import Reply
from tablestore.lsm.parallel import workers
from tablestore.results import CompactResult
from tablestore.table import Table

JOBS: Final = max(1, workers() // 2)  # the writers of the job want the other cores
PAUSE_SECONDS: Final = 5.0  # after a failure
CLOSE_SECONDS: Final = 1.5


class CompactorRole:
    """Works by itself from the start. Request: `state`."""

    def __init__(self, table: Table, hello: Mapping[str, bytes], connection: Connection) -> None:
        self._core = table._core
        self._stop = threading.Event()
        self._done = CompactResult(0)
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="compactor", daemon=True)
        self._thread.start()

    def batch(self, payload: pa.Buffer) -> None:
        raise ConnectorError("a compactor takes no rows", code="bad-message")

    def request(self, op: str, values: Mapping[str, bytes], payload: pa.Buffer | None) -> Reply:
        if op != "state":
            raise ConnectorError(f"a compactor cannot {op[:60]!r}", code="bad-message")
        done = self._done
        state: dict[str, Value] = {
            "compactions": done.buckets,
            "files-in": done.files_in,
            "bytes-in": done.bytes_in,
            "bytes-out": done.bytes_out,
            "failures": self._failures,
        }
        return Reply(state)

    def close(self) -> None:
        """Stop at the next window, so that claims go."""
        self._stop.set()
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._serve()
            except Exception as error:
                self._failures += 1
                sys.stderr.write(f"compaction of {self._core.storage.root} failed, it goes on: {error}\n")
                self._stop.wait(PAUSE_SECONDS)

    def _serve(self) -> None:
        """Compact what is there, and then what each commit brings."""
        ending = threading.Event()  # of this compactor alone: it sets it when it fails
        compactor = Compactor(self._core, JOBS, False, ending)
        compactor.result = self._done
        watch = threading.Thread(target=self._end, args=(ending,), daemon=True)
        watch.start()
        try:
            while not self._stop.is_set():
                done = compactor.round()
                self._done = compactor.result
                if not done:
                    seen = self._core.lineage.newest().id
                    while not self._stop.wait(POLL_SECONDS) and self._core.lineage.newest().id == seen:
                        compactor.renew()
        finally:
            compactor.close()

    def _end(self, ending: threading.Event) -> None:
        while not ending.is_set() and not self._stop.wait(POLL_SECONDS):
            pass
        ending.set()
