"""Worker processes (spec §16.4): greetings, answers, errors, and how they end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.flink import protocol, worker
from tablestore.flink.batch import Rows
from tablestore.flink.protocol import BATCH, HELLO, PAYLOAD_MAX, READY, REQUEST, Connection, Disconnected
from tablestore.flink.roles import ROLES
from tests.flink.client import Client, WorkerError, hello_of, rows_of
from tests.flink.test_protocol import same, table_of
from tests.model import value_pool

ECHO = ("-m", "tests.flink.echo_worker")
SCHEMA = pa.schema([pa.field("id", pa.int64(), False), ("name", pa.string())])
ENDS_WITHIN = worker.GRACE_SECONDS + 15  # seconds; the machine may be busy


@pytest.fixture
def echo(table_path: Path) -> Iterator[Client]:
    with Client(ECHO) as client:
        client.hello(hello_of("echo", table_path, SCHEMA, ["id"]))
        yield client


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_for_end(pid: int) -> float:
    """Seconds until the process is gone."""
    start = time.monotonic()
    while is_alive(pid):
        assert time.monotonic() - start < ENDS_WITHIN, "the worker lives on"
        time.sleep(0.05)
    return time.monotonic() - start


# ---- greetings


def test_ready_says_which_table_it_is(table_path: Path) -> None:
    with Client(ECHO) as client:
        ready = client.hello(hello_of("echo", table_path, SCHEMA, ["id"]))
    table = ts.open_table(table_path)
    assert ready["protocol"] == b"1"
    assert ready["library"].decode() == ts.__version__
    assert ready["version"] == b"1"
    assert len(ready["table"]) == 32
    assert table.primary_key == ("id",)
    assert table.buckets == 4


def test_another_protocol_is_refused(table_path: Path) -> None:
    with Client() as client:
        with pytest.raises(
            WorkerError, match=r"version 2 of the protocol.*install the same release"
        ) as raised:
            client.hello({**hello_of("writer", table_path, SCHEMA, ["id"]), "protocol": 2})
        assert (raised.value.code, raised.value.retry) == ("unsupported-version", False)
    assert not table_path.exists(), "nothing is made for a connector of another version"


def test_unknown_roles_are_refused(table_path: Path) -> None:
    with (
        Client() as client,
        pytest.raises(WorkerError, match=r"no role 'os\.path'; the roles are writer") as raised,
    ):
        client.hello(hello_of("os.path", table_path, SCHEMA, ["id"]))
    assert not raised.value.retry


@pytest.mark.parametrize("role", ROLES)
def test_every_role_can_be_made(role: str) -> None:
    made = ROLES[role]()
    assert {"batch", "request", "close"} <= set(dir(made))


@pytest.mark.parametrize("missing", ["protocol", "role", "columns"])
def test_a_greeting_that_lacks_something(table_path: Path, missing: str) -> None:
    hello = hello_of("echo", table_path, SCHEMA, ["id"])
    del hello[missing]
    with Client(ECHO) as client:
        with pytest.raises(WorkerError, match=missing) as raised:
            client.hello(hello)
        assert (raised.value.kind, raised.value.code, raised.value.retry) == (
            "FormatError",
            "bad-message",
            False,
        )


def test_a_role_that_cannot_begin(table_path: Path) -> None:
    with Client(ECHO) as client, pytest.raises(WorkerError, match="not today") as raised:
        client.hello(hello_of("echo", table_path, SCHEMA, ["id"], fail="true"))
    assert (raised.value.code, raised.value.retry) == ("older-savepoint", True)


@pytest.mark.parametrize("kind", [READY, REQUEST, BATCH])
def test_a_message_out_of_turn(table_path: Path, kind: int) -> None:
    with Client(ECHO) as client:
        client.connection.send_map(kind, {})
        with pytest.raises(WorkerError, match="out of turn"):
            client.receive(READY)


def test_a_second_greeting_is_out_of_turn(echo: Client, table_path: Path) -> None:
    echo.connection.send_map(HELLO, hello_of("echo", table_path, SCHEMA, ["id"]))
    with pytest.raises(WorkerError, match="HELLO is out of turn"):
        echo.receive(READY)


# ---- answers


def test_rows_of_all_types_go_there_and_back(table_path: Path) -> None:
    fields = [pa.field("id", pa.int64(), False)]
    fields += [pa.field(f"c{index}", kind) for index, kind in enumerate(value_pool.VALUE_TYPES)]
    rows = table_of(fields, 300, 11)
    kinds = np.arange(300, dtype=np.uint8) % 4
    with Client(ECHO) as client:
        client.hello(hello_of("echo", table_path, rows.schema, ["id"]))
        client.batch(rows)
        values, found = client.request("echo", {}, Rows(rows.slice(7), kinds[7:]), rows.schema)
    assert values["rows"] == b"300"
    assert found is not None
    assert found.kinds is not None
    assert found.kinds.tolist() == kinds[7:].tolist()
    assert same(found.batch, rows.slice(7))


def test_what_is_printed_goes_to_the_log(echo: Client) -> None:
    assert echo.request("print")[0]["rows"] == b"0"
    echo.connection.close()
    assert echo.process.wait(ENDS_WITHIN) == 0
    assert {"to stdout", "to descriptor 1", "closed"} <= set(echo.output().splitlines())


def test_counters_tell_what_the_worker_has_done(echo: Client) -> None:
    before, _ = echo.request("counters")
    echo.batch(rows_of(SCHEMA, [{"id": index, "name": "x"} for index in range(100)]))
    after, _ = echo.request("counters")
    assert before["connector_rows_received"] == b"0"
    assert after["connector_rows_received"] == b"100"
    assert int(after["connector_bytes_received"]) - int(before["connector_bytes_received"]) > 800
    assert set(after) == set(ts.metrics.counters())


def test_an_answer_that_is_too_large_is_an_error(echo: Client) -> None:
    with pytest.raises(WorkerError, match="at most 268435456") as raised:
        echo.request("huge")
    assert raised.value.code == "limit-exceeded"
    assert echo.request("again")[0]["rows"] == b"0"


# ---- errors


def test_errors_of_requests_are_answers(echo: Client) -> None:
    """Each says whether another attempt may help, and the worker goes on."""
    for error, kind, retry in (
        ("schema", "SchemaError", False),
        ("storage", "StorageError", True),
        ("conflict", "CommitConflictError", True),
        ("import", "ImportError", False),
        ("value", "ValueError", True),
        ("memory", "MemoryError", True),
    ):
        with pytest.raises(WorkerError) as raised:
            echo.request("fail", {"error": error})
        found = raised.value
        assert (found.kind, found.message, found.retry) == (kind, f"no {error}", retry)
        assert "in request" in found.values["trace"]
        assert echo.request("again")[0]["rows"] == b"0"


def test_an_error_of_rows_reaches_a_connector_that_is_still_sending(echo: Client) -> None:
    """The socket's buffers are full in one direction long before the error comes in the other."""
    rows = rows_of(SCHEMA, [{"id": index, "name": "x" * 50} for index in range(20_000)])
    for _ in range(200):  # 4 M rows, 250 MB; the role takes a million
        echo.batch(rows)
    echo.connection.send_map(REQUEST, {"op": "echo"})
    with pytest.raises(WorkerError, match="too many rows"):
        echo.receive(protocol.RESPONSE)
    echo.connection.close()
    assert echo.process.wait(ENDS_WITHIN) == 1


