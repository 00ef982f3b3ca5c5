"""python -m tablestore.flink.worker SOCKET: the process beside one subtask of a Flink job (spec §16.4).

It connects to the socket, is told by HELLO which table and which role it has, answers READY, and then serves messages
one by one until the connector hangs up. A role is a class with three methods, `batch`, `request` and `close`; see
`tablestore.flink.role`, and `tablestore.flink.roles`, which lists them all:

    class WriterRole:
        def __init__(self, table: Table, hello: Mapping[str, bytes], connection: Connection) -> None: ...
        def batch(self, payload: pa.Buffer) -> None:            # a BATCH that came by itself
            rows = batch.decode(payload, table fields)          # Rows(batch: pa.RecordBatch, kinds: uint8[n] | None)
        def request(self, op: str, values: Mapping[str, bytes], payload: pa.Buffer | None) -> Reply:
            return Reply({"key": value}, Rows(record_batch, kinds) or None)
        def close(self) -> None: ...

What a method raises becomes an ERROR message, so a role just raises. `ConnectorError(message, code=…, retry=…)` says
itself whether a restart of the job may help. Roles print to stderr; stdout leads there, too.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import stat
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Final

from tablestore import counters
from tablestore.errors import (
    CommitConflictError,
    CommitUnknownError,
    ConnectorError,
    FormatError,
    LocationError,
    StorageError,
    TableStoreError,
)
from tablestore.flink import batch, ddl, protocol
from tablestore.flink.protocol import (
    BATCH,
    ERROR,
    HELLO,
    READY,
    REQUEST,
    RESPONSE,
    Connection,
    Disconnected,
    Value,
)
from tablestore.flink.role import MakeRole, Reply, Role
from tablestore.flink.roles import ROLES
from tablestore.version import __version__

GRACE_SECONDS: Final = 2.0
COUNTERS: Final = "counters"  # an operation of every worker
EXIT_DISCONNECTED: Final = 3  # while there was work in hand
_TRACE_CHARACTERS: Final = 16_384
_MESSAGE_CHARACTERS: Final = 16_384


class Watchdog(threading.Thread):
    """Ends the process when the other side is gone or a signal asks for it, whatever the main thread is doing (spec
    §16.4). terminated: becomes readable with the signal, also while the main thread cannot run its handlers."""

    def __init__(self, connection: Connection, terminated: socket.socket) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._connection = connection
        self._terminated = terminated

    def run(self) -> None:
        poll = select.poll()
        poll.register(self._connection.fileno(), getattr(select, "POLLRDHUP", 0))  # and hang-up and errors
        poll.register(self._terminated, select.POLLIN)
        poll.poll()
        self._connection.stop()
        time.sleep(GRACE_SECONDS)  # for the main thread to end by itself
        os._exit(EXIT_DISCONNECTED)


class Worker:
    """Serves one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._role: Role | None = None

    def serve(self) -> int:
        """Until the conversation is over; the exit status."""
        try:
            self._greet()
            while True:
                self._serve_one()
        except Disconnected:
            return 0
        except Exception as error:
            _log()
            self._connection.send_last(ERROR, describe(error))
            return 1
        finally:
            self._close()

    def _greet(self) -> None:
        kind, payload = self._connection.receive()
        if kind != HELLO:
            raise _out_of_turn(kind)
        hello = protocol.decode_map(payload)
        check_version(hello)
        make = role_of(hello)
        table = ddl.open_or_create(hello)
        self._role = make(table, hello, self._connection)
        ready: dict[str, Value] = {
            "protocol": protocol.VERSION,
            "library": __version__,
            "table": table._core.schema.table,
            "version": table.version,
        }
        self._connection.send_map(READY, ready)

    def _serve_one(self) -> None:
        assert self._role is not None
        kind, payload = self._connection.receive()
        if kind == BATCH:
            self._role.batch(payload)
        elif kind == REQUEST:
            self._answer(self._role, protocol.decode_map(payload))
        else:
            raise _out_of_turn(kind)

    def _answer(self, role: Role, values: Mapping[str, bytes]) -> None:
        op = protocol.text_of(values, "op")
        rows = None
        if values.get("batch") == b"1":
            kind, rows = self._connection.receive()
            if kind != BATCH:
                raise _out_of_turn(kind)
        try:
            reply = _counters() if op == COUNTERS else role.request(op, values, rows)
            parts = reply.parts if reply.rows is None else batch.encode(reply.rows)
            protocol.check_size(parts or ())
        except Exception as error:
            _log()
            self._connection.send_map(ERROR, describe(error))
            return
        if parts is None:
            self._connection.send_map(RESPONSE, reply.values)
            return
        self._connection.send_map(RESPONSE, {**reply.values, "batch": 1})
        self._connection.send(BATCH, parts)

    def _close(self) -> None:
        self._connection.stopping.set()
        if self._role is not None:
            try:
                self._role.close()
            except Exception:
                _log()


