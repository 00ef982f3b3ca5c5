"""The operations of the vectors of chapter 15 and of claims that have bytes, answered by the native code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from tablestore.conformance.values import number
from tablestore.file import boundary, claim, consumer, layout, lease, tag

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
    return _json(found)


def _json(found: Any) -> object:
    return {name: number(value) if type(value) is int else value for name, value in asdict(found).items()}


def _read_claim(given: Input) -> object:
    return _json(claim.decode(bytes.fromhex(given["data"]), "claim", given["table"]))


def _claim_name(given: Input) -> object:
    found = claim.parse_name(given["file"])
    return None if found is None else list(found)


def _claim_bucket(given: Input) -> object:
    path = claim.bucket_path((bytes.fromhex(given["partition"]), given["bucket"]))
    return path.removeprefix(f"{claim.DIRECTORY}/")


OPERATIONS: dict[tuple[str, str], Callable[[Input], object]] = {
    ("compaction", "read_claim"): _read_claim,
    ("compaction", "claim_name"): _claim_name,
    ("compaction", "claim_bucket"): _claim_bucket,
    ("retention", "read"): _read,
    ("retention", "name"): _name,
}