def test_rows_that_break_the_rules(echo: Client) -> None:
    echo.connection.send(BATCH, [bytes(8)])
    with pytest.raises(WorkerError, match="columns have 6") as raised:
        echo.receive(protocol.RESPONSE)
    assert (raised.value.kind, raised.value.code) == ("FormatError", "count-mismatch")


def test_a_message_beyond_the_limit_is_refused_unread(echo: Client) -> None:
    echo.socket.sendall((PAYLOAD_MAX + 1).to_bytes(4, "little") + bytes([BATCH, 0, 0, 0]))
    with pytest.raises(WorkerError) as raised:
        echo.receive(protocol.RESPONSE)
    assert raised.value.code == "limit-exceeded"


def test_noise_is_an_error_or_the_end(table_path: Path) -> None:
    """A flipped bit anywhere in a greeting, a request and its rows; the worker answers or ends, and never hangs."""
    hello = protocol.encode_map(hello_of("echo", table_path, SCHEMA, ["id"]))
    request = protocol.encode_map({"op": "echo"})
    stream = b"".join(
        len(payload).to_bytes(4, "little") + bytes([kind, 0, 0, 0]) + payload
        for kind, payload in ((HELLO, hello), (REQUEST, request))
    )
    source = np.random.default_rng(8)
    for position in source.choice(8 * len(stream), 6, replace=False).tolist():
        damaged = bytearray(stream)
        damaged[position // 8] ^= 1 << position % 8
        with Client(ECHO) as client:
            client.socket.sendall(damaged)
            client.socket.shutdown(socket.SHUT_WR)  # a length that has grown waits for nothing
            try:
                while True:
                    assert client.connection.receive().kind in protocol.KINDS
            except Disconnected:
                pass
            assert client.process.wait(ENDS_WITHIN) in (0, 1, worker.EXIT_DISCONNECTED)


# ---- ends


def test_hanging_up_ends_the_worker(echo: Client) -> None:
    echo.connection.close()
    assert echo.process.wait(ENDS_WITHIN) == 0
    assert "closed" in echo.output()


@pytest.mark.parametrize("request_of", [{"op": "sleep"}, {"op": "compute", "stubborn": "1"}])
def test_hanging_up_ends_a_worker_that_does_not_look(echo: Client, request_of: dict[str, str]) -> None:
    echo.connection.send_map(REQUEST, request_of)
    time.sleep(0.3)
    echo.connection.close()
    assert echo.process.wait(ENDS_WITHIN) == worker.EXIT_DISCONNECTED


def test_long_work_may_look_and_close_in_order(echo: Client) -> None:
    echo.connection.send_map(REQUEST, {"op": "compute"})
    time.sleep(0.3)
    echo.connection.close()
    assert echo.process.wait(ENDS_WITHIN) == 0
    assert "closed" in echo.output()


def test_sigterm_ends_an_idle_worker_in_order(echo: Client) -> None:
    echo.process.send_signal(signal.SIGTERM)
    assert echo.process.wait(ENDS_WITHIN) == 0
    assert "closed" in echo.output()


def test_sigterm_ends_a_busy_worker(echo: Client) -> None:
    echo.connection.send_map(REQUEST, {"op": "compute", "stubborn": "1"})
    time.sleep(0.3)
    echo.process.send_signal(signal.SIGTERM)
    assert echo.process.wait(ENDS_WITHIN) == worker.EXIT_DISCONNECTED


def test_sigterm_ends_a_worker_whose_main_thread_is_in_native_code(echo: Client) -> None:
    """Handlers of signals run between two steps of Python; a long call of C has none."""
    echo.connection.send_map(REQUEST, {"op": "native"})
    time.sleep(0.5)
    echo.process.send_signal(signal.SIGTERM)
    assert echo.process.wait(ENDS_WITHIN) == worker.EXIT_DISCONNECTED


def test_a_hung_worker_can_be_killed(echo: Client) -> None:
    """Stopped as by a debugger, it notices nothing; kill -9 ends it."""
    echo.process.send_signal(signal.SIGSTOP)
    echo.connection.close()
    time.sleep(0.2)
    assert is_alive(echo.process.pid)
    echo.kill()
    assert not is_alive(echo.process.pid)


PARENT = """
import sys, time
from tests.flink.client import *
from tests.flink.test_worker import ECHO, SCHEMA
client = Client(ECHO)
client.hello(hello_of("echo", sys.argv[1], SCHEMA, ["id"]))
print(client.process.pid, flush=True)
if sys.argv[2] != "idle":
    client.connection.send_map(REQUEST, {"op": sys.argv[2], "stubborn": "1"})
time.sleep(600)
"""


RUN = "from tests.flink.echo_worker import main; os._exit(main())"


@pytest.mark.parametrize("doing", ["idle", "sleep", "compute"])
def test_no_worker_outlives_its_parent(
    table_path: Path, doing: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """kill -9 of a TaskManager."""
    folder = tmp_path_factory.mktemp("s")  # for what the parent leaves behind; its socket needs a short path
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, os.fspath(table_path), doing],
        env={**os.environ, "TMPDIR": os.fspath(folder)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
    try:
        time.sleep(0.3)
        assert is_alive(pid)
        parent.kill()
        parent.wait()
        assert wait_for_end(pid) < ENDS_WITHIN
    finally:
        parent.kill()
        parent.wait()


def test_a_worker_without_a_reader_of_its_log_still_answers(table_path: Path) -> None:
    """Its descriptors lead nowhere; an error is told all the same."""
    closed = ("-c", "import os; r, w = os.pipe(); os.dup2(w, 2); os.close(r); os.close(w)\n" + RUN)
    with Client(closed) as client:
        client.hello(hello_of("echo", table_path, SCHEMA, ["id"]))
        for _ in range(2):
            with pytest.raises(WorkerError, match="no value"):
                client.request("fail", {"error": "value"})


def run_worker(path: Path) -> subprocess.CompletedProcess[str]:
    """A worker that cannot connect."""
    ended = subprocess.run(
        [sys.executable, "-m", "tablestore.flink.worker", os.fspath(path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    return ended


def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    assert "FileNotFoundError" in run_worker(tmp_path / "none").stderr


def test_the_socket_is_taken_away_by_whoever_comes_first(table_path: Path) -> None:
    """The folder is the worker's to remove where nothing else is in it; the connector may have been faster."""
    for connector_is_faster in (False, True):
        path = Path(tempfile.mkdtemp(prefix="ts-")) / "s"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(os.fspath(path))
            listener.listen(1)
            listener.settimeout(60)
            worker_ = subprocess.Popen([sys.executable, *ECHO, os.fspath(path)])
            connected, _ = listener.accept()
        if connector_is_faster:
            path.unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                path.parent.rmdir()
        with connected:
            connection = Connection(connected)
            connection.send_map(HELLO, hello_of("echo", table_path, SCHEMA, ["id"]))
            assert connection.receive()[0] == READY
            assert not path.parent.exists()
        assert worker_.wait(ENDS_WITHIN) == 0


def test_the_socket_of_a_dead_connector_is_taken_away() -> None:
    """It was killed while the worker started."""
    path = Path(tempfile.mkdtemp(prefix="ts-")) / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(os.fspath(path))
    ended = run_worker(path)
    assert "ConnectionRefusedError" in ended.stderr
    assert not path.parent.exists()


def test_nothing_but_the_socket_is_taken_away() -> None:
    with tempfile.TemporaryDirectory(prefix="ts-") as folder:
        file, path = Path(folder) / "file", Path(folder) / "s"
        file.touch()
        assert "ConnectionRefusedError" in run_worker(file).stderr
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(os.fspath(path))
        assert "ConnectionRefusedError" in run_worker(path).stderr
        assert list(Path(folder).iterdir()) == [file]


def test_arrays_are_made_without_pandas() -> None:
    """pyarrow looks for it with the first array."""
    program = """if True:
        import sys
        from tablestore.flink import worker
        assert worker.main([]) == 2
        import pyarrow as pa
        assert pa.array({7}).to_pylist() == [7]
        assert "pandas" not in sys.modules
        """
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, stderr=subprocess.DEVNULL)


def test_usage() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tablestore.flink.worker"], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("usage: ")
