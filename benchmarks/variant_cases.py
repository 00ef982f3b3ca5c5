"""Tables that differ from the usual one in one respect each: how their rows look and which rows are updated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.workload import random_rows

Ids = npt.NDArray[np.int64]
_DASHES = (8, 12, 16, 20)  # hexadecimal digits of a UUID before each dash


def usual_rows(random: np.random.Generator, ids: Ids) -> pa.Table:
    """int64 id, two strings, int32, double."""
    return random_rows(random, ids)


def uniform(random: np.random.Generator, count: int) -> Ids:
    """A tenth of the rows, drawn from a range 6 % wider: most replace a row, some are new."""
    return random.choice(count + count * 6 // 100, count // 10, replace=False).astype(np.int64)


def skewed(random: np.random.Generator, count: int) -> Ids:
    """A tenth of the rows, zipf: few ids take most of the updates; the same id may come many times in a commit."""
    ranks = random.zipf(1.2, count // 10)
    scattered = (ranks.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(1)
    return (scattered % np.uint64(count)).astype(np.int64)


@dataclass(frozen=True)
class Case:
    """rows: Arrow rows with these ids and fresh values, among them `age` and `salary`. draw: ids of one commit of
    upserts into a table of so many rows. share: of the rows that other cases have. sequence: column that decides
    which row of a key is the newest."""

    name: str
    title: str
    about: str
    rows: Callable[[np.random.Generator, Ids], pa.Table] = usual_rows
    primary_key: tuple[str, ...] = ("id",)
    draw: Callable[[np.random.Generator, int], Ids] = uniform
    share: float = 1.0
    sequence: str | None = None
    options: dict[str, str | int] = field(default_factory=dict)


def _with_key(table: pa.Table, keys: dict[str, pa.Array]) -> pa.Table:
    columns = [pa.field(name, array.type, nullable=False) for name, array in keys.items()]
    rest = table.drop_columns(["id"])
    return pa.table([*keys.values(), *rest.columns], schema=pa.schema([*columns, *rest.schema]))


def user_rows(random: np.random.Generator, ids: Ids) -> pa.Table:
    """Keys such as user_0001234."""
    digits = pc.utf8_lpad(pc.cast(pa.array(ids), pa.string()), 7, "0")
    return _with_key(random_rows(random, ids), {"id": pc.binary_join_element_wise("user", digits, "_")})


def uuid_rows(random: np.random.Generator, ids: Ids) -> pa.Table:
    """Keys such as 0b3a7f52-6b1e-48d0-9d6c-1f0a6a3f6f0e; the same id always has the same text."""
    return _with_key(random_rows(random, ids), {"id": uuid_texts(ids)})


def uuid_texts(ids: Ids) -> pa.Array:
    """The UUID text of each id, by mixing its bits."""
    halves = np.stack([_mixed(ids, 1), _mixed(ids, 2)], axis=1).astype(">u8")
    digits = np.frombuffer(halves.tobytes().hex().encode(), np.uint8).reshape(-1, 32)
    texts = np.insert(digits, _DASHES, ord("-"), axis=1)
    offsets = np.arange(len(ids) + 1, dtype=np.int32) * 36
    return pa.StringArray.from_buffers(len(ids), pa.py_buffer(offsets), pa.py_buffer(texts.tobytes()))


def _mixed(ids: Ids, salt: int) -> npt.NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection that spreads every bit."""
    mixed = ids.astype(np.uint64) * np.uint64(4) + np.uint64(salt)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def composite_rows(random: np.random.Generator, ids: Ids) -> pa.Table:
    """Keys of an int32 and a text."""
    names = pc.binary_join_element_wise("item", pc.cast(pa.array(ids // 97), pa.string()), "-")
    return _with_key(random_rows(random, ids), {"shop": pa.array((ids % 97).astype(np.int32)), "item": names})


def null_rows(random: np.random.Generator, ids: Ids) -> pa.Table:
    """A fifth of the values of every column but the key is null."""
    table = random_rows(random, ids)
    for index, name in enumerate(table.column_names):
        if name != "id":
            missing = pa.array(random.random(len(ids)) < 0.2)
            column = pc.if_else(missing, pa.scalar(None, table.schema.field(name).type), table.column(name))
            table = table.set_column(index, table.schema.field(name), column)
    return table


def wide_rows(random: np.random.Generator, ids: Ids) -> pa.Table:
    """40 columns: the usual five and 35 more, of seven kinds five times each."""
    table = random_rows(random, ids)
    count = len(ids)
    for group in range(5):
        other = random_rows(random, ids)
        more = {
            "small": pa.array(random.integers(0, 100, count, dtype=np.int32)),
            "large": pa.array(random.integers(0, 1 << 40, count)),
            "price": pa.array(random.integers(0, 1_000_000, count) / 100.0),
            "noise": pa.array(random.random(count)),
            "flag": pa.array(random.random(count) < 0.3),
            "label": other.column("city"),
            "text": other.column("name"),
        }
        for name, column in more.items():
            table = table.append_column(f"{name}_{group}", column)
    return table


def versioned_rows(random: np.random.Generator, ids: Ids) -> pa.Table:
    """An int64 column decides which row is the newest; some rows come late."""
    versions = random.integers(0, 1 << 60, len(ids))
    return random_rows(random, ids).append_column("version", pa.array(versions))


_ALL = (
    Case("int64", "int64 key", "the usual rows: int64 key, two texts, int32, double"),
    Case("user", "key user_0001234", "12-byte text key", user_rows),
    Case("uuid", "UUID text key", "36-byte random text key", uuid_rows),
    Case("composite", "key (int32, string)", "key of an int32 and a text", composite_rows, ("shop", "item")),
    Case("nulls", "nulls", "20 % nulls in every value column", null_rows),
    Case("wide", "40 columns", "numbers, flags and texts", wide_rows),
    Case("zipf", "zipf updates", "few keys take most of the updates", draw=skewed),
    Case(
        "sequence", "sequence field", "an int64 column decides which row is the newest", versioned_rows,
        sequence="version", options={"sequence.field": "version"},
    ),
)  # fmt: skip
CASES = {case.name: case for case in _ALL}
