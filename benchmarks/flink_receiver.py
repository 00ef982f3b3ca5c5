"""A worker that receives rows and drops them: `python -m benchmarks.flink_receiver … SOCKET`, for the `tsbridge` table.

Batches are checked and turned into columns as every worker does it; what would follow is left out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import pyarrow as pa

from tablestore.flink import batch, worker
from tablestore.flink.protocol import Connection
from tablestore.flink.role import MakeRole, Reply
from tablestore.table import Table


class ReceiverRole:
    """Counts rows; the request `count` asks how many."""

    def __init__(self, table: Table, hello: Mapping[str, bytes], connection: Connection) -> None:
        self._fields = table._core.schema.fields
        self._rows = 0

    def batch(self, payload: pa.Buffer) -> None:
        self._rows += batch.decode(payload, self._fields).batch.num_rows

    def request(self, op: str, values: Mapping[str, bytes], payload: pa.Buffer | None) -> Reply:
        return Reply({"rows": self._rows})

    def close(self) -> None:
        pass


def role_of(hello: Mapping[str, bytes]) -> MakeRole:
    """Whatever the role is called, it receives."""
    return ReceiverRole


if __name__ == "__main__":
    worker.role_of = role_of
    status = 1
    try:
        status = worker.main(sys.argv[-1:])
    finally:
        sys.stderr.flush()
        os._exit(status)
