"""What this machine does per second: copies, page faults, checksums, zstd, reads, fsyncs, and today's kernels."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import zstandard

from benchmarks import bench_block, bench_merge
from benchmarks.workload import random_rows
from tablestore import types
from tablestore._native import bloom, checksum
from tablestore._native import hash as hashing
from tablestore.file import keys, vector
from tablestore.types import ColumnType

CHUNK = 128 << 20
REPEATS = 5
PAGE = 4096
BITS_PER_KEY = 12
SYNCS = 20


@dataclass(frozen=True)
class Primitives:
    """Rates in 10^9 bytes a second of one core unless said otherwise; seconds."""

    copy_one: float
    copy_both: float
    page_fault_nanos: float
    checksum: float
    zstd_in: float
    zstd_out: float
    page_cache: float
    small_read: float
    sync_seconds: float


@dataclass(frozen=True)
class Kernels:
    """Nanoseconds per row of one core, by column."""

    encode: Mapping[str, float]
    decode: Mapping[str, float]
    gather: Mapping[str, float]
    sort: float
    merge: float
    bloom: float


def least(call: Callable[[], Any]) -> float:
    """Least seconds of a few calls."""
    samples = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        call()
        samples.append(time.perf_counter() - started)
    return min(samples)


def measure_primitives(scratch: Path) -> Primitives:
    """Some seconds."""
    one, both = _copies()
    text = "\n".join(
        random_rows(np.random.default_rng(1), np.arange(400_000)).column("name").to_pylist()
    ).encode()
    blocks = [text[start : start + 110_000] for start in range(0, len(text), 110_000)]
    compressor, decompressor = zstandard.ZstdCompressor(level=1), zstandard.ZstdDecompressor()
    packed = [compressor.compress(block) for block in blocks]
    source = np.frombuffer(os.urandom(1 << 20) * 64, np.uint8)
    page_cache, small = _reads(scratch)
    return Primitives(
        copy_one=one,
        copy_both=both,
        page_fault_nanos=_page_fault(),
        checksum=len(source) / 1e9 / least(lambda: checksum.crc32c(source)),
        zstd_in=len(text) / 1e9 / least(lambda: [compressor.compress(block) for block in blocks]),
        zstd_out=len(text) / 1e9 / least(lambda: [decompressor.decompress(block) for block in packed]),
        page_cache=page_cache,
        small_read=small,
        sync_seconds=_sync(scratch),
    )


def _copies() -> tuple[float, float]:
    """GB/s copied by one thread, and by two threads together."""
    pairs = [(np.zeros(CHUNK, np.uint8), np.ones(CHUNK, np.uint8)) for _ in range(2)]
    for target, source in pairs:
        np.copyto(target, source)
    one = least(lambda: np.copyto(*pairs[0]))
    with ThreadPoolExecutor(2) as pool:
        both = least(lambda: list(pool.map(lambda pair: np.copyto(*pair), pairs)))
    return CHUNK / 1e9 / one, 2 * CHUNK / 1e9 / both


def _page_fault() -> float:
    """Nanoseconds that the first write to a page costs more than the second."""
    first, second = [], []
    for _ in range(REPEATS):
        memory = np.empty(CHUNK, np.uint8)
        for samples in (first, second):
            started = time.perf_counter()
            memory[::PAGE] = 1
            samples.append(time.perf_counter() - started)
        del memory
    return (min(first) - min(second)) * 1e9 / (CHUNK / PAGE)


def _reads(scratch: Path) -> tuple[float, float]:
    """GB/s of large reads and seconds of a small one, both from the page cache."""
    with tempfile.NamedTemporaryFile(dir=scratch) as file:
        file.write(bytes(CHUNK))
        file.flush()
        buffer = bytearray(1 << 20)
        number = file.fileno()
        large = least(lambda: [os.preadv(number, [buffer], at) for at in range(0, CHUNK, 1 << 20)])
        small = memoryview(buffer)[:PAGE]
        count = 1000
        seconds = least(lambda: [os.preadv(number, [small], at * PAGE) for at in range(count)])
    return CHUNK / 1e9 / large, seconds / count


def _sync(scratch: Path) -> float:
    """Median seconds to write 1 MB to a new file, fsync it and its directory."""
    samples = []
    payload = os.urandom(1_000_000)
    with tempfile.TemporaryDirectory(dir=scratch) as directory:
        folder = os.open(directory, os.O_RDONLY)
        for number in range(SYNCS):
            started = time.perf_counter()
            file = os.open(f"{directory}/{number}", os.O_WRONLY | os.O_CREAT)
            os.write(file, payload)
            os.fsync(file)
            os.close(file)
            os.fsync(folder)
            samples.append(time.perf_counter() - started)
        os.close(folder)
    return statistics.median(samples)


def measure_kernels() -> Kernels:
    """Nanoseconds per row of one core, on rows of the workload sorted by id."""
    count = bench_block.ROWS
    random = np.random.default_rng(11)
    ids = np.sort(random.choice(10 * count, count, replace=False)).astype(np.int64)
    rows = random_rows(random, ids).combine_chunks()
    selection = np.arange(count, dtype=np.uint32)
    replaced = np.sort(random.choice(count, count // 3, replace=False))
    selection[replaced] = random.permutation(replaced)
    encode, decode, gather = {}, {}, {}
    for name, column in bench_block.COLUMNS.items():
        array = rows.column(name).chunk(0)
        encoded = bench_block.encode(array, column)
        column_values = vector.from_arrow(array, _column_type(array.type))
        decoder = bench_block.decoder(array, encoded)
        encode[name] = _nanos(lambda array=array, column=column: bench_block.encode(array, column), count)
        decode[name] = _nanos(decoder, count)
        gather[name] = _nanos(lambda values=column_values: values.take(selection), count)
    scattered = vector.from_arrow(pa.array(random.permutation(ids)), _column_type(pa.int64()))
    runs = bench_merge.runs_of("one large run, eight small")
    merged = keys.WordKeys(np.concatenate(runs), 8)
    run_end = np.cumsum([len(run) for run in runs]).astype(np.int64)
    hashes: npt.NDArray[np.uint64] = hashing.hash_words(np.arange(count, dtype=np.uint64), 8)

    def sort() -> None:
        encoded = keys.encode([scattered], count)
        encoded.sort(hashing.buckets(encoded.hashes(), 4), 4, None)

    return Kernels(
        encode=encode,
        decode=decode,
        gather=gather,
        sort=_nanos(sort, count),
        merge=_nanos(lambda: merged.merge(run_end, None), merged.length),
        bloom=_nanos(lambda: bloom.build(hashes, BITS_PER_KEY), count),
    )


def _column_type(kind: pa.DataType) -> ColumnType:
    return types.from_arrow(kind)


def _nanos(call: Callable[[], Any], rows: int) -> float:
    return least(call) * 1e9 / rows
