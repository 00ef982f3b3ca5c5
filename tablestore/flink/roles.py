"""The roles there are, by the name in the HELLO.

Each loads its modules when it is asked for: a worker starts in a third of a second, and none needs them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tablestore.flink.role import MakeRole


def _writer() -> MakeRole:
    from tablestore.flink.writer import WriterRole

    return WriterRole


def _committer() -> MakeRole:
    from tablestore.flink.committer import CommitterRole

    return CommitterRole


def _compactor() -> MakeRole:
    from tablestore.flink.compactor import CompactorRole

    return CompactorRole


def _planner() -> MakeRole:
    from tablestore.flink.planner import PlannerRole

    return PlannerRole


def _reader() -> MakeRole:
    from tablestore.flink.reader import ReaderRole

    return ReaderRole


def _lookup() -> MakeRole:
    from tablestore.flink.lookup import LookupRole

    return LookupRole


ROLES: Final[Mapping[str, Callable[[], MakeRole]]] = {
    "writer": _writer,
    "committer": _committer,
    "compactor": _compactor,
    "planner": _planner,
    "reader": _reader,
    "lookup": _lookup,
}
