"""Messages and maps between the connector and its worker (spec §16.2, §16.3), and the connection that carries them."""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import pyarrow as pa

from tablestore import counters
from tablestore.errors import FormatError, LimitExceededError

VERSION: Final = 1
PAYLOAD_MAX: Final = 256 << 20
HELLO, READY, REQUEST, RESPONSE, BATCH, ERROR = range(1, 7)
KINDS: Final = {
    HELLO: "HELLO",
    READY: "READY",
    REQUEST: "REQUEST",
    RESPONSE: "RESPONSE",
    BATCH: "BATCH",
    ERROR: "ERROR",
}
PAYLOAD_MIN: Final = {BATCH: 8}  # of the other kinds: an empty map

_HEADER: Final = struct.Struct("<IBBH")
_PARTS_MAX: Final = 512  # of one sendmsg; Linux takes 1024
_DISCARD_BYTES: Final = 1 << 20

Value = bytes | str | int


class Message(NamedTuple):
    """kind: HELLO … ERROR. payload: one buffer that nothing else refers to."""

    kind: int
    payload: pa.Buffer


class Disconnected(Exception):
    """The other side is gone, or has ended the conversation."""


class Connection:
    """One end of a worker's socket. Used by one thread alone; `stopping` may be read by any."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self.stopping = threading.Event()  # the other side is gone, or a signal asked for the end

    def receive(self) -> Message:
        """The next message, its payload in a buffer of its own. Raises Disconnected at the end of the conversation,
        FormatError for what is no message."""
        header = bytearray(_HEADER.size)
        if not self._fill(memoryview(header), at_start=True):
            raise Disconnected
        size, kind, zero, zeros = _HEADER.unpack(header)
        check_header(size, kind, zero or zeros)
        payload = pa.allocate_buffer(size)
        self._fill(memoryview(payload).cast("B"), at_start=False)
        counters.CONNECTOR_BYTES_RECEIVED.add(_HEADER.size + size)
        return Message(kind, payload)

    def _fill(self, room: memoryview, at_start: bool) -> bool:
        """Receive until `room` is full; False if the other side had nothing more to say."""
        filled = 0
        while filled < len(room):
            try:
                count = self._socket.recv_into(room[filled:], 0, socket.MSG_WAITALL)
            except OSError as error:
                raise Disconnected from error
            if not count:
                if at_start and not filled:
                    return False
                raise Disconnected
            filled += count
        return True

    def send(self, kind: int, parts: Sequence[Any]) -> None:
        """Send one message whose payload is the concatenation of `parts` (bytes and buffers), without copying them.

        Raises LimitExceededError if it is too large, Disconnected.
        """
        size = check_size(parts)
        views = [view for part in parts if len(view := memoryview(part).cast("B"))]
        self._send_all([memoryview(_HEADER.pack(size, kind, 0, 0)), *views])

    def _send_all(self, views: list[memoryview]) -> None:
        first = 0
        while first < len(views):
            try:
                count = self._socket.sendmsg(views[first : first + _PARTS_MAX])
            except OSError as error:
                raise Disconnected from error
            counters.CONNECTOR_BYTES_SENT.add(count)
            while first < len(views) and count >= len(views[first]):
                count -= len(views[first])
                first += 1
            if count:
                views[first] = views[first][count:]

    def send_map(self, kind: int, values: Mapping[str, Value]) -> None:
        """Send a map message."""
        self.send(kind, [encode_map(values)])

    def send_last(self, kind: int, values: Mapping[str, Value]) -> None:
        """Send a map while the other side may itself be sending: what comes in meanwhile, and from now on, is dropped.
        Returns when the other side has hung up."""
        payload = encode_map(values)
        waiting = memoryview(_HEADER.pack(len(payload), kind, 0, 0) + payload)
        sink = bytearray(_DISCARD_BYTES)
        self._socket.setblocking(False)
        poll = select.poll()
        try:
            while True:
                poll.register(self._socket, select.POLLIN | (select.POLLOUT if waiting else 0))
                ready = dict(poll.poll())[self._socket.fileno()]
                if ready & select.POLLOUT:
                    waiting = waiting[self._socket.send(waiting) :]
                if ready & ~select.POLLOUT and not self._socket.recv_into(sink):
                    return
        except OSError:
            return

    def expect_end(self) -> None:
        """Raises FormatError if the other side has more to say."""
        if self._fill(memoryview(bytearray(1)), at_start=True):
            raise _bad("bytes after the message", None, "trailing-bytes", "16.2")

    def fileno(self) -> int:
        return self._socket.fileno()

    def stop(self) -> None:
        """Make `receive` find the end of the conversation; called by any thread."""
        self.stopping.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        self._socket.close()


def pair() -> tuple[Connection, socket.socket]:
    """Both ends of a connection within one process."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return Connection(here), there


