"""What this process has done, counted: commits, compactions, bytes. Cheap enough to be always on."""

from __future__ import annotations

import threading
from typing import Final


class Counter:
    """A number that only grows, counted in all threads of the process. meaning: a line for people."""

    def __init__(self, name: str, meaning: str) -> None:
        self.name = name
        self.meaning = meaning
        self._value = 0.0
        self._lock = threading.Lock()
        ALL.append(self)

    def add(self, amount: float = 1) -> None:
        with self._lock:
            self._value += amount

    @property
    def value(self) -> float:
        return self._value


ALL: Final[list[Counter]] = []

COMMITS: Final = Counter("commits", "snapshots published, those of compactions apart")
COMMIT_SECONDS: Final = Counter("commit_seconds", "time that publishing them took, lost races included")
COMMIT_RETRIES: Final = Counter("commit_retries", "races lost against other commits")
COMMITS_REPEATED: Final = Counter("commits_repeated", "commits that were in the table already, by their id")
FILES_WRITTEN: Final = Counter("files_written", "data files published")
ROWS_WRITTEN: Final = Counter("rows_written", "rows in them, deletes included")
BYTES_WRITTEN: Final = Counter("bytes_written", "bytes of them")
COMPACTIONS: Final = Counter("compactions", "compactions published")
COMPACTIONS_LOST: Final = Counter("compactions_lost", "compactions whose inputs another one took")
COMPACTION_SECONDS: Final = Counter("compaction_seconds", "time that compactions took, lost ones included")
COMPACTION_BYTES_READ: Final = Counter("compaction_bytes_read", "bytes that went into compactions")
COMPACTION_BYTES_WRITTEN: Final = Counter("compaction_bytes_written", "bytes that came out of them")
CONNECTOR_ROWS_RECEIVED: Final = Counter("connector_rows_received", "rows that Flink sent to this worker")
CONNECTOR_ROWS_SENT: Final = Counter("connector_rows_sent", "rows that this worker sent to Flink")
CONNECTOR_BYTES_RECEIVED: Final = Counter("connector_bytes_received", "bytes of messages from Flink")
CONNECTOR_BYTES_SENT: Final = Counter("connector_bytes_sent", "bytes of messages to Flink")


def read() -> dict[str, float]:
    """All counters by name. Seconds have fractions; the others are whole numbers."""
    return {counter.name: counter.value for counter in ALL}
