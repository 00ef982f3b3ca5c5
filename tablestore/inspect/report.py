"""What a command found, before anybody decides how it looks: facts, sections of records, a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tablestore.errors import FormatError
from tablestore.inspect import status


@dataclass(frozen=True)
class Column:
    """A column of records. kind: text, number (as it is), count (1,000), bytes (1.0 KiB), time (milliseconds),
    names (a list of texts), share (0 to 1)."""

    name: str
    kind: str = "text"


@dataclass(frozen=True)
class Fact:
    """A named value; `kind` as in Column."""

    name: str
    value: Any
    kind: str = "text"


@dataclass
class Section:
    """Records of one kind. notes: lines under the records, for people only."""

    name: str
    columns: tuple[Column, ...]
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Fault:
    """One thing that is wrong: a code of spec Appendix A, where, and what."""

    code: str
    file: str
    offset: int | None
    section: str | None
    message: str

    @classmethod
    def of(cls, error: FormatError, file: str) -> Fault:
        """The fault that an error tells of, in `file`."""
        return cls(error.code, file, error.offset, error.section, error.message)


@dataclass
class Report:
    """The outcome of a command. main: name of the section that CSV and NDJSON show; the first if not given.

    picture: lines for people; `status`: exit code.
    """

    title: str = ""
    facts: list[Fact] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    picture: list[str] = field(default_factory=list)
    main: str = ""
    status: int = status.OK

    def fail(self, error: FormatError, file: str | None = None) -> None:
        """Add a fault and make it the outcome. file: as the user knows it; None for the one that the error names."""
        self.faults.append(Fault.of(error, file or error.file or ""))
        self.status = status.of_codes([fault.code for fault in self.faults])

    @property
    def records(self) -> Section | None:
        """The section that formats of one table show."""
        for section in self.sections:
            if section.name == (self.main or self.sections[0].name):
                return section
        return None


def columns(*described: str) -> tuple[Column, ...]:
    """Columns from texts such as "size:bytes"; no kind is text."""
    parts = [text.partition(":") for text in described]
    return tuple(Column(name, kind or "text") for name, _, kind in parts)


def section(name: str, described: Sequence[str], rows: list[tuple[Any, ...]]) -> Section:
    """A section with columns as in `columns`."""
    return Section(name, columns(*described), rows)
