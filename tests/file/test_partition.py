"""Partition tuples and directories (spec §3.3, §9.3)."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from tablestore.errors import FormatError
from tablestore.file import partition
from tablestore.file.partition import Value
from tablestore.types import Field, from_arrow


def field(arrow: pa.DataType, name: str = "p") -> Field:
    return Field(0, name, from_arrow(arrow), True)


TEXT = field(pa.string())


@pytest.mark.parametrize(
    ("arrow", "value", "text"),
    [
        (pa.string(), "plain_-.A9", "plain_-.A9"),
        (pa.string(), ".", "%2E"),
        (pa.string(), "..", "%2E."),
        (pa.string(), "a/b", "a%2Fb"),
        (pa.string(), "%null", "%25null"),
        (pa.string(), None, "%null"),
        (pa.string(), "", "%empty"),
        (pa.string(), "a=b:*\n\0", "a%3Db%3A%2A%0A%00"),
        (pa.string(), "é", "%C3%A9"),
        (pa.string(), "e\u0301", "e%CC%81"),
        (pa.string(), "\U0001f600 ", "%F0%9F%98%80%20"),
        (pa.binary(), b"\x00\xff", "00ff"),
        (pa.binary(), b"", "%empty"),
        (pa.binary(2), b"ab", "6162"),
        (pa.bool_(), False, "false"),
        (pa.bool_(), True, "true"),
        (pa.int8(), -5, "-5"),
        (pa.uint64(), (1 << 64) - 1, "18446744073709551615"),
        (pa.decimal128(9, 2), -125, "-125"),
        (pa.date32(), 0, "1970-01-01"),
        (pa.date32(), -719162, "0001-01-01"),
        (pa.date32(), -719163, "-719163"),
        (pa.date32(), 2932896, "9999-12-31"),
        (pa.date32(), 2932897, "2932897"),
        (pa.timestamp("us"), -1, "-1"),
    ],
)
def test_directory_names(arrow: pa.DataType, value: Value, text: str) -> None:
    assert partition.directory([field(arrow, "k")], [value]) == f"k={text}"


def test_long_names_are_cut_and_stay_different() -> None:
    exact, longer, other = "x" * 120, "x" * 121, "x" * 120 + "y"
    names = [partition.directory([TEXT], [text]) for text in (exact, longer, other)]
    assert names[0] == "p=" + exact
    assert len(set(names)) == 3
    assert all(name.startswith("p=" + "x" * 96 + "%h") and len(name) == 2 + 96 + 2 + 16 for name in names[1:])
    assert len(partition.directory([field(pa.string(), "é" * 127)], ["é" * 10_000]).encode()) <= 255


def test_several_columns_nest() -> None:
    assert partition.directory([TEXT, field(pa.int8(), "q/")], ["a", 1]) == "p=a/q%2F=1"
    assert partition.directory([], []) == ""


def test_no_two_texts_share_a_directory() -> None:
    source = random.Random(3)
    alphabet = [
        "",
        ".",
        "/",
        "%",
        "2",
        "F",
        "é",
        "e\u0301",
        "\0",
        "=",
        "n",
        "%null",
        "%empty",
        "x" * 60,
        "%h",
    ]
    seen: dict[str, str] = {}
    for _ in range(20_000):
        text = "".join(source.choices(alphabet, k=source.randrange(6)))
        name = partition.directory([TEXT], [text])
        assert seen.setdefault(name, text) == text
        assert "/" not in name
        assert name.removeprefix("p=") not in ("", ".", "..")


ALL = [
    field(arrow)
    for arrow in (
        pa.bool_(), pa.int8(), pa.uint16(), pa.int64(), pa.date32(), pa.time64("us"), pa.timestamp("ns", "UTC"),
        pa.decimal128(10, 2), pa.string(), pa.binary(), pa.binary(3),
    )
]  # fmt: skip


def _random_values(source: random.Random) -> list[Value]:
    values: list[Value] = [
        source.random() < 0.5,
        source.randrange(-128, 128),
        source.randrange(65536),
        source.randrange(-(1 << 63), 1 << 63),
        source.randrange(-(1 << 31), 1 << 31),
        source.randrange(86_400_000_000),
        source.randrange(-(1 << 63), 1 << 63),
        source.randrange(1 - 10**10, 10**10),
        "".join(source.choices("\0\x01aé", k=source.randrange(5))),
        bytes(source.choices((0, 1, 2, 255), k=source.randrange(5))),
        source.randbytes(3),
    ]
    return [None if source.random() < 0.2 else value for value in values]


def _order(values: list[Value]) -> list[tuple[bool, object]]:
    return [(value is not None, value.encode() if isinstance(value, str) else value) for value in values]


def test_tuples_come_back_and_sort_like_their_values() -> None:
    source = random.Random(5)
    rows = [_random_values(source) for _ in range(2_000)]
    for row in rows:
        encoded = partition.encode(ALL, row)
        assert list(partition.decode(ALL, encoded)) == row
    for index, column in enumerate(ALL):
        pairs = sorted((partition.encode([column], [row[index]]), _order([row[index]])) for row in rows)
        orders = [order for _, order in pairs]
        assert orders == sorted(orders)  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("arrow", "data", "code"),
    [
        (pa.int8(), "", "bad-key"),
        (pa.int8(), "02", "bad-key"),
        (pa.int8(), "01", "bad-key"),
        (pa.int8(), "0180ff", "bad-key"),
        (pa.int8(), "00ff", "bad-key"),
        (pa.int64(), "0180", "bad-key"),
        (pa.bool_(), "0102", "bad-key"),
        (pa.string(), "0161", "bad-key"),
        (pa.string(), "01610200", "ok"),
        (pa.string(), "01610102", "bad-key"),
        (pa.string(), "016101", "bad-key"),
        (pa.string(), "01ff00", "invalid-utf8"),
        (pa.string(), "01eda08000", "invalid-utf8"),
        (pa.time32("s"), "0180015180", "bad-value"),
        (pa.time32("s"), "017fffffff", "bad-value"),
        (pa.decimal128(1, 0), "0180" + "00" * 14 + "0a", "bad-value"),
    ],
)
def test_malformed_tuples_are_rejected(arrow: pa.DataType, data: str, code: str) -> None:
    if code == "ok":
        assert partition.decode([field(arrow)], bytes.fromhex(data)) == ("a\x02",)
        return
    with pytest.raises(FormatError) as caught:
        partition.decode([field(arrow)], bytes.fromhex(data))
    assert caught.value.code == code
