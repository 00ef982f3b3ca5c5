"""Both cores busy, results in order, and only a few of them in memory at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def workers() -> int:
    """Threads that kernels may use."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(available, 16))


def ordered_map(function: Callable[[T], R], items: Iterable[T], count: int | None = None) -> Iterator[R]:
    """Results of `function` over `items` in their order, computed up to `count` threads ahead."""
    threads = workers() if count is None else count
    iterator = iter(items)
    first = list(islice(iterator, 2))
    if len(first) < 2 or threads == 1:
        yield from (function(item) for item in first)
        yield from (function(item) for item in iterator)
        return
    pool = ThreadPoolExecutor(threads)
    try:
        pending: deque[Future[R]] = deque(pool.submit(function, item) for item in first)
        for item in islice(iterator, max(0, threads - 1)):
            pending.append(pool.submit(function, item))
        while pending:
            result = pending.popleft().result()
            for item in islice(iterator, 1):
                pending.append(pool.submit(function, item))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
