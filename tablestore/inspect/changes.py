"""`changes` and `follow`: rows that changed between two snapshots, or as they change."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any, Final

import pyarrow as pa

from tablestore.changes import changes_between
from tablestore.core import Core
from tablestore.follow import Follower
from tablestore.inspect.console import Console
from tablestore.inspect.moment import parse_moment, view_of
from tablestore.inspect.records import show_rows
from tablestore.inspect.report import Column
from tablestore.inspect.rows import Rows, asked_rows, kind_of, pages_of, show_cut
from tablestore.inspect.target import open_version
from tablestore.table import Table
from tablestore.view import View

_WITHOUT_CHANGES: Final = ("compact", "clean")
_COLOURS: Final = {"+I": "green", "-U": "dim", "+U": "yellow", "-D": "red"}


def show_changes(
    given: str,
    moments: tuple[str | None, str | None],
    steps: bool,
    names: Sequence[str] | None,
    where: str | None,
    limit: int | None,
    console: Console,
) -> None:
    """The difference of two snapshots (since, until), or of each to the one before it."""
    core = open_version(given).core
    table = Table(core)
    until = view_of(table, moments[1])
    since = _before(core, until) if moments[0] is None else view_of(table, moments[0])
    found = changes_between(core, since, until, names, where, net=not steps)
    asked = asked_rows(limit, console)
    pages = pages_of(found.to_batches())
    show_cut(_described(found.schema), pages, asked, limit is None, console, _colour_of)


def _before(core: Core, until: View) -> View:
    """The snapshot before the last commit that can have changed rows."""
    number = until.version
    kept = core.lineage.boundary()
    kind = until.shown.snapshot.kind
    while kind in _WITHOUT_CHANGES and number - 1 > max(1, kept):
        number -= 1
        kind = core.lineage.at(number).snapshot.kind
    return View(core, core.lineage.at(max(1, number - 1)))


def _described(schema: pa.Schema) -> list[Column]:
    return [Column(field.name, kind_of(field.type)) for field in schema]


def _colour_of(row: Sequence[Any]) -> str | None:
    return _COLOURS.get(row[0])


def show_following(
    given: str,
    since: str,
    consumer: str | None,
    names: Sequence[str] | None,
    where: str | None,
    limits: tuple[int | None, float | None, bool],
    console: Console,
) -> None:
    """Changes as they are published, each batch written out at once. limits: the last version, seconds without news,
    whether all that is there at a look is one difference.

    Ends as KeyboardInterrupt if it is interrupted, after the output has been completed.
    """
    table = Table(open_version(given).core)
    follower = table.follow(
        parse_moment(since),
        consumer=consumer,
        columns=names,
        filter=where,
        until=limits[0],
        timeout=limits[1],
        net=limits[2],
    )
    interrupts = _Interrupts()

    def pages() -> Iterator[Rows]:
        found = pages_of(follower)
        try:
            while True:
                interrupts.may_raise(True)
                page = next(found, None)
                interrupts.may_raise(False)
                if page is None:
                    return
                yield page
        except KeyboardInterrupt:
            return

    with follower, interrupts:
        _tell(follower, given, console)
        show_rows(_described(follower.schema), pages(), console, live=True, colour_of=_colour_of)
    if interrupts.count:
        raise KeyboardInterrupt


class _Interrupts:
    """While it is entered, Ctrl-C ends a wait at once, and otherwise at the next wait: it never cuts a row in two. Who
    presses it twice does not wait."""

    def __init__(self) -> None:
        self.count = 0
        self._raises = False
        self._before: Any = None

    def may_raise(self, yes: bool) -> None:
        """Whether an interrupt may end what comes next. Raises KeyboardInterrupt if there was one."""
        self._raises = yes
        if yes and self.count:
            raise KeyboardInterrupt

    def _caught(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self._raises or self.count > 1:
            raise KeyboardInterrupt

    def __enter__(self) -> _Interrupts:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._caught)
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)


def _tell(follower: Follower, given: str, console: Console) -> None:
    if console.terminal:
        console.note(f"following {given} after version {follower.version}; Ctrl-C ends")
