"""The operations of the vectors of chapter 15 that have bytes, answered by the native code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from tablestore.conformance.values import number
from tablestore.file import boundary, consumer, layout, lease, tag

Input = Mapping[str, Any]


def _name(given: Input) -> list[str] | None:
    form, file = given["form"], given["file"]
    if form == "boundary":
        found = layout.parse_boundary_name(file)
        return None if found is None else [str(found)]
    if form == "consumer":
        parts = layout.parse_consumer_name(file)
        return None if parts is None else [parts[0], str(parts[1])]
    parse = layout.parse_tag_name if form == "tag" else layout.parse_lease_name
    text = parse(file)
    return None if text is None else [text]


def _read(given: Input) -> object:
    form, file, table = given["form"], given["file"], given["table"]
    data = bytes.fromhex(given["data"])
    parts = _name(given)
    assert parts is not None, "vectors have names that are not ignored"
    found: Any
    if form == "boundary":
        found = boundary.decode(data, file, int(parts[0]), table)
    elif form == "tag":
        found = tag.decode(data, file, parts[0], table)
    elif form == "consumer":
        found = consumer.decode(data, file, parts[0], int(parts[1]), table)
    else:
        found = lease.decode(data, file, table)
    return {name: number(value) if type(value) is int else value for name, value in asdict(found).items()}


OPERATIONS: dict[tuple[str, str], Callable[[Input], object]] = {
    ("retention", "read"): _read,
    ("retention", "name"): _name,
}
