"""SSTs as they are written: the reference reads them, whatever the cuts, and they stand alone without their table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.file.sst_reader import Expected, SstReader
from tablestore.reference.sst import decode_sst
from tablestore.verify import verify_file
from tests.damage.memory_store import MemoryStore, load

SCHEMA = pa.schema(
    [
        pa.field("k", pa.string(), nullable=False), ("a", pa.int64()), ("b", pa.float64()), ("c", pa.bool_()),
        ("d", pa.list_(pa.field("element", pa.int16()))), ("e", pa.binary()),
        pa.field("f", pa.date32(), nullable=False),
    ]
)  # fmt: skip
SETTINGS: tuple[dict[str, Any], ...] = (
    {"block-rows": 1}, {"block-rows": 7}, {"block-rows": 64}, {}, {"block-bytes": 1024}, {"compression": "none"},
    {"compression-level": 19, "filter-bits-per-key": 32}, {"filter-bits-per-key": 0},
)  # fmt: skip


def rows(count: int) -> list[dict[str, Any]]:
    return [
        {
            "k": f"key {i:05d}", "a": None if i % 5 == 0 else i * i, "b": i / 4, "c": i % 3 == 0,
            "d": None if i % 7 == 0 else list(range(i % 4)), "e": b"\0" * (i % 300), "f": i,
        }
        for i in range(count)
    ]  # fmt: skip


def file_of(path: Path, count: int, options: dict[str, Any]) -> tuple[str, bytes, ts.Table]:
    chosen = {"compaction": "manual", "durability": "none", **options}
    table = ts.create_table(path, SCHEMA, primary_key="k", options=chosen)
    data = pa.Table.from_pylist([{**row, "f": None} for row in rows(count)], schema=_loose())
    dates = pa.array(range(count), pa.int32()).view(pa.date32())
    table.upsert(data.set_column(data.schema.get_field_index("f"), SCHEMA.field("f"), dates))
    (name,) = table.files().column("path").to_pylist()
    return name, (path / name).read_bytes(), table


def _loose() -> pa.Schema:
    return pa.schema([pa.field(field.name, field.type) for field in SCHEMA])


@pytest.mark.parametrize("options", SETTINGS, ids=str)
@pytest.mark.parametrize("count", [1, 65, 700])
def test_the_reference_reads_what_is_written(table_path: Path, options: dict[str, Any], count: int) -> None:
    name, data, table = file_of(table_path, count, options)
    found = decode_sst(data)
    decoded = [row.values for row in found.rows()]
    assert [row["k"] for row in decoded] == [row["k"] for row in rows(count)]
    assert [row["a"] for row in decoded] == [row["a"] for row in rows(count)]
    assert [row["c"] for row in decoded] == [row["c"] for row in rows(count)]
    assert [row["d"] for row in decoded] == [row["d"] for row in rows(count)]
    assert [row["e"] for row in decoded] == [row["e"] for row in rows(count)]
    assert [row["f"] for row in decoded] == list(range(count))
    assert sum(found.directory.rows) == count
    assert max(found.directory.rows) <= options.get("block-rows", 8192)
    assert len(found.data) == table.files().column("bytes")[0].as_py()
    assert name.endswith(f"{found.file_id.hex()}.sst")


def test_a_file_stands_alone(table_path: Path) -> None:
    """Without its table a file is checked against itself; with an entry against that."""
    name, data, _ = file_of(table_path, 50, {})
    store = MemoryStore(load(table_path))
    assert verify_file(store, name) == []
    with SstReader(store, name, Expected(size=len(data))) as reader:
        assert reader.footer.row_count == 50
    for wrong in (
        Expected(size=len(data) + 1),
        Expected(digest=1),
        Expected(file_id="0" * 32),
        Expected(table="0" * 32),
    ):
        with pytest.raises(ts.FormatError) as caught:
            SstReader(store, name, wrong)
        assert caught.value.file == name
    store.files[name] = data[:100] + bytes([data[100] ^ 1]) + data[101:]
    (finding,) = verify_file(store, name)
    assert (finding.code, finding.file) == ("checksum-mismatch", name)
    assert finding.offset is not None


def test_wide_rows_make_small_blocks(table_path: Path) -> None:
    """Blocks end where their bytes are enough (spec §5.2), and one row may be a block."""
    table = ts.create_table(
        table_path, pa.schema([pa.field("k", pa.int64(), nullable=False), ("v", pa.binary())]), primary_key="k",
        options={"block-bytes": 1024, "durability": "none", "compaction": "manual"},
    )  # fmt: skip
    values = [b"x" * size for size in (10, 2000, 1, 1, 5000, 700, 700, 700)]
    table.upsert({"k": list(range(8)), "v": values})
    (name,) = table.files().column("path").to_pylist()
    directory = decode_sst((table_path / name).read_bytes()).directory
    assert sum(directory.rows) == 8
    assert len(directory.rows) > 3
    assert table.scan().to_arrow()["v"].to_pylist() == values


def test_many_rows_in_pieces(table_path: Path) -> None:
    """A compaction appends window by window; the file is the same sorted whole."""
    table = ts.create_table(
        table_path, pa.schema([pa.field("k", pa.int64(), nullable=False), ("v", pa.int64())]), primary_key="k",
        options={"block-rows": 100, "durability": "none", "compaction": "manual"},
    )  # fmt: skip
    for start in range(4):
        table.upsert({"k": list(range(start, 4000, 4)), "v": [start] * 1000})
    table.compact(full=True)
    (name,) = table.files().column("path").to_pylist()
    found = decode_sst((table_path / name).read_bytes())
    assert [row.values["k"] for row in found.rows()] == list(range(4000))
    assert table.verify(deep=True).ok
