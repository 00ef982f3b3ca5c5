"""Who compacts what (spec §13.10). Claims save double work and tell writers that help is there; nothing right depends
on them, nor on the clocks that end those of the dead."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress

from tablestore.core import Core
from tablestore.errors import FormatError, StorageError
from tablestore.file import claim as claims
from tablestore.file.claim import Claim
from tablestore.file.manifest import Place
from tablestore.storage import AlreadyExistsError, NotFoundError

CLAIM_SECONDS = 60.0
RENEW_SECONDS = 15.0

Clock = Callable[[], float]


class Held:
    """A claim that is ours until `release`; `renew` is cheap and is called often."""

    def __init__(self, core: Core, path: str, clock: Clock) -> None:
        self.path = path
        self._core = core
        self._clock = clock
        self._written = clock()

    def renew(self) -> None:
        """Move the end of the claim, if it was not moved just now."""
        now = self._clock()
        if now - self._written >= RENEW_SECONDS:
            with suppress(StorageError):
                self._core.storage.replace(self.path, document(self._core, now))
                self._written = now

    def release(self) -> None:
        """Let go."""
        with suppress(StorageError):
            self._core.storage.remove(self.path)

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


def document(core: Core, now: float) -> bytes:
    """The claim of this process from `now` on."""
    millis = int(now * 1000)
    holder = f"process {os.getpid()}"
    return claims.encode(Claim(core.schema.table, holder, millis, millis + int(CLAIM_SECONDS * 1000)))


def claim_bucket(core: Core, place: Place, clock: Clock = time.time) -> Held | None:
    """Claim a bucket; None if somebody else works on it."""
    path = claims.bucket_path(place)
    for _ in range(2):
        now = clock()
        try:
            core.storage.publish(path, document(core, now), durable=False)
            return Held(core, path, clock)
        except AlreadyExistsError:
            if _in_force(core, path, now):
                return None
        with suppress(NotFoundError):
            core.storage.remove(path)
    return None


def register(core: Core, clock: Clock = time.time) -> Held:
    """Say that a compactor serves the table. What killed compactors have left is removed."""
    now = clock()
    for other in _compactors(core):
        if _has_run_out(core, other, now):
            with suppress(NotFoundError):
                core.storage.remove(other)
    path = claims.compactor_path(secrets.token_hex(16))
    core.storage.publish(path, document(core, now), durable=False)
    return Held(core, path, clock)


def compactor_is_alive(core: Core, clock: Clock = time.time) -> bool:
    """Whether a compactor has said lately that it serves the table."""
    now = clock()
    return any(_in_force(core, path, now) for path in _compactors(core))


def _compactors(core: Core) -> list[str]:
    try:
        names = core.storage.list(claims.DIRECTORY)
    except NotFoundError:
        return []
    parsed = map(claims.parse_name, names)
    return [claims.compactor_path(found[1]) for found in parsed if found and found[0] == claims.COMPACTOR]


def is_claimed(core: Core, place: Place, clock: Clock = time.time) -> bool:
    """Whether somebody works on the bucket."""
    return _in_force(core, claims.bucket_path(place), clock())


def _in_force(core: Core, path: str, now: float) -> bool:
    """Whether the claim is there and has not run out; one that cannot be read never holds anybody up."""
    expires_millis = _end(core, path)
    return expires_millis is not None and now * 1000 < expires_millis


def _has_run_out(core: Core, path: str, now: float) -> bool:
    expires_millis = _end(core, path)
    return expires_millis is not None and now * 1000 >= expires_millis


def _end(core: Core, path: str) -> int | None:
    """When a claim runs out; None if it is gone or cannot be read."""
    try:
        return claims.decode(core.storage.read(path), path, core.schema.table).expires_millis
    except (NotFoundError, FormatError):
        return None
