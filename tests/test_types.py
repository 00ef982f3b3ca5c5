"""Types: names, Arrow forms, refusals with remedies, ranks (spec chapter 2)."""

from __future__ import annotations

import datetime
import decimal
import math
import random
import struct
from typing import Any

import pyarrow as pa
import pytest

from tablestore import types
from tablestore.errors import FormatError, LimitExceededError, SchemaError

LEAVES: dict[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int8": pa.int8(),
    "uint64": pa.uint64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "decimal128(38,-38)": pa.decimal128(38, -38),
    "decimal128(10,2)": pa.decimal128(10, 2),
    "date32": pa.date32(),
    "time32(s)": pa.time32("s"),
    "time32(ms)": pa.time32("ms"),
    "time64(us)": pa.time64("us"),
    "time64(ns)": pa.time64("ns"),
    "timestamp(s)": pa.timestamp("s"),
    "timestamp(ns,Europe/Berlin)": pa.timestamp("ns", "Europe/Berlin"),
    "string": pa.string(),
    "binary": pa.binary(),
    "fixed_binary(65535)": pa.binary(65_535),
}


@pytest.mark.parametrize("name", LEAVES)
def test_leaf_types_have_one_name_and_one_arrow_type(name: str) -> None:
    column_type = types.from_arrow(LEAVES[name])
    assert types.to_json(column_type) == name
    assert types.from_json(name) == column_type
    assert column_type.arrow == LEAVES[name]


def test_nested_types_survive_json() -> None:
    inner = pa.struct([pa.field("a", pa.int8(), nullable=False), ("b", pa.list_(pa.date32()))])
    arrow = pa.map_(pa.string(), pa.field("value", pa.list_(pa.field("item", inner)), nullable=False))
    column_type = types.from_arrow(arrow)
    described = types.to_json(column_type)
    assert described == {
        "map": [
            {"name": "key", "type": "string", "nullable": False},
            {
                "name": "value",
                "type": {
                    "list": {
                        "name": "element",
                        "type": {
                            "struct": [
                                {"name": "a", "type": "int8", "nullable": False},
                                {
                                    "name": "b",
                                    "type": {"list": {"name": "element", "type": "date32", "nullable": True}},
                                    "nullable": True,
                                },
                            ]
                        },
                        "nullable": True,
                    }
                },
                "nullable": False,
            },
        ]
    }
    assert types.from_json(described) == column_type
    assert column_type.kind == "list"
    assert column_type.children[0].type.kind == "struct"


@pytest.mark.parametrize(
    ("foreign", "name"),
    [
        (pa.large_string(), "string"),
        (pa.string_view(), "string"),
        (pa.large_binary(), "binary"),
        (pa.binary_view(), "binary"),
        (pa.dictionary(pa.int8(), pa.large_string()), "string"),
        (pa.dictionary(pa.int32(), pa.int64()), "int64"),
        (pa.timestamp("us", ""), "timestamp(us)"),
    ],
)
def test_foreign_forms_become_their_plain_type(foreign: pa.DataType, name: str) -> None:
    assert types.to_json(types.from_arrow(foreign)) == name


@pytest.mark.parametrize(
    ("arrow", "remedy"),
    [
        (pa.null(), "give the column a type"),
        (pa.float16(), "float32"),
        (pa.date64(), "date32"),
        (pa.duration("s"), "int64"),
        (pa.decimal256(40, 2), "decimal128"),
        (pa.list_(pa.int8(), 3), "use list"),
        (pa.run_end_encoded(pa.int32(), pa.int8()), "decode it"),
        (pa.dense_union([pa.field("a", pa.int8())]), "struct"),
        (pa.struct([]), "at least one field"),
        (pa.timestamp("s", "a)b"), "time zone"),
    ],
)
def test_other_types_are_refused_with_a_remedy(arrow: pa.DataType, remedy: str) -> None:
    with pytest.raises(SchemaError, match=remedy) as caught:
        types.from_arrow(arrow, "price")
    assert "price" in str(caught.value)


def test_a_struct_with_repeated_names_is_refused() -> None:
    with pytest.raises(SchemaError, match="distinct"):
        types.from_arrow(pa.struct([("a", pa.int8()), ("a", pa.int8())]))


@pytest.mark.parametrize("wrap", [pa.list_, lambda inner: pa.struct([("a", inner)])])
def test_types_that_no_document_could_describe_are_refused(wrap: Any) -> None:
    arrow = pa.int8()
    for _ in range(40):
        arrow = wrap(arrow)
    with pytest.raises(SchemaError, match="nested"):
        types.from_arrow(arrow)


@pytest.mark.parametrize(
    "name",
    [
        "", "Int8", "int8 ", "int128", "decimal128(0,0)", "decimal128(39,0)", "decimal128(5,39)", "decimal128(05,1)",
        "decimal128(5, 1)", "decimal128(5,-0)", "decimal128(5,01)", "timestamp", "timestamp(m)", "timestamp(us,)",
        "timestamp(us,a)b)", "timestamp(us,\x07)", "timestamp(us,\x85)", "time32(us)", "time64(s)", "fixed_binary(0)",
        "fixed_binary(65536)",
        "fixed_binary(01)", "fixed_binary(\u0663)", "large_string", "list", "decimal128(\u0661,0)",
    ],
)  # fmt: skip
def test_unknown_names_are_rejected(name: str) -> None:
    with pytest.raises(FormatError) as caught:
        types.from_json(name)
    assert caught.value.code == "schema-mismatch"


