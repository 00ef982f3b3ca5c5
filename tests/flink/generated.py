"""What a `tsgen` table leaves behind, recomputed with NumPy: the oracle of the tests on clusters.

The arithmetic is that of `GeneratedRows` in the connector's tests; the two share no code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

U64 = npt.NDArray[np.uint64]
DEPARTMENTS = ("Engineering", "Marketing", "Sales", "Finance", "Support", "Research", "Legal", "Operations")
GOLDEN = 0x9E3779B97F4A7C15
COLUMNS = "id BIGINT, name STRING, age INT, salary DOUBLE, department STRING, PRIMARY KEY (id) NOT ENFORCED"


def mix(value: U64) -> U64:
    """The finalizer of MurmurHash3."""
    z: U64 = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    z = (z ^ (z >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return z ^ (z >> np.uint64(33))


@dataclass(frozen=True)
class Generated:
    """A stream of upserts and deletes with random keys. Its table is `COLUMNS`."""

    rows: int
    keys: int
    splits: int = 6
    seed: int = 1
    deletes: float = 0.125
    rows_per_second: float = 0.0
    gate: str = ""  # a file: until it exists rows have their rate, and the last ones wait

    def ddl(self, name: str = "changes") -> str:
        """The table that generates the stream."""
        options = {
            "connector": "tsgen",
            "rows": self.rows,
            "keys": self.keys,
            "splits": self.splits,
            "seed": self.seed,
            "deletes": self.deletes,
            "updates": "true",
            "rows-per-second": self.rows_per_second,
            "gate": self.gate,
        }
        listed = ", ".join(f"'{key}' = '{value}'" for key, value in options.items())
        return f"CREATE TABLE {name} ({COLUMNS}) WITH ({listed})"

    def _last_of_split(self, split: int) -> tuple[U64, U64]:
        """The keys of a split, and the last step of each."""
        steps: U64 = np.arange(self.rows // self.splits, dtype=np.uint64)
        keys_of_split = self.keys // self.splits
        start = np.uint64((self.seed * GOLDEN + split) % (1 << 64))
        place = ((mix(steps + start) >> np.uint64(32)) * np.uint64(keys_of_split)) >> np.uint64(32)
        last: npt.NDArray[np.int64] = np.full(keys_of_split, -1, dtype=np.int64)
        np.maximum.at(last, place.astype(np.int64), steps.astype(np.int64))
        met = np.flatnonzero(last >= 0)
        return met.astype(np.uint64) * np.uint64(self.splits) + np.uint64(split), last[met].astype(np.uint64)

    def table(self) -> pa.Table:
        """What is left at the end, ordered by id."""
        parts = [self._last_of_split(split) for split in range(self.splits)]
        key = np.concatenate([part[0] for part in parts])
        step = np.concatenate([part[1] for part in parts])
        bits = mix(key * np.uint64(GOLDEN) + step + np.uint64(self.seed))
        kept = ((bits >> np.uint64(32)) & np.uint64(511)) >= round(self.deletes * 512)
        order = np.argsort(key[kept])
        key, bits = key[kept][order], bits[kept][order]
        digits = pc.utf8_lpad(pa.array((bits >> np.uint64(41)).astype(np.int64)).cast("string"), 11, "0")
        cents = np.uint64(3_000_000) + ((bits >> np.uint64(9)) & np.uint64(0x7FFFFF))
        place = ((bits >> np.uint64(6)) & np.uint64(7)).astype(np.int64)
        return pa.table(
            {
                "id": pa.array(key.astype(np.int64)),
                "name": pc.binary_join_element_wise("n", digits, ""),
                "age": pa.array((np.uint64(18) + (bits & np.uint64(63))).astype(np.int32)),
                "salary": pa.array(cents.astype(np.float64) / 100.0),
                "department": pa.array(DEPARTMENTS).take(pa.array(place)),
            }
        )


def differences(found: pa.Table, expected: pa.Table) -> str:
    """What differs between a table's content and what it should be; empty if nothing does."""
    found = found.select(expected.column_names).sort_by("id")
    if found.num_rows != expected.num_rows:
        both = set(found["id"].to_pylist()) ^ set(expected["id"].to_pylist())
        return f"{found.num_rows} rows instead of {expected.num_rows}; keys on one side: {sorted(both)[:10]}"
    for name in expected.column_names:
        same = pc.equal(found[name].combine_chunks(), expected[name].combine_chunks())
        if same.null_count or not pc.all(same).as_py():
            first = same.to_pylist().index(False) if not same.null_count else 0
            rows = found.slice(first, 1).to_pylist(), expected.slice(first, 1).to_pylist()
            return f"column {name} differs first at {rows[0]} instead of {rows[1]}"
    return ""
