"""System calls that fail, stop or do half of their work, on purpose: for the tests of everything above.

Every call that LocalStorage can make is numbered from 1; a test runs an operation again and again with a
fault at call 1, 2, 3 … until the operation completes without meeting one.
"""

from __future__ import annotations

import errno
import os
import random
import signal
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

from tablestore.storage.interface import Bytes
from tablestore.storage.local import LocalStorage
from tablestore.storage.system import SystemCalls

Result = TypeVar("Result")
Mode = Literal["once", "forever"]


class CountedCalls(SystemCalls):
    """Numbers the calls and lets `before` and `after` act on each."""

    def __init__(self) -> None:
        self.count = 0
        self.names: list[str] = []

    def before(self, number: int, name: str) -> None:
        """Runs before call `number`."""

    def after(self, number: int, name: str) -> None:
        """Runs when call `number` has succeeded."""

    def _call(self, name: str, call: Callable[..., Result], *arguments: Any) -> Result:
        self.count += 1
        number = self.count
        self.names.append(name)
        self.before(number, name)
        result = call(*arguments)
        self.after(number, name)
        return result

    def open_root(self, path: str) -> int:
        return self._call("open_root", super().open_root, path)

    def open_directory(self, directory: int, name: str) -> int:
        return self._call("open_directory", super().open_directory, directory, name)

    def make_directory(self, directory: int, name: str) -> None:
        self._call("make_directory", super().make_directory, directory, name)

    def make_root(self, path: str) -> None:
        self._call("make_root", super().make_root, path)

    def create(self, directory: int, name: str) -> int:
        return self._call("create", super().create, directory, name)

    def open(self, directory: int, name: str) -> int:
        return self._call("open", super().open, directory, name)

    def write(self, file: int, parts: Sequence[Bytes]) -> int:
        return self._call("write", super().write, file, parts)

    def read(self, file: int, targets: Sequence[memoryview], offset: int) -> int:
        return self._call("read", super().read, file, targets, offset)

    def sync(self, file: int) -> None:
        self._call("sync", super().sync, file)

    def link(self, directory: int, source: str, target: str) -> None:
        self._call("link", super().link, directory, source, target)

    def replace(self, directory: int, name: str, data: bytes) -> None:
        self._call("replace", super().replace, directory, name, data)

    def rename(self, directory: int, source: str, target: str) -> None:
        self._call("rename", super().rename, directory, source, target)

    def unlink(self, directory: int, name: str) -> None:
        self._call("unlink", super().unlink, directory, name)

    def status(self, file: int) -> os.stat_result:
        return self._call("status", super().status, file)

    def status_of(self, directory: int, name: str) -> os.stat_result:
        return self._call("status_of", super().status_of, directory, name)

    def list(self, directory: int) -> list[str]:
        return self._call("list", super().list, directory)

    def close(self, file: int) -> None:
        # A close is counted when it has happened: one that fails has closed the file all the same.
        super().close(file)
        self._call("close", _nothing)


def _nothing() -> None:
    """Takes the place of a call that was made already."""


class FaultyCalls(CountedCalls):
    """Call number `at` fails with `number`; with mode "forever" all later ones do, too.

    after_effect: the call does its work first, and only its answer is lost.
    """

    def __init__(
        self, at: int, number: int = errno.EIO, mode: Mode = "once", after_effect: bool = False
    ) -> None:
        super().__init__()
        self.at = at
        self.number = number
        self.mode = mode
        self.after_effect = after_effect
        self.failed: list[str] = []

    @property
    def met(self) -> bool:
        """Whether a call has failed."""
        return bool(self.failed)

    def before(self, number: int, name: str) -> None:
        if not self.after_effect:
            self._fail(number, name)

    def after(self, number: int, name: str) -> None:
        if self.after_effect:
            self._fail(number, name)

    def _fail(self, number: int, name: str) -> None:
        if number == self.at or (self.mode == "forever" and number > self.at):
            self.failed.append(name)
            raise OSError(self.number, f"{os.strerror(self.number)} (injected into {name})")


class ShortCalls(CountedCalls):
    """Reads and writes do a random part of what they are asked to, at least a byte."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)

    def write(self, file: int, parts: Sequence[Bytes]) -> int:
        first = memoryview(parts[0]).cast("B")
        return super().write(file, [first[: self._random.randint(1, first.nbytes)]])

    def read(self, file: int, targets: Sequence[memoryview], offset: int) -> int:
        first = targets[0]
        return super().read(file, [first[: self._random.randint(1, first.nbytes)]], offset)


class KillingCalls(CountedCalls):
    """The process dies at call number `at`: before it, or after it has done its work."""

    def __init__(self, at: int, after_effect: bool = False) -> None:
        super().__init__()
        self.at = at
        self.after_effect = after_effect

    def before(self, number: int, name: str) -> None:
        if number == self.at and not self.after_effect:
            os.kill(os.getpid(), signal.SIGKILL)

    def after(self, number: int, name: str) -> None:
        if number == self.at and self.after_effect:
            os.kill(os.getpid(), signal.SIGKILL)


class FaultyStorage(LocalStorage):
    """A LocalStorage with faults; `calls` tells which were met."""

    def __init__(self, root: str | os.PathLike[str], calls: CountedCalls) -> None:
        super().__init__(root, calls)
        self.calls = calls
