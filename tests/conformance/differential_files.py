"""Small SSTs with one random fault under right checksums: what someone would make on purpose."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tablestore.conformance.cases.sst import small_file
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
