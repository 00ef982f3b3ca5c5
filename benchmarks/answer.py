"""What a query returned, as numbers that do not depend on row order or on Arrow's string type.

Two systems agree when every number agrees. The digest ties all values of a row together, so values that
landed on the wrong row, a stale version of a row, or a lost row all show.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Answer = dict[str, int]
Hashes = npt.NDArray[np.uint64]

_COLUMN_SALT = {"id": 1, "name": 2, "city": 3, "age": 4, "salary": 5}
_BATCH_ROWS = 1 << 16


def answer_of(table: pa.Table) -> Answer:
    """Rows, column sums (salary in cents) and a digest, for whichever workload columns are present."""
    answer: Answer = {"rows": table.num_rows}
    digest = 0
    sums = dict.fromkeys((name for name in ("id", "age", "salary") if name in table.column_names), 0)
    for batch in table.to_batches(max_chunksize=_BATCH_ROWS):
        hashes: Hashes = np.zeros(batch.num_rows, dtype=np.uint64)
        for name, salt in _COLUMN_SALT.items():
            if name in batch.schema.names:
                column = batch.column(name)
                hashes += _mix(_column_bits(name, column) + np.uint64(salt << 56))
                if name in sums:
                    sums[name] += int(_integers(name, column).sum())
        digest = (digest + int(_mix(hashes).sum(dtype=np.uint64))) % 2**64
    return answer | {f"sum_{name}": total for name, total in sums.items()} | {"digest": digest}


def _integers(name: str, column: pa.Array) -> npt.NDArray[np.int64]:
    values = column.to_numpy(zero_copy_only=False)
    integers: npt.NDArray[np.int64] = (np.rint(values * 100) if name == "salary" else values).astype(np.int64)
    return integers


def _column_bits(name: str, column: pa.Array) -> Hashes:
    if name in ("name", "city"):
        return _string_hashes(column)
    return _integers(name, column).view(np.uint64)


def _string_hashes(column: pa.Array) -> Hashes:
    """uint64[n]: sum of byte times a weight of its position in the string, which any change of text moves."""
    text = pc.cast(pc.cast(column, pa.large_string()), pa.large_binary())
    offsets = np.frombuffer(text.buffers()[1], dtype=np.int64)[text.offset : text.offset + len(text) + 1]
    data = np.frombuffer(text.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]].astype(np.uint64)
    starts = (offsets - offsets[0])[:-1]
    lengths = np.diff(offsets)
    positions = np.arange(len(data), dtype=np.uint64) - np.repeat(starts, lengths).astype(np.uint64)
    weighted = (data + np.uint64(1)) * _mix(positions)
    running: Hashes = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(weighted)])
    sums: Hashes = running[starts + lengths] - running[starts]
    return sums


def _mix(values: Hashes) -> Hashes:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection that spreads every bit."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
