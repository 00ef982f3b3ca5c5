"""Values, key bounds and ranks as texts; keys from the command line."""

from __future__ import annotations

import datetime
import random
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from tablestore import types
from tablestore.file import keys
from tablestore.file import vector as vectors
from tablestore.file.manifest import Entry
from tablestore.inspect.text import human_bytes, json_text, padded, printable, shortened, width_of
from tablestore.inspect.tree import Scale, bar
from tablestore.inspect.values import bound_text, parse_keys, plain, rank_text
from tablestore.lsm.run import Run
from tablestore.types import Field


def fields(*kinds: pa.DataType) -> list[Field]:
    return [Field(i, f"c{i}", types.from_arrow(kind, f"c{i}"), False) for i, kind in enumerate(kinds)]


def encode(columns: Sequence[Field], row: Sequence[Any]) -> bytes:
    parts = [
        vectors.from_arrow(pa.array([value], field.type.arrow), field.type)
        for field, value in zip(columns, row, strict=True)
    ]
    return keys.encode(parts, 1).key(0)


@pytest.mark.parametrize(
    ("kinds", "row", "text"),
    [
        ([pa.int64()], [-5], "-5"),
        ([pa.uint8()], [200], "200"),
        ([pa.bool_()], [True], "true"),
        ([pa.date32()], [datetime.date(2024, 2, 29)], "2024-02-29"),
        ([pa.timestamp("us", "UTC")], [0], "1970-01-01 00:00:00.000000Z"),
        ([pa.decimal128(5, 2)], [-1], "-1.00"),
        ([pa.string()], ["grün"], "grün"),
        ([pa.binary()], [b"\x00\xff"], "00ff"),
        ([pa.binary(3)], [b"abc"], "616263"),
        ([pa.string(), pa.int16()], ["a\0b\x01c", 7], "a\0b\x01c, 7"),
        ([pa.int16(), pa.string()], [7, ""], "7, "),
        ([pa.string()], ["x" * 70], "x" * 64 + "…"),
        ([pa.string(), pa.int32()], ["y" * 80, 1], "y" * 64 + "…"),
        ([pa.string(), pa.int64()], ["z" * 60, 1], "z" * 60 + ", 800000…"),
    ],
)
def test_bounds(kinds: list[pa.DataType], row: list[Any], text: str) -> None:
    columns = fields(*kinds)
    assert bound_text(columns, encode(columns, row)[: keys.BOUND_SIZE]) == text


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (pa.int32(), -7, "-7"),
        (pa.uint64(), 2**64 - 1, str(2**64 - 1)),
        (pa.float64(), -2.5, "-2.5"),
        (pa.float32(), 0.5, "0.5"),
        (pa.bool_(), True, "true"),
        (pa.string(), "berlin", "berlin"),
        (pa.string(), "constantinople", "constant…"),
        (pa.date32(), datetime.date(1999, 12, 31), "1999-12-31"),
        (pa.decimal128(20, 3), 5, None),
    ],
)
def test_ranks(kind: pa.DataType, value: Any, text: str | None) -> None:
    (column,) = fields(kind)
    scalar = pa.array([value], kind)
    physical = scalar.cast(pa.int32())[0].as_py() if kind == pa.date32() else value
    rank = types.rank_of(physical if kind != pa.date32() else value, column.type)
    assert rank is not None
    assert rank_text(column, rank) == text


def test_ranks_of_random_integers() -> None:
    (column,) = fields(pa.int64())
    generator = random.Random(7)
    for _ in range(500):
        value = generator.randrange(-(2**63), 2**63)
        rank = types.rank_of(value, column.type)
        assert rank is not None
        assert rank_text(column, rank) == str(value)


def test_times_that_no_calendar_has() -> None:
    days = pa.array([10**9, None, 0], pa.int32()).view(pa.date32())
    assert plain(days) == ["1000000000", None, "1970-01-01"]
    nanoseconds = pa.array([1], pa.int64()).view(pa.timestamp("ns", "America/New_York"))
    assert plain(nanoseconds) == ["1970-01-01 00:00:00.000000001Z"]


def test_nested_values() -> None:
    kind = pa.list_(pa.struct([("at", pa.date32()), ("raw", pa.binary())]))
    array = pa.array([[{"at": datetime.date(2020, 1, 1), "raw": b"\x01"}, None], None, []], kind)
    assert plain(array) == [[{"at": "2020-01-01", "raw": "01"}, None], None, []]
    assert plain(array.slice(1)) == [None, []]


