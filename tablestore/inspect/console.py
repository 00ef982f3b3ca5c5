"""Where output goes: data to standard output, notes and progress to standard error, colour to terminals only."""

from __future__ import annotations

import io
import os
import shutil
import sys
import time
from typing import Final, TextIO

from tablestore.inspect import status
from tablestore.inspect.text import printable

_COLOURS: Final = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
}
_PICTURE_CHARACTERS: Final = "█▌▐▕▏│─→·…≈"
PROGRESS_AFTER_SECONDS: Final = 0.5


class Console:
    """Both streams with what they can show. status: exit code so far, kept when the reader of a pipe goes away."""

    def __init__(
        self,
        format: str = "table",
        *,
        exact_bytes: bool = False,
        colour: str = "auto",
        ascii_only: bool = False,
        out: TextIO | None = None,
        err: TextIO | None = None,
    ) -> None:
        self.out = out or sys.stdout or io.StringIO()
        self.err = err or sys.stderr or io.StringIO()
        self.format = format
        self.exact_bytes = exact_bytes
        self.terminal = _is_terminal(self.out)
        self.unicode = not ascii_only and _can_show(self.out, _PICTURE_CHARACTERS)
        self.status = status.OK
        self._colour = colour == "always" or (colour == "auto" and self.terminal and _wants_colour())
        self._started = time.monotonic()
        self._progress_shown = False
        for stream in (self.out, self.err):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")

    @property
    def columns(self) -> int | None:
        """Columns of the terminal; None where lines may be of any length."""
        return shutil.get_terminal_size().columns if self.terminal else None

    @property
    def ellipsis(self) -> str:
        return "…" if self.unicode else "..."

    def paint(self, text: str, colour: str) -> str:
        """The text in a colour, if colours are shown."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._colour and text else text

    def line(self, text: str = "") -> None:
        """A line of data."""
        self.out.write(text + "\n")

    def note(self, text: str) -> None:
        """A line for people, never part of the data."""
        self._clear_progress()
        self.out.flush()
        self.err.write(printable(text) + "\n")
        self.err.flush()

    def progress(self, done: int, total: int) -> None:
        """A bar on standard error, if that is a terminal and the work takes a while."""
        if not _is_terminal(self.err) or time.monotonic() - self._started < PROGRESS_AFTER_SECONDS:
            return
        if done >= total:
            self._clear_progress()
            return
        filled = 30 * done // max(1, total)
        full, empty = ("█", "·") if self.unicode else ("#", ".")
        self.err.write(f"\r{full * filled}{empty * (30 - filled)} {done:,} of {total:,} files ")
        self.err.flush()
        self._progress_shown = True

    def _clear_progress(self) -> None:
        if self._progress_shown:
            self.err.write("\r\x1b[K")
            self._progress_shown = False


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:
        return False


def _wants_colour() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _can_show(stream: TextIO, characters: str) -> bool:
    try:
        characters.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
