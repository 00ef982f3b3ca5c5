"""What a worker does for its subtask: the interface of a role, and of its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from tablestore.flink.batch import Rows
from tablestore.flink.protocol import Connection, Value
from tablestore.table import Table


@dataclass(frozen=True)
class Reply:
    """The answer to a request: a map, and rows if there are any (spec §16.4). parts: rows that `batch` has encoded."""

    values: Mapping[str, Value] = field(default_factory=dict)
    rows: Rows | None = None
    parts: Sequence[Any] | None = None


class Role(Protocol):
    """The work of one subtask, called by the worker's main thread alone, one message at a time.

    Any error that a method raises goes to the connector. After a failed `batch` the worker takes no more; after a
    failed `request` it goes on, and the role must be in a state that later requests find in order.
    """

    def batch(self, payload: pa.Buffer) -> None:
        """Rows that came by themselves; `tablestore.flink.batch.decode` reads them."""

    def request(self, op: str, values: Mapping[str, bytes], payload: pa.Buffer | None) -> Reply:
        """Answer a request. op: values["op"]; payload: the batch that came with it (batch=1)."""

    def close(self) -> None:
        """The conversation is over. Has worker.GRACE_SECONDS to let go of leases, claims and files."""


# Makes a role. hello: all entries of the HELLO. connection: of use for `stopping`, which long work looks at.
MakeRole = Callable[[Table, Mapping[str, bytes], Connection], Role]
