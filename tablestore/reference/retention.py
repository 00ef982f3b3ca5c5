"""Spec chapter 15: documents of retention, and its decisions as pure functions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tablestore.reference import document
from tablestore.reference.cursor import reject
from tablestore.reference.document import Json
from tablestore.reference.manifest import escape
from tablestore.reference.primitive import digest, identifier
from tablestore.reference.schema import check_format
from tablestore.reference.snapshot import TIME_MAX

NAME_BYTES_MAX = 255
CODE = "bad-retention"
TIMES = ("timestamp_millis", "expires_millis")
LEAST = {"id": 1, "snapshot": 1, "number": 1, "next": 1}
MEMBERS: dict[str, tuple[tuple[str, type], ...]] = {
    "boundary": (("id", int), ("timestamp_millis", int)),
    "tag": (("name", str), ("snapshot", int), ("snapshot_digest", str), ("timestamp_millis", int)),
    "consumer": (
        ("name", str), ("number", int), ("next", int), ("position", int), ("until", int), ("state", bool),
        ("timestamp_millis", int), ("expires_millis", int),
    ),
    "lease": (("snapshot", int), ("holder", str), ("timestamp_millis", int), ("expires_millis", int)),
}  # fmt: skip
_ESCAPED = "([A-Za-z0-9_%-][A-Za-z0-9_.%-]*)"
_NAMES = {
    "boundary": re.compile(r"boundary-([1-9][0-9]{0,18})\.json"),
    "tag": re.compile(rf"tag-{_ESCAPED}\.json"),
    "consumer": re.compile(rf"consumer-{_ESCAPED}\.([1-9][0-9]{{0,18}})\.json"),
    "lease": re.compile(r"lease-([0-9a-f]{32})\.json"),
}


# ---- documents


def parse_name(form: str, file: str) -> list[str] | None:
    """The parts of a file name that is not ignored: id; escaped name; escaped name and number; lease id."""
    match = _NAMES[form].fullmatch(file)
    parts = list(match.groups()) if match else None
    if parts and form in ("boundary", "consumer") and int(parts[-1]) > document.COUNTER_MAX:
        return None
    return parts


def decode(form: str, data: bytes, file: str, table: str | None = None) -> Json:
    """The members of a document of one of the forms in MEMBERS. file: its name; table: id of its table."""
    members = document.parse_envelope(data)
    check_format(members, f"tablestore/{form}", "15.2", CODE)
    found_table = document.member(members, "table", str, "15.2")
    identifier(found_table, CODE, "table")
    if table is not None and found_table != table:
        reject("wrong-table", f"a {form} of table {found_table}", "15.3")
    found: Json = {"table": found_table}
    for name, kind in MEMBERS[form]:
        found[name] = _member(members, name, kind)
    if form == "consumer":
        _check_step(found)
    _check_file(form, found, file)
    return found


def _member(members: Json, name: str, kind: type) -> object:
    if kind is bool:
        return document.member(members, name, bool, "15.2")
    if kind is int:
        number = document.counter(members, name, "15.3", CODE, TIME_MAX if name in TIMES else 2**63 - 1)
        if number < LEAST.get(name, 0):
            reject(CODE, f"member {name!r} is {number}", "15.3")
        return number
    text: str = document.member(members, name, str, "15.2")
    if name == "snapshot_digest":
        digest(text, CODE, name)
    elif not (name == "name" and not text) and len(text.encode()) <= NAME_BYTES_MAX:
        return text
    else:
        reject(CODE, f"a {name} that is empty or too long", "15.3")
    return text


def _check_step(found: Mapping[str, Any]) -> None:
    if found["until"] and (found["state"] or found["until"] < found["next"]):
        reject(CODE, f"a step from snapshot {found['next']} cannot end at {found['until']}", "15.3")


def _check_file(form: str, found: Mapping[str, Any], file: str) -> None:
    """What a document says of itself is what its name says (spec §15.3)."""
    parts = parse_name(form, file)
    stated = parts
    if form == "boundary":
        stated = [str(found["id"])]
    elif form == "tag":
        stated = [escape(found["name"])]
    elif form == "consumer":
        stated = [escape(found["name"]), str(found["number"])]
    if parts is None or parts != stated:
        reject(CODE, f"the document does not fit the name {file!r}", "15.3")


# ---- decisions


@dataclass(frozen=True)
class Pins:
    """What is kept: snapshots of tags and leases, and `next` and `state` of consumers."""

    snapshots: frozenset[int]
    consumers: tuple[tuple[int, bool], ...] = ()

    def keeps(self, snapshot: int) -> bool:
        """Whether a snapshot stays wherever the boundary is (spec §15.5)."""
        return snapshot in self.snapshots or any(
            snapshot >= (following if state else following - 1) for following, state in self.consumers
        )


def retained(ids: Iterable[int], boundary: int, pins: Pins) -> list[int]:
    """The snapshots that stay."""
    return [id_ for id_ in sorted(ids) if id_ >= boundary or pins.keeps(id_)]


def newest(ids: Collection[int], boundary: int, hint: int | None) -> int | None:
    """The newest snapshot of those in the directory (spec §10.5); None if there is no table."""
    usable = {id_ for id_ in ids if id_ >= boundary}
    found = hint if hint in usable else max(usable, default=None)
    while found is not None and found + 1 in usable:
        found += 1
    if found is None and (hint is not None or boundary):
        reject("lineage", "the hint or the boundary names snapshots, but there are none", "10.5")
    return found


def garbage(live: Mapping[int, Collection[str]], boundary: int, pins: Pins) -> list[str]:
    """Files that an expirer deletes: live in a snapshot that goes, and in none that stays (spec §15.6)."""
    staying = retained(live, boundary, pins)
    used = {file for id_ in staying for file in live[id_]}
    return sorted({file for id_, files in live.items() if id_ not in staying for file in files} - used)


def new_fence(bases: Iterable[int], limit: int, fence: int) -> int:
    """The fence that a cleaner needs for unused files of these bases; the old one if it is enough (§15.7)."""
    return max([fence, *(base + 1 for base in bases if base < limit)])


def may_publish(bases: Iterable[int], fence: int) -> bool:
    """Whether data files of these bases may be added to a parent with this fence (spec §15.7)."""
    return all(base >= fence for base in bases)


def is_in_line(id_: int, boundary: int) -> bool:
    """Whether a snapshot that was just published did not re-create an expired id (spec §11.6)."""
    return id_ >= boundary
