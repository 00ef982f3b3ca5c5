"""An implementation in another process, asked over its standard input and output (spec/vectors/README.md)."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from tablestore.conformance.corpus import NO_OUTPUT
from tablestore.conformance.runner import UNSUPPORTED, Answer


class ProtocolError(RuntimeError):
    """The other process ended or does not follow the protocol."""


class Foreign:
    """A running child process; use as a context manager, and as an Implementation."""

    def __init__(self, command: str) -> None:
        self._process = subprocess.Popen(
            shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self._next_id = 0

    def __enter__(self) -> Foreign:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __call__(self, noun: str, operation: str, given: Mapping[str, Any]) -> Answer:
        self._next_id += 1
        request = {"id": self._next_id, "noun": noun, "operation": operation, "input": given}
        reply = self._ask(json.dumps(request, ensure_ascii=False))
        if reply.get("id") != self._next_id:
            raise ProtocolError(f"asked {self._next_id}, the reply has id {reply.get('id')!r}")
        if reply.get("unsupported"):
            return UNSUPPORTED
        if "error" in reply:
            return Answer(error=str(reply["error"]), offset=reply.get("offset"))
        if "output" not in reply:
            raise ProtocolError(f"a reply without output, error and unsupported: {reply}")
        return Answer(output=reply.get("output", NO_OUTPUT))

    def _ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            reply = self._process.stdout.readline()
        except OSError as error:
            raise ProtocolError(f"the other process is gone: {error}") from error
        if not reply:
            raise ProtocolError("the other process ended its output")
        try:
            parsed = json.loads(reply)
        except ValueError as error:
            raise ProtocolError(f"a reply that is not JSON: {reply[:200]!r}") from error
        if not isinstance(parsed, dict):
            raise ProtocolError(f"a reply that is not an object: {reply[:200]!r}")
        return parsed
