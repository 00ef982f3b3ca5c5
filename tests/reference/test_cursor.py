"""The tracing cursor: bounds, offsets and names."""

from __future__ import annotations

import pytest

from tablestore.errors import (
    ChecksumError,
    FormatError,
    LimitExceededError,
    UnsafePathError,
    UnsupportedVersionError,
)
from tablestore.reference.cursor import Cursor, Field, reject


def test_fields_are_remembered_with_their_place() -> None:
    trace: list[Field] = []
    cursor = Cursor(bytes(range(20)), start=2, end=18, base=100, trace=trace)
    assert cursor.unsigned(2, "a", "1.1") == 0x0302
    inner = cursor.within(6, "part", "2.2")
    assert inner.array(2, 2, "b", "3.3") == [0x0504, 0x0706]
    assert inner.take(2, "c", "4.4") == b"\x08\x09"
    inner.finish("2.2")
    assert cursor.offset == 110
    assert trace == [
        Field(102, 2, "a", 0x0302, "1.1"),
        Field(104, 4, "part.b", [0x0504, 0x0706], "3.3"),
        Field(108, 2, "part.c", b"\x08\x09", "4.4"),
    ]


@pytest.mark.parametrize(
    "read",
    [
        lambda cursor: cursor.take(4, "a", "1.1"),
        lambda cursor: cursor.unsigned(4, "a", "1.1"),
        lambda cursor: cursor.array(2, 2, "a", "1.1"),
        lambda cursor: cursor.array(2**32, 8, "a", "1.1"),
        lambda cursor: cursor.within(4, "a", "1.1"),
    ],
)
def test_nothing_is_read_past_the_end(read: object) -> None:
    cursor = Cursor(bytes(10), start=1, end=4, base=50)
    assert callable(read)
    with pytest.raises(FormatError) as rejected:
        read(cursor)
    assert (rejected.value.code, rejected.value.offset, rejected.value.section) == ("truncated", 51, "1.1")
    assert cursor.offset == 51


def test_bytes_left_over_are_rejected() -> None:
    cursor = Cursor(bytes(3))
    cursor.take(2, "a", "1.1")
    with pytest.raises(FormatError) as rejected:
        cursor.finish("4.2")
    assert (rejected.value.code, rejected.value.offset) == ("size-mismatch", 2)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("checksum-mismatch", ChecksumError),
        ("wrong-file", ChecksumError),
        ("limit-exceeded", LimitExceededError),
        ("unsupported-version", UnsupportedVersionError),
        ("unknown-feature", UnsupportedVersionError),
        ("bad-name", UnsafePathError),
        ("unsafe-path", UnsafePathError),
        ("bad-value", FormatError),
    ],
)
def test_codes_have_their_class(code: str, kind: type[FormatError]) -> None:
    with pytest.raises(FormatError) as rejected:
        reject(code, "no", "7.9", 3)
    assert type(rejected.value) is kind
