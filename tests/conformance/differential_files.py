"""Small SSTs and documents with one random fault under right checksums: what someone would make on purpose."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

from tablestore.conformance.cases.primitive import seal
from tablestore.conformance.cases.sst import small_file
from tablestore.reference.document import write_envelope, write_json
from tablestore.reference.sst import FOOTER_FIELDS, Numbers
from tests.conformance.differential import damage

Place = tuple[int, int]
COLUMNS, BLOCKS = 4, 2


def faulty_file(draw: random.Random) -> bytes:
    """The small file of the vectors with a fault in one of its parts; all checksums are right."""
    part = draw.choice(
        ("directory", "directory", "properties", "chunk", "chunk", "footer", "filter", "header")
    )
    edits: dict[str, Any] = {
        "directory": {"directory_raw": lambda raw: damage(draw, raw)},
        "properties": {"properties_raw": lambda raw: damage(draw, raw)},
        "filter": {"filter": lambda raw: damage(draw, raw)},
        "chunk": {"chunk": _chunk_edit(draw, (draw.randrange(COLUMNS), draw.randrange(BLOCKS)))},
        "footer": {"footer": lambda fields: _footer_edit(draw, fields)},
        "header": {
            "header": lambda fields: {**fields, draw.choice(sorted(fields)): draw.choice((0, 1, 2, 255))}
        },
    }
    return small_file(**edits[part])


def _chunk_edit(draw: random.Random, place: Place) -> Callable[[Place, bytes], bytes]:
    return lambda found, stored: damage(draw, stored) if found == place else stored


def _footer_edit(draw: random.Random, fields: Numbers) -> Numbers:
    """One field becomes a neighbour of its value, or a number that overflows something."""
    name, size = draw.choice(FOOTER_FIELDS)
    value, bits = fields[name], 8 * size
    changed = draw.choice(
        (0, 1, value + 1, value - 1, value ^ (1 << draw.randrange(bits)), (1 << bits) - 1, 1 << (bits - 1))
    )
    return {**fields, name: changed % (1 << bits)}


VALUES: tuple[object, ...] = (
    None, True, 0, 1, -1, 2**63, 2**64 - 1, "", "x", "0" * 16, "0" * 32, [], {}, [1], ["a"], {"a": 1}
)  # fmt: skip


def faulty_document(draw: random.Random, members: dict[str, object]) -> bytes:
    """A document with one member left out, replaced or repeated, or with damaged text; its checksum is right."""
    if draw.random() < 0.3:
        text = write_json({**members, "checksum": ""}).encode()
        return seal(damage(draw, text[: text.rindex(b'"checksum"')]))
    changed = copy.deepcopy(members)
    container, place = draw.choice(list(_places(changed)))
    action = draw.randrange(4)
    if action == 0 and isinstance(container, dict):
        del container[place]
    elif action == 1 and isinstance(container, list):
        container.append(copy.deepcopy(container[place]))
    else:
        container[place] = draw.choice(VALUES)
    return write_envelope(changed)


def _places(container: Any) -> Iterator[tuple[Any, Any]]:
    """Every member of every object and every item of every array."""
    items = list(container.items() if isinstance(container, dict) else enumerate(container))
    for place, value in items:
        yield container, place
        if isinstance(value, dict | list):
            yield from _places(value)
