"""The operations of the vectors of chapter 15 and of claims (§13.10), answered by the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tablestore.conformance import values as forms
from tablestore.reference import claim, retention

Input = Mapping[str, Any]


def _read(given: Input) -> object:
    found = retention.decode(given["form"], bytes.fromhex(given["data"]), given["file"], given.get("table"))
    return _json(found)


def _read_claim(given: Input) -> object:
    return _json(claim.decode(bytes.fromhex(given["data"]), given.get("table")))


def _json(found: Mapping[str, Any]) -> object:
    return {name: forms.number(value) if type(value) is int else value for name, value in found.items()}


def _pins(given: Input) -> retention.Pins:
    consumers = tuple((following, state) for following, state in given["consumers"])
    return retention.Pins(frozenset(given["pinned"]), consumers)


def _garbage(given: Input) -> object:
    live = {int(id_): files for id_, files in given["live"].items()}
    return retention.garbage(live, given["boundary"], _pins(given))


OPERATIONS: dict[tuple[str, str], Callable[[Input], object]] = {
    ("compaction", "read_claim"): _read_claim,
    ("compaction", "claim_name"): lambda given: claim.parse_name(given["file"]),
    ("compaction", "claim_bucket"): lambda given: claim.bucket_name(
        bytes.fromhex(given["partition"]), given["bucket"]
    ),
    ("retention", "read"): _read,
    ("retention", "name"): lambda given: retention.parse_name(given["form"], given["file"]),
    ("retention", "retained"): lambda given: retention.retained(
        given["ids"], given["boundary"], _pins(given)
    ),
    ("retention", "newest"): lambda given: retention.newest(given["ids"], given["boundary"], given["hint"]),
    ("retention", "garbage"): _garbage,
    ("retention", "fence"): lambda given: retention.new_fence(given["bases"], given["limit"], given["fence"]),
    ("retention", "may_publish"): lambda given: retention.may_publish(given["bases"], given["fence"]),
    ("retention", "is_in_line"): lambda given: retention.is_in_line(given["id"], given["boundary"]),
}
