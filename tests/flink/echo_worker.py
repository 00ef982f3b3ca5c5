"""`python -m tests.flink.echo_worker SOCKET`: a worker with one more role, which does what a test tells it to."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Mapping

import pyarrow as pa

from tablestore.errors import CommitConflictError, ConnectorError, SchemaError, StorageError
from tablestore.flink import batch, roles, worker
from tablestore.flink.batch import Rows
from tablestore.flink.protocol import Connection, text_of
from tablestore.flink.role import Reply
from tablestore.table import Table

ERRORS: Mapping[str, type[Exception]] = {
    "schema": SchemaError,
    "storage": StorageError,
    "conflict": CommitConflictError,
    "import": ImportError,
    "value": ValueError,
    "memory": MemoryError,
}


class EchoRole:
    """Counts rows, hands them back, fails, prints, sleeps, computes."""

    def __init__(self, table: Table, hello: Mapping[str, bytes], connection: Connection) -> None:
        self._fields = table._core.schema.fields
        self._connection = connection
        self._rows = 0
        if hello.get("fail") == b"true":
            raise ConnectorError("not today", code="older-savepoint", retry=True)

    def batch(self, payload: pa.Buffer) -> None:
        self._rows += batch.decode(payload, self._fields).batch.num_rows
        if self._rows > 1_000_000:
            raise SchemaError("too many rows for an echo")

    def request(self, op: str, values: Mapping[str, bytes], payload: pa.Buffer | None) -> Reply:
        if op == "fail":
            raise ERRORS[text_of(values, "error")](f"no {text_of(values, 'error')}")
        if op == "print":
            print("to stdout")
            os.write(1, b"to descriptor 1\n")
        if op == "sleep":
            time.sleep(600)
        if op == "native":
            hashlib.pbkdf2_hmac("sha512", b"one call of C, which lets other threads run", b"", 1 << 30)
        if op == "compute":
            while not self._connection.stopping.is_set() or values.get("stubborn") == b"1":
                pass
        if op == "huge":
            part = pa.array(["x" * (1 << 20)] * 100)
            rows = pa.RecordBatch.from_arrays([part, part, part], names=["a", "b", "c"])
            return Reply({}, Rows(rows))
        rows = None if payload is None else batch.decode(payload, self._fields)
        return Reply({"rows": self._rows, "pid": os.getpid()}, rows)

    def close(self) -> None:
        print("closed")


def main() -> int:
    known = dict(roles.ROLES)
    worker.ROLES = {**known, "echo": lambda: EchoRole}  # type: ignore[misc]
    return worker.main(sys.argv[1:])


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