def check_header(size: int, kind: int, zeros: int) -> None:
    """Raises FormatError for the header of a message that is none."""
    if kind not in KINDS:
        raise _bad(f"a message of kind {kind}", 4, section="16.2")
    if zeros:
        raise _bad("reserved bytes of a message are not zero", 5, "bad-zero", "16.2")
    if size > PAYLOAD_MAX:
        raise _too_large(size)


def check_size(parts: Sequence[Any]) -> int:
    """Bytes of a payload. Raises LimitExceededError if it is too large to be sent."""
    size = sum(memoryview(part).nbytes for part in parts)
    if size > PAYLOAD_MAX:
        raise _too_large(size)
    return size


def _too_large(size: int) -> LimitExceededError:
    return LimitExceededError(
        f"a message of {size} bytes, at most {PAYLOAD_MAX} are possible: send fewer rows at once",
        code="limit-exceeded",
        file="message",
        offset=0,
        section="16.2",
    )


def encode_map(values: Mapping[str, Value]) -> bytes:
    """The payload of a map message (spec §16.3). Numbers become decimal text."""
    parts = [struct.pack("<I", len(values))]
    for key, value in values.items():
        for text in (key, value):
            data = text if isinstance(text, bytes) else str(text).encode(errors="backslashreplace")
            parts += (struct.pack("<I", len(data)), data)
    return b"".join(parts)


def decode_map(payload: Any) -> dict[str, bytes]:
    """The entries of a map message, in order. Raises FormatError."""
    data = memoryview(payload).cast("B")
    count, at = _length(data, 0), 4
    values: dict[str, bytes] = {}
    for _ in range(count):
        name, start = _piece(data, at)
        try:
            key = name.decode()
        except UnicodeDecodeError:
            raise _bad("a key is not UTF-8", at + 4, "invalid-utf8") from None
        if key in values:
            raise _bad(f"the key {key!r} occurs twice", at)
        values[key], at = _piece(data, start)
    if at != len(data):
        raise _bad("bytes are left over after the last entry", at, "trailing-bytes")
    return values


def _piece(data: memoryview, at: int) -> tuple[bytes, int]:
    """The bytes of a length and as many bytes, and the offset behind them."""
    size, start = _length(data, at), at + 4
    if size > len(data) - start:
        raise _bad(f"{size} bytes reach past the end", start, "truncated")
    return bytes(data[start : start + size]), start + size


def _length(data: memoryview, at: int) -> int:
    if at + 4 > len(data):
        raise _bad("a length reaches past the end", at, "truncated")
    return int.from_bytes(data[at : at + 4], "little")


def text_of(values: Mapping[str, bytes], key: str) -> str:
    """A value that must be there, as text. Raises FormatError."""
    found = values.get(key)
    if found is None:
        raise _bad(f"the map lacks {key!r}", None)
    try:
        return found.decode()
    except UnicodeDecodeError:
        raise _bad(f"the value of {key!r} is not UTF-8", None, "invalid-utf8") from None


def integer_of(values: Mapping[str, bytes], key: str) -> int:
    """A value that must be there, as a number. Raises FormatError."""
    text = text_of(values, key)
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 19):
        raise _bad(f"the value of {key!r} is {text[:60]!r} and not a number", None)
    return int(text)


def _bad(message: str, offset: int | None, code: str = "bad-message", section: str = "16.3") -> FormatError:
    return FormatError(message, code=code, file="message", offset=offset, section=section)
