"""`tags`, `consumers`, `leases`: who keeps which snapshots from expiry (spec §15.5)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from tablestore.core import Core
from tablestore.errors import FormatError
from tablestore.file import consumer, layout, lease, tag
from tablestore.file.snapshot import Snapshot
from tablestore.inspect.report import Report, section
from tablestore.inspect.target import open_version
from tablestore.storage import NotFoundError

_TAGS: Final = (
    "name", "version:number", "tagged:time", "kind", "time:time", "rows:count", "bytes:bytes", "status",
)  # fmt: skip
_CONSUMERS: Final = (
    "name", "next:number", "position:count", "reads", "behind:count", "keeps_from:number", "saved:time",
    "expires:time", "status", "document:number",
)  # fmt: skip
_LEASES: Final = ("version:number", "holder", "since:time", "expires:time", "status", "lease")


def show_tags(given: str) -> Report:
    """One line a tag, with the snapshot that it names."""
    core = open_version(given).core
    report = Report()
    listed = section("tags", _TAGS, [])
    for name in _names(core, layout.TAG_DIRECTORY):
        escaped = layout.parse_tag_name(name)
        if escaped is None:
            continue
        path = layout.tag_path(escaped)
        with suppress(NotFoundError):
            try:
                found = tag.decode(core.storage.read(path), path, escaped, core.schema.table)
                named = _tagged(core, found)
            except FormatError as error:
                report.fail(error, path)
                continue
            status = "expired but for this" if found.snapshot < core.lineage.boundary() else "retained"
            listed.rows.append(
                (
                    found.name, found.snapshot, found.timestamp_millis, named.kind, named.timestamp_millis,
                    named.totals.rows, named.totals.bytes, status,
                )
            )  # fmt: skip
    report.sections.append(listed)
    return report


def _tagged(core: Core, found: tag.Tag) -> Snapshot:
    """The snapshot of a tag. Raises FormatError if it is not there, or not the one that was tagged."""
    path = layout.snapshot_path(found.snapshot)
    try:
        version = core.lineage.read(found.snapshot)
    except NotFoundError:
        raise FormatError(
            f"the snapshot of the tag {found.name!r} is missing",
            code="missing-file",
            file=path,
            section="15.2",
        ) from None
    if version.digest != found.snapshot_digest:
        raise FormatError(
            f"the tag {found.name!r} names another snapshot of this id",
            code="lineage",
            file=path,
            section="15.2",
        )
    return version.snapshot


def show_consumers(given: str) -> Report:
    """One line a consumer: how far it has come, and what it keeps."""
    opened = open_version(given)
    core = opened.core
    report = Report()
    listed = section("consumers", _CONSUMERS, [])
    for escaped, number in sorted(_newest(core).items()):
        path = layout.consumer_path(escaped, number)
        with suppress(NotFoundError):
            try:
                found = consumer.decode(core.storage.read(path), path, escaped, number, core.schema.table)
            except FormatError as error:
                report.fail(error, path)
                continue
            listed.rows.append(
                (
                    found.name, found.next, found.position, "rows" if found.state else "changes",
                    max(0, opened.snapshot.id - found.next + 1), found.keeps, found.timestamp_millis,
                    found.expires_millis, _status(found.expires_millis), number,
                )
            )  # fmt: skip
    report.sections.append(listed)
    return report


def _newest(core: Core) -> dict[str, int]:
    """The greatest number of each consumer's documents: the one that counts."""
    newest: dict[str, int] = {}
    for name in _names(core, layout.CONSUMER_DIRECTORY):
        parsed = layout.parse_consumer_name(name)
        if parsed is not None:
            newest[parsed[0]] = max(parsed[1], newest.get(parsed[0], 0))
    return newest


def show_leases(given: str) -> Report:
    """One line a lease: which snapshot is read, and by whom."""
    core = open_version(given).core
    report = Report()
    listed = section("leases", _LEASES, [])
    for path, lease_id in _lease_paths(core):
        with suppress(NotFoundError):
            try:
                found = lease.decode(core.storage.read(path), path, core.schema.table)
            except FormatError as error:
                report.fail(error, path)
                continue
            listed.rows.append(
                (
                    found.snapshot, found.holder, found.timestamp_millis, found.expires_millis,
                    _status(found.expires_millis), lease_id,
                )
            )  # fmt: skip
    listed.rows.sort()
    report.sections.append(listed)
    return report


def _lease_paths(core: Core) -> Iterator[tuple[str, str]]:
    for name in _names(core, layout.LEASE_DIRECTORY):
        lease_id = layout.parse_lease_name(name)
        if lease_id is not None:
            yield layout.lease_path(lease_id), lease_id


def _status(expires_millis: int) -> str:
    """Whether an expirer of this moment, and of this machine's clock, would look at the pin."""
    return "in force" if expires_millis >= _now_millis() else "lapsed"


def _now_millis() -> int:
    return int(time.time() * 1000)


def _names(core: Core, directory: str) -> list[str]:
    try:
        return sorted(core.storage.list(directory))
    except NotFoundError:
        return []
