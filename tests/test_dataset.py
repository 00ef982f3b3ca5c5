"""Tables as pyarrow datasets: everything that the base class offers, and engines that push into the scan."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

import tablestore as ts
from tablestore.dataset import Fragment, TableDataset
from tablestore.lsm.scan import ScanRequest

SCHEMA = pa.schema([pa.field("id", pa.int64(), nullable=False), ("name", pa.string()), ("age", pa.int32())])
ROWS = pa.table(
    {
        "id": range(100),
        "name": [f"n{i}" for i in range(100)],
        "age": [i % 50 if i % 7 else None for i in range(100)],
    },
    schema=SCHEMA,
)
OLD = pc.field("age") > 40


@pytest.fixture
def table(tmp_path: Path) -> ts.Table:
    made = ts.create_table(str(tmp_path / "t"), SCHEMA, primary_key=["id"], buckets=2)
    made.upsert(
        ROWS.set_column(2, SCHEMA.field(2), pa.array([45] * 100, pa.int32()))
    )  # rows that must not come back
    made.upsert(ROWS)
    return made


@pytest.fixture
def dataset(table: ts.Table) -> TableDataset:
    return table.to_dataset()


def same(found: pa.Table, expected: pa.Table) -> bool:
    return bool(found.sort_by("id").equals(expected.sort_by("id")))


def test_no_member_is_inherited() -> None:
    """Inherited members crash the process: they use a C++ dataset that is not there."""
    names = {name for name in dir(ds.Dataset) if not name.startswith("__")}
    assert names <= set(vars(TableDataset))


def test_reads(dataset: TableDataset) -> None:
    expected = ROWS.filter(OLD)
    assert dataset.schema == SCHEMA
    assert same(dataset.to_table(), ROWS)
    assert same(dataset.to_table(filter=OLD), expected)
    assert same(pa.Table.from_batches(dataset.to_batches(filter=OLD)), expected)
    assert same(dataset.scanner(columns=["id"], filter=OLD).to_table(), expected.select(["id"]))
    assert dataset.count_rows() == 100
    assert dataset.count_rows(filter=OLD) == expected.num_rows
    assert dataset.scanner(columns=[], filter=OLD).count_rows() == expected.num_rows
    assert dataset.head(7).num_rows == 7
    assert dataset.take([3, 5]).equals(dataset.to_table().take([3, 5]))
    twice = dataset.to_table(columns={"id": pc.field("id"), "twice": pc.field("age") * 2}, filter=OLD)
    assert twice.column("twice").to_pylist() == [
        2 * age for age in dataset.to_table(filter=OLD)["age"].to_pylist()
    ]


def test_other_members(dataset: TableDataset) -> None:
    young = dataset.filter(OLD).filter(pc.field("id") < 50)
    assert same(young.to_table(), ROWS.filter(OLD & (pc.field("id") < 50)))
    (fragment,) = young.get_fragments(filter=pc.field("id") > 45)
    assert isinstance(fragment, Fragment)
    assert same(
        fragment.scanner().to_table(), ROWS.filter(OLD & (pc.field("id") < 50) & (pc.field("id") > 45))
    )
    assert dataset.sort_by([("id", "descending")]).to_table()["id"].to_pylist() == list(range(99, -1, -1))
    assert dataset.join(dataset, "id", right_suffix="_2").to_table().num_rows == 100
    assert dataset.partition_expression.equals(pc.scalar(True))
    with pytest.raises(ts.SchemaError, match="cannot be replaced"):
        dataset.replace_schema(SCHEMA)
    with pytest.raises(TypeError, match="other process"):
        pickle.dumps(dataset)
    assert "TableDataset" in repr(dataset)


def test_a_dataset_stays_at_its_version(table: ts.Table, dataset: TableDataset) -> None:
    older = table.at(version=2).to_dataset()
    table.upsert([{"id": 1000, "name": "new", "age": 1}])
    table.compact(full=True)
    table.expire_snapshots(keep_last=1)
    assert same(dataset.to_table(), ROWS)
    assert table.to_dataset().count_rows() == 101
    assert older.count_rows(filter=pc.field("age") == 45) == 100


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[ScanRequest]:
    """Every scan's request."""
    from tablestore.lsm import scan

    made: list[ScanRequest] = []
    begin = scan.Scan.__init__

    def remember(self: Any, source: Any, schema: Any, cache: Any, request: ScanRequest) -> None:
        made.append(request)
        begin(self, source, schema, cache, request)

    monkeypatch.setattr(scan.Scan, "__init__", remember)
    return made


def test_duckdb_pushes_down(dataset: TableDataset, requests: list[ScanRequest]) -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        connection.register("people", dataset)
        found = connection.sql(
            "select id, name from people where age > 40 and id in (41, 45, 91, 95)"
        ).fetchall()
        assert sorted(found) == [(41, "n41"), (45, "n45"), (95, "n95")]
        counted = connection.sql("select count(*) from people where age > 40").fetchall()
        assert counted == [(ROWS.filter(OLD).num_rows,)]
    assert all(request.condition is not None for request in requests)
    assert {field.name for request in requests for field in request.fields} <= {"id", "name"}


def test_polars_pushes_down(dataset: TableDataset, requests: list[ScanRequest]) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.scan_pyarrow_dataset(dataset).filter(polars.col("age") > 40).select("id", "age")
    assert sorted(frame.collect()["id"].to_list()) == ROWS.filter(OLD)["id"].to_pylist()
    assert requests[-1].condition is not None
    assert {field.name for field in requests[-1].fields} == {"id", "age"}