def _counters() -> Reply:
    return Reply({name: f"{value:.6f}".rstrip("0").rstrip(".") for name, value in counters.read().items()})


def check_version(hello: Mapping[str, bytes]) -> None:
    """Raises ConnectorError if the connector speaks another version of the protocol."""
    theirs = protocol.integer_of(hello, "protocol")
    if theirs != protocol.VERSION:
        raise ConnectorError(
            f"the connector speaks version {theirs} of the protocol and tablestore {__version__} in {sys.executable} "
            f"version {protocol.VERSION}: install the same release of both",
            code="unsupported-version",
        )


def role_of(hello: Mapping[str, bytes]) -> MakeRole:
    """The class of the role. Raises ConnectorError."""
    name = protocol.text_of(hello, "role")
    load = ROLES.get(name)
    if load is None:
        raise ConnectorError(
            f"there is no role {name[:60]!r}; the roles are {', '.join(ROLES)}", code="bad-message"
        )
    return load()


def describe(error: Exception) -> dict[str, Value]:
    """The entries of the ERROR message for an error (spec §16.4)."""
    trace = "".join(traceback.format_exception(error))
    return {
        "class": type(error).__name__,
        "message": (str(error) or type(error).__name__)[:_MESSAGE_CHARACTERS],
        "code": str(getattr(error, "code", "")),
        "retry": "true" if may_help(error) else "false",
        "trace": trace[-_TRACE_CHARACTERS:],
    }


def may_help(error: Exception) -> bool:
    """Whether a restart of the job may help: it does not where the table, the data or the installation are at fault."""
    if isinstance(error, ConnectorError):
        return error.retry
    if isinstance(error, LocationError):
        return False
    if isinstance(error, (StorageError, CommitConflictError, CommitUnknownError)):
        return True
    return not isinstance(error, (TableStoreError, ImportError))


def _out_of_turn(kind: int) -> FormatError:
    name = protocol.KINDS[kind]
    return FormatError(f"{name} is out of turn", code="bad-message", file="message", section="16.4")


def _log() -> None:
    """Print the error that is being handled; nobody may be there to read it any more."""
    with suppress(OSError):
        traceback.print_exc()


def _connect(path: str) -> socket.socket:
    """The connection. The socket's file and its folder, which the connector made for it alone, go whether it answers
    or not: the connector may be killed before it can take them away (spec §16.4)."""
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connected.connect(path)
    finally:
        with suppress(OSError):  # the connector takes them away, too
            if stat.S_ISSOCK(os.lstat(path).st_mode):
                os.unlink(path)
                os.rmdir(path.rpartition("/")[0])
    return connected


class WithoutPandas:
    """Lets `import pandas` fail: pyarrow would load it with its first array, for 0.3 s and 50 MB. (None in sys.modules
    does not: compiled modules such as pyarrow's take it for pandas.)"""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None, /) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("workers do without pandas", name=name)


def main(arguments: Sequence[str]) -> int:
    """The process. arguments: the path of the socket."""
    os.dup2(2, 1)  # what a library prints goes to the logs (spec §16.4)
    sys.meta_path.insert(0, WithoutPandas())
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m tablestore.flink.worker SOCKET\n")
        return 2
    connection = Connection(_connect(arguments[0]))
    terminated, signalled = socket.socketpair()
    signalled.setblocking(False)
    signal.set_wakeup_fd(signalled.fileno())
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the connector decides
    Watchdog(connection, terminated).start()
    return Worker(connection).serve()


if __name__ == "__main__":
    status = 1
    try:
        status = main(sys.argv[1:])
    except BaseException:
        _log()
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)  # threads of the library may still be at work; nothing waits for them
