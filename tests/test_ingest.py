"""Ingestion: every accepted form gives the same rows; what does not fit is named."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from tablestore.errors import SchemaError
from tablestore.file.schema import TableSchema, new_schema
from tablestore.ingest import changes_table, is_single_key, iter_changes, iter_tables, keys_table, to_table

SIMPLE = new_schema(pa.schema([("id", pa.int64()), ("name", pa.string())]), primary_key=["id"])
EXPECTED = pa.table({"id": [1, 2, 3], "name": ["a", None, "c"]}, schema=SIMPLE.arrow)


class StreamOnly:
    """Offers rows through the stream protocol and nothing else."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._table.__arrow_c_stream__(requested_schema)


class ArrayOnly:
    """Offers one batch through the array protocol and nothing else."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        return self._batch.__arrow_c_array__(requested_schema)


def batches() -> Iterator[pa.RecordBatch]:
    for index in range(3):
        yield EXPECTED.slice(index, 1).to_batches()[0]


FORMS: dict[str, Callable[[], Any]] = {
    "table": lambda: EXPECTED,
    "chunked table": lambda: pa.concat_tables([EXPECTED.slice(0, 1), EXPECTED.slice(1)]),
    "other order": lambda: EXPECTED.select(["name", "id"]),
    "batch": lambda: EXPECTED.to_batches()[0],
    "sliced batch": lambda: pa.concat_tables([EXPECTED, EXPECTED]).combine_chunks().slice(3).to_batches()[0],
    "reader": lambda: EXPECTED.to_reader(),
    "stream": lambda: StreamOnly(EXPECTED),
    "array": lambda: ArrayOnly(EXPECTED.to_batches()[0]),
    "dataset": lambda: ds.dataset(EXPECTED),
    "scanner": lambda: ds.dataset(EXPECTED).scanner(),
    "batches": batches,
    "tables": lambda: [EXPECTED.slice(0, 2), EXPECTED.slice(2)],
    "dicts": lambda: EXPECTED.to_pylist(),
    "dicts without nulls": lambda: [{"id": 1, "name": "a"}, {"id": 2}, {"name": "c", "id": 3}],
    "generator of dicts": lambda: iter(EXPECTED.to_pylist()),
    "columns": lambda: EXPECTED.to_pydict(),
    "columns of arrays": lambda: {"id": np.array([1, 2, 3]), "name": pa.array(["a", None, "c"])},
    "small integers": lambda: EXPECTED.cast(pa.schema([("id", pa.uint8()), ("name", pa.large_string())])),
    "dictionary": lambda: EXPECTED.set_column(
        1, "name", EXPECTED["name"].combine_chunks().dictionary_encode()
    ),
    "views": lambda: EXPECTED.set_column(1, "name", EXPECTED["name"].cast(pa.string_view())),
    "floats": lambda: EXPECTED.set_column(0, "id", pa.array([1.0, 2.0, 3.0])),
    "pandas": lambda: EXPECTED.to_pandas(),
    "pandas with an index": lambda: EXPECTED.to_pandas().set_axis(["x", "y", "z"]),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_rows(form: str) -> None:
    if form.startswith("pandas"):
        pytest.importorskip("pandas")
    table = to_table(FORMS[form](), SIMPLE)
    assert table.equals(EXPECTED)
    assert table.schema.equals(SIMPLE.arrow)
    assert all(column.num_chunks == 1 for column in table.columns)


def test_data_frames_of_polars() -> None:
    polars = pytest.importorskip("polars")
    frame = polars.from_arrow(EXPECTED)
    assert to_table(frame, SIMPLE).equals(EXPECTED)
    assert to_table(frame.lazy(), SIMPLE).equals(EXPECTED)


def test_no_rows_are_rows() -> None:
    for data in ([], EXPECTED.slice(0, 0), iter([]), {"id": [], "name": []}):
        assert to_table(data, SIMPLE).equals(EXPECTED.slice(0, 0))
        assert list(iter_tables(data, SIMPLE)) == []


def test_whole_arrow_columns_are_not_copied() -> None:
    table = to_table(EXPECTED, SIMPLE)
    assert table["id"].chunk(0).buffers()[1].address == EXPECTED["id"].chunk(0).buffers()[1].address


WIDE = new_schema(
    pa.schema(
        [
            ("id", pa.int64()),
            ("day", pa.date32()),
            ("at", pa.timestamp("ms", "Europe/Berlin")),
            ("naive", pa.timestamp("us")),
            ("clock", pa.time32("s")),
            ("price", pa.decimal128(8, 2)),
            ("ratio", pa.float32()),
            ("raw", pa.binary(3)),
            ("tags", pa.list_(pa.field("item", pa.int8(), nullable=False))),
            ("place", pa.struct([pa.field("x", pa.int16(), nullable=False), ("label", pa.string())])),
            ("attributes", pa.map_(pa.string(), pa.int32())),
        ]
    ),
    primary_key=["id"],
)
ROW = {
    "id": 1,
    "day": datetime.date(2020, 2, 29),
    "at": datetime.datetime(2020, 1, 1, 12, tzinfo=datetime.UTC),
    "naive": datetime.datetime(2020, 1, 1, 12, 0, 0, 5),
    "clock": datetime.time(23, 59, 59),
    "price": decimal.Decimal("12.50"),
    "ratio": 0.5,
    "raw": b"abc",
    "tags": [1, 2],
    "place": {"x": 1, "label": None},
    "attributes": [("a", 1), ("b", None)],
}
NULLS = {"id": 2}


def test_all_types_pass_and_nulls_stay_null() -> None:
    table = to_table([ROW, NULLS], WIDE)
    first, second = table.to_pylist()
    assert {name: first[name] for name in ("day", "clock", "price", "raw", "tags", "place")} == {
        name: ROW[name] for name in ("day", "clock", "price", "raw", "tags", "place")
    }
    assert [name for name, value in second.items() if value is not None] == ["id"]


def test_exact_conversions_are_made() -> None:
    foreign = pa.schema(
        [
            ("id", pa.uint16()),
            ("day", pa.date64()),
            ("at", pa.timestamp("ns", "America/New_York")),
            ("naive", pa.timestamp("ns")),
            ("clock", pa.time64("ns")),
            ("price", pa.decimal128(12, 4)),
            ("ratio", pa.float32()),
            ("raw", pa.large_binary()),
            ("tags", pa.large_list(pa.int64())),
            ("place", pa.struct([("x", pa.int64()), ("label", pa.large_string())])),
            ("attributes", pa.map_(pa.large_string(), pa.int64())),
        ]
    )
    table = to_table([ROW, NULLS], WIDE)
    assert to_table(table.cast(foreign), WIDE).equals(table)


def replaced(name: str, column: pa.Array, schema: TableSchema = WIDE) -> pa.Table:
    table = to_table([ROW, NULLS], schema)
    return table.set_column(table.schema.get_field_index(name), name, column)


@pytest.mark.parametrize(
    ("name", "column", "reason"),
    [
        ("id", pa.array([1, None]), "'id' may not be null, row 1"),
        ("id", pa.array(["1", "2"]), "'id' is int64, the data is string"),
        ("id", pa.array([1.5, 2.0]), "truncated"),
        ("id", pa.array([1, 1 << 63], pa.uint64()), "'id'"),
        ("id", pa.array([True, False]), "the data is bool"),
        ("id", pa.nulls(2), "may not be null, row 0"),
        ("day", pa.array(["2020-01-01", None]), "the data is string"),
        ("day", pa.array([0, 1], pa.timestamp("s")), "the data is timestamp"),
        ("at", pa.array([0, 1], pa.timestamp("ms")), "time zone"),
        ("naive", pa.array([0, 1], pa.timestamp("us", "UTC")), "time zone"),
        ("naive", pa.array([1, 1001], pa.timestamp("ns")), "'naive'"),
        ("clock", pa.array([86_400, 0], pa.int32()).view(pa.time32("s")), "'clock'"),
        ("clock", pa.array([-1, 0], pa.int32()).view(pa.time32("s")), "'clock'"),
        ("price", pa.array([decimal.Decimal("1.234"), None]), "'price'"),
        ("price", pa.array([1.5, None]), "the data is double"),
        ("ratio", pa.array([0.1, None], pa.float64()), "digits would be lost"),
        ("raw", pa.array([b"ab", None]), "'raw'"),
        ("tags", pa.array([[1, None], None], pa.list_(pa.int8())), "'tags.element' may not be null"),
        ("tags", pa.array([[300], None], pa.list_(pa.int32())), "'tags'"),
        (
            "place",
            pa.array([{"x": None, "label": "a"}, None], pa.struct([("x", pa.int16()), ("label", pa.string())])),
            "'place.x' may not be null",
        ),
        ("place", pa.array([{"y": 1}, None]), "'place'"),
        ("attributes", pa.array([[("a", "b")], None], pa.map_(pa.string(), pa.string())), "'attributes'"),
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(name: str, column: pa.Array, reason: str) -> None:
    with pytest.raises(SchemaError) as caught:
        to_table(replaced(name, column), WIDE)
    assert reason in str(caught.value)


def test_invalid_text_never_gets_in() -> None:
    broken = pa.array([b"ok", b"\xff\xfe"], pa.binary()).view(pa.string())
    with pytest.raises(SchemaError, match=r"'name'.*UTF8"):
        to_table(pa.table({"id": [1, 2], "name": broken}), SIMPLE)


def test_nulls_hide_what_lies_under_them() -> None:
    child = pa.array([1, None, 3], pa.int16())
    place = pa.StructArray.from_arrays(
        [child, pa.array(["a", "b", "c"])], names=["x", "label"], mask=pa.array([False, True, False])
    )
    schema = new_schema(pa.schema([("id", pa.int64()), WIDE.arrow.field("place")]), primary_key=["id"])
    with_null = pa.table({"id": [1, 2, 3], "place": place})
    table = to_table(with_null, schema)
    assert table["place"].combine_chunks().field("x").null_count == 0
    assert table["place"].to_pylist() == [{"x": 1, "label": "a"}, None, {"x": 3, "label": "c"}]


def test_what_lies_under_null_lists_is_left_out() -> None:
    lists = pa.ListArray.from_arrays(
        [0, 2, 4, 5], pa.array([1, 2, None, 4, 5], pa.int8()), mask=pa.array([False, True, False])
    )
    maps = pa.MapArray.from_arrays(
        pa.array([0, None, 3, 4], pa.int32()), pa.array(list("abcd")), pa.array([1, 2, 3, None], pa.int32())
    )
    schema = new_schema(
        pa.schema([("id", pa.int64()), WIDE.arrow.field("tags"), WIDE.arrow.field("attributes")]),
        primary_key=["id"],
    )
    whole = pa.table({"id": [1, 2, 3], "tags": lists, "attributes": maps})
    for part, ids in ((whole, [1, 2, 3]), (whole.slice(1), [2, 3]), (whole.slice(1, 1), [2])):
        table = to_table(part, schema)
        assert table["id"].to_pylist() == ids
        assert table["tags"].to_pylist() == [[1, 2], None, [5]][ids[0] - 1 : ids[-1]]
        assert table["attributes"].to_pylist() == part["attributes"].to_pylist()
        assert table.schema.equals(schema.arrow)
        table.validate(full=True)


def test_a_value_may_not_be_too_long() -> None:
    with pytest.raises(SchemaError, match="16777217 bytes"):
        to_table({"id": [1], "name": ["x" * ((1 << 24) + 1)]}, SIMPLE)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (EXPECTED.drop_columns(["name"]), "'name' is missing"),
        (EXPECTED.append_column("more", EXPECTED["id"]), "'more' is not a column"),
        (EXPECTED.append_column("name", EXPECTED["name"]), "more than once"),
        (EXPECTED.append_column("_row_kind", EXPECTED["name"]), "use apply_changes"),
        ([{"id": 1}, {"id": "x"}], "'id', row 1: 'x'"),
        ([{"id": 1 << 63}], "'id', row 0"),
        ([{"id": 1, "other": 2}], "'other' is not a column"),
        ([{"name": "a"}], "'id' may not be null, row 0"),
        ([{"id": 1}, 5], "row 1 is int"),
        ([EXPECTED, EXPECTED.select(["id"])], "differ in their columns"),
        ({"id": [1, 2], "name": ["a"]}, "differ in length"),
        (42, "int is no table"),
        ("text", "str is no table"),
        (None, "NoneType is no table"),
        (pa.array([1]), "is no table"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_shapes_that_do_not_fit_are_refused(data: Any, reason: str) -> None:
    with pytest.raises(SchemaError) as caught:
        to_table(data, SIMPLE)
    assert reason in str(caught.value)


def test_streams_are_cut_and_gathered() -> None:
    big = pa.table({"id": range(10_000), "name": ["x"] * 10_000})
    small = pa.concat_tables([big.slice(index * 10, 10) for index in range(1_000)])
    for data in (big, small, small.to_reader()):
        parts = list(iter_tables(data, SIMPLE, batch_rows=3_000))
        assert all(0 < part.num_rows <= 3_000 for part in parts)
        assert len(parts) <= 5
        assert pa.concat_tables(parts)["id"].to_pylist() == list(range(10_000))


def test_rows_are_counted_across_batches() -> None:
    data = pa.table({"id": pa.chunked_array([range(10), [None]]), "name": ["x"] * 11})
    with pytest.raises(SchemaError, match="row 10 is"):
        list(iter_tables(data, SIMPLE, batch_rows=5))


def test_errors_of_the_source_are_its_own() -> None:
    def broken() -> Iterator[dict[str, int]]:
        yield {"id": 1}
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        to_table(broken(), SIMPLE)


# ---- changes


@pytest.mark.parametrize(
    "kinds",
    [
        pa.array(["+I", "-U", "+U", "-D"]),
        pa.array(["+I", "-U", "+U", "-D"], pa.large_string()),
        pa.array(["+I", "-U", "+U", "-D"]).dictionary_encode(),
        pa.array([0, 1, 2, 3], pa.uint8()),
        pa.array([0, 1, 2, 3], pa.int64()),
    ],
    ids=lambda kinds: str(kinds.type),
)
def test_row_kinds(kinds: pa.Array) -> None:
    table, codes = changes_table(
        pa.table({"_row_kind": kinds, "id": [1, 2, 3, 4], "name": list("abcd")}), SIMPLE
    )
    assert codes.tolist() == [0, 1, 2, 3]
    assert codes.dtype == np.uint8
    assert table.schema.equals(SIMPLE.arrow)
    assert table["id"].to_pylist() == [1, 2, 3, 4]


def test_changes_come_in_parts_too() -> None:
    rows = [{"id": index, "_row_kind": "-D" if index % 2 else "+I"} for index in range(10)]
    parts = list(iter_changes(rows, SIMPLE, batch_rows=4))
    assert [part.num_rows for part, _ in parts] == [4, 4, 2]
    assert np.concatenate([codes for _, codes in parts]).tolist() == [0, 3] * 5


@pytest.mark.parametrize(
    ("kinds", "reason"),
    [
        (["+I", "+X"], "row 1: _row_kind '+X'"),
        (["+I", None], "row 1: _row_kind None"),
        ([0, 4], "row 1: _row_kind 4"),
        ([-1, 0], "row 0: _row_kind -1"),
        ([0.0, 1.0], "_row_kind"),
    ],
)
def test_other_row_kinds_are_refused(kinds: list[Any], reason: str) -> None:
    with pytest.raises(SchemaError) as caught:
        changes_table(pa.table({"id": [1, 2], "name": ["a", "b"], "_row_kind": kinds}), SIMPLE)
    assert reason in str(caught.value)


def test_changes_need_their_kinds() -> None:
    with pytest.raises(SchemaError, match="'_row_kind' is missing"):
        changes_table(EXPECTED, SIMPLE)


# ---- keys

PAIR = new_schema(
    pa.schema([("value", pa.float64()), ("number", pa.int64()), ("text", pa.string())]),
    primary_key=["text", "number"],
)


@pytest.mark.parametrize(
    "keys",
    [
        [1, 2, 3],
        (1, 2, 3),
        iter([1, 2, 3]),
        np.array([1, 2, 3]),
        pa.array([1, 2, 3]),
        pa.chunked_array([[1], [2, 3]]),
        [{"id": 1}, {"id": 2, "name": "ignored"}, {"id": 3}],
        [(1,), (2,), (3,)],
        {"id": [1, 2, 3]},
        EXPECTED,
        EXPECTED.to_batches()[0],
        StreamOnly(EXPECTED),
    ],
    ids=lambda keys: type(keys).__name__,
)
def test_single_keys(keys: Any) -> None:
    table = keys_table(keys, SIMPLE)
    assert table.column_names == ["id"]
    assert table["id"].to_pylist() == [1, 2, 3]


def test_composite_keys_are_in_key_order() -> None:
    expected = {"text": ["a", "b"], "number": [1, 2]}
    for keys in (
        [("a", 1), ("b", 2)],
        [["a", 1], ["b", 2]],
        [{"number": 1, "text": "a"}, {"number": 2, "text": "b"}],
        pa.table({"number": [1, 2], "text": ["a", "b"], "value": [0.0, 0.0]}),
    ):
        assert keys_table(keys, PAIR).to_pydict() == expected


@pytest.mark.parametrize(
    ("keys", "schema", "reason"),
    [
        ([None], SIMPLE, "may not be null"),
        (["x"], SIMPLE, "row 0: 'x'"),
        ([(1, 2)], SIMPLE, "not a tuple of id"),
        ([{"name": 1}], SIMPLE, "lacks the column 'id'"),
        (pa.table({"x": [1]}), SIMPLE, "'id' is missing"),
        ([1], PAIR, "not a tuple of text, number"),
        ([("a",)], PAIR, "not a tuple of text, number"),
        ([("a", None)], PAIR, "'number' may not be null"),
        (np.array([1]), PAIR, "give a table, tuples or mappings"),
    ],
    ids=str,
)
def test_other_keys_are_refused(keys: Any, schema: TableSchema, reason: str) -> None:
    with pytest.raises(SchemaError) as caught:
        keys_table(keys, schema)
    assert reason in str(caught.value)


def test_one_key_is_told_from_many() -> None:
    ones: list[tuple[Any, TableSchema]] = [
        (5, SIMPLE), ("a", SIMPLE), (b"a", SIMPLE), ({"id": 1}, SIMPLE), (datetime.date(2020, 1, 1), SIMPLE),
        (pa.scalar(1), SIMPLE), (("a", 1), PAIR), ({"text": "a", "number": 1}, PAIR),
    ]  # fmt: skip
    many: list[tuple[Any, TableSchema]] = [
        ([5], SIMPLE), ((5, 6), SIMPLE), (np.array([1]), SIMPLE), (pa.array([1]), SIMPLE), ({"id": [1]}, SIMPLE),
        ([("a", 1)], PAIR), ((("a", 1), ("b", 2)), PAIR), (EXPECTED, SIMPLE),
    ]  # fmt: skip
    assert all(is_single_key(key, schema) for key, schema in ones)
    assert not any(is_single_key(key, schema) for key, schema in many)
