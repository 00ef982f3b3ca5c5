"""Documents of chapter 15, and the outline of a snapshot that deletion reads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tablestore.errors import ChecksumError, FormatError, SchemaError, UnsafePathError
from tablestore.file import boundary, consumer, layout, lease, partition, snapshot, tag
from tablestore.file.document import read_document, write_document
from tests.file.test_snapshot import TABLE, example

NAMES = ["eod", "a.5", ".", "..", "end of day/ü", "%h", "x" * 255, "é" * 127, "con", "A", "a"]


def test_names_have_paths_of_their_own() -> None:
    paths = {tag.path(name) for name in NAMES}
    assert len(paths) == len(NAMES)
    for name in NAMES:
        directory, _, file = tag.path(name).rpartition("/")
        assert directory == layout.TAG_DIRECTORY
        assert layout.parse_tag_name(file) == partition.escape(name)
        numbered = consumer.path(name, 12).rpartition("/")[2]
        assert layout.parse_consumer_name(numbered) == (partition.escape(name), 12)
        assert len(numbered.encode()) <= 255


@pytest.mark.parametrize("name", ["", "x" * 256, "\ud800"])
def test_names_that_cannot_be(name: str) -> None:
    for path in (tag.path, lambda given: consumer.path(given, 1)):
        with pytest.raises(SchemaError):
            path(name)


def test_documents_come_back() -> None:
    made = boundary.Boundary(TABLE, 7, 1)
    assert boundary.decode(boundary.encode(made), "f", 7, TABLE) == made
    named = tag.Tag(TABLE, "a.5", 3, "ab" * 8, 2)
    assert tag.decode(tag.encode(named), "f", "a.5", TABLE) == named
    held = lease.Lease(TABLE, 3, "somebody", 1, 2)
    assert lease.decode(lease.encode(held), "f", TABLE) == held
    following = consumer.Consumer(TABLE, "job", 4, 9, 17, False, 1, 2)
    assert consumer.decode(consumer.encode(following), "f", "job", 4, TABLE) == following


def test_what_a_consumer_keeps() -> None:
    """The images before its next changes, or the rows that it is being given."""
    made = consumer.Consumer(TABLE, "job", 4, 9, 17, False, 1, 2)
    assert made.keeps == 8
    assert replace(made, state=True).keeps == 9
    assert replace(made, next=1).keeps == 1


def test_an_outline_is_what_the_whole_says() -> None:
    for made in (example(), example(manifests=(), delta=(), kind="clean", fence=5, writer=None)):
        data = snapshot.encode(made)
        found = snapshot.outline(data, "f", made.id, TABLE)
        whole = snapshot.decode(data, "f", made.id, TABLE)
        for name in ("table", "id", "parent_digest", "kind", "manifests", "delta"):
            assert getattr(found, name) == getattr(whole, name), name
        assert found.digest == snapshot.digest(data)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "merge"},
        {"id": 8},
        {"table": "0" * 32},
        {"delta": 7},
        {"manifests": [{}]},
        {"manifests": None},
    ],
)
def test_an_outline_refuses_what_the_whole_refuses(change: dict[str, object]) -> None:
    members = read_document(snapshot.encode(example()), "f")
    with pytest.raises(FormatError) as caught:
        snapshot.outline(write_document({**members, **change}), "f", 7, TABLE)
    with pytest.raises(FormatError) as expected:
        snapshot.decode(write_document({**members, **change}), "f", 7, TABLE)
    assert caught.value.code == expected.value.code


def test_an_outline_of_a_damaged_document() -> None:
    data = snapshot.encode(example())
    with pytest.raises(ChecksumError):
        snapshot.outline(data.replace(b"append", b"appemd"), "f", 7, TABLE)
    members = read_document(data, "f")
    references = [{**members["manifests"][0], "file": "../" + "0" * 29}, *members["manifests"][1:]]
    with pytest.raises(UnsafePathError):
        snapshot.outline(write_document({**members, "manifests": references}), "f", 7, TABLE)