@pytest.mark.parametrize(
    ("kinds", "text", "row"),
    [
        ([pa.int64()], "42", [42]),
        ([pa.int64()], "[42]", [42]),
        ([pa.string()], "a,b", ["a,b"]),
        ([pa.string()], '["[x"]', ["[x"]),
        ([pa.string()], "{x}", ["{x}"]),
        ([pa.string(), pa.int32()], "a, 3", ["a", 3]),
        ([pa.string(), pa.int32()], '["a,b", 3]', ["a,b", 3]),
        ([pa.string(), pa.int32()], '{"c1": 3, "c0": "a"}', ["a", 3]),
        ([pa.date32()], "2024-02-29", [datetime.date(2024, 2, 29)]),
        ([pa.binary()], "00ff", [b"\x00\xff"]),
        ([pa.binary(2)], "00ff", [b"\x00\xff"]),
        ([pa.bool_()], "true", [True]),
    ],
)
def test_keys(kinds: list[pa.DataType], text: str, row: list[Any]) -> None:
    assert [column[0].as_py() for column in parse_keys([text], fields(*kinds)).columns] == row


def test_zoned_timestamps_as_keys() -> None:
    (column,) = fields(pa.timestamp("ms", "UTC"))
    for text in ("2024-01-01 00:00:00Z", "2024-01-01 00:00:00"):
        assert plain(parse_keys([text], [column]).column(0).combine_chunks()) == ["2024-01-01 00:00:00.000Z"]


@pytest.mark.parametrize(
    ("kinds", "text"),
    [
        ([pa.int64()], "x"),
        ([pa.int8()], "300"),
        ([pa.binary()], "zz"),
        ([pa.int8(), pa.int8()], "1"),
        ([pa.int8()], "["),
    ],
)
def test_keys_that_do_not_fit(kinds: list[pa.DataType], text: str) -> None:
    with pytest.raises(ValueError, match=r"is no|values"):
        parse_keys([text], fields(*kinds))


def run_of(*ranges: tuple[int, int]) -> Run:
    def entry(low: int, high: int) -> Entry:
        bounds = [(number + 2**63).to_bytes(8, "big") for number in (low, high)]
        return Entry(b"", 0, "f", 1, 200, 0, 1, 0, bounds[0], bounds[1], 1, 1, 0, 0, b"")

    return Run(1, tuple(entry(low, high) for low, high in ranges))


def scale(low: int, high: int) -> Scale:
    return Scale(*((number + 2**63).to_bytes(8, "big") for number in (low, high)))


def test_bars_stand_for_key_ranges() -> None:
    whole = scale(-400, 399)
    assert bar(run_of((-400, 399)), whole, False) == "#" * 40
    assert bar(run_of((-400, -1)), whole, False) == "#" * 20 + " " * 20
    assert bar(run_of((0, 399)), whole, False) == " " * 20 + "#" * 20
    assert bar(run_of((7, 7)), whole, False).count("#") == 1
    parted = bar(run_of((-400, -1), (0, 399)), whole, False)
    assert parted == "#" * 19 + " " + "#" * 20
    assert bar(run_of((-400, -1), (0, 399)), whole, True) == "█" * 19 + "▌" + "█" * 20
    assert bar(run_of((5, 5)), scale(5, 5), True) == "▌" + " " * 39


def test_bars_keep_their_width_for_any_ranges() -> None:
    generator = random.Random(3)
    for _ in range(300):
        edges = sorted(generator.sample(range(10_000), 2 * generator.randint(1, 60)))
        ranges = list(zip(edges[::2], edges[1::2], strict=True))
        drawn = bar(run_of(*ranges), scale(edges[0], edges[-1]), True)
        assert len(drawn) == 40
        assert drawn[0] != " "
        assert drawn[-1] != " "


def test_texts() -> None:
    assert printable("a\x1b[0m\u202e\n") == "a\\x1b[0m\\u202e\\n"
    assert (
        json_text({"a": "\x9b\u202e\x00", "b": float("inf")})
        == '{"a": "\\u009b\\u202e\\u0000", "b": "Infinity"}'
    )
    assert [human_bytes(size) for size in (0, 1023, 1024, 10**12)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "931.3 GiB",
    ]
    assert width_of("日本") == 4
    assert padded("日本", 6, right=True) == "  日本"
    assert shortened("日本語", 5, "…") == "日本…"
