"""Snapshots as the command line names them: by version, by tag, or by time."""

from __future__ import annotations

import datetime

from tablestore.table import Table
from tablestore.view import View


def parse_moment(text: str) -> int | str | datetime.datetime:
    """A version if it is a number, a time if it is one in ISO form (UTC unless it says otherwise), else a name."""
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        return text
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)


def view_of(table: Table, text: str | None) -> View:
    """The snapshot that a text names, held while the view lives; None for the newest. Raises SnapshotExpiredError."""
    if text is None:
        return table.at(version=table.version)
    moment = parse_moment(text)
    if isinstance(moment, datetime.datetime):
        return table.at(timestamp=moment)
    return table.at(version=moment) if isinstance(moment, int) else table.at(tag=moment)
