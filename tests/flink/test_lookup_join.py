"""Lookup joins in SQL on a standalone cluster: what is committed to the dimension is what the next row meets."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import tablestore as ts
from tests.flink.cluster import Cluster
from tests.flink.rest import RequestFailed, wait_for
from tests.flink.sql import Result, Session

ORDERS = pa.schema(
    [pa.field("number", pa.int64(), nullable=False), ("shop", pa.string()), ("item", pa.int32())]
)
ITEMS = pa.schema(
    [
        pa.field("shop", pa.string(), nullable=False),
        pa.field("item", pa.int32(), nullable=False),
        ("name", pa.string()),
        ("price", pa.float64()),
        ("shelf", pa.string()),
    ]
)
MODES = {
    "async": "",
    "sync": ", 'lookup.async' = 'false'",
    "cached": ", 'lookup.cache' = 'PARTIAL', 'lookup.partial-cache.max-rows' = '100'",
    "sync-cached": ", 'lookup.async' = 'false', 'lookup.cache' = 'PARTIAL', 'lookup.partial-cache.max-rows' = '100'",
    "from-files": ", 'lookup-memory' = '0 b'",
}


def orders_of(rows: Sequence[tuple[int, str | None, int | None]]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(ORDERS.names, row, strict=True)) for row in rows], ORDERS)


def items_of(rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(ITEMS.names, row, strict=True)) for row in rows], ITEMS)


class Shops:
    """A stream of orders and the dimension that it is joined with."""

    def __init__(self, session: Session, folder: Path, options: str = "") -> None:
        self.session = session
        self.orders = ts.create_table(folder / "orders", ORDERS, primary_key="number", buckets=1)
        self.items = ts.create_table(
            folder / "items", ITEMS, primary_key=["shop", "item"], partition_by="shelf", buckets=2
        )
        self.items.upsert(
            items_of([("a", 1, "pen", 1.5, "left"), ("a", 2, None, 0.5, "right"), ("b", 1, "ink", 4.0, None)])
        )
        self.number = 0
        session.execute(
            "CREATE TABLE orders (number BIGINT, shop STRING, item INT, moment AS PROCTIME(), "
            "PRIMARY KEY (number) NOT ENFORCED) WITH ('connector' = 'tablestore', "
            f"'table-path' = '{folder}/orders', 'num-buckets' = '1', 'scan.poll-interval' = '50 ms')"
        )
        session.execute(
            "CREATE TABLE items (shop STRING, item INT, name STRING, price DOUBLE, shelf STRING, "
            "PRIMARY KEY (shop, item) NOT ENFORCED) PARTITIONED BY (shelf) WITH ('connector' = 'tablestore', "
            f"'table-path' = '{folder}/items', 'num-buckets' = '2'{options})"
        )

    def query(self, columns: str, condition: str, kind: str = "LEFT JOIN", more: str = "") -> Result:
        return self.session.start(
            f"SELECT o.number, {columns} FROM orders AS o {kind} items FOR SYSTEM_TIME AS OF o.moment AS i "
            f"ON {condition} {more}"
        )

    def order(self, *pairs: tuple[str | None, int | None]) -> list[int]:
        """New orders in one commit; their numbers."""
        first = self.number + 1
        self.number += len(pairs)
        numbers = list(range(first, self.number + 1))
        self.orders.upsert(orders_of([(number, *pair) for number, pair in zip(numbers, pairs, strict=True)]))
        return numbers


@pytest.mark.parametrize("mode", MODES)
def test_rows_meet_the_newest_snapshot(cluster: Cluster, session: Session, tmp_path: Path, mode: str) -> None:
    shops = Shops(session, tmp_path, MODES[mode])
    query = shops.query("i.name, i.price, i.shelf", "i.item = o.item AND i.shop = o.shop")
    shops.order(("a", 1), ("a", 2), ("b", 1), ("b", 9), (None, 1), ("a", None))
    assert sorted(query.rows(6)) == [
        ("+I", (1, "pen", 1.5, "left")),
        ("+I", (2, None, 0.5, "right")),
        ("+I", (3, "ink", 4.0, None)),
        ("+I", (4, None, None, None)),
        ("+I", (5, None, None, None)),
        ("+I", (6, None, None, None)),
    ]
    shops.items.upsert(items_of([("a", 1, "pen", 2.0, "right"), ("c", 1, "mug", 9.0, "left")]))
    shops.items.delete([{"shop": "b", "item": 1}])
    shops.items.compact(full=True)
    shops.order(("a", 1), ("b", 1), ("c", 1))
    if "cached" in mode:
        expected: list[tuple[Any, ...]] = [
            (7, "pen", 1.5, "left"),
            (8, "ink", 4.0, None),
            (9, "mug", 9.0, "left"),
        ]
    else:
        expected = [(7, "pen", 2.0, "right"), (8, None, None, None), (9, "mug", 9.0, "left")]
    assert sorted(query.rows(3)) == [("+I", row) for row in expected]
    query.close()


def test_changes_of_the_stream_are_joined_in_order(
    cluster: Cluster, session: Session, tmp_path: Path
) -> None:
    shops = Shops(session, tmp_path)
    query = shops.query("i.name", "i.item = o.item AND i.shop = o.shop")
    shops.order(("a", 1))
    assert query.rows(1) == [("+I", (1, "pen"))]
    shops.orders.upsert(orders_of([(1, "b", 1)]))
    assert query.rows(2) == [("-U", (1, "pen")), ("+U", (1, "ink"))]
    shops.orders.delete([1])
    assert query.rows(1) == [("-D", (1, "ink"))]
    query.close()


def test_more_conditions_and_constants(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    """Besides the key: a column that is compared, filters that the table takes and that Flink keeps, a constant."""
    shops = Shops(session, tmp_path)
    on = "o.shop = i.shop AND o.item = i.item"
    queries: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
        "i.price": (f"{on} AND i.name = o.shop || 'en'", [(1, None), (2, None), (3, None)]),
        "i.name": (f"{on} AND i.price > 1.0", [(1, "pen"), (2, None), (3, "ink")]),
        "i.shelf": (f"{on} AND CHAR_LENGTH(i.shelf) = 4", [(1, "left"), (2, None), (3, None)]),
        "i.shop": ("o.item = i.item AND i.shop = 'a'", [(1, "a"), (2, "a"), (3, "a")]),
        "1": (on, [(1, 1), (2, 1), (3, 1)]),
    }
    shops.order(("a", 1), ("a", 2), ("b", 1))
    session.option("parallelism.default", "1")  # they run side by side, with a slot for each
    running = [shops.query(columns, condition) for columns, (condition, _) in queries.items()]
    inner = shops.query(
        "i.price", f"{on} AND i.name = SUBSTRING('pencil' FROM 1 FOR 3)", "JOIN", "WHERE i.price < 3"
    )
    for query, (condition, expected) in zip(running, queries.values(), strict=True):
        assert sorted(query.rows(3)) == [("+I", row) for row in expected], condition
        query.close()
    assert inner.rows(1) == [("+I", (1, 1.5))]
    inner.close()


def test_what_cannot_be_planned(cluster: Cluster, session: Session, tmp_path: Path) -> None:
    shops = Shops(session, tmp_path)
    for condition, message in (
        ("i.item = o.item", "must compare all columns of the primary key"),
        ("i.name = o.shop", "must compare all columns of the primary key"),
    ):
        with pytest.raises(RequestFailed, match=message):
            shops.query("i.name", condition).rows(1)
    session.execute("CREATE TABLE kept LIKE items")
    session.execute("ALTER TABLE kept SET ('lookup.cache' = 'FULL')")
    with pytest.raises(RequestFailed, match="'FULL' is not possible"):
        session.start(
            "SELECT i.name FROM orders AS o JOIN kept FOR SYSTEM_TIME AS OF o.moment AS i "
            "ON i.item = o.item AND i.shop = o.shop"
        ).rows(1)


def none_alive(cluster: Cluster, killed: set[int]) -> bool:
    return not killed & cluster.workers_of("lookup")


def test_a_killed_worker_is_replaced_and_the_job_goes_on(
    cluster: Cluster, session: Session, tmp_path: Path
) -> None:
    shops = Shops(session, tmp_path, f", 'python.executable' = '{cluster.watched_python}'")
    query = shops.query("i.name", "i.item = o.item AND i.shop = o.shop")
    shops.order(("a", 1))
    assert query.rows(1) == [("+I", (1, "pen"))]
    for number in range(2, 5):
        killed = cluster.workers_of("lookup")
        assert killed
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        wait_for("dead workers", 10, partial(none_alive, cluster, killed))
        shops.order(("a", 1))
        assert query.rows(1) == [("+I", (number, "pen"))]
    assert not cluster.failures(query.job)
    query.close()
