"""JSON documents of the reference against the json module and against damage."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore.errors import FormatError
from tablestore.reference.document import parse_envelope, parse_object, write_envelope, write_json

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXT.filter(lambda name: name != "checksum"), VALUES, max_size=5)


@given(OBJECTS)
def test_documents_survive(members: dict[str, Any]) -> None:
    data = write_envelope(members)
    assert parse_envelope(data) == members
    assert json.loads(data) == {**members, "checksum": data[-12:-4].decode()}


@given(OBJECTS)
def test_canonical_text_is_that_of_the_json_module(members: dict[str, Any]) -> None:
    plain = json.dumps(members, indent=2, ensure_ascii=False)
    assert write_json(members) == plain
    assert write_json(members, None) == json.dumps(members, separators=(",", ":"), ensure_ascii=False)
    assert parse_object(plain.encode()) == members
    assert parse_object(json.dumps(members).encode()) == members


@given(st.text(alphabet='{}[]",:\\u01eE.-+ntrfalsNI d8', max_size=30))
def test_what_is_read_is_json(text: str) -> None:
    """Whatever the strict parser takes, the json module reads in the same way."""
    try:
        found = parse_object(text.encode())
    except FormatError:
        return
    assert json.loads(text) == found


def test_every_flipped_bit_and_every_truncation_is_noticed() -> None:
    good = write_envelope({"id": 1, "name": "ä", "list": [1, {"a": None}]})
    for offset in range(len(good)):
        with pytest.raises(FormatError):
            parse_envelope(good[:offset])
        for bit in range(8):
            damaged = bytearray(good)
            damaged[offset] ^= 1 << bit
            with pytest.raises(FormatError):
                parse_envelope(bytes(damaged))


def test_a_document_beyond_the_limit_is_not_parsed() -> None:
    with pytest.raises(FormatError) as rejected:
        parse_envelope(b" " * (16 * 1024 * 1024 + 1))
    assert rejected.value.code == "limit-exceeded"
