"""A stand-in for the connector: starts a worker and speaks with it as the Java side does (spec §16.4)."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from tablestore import types
from tablestore.flink import batch, protocol
from tablestore.flink.batch import Rows
from tablestore.flink.protocol import BATCH, ERROR, HELLO, READY, REQUEST, RESPONSE, Connection, Value
from tablestore.types import Field
from tests.flink.nursery import ForkedWorker

WORKER = ("-m", "tablestore.flink.worker")
TIMEOUT_SECONDS = 60.0


class WorkerError(Exception):
    """An ERROR message of the worker."""

    def __init__(self, values: Mapping[str, bytes]) -> None:
        self.values = {key: value.decode() for key, value in values.items()}
        super().__init__(f"{self.kind}: {self.message}")

    @property
    def kind(self) -> str:
        return self.values["class"]

    @property
    def message(self) -> str:
        return self.values["message"]

    @property
    def code(self) -> str:
        return self.values["code"]

    @property
    def retry(self) -> bool:
        return self.values["retry"] == "true"


def fields_of(schema: pa.Schema) -> list[Field]:
    """Columns of an Arrow schema as fields of the table."""
    return [Field(-1, c.name, types.from_arrow(c.type, c.name), c.nullable) for c in schema]


def hello_of(
    role: str,
    path: str | os.PathLike[str],
    schema: pa.Schema,
    primary_key: Sequence[str],
    partition_by: Sequence[str] = (),
    buckets: int = 4,
    options: Mapping[str, str] | None = None,
    **more: Value,
) -> dict[str, Value]:
    """The entries of a HELLO; in the names of `more` an underscore stands for a hyphen."""
    columns = [
        {
            "name": field.name,
            "type": types.to_json(field.type),
            "nullable": field.nullable and field.name not in primary_key,
        }
        for field in fields_of(schema)
    ]
    return {
        "protocol": protocol.VERSION,
        "role": role,
        "task": f"test of {role} (1/1)",
        "table.path": os.fspath(path),
        "columns": json.dumps(columns),
        "primary-key": json.dumps(list(primary_key)),
        "partition-by": json.dumps(list(partition_by)),
        "buckets": buckets,
        "options": json.dumps(dict(options or {})),
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


class Client:
    """A worker process and the connection to it; a context manager.

    with Client() as client:
        client.hello(hello_of("writer", path, schema, ["id"]))       # the READY map, or raises WorkerError
        client.batch(Rows(record_batch, kinds))
        values, rows = client.request("prepare", {"checkpoint": 1})  # raises WorkerError
    """

    def __init__(
        self, command: Sequence[str] | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """command: of a fresh process, with more in its environment; without, the worker is forked from one that has
        loaded all."""
        self.directory = tempfile.TemporaryDirectory(prefix="ts-")
        path = Path(self.directory.name) / "s"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.settimeout(TIMEOUT_SECONDS)
        listener.bind(os.fspath(path))
        listener.listen(1)
        self.log = Path(self.directory.name) / "log"
        self.process = (
            ForkedWorker(path, self.log)
            if command is None
            else self._start([*command, os.fspath(path)], environment or {})
        )
        self.socket, _ = listener.accept()
        listener.close()
        self.socket.settimeout(TIMEOUT_SECONDS)
        self.connection = Connection(self.socket)
        self._fields: Sequence[Field] = ()

    def _start(self, arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={**os.environ, **environment},
            )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def receive(self, *kinds: int) -> tuple[dict[str, bytes], pa.Buffer | None]:
        """The next message, which must be of one of `kinds`. An ERROR is raised as WorkerError."""
        kind, payload = self.connection.receive()
        if kind == ERROR:
            raise WorkerError(protocol.decode_map(payload))
        assert kind in kinds, f"{protocol.KINDS[kind]} is out of turn"
        return ({}, payload) if kind == BATCH else (protocol.decode_map(payload), None)

    def hello(self, values: Mapping[str, Value]) -> dict[str, bytes]:
        """Greet the worker; its READY."""
        self.connection.send_map(HELLO, values)
        return self.receive(READY)[0]

    def batch(self, rows: Rows | pa.RecordBatch) -> None:
        """Send rows that no answer follows."""
        rows = rows if isinstance(rows, Rows) else Rows(rows)
        self.connection.send(BATCH, batch.encode(rows))

    def request(
        self,
        op: str,
        values: Mapping[str, Value] | None = None,
        rows: Rows | pa.RecordBatch | None = None,
        answer: Sequence[Field] | pa.Schema | None = None,
    ) -> tuple[dict[str, bytes], Rows | None]:
        """Ask and wait for the answer. answer: columns of the rows that come with it, if any do."""
        extra: dict[str, Value] = {} if rows is None else {"batch": 1}
        self.connection.send_map(REQUEST, {"op": op, **(values or {}), **extra})
        if rows is not None:
            self.batch(rows)
        found, _ = self.receive(RESPONSE)
        if found.get("batch") != b"1":
            return found, None
        _, payload = self.receive(BATCH)
        assert answer is not None, "the answer has rows"
        return found, batch.decode(payload, fields_of(answer) if isinstance(answer, pa.Schema) else answer)

    def output(self) -> str:
        """What the worker has printed."""
        return self.log.read_text()

    def kill(self) -> None:
        """End the worker as a crash of its machine would."""
        self.process.kill()
        self.process.wait(TIMEOUT_SECONDS)

    def close(self) -> int:
        """Hang up and wait for the worker; its exit status."""
        self.connection.close()
        try:
            return self.process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            self.directory.cleanup()


def rows_of(schema: pa.Schema, rows: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """Dicts as a batch."""
    return pa.RecordBatch.from_pylist(list(rows), schema=schema)
