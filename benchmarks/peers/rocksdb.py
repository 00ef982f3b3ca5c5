"""RocksDB through rocksdict: big-endian id -> one packed row, a write batch per commit, each flushed.

Scans are timed without unpacking the rows: they show what the engine itself costs from Python.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pyarrow as pa
from rocksdict import BlockBasedOptions, Cache, DBCompressionType, Options, Rdict, WriteBatch, WriteOptions

from benchmarks.peers.phases import THREADS, Keys, Peer, run
from benchmarks.workload import SCHEMA

BLOCK_CACHE = 256 << 20
_FIXED = struct.Struct("<idHH")  # age, salary, bytes of name, bytes of city; then the two texts


class RocksDB(Peer):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_compression_type(DBCompressionType.zstd())
        options.increase_parallelism(THREADS)
        table_options = BlockBasedOptions()
        table_options.set_bloom_filter(10, False)
        table_options.set_block_cache(Cache(BLOCK_CACHE))
        options.set_block_based_table_factory(table_options)
        self.database = Rdict(str(directory / "db"), options)
        self.durable = WriteOptions()
        self.durable.sync = True

    def load(self, rows: pa.Table) -> None:
        keys = rows.column("id").to_numpy().astype(">i8").tobytes()
        batch = WriteBatch(raw_mode=True)
        columns = (rows.column(name).to_pylist() for name in ("name", "city", "age", "salary"))
        for position, (name, city, age, salary) in enumerate(zip(*columns, strict=True)):
            name, city = name.encode(), city.encode()
            row = _FIXED.pack(age, salary, len(name), len(city)) + name + city
            batch.put(keys[8 * position : 8 * position + 8], row)
        self.database.write(batch, self.durable)
        self.database.flush()

    upsert = load

    def scan(self) -> list[tuple[bytes, bytes]]:
        return list(self.database.items())

    def lookup(self, keys: Keys) -> list[tuple[bytes, bytes]]:
        packed = keys.astype(">i8").tobytes()
        wanted = [packed[start : start + 8] for start in range(0, len(packed), 8)]
        rows = self.database.get(wanted)
        return [(key, row) for key, row in zip(wanted, rows, strict=True) if row is not None]

    def get(self, key: int) -> tuple[bytes, bytes] | None:
        packed = key.to_bytes(8, "big")
        row = self.database.get(packed)
        return None if row is None else (packed, row)

    def got_as_arrow(self, found: list[Any]) -> pa.Table:
        return self.as_arrow(found)

    def compact(self) -> None:
        self.database.compact_range(None, None)

    def as_arrow(self, result: Any) -> pa.Table:
        ids, names, cities, ages, salaries = [], [], [], [], []
        for key, row in result:
            age, salary, name_size, city_size = _FIXED.unpack_from(row)
            text = row[_FIXED.size :]
            ids.append(int.from_bytes(key, "big"))
            names.append(text[:name_size].decode())
            cities.append(text[name_size : name_size + city_size].decode())
            ages.append(age)
            salaries.append(salary)
        return pa.table([ids, names, cities, ages, salaries], schema=SCHEMA)

    def close(self) -> None:
        self.database.close()


if __name__ == "__main__":
    run("rocksdb", RocksDB)