FIELD = {"name": "element", "type": "int8", "nullable": True}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "schema-mismatch"),
        (5, "schema-mismatch"),
        ([], "schema-mismatch"),
        ({}, "schema-mismatch"),
        ({"list": FIELD, "struct": []}, "schema-mismatch"),
        ({"list": {**FIELD, "name": "item"}}, "schema-mismatch"),
        ({"list": "int8"}, "schema-mismatch"),
        ({"list": {"name": "element", "nullable": True}}, "json-missing"),
        ({"list": {**FIELD, "nullable": 1}}, "json-type"),
        ({"struct": []}, "schema-mismatch"),
        ({"struct": [FIELD, FIELD]}, "schema-mismatch"),
        ({"map": [FIELD]}, "schema-mismatch"),
        ({"map": [{**FIELD, "name": "key"}, {**FIELD, "name": "value"}]}, "schema-mismatch"),
        ({"set": FIELD}, "schema-mismatch"),
    ],
)
def test_malformed_nested_types_are_rejected(value: object, code: str) -> None:
    with pytest.raises(FormatError) as caught:
        types.from_json(value)
    assert caught.value.code == code


def test_deep_types_are_beyond_the_limit() -> None:
    value: object = "int8"
    for _ in range(40):
        value = {"list": {"name": "element", "type": value, "nullable": True}}
    with pytest.raises(LimitExceededError):
        types.from_json(value)


def test_ranks_of_known_values() -> None:
    sign = 1 << 63
    examples: list[tuple[Any, pa.DataType, int | None]] = [
        (True, pa.bool_(), 1),
        (255, pa.uint8(), 255),
        (-1, pa.int8(), sign - 1),
        (datetime.date(1970, 1, 2), pa.date32(), sign + 1),
        (datetime.datetime(1970, 1, 1, 0, 0, 1), pa.timestamp("ns"), sign + 10**9),
        (datetime.time(0, 0, 1), pa.time32("ms"), sign + 1000),
        (1.0, pa.float64(), struct.unpack("<Q", struct.pack("<d", 1.0))[0] + sign),
        (-0.0, pa.float64(), sign),
        (-math.inf, pa.float32(), 0x000FFFFFFFFFFFFF),
        (math.nan, pa.float64(), None),
        (None, pa.int8(), None),
        (decimal.Decimal("-0.01"), pa.decimal128(5, 2), sign - 1),
        (decimal.Decimal(1 << 64), pa.decimal128(30, 0), sign + 1),
        ("abc", pa.string(), 0x6162630000000000),
        (b"\xff" * 9, pa.binary(), (1 << 64) - 1),
        (b"\x01\x02", pa.binary(2), 0x0102000000000000),
    ]
    for value, arrow, rank in examples:
        column_type = types.from_arrow(arrow)
        assert types.rank_of(value, column_type) == rank, (value, arrow)
        assert types.rank_of(pa.scalar(value, arrow), column_type) == rank, (value, arrow)


def _random_value(source: random.Random, arrow: pa.DataType) -> Any:
    if pa.types.is_integer(arrow):
        bits = arrow.bit_width
        low = -(1 << (bits - 1)) if pa.types.is_signed_integer(arrow) else 0
        return source.choice([low, low + (1 << bits) - 1, source.randrange(low, low + (1 << bits))])
    if pa.types.is_floating(arrow):
        value = struct.unpack("<f", struct.pack("<f", source.uniform(-1e30, 1e30)))[0]
        return source.choice([value, -0.0, 0.0, math.inf, -math.inf])
    if pa.types.is_decimal(arrow):
        return decimal.Decimal(source.randrange(1 - 10**38, 10**38)).scaleb(-5, decimal.Context(prec=60))
    text = "".join(source.choice("\0\x01ab\x7fé\U0001f600") for _ in range(source.randrange(12)))
    return text if pa.types.is_string(arrow) else text.encode()


@pytest.mark.parametrize(
    "arrow",
    [
        pa.int8(),
        pa.int64(),
        pa.uint64(),
        pa.float32(),
        pa.float64(),
        pa.decimal128(38, 5),
        pa.string(),
        pa.binary(),
    ],
    ids=str,
)
def test_ranks_keep_the_order_of_values(arrow: pa.DataType) -> None:
    source = random.Random(7)
    column_type = types.from_arrow(arrow)
    for _ in range(2_000):
        left, right = _random_value(source, arrow), _random_value(source, arrow)
        ranks = types.rank_of(left, column_type), types.rank_of(right, column_type)
        assert None not in ranks
        if left <= right:
            assert ranks[0] <= ranks[1], (left, right)  # type: ignore[operator]
        if column_type.exact_rank and ranks[0] == ranks[1]:
            assert left == right


def test_plain_values_go_back_into_arrays() -> None:
    moment = datetime.datetime(2020, 2, 29, 12, 30, 1, 250)
    for value, arrow in [
        (moment, pa.timestamp("us")),
        (moment.date(), pa.date32()),
        (moment.time(), pa.time64("us")),
        (decimal.Decimal("1.25"), pa.decimal128(9, 2)),
        ("x", pa.string()),
        (b"xy", pa.binary(2)),
        (True, pa.bool_()),
        (7, pa.uint16()),
    ]:
        plain = types.plain_value(value, types.from_arrow(arrow))
        assert pa.array([plain], arrow)[0].as_py() == value
    nanoseconds = pa.scalar(1_600_000_000_000_000_001, pa.timestamp("ns"))
    assert types.plain_value(nanoseconds, types.from_arrow(nanoseconds.type)) == 1_600_000_000_000_000_001
